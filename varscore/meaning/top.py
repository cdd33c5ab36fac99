"""The strongest variants of a result, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from varscore.meaning.effects import Judged, Ranked
from varscore.meaning.parts import with_parts
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


def top_variants(
    scores: str | Path,
    *,
    statistic: str | None = None,
    tracks: str | Sequence[str] | None = None,
    by: By | None = None,
    background: str | Path | None = None,
    number: int = 50,
    shown: int = 3,
    haplotypes: str | Path | None = None,
) -> list[Ranked]:
    """Return the strongest variants of a result.

    By score, a variant is as strong as its score that is largest in size. By quantile, it is
    as strong as its most extreme score is among the background's, corrected for the number of
    tracks; of equals, the one with more tracks beyond the 99.9th percentile, then the one with
    the larger score. Memory is that of a row group and of `number` variants.

    Parameters
    ----------
    scores : str or Path
        A file that varscore wrote, or a folder of such files.
    statistic : str, optional
        Of the result's; its first if not given.
    tracks : str or sequence of str, optional
        Which tracks count, as for `varscore.read_scores`; all if not given.
    by : {"score", "quantile"}, optional
        By quantile if there is a background, or the result has quantiles, else by score.
    background : str or Path, optional
        A background that the scores are held against.
    number : int
        How many variants, at most.
    shown : int
        How many tracks of each, at most.
    haplotypes : str or Path, optional
        The VCF of haplotypes with their parts that was scored: effects then have the sum of
        the members' scores, to be set against the whole's.

    Returns
    -------
    list of Ranked
        The strongest first; empty if no row was scored.

    Raises
    ------
    OutputError
        If a file cannot be used, or the background does not fit.
    OptionError
        If `tracks` names none of the result's tracks, or there are no quantiles to rank by.
    """
    _, columns, by = ranked_columns(scores, statistic, tracks, by, background)
    best = Strongest[Ranked](number)
    for table, judged in columns.judged(scores, WRITTEN):
        of = partial(_ranked, said_of(table), judged, by, shown)
        best.add(order_keys(judged, by), of)
    ranked = [replace(one, rank=rank) for rank, one in enumerate(best.rows, start=1)]
    if haplotypes is not None:
        ranked = with_parts(ranked, scores, haplotypes, columns.measure)
    return ranked


def _ranked(said: pa.Table, judged: Judged, by: By, shown: int, row: int) -> Ranked:
    one = judged.take([row])
    (strongest,) = strongest_tracks(one, by, shown)
    ranked = Ranked(
        rank=0,
        row=said.slice(row, 1).to_pylist()[0],
        effects=tuple(judged.effect(row, int(track)) for track in strongest),
        corrected=None if one.corrected is None else float(one.corrected[0]),
    )
    if (count := beyond(one)) is None:
        return ranked
    return replace(ranked, beyond=int(count[0]), expected=BEYOND * len(judged.tracks))
