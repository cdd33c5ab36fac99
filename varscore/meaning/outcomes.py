"""What became of a result's rows: how many have which status, and some of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from varscore.results.reading import opened_results
from varscore.variant import Reason, Status

_COLUMNS = ("chrom", "pos", "id", "ref", "alt", "status", "reason")

_SAID: Mapping[str, str] = {
    Status.SCORED: "scored",
    Status.REF_MISMATCH: "REF is not what the genome has there",
    Status.UNKNOWN_CONTIG: "the contig is not in the FASTA",
    Status.OUTSIDE_CONTIG: "POS or the end of REF lies outside the contig",
    Status.SYMBOLIC_ALLELE: "ALT is symbolic, such as <DEL>, or a breakend",
    Status.SPANNING_DELETION: "ALT is *: a deletion upstream spans the base",
    Status.MISSING_ALT: "ALT is missing",
    Status.AMBIGUOUS_ALLELE: "an allele has a letter outside ACGT",
    Status.TOO_LONG: "an allele is longer than the limit (--max-allele-length)",
    Status.NO_CHANGE: "ALT equals REF",
    Status.NO_GENE: "no gene lies in what is predicted",
}
_WHY: Mapping[str, str] = {
    Reason.SWAPPED: "the genome has ALT there; --swapped score would score it",
    Reason.COMPLEMENT: "the genome has REF on its other strand",
    Reason.MASKED: "the genome has an N there",
    Reason.AMBIGUITY: "the genome has an ambiguity letter there",
    Reason.OTHER: "the genome has something else there",
}


@dataclass
class Outcome:
    """Rows with one status and, where REF mismatches, one reason.

    Attributes
    ----------
    status : str
    reason : str or None
    rows : int
    examples : list of str
        The first of them, as the VCF wrote them: ``chrom:pos ref>alt`` and the ID.
    """

    status: str
    reason: str | None
    rows: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def meaning(self) -> str:
        """What that says, in words."""
        said = _SAID.get(self.status, self.status)
        return said if self.reason is None else f"{said}: {_WHY.get(self.reason, self.reason)}"


def outcomes(scores: str | Path, examples: int = 3) -> list[Outcome]:
    """Count what became of a result's rows.

    Parameters
    ----------
    scores : str or Path
        A file that varscore wrote, or a folder of such files.
    examples : int
        How many rows of each kind to name; of those that were scored none are.

    Returns
    -------
    list of Outcome
        Those scored first, then by their number.

    Raises
    ------
    OutputError
        If a file cannot be used.
    """
    found: dict[tuple[str, str | None], Outcome] = {}
    for reader in opened_results(scores):
        for table in reader.groups(_COLUMNS):
            counts = table.select(["status", "reason"]).group_by(["status", "reason"])
            for row in counts.aggregate([([], "count_all")]).to_pylist():
                kind = (row["status"], row["reason"])
                outcome = found.setdefault(kind, Outcome(*kind))
                outcome.rows += row["count_all"]
                missing = examples - len(outcome.examples)
                if kind[0] != Status.SCORED and missing > 0:
                    outcome.examples += _examples(table, kind, missing)
    ranked = sorted(found.values(), key=lambda one: (-one.rows, one.status, one.reason or ""))
    return sorted(ranked, key=lambda one: one.status != Status.SCORED)


def _examples(table: pa.Table, kind: tuple[str, str | None], number: int) -> list[str]:
    status, reason = kind
    alike = pc.equal(table["status"], status)
    if reason is not None:
        alike = pc.and_(alike, pc.fill_null(pc.equal(table["reason"], reason), False))
    return [
        f"{row['chrom']}:{row['pos']} {row['ref']}>{row['alt']}"
        + ("" if row["id"] == "." else f" {row['id']}")
        for row in table.filter(alike).slice(0, number).to_pylist()
    ]
