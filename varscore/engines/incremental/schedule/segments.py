"""Segments: which bins of the reference are predicted together.

And which of them each variant is held against.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from varscore.engines.incremental.schedule.costs import segment_flops
from varscore.engines.incremental.schedule.reach import Reach, Span
from varscore.engines.incremental.schedule.stretches import Grid, Site


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
    """Choose segments; return for each site one for each member of its layout.

    Parameters
    ----------
    sites : sequence of Site
        Of one contig.
    n_tracks : int
        That are predicted.
    """
    reported: dict[Grid, list[Span]] = defaultdict(list)
    for site in sites:
        for grid, span in _reported(site):
            reported[grid].append(span)
    reach = sites[0].layout.reach
    chosen = {grid: choose_segments(reach, spans, n_tracks) for grid, spans in reported.items()}
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
                    SegmentKey(*grid, next(s for s in chosen[grid] if s.covers(span)), False)
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


def choose_segments(reach: Reach, reported: Iterable[Span], n_tracks: int) -> list[Span]:
    """Choose the bins that segments of the reference predict.

    Parameters
    ----------
    reach : Reach
    reported : iterable of Span
        The bins that must lie in one segment, of each variant.
    n_tracks : int

    Returns
    -------
    list of Span
        Sorted by both ends; each reported span lies in at least one.
    """

    @cache
    def flops(width: int) -> int:
        return segment_flops(reach, width, n_tracks)

    segments: list[Span] = []
    for span in sorted(set(reported)):
        if segments:
            last = segments[-1]
            joined = last.join(span)
            if last.covers(span):
                continue
            if flops(joined.width) <= flops(last.width) + flops(span.width):
                segments[-1] = joined
                continue
        segments.append(span)
    return segments
