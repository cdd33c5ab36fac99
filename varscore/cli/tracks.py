"""``varscore tracks``: what a model predicts or a result has scores of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from varscore.cli import options as given
from varscore.cli.options import MODEL

if TYPE_CHECKING:
    from varscore.models.tracks import TrackTable

# The tracks of the models known by name are told without torch, numpy and pandas.

_COUNTED = ("assay", "class", "tissue")


def _column(what: str, example: str) -> Any:
    return typer.Option(
        help=f"{what}, such as {example}; several between |.", show_default=False
    )


def tracks(
    context: typer.Context,
    model: given.Model = MODEL.model,
    chosen: Annotated[
        str | None,
        typer.Option(
            "--tracks",
            help="As `score --tracks`: identifiers between commas, a file of them, a selection "
            "such as 'tissue=liver & assay=DNASE', or a regular expression.",
            show_default="all",
        ),
    ] = None,
    match: Annotated[
        str | None, typer.Option(help="Regular expression on descriptions and identifiers.")
    ] = None,
    assay: Annotated[str | None, _column("DNASE, ATAC, CHIP or CAGE", "'DNASE|ATAC'")] = None,
    target: Annotated[str | None, _column("What ChIP was for", "CTCF or H3K27ac")] = None,
    tissue: Annotated[
        str | None, _column("Organ or tissue", "liver, blood or blood/lymphoid")
    ] = None,
    biosample: Annotated[str | None, _column("Tissue or cell measured", "HepG2")] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Count the tracks by assay, class and tissue.")
    ] = False,
    as_json: given.AsJson = False,
    scores: Annotated[
        Path | None,
        typer.Option(help="A result, whose tracks are listed in place of a model's."),
    ] = None,
    params: given.Params = None,
    track_table: given.TrackTableFile = None,
    head: given.Head = None,
) -> None:
    """List a model's tracks, and what is known of each, as a table with tabs.

    Every option leaves only the tracks that fit it. What is printed can be given as
    --track-table, if it is all of a model's tracks, and as --tracks.
    """
    from varscore.models.selection import check_wanted, compile_pattern

    if match is not None:
        compile_pattern(match)
    if chosen is not None:
        check_wanted(chosen)
    if scores is not None:
        if params or track_table or head or model != MODEL.model:
            context.fail("give either a model or --scores")
        from varscore.results.reading import read_tracks

        table = read_tracks(scores)
    else:
        table = _tracks_of_model(model, params, track_table, head)
    columns = {"assay": assay, "target": target, "tissue": tissue, "biosample": biosample}
    terms = [(name, value) for name, value in columns.items() if value is not None]
    table = table.select(chosen)
    table = table.fit(terms) if terms else table
    table = table if match is None else table.match(match)
    if summary:
        _print_counts(table, as_json=as_json)
    elif as_json:
        header = ("index", "identifier", "description", *table.columns)
        rows = [dict(zip(header, row, strict=True)) for row in table.rows()]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        typer.echo(table.to_tsv(), nl=False)


def _tracks_of_model(
    model: str, params: Path | None, track_table: Path | None, head: str | None
) -> TrackTable:
    """Return all of a model's tracks, if it can be told without reading its weights."""
    from varscore.models.catalogue import catalogued, find_tracks
    from varscore.models.tracks import TrackTable

    known = None if params or head else find_tracks(model)
    if known is not None:
        if track_table is None:
            return known
        return catalogued(TrackTable.read_for(track_table, model, len(known)))
    from varscore.cli.model import read_weights

    checkpoint = read_weights(model, params, None, track_table, head)
    return catalogued(checkpoint.tracks or TrackTable.unnamed(checkpoint.config.n_tracks))


def _print_counts(table: TrackTable, *, as_json: bool) -> None:
    """Print how many tracks there are, and of each assay, class and tissue, most first."""
    counts = {
        name: dict(sorted(Counter(table.columns[name]).items(), key=lambda x: (-x[1], x[0])))
        for name in _COUNTED
        if name in table.columns
    }
    if as_json:
        typer.echo(json.dumps({"tracks": len(table), **counts}, indent=2, ensure_ascii=False))
        return
    typer.echo("\n".join(_count_lines(len(table), counts)))


def _count_lines(total: int, counts: dict[str, dict[str, int]]) -> Iterator[str]:
    yield "column\tvalue\ttracks"
    yield f"\t\t{total}"
    for name, values in counts.items():
        for value, number in values.items():
            yield f"{name}\t{value}\t{number}"
