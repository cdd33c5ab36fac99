"""The score columns of a result, as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from varscore.errors import OutputError
from varscore.results.table import measure_of
from varscore.variant import Status

QUANTILE = "quantile"
"""In the place of a statistic, says of a column that it has quantiles of scores."""


_SIGNED = frozenset({"SAD", "logSAD", "sqrtSAD", "SAX", "logSED"})


def score_fields(schema: pa.Schema, path: Path) -> dict[str, list[pa.Field]]:
    """Return a result's score columns by their measure, in its order; no quantiles.

    Parameters
    ----------
    schema : pyarrow.Schema
    path : Path
        The file, for messages.

    Raises
    ------
    OutputError
        If it has none.
    """
    fields: dict[str, list[pa.Field]] = {}
    for field in schema:
        measure = measure_of(field)
        if measure is not None and field.metadata[b"statistic"] != QUANTILE.encode():
            fields.setdefault(measure, []).append(field)
    if not fields:
        raise OutputError(f"{path}: has no scores; give a result of `varscore score`")
    return fields


def tracks_in(field: pa.Field) -> int:
    """Return how many tracks a score column is of: of a group's, those of the group."""
    return int(field.metadata[b"tracks"]) if _of_group(field) else 1


def is_signed(field: pa.Field) -> bool:
    """Tell whether a column's scores may be negative, so that both ends are extreme."""
    sizes = _of_group(field) and field.metadata[b"aggregate"].endswith(b"_abs")
    return field.metadata[b"statistic"].decode() in _SIGNED and not sizes


def _of_group(field: pa.Field) -> bool:
    return bool(field.metadata[b"index"] == b"-1")  # it is no track of the model's


def scored_rows(table: pa.Table) -> NDArray[np.bool_]:
    """Return which rows of a table that has the column ``status`` are scored, shape (B,)."""
    found: NDArray[np.bool_] = pc.equal(table["status"], Status.SCORED.value).to_numpy()
    return found


def finite_scores(
    table: pa.Table, name: str, scored: NDArray[np.bool_], path: Path
) -> NDArray[np.float32]:
    """Return a column's scores in scored rows.

    Parameters
    ----------
    table : pyarrow.Table
    name : str
    scored : ndarray, shape (B,)
    path : Path
        The file, for messages.

    Raises
    ------
    OutputError
        If a scored row has none, or one that is not finite.
    """
    values: NDArray[np.float32] = table[name].to_numpy()[scored]
    if not np.isfinite(values).all():
        raise OutputError(
            f"{path}: column {name} has a scored row without a finite score; score it again"
        )
    return values
