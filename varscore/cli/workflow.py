"""`varscore plan` and `varscore merge`: the workflow's steps before and after scoring."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from varscore.cli import options as given
from varscore.cli.forecast import Loaded, OptionalModel, Wanted
from varscore.cli.options import MODEL, RUN, SCORE, own_option
from varscore.cli.refusals import refuse_early
from varscore.options import ModelOptions, RunOptions, ScoreOptions
from varscore.results.summary import check_summary
from varscore.results.target import check_result_target

# pyarrow and what stands on it are imported where they are used: `varscore --help` is quick.


Order = Literal["input", "genome"]


def plan(
    context: typer.Context,
    vcf: given.Vcf,
    genome: given.Genome,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the plan.", show_default=False)
    ],
    shards: Annotated[
        int | None,
        own_option(
            "shards",
            int | None,
            "How many.",
            unset="one for every 256 alleles, at most 1,000",
            minimum=1,
        ),
    ] = None,
    model: OptionalModel = None,
    params: given.Params = None,
    activation: given.ActivationName = MODEL.activation,
    track_table: given.TrackTableFile = None,
    statistics: given.Statistics = given.DEFAULT_STATISTICS,
    tracks: given.Tracks = None,
    around: given.Around = given.DEFAULT_AROUND,
    genes: given.GenesFile = None,
    gene_bins: given.GeneBinsName = SCORE.gene_bins,
    tss_width: given.TssWidth = SCORE.tss_width,
    groups: given.Groups = None,
    top_tracks: given.TopTracks = SCORE.top_tracks,
    keep_tracks: given.KeepTracks = SCORE.keep_tracks,
    background: given.BackgroundFile = None,
    windows: given.Windows = SCORE.windows,
    indels: given.Indels = SCORE.indels,
    reverse_complement: given.ReverseComplement = SCORE.reverse_complement,
    shifts: given.Shifts = given.DEFAULT_SHIFTS,
    engine: given.Engine = SCORE.engine,
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
    force: given.Force = False,
    forecast: Wanted = True,
) -> None:
    """Read a VCF once and cut it into shards, which `score --shard` scores one by one.

    With --model, what each shard would refuse later is refused now, and a forecast made; the
    options of what is scored and how are for that.
    """
    options = given.chosen(ScoreOptions, context)
    run = given.chosen(RunOptions, context)
    which = None if model is None else given.chosen(ModelOptions, context)
    refuse_early(genome, options, vcf=vcf, model=which)
    loaded = refuse = None
    if which is not None:
        loaded = Loaded.of(which, run)
        refuse = loaded.limits(genome, options, run)
    from varscore.shards.plan import plan_shards

    made = plan_shards(
        vcf, genome, output, shards=shards, force=force, options=options, refuse=refuse
    )
    typer.echo(f"{output}: {made}", err=True)
    if loaded and forecast:
        told = loaded.forecast(vcf, genome, options, run)
        typer.echo(str(told or "no forecast: a stream cannot be read again"), err=True)


def merge(
    plan: Annotated[Path, typer.Argument(help="Folder that `plan` wrote.", show_default=False)],
    scores: Annotated[
        Path,
        typer.Argument(
            help="Folder with the shards' scores, named as the shards are.", show_default=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Parquet file or folder.", show_default=False),
    ],
    order: Annotated[
        Order,
        own_option("order", Order, "Of the rows: the VCF's, or the genome's.", default="input"),
    ] = "input",
    dataset: Annotated[
        bool, typer.Option("--dataset", help="Write a folder of files, for large results.")
    ] = False,
    summaries: Annotated[
        Path | None,
        typer.Option(
            help="Folder with the summaries of the shards' scores.",
            show_default="beside the scores",
        ),
    ] = None,
    identity: Annotated[
        Path | None,
        typer.Option(
            help="Identity of the workflow, score-*.identity.json, by which the scores are to "
            "have been made.",
            show_default="not asked",
        ),
    ] = None,
    force: given.Force = False,
) -> None:
    """Join the scores of all of a plan's shards, and prove that nothing is missing."""
    check_result_target(output, force=force, folder=dataset)
    check_summary(output, force=force)
    from varscore.shards.merge import merge_shards

    summary = merge_shards(
        plan,
        scores,
        output,
        order=order,
        dataset=dataset,
        summaries=summaries,
        identity=identity,
        force=force,
    )
    summary.save(output, force=force)
    typer.echo(f"{output}: {summary}", err=True)
