"""Measuring: both engines on the same variants, and the matrix products of this machine.

Speed is a ratio within one run: a machine's clock and its other users change from hour to
hour, and change both engines alike.
"""

from __future__ import annotations

import copy
import platform
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from varscore.engines import DEFAULT_MEMORY
from varscore.engines.auto import incremental_engine, two_pass_engine
from varscore.engines.incremental.engine import IncrementalEngine
from varscore.engines.incremental.kernels.products import (
    Kernel,
    bfloat16_kernel,
    float32_kernels,
)
from varscore.engines.processor import Processor
from varscore.engines.two_pass import TwoPassEngine
from varscore.errors import OptionError
from varscore.inputs.alleles import AlleleSource, Survey
from varscore.inputs.genome import ReferenceGenome
from varscore.inputs.given import Given
from varscore.models.basenji2 import Basenji2
from varscore.models.model import Model
from varscore.models.precision import full_float32
from varscore.options import Precision, ScoreOptions
from varscore.support.bench_report import Agreement, BenchReport, Timing
from varscore.variant import Variant

# The matrix product that tells a machine's rates, of the published model's projection: rows,
# numbers that are summed, columns; and how often it is timed at each of three moments.
_ROWS, _INPUTS, _OUTPUTS, _ROUNDS = 2048, 1536, 512, 3


