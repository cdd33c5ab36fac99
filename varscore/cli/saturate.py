"""`varscore saturate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from varscore.cli import options as given
from varscore.cli.options import MODEL, RUN, SCORE, own_option
from varscore.cli.refusals import refuse_early
from varscore.options import ModelOptions, RunOptions, ScoreOptions

Format = Literal["png", "svg", "pdf"]


def saturate(
    context: typer.Context,
    region: Annotated[
        str,
        typer.Argument(
            help="Such as chr1:12000-12200 (1-based, both ends included).", show_default=False
        ),
    ],
    *,
    genome: given.Genome,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to make.", show_default=False)
    ],
    deletions: Annotated[
        bool, typer.Option("--deletions", help="Score the deletion of each base, too.")
    ] = False,
    panels: Annotated[
        int,
        own_option(
            "panels",
            int,
            "How many tracks, or groups of tracks, the figure shows: the strongest ones.",
            default=6,
            minimum=1,
            maximum=12,
        ),
    ] = 6,
    format: Annotated[
        Format, own_option("format", Format, "Form of the figure.", default="png")
    ] = "png",
    model: given.Model = MODEL.model,
    params: given.Params = None,
    activation: given.ActivationName = MODEL.activation,
    track_table: given.TrackTableFile = None,
    statistics: given.Statistics = given.DEFAULT_STATISTICS,
    tracks: given.Tracks = None,
    around: given.Around = given.DEFAULT_AROUND,
    groups: given.Groups = None,
    keep_tracks: given.KeepTracks = SCORE.keep_tracks,
    windows: given.Windows = SCORE.windows,
    indels: given.Indels = SCORE.indels,
    reverse_complement: given.ReverseComplement = SCORE.reverse_complement,
    shifts: given.Shifts = given.DEFAULT_SHIFTS,
    engine: given.Engine = SCORE.engine,
    precision: given.PrecisionName = SCORE.precision,
    device: given.DeviceName = RUN.device,
    threads: given.Threads = RUN.threads,
    memory: given.Memory = RUN.memory,
    force: given.Force = False,
) -> None:
    """Score every substitution of an interval; matrices of all tracks, a figure of some.

    The folder has the scores as any other command reads them, a matrix of positions and
    changes for each track, and a figure: mean effects as letters, and a heatmap.
    """
    options = replace(given.chosen(ScoreOptions, context), region=region)
    which = given.chosen(ModelOptions, context)
    run = given.chosen(RunOptions, context)
    from varscore.inputs.genome import ReferenceGenome
    from varscore.inputs.saturation import read_interval
    from varscore.results.folder import check_folder

    check_folder(output, force=force)
    refuse_early(genome, options, model=which)
    with ReferenceGenome(genome) as reference:
        read_interval(region, reference)
    from varscore.engines.gpu import use_free_gpu
    from varscore.engines.runtime import tune_process
    from varscore.models.registry import load_chosen
    from varscore.prediction.saturation import saturate as saturated

    tune_process(run.threads)
    if run.device != "cpu":
        use_free_gpu()
    found = saturated(
        region,
        genome,
        output,
        model=load_chosen(which, run.device),
        deletions=deletions,
        panels=panels,
        form=format,
        force=force,
        memory=run.memory_bytes,
        options=options,
    )
    for note in found.changed.notes:
        typer.echo(f"note: {note}", err=True)
    known = len(found.tracks[found.statistic])
    shown = f"{len(found.shown)} of {known:,} are drawn: {', '.join(found.shown)}"
    typer.echo(f"{output}: {found.summary}; {shown}", err=True)
