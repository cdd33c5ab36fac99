"""What a run did, for people and, beside the result, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from varscore.atomic import write_json


@dataclass(frozen=True)
class ScoreSummary:
    """What a run did.

    Attributes
    ----------
    rows : int
        Alleles in, rows out.
    statuses : dict of str to int
        Rows of each status that occurred.
    seconds : float
        From the first allele to the finished file.
    """

    rows: int
    statuses: dict[str, int]
    seconds: float

    def __str__(self) -> str:
        counts = ", ".join(f"{n:,} {status}" for status, n in self.statuses.items())
        rate = self.rows / self.seconds if self.seconds else 0.0
        return f"{self.rows:,} rows ({counts}) in {self.seconds:.1f} s, {rate:.3g} variants/s"

    def save(self, result: str | Path) -> Path:
        """Write the summary as JSON beside a result: ``x.parquet``, ``x.summary.json``.

        Returns
        -------
        Path

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        path = summary_path(result)
        rate = self.rows / self.seconds if self.seconds else None
        write_json(
            path,
            {
                **asdict(self),
                "seconds": round(self.seconds, 3),
                "variants_per_second": rate and round(rate, 3),
            },
        )
        return path

    @classmethod
    def load(cls, result: str | Path) -> Self | None:
        """Read the summary beside a result; None if there is none."""
        try:
            facts = json.loads(summary_path(result).read_text(encoding="utf-8"))
            return cls(facts["rows"], facts["statuses"], facts["seconds"])
        except (OSError, ValueError, KeyError):
            return None


def summary_path(result: str | Path) -> Path:
    """Return where the summary of a result is."""
    return Path(result).with_suffix(".summary.json")
