"""`varscore check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from varscore.cli import options as given
from varscore.cli.forecast import Loaded, OptionalModel, Wanted
from varscore.cli.options import MODEL, RUN, SCORE
from varscore.cli.refusals import refuse_early
from varscore.options import ModelOptions, RunOptions, ScoreOptions
from varscore.version import __version__


def check(
    context: typer.Context,
    vcf: given.Vcf,
    *,
    genome: given.Genome,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where `score` is to write.", show_default=False),
    ] = None,
    summary: given.Summary = None,
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
    resume: given.Resume = False,
    force: given.Force = False,
    as_json: given.AsJson = False,
    forecast: Wanted = True,
) -> None:
    """Show what `score` would do with a VCF: contigs, REF match rate, alleles per status.

    It takes the options of `score`, and refuses what `score` would refuse: a model's limits
    only if --model is given, and whether there is a GPU is left to the machine that scores.
    With --model it says, too, what scoring would take on this machine.
    """
    options = given.chosen(ScoreOptions, context)
    run = given.chosen(RunOptions, context)
    which = None if model is None else given.chosen(ModelOptions, context)
    refuse_early(
        genome, options, vcf=vcf, output=output, summary=summary, force=force, model=which
    )
    from varscore.inputs.check import check_vcf

    loaded = refuse = None
    if which is not None:
        loaded = Loaded.of(which, run)
        from varscore.engines.auto import engine_limits

        refuse = engine_limits(options, loaded.model, run.memory_bytes)
    report = check_vcf(vcf, genome, options, refuse)
    facts, text = {"version": __version__, **report.to_dict()}, str(report)
    told = None
    if loaded and forecast and not report.problem:
        told = loaded.forecast(vcf, genome, options, run)
    if told:
        facts, text = {**facts, "forecast": told.to_dict()}, f"{text}\n{told}"
    typer.echo(json.dumps(facts, indent=2) if as_json else text)
    report.raise_if_unscorable()
