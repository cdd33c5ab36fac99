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
        At least one base each, letters ACGT.
    """

    contig: str
    pos: int
    ref: str
    alt: str

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


class Allele(NamedTuple):
    """One ALT of one VCF record as it was written: one row of the output.

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
        The normal form; None unless `status` is `SCORED`.
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

    @property
    def key(self) -> str:
        """`chrom:pos:ref:alt` in normal form; as spelled where there is no normal form."""
        if self.variant is None:
            return f"{self.chrom}:{self.pos}:{self.ref}:{self.alt}"
        return f"{self.chrom}:{self.variant.pos}:{self.variant.ref}:{self.variant.alt}"
