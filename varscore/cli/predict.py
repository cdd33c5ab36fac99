"""`varscore predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from varscore.cli import options as given
from varscore.cli.options import MODEL, RUN, SCORE
from varscore.cli.refusals import refuse_early
from varscore.options import ModelOptions, RunOptions, ScoreOptions


def predict(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            help="A region such as chr1:1-300000 (1-based, both ends included), or a BED file; "
            "without --genome, a FASTA file of sequences.",
            show_default=False,
        ),
    ],
    *,
    genome: Annotated[
        Path | None,
        typer.Option("--genome", "-g", help="Indexed FASTA.", show_default="the sequences"),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write.", show_default=False)
    ],
    model: given.Model = MODEL.model,
    params: given.Params = None,
    activation: given.ActivationName = MODEL.activation,
    track_table: given.TrackTableFile = None,
    tracks: given.Tracks = None,
    reverse_complement: given.ReverseComplement = SCORE.reverse_complement,
    device: given.DeviceName = RUN.device,
    threads: given.Threads = RUN.threads,
    memory: given.Memory = RUN.memory,
    force: given.Force = False,
) -> None:
    """Predict the coverage of regions of a genome, or of sequences.

    A Parquet table with a row a bin, and a bigWig file a track. Each bin comes from the middle
    of a window, so that there are no seams.
    """
    options = given.chosen(ScoreOptions, context)
    which = given.chosen(ModelOptions, context)
    run = given.chosen(RunOptions, context)
    from varscore.inputs.regions import target_fasta
    from varscore.results.folder import check_folder

    check_folder(output, force=force)
    refuse_early(target_fasta(target, genome), options, model=which)
    from varscore.engines.gpu import use_free_gpu
    from varscore.engines.runtime import tune_process
    from varscore.models.registry import load_chosen
    from varscore.prediction.region_files import write_coverage

    tune_process(run.threads)
    if run.device != "cpu":
        use_free_gpu()
    written = write_coverage(
        target,
        genome,
        output,
        model=load_chosen(which, run.device),
        tracks=options.tracks,
        reverse_complement=options.reverse_complement,
        force=force,
        memory=run.memory_bytes,
    )
    typer.echo(f"{output}: {written}", err=True)
