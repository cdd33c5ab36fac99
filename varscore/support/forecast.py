"""What a run would take on this machine, from a part of it that is really scored."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from varscore.engines import DEFAULT_MEMORY, Engine, OnScored
from varscore.engines.processor import Processor
from varscore.inputs.alleles import AlleleSource
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given
from varscore.models.model import Model
from varscore.options import ScoreOptions
from varscore.scoring import Scorer
from varscore.support.bench import peak_memory
from varscore.variant import Allele, Interval, Variant
from varscore.windows import Bins, Windowing, windowing_for

_ENOUGH_SECONDS = 3.0  # of scoring the first alleles, to tell the rate from
_FEWEST, _NEIGHBOURS = 4, 32
_MOST_ROWS, _MOST_BYTES = 8192, 1 << 26  # of a result that is written to tell the size from


@dataclass(frozen=True)
class Forecast:
    """What a run would take.

    Attributes
    ----------
    model : str
    processor : str
    threads : int
    alleles : int
        Those that are to be scored.
    seconds : float
        Of the whole run on this machine, from the start of the program.
    core_hours : float
        Of scoring alone.
    memory_gib : float
        What it takes at most, in GiB (2^30 bytes).
    result_bytes : int
    shards : int
        Of about an hour each, on one core.
    """

    model: str
    processor: str
    threads: int
    alleles: int
    seconds: float
    core_hours: float
    memory_gib: float
    result_bytes: int
    shards: int

    def __str__(self) -> str:
        cores = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        jobs = "1 job" if self.shards == 1 else f"{self.shards:,} jobs (shards)"
        return "\n".join(
            [
                f"forecast for {self.model} on {self.processor}, {cores}",
                f"  alleles to score  {self.alleles:,}",
                f"  time              {_duration(self.seconds)} on this machine, "
                f"{self.core_hours:.2g} core-hours",
                f"  memory            at most {self.memory_gib:.1f} GiB",
                f"  result            {_size(self.result_bytes)}",
                f"  on a cluster      {jobs} of up to about an hour on a core",
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)


def forecast(
    vcf: Given,
    genome: str | Path,
    model: Model,
    options: ScoreOptions,
    *,
    memory: int = DEFAULT_MEMORY,
    startup: float = 0.0,
) -> Forecast:
    """Score the first alleles for some seconds, and tell what all of them will take.

    The time is a sum: so much a base of the reference that windows of one phase cover, so much
    an allele, so much a piece of some thousand alleles. It is told from the first alleles, and
    from substitutions beside them whose windows are of one phase.

    Parameters
    ----------
    vcf : Given
        As for `varscore.score_vcf`.
    genome : str or Path
    model : Model
    options : ScoreOptions
    memory : int
        Bytes that the engine's tensors may take, beside the weights.
    startup : float
        Seconds that starting and loading the model took.

    Returns
    -------
    Forecast

    Raises
    ------
    VarscoreError
        As `varscore.score_vcf`.
    """
    threads = torch.get_num_threads() if model.device.type == "cpu" else 1
    with ReferenceGenome(genome) as reference:
        scorer = Scorer(reference, model, options, memory)
        before = peak_memory(model.device) * 2**30
        with AlleleSource(vcf, reference, options) as source:
            started = time.monotonic()
            windowing = windowing_for(options, model.config)
            work = _Work(scorer.chunk, windowing)
            for allele in source:
                work.see(allele)
            work.end()
            reading = time.monotonic() - started
            variants = _variants(islice(source, scorer.chunk))
            rate, scores = _measure(scorer.engine, reference, variants, windowing)
            size, writing = _write(scorer, source, scores, work.rows)
    scoring = rate.of(work)
    seconds = startup + 2 * reading + scoring + writing
    cores = scoring * threads
    return Forecast(
        model=model.name,
        processor=Processor.of(model.device).name,
        threads=threads,
        alleles=work.scored,
        seconds=seconds,
        core_hours=cores / 3600,
        memory_gib=(before + memory + scorer.held_bytes) / 2**30,
        result_bytes=size,
        shards=max(1, round(cores / 3600)),
    )


class _Work:
    """Counts what is to be scored, in the pieces in which `Scorer` scores it."""

    def __init__(self, chunk: int, windowing: Windowing) -> None:
        self._chunk, self._windowing = chunk, windowing
        self._variants: set[Variant] = set()
        self._held = 0
        self.rows = self.scored = self.bases = self.pieces = 0

    def see(self, allele: Allele) -> None:
        """Count an allele."""
        self.rows += 1
        self._held += 1
        if allele.variant is not None:
            self._variants.add(allele.variant)
        if self._held == self._chunk:
            self.end()

    def end(self) -> None:
        """Finish a piece: equal alleles are scored once."""
        self.pieces += bool(self._variants)
        self.scored += len(self._variants)
        self.bases += _covered(self._variants, self._windowing)
        self._variants.clear()
        self._held = 0


def _covered(variants: Collection[Variant], windowing: Windowing) -> int:
    """Return how many bases windows cover, each phase by itself.

    The reference is computed once for all windows that start at the same base of a bin.
    """
    window, total = windowing.length, 0
    last: dict[tuple[str, int], int] = {}
    for contig, start in sorted((v.contig, windowing.start(v)) for v in variants):
        phase = contig, start % windowing.bin_width
        total += min(start - last.get(phase, start - window), window)
        last[phase] = start
    return total


def _variants(alleles: Iterator[Allele]) -> list[Variant]:
    found = (allele.variant for allele in alleles)
    return list(dict.fromkeys(variant for variant in found if variant is not None))


@dataclass(frozen=True)
class _Rate:
    """Seconds of scoring: once, for each piece, and for each base and allele in it."""

    once: float
    piece: float
    base: float
    allele: float

    def of(self, work: _Work) -> float:
        """Return the seconds that some work takes."""
        parts = self.piece * work.pieces + self.base * work.bases + self.allele * work.scored
        return self.once + parts


def _measure(
    engine: Engine, genome: ReferenceGenome, variants: Sequence[Variant], windowing: Windowing
) -> tuple[_Rate, NDArray[np.float32]]:
    """Tell the rate from two runs on the first variants, and two that share a reference."""
    if not variants:
        return _Rate(0, 0, 0, 0), engine.score([])
    first, _ = _timed(engine, variants[:1])  # loops are compiled, weights are laid out
    near = _neighbours(genome, variants[0], windowing)
    few_near = near[: max(1, len(near) // 4)]
    (less, _), (more, _) = _timed(engine, few_near), _timed(engine, near)
    runs: list[tuple[Sequence[Variant], float]] = []
    while len(runs) < 2 or runs[-1][1] < _ENOUGH_SECONDS:
        part = variants[: _FEWEST * 4 ** len(runs)]
        seconds, scores = _timed(engine, part)
        runs.append((part, seconds))
        if len(part) == len(variants):
            break
    (few, few_seconds), (many, seconds) = runs[max(len(runs) - 2, 0)], runs[-1]
    bases = _covered(many, windowing)
    # Two runs differ by so many bases and alleles, which take the difference in seconds.
    near_bases = _covered(few_near, windowing)
    step = [_covered(near, windowing) - near_bases, len(near) - len(few_near)]
    long_step = [bases - _covered(few, windowing), len(many) - len(few)]
    if long_step[0] > windowing.length:
        system, found = [step, long_step], [more - less, seconds - few_seconds]
    else:  # they share one reference: one run with it tells what that takes
        system, found = [[near_bases, len(few_near)], step], [less, more - less]
    base, allele = np.maximum(np.linalg.lstsq(system, found, rcond=None)[0], 0.0).tolist()
    base = min(base, seconds / bases)
    allele = min(allele, (seconds - base * bases) / len(many))
    piece = seconds - base * bases - allele * len(many)
    return _Rate(max(first - few_seconds, 0.0), piece, base, allele), scores


def _neighbours(
    genome: ReferenceGenome, variant: Variant, windowing: Windowing
) -> list[Variant]:
    """Make substitutions whose windows are of one phase, each some bins from the next."""
    made: list[Variant] = []
    length = genome.lengths[variant.contig]
    for number in range(-_NEIGHBOURS, _NEIGHBOURS + 1):
        start = variant.start + number * windowing.bin_width
        if 0 <= start < length and len(made) < _NEIGHBOURS:
            ref = genome.fetch(Interval(variant.contig, start, start + 1))
            if ref in "ACGT":
                made.append(Variant(variant.contig, start + 1, ref, "A" if ref != "A" else "C"))
    return made or [variant]


def _timed(engine: Engine, variants: Sequence[Variant]) -> tuple[float, NDArray[np.float32]]:
    started = time.monotonic()
    scores = engine.score(variants)
    return time.monotonic() - started, scores


class _Replay:
    """An engine that gives scores again, in disorder and with other digits."""

    def __init__(self, engine: Engine, scores: NDArray[np.float32]) -> None:
        self._engine, self._scores = engine, scores
        self._random = np.random.default_rng(1)

    def describe(self) -> dict[str, Any]:
        """Return what the real engine says."""
        return self._engine.describe()

    def score(
        self,
        variants: Sequence[Variant],
        on_scored: OnScored | None = None,
        bins: Sequence[Bins] | None = None,
    ) -> NDArray[np.float32]:
        """Return scores for variants, which are none of theirs."""
        if not variants:
            return self._scores[:0]
        shape = (len(variants), *self._scores.shape[1:])
        rows = self._random.integers(0, len(self._scores), shape[0])
        noise = np.exp2(2 * self._random.random(shape, np.float32) - 1)
        again: NDArray[np.float32] = self._scores[rows] * noise
        return again


def _write(
    scorer: Scorer, source: AlleleSource, scores: NDArray[np.float32], rows: int
) -> tuple[int, float]:
    """Write the first rows of a result; return the bytes and the seconds that all will take."""
    columns = len(scorer.options.measures) * len(scorer.tracks)
    most = min(_MOST_ROWS, max(512, _MOST_BYTES // (4 * columns)))
    engine, scorer.engine = scorer.engine, _Replay(scorer.engine, scores)
    sizes, seconds = [], 0.0
    counts = [rows] if rows <= most else [most // 2, most]
    try:
        with tempfile.TemporaryDirectory() as folder:
            for count in counts:
                path = Path(folder, f"{count}.parquet")
                started = time.monotonic()
                scorer.score(
                    islice(source, count),
                    path,
                    lambda _: None,
                    vcf=source.name,
                    options=scorer.options,
                )
                seconds = time.monotonic() - started
                sizes.append(path.stat().st_size)
    finally:
        scorer.engine = engine
    if rows <= most:
        return sizes[0], seconds
    slope = (sizes[1] - sizes[0]) / (counts[1] - counts[0])
    return round(sizes[1] + slope * (rows - counts[1])), seconds * rows / counts[1]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _size(count: int) -> str:
    number = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} TiB"
