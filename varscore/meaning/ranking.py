"""What makes a row of a result strong, and on which of its tracks it is strongest."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from varscore.errors import OptionError
from varscore.meaning.effects import Columns, Judged

By = Literal["score", "quantile"]

BEYOND = 0.001
"""A score is beyond the 99.9th percentile if its tail is no larger."""


def chosen_by(columns: Columns, by: By | None, scores: object) -> By:
    """Return by what rows are ranked: by quantile if there are any, unless told otherwise.

    Parameters
    ----------
    columns : Columns
    by : {"score", "quantile"} or None
    scores : object
        The result, for the message.

    Raises
    ------
    OptionError
        If there are no quantiles to rank by.
    """
    if by == "quantile" and not columns.has_quantiles:
        raise OptionError(
            f"by: {scores} has no quantiles; give a background (`varscore background build`)"
        )
    return by or ("quantile" if columns.has_quantiles else "score")


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
