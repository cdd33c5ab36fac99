"""`varscore verify`."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import typer

from varscore.cli import options as given
from varscore.cli.options import MODEL, RUN, SCORE, own_option
from varscore.cli.refusals import refuse_early
from varscore.errors import OptionError
from varscore.models.cache import NAMES
from varscore.options import ModelOptions, RunOptions, ScoreOptions


def verify(
    context: typer.Context,
    scores: Annotated[
        Path,
        typer.Argument(help="A result: a Parquet file or a folder.", show_default=False),
    ],
    *,
    genome: given.Genome,
    vcf: Annotated[
        list[str] | None,
        typer.Option(help="What was scored; several times, if several.", show_default="none"),
    ] = None,
    rows: Annotated[
        int,
        own_option("rows", int, "How many rows to compute again.", default=20, minimum=0),
    ] = 20,
    seed: Annotated[
        int, own_option("seed", int, "Which rows these are.", default=0, minimum=0)
    ] = 0,
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
) -> None:
    """Hold a result against its digests, genome, model and VCF, and compute rows again.

    Says each difference in a line, and ends with exit code 1 if there is one. Options of
    `score` that are given are held against those that the result was made with; files among
    them are read where they are now. A model that is known by name need not be given.
    """
    asked = {name: context.params[name] for name in _given(context, ScoreOptions)}
    options = ScoreOptions(**asked)
    which = given.chosen(ModelOptions, context)
    if "model" not in _given(context, ModelOptions):
        which = replace(which, model=_known_model(scores))
    run = given.chosen(RunOptions, context)
    refuse_early(genome, options, vcf=vcf, model=which)
    from varscore.engines.runtime import tune_process
    from varscore.models.registry import load_chosen
    from varscore.support.verify import verify as verified

    tune_process(run.threads)
    verdict = verified(
        scores,
        genome,
        load_chosen(which, run.device),
        vcf=vcf,
        rows=rows,
        seed=seed,
        memory=run.memory_bytes,
        options={name: getattr(options, name) for name in asked},
    )
    for held in verdict.held:
        typer.echo(f"as it should be: {held}")
    for difference in verdict.differences:
        typer.echo(f"differs: {difference}")
    if verdict.differences:
        raise typer.Exit(1)


def _known_model(scores: Path) -> str:
    """Return the name of the model that made a result, where one name says where it is."""
    from varscore.results.provenance import no_scores
    from varscore.results.reading import read_provenance

    model = read_provenance(scores).model
    if model is None:
        raise no_scores(scores)
    if model["name"] not in NAMES:
        raise OptionError(
            f"{scores}: its model is {model['name']}, of a file or folder (SHA-256 "
            f"{model['sha256'][:12]}...); say with --model where that is"
        )
    return str(model["name"])


def _given(context: typer.Context, kind: type[ScoreOptions] | type[ModelOptions]) -> list[str]:
    """Return the names of options of a kind that stand on the command line."""
    return [
        field.name
        for field in fields(kind)
        if (source := context.get_parameter_source(field.name)) and source.name == "COMMANDLINE"
    ]
