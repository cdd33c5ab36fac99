"""`varscore background`: how large is large."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from varscore.cli import options as given
from varscore.cli.options import own_option

app = typer.Typer(
    no_args_is_help=True,
    help="How scores are distributed over a set of variants, and where others lie in that.",
)

_Scores = typer.Argument(help="A result: a Parquet file or a folder.", show_default=False)
_Output = Annotated[
    Path, typer.Option("--output", "-o", help="Parquet file to write.", show_default=False)
]


@app.command()
def build(
    scores: Annotated[
        list[Path],
        typer.Argument(help="Results: Parquet files or folders.", show_default=False),
    ],
    output: _Output,
    force: given.Force = False,
) -> None:
    """Make a background of the scores of a set of variants.

    Every score column's quantiles, exact and dense in the tails.
    """
    from varscore.meaning.build import build_background

    made = build_background(scores, output, force=force)
    typer.echo(
        f"{output}: {len(made.columns):,} columns, {made.record.rows:,} scored rows", err=True
    )


@app.command()
def apply(
    scores: Annotated[Path, _Scores],
    background: Annotated[
        Path,
        typer.Option(
            "--background", "-B", help="What `background build` wrote.", show_default=False
        ),
    ],
    output: _Output,
    only_extremes: Annotated[
        bool,
        typer.Option("--only-extremes", help="Add each row's most extreme quantile alone."),
    ] = False,
    force: given.Force = False,
) -> None:
    """Write a result again, with the quantiles of its scores in a background.

    Quantiles are of the background's variants: they are no p-values.
    """
    from varscore.meaning.apply import apply_background

    made = apply_background(
        scores, background, output, only_extremes=only_extremes, force=force
    )
    typer.echo(
        f"{output}: {made.rows:,} rows, {made.statuses.get('scored', 0):,} with quantiles of "
        f"{background}, which are no p-values",
        err=True,
    )


@app.command()
def sample(
    vcf: Annotated[
        str,
        typer.Argument(
            help="VCF or BCF to draw from, - for standard input.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File to write; .vcf, .vcf.gz and .bcf say which form.",
            show_default=False,
        ),
    ],
    number: Annotated[
        int,
        own_option("number", int, "How many to draw.", default=20_000, minimum=1, short="-n"),
    ] = 20_000,
    seed: Annotated[
        int, own_option("seed", int, "Which lots are drawn.", default=1, minimum=0)
    ] = 1,
    genome: Annotated[
        Path | None,
        typer.Option("--genome", "-g", help="FASTA: only records whose REF it has."),
    ] = None,
    force: given.Force = False,
) -> None:
    """Draw SNVs from a VCF to make a background of.

    Substitutions with one ALT that passed, one at a position, from all contigs; where INFO has
    AF, as many rare (below 0.01), low-frequency and common (0.05 and more) ones.
    """
    from varscore.inputs.htslib import silence
    from varscore.meaning.sample import sample_vcf

    silence()
    drawn = sample_vcf(vcf, output, number, seed=seed, genome=genome, force=force)
    typer.echo(f"{output}: {drawn}", err=True)
