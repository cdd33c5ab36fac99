"""A stretch of a contig: its trunk, computed once, and what each variant changes in it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from varscore.engines.incremental.kernels.stored import Stored
from varscore.engines.incremental.schedule.costs import walk_numbers
from varscore.engines.incremental.schedule.reach import Reach, Span
from varscore.engines.incremental.schedule.stretches import Grid, Site
from varscore.engines.incremental.schedule.walks import (
    Level,
    Walk,
    choose_walks,
    levels_for,
    merge_spans,
)
from varscore.engines.incremental.strand import Strand, encode
from varscore.engines.incremental.trunk import Substitutions, Trunk
from varscore.engines.runtime import Workers

T = TypeVar("T")

# Variants that are carried through the trunk together: substitutions, sequences with an indel.
_MANY, _FEW = 128, 16


class SharedTrunk:
    """The trunk's output along a stretch, at the strands and phases that its variants need.

    Parameters
    ----------
    trunk : Trunk
    strands : mapping of bool to Strand
        Forward (False) and reverse (True).
    sites : sequence of Site
        All on the strands' contig.
    room : int
        Bytes that each worker may take beside what is kept of its work.
    workers : Workers
    device : torch.device
    dtype : torch.dtype
    """

    def __init__(
        self,
        trunk: Trunk,
        strands: Mapping[bool, Strand],
        sites: Sequence[Site],
        room: int,
        workers: Workers,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._trunk, self._strands, self._workers = trunk, strands, workers
        self._device, self._dtype = device, dtype
        self._width = trunk.reach.config.bin_width
        self._pieces: dict[Grid, list[Stored]] = {}
        # By row and member: the substitution's difference, shape (W, C), and its first bin.
        self._substituted: dict[tuple[int, int], tuple[Tensor, int]] = {}
        # By row, member and alternate: the trunk bins that read an indel's allele.
        self._crossing: dict[tuple[int, int, int], Tensor] = {}
        self._allocate(sites)
        for reverse in strands:
            self._walk(reverse, sites, room)
        self._walk_crossing(sites)

    def bins(self, reverse: bool, phase: int, span: Span) -> Tensor:
        """Return the trunk's output on some bins, shape (n, C); a view.

        Parameters
        ----------
        reverse : bool
        phase : int
        span : Span
            Bins at this phase, all of which some site needs.
        """
        pieces = self._pieces[reverse, phase]
        piece = pieces[bisect_right(pieces, span.start, key=lambda p: p.start) - 1]
        return piece.windows([span.start], span.width)[0]

    def window(self, reverse: bool, start: int) -> Tensor:
        """Return the trunk's output on a whole window, whose ends see zeros beyond.

        Parameters
        ----------
        reverse : bool
        start : int
            The window's first base on its strand.
        """
        reach = self._trunk.reach
        origin, phase = divmod(start, self._width)
        inner = self.bins(reverse, phase, reach.clean.shift(origin))
        if not reach.edge:
            return inner
        left, right = self._trunk.window_ends(
            encode(
                [self._strands[reverse].fetch(span) for span in reach.end_bases(start)],
                self._device,
                self._dtype,
            )
        )
        return torch.cat([left, inner, right])

    def difference(self, site: Site, member: int, side: int, out: Tensor) -> None:
        """Write the difference of the trunk's output on an alternate's first active bins.

        Parameters
        ----------
        site : Site
        member, side : int
            The member's number in the site's layout, the alternate's in the member's.
        out : Tensor, shape (W, C)
        """
        chosen = site.layout.members[member]
        alternate = chosen.alternates[side]
        origin, phase = divmod(site.starts[member], self._width)
        target = alternate.active[0].shift(origin)
        if alternate.register == "both":
            diff, start = self._substituted[site.row, member]
            common = target.meet(Span(start, start + len(diff)))
            out.zero_()
            out[common.start - target.start : common.end - target.start] = diff[
                common.start - start : common.end - start
            ]
            return
        # The allele's bins and the flank's, in the order in which they lie.
        parts = []
        if alternate.crossing.width:
            parts.append((alternate.crossing, self._crossing[site.row, member, side]))
        if alternate.moved.width:
            moved_origin, moved_phase = divmod(
                site.starts[member] + alternate.moved_offset, self._width
            )
            moved = self.bins(chosen.reverse, moved_phase, alternate.moved.shift(moved_origin))
            parts.append((alternate.moved, moved))
        changed = torch.cat([bins for _, bins in sorted(parts, key=lambda part: part[0])])
        torch.sub(changed, self.bins(chosen.reverse, phase, target), out=out)

    def _allocate(self, sites: Sequence[Site]) -> None:
        needs: dict[Grid, list[Span]] = defaultdict(list)
        for site in sites:
            for member, start in zip(site.layout.members, site.starts, strict=True):
                origin, phase = divmod(start, self._width)
                needs[member.reverse, phase].append(
                    site.layout.trunk_needed(member).shift(origin)
                )
                for alternate in member.alternates:
                    if alternate.moved.width:
                        origin, phase = divmod(start + alternate.moved_offset, self._width)
                        needs[member.reverse, phase].append(alternate.moved.shift(origin))
        for grid, spans in needs.items():
            self._pieces[grid] = [
                Stored(
                    torch.empty(
                        span.width, self._trunk.channels, device=self._device, dtype=self._dtype
                    ),
                    span.start,
                )
                for span in merge_spans(spans)
            ]

    def _walk(self, reverse: bool, sites: Sequence[Site], room: int) -> None:
        """Compute the trunk of one strand, and the substitutions in it."""
        reach, strand = self._trunk.reach, self._strands[reverse]
        waiting = [
            _Substitution.of(reach, strand, site, number)
            for site in sites
            for number, member in enumerate(site.layout.members)
            if member.reverse == reverse
            and any(p.register == "both" for p in member.alternates)
        ]
        pinned: dict[int, list[Span]] = defaultdict(list)
        for job in waiting:
            pinned[job.phase].append(job.bins)
        needs = {
            phase: [_span(piece) for piece in pieces]
            for (side, phase), pieces in self._pieces.items()
            if side == reverse
        }
        together, alone = (
            room // (walk_numbers(reach, phases) * self._dtype.itemsize)
            for phases in (len(needs), 1)
        )
        # Not more bins than memory has room for, and a walk at least for each worker.
        extent = max(s.end for spans in needs.values() for s in spans) - min(
            s.start for spans in needs.values() for s in spans
        )
        share = -(-extent // self._workers.count)
        cell = max(1, min(together, share))
        tasks = []
        for walk in choose_walks(reach, needs, pinned, cell, min(alone, share)):
            ready: dict[int, list[_Substitution]] = defaultdict(list)
            later = []
            for job in waiting:
                if job.phase in walk.phases and walk.bins.covers(job.bins):
                    ready[len(job.ref)].append(job)
                else:
                    later.append(job)
            waiting = later
            tasks.append((walk, [b for jobs in ready.values() for b in _batches(jobs, _MANY)]))

        def compute(task: tuple[Walk, list[Sequence[_Substitution]]]) -> _Walked:
            walk, batches = task
            levels = levels_for(reach, walk.phases, walk.bins)
            changes = [self._substitutions(batch) for batch in batches]
            bases = encode([strand.fetch(levels[0].span)], self._device, self._dtype)
            return walk, self._trunk.walk(bases, levels, changes), batches, changes

        # In the order of the tasks: where walks overlap, the later one is kept.
        with self._workers.map(compute, tasks) as walked:
            for walk, bins, batches, changes in walked:
                for phase, values in zip(walk.phases, bins, strict=True):
                    self._store((reverse, phase), Stored(values, walk.bins.start))
                for batch, change in zip(batches, changes, strict=True):
                    for job, diff, start in zip(batch, change.diff, change.starts, strict=True):
                        self._substituted[job.key] = diff, int(start)

    def _store(self, grid: Grid, computed: Stored) -> None:
        """Copy computed bins to where they are needed."""
        for piece in self._pieces.get(grid, ()):
            common = _span(computed).meet(_span(piece))
            if common.width:
                source, target = common.shift(-computed.start), common.shift(-piece.start)
                bins = computed.values[source.start : source.end]
                piece.values[target.start : target.end] = bins

    def _substitutions(self, jobs: Sequence[_Substitution]) -> Substitutions:
        refs = encode([job.ref for job in jobs], self._device, self._dtype)
        alts = encode([job.alt for job in jobs], self._device, self._dtype)
        phases, starts = (
            np.array(column) for column in zip(*((j.phase, j.start) for j in jobs), strict=True)
        )
        return Substitutions(phases, starts, alts - refs)

    def _walk_crossing(self, sites: Sequence[Site]) -> None:
        """Compute the trunk bins that read an indel's alternate allele."""
        reach = self._trunk.reach
        jobs: dict[int, list[tuple[tuple[int, int, int], str]]] = defaultdict(list)

        def levels(width: int) -> tuple[Level, ...]:
            return levels_for(reach, (0,), Span(0, width))

        for site in sites:
            for number, member in enumerate(site.layout.members):
                strand, start = self._strands[member.reverse], site.starts[number]
                for side, alternate in enumerate(member.alternates):
                    if alternate.register != "both" and alternate.crossing.width:
                        crossing = alternate.crossing
                        first = crossing.start * self._width
                        span = levels(crossing.width)[0].span.shift(first)
                        sequence = strand.alternate_bases(site.variant, alternate, start, span)
                        jobs[crossing.width].append(((site.row, number, side), sequence))
        tasks = [(width, b) for width, same in jobs.items() for b in _batches(same, _FEW)]

        def compute(task: tuple[int, Sequence[tuple[tuple[int, int, int], str]]]) -> Tensor:
            width, batch = task
            bases = encode([sequence for _, sequence in batch], self._device, self._dtype)
            return self._trunk.walk(bases, levels(width))

        with self._workers.map(compute, tasks) as walked:
            for (_, batch), results in zip(tasks, walked, strict=True):
                for (key, _), bins in zip(batch, results, strict=True):
                    self._crossing[key] = bins


@dataclass(frozen=True)
class _Substitution:
    """A substitution in one member's window, on that member's strand.

    Attributes
    ----------
    key : tuple of int
        The site's row and the member's number.
    ref, alt : str
    phase : int
    start : int
        The first base.
    bins : Span
        The trunk bins that it changes.
    """

    key: tuple[int, int]
    ref: str
    alt: str
    phase: int
    start: int
    bins: Span

    @classmethod
    def of(cls, reach: Reach, strand: Strand, site: Site, member: int) -> _Substitution:
        start = strand.variant_start(site.variant)
        phase = site.starts[member] % reach.config.bin_width
        bases = Span(start, start + len(site.variant.ref)).shift(-phase)
        return cls(
            (site.row, member),
            strand.allele(site.variant.ref),
            strand.allele(site.variant.alt),
            phase,
            start,
            reach.bins_reading(bases),
        )


_Walked = tuple[Walk, Tensor, list[Sequence[_Substitution]], list[Substitutions]]
"""A walk, its bins, and the substitutions along it, before and after."""


def _span(stored: Stored) -> Span:
    """Return the bins that are stored."""
    return Span(stored.start, stored.start + len(stored.values))


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[i : i + size] for i in range(0, len(items), size))
