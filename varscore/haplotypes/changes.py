"""What an allele changes on its genome, and what several of them make of it together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.vcf import trim
from varscore.sequence import BASES, reduce_ambiguity
from varscore.variant import Allele, Interval


class Change(NamedTuple):
    """The bases that an allele takes away, and those that it puts there.

    As its record spells it, but for letters that REF and ALT share: it is not shifted, so that
    what other alleles of the same copy change beside it keeps its place.

    Attributes
    ----------
    contig : str
        Name in the FASTA file.
    start, end : int
        0-based, half-open; equal for an insertion, which is put before the base `start`.
    bases : str
        Upper case; none for a deletion.
    """

    contig: str
    start: int
    end: int
    bases: str

    @property
    def length_change(self) -> int:
        """Bases that it puts there more than it takes away."""
        return len(self.bases) - (self.end - self.start)


def change_of(allele: Allele, contig: str) -> Change:
    """Return what an allele changes, whose letters are bases and whose REF is the genome's."""
    offset, ref, alt = trim(allele.ref.upper(), allele.alt.upper())
    start = allele.pos - 1 + offset
    if len(ref) != len(alt):  # of an insertion or deletion one base is left as its anchor
        if ref[0] == alt[0]:
            start, ref, alt = start + 1, ref[1:], alt[1:]
        elif ref[-1] == alt[-1]:
            ref, alt = ref[:-1], alt[:-1]
    return Change(contig, start, start + len(ref), alt)


def spelled(changes: Sequence[Change], genome: ReferenceGenome) -> tuple[int, str, str] | None:
    """Spell some changes of one copy as a single allele of a VCF.

    Parameters
    ----------
    changes : sequence of Change
        In order, none excluding another.
    genome : ReferenceGenome

    Returns
    -------
    pos : int
        1-based.
    ref, alt : str
        From the first changed base to the last, without letters that both share at an end but
        for an anchor where VCF needs one. Equal, if the changes undo each other.

    None where the genome has an N among these bases: no REF can have it.
    """
    contig, start, end = changes[0].contig, changes[0].start, changes[-1].end
    ref, pieces, done = genome.fetch(Interval(contig, start, end)), [], 0
    for change in changes:
        pieces += [ref[done : change.start - start], change.bases]
        done = change.end - start
    alt = "".join(pieces)
    if not (ref and alt):
        if start:
            anchor = genome.fetch(Interval(contig, start - 1, start))
            start, ref, alt = start - 1, anchor + ref, anchor + alt
        else:
            anchor = genome.fetch(Interval(contig, end, end + 1))
            ref, alt = ref + anchor, alt + anchor
    ref, alt = reduce_ambiguity(ref), reduce_ambiguity(alt)
    if not set(ref) <= set(BASES):
        return None
    if ref == alt:
        return start + 1, ref, alt
    offset, ref, alt = trim(ref, alt)
    return start + 1 + offset, ref, alt
