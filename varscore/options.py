"""What a user may ask for: every option of scoring, each described once.

An option is a field of `ScoreOptions`, `ModelOptions` or `RunOptions`, and its type, default,
meaning and limits stand there and nowhere else. `OPTIONS` has them by name. The command line
is made from them; the workflow's schema and the tables of the READMEs are tested against them.

An option belongs to the group of what it decides:

- "planned": which rows there are; settled when a VCF is cut into shards
- "scored": what the scores are; part of a shard's fingerprint
- "model": which model, read how; a fingerprint has what came of it, the weights' digest
- "run": where and how fast scores are computed; nothing but rounding depends on it

Imports no torch: a wrong option is refused at once.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from varscore.errors import OptionError

Group = Literal["planned", "scored", "model", "run"]

Activation = Literal["gelu_new", "quick_gelu"]
Device = Literal["auto", "cpu", "cuda"]
EngineName = Literal["auto", "incremental", "two-pass"]
GeneBins = Literal["tss", "exons", "body"]
IndelMode = Literal["stitch", "trim"]
Precision = Literal["float32", "mixed"]
WindowKind = Literal["centred", "binned"]
SwappedMode = Literal["skip", "score"]
Width = int | Literal["window"]
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


@dataclass(frozen=True)
class Option:
    """One option, whoever asks: the command line, Python, the workflow's config.

    Attributes
    ----------
    name : str
        As in Python and as a config key.
    hint : type
        Of its value.
    default : object
    help : str
        A sentence.
    unset : str
        What it means that there is no value, where the default is None.
    minimum, maximum : float or None
        Of a number.
    group : {"planned", "scored", "model", "run"} or None
        What it decides; None where that is a single command's business.
    """

    name: str
    hint: Any
    default: object
    help: str
    unset: str = ""
    minimum: float | None = None
    maximum: float | None = None
    group: Group | None = None

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types that make up its hint, itself among them."""
        return tuple(_types_in(self.hint))

    @property
    def choices(self) -> tuple[str, ...]:
        """All values, or elements of a list, that are allowed; empty where any text is."""
        return next((get_args(kind) for kind in self.kinds if get_origin(kind) is Literal), ())

    @property
    def number(self) -> type[int] | type[float] | None:
        """The kind of number that its value, or each element of a list, is."""
        return int if int in self.kinds else float if float in self.kinds else None

    @property
    def is_list(self) -> bool:
        """Whether its value is always a tuple; as text, its elements stand between commas."""
        return get_origin(self.hint) is tuple

    @property
    def default_text(self) -> str:
        """The default as the command line takes it, or what it means that there is none."""
        if self.default is None:
            return self.unset
        if isinstance(self.default, tuple):
            return ",".join(map(str, self.default))
        if isinstance(self.default, bool):
            return "on" if self.default else "off"
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    def read(self, value: Any) -> Any:
        """Return a value as it is kept.

        Parameters
        ----------
        value : object
            Python's or, as text, the command line's: numbers may be text, and a list its
            elements between commas.

        Returns
        -------
        object
            A tuple in place of any other sequence.

        Raises
        ------
        OptionError
            If the value is none of those allowed.
        """
        if value is None and self.default is None:
            return None
        if self.hint is bool:
            if value not in (True, False):
                raise OptionError(f"{self.name}: {value!r} is neither True nor False")
            return bool(value)
        if self.is_list and isinstance(value, str):
            value = [word.strip() for word in value.split(",") if word.strip()]
        if isinstance(value, str) or not any(get_origin(kind) is tuple for kind in self.kinds):
            return self._read_one(value)
        if isinstance(value, int) and self.number:
            value = (value,)
        if not isinstance(value, Iterable):
            raise OptionError(f"{self.name}: {value!r} is not a list")
        values = tuple(self._read_one(element) for element in value)
        if self.choices:  # each once, in the order given
            values = tuple(dict.fromkeys(values))
        if not values:
            choose = f"; choose from {', '.join(self.choices)}" if self.choices else ""
            raise OptionError(f"{self.name}: none given{choose}")
        return values

    def _read_one(self, value: Any) -> Any:
        if self.choices and value in self.choices:
            return value
        if self.choices and self.number is None:
            raise OptionError(f"{self.name}: {value!r} is none of {', '.join(self.choices)}")
        if self.number is None:
            if not isinstance(value, str | os.PathLike):
                raise OptionError(f"{self.name}: {value!r} is no text")
            return value
        number: int | float
        try:
            if self.number is int:
                number = int(value) if isinstance(value, str) else operator.index(value)
            elif not math.isfinite(number := float(value)):
                raise ValueError
        except (TypeError, ValueError):
            kind = "a whole number" if self.number is int else "a number"
            found = f"neither {kind} nor" if self.choices else f"not {kind}"
            message = " ".join([f"{self.name}: {value!r} is {found}", *self.choices])
            raise OptionError(message) from None
        if self.minimum is not None and number < self.minimum:
            raise OptionError(
                f"{self.name}: {number} is less than {self.minimum}, the least allowed"
            )
        if self.maximum is not None and number > self.maximum:
            raise OptionError(
                f"{self.name}: {number} is more than {self.maximum}, the most allowed"
            )
        return number


