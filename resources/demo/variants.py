"""What the demo's variants do, known before any model is asked.

A variant's class follows from the motifs alone: by how much the factors' occupancy near it
changes. Its true scores follow from `simulate.expected_coverage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import simulate
import torch
from numpy.typing import NDArray
from simulate import FACTOR_NAMES, FACTORS, Codes
from torch import Tensor

Genome = Mapping[str, Codes]

FLANK = 20  # bases around a variant in which it can make or break a site; motifs have 14
LARGE_CHANGE = 0.4  # of occupancy, where a site at its best has 1


class Change(NamedTuple):
    """One allele, trimmed and left-aligned; `start` is 0-based."""

    contig: str
    start: int
    ref: str
    alt: str

    @property
    def end(self) -> int:
        """0-based end of REF, exclusive."""
        return self.start + len(self.ref)

    @property
    def kind(self) -> str:
        """What a geneticist calls it."""
        if len(self.ref) == len(self.alt):
            return "snv" if len(self.ref) == 1 else "mnv"
        if self.ref[0] != self.alt[0]:
            return "delins"
        return "insertion" if len(self.ref) < len(self.alt) else "deletion"


class Effect(NamedTuple):
    """What an allele does to the binding sites near it.

    `name` is breaks or creates (occupancy changes by at least 0.4), weakens or strengthens
    (by less), silent (lies in a site, whose occupancy stays), nearby (a site is near, but
    not touched) or neutral (no site is near). `factor` is "." for the last two.
    """

    name: str
    factor: str


def trimmed(contig: str, pos: int, ref: str, alt: str) -> Change:
    """Return an allele without the bases that REF and ALT share (one is kept if need be)."""
    while min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        pos, ref, alt = pos + 1, ref[1:], alt[1:]
    return Change(contig, pos - 1, ref, alt)


def in_normal_form(change: Change) -> bool:
    """Whether it cannot be trimmed, and an indel cannot be moved to the left."""
    longer = max(change.ref, change.alt, key=len)
    if change.kind in ("insertion", "deletion"):
        return longer[-1] != longer[0] and min(len(change.ref), len(change.alt)) == 1
    return change.ref[-1] != change.alt[-1] and change.ref[0] != change.alt[0]


def effects(genome: Genome, changes: Sequence[Change]) -> list[Effect]:
    """Classify alleles by what they do to the sites around them."""
    ref = [_context(genome, change, change.ref) for change in changes]
    alt = [_context(genome, change, change.alt) for change in changes]
    # N to the right of the shorter ones; no site lies in N.
    width = max(map(len, ref + alt)) + FLANK
    rows = np.full((2, len(changes), width), 4, dtype=np.uint8)
    for i in range(len(changes)):
        rows[0, i, : len(ref[i])] = ref[i]
        rows[1, i, : len(alt[i])] = alt[i]
    before, after = (
        torch.cat([occupancy(part) for part in np.array_split(row, len(row) // 1000 + 1)])
        for row in rows
    )
    total_before, total_after = (part.double().sum(-1).numpy() for part in (before, after))
    difference = (total_after - total_before).round(6)  # (B, F)
    near = (total_before + total_after).sum(axis=1) > 0
    over = _sites_over_variant(before)
    found = []
    for i, row in enumerate(difference):
        largest = int(np.abs(row).argmax())
        if abs(row[largest]) >= LARGE_CHANGE:
            name, factor = ("breaks" if row[largest] < 0 else "creates"), largest
        elif row[largest]:
            name, factor = ("weakens" if row[largest] < 0 else "strengthens"), largest
        elif over[i].any():
            name, factor = "silent", int(over[i].argmax())
        else:
            found.append(Effect("nearby" if near[i] else "neutral", "."))
            continue
        found.append(Effect(name, FACTOR_NAMES[factor]))
    return found


def occupancy(rows: Codes) -> Tensor:
    """Map codes, shape (B, L), to each factor's occupancy of each base, (B, F, L)."""
    return simulate.affinity(simulate.one_hot(rows)).clamp(min=0)


def _context(genome: Genome, change: Change, allele: str) -> Codes:
    contig = genome[change.contig]
    return np.concatenate(
        [
            contig[change.start - FLANK : change.start],
            simulate.encode(allele),
            contig[change.end : change.end + FLANK],
        ]
    )


def _sites_over_variant(bound: Tensor) -> NDArray[np.bool_]:
    """Return which factors have a good site over the first base; `bound` is (B, F, L)."""
    found = []
    for row, factor in enumerate(FACTORS):
        after = len(factor.motif) // 2  # bases of a site before its middle
        before = len(factor.motif) - 1 - after
        found.append(bound[:, row, FLANK - before : FLANK + after + 1].amax(-1) >= 0.5)
    covered: NDArray[np.bool_] = torch.stack(found, dim=1).numpy()
    return covered


def windows(genome: Genome, change: Change) -> tuple[Codes, ...]:
    """Cut the windows that a centred, stitched score reads, by plain splicing.

    Returns
    -------
    ref, left, right : ndarray, each of length L
        The reference; the alternate with its left flank in register with it; and, where
        the alleles differ in length, the alternate with its right flank in register.
    """
    length = simulate.WINDOW_LENGTH
    contig = genome[change.contig]
    spliced = np.concatenate(
        [contig[: change.start], simulate.encode(change.alt), contig[change.end :]]
    )
    start = change.start - (length // 2 - 1)
    shift = len(change.alt) - len(change.ref)
    starts = (start, start + shift) if shift else (start,)
    return _cut(contig, start), *(_cut(spliced, each) for each in starts)


def _cut(contig: Codes, start: int) -> Codes:
    end = start + simulate.WINDOW_LENGTH
    inside = contig[max(start, 0) : max(end, 0)]
    return np.pad(inside, (max(-start, 0), max(end - len(contig), 0)), constant_values=4)


def true_sad(genome: Genome, change: Change) -> NDArray[np.float64]:
    """Return the SAD that a perfect model would give, shape (T,).

    Alternate minus reference coverage, summed over the 96 bins left by the crop. Bins up to
    the variant's are read off the left alternate, those after it off the right one.
    """
    cut = windows(genome, change)
    crop, length = simulate.CROP_BINS, simulate.WINDOW_LENGTH
    coverage = simulate.expected_coverage(simulate.one_hot(np.stack(cut)))[:, crop:-crop]
    ref, left, right = coverage[0], coverage[1], coverage[-1]
    seam = (length // 2 - 1) // simulate.BIN_WIDTH + 1 - crop
    sad: NDArray[np.float64] = (torch.cat([left[:seam], right[seam:]]) - ref).sum(0).numpy()
    return sad
