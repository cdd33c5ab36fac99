"""Columns that say of scores how unusual they are among a background's."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.errors import OutputError
from varscore.meaning.background import Background
from varscore.meaning.groups import GroupColumns
from varscore.meaning.scores import QUANTILE, tracks_in

_CELLS = 1 << 23  # rows times tracks that are looked at together


class QuantileColumns:
    """Signed quantiles of scores, and each row's most extreme one.

    ``<measure>_quantile_<identifier>`` has a score's signed quantile, and is a score column as
    others are, of the measure ``<measure>_quantile``. ``<measure>_extreme_track``,
    ``<measure>_extreme_quantile`` and ``<measure>_extreme_corrected`` are what
    `varscore.meaning.background.Background.extremes` says.

    Parameters
    ----------
    background : Background
    scores : dict of str to list of pyarrow.Field
        The score columns by their measure: S measures with T columns each.
    only_extremes : bool
        Whether to leave out the quantiles of single scores.

    Attributes
    ----------
    fields : tuple of pyarrow.Field
        Of the columns, measure by measure.

    Raises
    ------
    OutputError
        If the background lacks a column, or has one of a group of other tracks.
    """

    def __init__(
        self,
        background: Background,
        scores: dict[str, list[pa.Field]],
        *,
        only_extremes: bool = False,
    ) -> None:
        self._background, self._only_extremes = background, only_extremes
        self._measures: dict[str, list[str]] = {}
        fields = list[pa.Field]()
        for measure, columns in scores.items():
            names = [column.metadata[b"identifier"].decode() for column in columns]
            self._measures[measure] = names
            for known, column in zip(
                background.columns_of(measure, names), columns, strict=True
            ):
                tracks = tracks_in(column)
                if tracks != known.tracks:
                    raise OutputError(
                        f"{background.path}: column {column.name} is of {known.tracks} tracks "
                        f"in the background and of {tracks} in the scores; make one of scores "
                        "of the same tracks (`varscore background build`)"
                    )
            if not only_extremes:
                fields += [_quantile_field(measure, column) for column in columns]
            fields += [
                pa.field(f"{measure}_extreme_{name}", kind, metadata={"measure": measure})
                for name, kind in (
                    ("track", pa.string()),
                    ("quantile", pa.float32()),
                    ("corrected", pa.float32()),
                )
            ]
        self.fields = tuple(fields)

    def columns(self, scores: NDArray[np.float32]) -> list[pa.Array]:
        """Return an array a field, without nulls.

        Parameters
        ----------
        scores : ndarray, shape (B, S, T)
        """
        columns: list[pa.Array] = []
        for place, (measure, names) in enumerate(self._measures.items()):
            columns += self._of_measure(measure, names, scores[:, place])
        return columns

    def _of_measure(
        self, measure: str, names: list[str], scores: NDArray[np.float32]
    ) -> list[pa.Array]:
        rows = len(scores)
        kept = 0 if self._only_extremes else len(names)
        quantiles = np.empty((kept, rows), np.float32)  # a row of memory a column, as in Arrow
        track, extreme, corrected = (
            np.empty(rows, kind) for kind in (np.int64, np.float32, np.float32)
        )
        step = max(1, _CELLS // len(names))
        for start in range(0, rows, step):
            some = slice(start, start + step)
            found = self._background.quantiles(measure, names, scores[some])
            quantiles[:, some] = found[:, :kept].T
            track[some], extreme[some], corrected[some] = self._background.extremes(
                measure, names, scores[some], found
            )
        identifiers = pa.array(names, pa.string()).take(pa.array(track))
        return [*map(pa.array, quantiles), identifiers, pa.array(extreme), pa.array(corrected)]


class WrittenQuantiles(QuantileColumns):
    """Quantiles of what is written of scores: of tracks, of groups of them, or of both.

    Parameters
    ----------
    background, scores, only_extremes
        As of `QuantileColumns`; `scores` has the columns of a measure's tracks, if `tracks`,
        and then those of its groups, if any.
    groups : GroupColumns or None
    tracks : bool
    """

    def __init__(
        self,
        background: Background,
        scores: dict[str, list[pa.Field]],
        groups: GroupColumns | None,
        *,
        tracks: bool,
        only_extremes: bool = False,
    ) -> None:
        super().__init__(background, scores, only_extremes=only_extremes)
        self._groups, self._tracks = groups, tracks

    def columns(self, scores: NDArray[np.float32]) -> list[pa.Array]:
        """Return an array a field, without nulls.

        Parameters
        ----------
        scores : ndarray, shape (B, S, T)
            Of the tracks.
        """
        written = [scores] if self._tracks else []
        if self._groups is not None:
            columns = [column.to_numpy() for column in self._groups.columns(scores)]
            rows, measures, _ = scores.shape
            of_groups = np.reshape(columns, (measures, -1, rows))
            written.append(of_groups.transpose(2, 0, 1))
        return super().columns(np.concatenate(written, axis=2))


def _quantile_field(measure: str, column: pa.Field) -> pa.Field:
    facts = {
        name: value
        for name, value in column.metadata.items()
        if not name.startswith(b"PARQUET:")  # Parquet's own number of the column
    }
    identifier = facts[b"identifier"].decode()
    facts |= {b"statistic": QUANTILE.encode(), b"of": measure.encode()}
    return pa.field(f"{measure}_quantile_{identifier}", pa.float32(), metadata=facts)
