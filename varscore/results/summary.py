"""What a run did, for people and, beside the result, for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from varscore.errors import OutputError
from varscore.files.atomic import check_target, write_json
from varscore.results.records import from_json, to_json
from varscore.variant import Reason, Status


@dataclass(frozen=True)
class ScoreSummary:
    """What a run did.

    Attributes
    ----------
    rows : int
        Of the result: alleles in, rows out; with genes, one for each of an allele's genes.
    statuses : dict of str to int
        Rows of each status that occurred.
    reasons : dict of str to int
        Rows whose REF mismatches, by what the genome has there.
    seconds : float
        From the first allele to the finished file.
    warning : str or None
        What the user should look at although all went well.
    """

    rows: int
    statuses: dict[str, int]
    reasons: dict[str, int]
    seconds: float
    warning: str | None = None

    def __str__(self) -> str:
        counts = status_counts(self.statuses, self.reasons)
        rate = self.rows / self.seconds if self.seconds else 0.0
        text = f"{self.rows:,} rows ({counts}) in {self.seconds:.1f} s, {rate:.3g} variants/s"
        return f"{text}; warning: {self.warning}" if self.warning else text

    def save(
        self, result: str | Path, *, path: Path | None = None, force: bool = False
    ) -> Path:
        """Write the summary as JSON.

        Parameters
        ----------
        result : str or Path
            Whose summary it is.
        path : Path, optional
            The file; where `summary_path` says, beside the result, if not given.
        force : bool
            Replace the result's former summary.

        Returns
        -------
        Path

        Raises
        ------
        OutputError
            As `check_summary`.
        """
        path = path or summary_path(result)
        check_summary(result, path=path, force=force)
        rate = round(self.rows / self.seconds, 3) if self.seconds else None
        seconds = round(self.seconds, 3)
        name, warning = Path(result).name, self.warning
        content = _Content(name, self.rows, self.statuses, self.reasons, seconds, rate, warning)
        write_json(path, to_json(content))
        return path

    @classmethod
    def load(cls, result: str | Path, path: Path | None = None) -> Self | None:
        """Read the summary of a result; None if there is none, or a damaged one.

        Parameters
        ----------
        result, path
            As for `save`.
        """
        content = _read(path or summary_path(result))
        if content is None or content.result != Path(result).name:
            return None
        return cls(
            content.rows, content.statuses, content.reasons, content.seconds, content.warning
        )


def status_counts(statuses: Mapping[str, int], reasons: Mapping[str, int]) -> str:
    """Return how many rows have which status, and why REFs mismatch, as words."""
    words = []
    for status, count in statuses.items():
        words.append(f"{count:,} {status}")
        if status == Status.REF_MISMATCH:
            words[-1] += f": {', '.join(f'{n:,} {reason}' for reason, n in reasons.items())}"
    text = ", ".join(words)
    if swapped := reasons.get(Reason.SWAPPED):
        text += f"; --swapped score would score {swapped:,} more"
    return text


def summary_path(result: str | Path) -> Path:
    """Return where the summary of a result is.

    Of ``x.parquet`` it is ``x.summary.json``; ``.summary.json`` is added to any other name.
    """
    path = Path(result)
    name = path.stem if path.suffix == ".parquet" else path.name
    return path.with_name(f"{name}.summary.json")


def check_summary(result: str | Path, *, path: Path | None = None, force: bool = False) -> None:
    """Check that the summary of a result can be written, before the work.

    Parameters
    ----------
    result : str or Path
        Whose summary it is.
    path : Path, optional
        Its file, if that is not where `summary_path` says.
    force : bool
        Whether the result's former summary may be replaced. Any other file never is.

    Raises
    ------
    OutputError
        If another file has its name, if there is a former summary and `force` is not given,
        or if the folder is missing or not writable.
    """
    path = path or summary_path(result)
    if os.path.lexists(path):
        content, name = _read(path), Path(result).name
        if content is None or content.result != name:
            found = f" but that of {content.result}" if content else ""
            raise OutputError(
                f"output {path}: exists and is not the summary of {name}{found}, so it is not "
                f"replaced; move it away, or give {name} another name"
            )
    check_target(path, force=force)


@dataclass(frozen=True)
class _Content:
    """What stands in the file."""

    result: str
    rows: int
    statuses: dict[str, int]
    reasons: dict[str, int]
    seconds: float
    variants_per_second: float | None = None
    warning: str | None = None


def _read(path: Path) -> _Content | None:
    try:
        return from_json(_Content, json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None
