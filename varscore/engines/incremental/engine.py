"""The incremental engine: two passes' scores, from what each variant changes alone.

Along a contig the reference is computed once for all variants that share a strand and a
phase; from there only the difference between the alleles is carried through the network,
over the bins that it reaches. Both are exact: see `layout` for what is computed,
`trunk`, `reference` and `alternate` for how, `stretch` for what is shared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from itertools import count, repeat
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from varscore.engines import DEFAULT_MEMORY, OnScored
from varscore.engines.incremental.alternate import Placed, score_batch
from varscore.engines.incremental.kernels.products import Products
from varscore.engines.incremental.reference import Segment, Segments, Stages
from varscore.engines.incremental.schedule.budget import Budget
from varscore.engines.incremental.schedule.layout import layout_of
from varscore.engines.incremental.schedule.reach import Reach
from varscore.engines.incremental.schedule.segments import SegmentKey, segment_keys
from varscore.engines.incremental.schedule.stretches import Site, next_stretch
from varscore.engines.incremental.strand import Strand
from varscore.engines.incremental.stretch import SharedTrunk
from varscore.engines.incremental.trunk import Trunk
from varscore.engines.processor import Processor
from varscore.engines.runtime import Workers, return_freed_memory
from varscore.errors import OptionError
from varscore.inputs.genome import ReferenceGenome
from varscore.models.basenji2 import Basenji2
from varscore.models.config import BasenjiConfig
from varscore.models.precision import full_float32
from varscore.options import Precision
from varscore.statistics import Statistic
from varscore.variant import Reference, Variant
from varscore.windows import Bins, Windowing

Finish = Callable[[Sequence[Site], NDArray[np.float64]], None]
"""Takes the scores of some sites, shape (B, S, T)."""

# Variants: what is between two products stays in a CPU's caches; a GPU wants more at a time.
_LARGEST_BATCH = {"cpu": 8, "cuda": 256}
_LEAST_MEMORY = 1 << 26


def unsupported(config: BasenjiConfig, windowing: Windowing, variant: Variant) -> str | None:
    """Say why the incremental engine does not score a variant.

    Parameters
    ----------
    config : BasenjiConfig
    windowing : Windowing
    variant : Variant

    Returns
    -------
    str or None
        A reason that completes "... because", or None where it scores it.
    """
    if windowing.indels == "trim" and variant.is_indel:
        return "alleles centre-trimmed to the window (--indels trim) share no frame"
    if variant.reference is Reference.REDUCED:
        return "the genome has an ambiguity letter in place of the reference allele"
    return layout_of(config, windowing, variant, whole_window=False).refusal


def refuse_unsupported(config: BasenjiConfig, windowing: Windowing, variant: Variant) -> None:
    """Refuse a variant that the incremental engine does not score.

    Parameters
    ----------
    config : BasenjiConfig
    windowing : Windowing
    variant : Variant

    Raises
    ------
    OptionError
        With the reason that `unsupported` gives.
    """
    if reason := unsupported(config, windowing, variant):
        raise OptionError(
            f"{variant.contig}:{variant.pos}:{variant.ref}:{variant.alt}: "
            f"the incremental engine does not score it because {reason}; use two-pass"
        )


class IncrementalEngine:
    """Scores variants by what they change.

    Parameters
    ----------
    network : Basenji2
        Folded, in eval mode, on the device and of the precision to compute with.
    genome : ReferenceGenome
    windowing : Windowing
    statistics : sequence of Statistic
    track_indices : sequence of int
        0-based tracks of the network to score.
    precision : {"float32", "mixed"}
        "mixed": products of the difference behind the trunk in bfloat16, where the processor
        multiplies that in hardware.
    memory : int
        Bytes that tensors may take beside the weights.
    processor : Processor, optional
        What to choose arithmetic for; what computes here if not given.

    Raises
    ------
    OptionError
        From `score`, for a variant that `unsupported` gives a reason against.
    """

    def __init__(
        self,
        network: Basenji2,
        genome: ReferenceGenome,
        windowing: Windowing,
        statistics: Sequence[Statistic],
        track_indices: Sequence[int],
        *,
        precision: Precision = "float32",
        memory: int = DEFAULT_MEMORY,
        processor: Processor | None = None,
    ) -> None:
        self._config = network.config
        self._device, self._dtype = network.final.weight.device, network.final.weight.dtype
        self._genome, self._windowing, self._statistics = genome, windowing, tuple(statistics)
        self._whole_window = any(s.needs_whole_window for s in statistics)
        self._n_tracks = len(track_indices)
        self._processor = processor or Processor.of(self._device)
        self.products = Products.choose(precision, self._dtype, self._processor)
        self._trunk = Trunk(network, self.products)
        self._stages = Stages(
            network, track_indices, self.products, only_differences=not self._whole_window
        )
        largest = _LARGEST_BATCH.get(self._device.type, _LARGEST_BATCH["cpu"])
        self._set_memory(memory, largest)

    def describe(self) -> dict[str, Any]:
        """Return how scores are computed here, JSON-ready, for the output's metadata."""
        dtype = str(self._dtype).removeprefix("torch.")
        differences = "bfloat16" if self.products.reduced else dtype
        return {
            "engine": "incremental",
            "kernel": self.products.kernel,
            "differences": differences,
            "reference_projection": dtype if self._whole_window else differences,
            "filtered_trunk": True,
            "device": self._processor.device,
            "processor": self._processor.name,
        }

    def serves(self, variant: Variant) -> bool:
        """Tell whether the engine scores a variant; `unsupported` says why not."""
        return unsupported(self._config, self._windowing, variant) is None

    def score(
        self,
        variants: Sequence[Variant],
        on_scored: OnScored | None = None,
        bins: Sequence[Bins] | None = None,
    ) -> NDArray[np.float32]:
        """Score some variants; see `varscore.engines.Engine.score`.

        Parameters
        ----------
        variants : sequence of Variant
        on_scored : callable, optional
            Called from whichever thread finished some, one at a time.
        bins : sequence of Bins, optional

        Returns
        -------
        ndarray, shape (B, S, T), float32
            In the order of `variants`; float64 where the network is.

        Raises
        ------
        OptionError
            If a variant is not served; `unsupported` says so beforehand.
        """
        dtype = np.float64 if self._dtype == torch.float64 else np.float32
        choices = 1 if bins is not None else len(self._windowing.around)
        measures = len(self._statistics) * choices
        scores = np.zeros((len(variants), measures, self._n_tracks), dtype)
        chosen = bins if bins is not None else repeat(None, len(variants))
        sites = sorted(
            (self._site(*of) for of in zip(count(), variants, chosen, strict=False)),
            key=lambda site: site.variant,
        )
        done = np.zeros(len(variants), bool)
        # Where nothing that counts differs, a difference is exactly 0.
        differing = [site for site in sites if site.layout.union.width]
        if on_scored and len(differing) < len(sites):
            on_scored(len(sites) - len(differing))
        sites = differing

        lock = threading.Lock()

        def finish(batch: Sequence[Site], result: NDArray[np.float64]) -> None:
            rows = [site.row for site in batch]
            with lock:
                scores[rows], done[rows] = result, True
                if on_scored:
                    on_scored(len(rows))

        with torch.inference_mode(), full_float32():
            while sites:
                stretch = self._next_stretch(sites)
                if self._attempt(stretch, finish):
                    sites = sites[len(stretch) :]
                else:  # go on with less at a time; the exception and its tensors are gone
                    self._set_memory(self._memory // 2, max(1, self._budget.batch // 2))
                    torch.cuda.empty_cache()
                    sites = [site for site in sites if not done[site.row]]
                return_freed_memory()
        return cast("NDArray[np.float32]", scores)

    def _next_stretch(self, sites: Sequence[Site]) -> Sequence[Site]:
        budget = self._budget
        return next_stretch(sites, budget.stretch, budget.trunk_bin, budget.segment_bin)

    def _attempt(self, stretch: Sequence[Site], finish: Finish) -> bool:
        """Score a stretch; say whether its memory was enough."""
        try:
            self._score_stretch(stretch, finish)
        except torch.cuda.OutOfMemoryError:
            if self._memory < _LEAST_MEMORY:
                raise
            return False
        return True

    def _set_memory(self, memory: int, largest_batch: int) -> None:
        members = len(self._windowing.shifts) * (2 if self._windowing.reverse_complement else 1)
        self._memory = memory
        self._budget = Budget.of(
            memory,
            largest_batch,
            Reach(self._config),
            members,
            self._n_tracks,
            self._dtype.itemsize,
            torch.get_num_threads() if self._device.type == "cpu" else 1,
        )

    def _site(self, row: int, variant: Variant, bins: Bins | None) -> Site:
        refuse_unsupported(self._config, self._windowing, variant)
        layout = layout_of(
            self._config,
            self._windowing,
            variant,
            whole_window=self._whole_window,
            bins=bins,
        )
        strands = self._strands(variant.contig)
        starts = tuple(
            strands[member.reverse].window_start(self._windowing, variant, member.shift)
            for member in layout.members
        )
        return Site(row, variant, layout, starts)

    def _strands(self, contig: str) -> dict[bool, Strand]:
        length = self._genome.lengths[contig]
        sides = (False, True) if self._windowing.reverse_complement else (False,)
        return {reverse: Strand(self._genome, contig, length, reverse) for reverse in sides}

    def _score_stretch(self, sites: Sequence[Site], finish: Finish) -> None:
        workers = Workers(self._budget.workers)
        trunk = SharedTrunk(
            self._trunk,
            self._strands(sites[0].variant.contig),
            sites,
            self._budget.walk,
            workers,
            self._device,
            self._dtype,
        )
        groups: dict[tuple[SegmentKey, ...], list[Site]] = {}
        for site, key in zip(sites, segment_keys(sites, self._n_tracks), strict=True):
            groups.setdefault(key, []).append(site)
        ordered = sorted(groups.items(), key=lambda item: item[0])
        members = len(sites[0].layout.members)
        # Workers share out the groups; where those are too few, the batches of each.
        outer, inner = workers, Workers(1)
        if len(ordered) < 2 * workers.count:
            outer, inner = inner, outer
        # Neighbouring groups share segments, if they need several.
        size = 1 if members == 1 else -(-len(ordered) // (4 * outer.count))

        def finish_wanted(batch: Sequence[Site], result: NDArray[np.float64]) -> None:
            workers.go_on()
            finish(batch, result)

        def score(number: int) -> None:
            segments = Segments(self._stages, trunk, members)
            for keys, group in ordered[number : number + size]:
                held = [segments.get(key) for key in keys]
                self._score_group(trunk, held, group, finish_wanted, inner)

        outer.run(score, range(0, len(ordered), size))

    def _score_group(
        self,
        trunk: SharedTrunk,
        segments: Sequence[Segment],
        group: Sequence[Site],
        finish: Finish,
        workers: Workers,
    ) -> None:
        """Score the sites that are held against the same segments, one for each member."""
        by_shape: dict[Hashable, list[Site]] = {}
        for site in group:
            by_shape.setdefault(site.layout.shape, []).append(site)
        size = self._budget.batch
        batches = [
            alike[i : i + size]
            for alike in by_shape.values()
            for i in range(0, len(alike), size)
        ]

        def score(batch: Sequence[Site]) -> None:
            placed = [
                self._place(trunk, segment, batch, number)
                for number, segment in enumerate(segments)
            ]
            swapped = [site.variant.reference is Reference.SWAPPED for site in batch]
            views = [site.layout.views_of_union for site in batch]
            scores = score_batch(
                self._stages, batch[0].layout, placed, self._statistics, swapped, views
            )
            finish(batch, scores.cpu().numpy())

        workers.run(score, batches)

    def _place(
        self, trunk: SharedTrunk, segment: Segment, batch: Sequence[Site], number: int
    ) -> Placed:
        """Bring a batch's differences of one member together."""
        width = self._config.bin_width
        alternates = []
        for side, alternate in enumerate(batch[0].layout.members[number].alternates):
            if not alternate.out.width:
                continue
            diff = torch.empty(
                len(batch),
                alternate.active[0].width,
                self._config.trunk_channels,
                device=self._device,
                dtype=self._dtype,
            )
            for site, out in zip(batch, diff, strict=True):
                trunk.difference(site, number, side, out)
            alternates.append((alternate, diff))
        return Placed(segment, [site.starts[number] // width for site in batch], alternates)
