"""Two full passes a variant: the definition of every score."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from varscore.engines import DEFAULT_MEMORY, OnScored
from varscore.engines.prefetch import prefetch
from varscore.engines.processor import Processor
from varscore.errors import OptionError
from varscore.inputs.genome import ReferenceGenome
from varscore.models.basenji2 import Basenji2
from varscore.models.config import BasenjiConfig
from varscore.models.encoding import one_hot
from varscore.models.precision import full_float32
from varscore.sequence import reverse_complement
from varscore.statistics import CoverageChange, Statistic
from varscore.variant import Reference, Variant
from varscore.windows import Bins, Windowing, window_sequences

_MAX_WINDOWS = 64


def windows_within(config: BasenjiConfig, memory: int) -> int:
    """Return how many windows two passes predict at a time.

    Parameters
    ----------
    config : BasenjiConfig
        With as many tracks as are scored.
    memory : int
        Bytes that tensors may take beside the weights.

    Raises
    ------
    OptionError
        If the memory does not suffice for a window.
    """
    window = 2 * config.activation_bytes
    if memory < window:
        raise OptionError(
            f"memory: {memory / 2**30:.2f} GiB ({memory:,} bytes) do not suffice for one "
            f"window of this model in two passes, which takes {window / 2**30:.2f} GiB; give "
            "more, or choose the incremental engine"
        )
    return min(_MAX_WINDOWS, memory // window)


@dataclass(frozen=True)
class _Pass:
    """One strand and shift of a group of variants, ready for the network."""

    windows: Tensor  # (sum over variants of 1 + alternates, 4, L): ref, alt, [alt,] ref, ...
    seams: tuple[int | None, ...]  # of each variant, in output bins
    reverse: bool


class TwoPassEngine:
    """Predict the reference and the alternate windows in full and compare them.

    Parameters
    ----------
    network : Basenji2
        Folded, in eval mode, on the device and of the precision to compute with.
    genome : ReferenceGenome
    windowing : Windowing
    statistics : sequence of Statistic
    track_indices : sequence of int
        0-based tracks of the network to score.
    memory : int
        Bytes that tensors may take beside the weights: half of them for a forward pass, the
        others for the windows that wait, what is predicted and what statistics make of it.

    Attributes
    ----------
    windows_per_batch : int
        Windows that are predicted at a time.

    Raises
    ------
    OptionError
        If the memory does not suffice for a window.
    """

    def __init__(
        self,
        network: Basenji2,
        genome: ReferenceGenome,
        windowing: Windowing,
        statistics: Sequence[Statistic],
        track_indices: Sequence[int],
        *,
        memory: int = DEFAULT_MEMORY,
    ) -> None:
        every = list(track_indices) == list(range(network.config.n_tracks))
        self.network = network if every else network.with_tracks(track_indices)
        self.genome = genome
        self.windowing = windowing
        self.statistics = tuple(statistics)
        self.windows_per_batch = windows_within(self.network.config, memory)
        weight = self.network.final.weight
        self._device, self._dtype = weight.device, weight.dtype

    def describe(self) -> dict[str, Any]:
        """Return how scores are computed here, JSON-ready, for the output's metadata."""
        dtype = str(self._dtype).removeprefix("torch.")
        processor = Processor.of(self._device)
        return {
            "engine": "two-pass",
            "kernel": "conv1d",
            "differences": dtype,
            "reference_projection": dtype,
            "filtered_trunk": False,
            "device": processor.device,
            "processor": processor.name,
        }

    def n_windows(self, variants: Sequence[Variant]) -> int:
        """Return how many windows are predicted for some variants."""
        members = len(self.windowing.shifts) * (1 + self.windowing.reverse_complement)
        stitched = self.windowing.indels == "stitch"
        return members * sum(3 if stitched and v.is_indel else 2 for v in variants)

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
        bins : sequence of Bins, optional

        Returns
        -------
        ndarray, shape (B, S, T), float32
            float64 where the network is.
        """
        measures = len(self.statistics) * (
            1 if bins is not None else len(self.windowing.around)
        )
        shape = (len(variants), measures, self.network.config.n_tracks)
        scores = torch.empty(shape, dtype=self._dtype)
        # Neighbours that are equal, but for the bins in which they are looked at, are one.
        rows = [list(same) for _, same in groupby(range(len(variants)), variants.__getitem__)]
        left = iter(rows)
        with closing(self.changes([variants[same[0]] for same in rows])) as changes:
            for change in changes:
                for number, same in enumerate(islice(left, len(change.diff))):
                    one = change.of(number)
                    for row in same:
                        views = [bins[row]] if bins is not None else self._views(variants[row])
                        scores[row] = self._measure(one, views)
                    if on_scored:
                        on_scored(len(same))
        return scores.numpy()

    def _measure(self, change: CoverageChange, views: Sequence[Bins]) -> Tensor:
        """Return every statistic of one variant over every choice of bins, shape (S, T)."""
        crop = self.network.config.crop_bins
        seen = [
            change.within([(first - crop, end - crop) for first, end in view]) for view in views
        ]
        numbers = [
            statistic.function(part)[0] for statistic in self.statistics for part in seen
        ]
        return torch.stack(numbers)

    def _views(self, variant: Variant) -> tuple[Bins, ...]:
        """Return the predicted bins that count, of each width."""
        crop, count = self.network.config.crop_bins, self.network.config.n_bins
        offset = variant.start - self.windowing.frame_start(variant)
        return self.windowing.chosen_bins(offset, len(variant.ref), (crop, crop + count))

    @torch.inference_mode()
    def changes(self, variants: Sequence[Variant]) -> Generator[CoverageChange, None, None]:
        """Predict the coverage of both alleles, averaged over strands and shifts.

        A thread reads the genome ahead until the generator is at its end or is closed.

        Yields
        ------
        CoverageChange
            Of the next few variants, in their order.
        """
        size = max(1, self.windows_per_batch // 2)
        groups = [variants[i : i + size] for i in range(0, len(variants), size)]
        members = len(self.windowing.shifts) * (1 + self.windowing.reverse_complement)
        with prefetch(p for group in groups for p in self._passes(group)) as passes:
            for group in groups:
                total = self._predict(next(passes))
                for _ in range(members - 1):
                    total = _add(total, self._predict(next(passes)))
                change = CoverageChange.between(total.ref / members, total.alt / members)
                yield change.exchanged([v.reference is Reference.SWAPPED for v in group])

    def _passes(self, variants: Sequence[Variant]) -> Iterator[_Pass]:
        config = self.network.config
        for shift in self.windowing.shifts:
            cut = [window_sequences(self.genome, v, self.windowing, shift) for v in variants]
            seams = tuple(
                None
                if c.seam is None
                else min(max(c.seam - config.crop_bins, 0), config.n_bins)
                for c in cut
            )
            windows = [window for c in cut for window in (c.ref, *c.alts)]
            yield _Pass(self._encode(windows), seams, reverse=False)
            if self.windowing.reverse_complement:
                opposite = [reverse_complement(window) for window in windows]
                yield _Pass(self._encode(opposite), seams, reverse=True)

    def _encode(self, windows: Sequence[str]) -> Tensor:
        encoded = one_hot(windows).to(self._dtype)
        return encoded.pin_memory() if self._device.type == "cuda" else encoded

    def _predict(self, windows: _Pass) -> _Coverages:
        coverage = self._forward(windows.windows)
        if windows.reverse:
            coverage = coverage.flip(1)
        refs, alts, row = [], [], 0
        for seam in windows.seams:
            refs.append(coverage[row])
            if seam is None:
                alts.append(coverage[row + 1])
                row += 2
            else:
                alts.append(torch.cat([coverage[row + 1, :seam], coverage[row + 2, seam:]]))
                row += 3
        return _Coverages(torch.stack(refs), torch.stack(alts))

    def _forward(self, windows: Tensor) -> Tensor:
        parts, start = [], 0
        while start < len(windows):
            part = windows[start : start + self.windows_per_batch]
            try:
                with full_float32():
                    parts.append(self.network(part.to(self._device, non_blocking=True)))
            except torch.OutOfMemoryError:
                if len(part) == 1:
                    raise
                self.windows_per_batch = len(part) // 2
                continue
            start += len(part)
        return torch.cat(parts)


@dataclass(frozen=True)
class _Coverages:
    ref: Tensor  # (B, N, T)
    alt: Tensor  # (B, N, T)


def _add(a: _Coverages, b: _Coverages) -> _Coverages:
    return _Coverages(a.ref + b.ref, a.alt + b.alt)
