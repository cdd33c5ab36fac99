"""From a VCF to alleles that are located on a genome, and the guard against another build."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from varscore.errors import VcfError
from varscore.inputs.genome import ReferenceGenome, some_names
from varscore.variant import Allele, Interval, Status


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