def _types_in(hint: Any) -> Iterator[Any]:
    yield hint
    if get_origin(hint) is not Literal:
        for part in get_args(hint):
            yield from _types_in(part)


OPTIONS: dict[str, Option] = {}
"""Every option of scoring by its name."""

_Options = TypeVar("_Options")


def names(*groups: Group) -> tuple[str, ...]:
    """Return the names of the options of some groups."""
    return tuple(option.name for option in OPTIONS.values() if option.group in groups)


def _about(
    group: Group,
    help: str,
    *,
    unset: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
) -> dict[str, Any]:
    """Return what a field's `Option` says besides name, type and default; see there."""
    facts = {"group": group, "help": help, "unset": unset}
    return {**facts, "minimum": minimum, "maximum": maximum}


def _described(cls: type[_Options]) -> type[_Options]:
    """Enter a class's fields into `OPTIONS` and, as attributes, into its docstring."""
    hints, lines = get_type_hints(cls), [cls.__doc__ or "", "", "Attributes", "----------"]
    for entry in fields(cls):  # type: ignore[arg-type]  # a dataclass
        option = Option(entry.name, hints[entry.name], entry.default, **entry.metadata)
        OPTIONS[option.name] = option
        among = f", of {', '.join(option.choices)}" if option.choices else ""
        lines += [f"{option.name} : {entry.type}{among}", f"    {option.help}"]
    lines += ["", "Raises", "------", "OptionError"]
    lines += ["    If a value is not one of those allowed, or contradicts another."]
    cls.__doc__ = "\n".join(lines)
    return cls


def _validate(options: object) -> None:
    for entry in fields(options):  # type: ignore[arg-type]  # a dataclass
        value = OPTIONS[entry.name].read(getattr(options, entry.name))
        object.__setattr__(options, entry.name, value)


