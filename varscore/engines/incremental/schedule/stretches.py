"""Stretches: sorted variants cut into pieces that are scored one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from varscore.engines.incremental.schedule.layout import Layout
from varscore.variant import Variant

Grid = tuple[bool, int]
"""Strand (whether the reverse one) and phase."""


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
            for offset in (0, *(alternate.moved_offset for alternate in member.alternates))
        }


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
