"""What makes a row of a result strong, and on which of its tracks it is strongest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.errors import OptionError
from varscore.meaning.background import Background
from varscore.meaning.effects import Columns, Judged
from varscore.results.provenance import Provenance, no_scores
from varscore.results.reading import opened_results
from varscore.results.table import GENE_COLUMNS

By = Literal["score", "quantile"]
T = TypeVar("T")

WRITTEN = ("chrom", "pos", "id", "ref", "alt", "key")
"""Columns of a result that say what a ranked row is; beside them, those of its gene."""

BEYOND = 0.001
"""A score is beyond the 99.9th percentile if its tail is no larger."""


def ranked_columns(
    scores: str | Path,
    statistic: str | None,
    tracks: str | Sequence[str] | None,
    by: By | None,
    background: str | Path | None,
) -> tuple[Provenance, Columns, By]:
    """Choose what of a result is looked at, and by what its rows are ranked.

    Parameters
    ----------
    scores, statistic, tracks, by, background
        As of `varscore.meaning.top.top_variants`.

    Returns
    -------
    made : Provenance
    columns : Columns
    by : {"score", "quantile"}
        By quantile if there are any, unless told otherwise.

    Raises
    ------
    OutputError
        If a file cannot be used, or the background does not fit.
    OptionError
        If `tracks` names none of the result's tracks, or there are no quantiles to rank by.
    """
    known = None if background is None else Background.read(background)
    with closing(opened_results(scores)) as readers:
        reader = next(readers)
        made = reader.provenance()
        if made.model is None:
            raise no_scores(reader.path)
        columns = Columns.of(reader.path, reader.schema, made, statistic, tracks, known)
    if by == "quantile" and not columns.has_quantiles:
        raise OptionError(
            f"by: {scores} has no quantiles; give a background (`varscore background build`)"
        )
    return made, columns, by or ("quantile" if columns.has_quantiles else "score")


def said_of(table: pa.Table) -> pa.Table:
    """Return the columns that say what rows are."""
    return table.select([n for n in (*WRITTEN, *GENE_COLUMNS) if n in table.column_names])


class Strongest(Generic[T]):
    """Something of each of the strongest rows; of equals, of the first added.

    Parameters
    ----------
    number : int
        Rows that are kept, at most.
    """

    def __init__(self, number: int) -> None:
        self._number, self._seen = number, 0
        self._best: list[tuple[tuple[float, ...], T]] = []

    def add(self, order: Sequence[NDArray[np.float64]], of: Callable[[int], T]) -> None:
        """Add rows.

        Parameters
        ----------
        order : sequence of ndarray, shape (B,)
            As `order_keys` has it.
        of : callable
            What is kept of a row, of which it gets the number among these; asked only of
            those that may be among the strongest.
        """
        first = np.lexsort([*reversed(order)])[: self._number].tolist()
        found = [
            ((*(float(key[row]) for key in order), float(self._seen + row)), of(row))
            for row in first
        ]
        self._best = sorted([*self._best, *found], key=itemgetter(0))[: self._number]
        self._seen += len(order[0])

    @property
    def rows(self) -> list[T]:
        """What was kept, of the strongest row first."""
        return [one for _, one in self._best]


def order_keys(judged: Judged, by: By) -> list[NDArray[np.float64]]:
    """Return what rows are sorted by, in ascending order, the first key first.

    Parameters
    ----------
    judged : Judged
        Of B rows.
    by : {"score", "quantile"}

    Returns
    -------
    list of ndarray, shape (B,)
    """
    size = -np.abs(judged.scores).max(axis=1).astype(np.float64)
    keys = [size]
    if by == "quantile" and judged.tails is not None:
        keys = [judged.tails.min(axis=1).astype(np.float64), -_beyond(judged), size]
    if by == "quantile" and judged.corrected is not None:
        keys.insert(0, judged.corrected)
    return keys


def strongest_tracks(judged: Judged, by: By, shown: int) -> NDArray[np.int64]:
    """Return the tracks on which each row is strongest.

    Parameters
    ----------
    judged : Judged
        Of B rows and T tracks.
    by : {"score", "quantile"}
    shown : int

    Returns
    -------
    ndarray, shape (B, min(shown, T))
        The strongest first; of equals the first.
    """
    size = -np.abs(judged.scores).astype(np.float64)
    keys = [size]
    if by == "quantile" and judged.tails is not None:
        keys.insert(0, judged.tails.astype(np.float64))
    strongest: NDArray[np.int64] = np.lexsort([*reversed(keys)], axis=-1)
    return strongest[:, :shown]


def beyond(judged: Judged) -> NDArray[np.int64] | None:
    """Return on how many tracks each row is beyond the 99.9th percentile, if that is known."""
    return None if judged.tails is None else _beyond(judged).astype(np.int64)


def _beyond(judged: Judged) -> NDArray[np.float64]:
    assert judged.tails is not None
    return np.asarray((judged.tails <= BEYOND).sum(axis=1), np.float64)
