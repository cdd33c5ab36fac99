"""The tracks that a model predicts: identifiers, descriptions, and choosing among them."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from varscore.errors import OptionError


@dataclass(frozen=True)
class TrackTable:
    """Some tracks of a model, in the model's order.

    Attributes
    ----------
    indices : tuple of int
        0-based number of each track in the model's output.
    identifiers : tuple of str
        Unique names (for the published model ENCODE, GEO or FANTOM accessions).
    descriptions : tuple of str
        What was measured, such as ``DNASE:cerebellum male adult``; not unique.
    """

    indices: tuple[int, ...]
    identifiers: tuple[str, ...]
    descriptions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.indices) == len(self.identifiers) == len(self.descriptions):
            raise ValueError("indices, identifiers and descriptions differ in length")
        repeated = [name for name, n in Counter(self.identifiers).items() if n > 1]
        if repeated:
            raise OptionError(
                f"track table: the identifier {repeated[0]!r} stands for several tracks; "
                "identifiers name the output's columns and must be unique"
            )

    def __len__(self) -> int:
        return len(self.indices)

    @classmethod
    def unnamed(cls, n_tracks: int) -> TrackTable:
        """Return ``track_0``, ``track_1``, ... for a model that names no tracks."""
        names = tuple(f"track_{i}" for i in range(n_tracks))
        return cls(tuple(range(n_tracks)), names, names)

    @classmethod
    def from_names(cls, identifiers: Iterable[str], descriptions: Iterable[str]) -> TrackTable:
        """Return the table of all of a model's tracks.

        Parameters
        ----------
        identifiers, descriptions : iterable of str
            One each a track, in the model's order.
        """
        names = tuple(identifiers)
        return cls(tuple(range(len(names))), names, tuple(descriptions))

    @classmethod
    def read(cls, path: str | Path) -> TrackTable:
        """Read a tab-separated table with a header, a row a track in the model's order.

        The columns ``identifier`` and ``description`` count, as in the tables that the
        original repository publishes; without a description the identifier serves.

        Raises
        ------
        OptionError
            If the file cannot be read or has no column ``identifier``.
        """
        try:
            with open(path, newline="", encoding="utf-8") as lines:
                reader = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
                columns, rows = reader.fieldnames or [], list(reader)
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"track table {path}: {error}") from error
        if "identifier" not in columns:
            raise OptionError(
                f"track table {path}: no column 'identifier' in its header {list(columns)}; "
                "give a tab-separated table such as the published targets_human.txt"
            )
        identifiers = [row["identifier"] or "" for row in rows]
        if "" in identifiers:
            raise OptionError(
                f"track table {path}: data row {identifiers.index('') + 1} has no identifier"
            )
        return cls.from_names(
            identifiers,
            [
                row.get("description") or name
                for row, name in zip(rows, identifiers, strict=True)
            ],
        )

    def to_tsv(self) -> str:
        """Return the table as text: index, identifier, description; `read` reads it again."""
        blank = str.maketrans("\t\r\n", "   ")
        rows = zip(self.indices, self.identifiers, self.descriptions, strict=True)
        lines = (
            f"{i}\t{name.translate(blank)}\t{text.translate(blank)}" for i, name, text in rows
        )
        return "\n".join(["index\tidentifier\tdescription", *lines, ""])

    def take(self, rows: Sequence[int]) -> TrackTable:
        """Return the tracks at these rows of the table."""
        return TrackTable(
            tuple(self.indices[row] for row in rows),
            tuple(self.identifiers[row] for row in rows),
            tuple(self.descriptions[row] for row in rows),
        )

    def match(self, pattern: str) -> TrackTable:
        """Return the tracks whose description or identifier a regular expression finds.

        Raises
        ------
        OptionError
            If the expression is not valid or finds nothing.
        """
        expression = compile_pattern(pattern)
        rows = [
            row
            for row, names in enumerate(zip(self.descriptions, self.identifiers, strict=True))
            if any(expression.search(name) for name in names)
        ]
        if not rows:
            raise OptionError(
                f"tracks: {pattern!r} is neither an identifier nor found in any of the "
                f"{len(self)} descriptions; `varscore tracks` lists them"
            )
        return self.take(rows)

    def select(self, wanted: str | Sequence[str] | None) -> TrackTable:
        """Choose tracks, kept in the model's order.

        Parameters
        ----------
        wanted : str, sequence of str or None
            A sequence of identifiers; or one string: identifiers separated by commas, the
            path of a file with an identifier a line, or a regular expression searched in
            descriptions and identifiers. None takes all.

        Raises
        ------
        OptionError
            If an identifier is unknown or nothing is chosen.
        """
        if wanted is None:
            return self
        known = {identifier: row for row, identifier in enumerate(self.identifiers)}
        if isinstance(wanted, str):
            names = [name.strip() for name in wanted.split(",")]
            if not all(name in known for name in names):
                if not os.path.isfile(wanted):  # unlike Path, at ease with a long expression
                    return self.match(wanted)
                names = _read_names(wanted)
        else:
            names = list(wanted)
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise OptionError(
                f"tracks: {unknown[0]!r} is no identifier of this model; "
                "`varscore tracks` lists them"
                if unknown
                else "tracks: no identifier was given"
            )
        return self.take(sorted({known[name] for name in names}))


def check_wanted(wanted: str | Sequence[str]) -> None:
    """Refuse, before any model is read, what `TrackTable.select` can make nothing of.

    Parameters
    ----------
    wanted : str or sequence of str

    Raises
    ------
    OptionError
        If it is the path of a file that is no text, or neither a path nor a regular
        expression. (An identifier that is no regular expression is given in a sequence or
        in a file.)
    """
    if isinstance(wanted, str):
        if os.path.isfile(wanted):
            _read_names(wanted)
        else:
            compile_pattern(wanted)


def _read_names(path: str) -> list[str]:
    """Read identifiers, one a line; further columns do not count."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(
            f"tracks: {path} cannot be read as text with an identifier a line: {error}"
        ) from error
    return [line.split("\t")[0].strip() for line in lines if line.strip()]


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for choosing tracks.

    Raises
    ------
    OptionError
        If it is not valid.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise OptionError(
            f"tracks: {pattern!r} is no valid regular expression: {error}"
        ) from error
