"""The catalogue: what the tracks of the models known by name measure, without their weights.

``catalogue.tsv`` is the published model's, made by ``resources/catalogue``, and ``demo.tsv``
the demo's.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from varscore.models.cache import BASENJI2, DEMO, NAMES, TRACKS_FILE, find_named
from varscore.models.tracks import TrackTable

COLUMNS = ("assay", "class", "target", "biosample", "tissue", "life_stage")
"""What the catalogue says of a track, in its order; a cell is empty where it is not known."""

PROCESSING = ("clip", "scale", "sum_stat")
"""How the measurements were made numbers to learn from; results do not repeat it."""

_FILES = {BASENJI2: "catalogue.tsv", DEMO: "demo.tsv"}


@cache
def read_catalogue(name: str) -> TrackTable:
    """Return all tracks of a model known by name.

    Parameters
    ----------
    name : {"demo", "basenji2"}

    Returns
    -------
    TrackTable
        Its columns are `COLUMNS` and, of the published model, `PROCESSING`.
    """
    file = files("varscore.models").joinpath(_FILES[name])
    return TrackTable.parse(file.read_text(encoding="utf-8").splitlines(), _FILES[name])


def catalogued(tracks: TrackTable) -> TrackTable:
    """Return tracks with what the catalogue knows of those that it has, by identifier.

    Parameters
    ----------
    tracks : TrackTable
        What its own columns say counts; the catalogue fills in cells that are empty or absent.
    """
    columns = dict(tracks.columns)
    for name in NAMES:
        known = read_catalogue(name)
        places = {identifier: row for row, identifier in enumerate(known.identifiers)}
        rows = [places.get(identifier) for identifier in tracks.identifiers]
        if all(row is None for row in rows):
            continue
        own, columns = columns, {}
        for column, cells in known.columns.items():
            said = own.pop(column, ("",) * len(rows))
            columns[column] = tuple(
                cell or ("" if row is None else cells[row])
                for cell, row in zip(said, rows, strict=True)
            )
        columns |= own
    return TrackTable(tracks.indices, tracks.identifiers, tracks.descriptions, columns)


def find_tracks(name: str) -> TrackTable | None:
    """Return the tracks of a model known by name, without reading weights.

    Parameters
    ----------
    name : str
        "demo" or "basenji2"; of a fetched model the tracks are those of its own table.

    Returns
    -------
    TrackTable or None
        None if only the weights can tell.

    Raises
    ------
    OptionError
        If a fetched model's table cannot be read.
    """
    if name not in NAMES:
        return None
    folder = find_named(name) if name != DEMO else None
    if folder is None:
        return read_catalogue(name)
    table = folder / TRACKS_FILE
    return catalogued(TrackTable.read(table)) if table.is_file() else None
