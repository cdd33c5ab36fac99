"""Where the genome decides: is the REF there, and what is a variant's one normal form."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from varscore.errors import VcfError
from varscore.genome import ReferenceGenome, some_names
from varscore.variant import Allele, Interval, Status, Variant
from varscore.vcf import trim

_FIRST_FLANK = 32  # bases looked at first for room to shift an indel to the left


def locate(allele: Allele, genome: ReferenceGenome) -> Allele:
    """Find an allele's place on the genome.

    Parameters
    ----------
    allele : Allele
        As read; one that its letters ruled out is returned as it is.
    genome : ReferenceGenome

    Returns
    -------
    Allele
        With its variant, or with the first that applies of `UNKNOWN_CONTIG`,
        `OUTSIDE_CONTIG` (POS below 1, or REF's end beyond the contig's) and `REF_MISMATCH`.
        The whole REF is compared, as spelled, case aside; an IUPAC letter of the genome
        equals no base.
    """
    if allele.status is not Status.SCORED:
        return allele
    contig = genome.resolve(allele.chrom)
    if contig is None:
        return allele._replace(status=Status.UNKNOWN_CONTIG)
    start, end = allele.pos - 1, allele.pos - 1 + len(allele.ref)
    if start < 0 or end > genome.lengths[contig]:
        return allele._replace(status=Status.OUTSIDE_CONTIG)
    ref, alt = allele.ref.upper(), allele.alt.upper()
    if genome.fetch(Interval(contig, start, end)) != ref:
        return allele._replace(status=Status.REF_MISMATCH)
    variant = normalise(Variant(contig, allele.pos, ref, alt), genome)
    return allele._replace(variant=variant)


def normalise(variant: Variant, genome: ReferenceGenome) -> Variant:
    """Trim a variant and shift it to the left as far as the sequence stays the same.

    The result is that of ``bcftools norm`` (Tan, Abecasis and Kang, Bioinformatics 31 (2015)
    2202): an insertion or deletion keeps the base before it, or, at the contig's start, the
    base after it. A base outside ACGT, which no allele can hold, ends the shift just as the
    contig's start does; there bcftools would anchor on the N.

    Parameters
    ----------
    variant : Variant
        In any spelling, but in upper case; `ref` must be what the genome has there, and
        `alt` something else.
    genome : ReferenceGenome

    Returns
    -------
    Variant
    """
    contig, pos, ref, alt = variant
    flank, reach = "", 0
    while True:
        # Shifting to the left is trimming on the right, with more of the genome in front.
        offset, short_ref, short_alt = trim(flank + ref, flank + alt)
        at_flank_start = offset == 0 and short_ref[-1] == short_alt[-1]
        if not at_flank_start or len(flank) < reach:
            return Variant(contig, pos - len(flank) + offset, short_ref, short_alt)
        reach = max(2 * reach, _FIRST_FLANK)
        flank = genome.fetch(Interval(contig, pos - 1 - reach, pos - 1))
        flank = flank[len(flank.rstrip("ACGT")) :]


def in_region(allele: Allele, region: Interval, genome: ReferenceGenome) -> bool:
    """Tell whether a record's POS, as written, lies in a region of the genome.

    Unlike a query for overlap this cuts a VCF into parts that share no record.
    """
    return (
        region.start < allele.pos <= region.end
        and genome.resolve(allele.chrom) == region.contig
    )


class BuildGuard:
    """Notices that VCF and genome are of different builds.

    Parameters
    ----------
    vcf : str or Path
        For the messages.
    genome : ReferenceGenome
    allow_mismatches : bool
        Whether REF alleles that differ are counted, but never too many.

    Attributes
    ----------
    compared, mismatches : int
        REF alleles, one a record, that were compared with the genome and that differed.
    statuses : Counter of Status
        Alleles of each status.
    contigs : dict of str to (str or None)
        The VCF's contigs that were seen, and their names in the FASTA file.
    """

    def __init__(
        self, vcf: str | Path, genome: ReferenceGenome, *, allow_mismatches: bool = False
    ) -> None:
        self.vcf, self.genome, self.allow_mismatches = vcf, genome, allow_mismatches
        self.compared = self.mismatches = 0
        self.statuses: Counter[Status] = Counter()
        self.contigs: dict[str, str | None] = {}
        self._first_mismatch: Allele | None = None
        self._last_record = -1

    def see(self, allele: Allele) -> Allele:
        """Count an allele that was located, and return it; alleles come in their order."""
        self.statuses[allele.status] += 1
        if allele.chrom not in self.contigs:
            self.contigs[allele.chrom] = self.genome.resolve(allele.chrom)
        differs = allele.status is Status.REF_MISMATCH
        if (differs or allele.status is Status.SCORED) and allele.record != self._last_record:
            self._last_record = allele.record
            self.compared += 1
            self.mismatches += differs
            if differs:
                self._first_mismatch = self._first_mismatch or allele
        return allele

    def check(self) -> None:
        """Judge the REF alleles seen so far.

        Raises
        ------
        VcfError
            If five or more, and more than a third of them, differ from the genome.
        """
        first = self._first_mismatch
        if self.allow_mismatches or first is None:
            return
        if self.mismatches < 5 or 3 * self.mismatches <= self.compared:
            return
        contig = self.contigs[first.chrom] or ""
        found = self.genome.fetch(
            Interval(contig, first.pos - 1, first.pos - 1 + len(first.ref))
        )
        raise VcfError(
            f"{self.vcf}: of {self.compared} REF alleles compared, {self.mismatches} differ "
            f"from {self.genome.path}; the first is {_shorten(first.ref)} at "
            f"{first.chrom}:{first.pos}, where the genome has {_shorten(found)}: VCF and "
            "genome are probably of different builds; give the VCF's own genome, or go on "
            "with --allow-ref-mismatches"
        )

    def finish(self) -> None:
        """Judge the whole VCF, when all of its alleles were seen.

        Raises
        ------
        VcfError
            As `check`, or if there were alleles and the FASTA file has none of their contigs.
        """
        self.check()
        if self.contigs and not any(self.contigs.values()):
            raise VcfError(
                f"{self.vcf}: none of its contigs ({some_names(self.contigs)}) is in "
                f"{self.genome.path} ({some_names(self.genome.lengths)}); give the genome that "
                "the VCF was made with"
            )


def _shorten(bases: str, most: int = 20) -> str:
    return bases if len(bases) <= most else f"{bases[:most]}... ({len(bases)} bases)"
