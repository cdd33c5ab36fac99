"""`varscore bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from varscore.atomic import write_json
from varscore.cli.score import numbers, split
from varscore.errors import OptionError

if TYPE_CHECKING:
    from varscore.bench import BenchReport


def bench(
    vcf: Annotated[
        Path | None, typer.Argument(help="VCF whose variants are scored; default: the demo's.")
    ] = None,
    genome: Annotated[
        Path | None, typer.Option("--genome", "-g", help="FASTA of the VCF's build.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Name of a model or path of its weights.")
    ] = "demo",
    params: Annotated[Path | None, typer.Option(help="Architecture of .h5 weights.")] = None,
    activation: Annotated[str | None, typer.Option(help="gelu_new or quick_gelu.")] = None,
    region: Annotated[
        str | None, typer.Option(help="Only records whose POS lies here.")
    ] = None,
    tracks: Annotated[str | None, typer.Option(help="Tracks, as for `score`.")] = None,
    statistics: Annotated[str, typer.Option(help="Statistics, as for `score`.")] = "SAD",
    windows: Annotated[str, typer.Option(help="centred or binned.")] = "centred",
    reverse_complement: Annotated[
        bool, typer.Option("--reverse-complement", help="Average over both strands.")
    ] = False,
    shifts: Annotated[str, typer.Option(help="Shifts to average over.")] = "0",
    precision: Annotated[str, typer.Option(help="float32 or mixed.")] = "float32",
    memory: Annotated[float, typer.Option(min=0.1, help="GB that tensors may take.")] = 2.0,
    two_pass_variants: Annotated[
        int, typer.Option(min=1, help="Variants on which two passes are timed.")
    ] = 12,
    exact_variants: Annotated[
        int, typer.Option(min=0, help="Variants that are scored in float64 too.")
    ] = 4,
    spacing: Annotated[
        int, typer.Option(min=0, help="Take only variants that lie so many bases apart.")
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file to write.")
    ] = None,
) -> None:
    """Measure both engines on this machine: speed, share of its best rate, agreement."""
    import torch

    from varscore.bench import bench as measure
    from varscore.inputs.htslib import silence
    from varscore.models.cache import demo_folder
    from varscore.models.registry import load_model
    from varscore.options import ScoreOptions

    if (vcf is None) != (genome is None):
        raise OptionError("bench: give a VCF and its --genome, or neither for the demo's")
    if vcf is None or genome is None:
        vcf, genome = demo_folder() / "demo.vcf", demo_folder() / "genome.fa.gz"
    silence()
    if threads:
        torch.set_num_threads(threads)
    loaded = load_model(model, params=params, activation=activation, device=device)
    if loaded.notice:
        typer.echo(loaded.notice, err=True)
    report = measure(
        vcf,
        genome,
        loaded,
        ScoreOptions(
            statistics=split(statistics),
            tracks=tracks,
            windows=windows,  # type: ignore[arg-type]  # checked by ScoreOptions
            reverse_complement=reverse_complement,
            shifts=numbers("--shifts", shifts),
            precision=precision,  # type: ignore[arg-type]
            region=region,
        ),
        two_pass_variants=two_pass_variants,
        exact_variants=exact_variants,
        spacing=spacing,
        memory=int(memory * 2**30),
    )
    _print(report)
    if output:
        write_json(output, report.to_dict())


def _print(report: BenchReport) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    machine = report.machine
    console.print(f"{machine['processor']}, {machine['device']}, {machine['threads']} threads")
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in report.product_gflops.items())
    console.print(f"matrix products, GFLOP/s: {rates}")
    speed = Table("engine", "variants", "s", "variants/s", "GFLOP/variant", "of best rate")
    for timing in report.timings:
        speed.add_row(
            timing.engine,
            f"{timing.variants:,}",
            f"{timing.seconds:.1f}",
            f"{timing.per_second:.3g}",
            f"{timing.gflop / timing.variants:.3g}",
            f"{report.rate_share(timing):.0%}",
        )
    console.print(speed)
    console.print(f"{report.speedup:.1f} times as fast as two passes")
    share = report.plain_seconds / report.timings[0].seconds
    console.print(f"two passes at {share:.0%} of the speed of plain calls of the network")
    console.print(f"peak memory: {report.peak_memory_gb:.2f} GB")
    if report.agreement:
        exact = Table("against float64", "variants", "median rel.", "worst rel.", "Pearson >=")
        for row in report.agreement:
            exact.add_row(
                row.engine,
                str(row.variants),
                f"{row.median:.1e}",
                f"{row.worst:.1e}",
                f"{row.least_pearson:.7f}",
            )
        console.print(exact)
