"""Which segments of the reference variants are held against, and keeping them."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from varscore.engines.reach import Span
from varscore.engines.reference import Segment, Stages, reference_segment
from varscore.engines.shared import Grid, SharedTrunk
from varscore.engines.stretch import Site, plan_segments


class SegmentKey(NamedTuple):
    """A segment of the reference: of one strand and phase, the bins that it predicts.

    Attributes
    ----------
    reverse : bool
    phase : int
    span : Span
        For a window of its own, all of the window's bins.
    own : bool
    """

    reverse: bool
    phase: int
    span: Span
    own: bool


def segment_keys(sites: Sequence[Site], n_tracks: int) -> list[tuple[SegmentKey, ...]]:
    """Choose segments; return for each site one for each member of its layout."""
    reported: dict[Grid, list[Span]] = defaultdict(list)
    for site in sites:
        for grid, span in _reported(site):
            reported[grid].append(span)
    reach = sites[0].layout.reach
    planned = {grid: plan_segments(reach, spans, n_tracks) for grid, spans in reported.items()}
    keys = []
    for site in sites:
        if site.layout.own:
            window = Span(0, reach.config.window_bins)
            own = []
            for member, start in zip(site.layout.members, site.starts, strict=True):
                origin, phase = divmod(start, reach.config.bin_width)
                own.append(SegmentKey(member.reverse, phase, window.shift(origin), True))
            keys.append(tuple(own))
        else:
            keys.append(
                tuple(
                    SegmentKey(*grid, next(s for s in planned[grid] if s.covers(span)), False)
                    for grid, span in _reported(site)
                )
            )
    return keys


def _reported(site: Site) -> Iterator[tuple[Grid, Span]]:
    """Yield where each member's predictions must be known, if it shares its reference."""
    if site.layout.own:
        return
    for member, start in zip(site.layout.members, site.starts, strict=True):
        origin, phase = divmod(start, site.layout.reach.config.bin_width)
        yield (member.reverse, phase), site.layout.reported(member).shift(origin)


class Segments:
    """Segments of the reference, computed when they are first asked for, the last ones kept.

    Parameters
    ----------
    stages : Stages
    trunk : SharedTrunk
    keep : int
        Segments that one batch needs.
    """

    def __init__(self, stages: Stages, trunk: SharedTrunk, keep: int) -> None:
        self._stages, self._trunk, self._keep = stages, trunk, keep
        self._kept: OrderedDict[SegmentKey, Segment] = OrderedDict()

    def get(self, key: SegmentKey) -> Segment:
        """Return a segment."""
        if key not in self._kept:
            while len(self._kept) >= self._keep:
                self._kept.popitem(last=False)
            self._kept[key] = self._compute(key)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _compute(self, key: SegmentKey) -> Segment:
        reach = self._stages.reach
        if key.own:
            start = key.phase + key.span.start * reach.config.bin_width
            bins = self._trunk.window(key.reverse, start)
            return reference_segment(self._stages, bins, key.span.start, padded=True)
        needed = reach.needed(key.span)[0]
        bins = self._trunk.bins(key.reverse, key.phase, needed)
        return reference_segment(self._stages, bins, needed.start, padded=False)
