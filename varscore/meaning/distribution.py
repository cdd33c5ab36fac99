"""How scores are distributed over a set of variants, and where others lie in that.

The *signed quantile* of a score is the share of the background's variants whose score is
smaller; of those that are equal, half count. It is near 0 for a score that is lower than nearly
all and near 1 for one that is higher. The *tail* says how unusual that is: the share of the
background's variants that lie at least as far out, on either side for a statistic that has a
sign.

A row's *extremity* is the smallest tail of its tracks. With many tracks one is unusual in
nearly every row, so it is held against the extremities of the background's own rows, each
judged without itself. Beyond the outermost score, where tails are all the same, the tail of a
score twice as far from the median is taken for half of the outermost's: else, with many
tracks, no row could stand out from those that are the outermost of some track. It orders rows
and tracks, and no more: the share of rows is counted.

None of these is a p-value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_RANKS = 600  # columns of fewer scores are kept whole
_TAIL, _PER_DECADE = 0.01, 13  # neighbours there differ by a fifth, one rank at the least
_STEP = 0.002  # of shares, between the tails


@dataclass(frozen=True)
class Distribution:
    """How one column's scores are distributed.

    Attributes
    ----------
    measure, identifier : str
    signed : bool
        Whether its scores may be negative, so that both ends are extreme.
    tracks : int
        How many tracks it is of: more than one for a column of a group.
    sets : dict of str to str
        Values of `SET_COLUMNS`, those that it has.
    values : ndarray, shape (G,), float32
        Scores at the kept ranks, ascending.
    shares : ndarray, shape (G,), float64
        Of rows below each of them, if half of a row counts for the row itself.
    rows : int
    """

    measure: str
    identifier: str
    signed: bool
    tracks: int
    sets: Mapping[str, str]
    values: NDArray[np.float32]
    shares: NDArray[np.float64]
    rows: int

    @property
    def column(self) -> str:
        """Name of the score column."""
        return f"{self.measure}_{self.identifier}"

    def quantiles(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the signed quantiles of scores.

        Between kept scores they are interpolated. They lie between 1/(n+1) and n/(n+1) for n
        rows: that is all that so many rows can say.

        Parameters
        ----------
        scores : ndarray, shape (B,)

        Returns
        -------
        ndarray, shape (B,)
        """
        found = np.interp(scores, self.values, self.shares, left=0.0, right=1.0)
        if (self.values[1:] == self.values[:-1]).any():
            low = np.searchsorted(self.values, scores, "left")
            high = np.searchsorted(self.values, scores, "right")
            ties = high - low > 1
            found[ties] = (self.shares[low[ties]] + self.shares[high[ties] - 1]) / 2
        return np.clip(found, 1 / (self.rows + 1), self.rows / (self.rows + 1))

    def tails(self, quantiles: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return how extreme signed quantiles are, the smaller the more; any shape.

        In float32, as the smallest tails of the background are kept: equal ones stay equal.
        """
        return tails_of(quantiles, self.signed)

    def extremity(
        self,
        scores: NDArray[np.float32],
        quantiles: NDArray[np.float64],
        *,
        own: bool = False,
    ) -> NDArray[np.float32]:
        """Return the tails of scores, which go on falling beyond the outermost score.

        Parameters
        ----------
        scores, quantiles : ndarray, shape (B,)
        own : bool
            Whether scores are the background's, so that the outermost is judged by the next.

        Returns
        -------
        ndarray, shape (B,)
        """
        tails = self.tails(quantiles)
        values = self.values.astype(np.float64)
        middle, place = values[len(values) // 2], int(own and len(values) > 2)
        ends = [(values[-1 - place] - middle, scores - middle)]
        if self.signed:
            ends.append((middle - values[place], middle - scores))
        for end, distance in ends:
            beyond = distance > end
            tails[beyond] *= end / distance[beyond]
        return tails


@dataclass(frozen=True)
class Extremities:
    """The extremity of each of the background's rows in a set of a measure's columns.

    Attributes
    ----------
    measure : str
    tracks : int
        Columns in the set.
    sets : dict of str to str
        What these share, of `SET_COLUMNS`; empty for the set of all.
    values : ndarray, shape (n,), float32
        Ascending.
    """

    measure: str
    tracks: int
    sets: Mapping[str, str]
    values: NDArray[np.float32]

    def holds(self, column: Distribution) -> bool:
        """Tell whether a column is in the set."""
        return self.measure == column.measure and self.sets.items() <= column.sets.items()

    def corrected(self, extremities: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the share of rows that are as extreme, or more.

        A row more is counted among them and in all, so that no share is 0.
        """
        as_extreme = np.searchsorted(self.values, extremities, "right")
        shares: NDArray[np.float64] = (as_extreme + 1.0) / (len(self.values) + 1)
        return shares


def tails_of(
    quantiles: NDArray[np.float64], signed: bool | NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return how extreme signed quantiles are; see `Distribution.tails`.

    Parameters
    ----------
    quantiles : ndarray
    signed : bool or ndarray of bool, of a shape that fits
        Whether scores may be negative.
    """
    upper = 1 - quantiles
    return np.where(signed, 2 * np.minimum(quantiles, upper), upper).astype(np.float32)


def kept_ranks(rows: int) -> tuple[int, ...]:
    """Return the ranks of scores that tell of a distribution, some 600 at most.

    They are symmetric: dense towards both ends, up to the smallest and the largest score, and
    even between. What lies between two of them is known to the distance of the two.

    Parameters
    ----------
    rows : int
        At least 1.

    Returns
    -------
    tuple of int
        Ascending; 1 is the smallest score, `rows` the largest.
    """
    if rows <= _MOST_RANKS:
        return tuple(range(1, rows + 1))
    decades = np.log10(_TAIL * rows)
    tail = np.geomspace(1, _TAIL * rows, 1 + int(np.ceil(_PER_DECADE * decades)))
    middle = np.arange(_TAIL, 0.5 + _STEP, _STEP) * rows
    lower = np.unique(np.rint(np.concatenate([tail, middle])).astype(int))
    lower = lower[2 * lower <= rows + 1]
    return tuple(np.union1d(lower, rows + 1 - lower).tolist())


def shares_of(ranks: Sequence[int], rows: int) -> NDArray[np.float64]:
    """Return the share of rows below the scores of some ranks, half a row for itself."""
    return (np.asarray(ranks, np.float64) - 0.5) / rows
