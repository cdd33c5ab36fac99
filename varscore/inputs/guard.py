"""Whether a VCF is of the genome's build, judged by its REF alleles.

Two explanations are held against each other, and the likelier one is believed. Under the
genome's own build a REF allele mismatches by a fault of the list: it may have ALT in its place
or be of the other strand, as others of its list are, and very rarely something else. Under
another build REF and genome are two independent draws: of four substitutions one matches, one
is found swapped, one complemented.
"""

from __future__ import annotations

import math
from collections import Counter

from varscore.variant import Reason

# Under the right build: a Dirichlet prior of the shares of REF alleles that match, are swapped,
# are complemented. It is weak, so that a list of swapped alleles alone is believed if it is
# long; and one of four or fewer alleles is not if any is swapped. See tests/test_guard.py.
_PRIOR: dict[Reason | None, float] = {None: 5.0, Reason.SWAPPED: 0.01, Reason.COMPLEMENT: 0.001}
_FAULT = 5e-4  # the share of REF alleles that are wrong otherwise
# Longer alleles agree by chance more often than 4^-length: where they are, genomes repeat.
_MOST_BASES = 3


class BuildEvidence:
    """What became of the REF alleles of a list that could be compared with a genome."""

    def __init__(self) -> None:
        self._records: Counter[tuple[Reason | None, int, int]] = Counter()

    def add(self, reason: Reason | None, ref: str, alt: str, count: int = 1) -> None:
        """Count a record.

        Parameters
        ----------
        reason : Reason or None
            Why its REF mismatches; None where it matches.
        ref, alt : str
        count : int
            -1 takes a record back.
        """
        self._records[reason, min(len(ref), _MOST_BASES), min(len(alt), _MOST_BASES)] += count

    @property
    def reasons(self) -> Counter[Reason | None]:
        """Records for each reason; under None those that match."""
        found: Counter[Reason | None] = Counter()
        for (reason, _, _), count in self._records.items():
            found[reason] += count
        return +found

    @property
    def compared(self) -> int:
        """Records in all."""
        return self._records.total()

    @property
    def mismatches(self) -> int:
        """Records whose REF differs from the genome."""
        return self.compared - self.reasons[None]

    @property
    def log_odds(self) -> float:
        """How much likelier the right build makes the list than another: a natural logarithm.

        Masked bases and ambiguity letters of the genome speak for neither.
        """
        return self._log_right() - self._log_wrong()

    def _log_right(self) -> float:
        """Return a Dirichlet-multinomial probability of the list, with rare faults beside."""
        reasons = self.reasons
        explained = sum(reasons[reason] for reason in _PRIOR)
        total = sum(_PRIOR.values())
        return (
            reasons[Reason.OTHER] * math.log(_FAULT)
            + explained * math.log1p(-_FAULT)
            + math.lgamma(total)
            - math.lgamma(total + explained)
            + sum(
                math.lgamma(prior + reasons[reason]) - math.lgamma(prior)
                for reason, prior in _PRIOR.items()
            )
        )

    def _log_wrong(self) -> float:
        log = 0.0
        for (reason, ref, alt), count in sorted(self._records.items(), key=str):
            chances = {None: 4.0**-ref, Reason.SWAPPED: 4.0**-alt, Reason.COMPLEMENT: 4.0**-ref}
            chances[Reason.OTHER] = 1 - sum(chances.values())
            log += count * math.log(chances.get(reason, 1.0))
        return log

    def __str__(self) -> str:
        """Say what was found, and what follows from it."""
        if not self.compared:
            return "no REF allele was compared with the genome"
        found = f"{self.compared - self.mismatches:,} of {self.compared:,} REF alleles match"
        if self.mismatches:
            found += f" ({counted(self.reasons)})"
        if self.log_odds < 0:
            return f"{found}, which another build than the genome's explains better"
        if self.log_odds < math.log(1000):
            times = math.exp(self.log_odds)
            return f"{found}: {times:.0f} times likelier under the genome's build than another"
        return f"{found}: of the genome's build"


def counted(reasons: Counter[Reason | None] | Counter[Reason]) -> str:
    """Say how many mismatches have which reason."""
    return ", ".join(f"{reasons[reason]:,} {reason}" for reason in Reason if reasons[reason])
