"""A user's own columns beside varscore's rows."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from varscore.errors import OptionError
from varscore.meaning.effects import Ranked

On = Literal["id", "key"]

_OWN = (
    "rank", "track", "description", "tissue", "score", "log2_ratio", "quantile", "corrected",
    "beyond", "expected", "others",
)  # fmt: skip


def join(ranked: Sequence[Ranked], table: str | Path, on: On = "id") -> list[Ranked]:
    """Carry a table's columns along with variants.

    Parameters
    ----------
    ranked : sequence of Ranked
    table : str or Path
        Text with a header and tabs or, if its header has none, commas between columns; it may
        be compressed with gzip.
    on : {"id", "key"}
        Column of the table, and of the result, by which rows belong together. Several rows of
        one variant are joined with semicolons, a value that they share written once; a variant
        without a row has empty values.

    Raises
    ------
    OptionError
        If the table cannot be read or lacks the column.
    """
    own = (*_OWN, *(ranked[0].row if ranked else ()))
    columns = joined_columns([str(one.row[on]) for one in ranked], table, on, own)
    return [
        replace(one, joined={name: texts[place] for name, texts in columns.items()})
        for place, one in enumerate(ranked)
    ]


def joined_columns(
    values: Sequence[str], table: str | Path, on: On, own: Sequence[str]
) -> dict[str, list[str]]:
    """Return a table's columns, a text for each of many rows.

    Parameters
    ----------
    values : sequence of str
        What each row has in the column by which they are found.
    table, on
        As of `join`.
    own : sequence of str
        Names that are taken; a column of such a name gets ``_joined`` behind its own.

    Raises
    ------
    OptionError
        As `join`.
    """
    columns, found = _read(Path(table), on, set(values))
    return {
        f"{name}_joined" if name in own else name: [
            ";".join(found.get(value, {}).get(name, ())) for value in values
        ]
        for name in columns
    }


def _read(
    path: Path, on: str, wanted: set[str]
) -> tuple[list[str], Mapping[str, Mapping[str, Sequence[str]]]]:
    """Return a table's other columns, and of each wanted variant their values."""
    found: dict[str, dict[str, list[str]]] = {}
    try:
        packed = path.read_bytes()[:2] == b"\x1f\x8b"
        opener = gzip.open if packed else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
            delimiter = "\t" if "\t" in header else ","
            names = next(csv.reader([header], delimiter=delimiter), [])
            if on not in names:
                raise OptionError(
                    f"join: {path} has no column {on!r}, but {', '.join(names) or 'no header'};"
                    " name the column of ids `id`, or that of keys `key` and give --on key"
                )
            for row in csv.DictReader(lines, names, delimiter=delimiter, restval=""):
                if row[on] in wanted:
                    values = found.setdefault(row[on], {})
                    for name in names:
                        if row[name] not in values.setdefault(name, []):
                            values[name].append(row[name])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"join: {path} cannot be read as a table: {error}") from error
    return [name for name in names if name != on], found
