"""`varscore bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from varscore.cli import options as given
from varscore.cli.options import MODEL, RUN, SCORE, own_option
from varscore.cli.refusals import refuse_early
from varscore.files.atomic import check_target, write_json
from varscore.files.shipped import shipped_folder
from varscore.options import ModelOptions, RunOptions, ScoreOptions
from varscore.version import __version__

if TYPE_CHECKING:
    from varscore.support.bench_report import BenchReport


def bench(
    context: typer.Context,
    vcf: Annotated[
        list[str] | None,
        typer.Argument(help="Variants to score, as for `score`; default: the demo's."),
    ] = None,
    genome: Annotated[
        Path | None, typer.Option("--genome", "-g", help="FASTA of the VCF's build.")
    ] = None,
    model: given.Model = "demo",
    params: given.Params = None,
    activation: given.ActivationName = MODEL.activation,
    statistics: given.Statistics = given.DEFAULT_STATISTICS,
    tracks: given.Tracks = None,
    around: given.Around = given.DEFAULT_AROUND,
    windows: given.Windows = SCORE.windows,
    indels: given.Indels = SCORE.indels,
    reverse_complement: given.ReverseComplement = SCORE.reverse_complement,
    shifts: given.Shifts = given.DEFAULT_SHIFTS,
    precision: given.PrecisionName = SCORE.precision,
    region: given.Region = SCORE.region,
    regions: given.Regions = None,
    max_allele_length: given.MaxAlleleLength = SCORE.max_allele_length,
    allow_ref_mismatches: given.AllowRefMismatches = SCORE.allow_ref_mismatches,
    swapped: given.Swapped = SCORE.swapped,
    contigs: given.Contigs = None,
    strict: given.Strict = SCORE.strict,
    device: given.DeviceName = RUN.device,
    threads: given.Threads = RUN.threads,
    memory: given.Memory = RUN.memory,
    two_pass_variants: Annotated[
        int,
        own_option(
            "two_pass_variants", int, "Variants on which two passes are timed.", minimum=1
        ),
    ] = 12,
    exact_variants: Annotated[
        int,
        own_option(
            "exact_variants", int, "Variants that are scored in float64 too.", minimum=0
        ),
    ] = 4,
    spacing: Annotated[
        int,
        own_option("spacing", int, "Take only variants so many bases apart.", minimum=0),
    ] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file to write.")
    ] = None,
) -> None:
    """Measure both engines on this machine: speed, share of its best rate, agreement."""
    if (not vcf) != (genome is None):
        context.fail("give a VCF and its --genome, or neither for the demo's")
    if not vcf or genome is None:
        demo = shipped_folder("demo")
        vcf, genome = [str(demo / "demo.vcf")], demo / "genome.fa.gz"
    options = given.chosen(ScoreOptions, context)
    which = given.chosen(ModelOptions, context)
    run = given.chosen(RunOptions, context)
    if output is not None:
        check_target(output, force=True)
    refuse_early(genome, options, vcf=vcf, model=which)
    from varscore.engines.runtime import tune_process
    from varscore.models.registry import load_chosen
    from varscore.support.bench import bench as measure

    tune_process(run.threads)
    loaded = load_chosen(which, run.device)
    if loaded.notice:
        typer.echo(loaded.notice, err=True)
    report = measure(
        vcf,
        genome,
        loaded,
        options,
        two_pass_variants=two_pass_variants,
        exact_variants=exact_variants,
        spacing=spacing,
        memory=run.memory_bytes,
    )
    _print(report)
    if output:
        write_json(output, {"version": __version__, **report.to_dict()})


def _print(report: BenchReport) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    machine = report.machine
    console.print(f"{machine['processor']}, {machine['device']}, {machine['threads']} threads")
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in report.product_gflops.items())
    console.print(f"matrix products, GFLOP/s: {rates}")
    mixed = "bfloat16" if report.bfloat16_in_hardware else report.kernel
    console.print(f"scores take {report.kernel}; differences in mixed precision {mixed}")
    if report.faster_kernel:
        console.print(f"on this machine {report.faster_kernel} would be faster")
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
    console.print(f"peak memory: {report.peak_memory_gib:.2f} GiB")
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
