"""`varscore profile`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from varscore.cli import options as given
from varscore.cli.options import MODEL, RUN, SCORE, own_option
from varscore.cli.refusals import refuse_early
from varscore.options import ModelOptions, RunOptions, ScoreOptions

Format = Literal["png", "svg", "pdf", "none"]


def profile(
    context: typer.Context,
    vcf: given.Vcf,
    *,
    genome: given.Genome,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write.", show_default=False)
    ],
    model: given.Model = MODEL.model,
    params: given.Params = None,
    activation: given.ActivationName = MODEL.activation,
    track_table: given.TrackTableFile = None,
    tracks: given.Tracks = None,
    zoom: Annotated[
        int | None,
        own_option(
            "zoom",
            int | None,
            "Bases to either side of REF that are drawn.",
            unset="all that is predicted",
            minimum=0,
        ),
    ] = None,
    format: Annotated[
        Format, own_option("format", Format, "Form of figures.", default="png")
    ] = "png",
    genes: given.GenesFile = None,
    windows: given.Windows = SCORE.windows,
    indels: given.Indels = SCORE.indels,
    reverse_complement: given.ReverseComplement = SCORE.reverse_complement,
    shifts: given.Shifts = given.DEFAULT_SHIFTS,
    region: given.Region = SCORE.region,
    regions: given.Regions = None,
    max_allele_length: given.MaxAlleleLength = SCORE.max_allele_length,
    allow_ref_mismatches: given.AllowRefMismatches = SCORE.allow_ref_mismatches,
    swapped: given.Swapped = SCORE.swapped,
    contigs: given.Contigs = None,
    device: given.DeviceName = RUN.device,
    threads: given.Threads = RUN.threads,
    memory: given.Memory = RUN.memory,
    force: given.Force = False,
) -> None:
    """Draw what is predicted along a variant's window, with either allele.

    Of each variant a folder with a figure, a Parquet table and bigWig files for genome
    browsers. The sum of a track's difference over the bins is its SAD.
    """
    options = given.chosen(ScoreOptions, context)
    which = given.chosen(ModelOptions, context)
    run = given.chosen(RunOptions, context)
    from varscore.results.folder import check_folder

    check_folder(output, force=force)
    refuse_early(genome, options, vcf=vcf, model=which)
    from varscore.engines.gpu import use_free_gpu
    from varscore.engines.runtime import tune_process
    from varscore.models.registry import load_chosen
    from varscore.prediction.profile_files import write_profiles

    tune_process(run.threads)
    if run.device != "cpu":
        use_free_gpu()
    written = write_profiles(
        vcf,
        genome,
        output,
        model=load_chosen(which, run.device),
        zoom=zoom,
        form=format,
        force=force,
        memory=run.memory_bytes,
        options=options,
    )
    typer.echo(f"{output}: {written}", err=True)
