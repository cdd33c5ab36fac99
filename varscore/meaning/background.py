"""A background on disk: the distributions of all columns, and which scores they serve for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.errors import OutputError
from varscore.files.digest import sha256
from varscore.meaning.conditions import BackgroundRecord, Conditions, in_words
from varscore.meaning.distribution import Distribution, Extremities, shares_of
from varscore.results.file import ResultFile, ResultReader
from varscore.results.provenance import BackgroundEntry, Provenance, damaged
from varscore.results.records import from_json

SET_COLUMNS = ("tissue", "assay")
"""Columns of the track table, for each value of which extremities are kept."""

_SCHEMA = pa.schema(
    [
        # A row a score column, then one for each set of tracks whose extremities are kept.
        pa.field("column", pa.string()),  # null for a set
        pa.field("measure", pa.string(), nullable=False),
        pa.field("identifier", pa.string()),  # null for a set
        pa.field("signed", pa.bool_()),  # null for a set
        pa.field("tracks", pa.int64(), nullable=False),
        pa.field("tissue", pa.string()),  # both null: the set of all tracks
        pa.field("assay", pa.string()),
        # Scores at the record's ranks; or the extremities of all rows, ascending.
        pa.field("values", pa.list_(pa.float32()), nullable=False),
    ]
)


class Extremes(NamedTuple):
    """The most extreme score of each row.

    Attributes
    ----------
    track : ndarray, shape (B,), int
        Its place among the tracks given. Where several are beyond all of the background, the
        one whose score lies furthest out, next to the background's outermost.
    quantile : ndarray, shape (B,), float64
        Its signed quantile.
    corrected : ndarray, shape (B,), float64
        The share of the background's rows whose own most extreme score is as extreme.
    """

    track: NDArray[np.int64]
    quantile: NDArray[np.float64]
    corrected: NDArray[np.float64]


class Background:
    """The distribution of every track's scores over a set of variants.

    Parameters
    ----------
    path : str or Path
        Its file, for messages.
    record : BackgroundRecord
    columns : sequence of Distribution
    extremities : sequence of Extremities
    """

    def __init__(
        self,
        path: str | Path,
        record: BackgroundRecord,
        columns: Sequence[Distribution],
        extremities: Sequence[Extremities],
    ) -> None:
        self.path, self.record = Path(path), record
        self.columns = {(column.measure, column.identifier): column for column in columns}
        self.extremities = tuple(extremities)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a background.

        Raises
        ------
        OutputError
            If the file is absent, not whole, or no background.
        """
        with ResultReader(path) as reader:
            if reader.metadata.get("kind") != "background":
                raise OutputError(
                    f"{path}: is no background; make one of scores with `varscore background "
                    "build`"
                )
            try:
                record = from_json(BackgroundRecord, reader.metadata)
            except ValueError as error:
                raise damaged(path, error) from error
            table = reader.read(_SCHEMA.names)
        shares = shares_of(record.ranks, record.rows)
        columns, extremities = list[Distribution](), list[Extremities]()
        lists = [chunk for part in table["values"].chunks for chunk in _rows(part)]
        plain = table.drop_columns(["values"]).to_pylist()
        for row, values in zip(plain, lists, strict=True):
            sets = {name: row[name] for name in SET_COLUMNS if row[name] is not None}
            about = row["measure"], row["tracks"], sets, values
            if row["column"] is None:
                extremities.append(Extremities(*about))
                continue
            name, signed = row["identifier"], row["signed"]
            measure, tracks, *_ = about
            columns.append(
                Distribution(measure, name, signed, tracks, sets, values, shares, record.rows)
            )
        return cls(path, record, columns, extremities)

    def write(self, *, force: bool = False) -> None:
        """Write the background to its path, whole or not at all.

        Raises
        ------
        OutputError
            If the file is there and `force` is not given, or cannot be written.
        """
        rows = [_row(c, column=c.column, identifier=c.identifier, signed=c.signed)
                for c in self.columns.values()]  # fmt: skip
        rows += [_row(kept) for kept in self.extremities]
        table = pa.Table.from_pylist(rows, _SCHEMA)
        with ResultFile(self.path, _SCHEMA, force=force, dictionary=(), statistics=()) as file:
            file.write(table)
            file.commit(self.record)

    def entry(self) -> BackgroundEntry:
        """Return which background it is, for what is made with it."""
        return BackgroundEntry(self.path.name, sha256(self.path))

    def check(
        self,
        made: Provenance,
        file: str | Path = "these scores",
        measure: str | None = None,
    ) -> None:
        """Refuse scores that were made otherwise than the background's.

        Parameters
        ----------
        made : Provenance
            Of the scores.
        file : str or Path
            Where they are, for the message.
        measure : str, optional
            The one of the scores' that counts; all if not given.

        Raises
        ------
        OutputError
            If they differ; it names the first field that does, and both values.
        """
        self.check_conditions(Conditions.of_result(made, file), file, measure)

    def check_conditions(
        self,
        wanted: Conditions,
        file: str | Path = "these scores",
        measure: str | None = None,
    ) -> None:
        """Refuse scores that are to be made otherwise; see `check`."""
        if found := self.record.conditions.lacks(wanted, measure):
            name, here, there = found
            raise OutputError(
                f"{self.path}: is no background for {file}: {name} is {in_words(here)} in the "
                f"background, {in_words(there)} in the scores; give one of scores that were "
                "made alike (`varscore background build`)"
            )

    def columns_of(self, measure: str, identifiers: Sequence[str]) -> list[Distribution]:
        """Return the distributions of some columns.

        Parameters
        ----------
        measure : str
        identifiers : sequence of str

        Raises
        ------
        OutputError
            If the background lacks one of them.
        """
        for identifier in identifiers:
            if (measure, identifier) not in self.columns:
                raise OutputError(
                    f"{self.path}: this background has no column {measure}_{identifier}; make "
                    "one of scores that have it (`varscore background build`)"
                )
        return [self.columns[measure, identifier] for identifier in identifiers]

    def quantiles(
        self, measure: str, identifiers: Sequence[str], scores: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the signed quantiles of scores.

        Parameters
        ----------
        measure : str
            Such as ``SAD`` or ``SAD_250``.
        identifiers : sequence of str
            Of T tracks, or groups.
        scores : ndarray, shape (B, T)
            Finite.

        Returns
        -------
        ndarray, shape (B, T)
            Between 1/(n+1) and n/(n+1) for a background of n rows.

        Raises
        ------
        OutputError
            As `columns_of`.
        """
        found = np.empty(scores.shape, np.float64)
        for place, column in enumerate(self.columns_of(measure, identifiers)):
            found[:, place] = column.quantiles(scores[:, place])
        return found

    def extremity(
        self,
        measure: str,
        identifiers: Sequence[str],
        scores: NDArray[np.float32],
        quantiles: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Return the tails of scores, which go on falling beyond all of the background.

        Parameters
        ----------
        measure, identifiers, scores
            As in `quantiles`.
        quantiles : ndarray, shape (B, T)
            What `quantiles` made of them.

        Returns
        -------
        ndarray, shape (B, T)
            Of a signed quantile q 2 min(q, 1 - q) where scores have a sign, 1 - q where they
            have none: 0.01 is in the outermost hundredth. Less for scores beyond all of the
            background, the further the less.

        Raises
        ------
        OutputError
            As `columns_of`.
        """
        found = np.empty(scores.shape, np.float32)
        for place, column in enumerate(self.columns_of(measure, identifiers)):
            found[:, place] = column.extremity(scores[:, place], quantiles[:, place])
        return found

    def extremes(
        self,
        measure: str,
        identifiers: Sequence[str],
        scores: NDArray[np.float32],
        quantiles: NDArray[np.float64],
    ) -> Extremes:
        """Return each row's most extreme score, corrected for the number of tracks.

        It is held against the background's rows and their own most extreme score in the same
        tracks; or, where only some tracks are asked for, in the smallest of the kept sets that
        has them all: those of their tissue or assay, or all. So nothing is assumed of how
        tracks depend on each other.

        Parameters
        ----------
        measure, identifiers, scores
            As in `quantiles`; at least one track.
        quantiles : ndarray, shape (B, T)
            What `quantiles` made of them.

        Returns
        -------
        Extremes

        Raises
        ------
        OutputError
            As `columns_of`.
        """
        found = self.extremity(measure, identifiers, scores, quantiles)
        track, rows = found.argmin(axis=1), np.arange(len(scores))
        corrected = self.corrected(measure, identifiers, found[rows, track])
        return Extremes(track, quantiles[rows, track], corrected)

    def corrected(
        self, measure: str, identifiers: Sequence[str], smallest: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the shares of the background's rows that are as extreme; see `extremes`.

        Parameters
        ----------
        measure, identifiers
            As in `quantiles`.
        smallest : ndarray, shape (B,)
            The smallest of each row's `extremity`.

        Raises
        ------
        OutputError
            As `columns_of`.
        """
        columns = self.columns_of(measure, identifiers)
        kept = min(
            (some for some in self.extremities if all(map(some.holds, columns))),
            key=lambda some: some.tracks,
        )
        return kept.corrected(smallest)


def _rows(lists: pa.ListArray) -> list[NDArray[np.float32]]:
    values = lists.values.to_numpy(zero_copy_only=False)
    return [
        values[start:end]
        for start, end in zip(
            lists.offsets.to_pylist(), lists.offsets.to_pylist()[1:], strict=False
        )
    ]


def _row(kept: Distribution | Extremities, **more: object) -> dict[str, object]:
    row = {"measure": kept.measure, "tracks": kept.tracks, "values": kept.values}
    return {**row, **kept.sets, **more}
