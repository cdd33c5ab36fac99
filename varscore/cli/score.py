"""`varscore score` and `varscore check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from varscore.errors import OptionError

Vcf = Annotated[Path, typer.Argument(help="VCF, bgzipped VCF or BCF.", show_default=False)]
Genome = Annotated[
    Path,
    typer.Option(
        "--genome", "-g", help="Indexed FASTA of the VCF's build.", show_default=False
    ),
]
MaxAlleleLength = Annotated[
    int, typer.Option(help="Longest allele that is scored, in letters, after trimming.")
]
Region = Annotated[
    str | None, typer.Option(help="Only records whose POS lies here, such as chr1:1-1000000.")
]


def score(
    vcf: Vcf,
    genome: Genome,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Parquet file to write.", show_default=False)
    ],
    model: Annotated[
        str, typer.Option(help="Name of a model or path of its weights.")
    ] = "basenji2",
    params: Annotated[
        Path | None,
        typer.Option(help="Architecture of .h5 weights; default: params.json beside them."),
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="gelu_new or quick_gelu; default: what the weights say.")
    ] = None,
    track_table: Annotated[
        Path | None, typer.Option(help="Table that names the model's tracks.")
    ] = None,
    tracks: Annotated[
        str | None,
        typer.Option(help="Identifiers (comma-separated, or a file), or a regular expression."),
    ] = None,
    statistics: Annotated[
        str, typer.Option(help="Comma-separated, such as SAD,logSAD,D2; see the README.")
    ] = "SAD",
    windows: Annotated[str, typer.Option(help="centred or binned.")] = "centred",
    indels: Annotated[str, typer.Option(help="stitch or trim.")] = "stitch",
    reverse_complement: Annotated[
        bool, typer.Option("--reverse-complement", help="Average over both strands.")
    ] = False,
    shifts: Annotated[
        str, typer.Option(help="Average over windows moved left by these, such as 0,1,-1.")
    ] = "0",
    engine: Annotated[str, typer.Option(help="auto or two-pass.")] = "auto",
    region: Region = None,
    max_allele_length: MaxAlleleLength = 1000,
    allow_ref_mismatches: Annotated[
        bool,
        typer.Option(
            "--allow-ref-mismatches", help="Go on although many REFs differ from the genome."
        ),
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; default: all.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output.")] = False,
) -> None:
    """Score every allele of a VCF; one row each, in the VCF's order."""
    import torch

    from varscore.models.registry import load_model
    from varscore.score import ScoreOptions, score_vcf
    from varscore.table import ScoreWriter

    options = ScoreOptions(
        statistics=_split(statistics),
        tracks=tracks,
        windows=windows,  # type: ignore[arg-type]  # checked by ScoreOptions
        indels=indels,  # type: ignore[arg-type]
        reverse_complement=reverse_complement,
        shifts=_numbers("--shifts", shifts),
        engine=engine,  # type: ignore[arg-type]
        region=region,
        max_allele_length=max_allele_length,
        allow_ref_mismatches=allow_ref_mismatches,
    )
    if threads:
        torch.set_num_threads(threads)
    ScoreWriter.check_target(output, force=force)
    loaded = load_model(
        model, params=params, activation=activation, track_table=track_table, device=device
    )
    summary = score_vcf(vcf, genome, output, model=loaded, force=force, options=options)
    typer.echo(f"{output}: {summary}", err=True)


def check(
    vcf: Vcf,
    genome: Genome,
    region: Region = None,
    max_allele_length: MaxAlleleLength = 1000,
) -> None:
    """Show what `score` would do with a VCF: contigs, REF match rate, alleles per status."""
    from varscore.check import check_vcf

    report = check_vcf(vcf, genome, region=region, max_allele_length=max_allele_length)
    typer.echo(str(report))
    report.raise_if_unscorable()


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in _split(text))
    except ValueError:
        raise OptionError(
            f"{option}: {text!r} is not a comma-separated list of integers"
        ) from None
