"""What scoring a VCF would do, before hours are spent on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from varscore.errors import VarscoreError
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genes import chosen_genes
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given
from varscore.options import ScoreOptions
from varscore.variant import Reason, Status, Variant

_WITHOUT_MODEL = (
    "no model was given, which may refuse tracks, memory, and alleles or shifts of more than a "
    "quarter of its window; see --model"
)


@dataclass(frozen=True)
class CheckReport:
    """How a VCF and a genome fit together.

    Attributes
    ----------
    vcf, genome : str
        File names.
    contigs : dict of str to str or None
        Each contig of the VCF's records, in order of appearance, with its name in the FASTA.
    missing : dict of str to str
        Why those that have none there have none.
    builds : str
        Which known assemblies VCF and FASTA are of, by the lengths of their contigs.
    rows : int
        Alleles in all: the rows that a result would have.
    statuses : dict of str to int
        Alleles per status.
    reasons : dict of str to int
        Alleles whose REF mismatches, by what the genome has there.
    swapped : int
        Alleles that are scored from ALT, which the genome has, to REF.
    compared, mismatches : int
        Records whose REF was compared with the genome, and those that differ.
    conclusion : str
        What their REFs say about the VCF's build.
    warning : str or None
        Contigs with more than a hundredth of the records that are not in the FASTA.
    problem : str or None
        What `varscore score` would end with; None if it would score.
    note : str or None
        What was not looked at; None if nothing was left out.
    """

    vcf: str
    genome: str
    contigs: dict[str, str | None]
    missing: dict[str, str]
    builds: str
    rows: int
    statuses: dict[str, int]
    reasons: dict[str, int]
    swapped: int
    compared: int
    mismatches: int
    conclusion: str
    warning: str | None
    problem: str | None
    note: str | None

    def __str__(self) -> str:
        width = max((len(name) for name in (*self.contigs, *self.statuses)), default=0)
        return "\n".join(
            [
                *([self.builds] if self.builds else []),
                "contigs (VCF -> FASTA)",
                *(
                    f"  {n:<{width}}  {t or f'not in the FASTA: {self.missing[n]}'}"
                    for n, t in self.contigs.items()
                ),
                self.conclusion,
                f"alleles: {self.rows:,}",
                *chain.from_iterable(
                    [f"  {status:<{width}}  {n:,}{self._aside(status)}", *self._causes(status)]
                    for status, n in self.statuses.items()
                ),
                *([f"note: {self.note}"] if self.note else []),
                *([f"warning: {self.warning}"] if self.warning and not self.problem else []),
            ]
        )

    def _aside(self, status: str) -> str:
        if status != Status.SCORED or not self.swapped:
            return ""
        return f" ({self.swapped:,} of them from ALT, which the genome has, to REF)"

    def _causes(self, status: str) -> list[str]:
        """Return the lines of what the genome has where REF mismatches."""
        if status != Status.REF_MISMATCH:
            return []
        hints = {Reason.SWAPPED: " (--swapped score scores them)"}
        return [
            f"    {why}  {n:,}{hints.get(Reason(why), '')}" for why, n in self.reasons.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)

    def raise_if_unscorable(self) -> None:
        """Raise a `VarscoreError` if scoring would fail."""
        if self.problem:
            raise VarscoreError(self.problem)


def check_vcf(
    vcf: Given,
    genome: str | Path,
    options: ScoreOptions | None = None,
    refuse: Callable[[Variant], None] | None = None,
) -> CheckReport:
    """Read a VCF to its end and hold it against a genome, without any weights.

    Parameters
    ----------
    vcf : Given
        As for `varscore.score_vcf`.
    genome : str or Path
    options : ScoreOptions, optional
        As for scoring.
    refuse : callable, optional
        A model's limits, as `varscore.engines.auto.engine_limits` returns them: raises an
        `OptionError` for a variant that would not be scored.

    Returns
    -------
    CheckReport
        What is wrong with the VCF as a whole is its `problem`.

    Raises
    ------
    VarscoreError
        If a file cannot be read to its end, or options do not fit the genome.
    """
    options = options or ScoreOptions()
    with (
        ReferenceGenome(genome) as reference,
        AlleleSource(vcf, reference, options) as source,
    ):
        chosen_genes(options, reference)  # read to its end, as it will be
        survey = source.survey(refuse)
        problem = None
        try:
            survey.judge()
        except VarscoreError as error:
            problem = str(error)
    return CheckReport(
        vcf=source.name,
        genome=Path(genome).name,
        contigs={name: match.contig for name, match in survey.contigs.items()},
        missing={n: match.why for n, match in survey.contigs.items() if match.contig is None},
        builds=str(source.builds),
        rows=survey.rows,
        statuses=survey.counts,
        reasons=survey.reason_counts,
        swapped=survey.swapped,
        compared=survey.evidence.compared,
        mismatches=survey.evidence.mismatches,
        conclusion=str(survey.evidence),
        warning=survey.warning,
        problem=problem,
        note=_WITHOUT_MODEL if refuse is None else None,
    )
