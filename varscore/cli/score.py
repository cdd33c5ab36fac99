"""`varscore score` and `varscore check`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from varscore.errors import OptionError

if TYPE_CHECKING:
    from varscore.results.summary import ScoreSummary

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
AllowRefMismatches = Annotated[
    bool,
    typer.Option(
        "--allow-ref-mismatches", help="Go on although many REFs differ from the genome."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output.")]

PLANNED = ("region", "max_allele_length", "allow_ref_mismatches")
"""Options that decide which rows there are, not how they are scored."""


def score(
    context: typer.Context,
    vcf: Annotated[
        Path | None, typer.Argument(help="VCF, bgzipped VCF or BCF.", show_default=False)
    ] = None,
    *,
    shard: Annotated[
        Path | None,
        typer.Option(help="In place of a VCF: a table that `varscore plan` wrote."),
    ] = None,
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
    engine: Annotated[str, typer.Option(help="auto, incremental or two-pass.")] = "auto",
    precision: Annotated[str, typer.Option(help="float32 or mixed.")] = "float32",
    region: Region = None,
    max_allele_length: MaxAlleleLength = 1000,
    allow_ref_mismatches: AllowRefMismatches = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; default: all.", show_default=False)
    ] = None,
    memory: Annotated[
        float, typer.Option(min=0.25, help="GB that the engine's tensors may take.")
    ] = 2.0,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Work in parts beside the output, and go on from those there."
        ),
    ] = False,
    force: Force = False,
) -> None:
    """Score every allele of a VCF; one row each, in the VCF's order.

    A few lines of summary appear beside the output, as JSON.
    """
    _check_use(context, vcf, shard, resume)
    import torch

    from varscore.atomic import check_target
    from varscore.gpu import use_free_gpu
    from varscore.inputs.htslib import silence
    from varscore.models.registry import load_model
    from varscore.options import ScoreOptions
    from varscore.score import score_vcf
    from varscore.shards.resume import score_resumably
    from varscore.shards.score import score_shard

    options = ScoreOptions(
        statistics=split(statistics),
        tracks=tracks,
        windows=windows,  # type: ignore[arg-type]  # checked by ScoreOptions
        indels=indels,  # type: ignore[arg-type]
        reverse_complement=reverse_complement,
        shifts=numbers("--shifts", shifts),
        engine=engine,  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
        region=region,
        max_allele_length=max_allele_length,
        allow_ref_mismatches=allow_ref_mismatches,
    )
    if threads:
        torch.set_num_threads(threads)
    check_target(output, force=force)
    silence()
    if device != "cpu":
        use_free_gpu()
    loaded = load_model(
        model, params=params, activation=activation, track_table=track_table, device=device
    )
    run: Callable[..., ScoreSummary] = score_resumably if resume else score_vcf
    if shard is not None:
        run = score_shard
    summary = run(
        shard or vcf,
        genome,
        output,
        model=loaded,
        force=force,
        memory=int(memory * 2**30),
        options=options,
    )
    summary.save(output)
    typer.echo(f"{output}: {summary}", err=True)


def check(
    vcf: Vcf,
    genome: Genome,
    region: Region = None,
    max_allele_length: MaxAlleleLength = 1000,
) -> None:
    """Show what `score` would do with a VCF: contigs, REF match rate, alleles per status."""
    from varscore.check import check_vcf
    from varscore.inputs.htslib import silence
    from varscore.options import ScoreOptions

    silence()
    options = ScoreOptions(region=region, max_allele_length=max_allele_length)
    report = check_vcf(vcf, genome, options)
    typer.echo(str(report))
    report.raise_if_unscorable()


def _check_use(
    context: typer.Context, vcf: Path | None, shard: Path | None, resume: bool
) -> None:
    """Refuse what contradicts itself, as wrong usage."""
    if (vcf is None) == (shard is None):
        raise typer.BadParameter("give either a VCF or --shard")
    if shard is not None:
        if resume:
            raise typer.BadParameter("--resume is for a VCF; a shard is scored as a whole")
        for name in PLANNED:
            source = context.get_parameter_source(name)
            if source is not None and source.name == "COMMANDLINE":
                option = name.replace("_", "-")
                raise typer.BadParameter(f"--{option} was settled by `varscore plan`")


def split(text: str) -> tuple[str, ...]:
    """Cut a comma-separated list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def numbers(option: str, text: str) -> tuple[int, ...]:
    """Read a comma-separated list of integers; `option` is named where it is none."""
    try:
        return tuple(int(part) for part in split(text))
    except ValueError:
        raise OptionError(
            f"{option}: {text!r} is not a comma-separated list of integers"
        ) from None
