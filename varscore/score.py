"""From a VCF to a Parquet file: where reading, the model and writing meet."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from varscore.engines import Engine
from varscore.engines.two_pass import TwoPassEngine
from varscore.errors import OptionError
from varscore.genome import ReferenceGenome, parse_region
from varscore.models.basenji2 import BasenjiConfig
from varscore.models.model import Model
from varscore.models.registry import load_model
from varscore.normalise import BuildGuard, in_region, locate
from varscore.prefetch import prefetch
from varscore.progress import VariantProgress
from varscore.statistics import Statistic, get_statistics
from varscore.table import ScoreWriter
from varscore.tracks import TrackTable
from varscore.variant import Allele, Variant
from varscore.vcf import DEFAULT_MAX_ALLELE_LENGTH, read_alleles
from varscore.version import __version__
from varscore.windows import IndelMode, WindowKind, WindowPlan

EngineName = Literal["auto", "two-pass"]

_CHUNK_BYTES = 1 << 26
_CHUNK_ALLELES = 4096

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """Everything besides VCF, genome and model that determines a result.

    Attributes
    ----------
    statistics : tuple of str
        Names in `varscore.statistics.STATISTICS`.
    tracks : str, tuple of str or None
        Which tracks, as in `varscore.tracks.TrackTable.select`; None for all.
    windows : {"centred", "binned"}
    indels : {"stitch", "trim"}
    reverse_complement : bool
        Average predictions over both strands.
    shifts : tuple of int
        Average predictions over windows that start this many bases further left.
    engine : {"auto", "two-pass"}
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
    region: str | None = None
    max_allele_length: int = DEFAULT_MAX_ALLELE_LENGTH
    allow_ref_mismatches: bool = False

    def __post_init__(self) -> None:
        for name in ("statistics", "shifts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.tracks is not None and not isinstance(self.tracks, str):
            object.__setattr__(self, "tracks", tuple(self.tracks))
        get_statistics(self.statistics)
        for name, allowed in (
            ("windows", get_args(WindowKind)),
            ("indels", get_args(IndelMode)),
            ("engine", get_args(EngineName)),
        ):
            if getattr(self, name) not in allowed:
                raise OptionError(
                    f"{name}: {getattr(self, name)!r} is none of {', '.join(allowed)}"
                )
        if not self.shifts or len(set(self.shifts)) < len(self.shifts):
            raise OptionError(f"shifts: {self.shifts} must be one or more different numbers")
        if self.max_allele_length < 1:
            raise OptionError(f"max_allele_length: {self.max_allele_length} is less than 1")

    def window_plan(self, config: BasenjiConfig) -> WindowPlan:
        """Return where windows lie for a model.

        Raises
        ------
        OptionError
            If shifts or the longest allele would move variants out of the window's middle.
        """
        room = config.window_length // 4
        for name, number in (
            ("shifts", max(abs(shift) for shift in self.shifts)),
            ("max_allele_length", self.max_allele_length),
        ):
            if number > room:
                raise OptionError(
                    f"{name}: {number} is more than a quarter of the model's window "
                    f"({config.window_length} bases), {room}"
                )
        return WindowPlan(
            length=config.window_length,
            bin_width=config.bin_width,
            kind=self.windows,
            indels=self.indels,
            shifts=self.shifts,
            reverse_complement=self.reverse_complement,
        )


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


def score_vcf(
    vcf: str | Path,
    genome: str | Path,
    output: str | Path,
    *,
    model: str | Path | Model = "basenji2",
    force: bool = False,
    options: ScoreOptions | None = None,
    **option: Any,
) -> ScoreSummary:
    """Score every allele of a VCF and write a Parquet file.

    Parameters
    ----------
    vcf : str or Path
        VCF, bgzipped VCF or BCF; with or without index, sorted or not.
    genome : str or Path
        FASTA, plain or bgzipped, of the build that the VCF was made with.
    output : str or Path
        The Parquet file; it appears when it is whole.
    model : str, Path or Model
        A name (``varscore model list``), the path of weights, or a loaded model.
    force : bool
        Overwrite an existing output.
    options : ScoreOptions, optional
    **option
        Single fields of `ScoreOptions`, in place of `options`, such as
        ``statistics=["SAD", "D2"]``.

    Returns
    -------
    ScoreSummary

    Raises
    ------
    VarscoreError
        If the input, the model or the options cannot be used; there is no output then.

    Examples
    --------
    >>> varscore.score_vcf("my.vcf.gz", "hg38.fa", "scores.parquet", tracks="DNASE")
    """
    if options is not None and option:
        raise TypeError("score_vcf: give `options` or single options, not both")
    options = options or ScoreOptions(**option)
    ScoreWriter.check_target(output, force=force)
    loaded = model if isinstance(model, Model) else load_model(model)
    if loaded.notice:
        logger.warning("%s", loaded.notice)
    with ReferenceGenome(genome) as reference:
        return _Run(vcf, reference, Path(output), loaded, options, force).run()


class _Run:
    """One VCF on its way to one Parquet file."""

    def __init__(
        self,
        vcf: str | Path,
        genome: ReferenceGenome,
        output: Path,
        model: Model,
        options: ScoreOptions,
        force: bool,
    ) -> None:
        self.vcf, self.genome, self.output = vcf, genome, output
        self.model, self.options, self.force = model, options, force
        self.statistics: tuple[Statistic, ...] = get_statistics(options.statistics)
        self.tracks: TrackTable = model.tracks.select(options.tracks)
        self.plan = options.window_plan(model.config)
        self.region = parse_region(options.region, genome) if options.region else None

    def run(self) -> ScoreSummary:
        # A first reading finds damage at the file's end before hours of work, and the total.
        total = sum(1 for _ in self._alleles())
        engine = self._engine()
        started = time.monotonic()
        statuses: Counter[str] = Counter()
        contigs: set[str] = set()
        with (
            ScoreWriter(
                self.output,
                self.statistics,
                self.tracks,
                metadata=self._metadata(),
                force=self.force,
            ) as writer,
            VariantProgress(total) as progress,
        ):
            for chunk in prefetch(self._chunks(), depth=1):
                writer.write(chunk, self._score(chunk, engine, progress))
                statuses.update(allele.status.value for allele in chunk)
                contigs.update(a.variant.contig for a in chunk if a.variant is not None)
            writer.metadata["rows"] = sum(statuses.values())
            writer.metadata["statuses"] = dict(sorted(statuses.items()))
            writer.metadata["genome"]["m5"] = self.genome.digest(sorted(contigs))
        return ScoreSummary(
            sum(statuses.values()), dict(statuses.most_common()), time.monotonic() - started
        )

    def _alleles(self) -> Iterator[Allele]:
        alleles = read_alleles(self.vcf, max_allele_length=self.options.max_allele_length)
        if self.region is None:
            return alleles
        region = self.region
        return (allele for allele in alleles if in_region(allele, region, self.genome))

    def _chunks(self) -> Iterator[list[Allele]]:
        """Cut the VCF into pieces whose scores fit in bounded memory."""
        row = 4 * len(self.statistics) * len(self.tracks)
        size = max(1, min(_CHUNK_ALLELES, _CHUNK_BYTES // row))
        guard = BuildGuard(
            self.vcf, self.genome, allow_mismatches=self.options.allow_ref_mismatches
        )
        located = (guard.see(locate(allele, self.genome)) for allele in self._alleles())
        while chunk := list(islice(located, size)):
            guard.check()
            yield chunk
        guard.finish()

    def _engine(self) -> Engine:
        return TwoPassEngine(
            self.model.network, self.genome, self.plan, self.statistics, self.tracks.indices
        )

    def _score(
        self, chunk: Sequence[Allele], engine: Engine, progress: VariantProgress
    ) -> NDArray[np.float32]:
        """Score a chunk's scorable alleles, equal ones once; shape (scorable, S, T)."""
        rows: dict[Variant, int] = {}
        wanted = [rows.setdefault(a.variant, len(rows)) for a in chunk if a.variant is not None]
        progress(len(chunk) - len(rows))
        return engine.score(list(rows), progress)[wanted]

    def _metadata(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "model": self.model.metadata,
            "genome": {"file": self.genome.path.name, "contigs": self.genome.lengths},
            "vcf": Path(self.vcf).name,
            "options": asdict(self.options),
            "torch": torch.__version__,
        }
