"""Whether a VCF and a FASTA file are of one build, and what to do where they are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from varscore.inputs.assemblies import Identity, identify

_UCSC = "https://hgdownload.soe.ucsc.edu/goldenPath"


@dataclass(frozen=True)
class Builds:
    """The known assemblies that a VCF and a FASTA file are of; None where that is unknown."""

    vcf: Identity | None
    genome: Identity | None

    @classmethod
    def of(cls, declared: Mapping[str, int], lengths: Mapping[str, int]) -> Self:
        """Compare lengths of contigs.

        Parameters
        ----------
        declared : mapping of str to int
            What the VCF's header declares.
        lengths : mapping of str to int
            What the FASTA file has.
        """
        return cls(identify(declared), identify(lengths))

    @property
    def differ(self) -> bool:
        """Whether both are known, and not the same."""
        if self.vcf is None or self.genome is None:
            return False
        return self.vcf.assembly != self.genome.assembly

    def __str__(self) -> str:
        if self.vcf is not None and self.genome is not None:
            if not self.differ:
                return f"VCF and FASTA look like {self.genome}"
            return f"the VCF looks like {self.vcf}, the FASTA like {self.genome}"
        what, known = ("VCF", self.vcf) if self.vcf is not None else ("FASTA", self.genome)
        return f"the {what} looks like {known}" if known is not None else ""

    @property
    def remedy(self) -> str:
        """What to do where they are not of one build."""
        if self.vcf is None or self.genome is None:
            return "give the VCF's own genome, or lift the VCF over to this one"
        vcf, genome = self.vcf.assembly, self.genome.assembly
        own = f"give the VCF's own genome, such as {_UCSC}/{vcf.ucsc}/bigZips/{vcf.ucsc}.fa.gz"
        if vcf.species != genome.species:
            return own
        chain = f"{vcf.ucsc}To{genome.ucsc.capitalize()}.over.chain.gz"  # as UCSC names them
        return (
            f"{own}, or lift the VCF over with CrossMap or `bcftools +liftover` and a chain "
            f"file such as {chain}; if only its ##contig lines are out of date, mend them with "
            "`bcftools reheader --fai`"
        )
