"""What a user may ask for when scoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from varscore.errors import OptionError

Precision = Literal["float32", "mixed"]
EngineName = Literal["auto", "incremental", "two-pass"]
WindowKind = Literal["centred", "binned"]
IndelMode = Literal["stitch", "trim"]
StatisticName = Literal[
    "SAD",
    "logSAD",
    "sqrtSAD",
    "SAX",
    "D1",
    "logD1",
    "sqrtD1",
    "D2",
    "logD2",
    "sqrtD2",
    "logSED",
    "JS",
    "logJS",
    "REF",
    "ALT",
]

DEFAULT_MAX_ALLELE_LENGTH = 1000
"""Letters of the longest allele that is scored, after trimming."""


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """Everything besides VCF, genome and model that determines a result.

    Attributes
    ----------
    statistics : tuple of str
        Names in `varscore.statistics.STATISTICS`.
    tracks : str, tuple of str or None
        Which tracks, as in `varscore.models.tracks.TrackTable.select`; None for all.
    windows : {"centred", "binned"}
    indels : {"stitch", "trim"}
    reverse_complement : bool
        Average predictions over both strands.
    shifts : tuple of int
        Average predictions over windows that start this many bases further left.
    engine : {"auto", "incremental", "two-pass"}
        "auto" computes a variant's scores from what it changes where that is exact, and in
        two full passes where it is not; "incremental" refuses such a variant.
    precision : {"float32", "mixed"}
        "mixed" takes the matrix products of differences in bfloat16, where the machine runs
        them faster, and fewer products, which round more, for the reference's trunk.
    region : str or None
        Score only records whose POS lies here, such as ``chr1:1-1000000`` (1-based,
        inclusive); rows of other records are left out.
    max_allele_length : int
        Longest allele that is scored, in letters, after trimming.
    allow_ref_mismatches : bool
        Go on although many REF alleles differ from the genome.

    Raises
    ------
    OptionError
        If a value is not one of those allowed.
    """

    statistics: tuple[str, ...] = ("SAD",)
    tracks: str | tuple[str, ...] | None = None
    windows: WindowKind = "centred"
    indels: IndelMode = "stitch"
    reverse_complement: bool = False
    shifts: tuple[int, ...] = (0,)
    engine: EngineName = "auto"
    precision: Precision = "float32"
    region: str | None = None
    max_allele_length: int = DEFAULT_MAX_ALLELE_LENGTH
    allow_ref_mismatches: bool = False

    def __post_init__(self) -> None:
        for name in ("statistics", "shifts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.tracks is not None and not isinstance(self.tracks, str):
            object.__setattr__(self, "tracks", tuple(self.tracks))
        for name in self.statistics or ("",):
            if name not in get_args(StatisticName):
                found = f"{name!r} is unknown" if self.statistics else "none given"
                known = ", ".join(get_args(StatisticName))
                raise OptionError(f"statistics: {found}; choose from {known}")
        for name, allowed in (
            ("windows", get_args(WindowKind)),
            ("indels", get_args(IndelMode)),
            ("engine", get_args(EngineName)),
            ("precision", get_args(Precision)),
        ):
            if getattr(self, name) not in allowed:
                raise OptionError(
                    f"{name}: {getattr(self, name)!r} is none of {', '.join(allowed)}"
                )
        if not self.shifts or len(set(self.shifts)) < len(self.shifts):
            raise OptionError(f"shifts: {self.shifts} must be one or more different numbers")
        if self.max_allele_length < 1:
            raise OptionError(f"max_allele_length: {self.max_allele_length} is less than 1")
