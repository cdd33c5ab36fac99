"""What copies of a chromosome carry together within a span, found as records pass.

A row of the window is an allele and, for every copy, whether it carries it. The alleles that a
copy carries from one on are a run: of it are those that fit into the span, up to the first gap,
where it is not known what the copy has. A run that lies within the one before says nothing new;
the others are what is written. So any two alleles that a copy carries within the span stand
together in some run, and none depends on what lies further away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from varscore.haplotypes.changes import Change

NOT_CARRIED, CARRIED, GAP, UNSEEN = range(4)
"""What a row says of a copy. `GAP`: it has something there that cannot be written, or nobody
knows what. `UNSEEN`: so, too, unless it carries another allele over the record's first base."""


@dataclass(eq=False)
class Member:
    """An allele that may be carried together with others.

    Attributes
    ----------
    chrom : str
        Name in the VCF.
    id, key : str
        Of its record, and the allele in its normal form.
    change : Change
    ac, an : int
        Copies that carry it, phased or not, and those that were called.
    part_of : list of str
        Filled by whoever names the haplotypes that it is part of.
    """

    chrom: str
    id: str
    key: str
    change: Change
    ac: int
    an: int
    part_of: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Row:
    """What all copies have at one place.

    Attributes
    ----------
    start, end : int
        Of the change; of a row without allele, as `first` and `stop`.
    first, stop : int
        0-based, half-open: what its record is about.
    member : Member or None
        None for a row that only has gaps.
    codes : ndarray of int8, shape (copies,)
        `NOT_CARRIED`, `CARRIED`, `GAP` or `UNSEEN`; two copies a sample.
    phases : ndarray of int64, shape (samples,)
        As `Genotypes.phases`; 0 for samples of whose copies the codes say nothing.
    """

    start: int
    end: int
    first: int
    stop: int
    member: Member | None
    codes: NDArray[np.int8]
    phases: NDArray[np.int64]

    def __post_init__(self) -> None:
        self.has_gaps = bool((self.codes >= GAP).any())

    def excludes(self, other: Row) -> bool:
        """Whether no copy can have both.

        They have a base in common, one is put amid what the other takes away, or both are put
        in one place by records of the same bases, which do not tell which is first.
        """
        if (self.start, self.end) == (other.start, other.end):
            return self.first < other.stop and other.first < self.stop
        return self.start < other.end and other.start < self.end


class Haplotype(NamedTuple):
    """Alleles that copies of a chromosome carry together.

    Attributes
    ----------
    members : tuple of Member
        At least two, in order.
    ac : int
        Copies of which this is a run.
    an : int
        Copies of which it is known what they have from the first member to the last.
    samples : list of int
        Numbers of the samples that these copies belong to.
    """

    members: tuple[Member, ...]
    ac: int
    an: int
    samples: list[int]


