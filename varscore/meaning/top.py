"""The strongest variants of a result, in words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from varscore.meaning.background import Background
from varscore.meaning.effects import Columns, Judged, Ranked
from varscore.meaning.parts import with_parts
from varscore.meaning.ranking import BEYOND, By, chosen_by, order_keys, strongest_tracks
from varscore.results.reading import opened_results
from varscore.results.table import GENE_COLUMNS

WRITTEN = ("chrom", "pos", "id", "ref", "alt", "key")
"""Columns of a result that say what a listed row is; beside them, those of its gene."""


class _Candidate(NamedTuple):
    """Sorts as the ranking does: the strongest first, of equals the first of the file."""

    order: tuple[float, ...]
    place: int
    ranked: Ranked


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
    known = None if background is None else Background.read(background)
    with closing(opened_results(scores)) as readers:
        reader = next(readers)
        made = reader.provenance()
        columns = Columns.of(reader.path, reader.schema, made, statistic, tracks, known)
    by = chosen_by(columns, by, scores)
    best: list[_Candidate] = []
    place = 0
    for table, judged in columns.judged(scores, WRITTEN):
        present = set(table.column_names)
        said = table.select([n for n in (*WRITTEN, *GENE_COLUMNS) if n in present])
        order = order_keys(judged, by)
        rows = np.lexsort([*reversed(order)])[:number]
        found = (
            _Candidate(
                tuple(float(key[row]) for key in order),
                place + int(row),
                _ranked(said, judged, int(row), by, shown),
            )
            for row in rows
        )
        best = sorted([*best, *found], key=lambda candidate: candidate[:2])[:number]
        place += table.num_rows
    ranked = [
        replace(candidate.ranked, rank=rank) for rank, candidate in enumerate(best, start=1)
    ]
    if haplotypes is not None:
        ranked = with_parts(ranked, scores, haplotypes, columns.measure)
    return ranked


def _ranked(said: pa.Table, judged: Judged, row: int, by: By, shown: int) -> Ranked:
    (strongest,) = strongest_tracks(judged.take([row]), by, shown)
    ranked = Ranked(
        rank=0,
        row=said.slice(row, 1).to_pylist()[0],
        effects=tuple(judged.effect(row, int(track)) for track in strongest),
        corrected=None if judged.corrected is None else float(judged.corrected[row]),
    )
    if judged.tails is None:
        return ranked
    beyond = int((judged.tails[row] <= BEYOND).sum())
    return replace(ranked, beyond=beyond, expected=BEYOND * judged.tails.shape[1])
