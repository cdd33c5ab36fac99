"""A result as a whole, read once: its ranking, its strongest rows, how large scores are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.meaning.effects import Columns, Judged
from varscore.meaning.ranking import (
    BEYOND,
    WRITTEN,
    By,
    Strongest,
    beyond,
    order_keys,
    ranked_columns,
    said_of,
    strongest_tracks,
)
from varscore.models.catalogue import catalogued
from varscore.models.tracks import TrackTable
from varscore.results.provenance import Provenance

_ROWS = 512  # that are looked at together, so that memory does not grow with a row group
_DECADE = 20  # bins of a power of ten
_LOWEST, _HIGHEST = -9, 9  # powers of ten


class Sizes:
    """How many of many positive numbers lie above others, on a logarithmic axis.

    Attributes
    ----------
    edges : ndarray, shape (E + 1,)
        Ends of bins.
    total : int
        Numbers that were counted, those outside of the edges among them.
    """

    edges = np.logspace(_LOWEST, _HIGHEST, (_HIGHEST - _LOWEST) * _DECADE + 1)

    def __init__(self) -> None:
        self._counts = np.zeros(len(self.edges) - 1, np.int64)
        self.total = 0

    def add(self, numbers: NDArray[np.floating[Any]]) -> None:
        """Count numbers, of any shape."""
        self._counts += np.histogram(numbers, self.edges)[0]
        self.total += numbers.size

    def reached(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where numbers lie, and the share of them that is as large or larger.

        Returns
        -------
        edges, shares : ndarray, shape (P,)
            From the edge below the smallest number to that below the largest.
        """
        filled = np.flatnonzero(self._counts)
        if not len(filled):
            return np.empty(0), np.empty(0)
        above = self._counts[::-1].cumsum()[::-1] / self.total
        part = slice(filled[0], filled[-1] + 1)
        return self.edges[:-1][part], above[part]


@dataclass(frozen=True)
class Leading:
    """One of the strongest rows, with its scores on all tracks.

    Attributes
    ----------
    row : dict of str to object
        What it is: ``key``, ``id``, ``chrom``, ``pos`` (1-based), its gene and so on.
    judged : Judged
        Of one row.
    strongest : tuple of int
        The tracks on which it is strongest.
    """

    row: dict[str, Any]
    judged: Judged
    strongest: tuple[int, ...]


@dataclass(frozen=True)
class Survey:
    """What a result says as a whole.

    Attributes
    ----------
    made : Provenance
    columns : Columns
        What was looked at; its tracks are those of all scores here.
    tracks : TrackTable
        The same, with how they were measured, where that is known.
    by : {"score", "quantile"}
        What makes a row strong.
    scored : int
        Rows that were.
    ranking : pyarrow.Table
        The strongest rows, in the columns of `varscore.top`; text that names tracks is a
        dictionary, numbers are float32.
    leading : tuple of Leading
        The first of them.
    sizes : Sizes
        Of all scores, but for their signs.
    corrected : Sizes or None
        Of the rows' corrected shares.
    """

    made: Provenance
    columns: Columns
    tracks: TrackTable
    by: By
    scored: int
    ranking: pa.Table
    leading: tuple[Leading, ...]
    sizes: Sizes
    corrected: Sizes | None


def survey(
    scores: str | Path,
    *,
    statistic: str | None = None,
    tracks: str | Sequence[str] | None = None,
    by: By | None = None,
    background: str | Path | None = None,
    number: int = 100_000,
    shown: int = 3,
    leading: int = 30,
) -> Survey:
    """Read a result once, and keep what stands for the whole.

    Memory is that of a row group, of twice `number` short rows and of `leading` long ones.

    Parameters
    ----------
    scores : str or Path
        A file that varscore wrote, or a folder of such files.
    statistic, tracks, by, background
        As of `varscore.meaning.top.top_variants`.
    number : int
        How many rows are ranked, at most.
    shown : int
        How many tracks of each.
    leading : int
        Of how many rows all scores are kept.

    Raises
    ------
    OutputError
        If a file cannot be used, or the background does not fit.
    OptionError
        If `tracks` names none of the result's tracks, or there are no quantiles to rank by.
    """
    made, columns, by = ranked_columns(scores, statistic, tracks, by, background)
    kept, strongest = _Kept(number), Strongest[Leading](leading)
    sizes, corrected, scored = Sizes(), Sizes(), 0
    for said, judged in _pieces(columns, scores):
        order, tracks_of = order_keys(judged, by), strongest_tracks(judged, by, shown)
        sizes.add(np.abs(judged.scores))
        if judged.corrected is not None:
            corrected.add(judged.corrected)
        kept.add(order, _listed(said, judged, tracks_of, columns.tracks))
        strongest.add(order, partial(_leading, said, judged, tracks_of))
        scored += said.num_rows
    return Survey(
        made=made,
        columns=columns,
        tracks=catalogued(columns.tracks),
        by=by,
        scored=scored,
        ranking=kept.ranking(),
        leading=tuple(strongest.rows),
        sizes=sizes,
        corrected=corrected if corrected.total else None,
    )


