"""Where the genome decides: is the REF there, and what is a variant's one normal form."""

from __future__ import annotations

from itertools import takewhile
from operator import eq

from varscore.inputs.contigs import ContigNames
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.vcf import trim
from varscore.sequence import BASES, reduce_ambiguity, reverse_complement
from varscore.variant import Allele, Interval, Reason, Reference, Status, Variant

_FIRST_FLANK = 32  # bases looked at first for room to shift an indel to the left


def locate(
    allele: Allele,
    genome: ReferenceGenome,
    names: ContigNames | None = None,
    *,
    score_swapped: bool = False,
) -> Allele:
    """Find an allele's place on the genome.

    Parameters
    ----------
    allele : Allele
        As read; one that its letters ruled out is returned as it is.
    genome : ReferenceGenome
    names : ContigNames, optional
        What the VCF's contigs are called in the FASTA file; by default, what their names say.
    score_swapped : bool
        Whether an allele is to be scored where the genome has ALT in place of REF.

    Returns
    -------
    Allele
        With its variant, or with the first that applies of `UNKNOWN_CONTIG`,
        `OUTSIDE_CONTIG` (POS below 1, or REF's end beyond the contig's) and `REF_MISMATCH`
        with its reason. The whole REF is compared, as spelled, case aside; an ambiguity
        letter of the genome equals the base that `reduce_ambiguity` makes of it.
    """
    if allele.status is not Status.SCORED:
        return allele
    contig = (names or genome.names).match(allele.chrom).contig
    if contig is None:
        return allele._replace(status=Status.UNKNOWN_CONTIG)
    start, end = allele.pos - 1, allele.pos - 1 + len(allele.ref)
    if start < 0 or end > genome.lengths[contig]:
        return allele._replace(status=Status.OUTSIDE_CONTIG)
    ref, alt = allele.ref.upper(), allele.alt.upper()
    found = genome.fetch(Interval(contig, start, end))
    variant = Variant(contig, allele.pos, ref, alt)
    if found != ref:
        if reduce_ambiguity(found) == ref:
            variant = _spare_ambiguity(
                variant, found + genome.fetch(Interval(contig, end, end + 1))
            )
        else:
            has_alt = genome.fetch(Interval(contig, start, start + len(alt))) == alt
            reason = _reason(ref, found, has_alt=has_alt)
            if reason is not Reason.SWAPPED or not score_swapped:
                return allele._replace(status=Status.REF_MISMATCH, reason=reason)
            variant = Variant(contig, allele.pos, alt, ref, Reference.SWAPPED)
    return allele._replace(variant=normalise(variant, genome))


def _spare_ambiguity(variant: Variant, found: str) -> Variant:
    """Spell a variant without the genome's ambiguity letters, if it leaves these as they are.

    Else an indel that is anchored on such a letter would be another variant, of another
    reference, than the same that is anchored on a base beside it.

    Parameters
    ----------
    variant : Variant
        Its `ref` is what VCF makes of the genome's letters.
    found : str
        What the genome has there, and the letter behind it.

    Returns
    -------
    Variant
        As far left in `ref` as it goes without such a letter; if it changes one, as it is,
        with `Reference.REDUCED`.
    """
    contig, pos, ref, alt, _ = variant
    reduced = variant._replace(reference=Reference.REDUCED)
    if found[-1] in BASES:  # the anchor of an indel behind the last letter
        ref, alt = ref + found[-1], alt + found[-1]
    found = found[: len(ref)]
    before = _shared(ref, alt)
    after = _shared(ref[::-1], alt[::-1])
    same = min(before + after, len(ref), len(alt))
    for left in range(same - min(after, same), min(before, same) + 1):
        right = len(ref) - (same - left)
        if set(found[left:right]) <= set(BASES):
            start = len(found[:left].rstrip(BASES))
            end = len(ref) - len(found[right:].lstrip(BASES))
            short = ref[start:end], alt[start : end + len(alt) - len(ref)]
            if all(short):
                return Variant(contig, pos + start, *short)
    return reduced


def _shared(one: str, other: str) -> int:
    """Return how many letters two texts begin with alike."""
    return sum(takewhile(bool, map(eq, one, other)))


def _reason(ref: str, found: str, *, has_alt: bool) -> Reason:
    """Say why a REF mismatches what the genome has there."""
    if "N" in found:
        return Reason.MASKED
    if not set(found) <= set(BASES):
        return Reason.AMBIGUITY
    if has_alt:
        return Reason.SWAPPED
    return Reason.COMPLEMENT if found == reverse_complement(ref) else Reason.OTHER


def normalise(variant: Variant, genome: ReferenceGenome) -> Variant:
    """Trim a variant and shift it to the left as far as the sequence stays the same.

    The result is that of ``bcftools norm`` (Tan, Abecasis and Kang, Bioinformatics 31 (2015)
    2202): an insertion or deletion keeps the base before it, or, at the contig's start, the
    base after it. A base outside ACGT, which no allele can hold, ends the shift just as the
    contig's start does; there bcftools would anchor on the N.

    Parameters
    ----------
    variant : Variant
        In any spelling, but in upper case; `ref` must be what the genome has there, or makes
        of ambiguity letters, and `alt` something else.
    genome : ReferenceGenome

    Returns
    -------
    Variant
    """
    contig, pos, ref, alt, reference = variant
    flank, reach = "", 0
    while True:
        # Shifting to the left is trimming on the right, with more of the genome in front.
        offset, short_ref, short_alt = trim(flank + ref, flank + alt)
        # They end alike only where nothing is left in front of one of them.
        at_flank_start = short_ref[-1] == short_alt[-1]
        if not at_flank_start or len(flank) < reach:
            start = pos - len(flank) + offset
            return Variant(contig, start, short_ref, short_alt, reference)
        reach = max(2 * reach, _FIRST_FLANK)
        flank = genome.fetch(Interval(contig, pos - 1 - reach, pos - 1))
        flank = flank[len(flank.rstrip("ACGT")) :]
