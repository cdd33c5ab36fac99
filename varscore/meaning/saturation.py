"""Every change of an interval's bases as matrices: positions by changes, one a track."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.errors import OptionError
from varscore.inputs.saturation import Saturated
from varscore.models.tracks import TrackTable
from varscore.results.file import HeldResult, ResultFile, ResultReader
from varscore.results.provenance import head_of
from varscore.results.reading import Frame, to_frame
from varscore.results.summary import ScoreSummary
from varscore.results.table import VARIANT_COLUMNS, tracks_of
from varscore.sequence import BASES
from varscore.variant import Interval

_BLOCK_BYTES = 1 << 26


@dataclass(frozen=True)
class Saturation:
    """The scores of every change of an interval's bases.

    Attributes
    ----------
    changed : Saturated
        The P bases of the interval and the L changes: A, C, G and T, and perhaps ``deletion``.
    tracks : dict of str to TrackTable
        By statistic, as columns name it: the tracks, and groups of tracks, that have scores.
    model : dict of str to object
        What the model said of itself.
    summary : ScoreSummary or None
        What was done, where it was written.
    shown : tuple of str
        Tracks, or groups of tracks, that the figure shows, if one was drawn.
    """

    changed: Saturated
    tracks: Mapping[str, TrackTable]
    model: Mapping[str, Any]
    _read: Callable[[Sequence[str]], pa.Table] = field(repr=False)
    summary: ScoreSummary | None = None
    shown: tuple[str, ...] = ()

    @classmethod
    def of_held(cls, changed: Saturated, held: HeldResult) -> Self:
        """Return what a result in memory says of some changes, of which it has the rows."""
        assert held.provenance is not None  # it was committed
        model = held.provenance.model or {}
        return cls(changed, tracks_of(held.table.schema), model, held.table.select)

    @classmethod
    def of_file(cls, changed: Saturated, path: Path) -> Self:
        """Return what the file of a result says of some changes, of which it has the rows."""

        def read(columns: Sequence[str]) -> pa.Table:
            with ResultReader(path) as reader:
                return reader.read(columns)

        with ResultReader(path) as reader:
            model = reader.provenance().model or {}
            return cls(changed, tracks_of(reader.schema), model, read)

    @property
    def statistic(self) -> str:
        """The first statistic, which is what is drawn."""
        return next(iter(self.tracks))

    @property
    def bases(self) -> str:
        """The genome's bases, in upper case."""
        return self.changed.bases

    @property
    def positions(self) -> range:
        """Their positions, 1-based."""
        return range(self.changed.interval.start + 1, self.changed.interval.end + 1)

    def scores(self) -> Frame:
        """Return the result as a data frame, a row a change, as `varscore.score` would."""
        names = [
            f"{s}_{name}" for s, table in self.tracks.items() for name in table.identifiers
        ]
        return to_frame(self._read([*VARIANT_COLUMNS, *names]))

    def matrix(self, identifier: str, statistic: str | None = None) -> NDArray[np.float32]:
        """Return the scores of one track.

        Parameters
        ----------
        identifier : str
            Of a track, or of a group of tracks such as ``liver_mean``.
        statistic : str, optional
            As columns name it; the first if not given.

        Returns
        -------
        ndarray, shape (P, L), float32
            A row a base, a column a change. NaN where there is no change to score: a base is
            not put in its own place, and one that is none of A, C, G and T has no changes.

        Raises
        ------
        OptionError
            If the result has no such statistic or track.
        """
        statistic = statistic or self.statistic
        if statistic not in self.tracks:
            raise OptionError(
                f"statistic: {statistic!r} is not in this result; choose from "
                f"{', '.join(self.tracks)}"
            )
        if identifier not in self.tracks[statistic].identifiers:
            raise OptionError(
                f"tracks: {identifier!r} is none of the {len(self.tracks[statistic])} that "
                "this result has; give an identifier"
            )
        matrix: NDArray[np.float32] = self._matrices(statistic, [identifier])[0]
        return matrix

    def strongest(self, number: int) -> list[str]:
        """Return the tracks, or the groups, with the largest score of any change.

        Parameters
        ----------
        number : int

        Returns
        -------
        list of str
            Identifiers of at most so many, of `statistic`, the strongest first. Where there
            are groups of tracks, of these, and of each the mean of its tracks.
        """
        tracks = self.tracks[self.statistic]
        aggregates = tracks.columns.get("aggregate", ("",) * len(tracks))
        wanted = "mean" if "mean" in aggregates else ""
        identifiers = [
            name
            for name, aggregate in zip(tracks.identifiers, aggregates, strict=True)
            if aggregate == wanted
        ]
        sizes = {
            name: float(np.nanmax(np.abs(matrix)))
            for some in self._blocks(identifiers)
            for name, matrix in zip(some, self._matrices(self.statistic, some), strict=True)
        }
        return sorted(sizes, key=lambda name: -sizes[name])[:number]

    def write(self, path: str | Path) -> None:
        """Write the matrices of all statistics and tracks, as one table.

        Parameters
        ----------
        path : str or Path
            Of the Parquet file. A row a statistic, track and base: ``statistic``,
            ``identifier``, ``description``, ``chrom``, ``pos`` (1-based), ``ref``, a float32
            column for each change, null where there is none, and ``mean``, that of the
            substitutions.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        text = ("statistic", "identifier", "description", "chrom")
        schema = pa.schema(
            [
                *(pa.field(name, pa.string(), nullable=False) for name in text),
                pa.field("pos", pa.int64(), nullable=False),
                pa.field("ref", pa.string(), nullable=False),
                *(pa.field(name, pa.float32()) for name in (*self.changed.changes, "mean")),
            ]
        )
        repeating = [*text, "pos", "ref"]
        with ResultFile(path, schema, dictionary=repeating, statistics=repeating) as file:
            for statistic, tracks in self.tracks.items():
                for some in self._blocks(tracks.identifiers):
                    file.write(self._rows(statistic, tracks, some, schema))
            file.commit(_Matrices(self.changed.interval))

    def _blocks(self, identifiers: Sequence[str]) -> Iterator[Sequence[str]]:
        """Cut tracks into pieces whose matrices fit in bounded memory."""
        size = max(1, _BLOCK_BYTES // (4 * len(self.bases) * len(self.changed.changes)))
        for begin in range(0, len(identifiers), size):
            yield identifiers[begin : begin + size]

    def _matrices(self, statistic: str, identifiers: Sequence[str]) -> NDArray[np.float32]:
        """Return the matrices of some tracks, shape (T, P, L)."""
        names = [f"{statistic}_{identifier}" for identifier in identifiers]
        table = self._read(names)
        places, changes = np.array(self.changed.cells).T
        shape = len(names), len(self.bases), len(self.changed.changes)
        matrices = np.full(shape, np.nan, np.float32)
        for matrix, name in zip(matrices, names, strict=True):
            matrix[places, changes] = table[name].to_numpy()
        return matrices

    def _rows(
        self, statistic: str, tracks: TrackTable, identifiers: Sequence[str], schema: pa.Schema
    ) -> pa.Table:
        described = dict(zip(tracks.identifiers, tracks.descriptions, strict=True))
        matrices = self._matrices(statistic, identifiers)
        number, length = len(identifiers), len(self.bases)
        which = pa.array(np.repeat(np.arange(number), length))
        rows = number * length
        values = np.concatenate([matrices, means(matrices)[..., None]], axis=2)
        values = values.reshape(rows, -1)
        columns = [
            pa.repeat(statistic, rows),
            pa.array(list(identifiers)).take(which),
            pa.array([described[name] for name in identifiers]).take(which),
            pa.repeat(self.changed.interval.contig, rows),
            pa.array(np.tile(self.positions, number)),
            pa.array(list(self.bases) * number),
            *(pa.array(column.copy(), mask=np.isnan(column)) for column in values.T),
        ]
        return pa.Table.from_arrays(columns, schema=schema)


def means(matrices: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean score of each base's substitutions.

    Parameters
    ----------
    matrices : ndarray, shape (..., P, L)
        Of which the first four changes are substitutions.

    Returns
    -------
    ndarray, shape (..., P), float32
        NaN for a base without any.
    """
    substitutions = matrices[..., : len(BASES)].astype(np.float64)
    known = ~np.isnan(substitutions)
    sums = np.where(known, substitutions, 0).sum(-1)
    counts = known.sum(-1)
    found = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=found, where=counts > 0)
    return found.astype(np.float32)


@dataclass(frozen=True)
class _Matrices:
    """What the file of the matrices says about itself: how scores came about, theirs does."""

    interval: Interval

    def to_json(self) -> dict[str, Any]:
        contig, start, end = self.interval
        about = {"contig": contig, "start": start, "end": end}
        return {**head_of("matrix of a saturation"), **about}
