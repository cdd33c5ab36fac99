"""How a background came about, and what scores must have in common to be compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from varscore.options import ScoreOptions
from varscore.results.provenance import FORMAT, Provenance, no_scores
from varscore.results.records import to_json
from varscore.version import __version__


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What scores were made by and of, as far as their size depends on it.

    Attributes
    ----------
    model : str
        SHA-256 of the weights.
    activation, windows, indels, precision : str
    statistics, around : tuple of str
        As among the options.
    gene_bins : str, optional
        Where rows are about genes.
    tss_width : int, optional
        The same.
    reverse_complement : bool
    shifts : tuple of int
    """

    model: str
    activation: str
    statistics: tuple[str, ...]
    around: tuple[str, ...]
    gene_bins: str | None = None
    tss_width: int | None = None
    windows: str
    indels: str
    reverse_complement: bool
    shifts: tuple[int, ...]
    precision: str

    @classmethod
    def of(cls, model: Mapping[str, Any], options: Mapping[str, Any]) -> Self:
        """Return the conditions of scoring.

        Parameters
        ----------
        model : mapping
            What a model says of itself.
        options : mapping
            The fields of `varscore.options.ScoreOptions`, as they are or as JSON has them.
        """
        with_genes = options["genes"] is not None
        return cls(
            model=model["sha256"],
            activation=model["activation"],
            statistics=tuple(options["statistics"]),
            around=tuple(map(str, options["around"])),
            gene_bins=options["gene_bins"] if with_genes else None,
            tss_width=options["tss_width"] if with_genes else None,
            windows=options["windows"],
            indels=options["indels"],
            reverse_complement=options["reverse_complement"],
            shifts=tuple(options["shifts"]),
            precision=options["precision"],
        )

    @classmethod
    def of_result(cls, made: Provenance, file: str | Path) -> Self:
        """Return the conditions that a result was made under.

        Parameters
        ----------
        made : Provenance
        file : str or Path
            The result, for messages.

        Raises
        ------
        OutputError
            If it is no result, but a shard of a plan.
        """
        if made.model is None:
            raise no_scores(file)
        return cls.of(made.model, made.options)

    def lacks(
        self, wanted: Self, measure: str | None = None
    ) -> tuple[str, object, object] | None:
        """Return the first field in which a background does not serve for scores.

        A background may have more statistics and widths than the scores.

        Parameters
        ----------
        wanted : Conditions
            Of the scores.
        measure : str, optional
            The one of the scores' that counts; all if not given.

        Returns
        -------
        (str, object, object) or None
            The field's name, its value here and the wanted one; None if these conditions serve.
        """
        for name, here, there in self._pairs(wanted):
            if name == "statistics":
                serves = measure is not None or set(there) <= set(here)
            elif name == "around":
                asked = wanted._widths()
                if measure is not None:
                    asked = {measure: asked[measure]}
                serves = asked.items() <= self._widths().items()
            else:
                serves = here == there
            if not serves:
                return name, here, there
        return None

    def differs(self, other: Self) -> tuple[str, object, object] | None:
        """Return the first field that is not the same, its value here and the other one."""
        return next((pair for pair in self._pairs(other) if pair[1] != pair[2]), None)

    def _pairs(self, other: Self) -> list[tuple[str, Any, Any]]:
        names = [field.name for field in fields(self)]
        return [(name, getattr(self, name), getattr(other, name)) for name in names]

    def _widths(self) -> dict[str, object]:
        """Return how far each measure looks: `SAD` may be of the window or of a width."""
        options: dict[str, Any] = {"statistics": self.statistics, "around": self.around}
        return {m.name: m.around for m in ScoreOptions(**options).measures}


@dataclass(frozen=True, kw_only=True)
class BackgroundRecord:
    """How a background came about.

    Attributes
    ----------
    kind : str
        "background".
    format : int
        Version of the records of varscore's files.
    version : str
        Of varscore.
    conditions : Conditions
        Which scores it serves for.
    model : dict
        What the model says of itself.
    genome : str
        The FASTA's file name.
    vcf : tuple of str
        Names of the VCFs that were scored.
    rows : int
        Scored rows that it was made of.
    ranks : tuple of int
        Which of a column's scores are kept, in ascending order; 1 is the smallest, `rows` the
        largest.
    """

    kind: str = "background"
    format: int = FORMAT
    version: str = __version__
    conditions: Conditions
    model: dict[str, Any]
    genome: str
    vcf: tuple[str, ...]
    rows: int
    ranks: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the record, JSON-ready."""
        return to_json(self)


def in_words(value: object) -> str:
    """Return a field's value as a message has it."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text  # a digest
