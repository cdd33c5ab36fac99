"""Walks along the trunk: which trunk bins at which phases together, at the fewest FLOPs.

Bins are those of a strand at a phase: bin b of phase p starts at base p + width * b of the
strand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from varscore.engines.incremental.schedule.costs import trunk_flops
from varscore.engines.incremental.schedule.reach import Reach, Span

# Positions of a row that a convolution computes in groups are in the same ones whatever else a
# walk computes, so that they are rounded alike: a multiple of the outputs of a group.
GROUPED = 4


@dataclass(frozen=True)
class Level:
    """The input of one trunk layer, or the trunk's output.

    Attributes
    ----------
    rows : tuple of int
        The phases that are computed, modulo 2^l, in ascending order.
    span : Span
        Positions of each row.
    """

    rows: tuple[int, ...]
    span: Span


def levels_for(reach: Reach, phases: Iterable[int], bins: Span) -> tuple[Level, ...]:
    """Return the levels that a walk needs, from bases to bins.

    What each layer computes begins and ends at multiples of `GROUPED`.

    Parameters
    ----------
    reach : Reach
    phases : iterable of int
    bins : Span
        The trunk bins that are wanted at each phase.
    """
    levels = [Level(tuple(sorted(phases)), bins)]
    for depth, kernel in reversed(list(enumerate(reach.kernels))):
        child = levels[-1]
        offsets = [row >> depth & 1 for row in child.rows]
        first, end = 2 * child.span.start + min(offsets), 2 * child.span.end + max(offsets)
        pooled = Span(first // GROUPED * GROUPED, -(-end // GROUPED) * GROUPED)
        rows = tuple(sorted({row % 2**depth for row in child.rows}))
        levels.append(Level(rows, pooled.widen(kernel // 2)))
    return tuple(reversed(levels))


def walk_flops(reach: Reach, levels: Sequence[Level]) -> int:
    """Count the FLOPs of a walk.

    Parameters
    ----------
    reach : Reach
    levels : sequence of Level
        As `levels_for` made them.
    """
    return trunk_flops(
        reach,
        tuple(len(level.rows) for level in levels[:-1]),
        tuple(
            level.span.width - kernel + 1
            for level, kernel in zip(levels, reach.kernels, strict=False)
        ),
    )


@dataclass(frozen=True)
class Walk:
    """One walk along the trunk: bins `bins` at each of `phases`."""

    phases: tuple[int, ...]
    bins: Span


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Join the spans that overlap or touch; sorted."""
    merged: list[Span] = []
    for span in sorted(span for span in spans if span.width):
        if merged and span.start <= merged[-1].end:
            merged[-1] = merged[-1].join(span)
        else:
            merged.append(span)
    return merged


def choose_walks(
    reach: Reach,
    needs: Mapping[int, Sequence[Span]],
    pinned: Mapping[int, Sequence[Span]],
    cell: int,
    alone: int = 0,
) -> list[Walk]:
    """Choose walks along one strand that together give the trunk bins that are needed.

    The strand is cut into cells; in each, the phases go together over the bins that any of
    them needs, or one by one over their own bins, whichever costs fewer FLOPs.

    Parameters
    ----------
    reach : Reach
    needs : mapping of int to sequence of Span
        Of each phase, the bins that are needed.
    pinned : mapping of int to sequence of Span
        Of each phase, bins that must not be split between walks.
    cell : int
        Bins of a cell; a walk exceeds it by no more than a pinned span.
    alone : int
        Bins of a walk at one phase, which needs less memory: what cells have cut is joined up
        to so many.

    Returns
    -------
    list of Walk
        In ascending order of cells.
    """
    cells: dict[int, dict[int, Span]] = defaultdict(dict)
    first = min(span.start for spans in needs.values() for span in spans)
    for phase, spans in needs.items():
        for span in spans:
            for number in range((span.start - first) // cell, -(-(span.end - first) // cell)):
                part = span.meet(Span(first + number * cell, first + (number + 1) * cell))
                cells[number][phase] = part.join(cells[number].get(phase, part))
    for phase, spans in pinned.items():
        for span in spans:
            phases = cells[(span.start - first) // cell]
            phases[phase] = span.join(phases.get(phase, span))
    walks = []
    for _, phases in sorted(cells.items()):
        hull = Span(min(s.start for s in phases.values()), max(s.end for s in phases.values()))
        together = [Walk(tuple(sorted(phases)), hull)]
        apart = [Walk((phase,), span) for phase, span in sorted(phases.items())]
        walks += min(together, apart, key=lambda choice: _walks_flops(reach, choice))
    return _joined(walks, alone)


def _joined(walks: Iterable[Walk], most: int) -> list[Walk]:
    """Join what cells have cut apart of one phase, up to so many bins."""
    joined: list[Walk] = []
    last: dict[tuple[int, ...], int] = {}  # of each phase, its last walk's place
    for walk in walks:
        place = last.get(walk.phases)
        if place is not None and walk.bins.start <= joined[place].bins.end:
            bins = joined[place].bins.join(walk.bins)
            if bins.width <= most:
                joined[place] = Walk(walk.phases, bins)
                continue
        last[walk.phases] = len(joined)
        joined.append(walk)
    return joined


def _walks_flops(reach: Reach, walks: Iterable[Walk]) -> int:
    return sum(walk_flops(reach, levels_for(reach, w.phases, w.bins)) for w in walks)