def _pieces(columns: Columns, scores: str | Path) -> Iterator[tuple[pa.Table, Judged]]:
    """Read scored rows, some at a time: what they are, and their scores."""
    for table, judged in columns.judged(scores, WRITTEN):
        said = said_of(table).combine_chunks()
        for start in range(0, table.num_rows, _ROWS):
            rows = range(start, min(start + _ROWS, table.num_rows))
            yield said.slice(start, len(rows)), judged.take(rows)


def _leading(said: pa.Table, judged: Judged, strongest: NDArray[np.int64], row: int) -> Leading:
    return Leading(
        said.slice(row, 1).to_pylist()[0], judged.take([row]), tuple(strongest[row].tolist())
    )


class _Kept:
    """The strongest of the rows that are added, in their order, of equals the first added."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._keys: list[NDArray[np.float64]] = []
        self._tables: list[pa.Table] = []
        self._rows = 0

    def add(self, order: Sequence[NDArray[np.float64]], table: pa.Table) -> None:
        """Add rows with the keys by which they are sorted."""
        self._keys.append(np.stack(order))
        self._tables.append(table)
        self._rows += table.num_rows
        if self._rows >= 2 * max(self._number, _ROWS):
            self._prune()

    def _prune(self) -> None:
        keys = np.concatenate(self._keys, axis=1)
        best = np.lexsort(keys[::-1])[: self._number]
        self._keys = [keys[:, best]]
        self._tables = [pa.concat_tables(self._tables).take(pa.array(best)).combine_chunks()]
        self._rows = len(best)

    def ranking(self) -> pa.Table:
        """Return the rows, numbered from 1."""
        if not self._tables:
            return pa.table({"rank": pa.array([], pa.int64())})
        self._prune()
        (table,) = self._tables
        return table.add_column(0, "rank", pa.array(np.arange(1, table.num_rows + 1)))


def _listed(
    said: pa.Table, judged: Judged, strongest: NDArray[np.int64], tracks: TrackTable
) -> pa.Table:
    """Return rows in the columns of `varscore.meaning.listing`, but for their rank."""
    first, rows = strongest[:, 0], np.arange(said.num_rows)
    columns = {name: said[name] for name in said.column_names}
    names = {"track": tracks.identifiers, "description": tracks.descriptions}
    if "tissue" in tracks.columns:
        names["tissue"] = tracks.columns["tissue"]
    for name, texts in names.items():
        columns[name] = pa.DictionaryArray.from_arrays(first.astype(np.int32), list(texts))
    numbers = {
        "score": judged.scores,
        "log2_ratio": judged.ratios,
        "quantile": judged.quantiles,
    }
    for name, matrix in numbers.items():
        if matrix is not None:
            columns[name] = pa.array(matrix[rows, first].astype(np.float32))
    if judged.corrected is not None:
        columns["corrected"] = pa.array(judged.corrected.astype(np.float32))
    if (count := beyond(judged)) is not None:
        columns["beyond"] = pa.array(count)
        columns["expected"] = pa.array(np.full(len(rows), BEYOND * len(tracks), np.float32))
    if strongest.shape[1] > 1:
        others = strongest[:, 1:]
        scores = judged.scores[rows[:, None], others]
        columns["others"] = [
            "; ".join(
                f"{tracks.identifiers[track]}:{score:.4g}"
                for track, score in zip(of_row, of_scores, strict=True)
            )
            for of_row, of_scores in zip(others.tolist(), scores.tolist(), strict=True)
        ]
    return pa.table(columns)
