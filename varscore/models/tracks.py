"""The tracks that a model predicts: identifiers, descriptions, and choosing among them."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from varscore.errors import OptionError
from varscore.models.selection import (
    MATCH,
    Term,
    compile_pattern,
    find_column,
    fitting_rows,
    is_plain,
    parse_terms,
    read_names,
    unknown_column,
)

_OWN = ("index", "identifier", "description")  # of every table
_IGNORED = ("genome", "file")  # of the published tables: of no use away from their makers
# A result says these of a score's column, and `match=` is a term of selections.
_RESERVED = (*_OWN, "statistic", "around", MATCH)
_OF_GROUPS = ("aggregate", "tracks", "members")  # a result says these of a group's column


@dataclass(frozen=True)
class TrackTable:
    """Some tracks of a model, in the model's order.

    Attributes
    ----------
    indices : tuple of int
        0-based number of each track in the model's output.
    identifiers : tuple of str
        Unique names (for the published model ENCODE, GEO or FANTOM accessions), also where
        upper and lower case are the same.
    descriptions : tuple of str
        What was measured, such as ``DNASE:cerebellum male adult``; not unique.
    columns : mapping of str to tuple of str
        What else is known of the tracks, such as their ``tissue``, by the column's name; a cell
        is empty where it is not known.
    """

    indices: tuple[int, ...]
    identifiers: tuple[str, ...]
    descriptions: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(cells) for cells in self.columns.values()}
        lengths |= {len(self.identifiers), len(self.descriptions)}
        if lengths != {len(self.indices)}:
            raise ValueError("indices, identifiers, descriptions and columns differ in length")
        for name in self.columns:
            if name in _RESERVED:
                raise _taken(name)
        repeated = [name for name, n in Counter(self.identifiers).items() if n > 1]
        if repeated:
            raise OptionError(
                f"track table: the identifier {repeated[0]!r} stands for several tracks; "
                "identifiers name the output's columns and must be unique"
            )
        if pair := alike(self.identifiers):
            raise OptionError(
                f"track table: the identifiers {pair[0]!r} and {pair[1]!r} differ in upper and "
                "lower case only; they name the output's columns, which SQL would take for one"
            )

    def __len__(self) -> int:
        return len(self.indices)

    @classmethod
    def unnamed(cls, n_tracks: int) -> TrackTable:
        """Return ``track_0``, ``track_1``, ... for a model that names no tracks."""
        names = tuple(f"track_{i}" for i in range(n_tracks))
        return cls(tuple(range(n_tracks)), names, names)

    @classmethod
    def from_names(
        cls,
        identifiers: Iterable[str],
        descriptions: Iterable[str],
        columns: Mapping[str, Iterable[str]] | None = None,
    ) -> TrackTable:
        """Return the table of all of a model's tracks.

        Parameters
        ----------
        identifiers, descriptions : iterable of str
            One each a track, in the model's order.
        columns : mapping of str to iterable of str, optional
            Further columns by their names, in the same order.
        """
        names = tuple(identifiers)
        further = {name: tuple(cells) for name, cells in (columns or {}).items()}
        return cls(tuple(range(len(names))), names, tuple(descriptions), further)

    @classmethod
    def read(cls, path: str | Path) -> TrackTable:
        """Read a tab-separated table with a header, a row a track in the model's order.

        It has the column ``identifier`` and, as the tables that the original repository
        publishes, ``description``, in place of which else the identifier serves. Its other
        columns, but ``index``, ``genome`` and ``file``, are kept as `columns`.

        Raises
        ------
        OptionError
            If the file cannot be read, has no column ``identifier`` or a row without one, or
            has a column of a name that is taken.
        """
        try:
            with open(path, newline="", encoding="utf-8") as lines:
                return cls.parse(lines, str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"track table {path}: {error}") from error

    @classmethod
    def read_for(cls, path: str | Path, model: str, n_tracks: int) -> TrackTable:
        """Read the table of a model that predicts so many tracks.

        Raises
        ------
        OptionError
            As `read`, and if the table has not a row for each track.
        """
        tracks = cls.read(path)
        if len(tracks) != n_tracks:
            raise OptionError(
                f"track table {path}: {len(tracks)} rows, but model {model} predicts "
                f"{n_tracks} tracks"
            )
        return tracks

    @classmethod
    def parse(cls, lines: Iterable[str], where: str) -> TrackTable:
        """Return the table that lines of text are, as `read` does of a file.

        Parameters
        ----------
        lines : iterable of str
        where : str
            The file's name, for messages.
        """
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
        header = rows.pop(0) if rows else []
        if "identifier" not in header:
            raise OptionError(
                f"track table {where}: no column 'identifier' in its header {header}; "
                "give a tab-separated table such as the published targets_human.txt"
            )
        # A row may end early, and the lines between rows may be empty.
        blank = [""] * len(header)
        cells = zip(*((row + blank)[: len(header)] for row in rows if row), strict=True)
        columns = dict(zip(header, cells, strict=False)) or dict.fromkeys(header, ())
        identifiers = columns["identifier"]
        if "" in identifiers:
            raise OptionError(
                f"track table {where}: data row {identifiers.index('') + 1} has no identifier"
            )
        said = columns.get("description", identifiers)
        descriptions = (text or name for text, name in zip(said, identifiers, strict=True))
        known = {"", *_OWN, *_IGNORED}
        further = {name: column for name, column in columns.items() if name not in known}
        if taken := next((name for name in _OF_GROUPS if name in further), None):
            raise _taken(taken)
        return cls.from_names(identifiers, descriptions, further)

    def to_tsv(self) -> str:
        """Return the table as text: index, identifier, description and the further columns.

        `read` reads it again.
        """
        blank = str.maketrans("\t\r\n", "   ")
        header = (*_OWN, *self.columns)
        lines = ("\t".join(str(cell).translate(blank) for cell in row) for row in self.rows())
        return "\n".join(["\t".join(header), *lines, ""])

    def rows(self) -> Iterator[tuple[int | str, ...]]:
        """Yield of each track index, identifier, description and what its columns say."""
        yield from zip(
            self.indices,
            self.identifiers,
            self.descriptions,
            *self.columns.values(),
            strict=True,
        )

    def take(self, rows: Sequence[int]) -> TrackTable:
        """Return the tracks at these rows of the table."""
        return TrackTable(
            tuple(self.indices[row] for row in rows),
            tuple(self.identifiers[row] for row in rows),
            tuple(self.descriptions[row] for row in rows),
            {name: tuple(cells[row] for row in rows) for name, cells in self.columns.items()},
        )

    def match(self, pattern: str) -> TrackTable:
        """Return the tracks whose description or identifier a regular expression finds.

        It takes upper for lower case.

        Raises
        ------
        OptionError
            If the expression is not valid or finds nothing.
        """
        rows = self._matching(pattern)
        if not rows:
            raise OptionError(
                f"tracks: {pattern!r} is neither an identifier nor found in any of the "
                f"{len(self)} descriptions; `varscore tracks` lists them"
            )
        return self.take(rows)

    def fit(self, terms: Sequence[tuple[str, str]]) -> TrackTable:
        """Return the tracks that fit all terms of a selection.

        Parameters
        ----------
        terms : sequence of (str, str)
            Of a column, or ``match``, and a value, as `varscore.models.selection` explains.

        Raises
        ------
        OptionError
            If the table lacks a column or a value of it, or if no track fits all.
        """
        rows = set(range(len(self)))
        for name, value in terms:
            rows &= set(self._matching(value) if name == MATCH else self._fitting(name, value))
        if not rows:
            text = " & ".join(f"{name}={value}" for name, value in terms)
            raise OptionError(
                f"tracks: {text!r} fits none of the {len(self)} tracks; `varscore tracks` "
                "lists them"
            )
        return self.take(sorted(rows))

    def select(self, wanted: str | Sequence[str] | None) -> TrackTable:
        """Choose tracks, kept in the model's order.

        Parameters
        ----------
        wanted : str, sequence of str or None
            A sequence of identifiers; or one string: identifiers separated by commas; the
            path of a file with an identifier a line, or a table with a column
            ``identifier``; a selection such as ``tissue=liver & assay=DNASE|ATAC``, if it
            begins with the name of a column (``identifier`` and ``description`` are some) and
            ``=``, or with ``match=``; or a regular expression searched in descriptions and
            identifiers. None takes all.

        Raises
        ------
        OptionError
            If an identifier, a column or a value is unknown, or nothing is chosen.
        """
        if wanted is None:
            return self
        if not isinstance(wanted, str):
            return self._named(wanted)
        known = set(self.identifiers)
        names = [name.strip() for name in wanted.split(",")]
        if all(name in known for name in names):
            return self._named(names)
        if os.path.isfile(wanted):  # unlike Path, at ease with a long expression
            return self._named(read_names(wanted))
        terms = parse_terms(wanted)
        if terms and self._is_column(terms[0]):
            return self.fit(terms)
        if terms and not (self._says(wanted) and self._matching(wanted)):
            raise unknown_column(terms[0].column, self._cells())
        if any(name in known for name in names) and not self._matching(wanted):
            return self._named(names)  # which says what is no identifier
        return self.match(wanted)

    def _named(self, names: Sequence[str]) -> TrackTable:
        known = {identifier: row for row, identifier in enumerate(self.identifiers)}
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise OptionError(
                f"tracks: {unknown[0]!r} is no identifier of this model, as each of a list "
                "is to be; `varscore tracks` lists them"
                if unknown
                else "tracks: no identifier was given"
            )
        return self.take(sorted({known[name] for name in names}))

    def _cells(self) -> dict[str, tuple[str, ...]]:
        """Return all columns that `varscore tracks` prints."""
        own = (tuple(map(str, self.indices)), self.identifiers, self.descriptions)
        return {**dict(zip(_OWN, own, strict=True)), **self.columns}

    def _is_column(self, term: Term) -> bool:
        return term.column == MATCH or find_column(term.column, self._cells()) is not None

    def _fitting(self, name: str, value: str) -> list[int]:
        cells = self._cells()
        column = find_column(name, cells)
        if column is None:
            raise unknown_column(name, cells)
        return fitting_rows(column, value, cells[column])

    def _says(self, wanted: str) -> bool:
        """Whether a text that is not of this table's columns may be a regular expression.

        ``tisue=liver|brain`` is a mistake, though ``brain`` alone would find something: where
        a plain word stands before ``=``, some track has to be called so.
        """
        start = wanted[: wanted.index("=") + 1].lstrip().casefold()
        if not is_plain(start[:-1]):
            return True
        return any(start in name.casefold() for name in (*self.descriptions, *self.identifiers))

    def _matching(self, pattern: str) -> list[int]:
        expression = compile_pattern(pattern)
        return [
            row
            for row, names in enumerate(zip(self.descriptions, self.identifiers, strict=True))
            if any(expression.search(name) for name in names)
        ]


def alike(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two of some different names that are equal but for their case."""
    seen: dict[str, str] = {}
    for name in names:
        if seen.setdefault(name.casefold(), name) != name:
            return seen[name.casefold()], name
    return None


def _taken(name: str) -> OptionError:
    return OptionError(
        f"track table: a column of one's own cannot be called {name!r}; give it another name "
        f"than {', '.join((*_RESERVED, *_OF_GROUPS))}"
    )
