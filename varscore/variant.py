"""The nouns: a variant, the row of a VCF that it came from, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """What became of one ALT allele; only `SCORED` rows have scores."""

    SCORED = "scored"
    REF_MISMATCH = "ref_mismatch"
    UNKNOWN_CONTIG = "unknown_contig"
    OUTSIDE_CONTIG = "outside_contig"
    SYMBOLIC_ALLELE = "symbolic_allele"
    SPANNING_DELETION = "spanning_deletion"
    MISSING_ALT = "missing_alt"
    AMBIGUOUS_ALLELE = "ambiguous_allele"
    TOO_LONG = "too_long"
    NO_CHANGE = "no_change"
    NO_GENE = "no_gene"


class Reason(StrEnum):
    """What the genome has in place of a REF that mismatches."""

    SWAPPED = "swapped"  # the bases of ALT
    COMPLEMENT = "complement"  # REF on the other strand
    MASKED = "masked"  # an N: a gap, or a region that is masked
    AMBIGUITY = "ambiguity"  # an ambiguity letter, of which VCF makes another base
    OTHER = "other"


class Reference(StrEnum):
    """How a variant's reference allele follows from the genome."""

    GENOME = "genome"  # it is what the genome has
    REDUCED = "reduced"  # it has a base where the genome has an ambiguity letter
    SWAPPED = "swapped"  # the genome has `ref`, and the row that asks takes `alt` for it


class Interval(NamedTuple):
    """A stretch of a contig, 0-based and half-open; it may reach past the contig's ends."""

    contig: str
    start: int
    end: int


class Variant(NamedTuple):
    """One ALT allele in its normal form on a genome: trimmed, left-aligned, upper case.

    Equal variants compare equal however their records spelled them.

    Attributes
    ----------
    contig : str
        Name in the FASTA file.
    pos : int
        1-based position of the first base of `ref`, as in a VCF: an insertion or a
        deletion keeps one anchoring base.
    ref, alt : str
        At least one base each, letters ACGT; `ref` is the genome's.
    reference : Reference
        If it is `SWAPPED`, the variant is scored as a change from `alt` to `ref`.
    """

    contig: str
    pos: int
    ref: str
    alt: str
    reference: Reference = Reference.GENOME

    @property
    def start(self) -> int:
        """0-based position of the first base of `ref`."""
        return self.pos - 1

    @property
    def end(self) -> int:
        """0-based end of `ref`, exclusive."""
        return self.pos - 1 + len(self.ref)

    @property
    def length_change(self) -> int:
        """Bases that the alternate allele has more than the reference (negative: fewer)."""
        return len(self.alt) - len(self.ref)

    @property
    def is_indel(self) -> bool:
        """Whether the alleles differ in length."""
        return len(self.alt) != len(self.ref)


class GeneRow(NamedTuple):
    """The gene that a row of the output is about.

    Attributes
    ----------
    gene_id, gene_name : str
    gene_strand : {"+", "-", "."}
    gene_distance : int or None
        Bases from the variant's REF to the nearest start site of the gene, 0 where REF holds
        it; None where the gene's strand is not known.
    """

    gene_id: str
    gene_name: str
    gene_strand: str
    gene_distance: int | None


class Allele(NamedTuple):
    """One ALT of one VCF record as it was written: one row of the output.

    With genes, one row for each gene.

    Attributes
    ----------
    chrom, pos, id, ref, alt
        The record's fields, letters and case as in the file; `pos` is 1-based, `id` and
        `alt` are "." where the file has none.
    record : int
        0-based number of the data line in the VCF.
    allele : int
        1-based number of the ALT in its record (1 for a record without ALT).
    status : Status
        `SCORED` for an allele that can be scored.
    variant : Variant or None
        The normal form; None unless `status` is `SCORED` or `NO_GENE`.
    reason : Reason or None
        Why REF mismatches; None unless `status` is `REF_MISMATCH`.
    gene : GeneRow or None
        Whose bins the scores are made of, where genes were asked for.
    """

    chrom: str
    pos: int
    id: str
    ref: str
    alt: str
    record: int
    allele: int
    status: Status
    variant: Variant | None = None
    reason: Reason | None = None
    gene: GeneRow | None = None

    @property
    def key(self) -> str:
        """`chrom:pos:ref:alt` in normal form; as spelled where there is no normal form.

        In the row's own direction: of a swapped variant `alt` is the genome's.
        """
        if self.variant is None:
            return f"{self.chrom}:{self.pos}:{self.ref}:{self.alt}"
        _, pos, ref, alt, reference = self.variant
        if reference is Reference.SWAPPED:
            ref, alt = alt, ref
        return f"{self.chrom}:{pos}:{ref}:{alt}"
