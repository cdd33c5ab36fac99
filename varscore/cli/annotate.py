"""`varscore annotate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from varscore.cli import options as given


def annotate(
    context: typer.Context,
    scores: Annotated[
        Path,
        typer.Argument(help="A result: a Parquet file or a folder.", show_default=False),
    ],
    vcf: Annotated[
        str | None,
        typer.Argument(help="The VCF or BCF that was scored, - for standard input."),
    ] = None,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File to write; .vcf, .vcf.gz and .bcf say which form.",
            show_default=False,
        ),
    ],
    statistic: Annotated[
        str | None,
        typer.Option(help="Of the result's statistics.", show_default="its first"),
    ] = None,
    tracks: Annotated[
        str | None,
        typer.Option(
            help="Tracks to write the scores of: identifiers between commas, a selection such "
            "as 'tissue=liver & assay=DNASE', or a regular expression.",
            show_default="none but the strongest",
        ),
    ] = None,
    tsv: Annotated[
        bool, typer.Option("--tsv", help="Write a table for spreadsheets; it needs no VCF.")
    ] = False,
    force: given.Force = False,
) -> None:
    """Write scores into INFO of the VCF that was scored, or as a table of text.

    Every field has a value an ALT: status, reason, the strongest track and its score, and the
    scores of the tracks chosen.
    """
    if tsv == (vcf is not None):
        context.fail("give either the VCF that was scored or --tsv")
    from varscore.inputs.htslib import silence
    from varscore.results.annotate import annotate_vcf, write_table

    silence()
    if vcf is None:
        write_table(scores, output, statistic=statistic, tracks=tracks, force=force)
        typer.echo(f"{output}: written", err=True)
        return
    index = annotate_vcf(scores, vcf, output, statistic=statistic, tracks=tracks, force=force)
    text = f", index {index.name}" if index else ""
    typer.echo(f"{output}: written{text}", err=True)
