"""What the numbers of a track are numbers of: how measurements became what a model predicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from varscore.models.tracks import TrackTable

_SUMMED = {
    "mean": "the mean of the measured coverage over the bin's bases",
    "sum": "the sum of the measured coverage over the bin's bases",
    "sum_sqrt": "the square root of the summed coverage of the bin's bases",
    "max": "the largest measured coverage in the bin",
    "median": "the median of the measured coverage over the bin's bases",
}


@dataclass(frozen=True)
class Unit:
    """How some tracks were measured.

    Attributes
    ----------
    tracks : str
        Which they are, in words.
    text : str
        What a prediction, and a SAD of 3, means there; in sentences.
    """

    tracks: str
    text: str


def units(tracks: TrackTable, bin_width: int) -> list[Unit]:
    """Say what predictions of tracks are in units of.

    The original project made numbers to learn from of the measured coverage: it summarised
    each bin (``sum_stat``), cut off what was larger than a limit (``clip``), and multiplied by
    a factor (``scale``), as its table of tracks says.

    Parameters
    ----------
    tracks : TrackTable
        With the columns ``clip``, ``scale`` and ``sum_stat``, where these are known.
    bin_width : int
        Bases of a bin.

    Returns
    -------
    list of Unit
        Those of most tracks first.
    """
    empty = ("",) * len(tracks)
    cells = [tracks.columns.get(name, empty) for name in ("sum_stat", "clip", "scale", "assay")]
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    for sum_stat, clip, scale, assay in zip(*cells, strict=True):
        kind = (sum_stat, clip, scale)
        groups.setdefault(kind, Counter())[assay or "other"] += 1
    ranked = sorted(groups.items(), key=lambda item: -item[1].total())
    return [Unit(_which(assays), _text(*kind, bin_width)) for kind, assays in ranked]


def _which(assays: Counter[str]) -> str:
    return ", ".join(
        f"{name} ({number:,} track{'' if number == 1 else 's'})"
        for name, number in assays.most_common()
    )


def _text(sum_stat: str, clip: str, scale: str, bin_width: int) -> str:
    try:
        factor, limit = float(scale), float(clip)
    except ValueError:
        return (
            "The track table does not say how measurements became numbers. A SAD of 3 is 3 "
            f"units of predicted coverage more with ALT, summed over bins of {bin_width} bases."
        )
    summed = _SUMMED.get(sum_stat, f"the measured coverage of the bin, by {sum_stat}")
    text = (
        f"A bin's prediction stands for {summed} ({bin_width} bases), cut off at {limit:g}"
        + (f" and multiplied by {factor:g}" if factor != 1 else "")
        + f", so that none the model learnt from is above {limit * factor:g}. "
    )
    text += "A SAD of 3 is 3 of these units more with ALT, summed over all bins that count"
    if sum_stat == "mean":
        bases = 3 / factor * bin_width
        text += (
            f": as if one bin's mean coverage rose by {3 / factor:g}, "
            f"or {bases:g} bases were covered once more"
        )
    elif sum_stat == "sum":
        text += f": {3 / factor:g} more of measured coverage, as of read ends or tags"
    return text + "."
