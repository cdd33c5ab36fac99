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
from varscore.engines.incremental.schedule.walks import merge_spans

# FLOPs that could be done while a segment is set up, and batches against it: what small models
# pay most for.
_EACH = 200_000_000


class SegmentKey(NamedTuple):
    """A segment of the reference, of one strand and phase.

    Attributes
    ----------
    reverse : bool
    phase : int
    span : Span
        The bins that are carried through the blocks; for a window of its own, all of them.
    wanted : tuple of Span
        Those of them that are predicted; sorted, and none touches another.
    own : bool
    """

    reverse: bool
    phase: int
    span: Span
    wanted: tuple[Span, ...]
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
        if not site.layout.own:
            for grid, span in _reported(site):
                reported[grid].append(span)
    reach = sites[0].layout.reach
    chosen = {grid: choose_segments(reach, spans, n_tracks) for grid, spans in reported.items()}
    keys = []
    for site in sites:
        if site.layout.own:
            window = Span(0, reach.config.window_bins)
            keys.append(
                tuple(
                    SegmentKey(*grid, window.shift(origin), (span,), True)
                    for (grid, span), origin in zip(
                        _reported(site), _origins(site), strict=True
                    )
                )
            )
        else:
            keys.append(
                tuple(
                    SegmentKey(
                        *grid, *next(c for c in chosen[grid] if c[0].covers(span)), False
                    )
                    for grid, span in _reported(site)
                )
            )
    return keys


def _origins(site: Site) -> Iterator[int]:
    return (start // site.layout.reach.config.bin_width for start in site.starts)


def _reported(site: Site) -> Iterator[tuple[Grid, Span]]:
    """Yield where each member's predictions must be known."""
    width = site.layout.reach.config.bin_width
    for member, start in zip(site.layout.members, site.starts, strict=True):
        origin, phase = divmod(start, width)
        yield (member.reverse, phase), site.layout.reported(member).shift(origin)


def choose_segments(
    reach: Reach, reported: Iterable[Span], n_tracks: int
) -> list[tuple[Span, tuple[Span, ...]]]:
    """Choose segments of the reference.

    Parameters
    ----------
    reach : Reach
    reported : iterable of Span
        The bins that must be predicted in one segment, of each variant.
    n_tracks : int

    Returns
    -------
    list of (Span, tuple of Span)
        The bins of each segment, and those of them that are predicted. Sorted by both ends;
        each reported span lies in at least one, in a piece.
    """

    @cache
    def flops(width: int, predicted: int) -> int:
        return segment_flops(reach, width, predicted, n_tracks)

    halo = sum(reach.block_reaches)  # no segment reads trunk bins that no variant needs
    segments: list[tuple[Span, list[Span]]] = []
    predicted = 0  # bins of the last segment
    for span in sorted(set(reported)):
        if segments:
            bins, wanted = segments[-1]
            new = max(0, span.end - max(span.start, wanted[-1].end))
            joined = bins.join(span)
            apart = flops(bins.width, predicted) + flops(span.width, span.width) + _EACH
            near = span.start - bins.end <= 2 * halo
            if not new or (near and flops(joined.width, predicted + new) <= apart):
                wanted[-1:] = merge_spans([wanted[-1], span])
                segments[-1], predicted = (joined, wanted), predicted + new
                continue
        segments.append((span, [span]))
        predicted = span.width
    return [(span, tuple(wanted)) for span, wanted in segments]
