"""What figures of a result show: plain lists of numbers and names, made of a `Survey`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from varscore.meaning.effects import Judged
from varscore.meaning.survey import Survey

_PLACES = 800  # along the genome, each with the strongest rise and fall

UNKNOWN = "not known"
"""Stands where the track table does not say, such as of a track without a tissue."""


def measure_in_words(survey: Survey) -> str:
    """Return what cells of tracks show: scores of different tracks have different units."""
    if _judged_by(survey.leading[0].judged if survey.leading else None) == "ratio":
        return "log2((ALT + 1) / (REF + 1))"
    return survey.columns.measure


def along_genome(survey: Survey) -> dict[str, Any]:
    """Return the strongest scores along the genome.

    Returns
    -------
    dict
        ``points``: each with ``x`` (0-based position, contigs laid end to end), ``y`` (score),
        ``key``, ``track`` and ``rank``; ``contigs``: each with ``name``, ``start``, ``end`` on
        that axis, and the position ``from`` which it is shown; ``measure``.
    """
    table, lengths = survey.ranking, survey.made.genome.contigs
    if not table.num_rows:
        return {"points": [], "contigs": [], "measure": survey.columns.measure}
    chroms = pc.dictionary_encode(table["chrom"].combine_chunks())
    names, codes = chroms.dictionary.to_pylist(), chroms.indices.to_numpy()
    positions = table["pos"].to_numpy().astype(np.int64) - 1
    scores = table["score"].to_numpy().astype(np.float64)
    known = {name: place for place, name in enumerate(lengths)}
    order = sorted(range(len(names)), key=lambda c: (known.get(names[c], len(known)), c))
    starts, contigs, at = np.zeros(len(names), np.int64), [], 0
    for code in order:
        mine = positions[codes == code]
        # One contig is shown where its variants are, several in full.
        low = int(mine.min()) if len(order) == 1 else 0
        high = int(mine.max()) + 1
        if len(order) > 1:
            high = max(lengths.get(names[code], 0), high)
        starts[code] = at - low
        contigs.append({"name": names[code], "start": at, "end": at + high - low, "from": low})
        at += high - low
    x = positions + starts[codes]
    place = x * _PLACES // max(at, 1) * 2 + (scores > 0)
    # The ranking's order need not be that of sizes.
    by_size = np.argsort(-np.abs(scores), kind="stable")
    _, first = np.unique(place[by_size], return_index=True)
    rows = np.sort(by_size[first])
    chosen = table.select(["rank", "key", "track", "score"]).take(pa.array(rows)).to_pylist()
    points = [
        {
            "x": at,
            "y": _rounded(row["score"]),
            "key": row["key"],
            "track": row["track"],
            "rank": row["rank"],
        }
        for row, at in zip(chosen, x[rows].tolist(), strict=True)
    ]
    return {"points": points, "contigs": contigs, "measure": survey.columns.measure}


def heatmap(survey: Survey) -> dict[str, Any]:
    """Return what the strongest variants do to each tissue.

    Of a variant and tissue it is the track on which the variant acts most.

    Returns
    -------
    dict
        ``cells``: each with ``row`` (place in ``rows``), ``column``, ``value`` and ``track``;
        ``rows`` the variants' keys, ``columns`` tissues, or assays where no tissue is known,
        as ``by`` says; ``measure``.
    """
    name = "tissue" if any(survey.columns.tracks.columns.get("tissue", ())) else "assay"
    cells = [
        {"row": row, "column": groups[0], **cell}
        for row, leading in enumerate(survey.leading)
        for groups, cell in _strongest(leading.judged, (name,))
    ]
    columns = sorted(
        {cell["column"] for cell in cells}, key=lambda text: (text == UNKNOWN, text)
    )
    return {
        "cells": cells,
        "rows": [one.row["key"] for one in survey.leading],
        "columns": columns,
        "by": name,
        "measure": measure_in_words(survey),
    }


def assay_by_tissue(judged: Judged) -> list[dict[str, Any]]:
    """Return the strongest effect of one row in each assay and tissue.

    Parameters
    ----------
    judged : Judged
        Of one row.

    Returns
    -------
    list of dict
        ``assay``, ``tissue``, ``value`` and ``track``.
    """
    return [
        {"assay": groups[0], "tissue": groups[1], **cell}
        for groups, cell in _strongest(judged, ("assay", "tissue"))
    ]


def score_sizes(survey: Survey) -> dict[str, Any]:
    """Return which share of scores is at least how large, here and in the background.

    Returns
    -------
    dict
        ``lines``: each with ``x`` (size), ``y`` (share) and ``of``; ``measure``.
    """
    edges, shares = survey.sizes.reached()
    if len(edges):  # what is below a ten-thousandth of the largest is of no interest
        seen = edges >= edges[-1] * 1e-4
        edges, shares = edges[seen], shares[seen]
    lines = _line("these variants", edges, shares)
    background, tracks = survey.columns.background, survey.columns.tracks.identifiers
    if background is not None and len(edges):
        total, wide = np.zeros(len(edges)), edges.astype(np.float32)
        for column in background.columns_of(survey.columns.measure, tracks):
            total += _beyond(1 - column.quantiles(wide), column.rows)
            if column.signed:
                total += _beyond(column.quantiles(-wide), column.rows)
        lines += _line("background", edges, total / len(tracks))
    return {"lines": lines, "measure": survey.columns.measure}


def calibration(survey: Survey) -> dict[str, Any] | None:
    """Return how many variants are how unusual; None where there is no background.

    Returns
    -------
    dict
        ``lines``: each with ``x`` (corrected share), ``y`` (share of variants with one as
        small) and ``of``. Were the variants like the background's, both would be equal.
    """
    if survey.corrected is None:
        return None
    edges, reached = survey.corrected.reached()
    # The share that is at most the upper end of a bin is what does not reach the next.
    below = 1 - np.append(reached[1:], 0.0)
    upper = np.minimum(edges * (survey.corrected.edges[1] / survey.corrected.edges[0]), 1.0)
    ends = np.array([upper[0], 1.0])
    return {"lines": _line("these variants", upper, below) + _line("background", ends, ends)}


def _beyond(shares: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Return shares of a background's rows, 0 for the least that is ever said of them."""
    return np.where(shares > 1 / (rows + 1) * (1 + 1e-9), shares, 0.0)


def _line(name: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> list[dict[str, Any]]:
    return [
        {"of": name, "x": _rounded(a), "y": _rounded(b)}
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
        if b > 0
    ]


def _judged_by(judged: Judged | None) -> str:
    return "score" if judged is None or judged.ratios is None else "ratio"


def _strongest(
    judged: Judged, columns: Sequence[str]
) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Return of one row's tracks the strongest of each combination of values of columns."""
    tracks = judged.tracks
    values = (judged.scores if judged.ratios is None else judged.ratios)[0]
    size = np.abs(values)
    if judged.tails is not None:
        order = np.lexsort([-size, judged.tails[0]])
    else:
        order = np.argsort(-size, kind="stable")
    empty = ("",) * len(tracks)
    groups = list(zip(*(tracks.columns.get(name, empty) for name in columns), strict=True))
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for track in order.tolist():
        if groups[track] not in found:
            cell = {"value": _rounded(float(values[track])), "track": tracks.identifiers[track]}
            found[groups[track]] = cell
    return [(tuple(text or UNKNOWN for text in group), found[group]) for group in sorted(found)]


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")
