"""Scores in long form: a row a variant row and track, a column a statistic."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from varscore.errors import OptionError
from varscore.models.tracks import TrackTable


def long_frame(wide: pa.Table, chosen: Mapping[str, TrackTable]) -> pd.DataFrame:
    """Return a table of results with a row for each of its rows and tracks.

    Parameters
    ----------
    wide : pyarrow.Table
        N rows: columns that say what a row is about, and ``<measure>_<identifier>`` of
        `chosen`.
    chosen : mapping of str to TrackTable
        The T tracks of each measure, of all the same.

    Returns
    -------
    pandas.DataFrame
        N x T rows, those of a row of `wide` one after the other. Text is categorical: it
        repeats, and would else take more memory than the scores.

    Raises
    ------
    OptionError
        If two columns would have one name.
    """
    scores = {f"{name}_{i}" for name, table in chosen.items() for i in table.identifiers}
    of_rows = [name for name in wide.column_names if name not in scores]
    tracks = next(iter(chosen.values()), TrackTable((), (), ()))
    of_tracks = {
        "identifier": tracks.identifiers,
        "description": tracks.descriptions,
        **tracks.columns,
    }
    names = [*of_rows, *of_tracks, *chosen]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(
                f"long: two columns would be called {name!r}; leave it out with columns=, or "
                "rename it in the track table"
            )
    columns: dict[str, object] = {}
    for name in of_rows:
        columns[name] = _each(wide[name].to_pandas(), len(tracks))
    for name, cells in of_tracks.items():
        columns[name] = _in_turn(cells, wide.num_rows)
    for name, table in chosen.items():
        matrix = np.empty((wide.num_rows, len(table)), np.float32)
        for place, identifier in enumerate(table.identifiers):
            matrix[:, place] = wide[f"{name}_{identifier}"].to_numpy()
        columns[name] = matrix.reshape(-1)
    return pd.DataFrame(columns, copy=False)


def _each(values: pd.Series, times: int) -> object:
    """Repeat each value so many times."""
    if pd.api.types.is_numeric_dtype(values):
        return np.repeat(values.to_numpy(), times)
    text = pd.Categorical(values)
    return pd.Categorical.from_codes(np.repeat(text.codes, times), dtype=text.dtype)


def _in_turn(cells: tuple[str, ...], times: int) -> object:
    """Repeat the whole sequence so many times; categories are in its order."""
    text = pd.Categorical(cells, categories=list(dict.fromkeys(cells)))
    return pd.Categorical.from_codes(np.tile(text.codes, times), dtype=text.dtype)
