"""Planning: which trunk bins variants need, and how to compute them at the fewest FLOPs.

All of this is arithmetic on intervals; no tensor is touched. Bins are those of a strand at a
phase: bin b of phase p starts at base p + width * b of the strand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile

from varscore.engines.layout import Layout
from varscore.engines.reach import Reach, Span
from varscore.engines.reference import segment_flops
from varscore.engines.trunk import plan_levels, walk_flops
from varscore.variant import Variant


@dataclass(frozen=True)
class Site:
    """A variant to be scored.

    Attributes
    ----------
    row : int
        Its row in the result.
    variant : Variant
    layout : Layout
    starts : tuple of int
        Where each member's window starts, on the member's strand.
    """

    row: int
    variant: Variant
    layout: Layout
    starts: tuple[int, ...]

    def grids(self) -> set[tuple[bool, int]]:
        """Return the strands and phases at which trunk bins are needed."""
        width = self.layout.reach.config.bin_width
        return {
            (member.reverse, (start + offset) % width)
            for member, start in zip(self.layout.members, self.starts, strict=True)
            for offset in (0, *(path.moved_offset for path in member.paths))
        }


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


def plan_walks(
    reach: Reach,
    needs: Mapping[int, Sequence[Span]],
    pinned: Mapping[int, Sequence[Span]],
    cell: int,
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
    return walks


def _walks_flops(reach: Reach, walks: Iterable[Walk]) -> int:
    return sum(walk_flops(reach, plan_levels(reach, w.phases, w.bins)) for w in walks)


def plan_segments(reach: Reach, reported: Iterable[Span], n_tracks: int) -> list[Span]:
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


def next_stretch(
    sites: Sequence[Site], room: int, trunk_bytes: int, segment_bytes: int
) -> Sequence[Site]:
    """Return the sites that are to be scored first, together.

    They are as many as there is room for, or fewer, so that the stretches of a contig are
    about equal: a short one at the end would pay for its surroundings all the same.

    Parameters
    ----------
    sites, room, trunk_bytes, segment_bytes
        As for `cut_stretches`.

    Returns
    -------
    sequence of Site
        The first of `sites`.
    """
    contig = sites[0].variant.contig
    sizes = [
        len(stretch)
        for stretch in takewhile(
            lambda stretch: stretch[0].variant.contig == contig,
            cut_stretches(sites, room, trunk_bytes, segment_bytes),
        )
    ]
    return sites[: min(sizes[0], -(-sum(sizes) // len(sizes)))]


def cut_stretches(
    sites: Sequence[Site], room: int, trunk_bytes: int, segment_bytes: int
) -> Iterator[list[Site]]:
    """Cut sorted sites into stretches that are scored one after the other.

    Parameters
    ----------
    sites : sequence of Site
        Sorted by contig and position.
    room : int
        Bytes that a stretch may take, unless a single variant takes more.
    trunk_bytes : int
        Bytes of a trunk bin, at one strand and phase.
    segment_bytes : int
        Bytes of a bin of all segments that are kept at a time.
    """
    stretch: list[Site] = []
    grids: set[tuple[bool, int]] = set()
    windows = run = longest = covered = 0  # the latter three in bases
    for site in sites:
        config = site.layout.reach.config
        new = site.grids()
        if stretch:
            last = stretch[-1].variant
            other = site.variant.contig != last.contig
            step = min(site.variant.start - last.start, config.window_length)
            # A segment may span variants whose windows overlap, and no more.
            run = run + step if step < config.window_length else config.window_length
            # Neither every grid along all that is covered, nor every window by itself.
            covered, count = covered + step, windows + len(new)
            bins = min(
                len(grids | new) * -(-covered // config.bin_width), count * config.window_bins
            )
            bins += count * 2 * (site.layout.reach.edge + 1)  # the differences in it
            segments = -(-max(run, longest) // config.bin_width)
            if other or bins * trunk_bytes + segments * segment_bytes > room:
                yield stretch
                stretch = []
        if not stretch:
            grids, windows, longest = set(), 0, 0
            run = covered = config.window_length
        stretch.append(site)
        grids |= new
        windows += len(new)
        longest = max(longest, run)
    if stretch:
        yield stretch
