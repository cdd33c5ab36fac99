"""From located alleles and genotypes to haplotypes, contig by contig."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from itertools import groupby
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from varscore.errors import VcfError
from varscore.haplotypes.changes import change_of
from varscore.haplotypes.genotypes import ABSENT, MISSING, UNKNOWN, GenotypeFile, Genotypes
from varscore.haplotypes.window import (
    CARRIED,
    GAP,
    NOT_CARRIED,
    UNSEEN,
    Haplotype,
    Member,
    Row,
    Window,
)
from varscore.inputs.alleles import AlleleSource
from varscore.variant import Allele, Status

# What a copy has that carries such an allele; of the others nothing can be written.
_CODES = {
    Status.MISSING_ALT: NOT_CARRIED,
    Status.NO_CHANGE: NOT_CARRIED,
    Status.SPANNING_DELETION: UNSEEN,  # of which another record tells
    Status.SCORED: NOT_CARRIED,  # it has a row of its own
}
_ELSEWHERE = {Status.REF_MISMATCH, Status.OUTSIDE_CONTIG}


class Combiner:
    """Reads a VCF's alleles and genotypes side by side, and finds what copies carry together.

    Parameters
    ----------
    alleles : AlleleSource
        Of one file.
    genotypes : GenotypeFile
        The same file's.
    max_span : int
        As in `Window`.

    Attributes
    ----------
    records, used : int
        Data lines, and those of them with an allele that can be part of a haplotype.
    left_out : Counter of str
        Alleles that cannot, by status.
    gaps : Counter of str
        What cuts haplotypes: genotypes that are missing, unphased or polyploid, and carried
        alleles that overlap another.
    """

    def __init__(self, alleles: AlleleSource, genotypes: GenotypeFile, max_span: int) -> None:
        self._alleles, self._genotypes = alleles, genotypes
        self._window = Window(len(genotypes.samples), max_span)
        self.records = self.used = 0
        self.left_out: Counter[str] = Counter()
        self.gaps: Counter[str] = Counter()

    def found(self) -> Generator[Haplotype | Member, None, None]:
        """Yield haplotypes by where they start, each member when all of its own are out.

        Raises
        ------
        VcfError
            If the file is not sorted, or cannot be read to its end.
        """
        done: set[str] = set()
        chrom, pos = "", 0
        for number, group in groupby(self._alleles, key=attrgetter("record")):
            alleles = list(group)
            first = alleles[0]
            if first.chrom in done or (first.chrom == chrom and first.pos < pos):
                raise VcfError(
                    f"{self._genotypes.name}: record {number + 1}, at {first.chrom}:"
                    f"{first.pos}, comes after one at {chrom}:{pos}; expected a file sorted by "
                    "contig and position; sort it with `bcftools sort`"
                )
            if first.chrom != chrom:
                done.add(chrom)
                yield from self._window.finish()
            chrom, pos = first.chrom, first.pos
            yield from self._window.advance(pos - 1)
            self._add(number, alleles)
        yield from self._window.finish()
        self.gaps["overlapping"] = self._window.overlapping

    def _add(self, number: int, alleles: Sequence[Allele]) -> None:
        """Enter a record's alleles into the window."""
        first, statuses = alleles[0], {allele.status for allele in alleles}
        self.records += 1
        self.left_out.update(a.status.value for a in alleles if a.status is not Status.SCORED)
        if Status.UNKNOWN_CONTIG in statuses or statuses == {Status.MISSING_ALT}:
            return
        start, stop = first.pos - 1, first.pos - 1 + len(first.ref)
        if statuses & _ELSEWHERE:  # what REF means here nobody knows, nor what copies have
            self._window.add(self._window.gap(start, stop))
            return
        called = self._genotypes.at(number, first.chrom, first.pos, len(alleles))
        self.used += Status.SCORED in statuses
        for name in ("missing", "unphased", "polyploid"):
            self.gaps[name] += getattr(called, name)
        codes = _gaps(alleles, called.copies)
        if codes.any():
            end = max(stop, called.stop)
            phases = _phases(called, codes)
            self._window.add(Row(start, end, start, end, None, codes, phases))
        for allele in alleles:
            carried = (called.copies == allele.allele).ravel()
            if allele.variant is not None and carried.any():
                codes = np.where(carried, CARRIED, NOT_CARRIED).astype(np.int8)
                member = _member(allele, called)
                where, phases = (member.change.start, member.change.end), _phases(called, codes)
                self._window.add(Row(*where, start, stop, member, codes, phases))


def _gaps(alleles: Sequence[Allele], copies: NDArray[np.int16]) -> NDArray[np.int8]:
    """Return the codes of what a record says of copies, but for alleles with their own row."""
    codes = np.full(len(alleles) + 4, GAP, np.int8)  # numbers below 0 count from the end
    codes[0] = NOT_CARRIED
    for allele in alleles:
        codes[allele.allele] = _CODES.get(allele.status, GAP)
    codes[MISSING], codes[ABSENT], codes[UNKNOWN] = UNSEEN, GAP, GAP
    return codes[copies.ravel()]


def _phases(called: Genotypes, codes: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return the phases of the samples of which a row says something; of the others, 0."""
    return np.where(codes.reshape(-1, 2).any(axis=1), called.phases, 0)


def _member(allele: Allele, called: Genotypes) -> Member:
    assert allele.variant is not None
    return Member(
        allele.chrom,
        allele.id,
        allele.key,
        change_of(allele, allele.variant.contig),
        ac=int(called.carried[allele.allele]),
        an=int(called.carried.sum()),
    )
