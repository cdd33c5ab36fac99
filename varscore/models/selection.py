"""The language that chooses tracks by their columns: ``tissue=liver & assay=DNASE|ATAC``.

A selection is terms ``column=value`` joined by ``&``; a track has to fit all of them. A value
may be several alternatives between ``|``. It fits a cell that it equals, in upper or lower
case, and one that it equals up to a ``/``: ``blood`` fits ``blood/lymphoid`` and not ``blood
vessel``. The term ``match=...`` has a regular expression.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from varscore.errors import OptionError

MATCH = "match"
"""In place of a column's name: the value is a regular expression on what a track is called."""

# An `&` that belongs to a value or an expression has no name and `=` behind it.
_AND = re.compile(r"\s*&\s*(?=[^&=|]+=)")
_PLAIN = re.compile(r"[\w -]+")


class Term(NamedTuple):
    """A condition: the name of a column, or ``match``, and the value that it asks for."""

    column: str
    value: str


def parse_terms(text: str) -> list[Term]:
    """Return the terms of a selection; none if the text does not begin with ``name=``.

    Parameters
    ----------
    text : str
        Whether its first name is a column, and the text a selection at all, is for the table
        to say.
    """
    parts = [part.partition("=") for part in _AND.split(text)]
    terms = [Term(name.strip(), value.strip()) for name, _, value in parts]
    return terms if parts[0][1] and terms[0].column else []


def is_plain(name: str) -> bool:
    """Whether a name is of letters, digits, blanks and hyphens, as those of columns are."""
    return _PLAIN.fullmatch(name) is not None


def find_column(name: str, known: Iterable[str]) -> str | None:
    """Return the column of this name, in other case if need be; None if there is none."""
    columns = list(known)
    if name in columns:
        return name
    return next((column for column in columns if column.casefold() == name.casefold()), None)


def fitting_rows(column: str, value: str, cells: Sequence[str]) -> list[int]:
    """Return the numbers of the cells that a value fits.

    Parameters
    ----------
    column : str
        For messages.
    value : str
        One or, between ``|``, several.
    cells : sequence of str
        The column.

    Raises
    ------
    OptionError
        If one of the values fits no cell; the message names the nearest that are there.
    """
    folded = [cell.strip().casefold() for cell in cells]
    rows: set[int] = set()
    for one in map(str.strip, value.split("|")):
        wanted = one.casefold()
        found = [
            row
            for row, cell in enumerate(folded)
            if cell == wanted or cell.startswith(f"{wanted}/")
        ]
        if not wanted or not found:
            raise OptionError(
                f"tracks: no track has {column}={one!r}; {nearest(one, _values(cells))}; "
                "`varscore tracks` lists them"
            )
        rows.update(found)
    return sorted(rows)


def unknown_column(name: str, known: Iterable[str]) -> OptionError:
    """Return the error that a table has no column of this name."""
    return OptionError(
        f"tracks: {name!r} is no column of the track table; {nearest(name, [*known, MATCH])}; "
        "`varscore tracks` lists them"
    )


def nearest(wanted: str, known: Iterable[str]) -> str:
    """Return, for a message, the nearest of what is known: ``nearest are ...``.

    Parameters
    ----------
    wanted : str
    known : iterable of str
        If none of them is near, the first in the alphabet are named.
    """
    from difflib import get_close_matches  # only an error needs it

    spelled = {name.casefold(): name for name in sorted(known, reverse=True) if name}
    text = wanted.casefold()
    close = [name for name in spelled if text and text in name][:3]
    close += get_close_matches(text, spelled, n=3, cutoff=0.5)
    names = list(dict.fromkeys(close))[:4]
    if names:
        return f"nearest are {', '.join(spelled[name] for name in names)}"
    first = [spelled[name] for name in sorted(spelled)[:6]]
    return f"choose from {', '.join(first)}{', ...' if len(spelled) > len(first) else ''}"


def _values(cells: Iterable[str]) -> set[str]:
    """Return what a value may be: whole cells, and what stands before each ``/``."""
    values = set(cells)
    return values | {
        cell[:place] for cell in values for place, letter in enumerate(cell) if letter == "/"
    }


def check_wanted(wanted: str | Sequence[str]) -> None:
    """Refuse, before any model is read, what `TrackTable.select` can make nothing of.

    Parameters
    ----------
    wanted : str or sequence of str

    Raises
    ------
    OptionError
        If it is the path of a file that is no text, or neither a path nor terms of a
        selection nor a regular expression. (An identifier that is no regular expression is
        given in a sequence or in a file.)
    """
    if not isinstance(wanted, str):
        return
    if os.path.isfile(wanted):
        read_names(wanted)
    elif terms := parse_terms(wanted):
        for name, value in terms:  # which other columns there are, the model knows
            if name == MATCH:
                compile_pattern(value)
    else:
        compile_pattern(wanted)


def read_names(path: str) -> list[str]:
    """Read identifiers: the first cell of each line, or a table's column ``identifier``.

    Raises
    ------
    OptionError
        If the file is no text.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(
            f"tracks: {path} cannot be read as text with an identifier a line: {error}"
        ) from error
    rows = [[cell.strip() for cell in line.split("\t")] for line in lines if line.strip()]
    if rows and "identifier" in rows[0]:  # as `varscore tracks` prints one
        place = rows[0].index("identifier")
        return [row[place] if place < len(row) else "" for row in rows[1:]]
    return [row[0] for row in rows]


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for choosing tracks, which takes upper for lower case.

    Raises
    ------
    OptionError
        If it is not valid.
    """
    try:
        with warnings.catch_warnings():
            # Of what later versions of Python may read otherwise, such as [[:alpha:]].
            warnings.simplefilter("error", FutureWarning)
            return re.compile(pattern, re.IGNORECASE)
    # The latter two of numbers that are too large, and of what is nested too deep.
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise OptionError(
            f"tracks: {pattern!r} is no valid regular expression: {error}"
        ) from error