class Window:
    """The rows of one contig that are still needed.

    Parameters
    ----------
    samples : int
    max_span : int
        Bases from the first changed base of a haplotype to the last, on the genome and on the
        copy.

    Attributes
    ----------
    overlapping : int
        Alleles that copies carry and that were taken for gaps, because the copy carries another
        that excludes them.
    """

    def __init__(self, samples: int, max_span: int) -> None:
        self.max_span, self.overlapping = max_span, 0
        self._coming: list[Row] = []  # their order is not known yet
        self._rows: list[Row] = []
        self._open: list[Row] = []  # which later rows may overlap
        self._number = 0  # of the first of `_rows`
        self._reach = np.full(2 * samples, -1)  # number of the last row of a copy's last run
        self._phase = 0  # the one phase that was seen; -1 after another

    def add(self, row: Row) -> None:
        """Take a row, whose `first` is not before the frontier of the last `advance`."""
        self._coming.append(row)
        if self._phase >= 0:
            seen = row.phases[row.phases > 0]
            if len(seen):
                self._phase = self._phase or int(seen[0])
                self._phase = self._phase if (seen == self._phase).all() else -1

    def gap(self, start: int, stop: int) -> Row:
        """Return a row of which nothing is known of any copy."""
        codes = np.full(len(self._reach), GAP, np.int8)
        return Row(start, stop, start, stop, None, codes, np.zeros(len(codes) // 2, np.int64))

    def advance(self, frontier: float) -> Iterator[Haplotype | Member]:
        """Yield what is settled, by the start of its first change.

        Parameters
        ----------
        frontier : float
            0-based; no row that is added later has a `first` before.

        Yields
        ------
        Haplotype or Member
            A member once all haplotypes that it is part of have been yielded.
        """
        self._settle(frontier)
        while self._rows and self._rows[0].start + self.max_span < frontier:
            first = self._rows[0]
            if first.member is not None:
                yield from self._haplotypes()
                yield first.member
            del self._rows[0]
            self._number += 1

    def finish(self) -> Iterator[Haplotype | Member]:
        """Yield what is left at the end of a contig, and begin anew."""
        yield from self.advance(math.inf)
        self._open.clear()
        self._phase = 0

    def _settle(self, frontier: float) -> None:
        """Put the rows that begin before the frontier in their order."""
        self._coming.sort(key=lambda row: (row.start, row.end))
        settled = list(takewhile(lambda row: row.start < frontier, self._coming))
        del self._coming[: len(settled)]
        for row in settled:
            for other in self._open:
                self._compare(row, other)
            self._open.append(row)
        self._rows += settled
        earliest = min([frontier, *(row.first for row in self._coming)])
        self._open = [row for row in self._open if row.stop >= earliest]

    def _compare(self, row: Row, other: Row) -> None:
        """Settle what two rows say of the same bases of a copy."""
        for one, two in ((row, other), (other, row)):
            if one.has_gaps and two.first <= one.first < two.stop:
                one.codes[(one.codes == UNSEEN) & _is_solid(two)] = NOT_CARRIED
        if row.excludes(other):
            both = _is_solid(row) & _is_solid(other)
            for one in (row, other):
                lost = int(np.count_nonzero(one.codes[both] == CARRIED))
                if lost:
                    one.codes[both] = GAP
                    one.has_gaps = True
                    self.overlapping += lost

    def _haplotypes(self) -> Iterator[Haplotype]:
        """Yield the runs that begin with the first row, but for those that say nothing new."""
        first = self._rows[0]
        carriers = np.flatnonzero(first.codes == CARRIED)
        limit = first.start + self.max_span
        rows = list(takewhile(lambda row: row.start <= limit, self._rows))
        if not len(carriers):
            return
        runs = self._runs(rows, carriers)
        last = len(rows) - 1 - runs[::-1].argmax(axis=0)
        chosen = (last > 0) & (self._number + last > self._reach[carriers])
        self._reach[carriers] = np.maximum(self._reach[carriers], self._number + last)
        if not chosen.any():
            return
        packed = np.packbits(runs[:, chosen], axis=0).T
        patterns, which, counts = np.unique(
            packed, axis=0, return_inverse=True, return_counts=True
        )
        samples = np.split(
            carriers[chosen][np.argsort(which, kind="stable")] // 2, np.cumsum(counts)[:-1]
        )
        known = self._known(rows)
        for pattern, count, of in zip(patterns, counts, samples, strict=True):
            places = np.flatnonzero(np.unpackbits(pattern, count=len(rows)))
            members = tuple(m for place in places if (m := rows[place].member) is not None)
            yield Haplotype(members, int(count), known[places[-1]], np.unique(of).tolist())

    def _runs(self, rows: Sequence[Row], carriers: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which rows are in the run of each copy from the first row on.

        Returns
        -------
        ndarray of bool, shape (rows, carriers)
        """
        limit = rows[0].start + self.max_span
        codes = np.stack([row.codes[carriers] for row in rows])
        fits = np.array([row.member is not None and row.end <= limit for row in rows])
        carried = codes == CARRIED
        stops = (codes >= GAP) | (carried & ~fits[:, None])
        if self._phase < 0:
            phases = np.stack([row.phases[carriers // 2] for row in rows])
            own = phases[(phases != 0).argmax(axis=0), np.arange(len(carriers))]
            stops |= (phases != 0) & (phases != own)
        runs: NDArray[np.bool_] = carried & ~np.logical_or.accumulate(stops, axis=0)
        gained = [row.member.change.length_change if row.member else 0 for row in rows]
        if any(change > 0 for change in gained):
            ends = np.array([row.end - rows[0].start for row in rows])
            lengths = ends[:, None] + np.cumsum(runs * np.array(gained)[:, None], axis=0)
            too_long = runs & (lengths > self.max_span)
            runs &= ~np.logical_or.accumulate(too_long, axis=0)
        return runs

    def _known(self, rows: Sequence[Row]) -> list[int]:
        """Count the copies of which it is known what they have, from the first row to each."""
        gap = np.zeros(len(self._reach), bool)
        own = np.zeros(len(gap) // 2, np.int64)
        known = []
        for row in rows:
            if row.has_gaps:
                gap |= row.codes >= GAP
            if self._phase < 0:
                foreign = (row.phases != 0) & (own != 0) & (row.phases != own)
                gap |= np.repeat(foreign, 2)
                own = np.where(own == 0, row.phases, own)
            known.append(len(gap) - int(np.count_nonzero(gap)))
        return known


def _is_solid(row: Row) -> NDArray[np.bool_]:
    solid: NDArray[np.bool_] = (row.codes == CARRIED) | (row.codes == GAP)
    return solid
