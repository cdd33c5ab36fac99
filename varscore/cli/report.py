"""`varscore report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from varscore.cli import options as given
from varscore.cli.options import MODEL, RUN, own_option
from varscore.cli.refusals import check_background, refuse_early
from varscore.cli.top import By, On
from varscore.options import ModelOptions, RunOptions, ScoreOptions
from varscore.pictures.pages.target import check_page_target


def report(
    context: typer.Context,
    scores: Annotated[
        Path,
        typer.Argument(help="A result: a Parquet file or a folder.", show_default=False),
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write: .html.", show_default=False)
    ],
    genome: Annotated[
        Path | None,
        typer.Option(
            "--genome", "-g", help="FASTA of the scores.", show_default="no profiles, no genes"
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The scores' model, for profiles.", show_default="no profiles"),
    ] = None,
    params: given.Params = None,
    activation: given.ActivationName = MODEL.activation,
    background: given.BackgroundFile = None,
    genes: Annotated[
        Path | None,
        typer.Option(help="GTF file: genes near the strongest variants.", show_default="none"),
    ] = None,
    join: Annotated[
        Path | None,
        typer.Option(
            help="Table of your own, whose columns are carried along.", show_default="none"
        ),
    ] = None,
    on: Annotated[
        On, own_option("on", On, "Column by which its rows are found.", default="id")
    ] = "id",
    statistic: Annotated[
        str | None,
        typer.Option(help="Of the result's statistics.", show_default="its first"),
    ] = None,
    by: Annotated[
        By | None,
        own_option(
            "by",
            By | None,
            "What makes a variant strong: its largest score, or how unusual it is.",
            unset="quantile if there is a background",
        ),
    ] = None,
    tracks: given.Tracks = None,
    rows: Annotated[
        int,
        own_option(
            "rows", int, "How many of the strongest rows it lists.", default=100_000, minimum=1
        ),
    ] = 100_000,
    device: given.DeviceName = RUN.device,
    threads: given.Threads = RUN.threads,
    memory: given.Memory = RUN.memory,
    force: given.Force = False,
) -> None:
    """Write a result as one page for a browser: to read, to mail, to print.

    The page holds all it needs and asks for nothing from anywhere.
    """
    if genome is None and (model is not None or genes is not None):
        context.fail("--model and --genes need --genome, the FASTA that was scored")
    check_page_target(output, force=force)
    if background is not None:
        check_background(background)
    from varscore.results.reading import read_provenance

    read_provenance(scores)  # which refuses what is no result, before torch is imported
    run, loaded = given.chosen(RunOptions, context), None
    if genome is not None:
        options = ScoreOptions() if genes is None else ScoreOptions(genes=str(genes))
        which = None if model is None else given.chosen(ModelOptions, context)
        refuse_early(genome, options, model=which)
    if model is not None:
        from varscore.engines.gpu import use_free_gpu
        from varscore.engines.runtime import tune_process
        from varscore.models.registry import load_chosen

        tune_process(run.threads)
        if run.device != "cpu":
            use_free_gpu()
        loaded = load_chosen(given.chosen(ModelOptions, context), run.device)
    from varscore.pictures.pages.render import write_page
    from varscore.reports.page import report_page

    page = report_page(
        scores,
        statistic=statistic,
        tracks=tracks,
        by=by,
        background=background,
        number=rows,
        join=join,
        on=on,
        genome=genome,
        model=loaded,
        genes=genes,
        memory=run.memory_bytes,
    )
    write_page(output, page)
    typer.echo(
        f"{output}: {output.stat().st_size / 1e6:.1f} MB; open it in a browser", err=True
    )
    for warning in page.warnings:
        typer.echo(f"mind: {warning}", err=True)