def bench(
    vcf: Given,
    genome: str | Path,
    model: Model,
    options: ScoreOptions,
    *,
    two_pass_variants: int = 12,
    exact_variants: int = 4,
    spacing: int = 0,
    memory: int = DEFAULT_MEMORY,
) -> BenchReport:
    """Time both engines on a VCF's variants and compare their scores with float64.

    Parameters
    ----------
    vcf : Given
        As for `varscore.score_vcf`.
    genome : str or Path
    model : Model
    options : ScoreOptions
        Its region, if any, says which variants; its precision is the incremental engine's.
    two_pass_variants : int
        Two passes are timed on so many variants, spread evenly over the others.
    exact_variants : int
        Variants whose scores are computed in float64 too; 0 for none.
    spacing : int
        Leave out variants that begin less than so many bases after the one before.
    memory : int
        Bytes that the incremental engine's tensors may take.

    Returns
    -------
    BenchReport

    Raises
    ------
    VarscoreError
        If the input cannot be read, or holds no variant that the incremental engine scores.
    """
    tracks = model.tracks.select(options.tracks).indices
    processor = Processor.of(model.device)
    with ReferenceGenome(genome) as reference:

        def two_pass(network: Basenji2) -> TwoPassEngine:
            return two_pass_engine(options, network, reference, tracks)

        def incremental(
            network: Basenji2, precision: Precision, processor: Processor = processor
        ) -> IncrementalEngine:
            chosen = replace(options, precision=precision)
            return incremental_engine(chosen, network, reference, tracks, memory, processor)

        engine = incremental(model.network, options.precision)
        variants = [
            variant
            for variant in _apart(_variants(vcf, reference, options), spacing)
            if engine.serves(variant)
        ]
        if not variants:
            raise OptionError(
                "none of the variants given is one that the incremental engine scores with "
                "this model and these options; there is nothing to compare"
            )

        rates = [_rates(processor, model.device)]
        engine.score(variants[:1])  # loops are compiled, memory is mapped
        before = engine.products.flops.total
        seconds = _seconds(engine.score, variants)
        peak = peak_memory(model.device)
        gflop = (engine.products.flops.total - before) / 1e9
        name = f"incremental, {options.precision}"
        fast = Timing(name, len(variants), seconds, gflop)
        rates.append(_rates(processor, model.device))

        sample = _spread(variants, two_pass_variants)
        plain = two_pass(model.network)
        plain.score(sample[:1])
        seconds = _seconds(plain.score, sample)
        windows = plain.n_windows(sample)
        bare = _plain_seconds(plain, windows)
        gflop = windows * _window_gflop(plain.network)
        slow = Timing("two passes", len(sample), seconds, gflop)
        rates.append(_rates(processor, model.device))

        few = _spread(variants, exact_variants)
        agreement: tuple[Agreement, ...] = ()
        if few:
            wide = copy.deepcopy(model.network).double()
            exact = two_pass(wide).score(few)
            ways: dict[str, Callable[[Sequence[Variant]], NDArray[Any]]] = {
                "incremental, float64": incremental(wide, "float32").score,
                "two passes, float32": two_pass(model.network).score,
                "incremental, float32": incremental(model.network, "float32").score,
                "incremental, bfloat16 products": incremental(
                    model.network, "mixed", replace(processor, bfloat16=True)
                ).score,
            }
            agreement = tuple(_compare(name, way(few), exact) for name, way in ways.items())
    return BenchReport(
        machine={
            "processor": processor.name,
            "device": str(model.device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
        model={key: model.metadata[key] for key in ("name", "sha256", "activation")},
        options=asdict(options),
        product_gflops={name: max(rate[name] for rate in rates) for name in rates[0]},
        kernel=engine.products.kernel,
        bfloat16_in_hardware=processor.bfloat16,
        timings=(slow, fast),
        plain_seconds=bare,
        agreement=agreement,
        peak_memory_gib=peak,
    )


def _variants(vcf: Given, genome: ReferenceGenome, options: ScoreOptions) -> list[Variant]:
    """Return the distinct variants that can be scored, in their order."""
    variants: dict[Variant, None] = {}
    with AlleleSource(vcf, genome, options) as source, closing(source.batches()) as batches:
        survey = Survey(source)
        for batch in batches:
            survey.see(batch)
            variants |= dict.fromkeys(a.variant for a in batch if a.variant is not None)
        survey.judge()
    return list(variants)


def _apart(variants: Sequence[Variant], spacing: int) -> Iterator[Variant]:
    """Yield variants by contig and position, none less than `spacing` bases after another."""
    last: Variant | None = None
    for variant in sorted(variants):
        if last is None or (
            variant.contig != last.contig or variant.start - last.start >= spacing
        ):
            last = variant
            yield variant


def _spread(variants: Sequence[Variant], n: int) -> list[Variant]:
    """Take up to `n` variants, evenly spaced."""
    n = min(n, len(variants))
    return [variants[(2 * i + 1) * len(variants) // (2 * n)] for i in range(n)]


def _rates(processor: Processor, device: torch.device) -> dict[str, float]:
    """Time each way to ask for one product; return GFLOP/s by its name."""
    x = torch.ones(_ROWS, _INPUTS, device=device)
    weight = torch.full((_INPUTS, _OUTPUTS), 1 / _INPUTS, device=device)
    makers = {**float32_kernels(processor), "bfloat16": bfloat16_kernel}
    kernels = {name: make(weight) for name, make in makers.items()}
    best = dict.fromkeys(kernels, float("inf"))
    with torch.inference_mode(), full_float32():
        for _ in range(_ROUNDS):  # in turns, so that a busy moment meets them all
            for name, kernel in kernels.items():
                best[name] = min(best[name], _product_seconds(kernel, x))
    return {name: 2e-9 * _ROWS * _INPUTS * _OUTPUTS / time for name, time in best.items()}


def _product_seconds(kernel: Kernel, x: Tensor) -> float:
    _synchronise(x.device)
    start = time.perf_counter()
    kernel(x)
    _synchronise(x.device)
    return time.perf_counter() - start


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _seconds(
    score: Callable[[Sequence[Variant]], object], variants: Sequence[Variant]
) -> float:
    start = time.perf_counter()
    score(variants)
    return time.perf_counter() - start


def _plain_seconds(engine: TwoPassEngine, windows: int) -> float:
    """Time a two-pass engine's network on as many ready-made windows as it predicts."""
    network, size = engine.network, min(windows, engine.windows_per_batch)
    length, weight = network.config.window_length, network.final.weight
    bases = torch.randint(4, (size, length), device=weight.device)
    batch = F.one_hot(bases, 4).transpose(1, 2).to(weight.dtype).contiguous()
    with torch.inference_mode(), full_float32():
        start = time.perf_counter()
        for done in range(0, windows, size):
            network(batch[: min(size, windows - done)])
        _synchronise(weight.device)
        return time.perf_counter() - start


def _window_gflop(network: Basenji2) -> float:
    window = network.final.weight.new_zeros(1, 4, network.config.window_length)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(window)
    return float(counter.get_total_flops()) / 1e9


def _compare(name: str, scores: NDArray[Any], exact: NDArray[Any]) -> Agreement:
    relative = np.abs(scores - exact) / np.maximum(np.abs(exact), np.finfo(np.float32).tiny)
    correlations = [np.nan]
    if exact.shape[2] > 2:
        correlations = [
            float(np.corrcoef(a, b)[0, 1])
            for scored, true in zip(scores, exact, strict=True)
            for a, b in zip(scored, true, strict=True)
        ]
    return Agreement(
        name, len(exact), float(np.median(relative)), float(relative.max()), min(correlations)
    )


def peak_memory(device: torch.device) -> float:
    """Return the most memory that was taken so far, in GiB: of the GPU, else of the process.

    Parameters
    ----------
    device : torch.device
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
