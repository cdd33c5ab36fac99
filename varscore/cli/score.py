"""`varscore score`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from varscore.cli import options as given
from varscore.cli.options import MODEL, RUN, SCORE
from varscore.cli.refusals import refuse_early
from varscore.options import ModelOptions, RunOptions, ScoreOptions, names

if TYPE_CHECKING:
    from varscore.results.summary import ScoreSummary


def score(
    context: typer.Context,
    vcf: given.OptionalVcf = None,
    *,
    shard: Annotated[
        Path | None,
        typer.Option(help="In place of a VCF: a table that `varscore plan` wrote."),
    ] = None,
    genome: given.Genome,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Parquet file to write.", show_default=False)
    ],
    summary: given.Summary = None,
    model: given.Model = MODEL.model,
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
    resume: given.Resume = False,
    force: given.Force = False,
) -> None:
    """Score every allele of a VCF; one row each, in the VCF's order.

    A few lines of summary appear beside the output, as JSON.
    """
    _check_use(context, vcf, shard)
    options = given.chosen(ScoreOptions, context)
    which = given.chosen(ModelOptions, context)
    run = given.chosen(RunOptions, context)
    refuse_early(
        genome, options, vcf=vcf, shard=shard, output=output, summary=summary, force=force,
        model=which,
    )  # fmt: skip
    from varscore.engines.gpu import use_free_gpu
    from varscore.engines.runtime import tune_process
    from varscore.models.registry import load_chosen
    from varscore.scoring import score_vcf
    from varscore.shards.resume import score_resumably, score_shard_resumably
    from varscore.shards.score import score_shard

    tune_process(run.threads)
    if run.device != "cpu":
        use_free_gpu()
    loaded = load_chosen(which, run.device)
    job: Callable[..., ScoreSummary] = score_resumably if resume else score_vcf
    if shard is not None:
        job = score_shard_resumably if resume else score_shard
    made = job(
        shard or vcf,
        genome,
        output,
        model=loaded,
        force=force,
        memory=run.memory_bytes,
        options=options,
    )
    made.save(output, path=summary, force=force)
    typer.echo(f"{output}: {made}", err=True)


def _check_use(context: typer.Context, vcf: list[str] | None, shard: Path | None) -> None:
    """Refuse what contradicts itself, as wrong usage."""
    if (not vcf) == (shard is None):
        context.fail("give either a VCF or --shard")
    if shard is not None:
        for name in names("planned"):
            source = context.get_parameter_source(name)
            if source is not None and source.name == "COMMANDLINE":
                context.fail(f"--{name.replace('_', '-')} was settled by `varscore plan`")