@_described
@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model, and how its files are read."""

    model: str = field(
        default="basenji2", metadata=_about("model", "Name of a model, or path of its weights.")
    )
    params: str | Path | None = field(
        default=None,
        metadata=_about(
            "model", "Architecture of .h5 weights.", unset="params.json beside them"
        ),
    )
    activation: Activation | None = field(
        default=None,
        metadata=_about(
            "model",
            "Form of GELU; Keras weights that do not say theirs are taken for gelu_new.",
            unset="what the weights say",
        ),
    )
    track_table: str | Path | None = field(
        default=None,
        metadata=_about(
            "model",
            "Tab-separated table that names the model's tracks.",
            unset="the model's own",
        ),
    )

    def __post_init__(self) -> None:
        _validate(self)


class Measure(NamedTuple):
    """A statistic over some bins: what is computed of each track.

    Attributes
    ----------
    statistic : str
    around : int or "window"
        Bases to either side of REF in whose bins it looks.
    name : str
        With which its columns begin: the statistic's, and ``_<around>`` where a result has
        several widths and this one is not the window.
    """

    statistic: StatisticName
    around: Width
    name: str


@_described
@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """Everything besides VCF, genome and model that determines a result."""

    statistics: tuple[StatisticName, ...] = field(
        default=("SAD",),
        metadata=_about(
            "scored", "Statistics to compute, such as SAD,D2; the README has their formulas."
        ),
    )
    tracks: str | tuple[str, ...] | None = field(
        default=None,
        metadata=_about(
            "scored",
            "Identifiers (separated by commas, or a file of them), a selection such as "
            "'tissue=liver & assay=DNASE', or a regular expression on descriptions and "
            "identifiers.",
            unset="all",
        ),
    )
    around: tuple[Width, ...] = field(
        default=("window",),
        metadata=_about(
            "scored",
            "Bases to either side of the variant's REF in whose bins scores look, such as "
            "1000, or window for all that is predicted; several, such as 250,1000,window, give "
            "a score each.",
            minimum=0,
        ),
    )
    genes: str | Path | None = field(
        default=None,
        metadata=_about(
            "scored",
            "GTF file: a row for each allele and gene near it, of scores in the gene's bins.",
            unset="none",
        ),
    )
    gene_bins: GeneBins = field(
        default="tss",
        metadata=_about(
            "scored",
            "Bins of a gene: those of its transcripts' start sites, of its exons, or all.",
        ),
    )
    tss_width: int = field(
        default=0,
        metadata=_about(
            "scored",
            "Bases to either side of a start site in whose bins scores look.",
            minimum=0,
        ),
    )
    groups: str | None = field(
        default=None,
        metadata=_about(
            "scored",
            "Columns of the track table, such as tissue or assay,tissue, or a file of "
            "identifiers and groups: scores of groups of tracks in place of the tracks' own.",
            unset="none",
        ),
    )
    top_tracks: int = field(
        default=0,
        metadata=_about(
            "scored",
            "How many of each row's strongest tracks to name, in place of the scores of all.",
            minimum=0,
        ),
    )
    keep_tracks: bool = field(
        default=False,
        metadata=_about(
            "scored", "Write the scores of all tracks beside those of groups or the strongest."
        ),
    )
    background: str | Path | None = field(
        default=None,
        metadata=_about(
            "scored",
            "Background, of `varscore background build`: how unusual each score is.",
            unset="none",
        ),
    )
    windows: WindowKind = field(
        default="centred",
        metadata=_about(
            "scored",
            "Where windows start: with the variant in the middle, or at multiples of a bin.",
        ),
    )
    indels: IndelMode = field(
        default="stitch",
        metadata=_about(
            "scored", "How alleles of different lengths are compared; see the README."
        ),
    )
    reverse_complement: bool = field(
        default=False, metadata=_about("scored", "Average predictions over both strands.")
    )
    shifts: tuple[int, ...] = field(
        default=(0,),
        metadata=_about(
            "scored", "Average predictions over windows moved left by these, such as 0,1,-1."
        ),
    )
    engine: EngineName = field(
        default="auto",
        metadata=_about(
            "scored",
            "How scores are computed: from what a variant changes (incremental), in full "
            "(two-pass), or for each variant as is exact (auto).",
        ),
    )
    precision: Precision = field(
        default="float32",
        metadata=_about(
            "scored",
            "Arithmetic of the incremental engine; mixed is less exact, and faster where the "
            "processor has bfloat16.",
        ),
    )
    region: str | None = field(
        default=None,
        metadata=_about(
            "planned",
            "Only records whose POS lies here, such as chr1:1-1000000 (1-based, both ends "
            "included).",
            unset="all",
        ),
    )
    regions: str | Path | None = field(
        default=None,
        metadata=_about(
            "planned",
            "Only records whose POS lies in an interval of this BED file.",
            unset="all",
        ),
    )
    max_allele_length: int = field(
        default=DEFAULT_MAX_ALLELE_LENGTH,
        metadata=_about(
            "planned", "Longest allele that is scored, in letters, after trimming.", minimum=1
        ),
    )
    allow_ref_mismatches: bool = field(
        default=False,
        metadata=_about("planned", "Go on although many REF alleles differ from the genome."),
    )
    swapped: SwappedMode = field(
        default="skip",
        metadata=_about(
            "planned",
            "What becomes of alleles whose ALT is what the genome has: nothing, or they are "
            "scored in the row's direction, from its REF to its ALT.",
        ),
    )
    contigs: str | Path | None = field(
        default=None,
        metadata=_about(
            "planned",
            "Table of two columns, a contig's name in the VCF and its name in the FASTA, where "
            "these differ in an unusual way.",
            unset="none",
        ),
    )
    strict: bool = field(
        default=False,
        metadata=_about(
            "planned",
            "Fail if a contig with more than a hundredth of the records is not in the FASTA.",
        ),
    )

    def __post_init__(self) -> None:
        _validate(self)
        # Options are written into results, as JSON.
        for name in ("regions", "contigs", "genes", "background"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, str(getattr(self, name)))
        if len(set(self.shifts)) < len(self.shifts):
            raise OptionError(f"shifts: {self.shifts} must be different numbers")
        if self.region is not None and self.regions is not None:
            raise OptionError("region, regions: give one of them, not both")
        if self.genes is not None and self.around != ("window",):
            raise OptionError("around, genes: give one of them, not both")
        if self.tss_width and self.gene_bins != "tss":
            raise OptionError(
                f"tss_width: is for gene_bins 'tss', not {self.gene_bins!r}; leave one out"
            )
        if self.engine == "two-pass" and self.precision != "float32":
            raise OptionError(
                f"precision: {self.precision!r} is for the incremental engine; engine "
                "'two-pass' computes in float32: leave one of them out"
            )

    @property
    def has_tracks(self) -> bool:
        """Whether a result has the scores of all tracks that were chosen."""
        return self.keep_tracks or not (self.groups or self.top_tracks)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is computed of each track, in the output's order."""
        plain = len(self.around) == 1
        return tuple(
            Measure(
                statistic,
                width,
                statistic if plain or width == "window" else f"{statistic}_{width}",
            )
            for statistic in self.statistics
            for width in self.around
        )


@_described
@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where scores are computed, and with how much; they depend on it by rounding at most."""

    device: Device = field(
        default="auto", metadata=_about("run", "Where scores are computed; auto prefers a GPU.")
    )
    threads: int | None = field(
        default=None,
        metadata=_about("run", "CPU threads.", unset="all", minimum=1, maximum=1024),
    )
    memory: float = field(
        default=2.0,
        metadata=_about(
            "run", "GiB (2^30 bytes) that the engine's tensors may take.", minimum=0.25
        ),
    )

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def memory_bytes(self) -> int:
        """`memory` in bytes."""
        return int(self.memory * 2**30)
