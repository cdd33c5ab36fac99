"""`varscore explain`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from varscore.cli import options as given
from varscore.cli.options import MODEL, RUN, SCORE, own_option
from varscore.cli.refusals import refuse_early
from varscore.options import ModelOptions, RunOptions, ScoreOptions
from varscore.pictures.pages.target import check_page_target

if TYPE_CHECKING:
    from rich.console import Console

    from varscore.meaning.effects import Effect
    from varscore.prediction.explanation import Explanation


def explain(
    context: typer.Context,
    variant: Annotated[
        str,
        typer.Argument(
            help="Such as chr1:12345:A:G; with --vcf, a record's ID.", show_default=False
        ),
    ],
    *,
    genome: given.Genome,
    vcf: Annotated[
        str | None, typer.Option(help="VCF with the ID.", show_default="none")
    ] = None,
    model: given.Model = MODEL.model,
    params: given.Params = None,
    activation: given.ActivationName = MODEL.activation,
    track_table: given.TrackTableFile = None,
    background: given.BackgroundFile = None,
    genes: given.GenesFile = None,
    tracks: given.Tracks = None,
    around: given.Around = given.DEFAULT_AROUND,
    windows: given.Windows = SCORE.windows,
    indels: given.Indels = SCORE.indels,
    reverse_complement: given.ReverseComplement = SCORE.reverse_complement,
    shifts: given.Shifts = given.DEFAULT_SHIFTS,
    max_allele_length: given.MaxAlleleLength = SCORE.max_allele_length,
    swapped: given.Swapped = SCORE.swapped,
    contigs: given.Contigs = None,
    shown: Annotated[
        int,
        own_option("shown", int, "How many tracks of each class.", default=5, minimum=1),
    ] = 5,
    device: given.DeviceName = RUN.device,
    threads: given.Threads = RUN.threads,
    memory: given.Memory = RUN.memory,
    as_json: given.AsJson = False,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write it as a page for a browser, with profiles; ends in .html.",
            show_default=False,
        ),
    ] = None,
    force: given.Force = False,
) -> None:
    """Say of one variant what it does: strongest tracks by class, tissues, genes near it."""
    if as_json and html is not None:
        context.fail("give one of --json and --html")
    if html is not None:
        check_page_target(html, force=force)
    options = given.chosen(ScoreOptions, context)
    which = given.chosen(ModelOptions, context)
    run = given.chosen(RunOptions, context)
    if vcf is None:
        from varscore.inputs.given import check_one

        check_one(variant)
    refuse_early(genome, options, vcf=None if vcf is None else [vcf], model=which)
    from varscore.engines.gpu import use_free_gpu
    from varscore.engines.runtime import tune_process
    from varscore.models.registry import load_chosen
    from varscore.prediction.explanation import explain as explained

    tune_process(run.threads)
    if run.device != "cpu":
        use_free_gpu()
    loaded = load_chosen(which, run.device)
    found = explained(
        variant,
        genome,
        vcf=vcf,
        model=loaded,
        shown=shown,
        memory=run.memory_bytes,
        options=options,
    )
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in found], indent=2, allow_nan=False))
        return
    if html is not None:
        from varscore.pictures.pages.render import write_page
        from varscore.reports.explained import explained_page

        page = explained_page(found, genome, loaded, options, run.memory_bytes)
        write_page(html, page)
        typer.echo(f"{html}: open it in a browser", err=True)
        return
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    for one in found:
        _print(console, one)


def _print(console: Console, one: Explanation) -> None:
    name = "" if one.id == "." else f"{one.id}, "
    console.print(f"{one.variant}  ({name}{one.kind})", style="bold")
    console.print(f"status: {one.status}" + (f" ({one.reason})" if one.reason else ""))
    if one.context:
        console.print(f"genome: {one.context}")
    for note in one.notes:
        console.print(f"note: {note}", style="bold")
    if one.ranked_by:
        console.print(f"ranked by {one.ranked_by}")
    for kind, effects in one.classes.items():
        _table(console, kind, [("", effect) for effect in effects])
    if one.tissues:
        rows = [(f"{t.name} ({t.tracks} tracks)", t.strongest) for t in one.tissues]
        _table(console, "tissues, each with its strongest track", rows)
    if one.genes:
        console.print("\ngenes with a start site in what is predicted", style="bold")
        for gene in one.genes:
            far = gene["gene_distance"]
            place = "strand not known" if far is None else f"{far:,} bases from its start"
            console.print(
                f"  {gene['gene_name'] or gene['gene_id']} ({gene['gene_strand']}): {place}"
            )
    if one.beyond is not None:
        console.print(
            f"\n{one.beyond} tracks beyond the background's 99.9th percentile, "
            f"{one.expected:.3g} expected"
            + (
                f"; as extreme on any track: {one.corrected:.3g} of the background's variants"
                if one.corrected is not None
                else ""
            )
            + ". Quantiles are of the background's variants; they are no p-values."
        )
    made = ", ".join(
        f"{name} {', '.join(value) if isinstance(value, list) else value}"
        for name, value in one.made.items()
        if value is not None
    )
    console.print(f"\nmade with {made}")
    console.print("cite: " + "; ".join(one.cite))
    console.print("For research use; predictions are no measurements.\n")


def _table(console: Console, title: str, rows: list[tuple[str, Effect]]) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print(f"\n{title}", style="bold")
    judged = rows[0][1].quantile is not None
    table = Table(box=None, pad_edge=False, header_style="dim")
    if rows[0][0]:
        table.add_column("tissue")
    for head in ("track", "description"):
        table.add_column(head, overflow="fold")
    for head in ("SAD", "REF", "ALT", "log2 ratio", *(["quantile"] if judged else [])):
        table.add_column(head, justify="right")
    for name, effect in rows:
        numbers = [effect.score, effect.ref, effect.alt, effect.log2_ratio]
        numbers += [effect.quantile] if judged else []
        cells = [*([name] if name else []), effect.identifier, effect.description]
        cells += ["" if value is None else f"{value:.4g}" for value in numbers]
        table.add_row(*map(Text, cells))
    console.print(table)
