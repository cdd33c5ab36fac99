"""What scoring a VCF would do, before hours are spent on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from varscore.errors import VcfError
from varscore.inputs.alleles import BuildGuard, in_region
from varscore.inputs.genome import ReferenceGenome, parse_region
from varscore.inputs.normalise import locate
from varscore.inputs.vcf import read_alleles
from varscore.options import DEFAULT_MAX_ALLELE_LENGTH


@dataclass(frozen=True)
class CheckReport:
    """How a VCF and a genome fit together.

    Attributes
    ----------
    contigs : dict of str to str or None
        Each contig of the VCF's records, in order of appearance, with its name in the FASTA.
    statuses : dict of str to int
        Alleles per status.
    compared, mismatches : int
        Records whose REF was compared with the genome, and those that differ.
    problem : str or None
        Why `varscore score` would fail; None if it would not.
    """

    contigs: dict[str, str | None]
    statuses: dict[str, int]
    compared: int
    mismatches: int
    problem: str | None

    def __str__(self) -> str:
        width = max((len(name) for name in (*self.contigs, *self.statuses)), default=0)
        matched = self.compared - self.mismatches
        rate = f"{matched / self.compared:.2%}" if self.compared else "none compared"
        return "\n".join(
            [
                "contigs (VCF -> FASTA)",
                *(
                    f"  {n:<{width}}  {t or 'not in the FASTA'}"
                    for n, t in self.contigs.items()
                ),
                f"REF alleles that match the genome: {matched:,} of {self.compared:,} ({rate})",
                f"alleles: {sum(self.statuses.values()):,}",
                *(f"  {status:<{width}}  {n:,}" for status, n in self.statuses.items()),
            ]
        )

    def raise_if_unscorable(self) -> None:
        """Raise `VcfError` if scoring would fail."""
        if self.problem:
            raise VcfError(self.problem)


def check_vcf(
    vcf: str | Path,
    genome: str | Path,
    *,
    region: str | None = None,
    max_allele_length: int = DEFAULT_MAX_ALLELE_LENGTH,
) -> CheckReport:
    """Read a VCF to its end and hold it against a genome, without any model.

    Parameters
    ----------
    vcf, genome : str or Path
    region : str, optional
        Only records whose POS lies here, such as ``chr1:1-1000000``.
    max_allele_length : int
        As for scoring.

    Returns
    -------
    CheckReport

    Raises
    ------
    VarscoreError
        If a file cannot be read to its end.
    """
    with ReferenceGenome(genome) as reference:
        within = parse_region(region, reference) if region else None
        guard = BuildGuard(vcf, reference)
        for allele in read_alleles(vcf, max_allele_length=max_allele_length):
            if within and not in_region(allele, within, reference):
                continue
            guard.see(locate(allele, reference))
        try:
            guard.finish()
            problem = None
        except VcfError as error:
            problem = str(error)
    statuses = {status.value: n for status, n in guard.statuses.most_common()}
    return CheckReport(guard.contigs, statuses, guard.compared, guard.mismatches, problem)
