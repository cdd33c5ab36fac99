"""The reference after the trunk: blocks, head and projection, kept for differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from varscore.engines.difference import GATED_ACTIVATIONS, GatedActivation
from varscore.engines.products import Products
from varscore.engines.reach import Reach, Span
from varscore.models.basenji2 import Basenji2, ConvBlock, ResidualBlock

TRACK_BLOCK = 512
"""Tracks that are projected at a time: what one variant's bins of them fill stays in cache."""


class DilatedConv:
    """The first half of a residual block."""

    def __init__(self, block: ConvBlock, products: Products) -> None:
        weight, bias = block.conv.weight, block.conv.bias
        assert bias is not None, "batch norms are folded before the engine is made"
        self.bias = bias
        self.kernel = int(weight.shape[2])
        self.dilation = int(block.conv.dilation[0])
        self.reach = self.dilation * (self.kernel // 2)
        # (C_in, taps x C_out): all taps of an input position in one product
        taps = weight.permute(1, 2, 0).flatten(1).contiguous()
        self._reference, self._difference = products.with_weight(taps)

    def reference(self, active: Tensor, before: Span, after: Span) -> Tensor:
        """Map bins `before`, shape (W, C), to bins `after`, (W', C')."""
        taps = self._reference(active)[None]
        return self._add_taps(taps, before, after)[0].add_(self.bias)

    def difference(self, active: Tensor, before: Span, after: Span) -> Tensor:
        """Map a difference on bins `before`, shape (B, W, C), to bins `after`, (B, W', C')."""
        return self._add_taps(self._difference(active), before, after)

    def _add_taps(self, taps: Tensor, before: Span, after: Span) -> Tensor:
        taps = taps.view(len(taps), before.width, self.kernel, -1)
        out = taps.new_zeros(len(taps), after.width, taps.shape[-1])
        for tap in range(self.kernel):  # input i reaches output i - offset
            offset = (tap - self.kernel // 2) * self.dilation
            reached = before.shift(-offset).meet(after)
            if reached.width:
                source = reached.shift(offset - before.start)
                target = reached.shift(-after.start)
                part = taps[:, source.start : source.end, tap]
                out[:, target.start : target.end] += part
        return out


class Pointwise:
    """A layer that reads one position: a convolution of one tap, or the final projection.

    Attributes
    ----------
    difference : callable
        From a difference, shape (B, W, C), to (B, W, C').
    width : int
        Channels that come out, C'.
    """

    def __init__(self, weight: Tensor, bias: Tensor, products: Products) -> None:
        self.width = len(bias)
        self._bias = bias
        self._product, self.difference = products.with_weight(weight.t().contiguous())

    @classmethod
    def of(cls, block: ConvBlock, products: Products) -> Pointwise:
        """Take the convolution of a block."""
        bias = block.conv.bias
        assert bias is not None, "batch norms are folded before the engine is made"
        return cls(block.conv.weight[:, :, 0], bias, products)

    def reference(self, active: Tensor) -> Tensor:
        """Map (n, C) to (n, C')."""
        return self._product(active).add_(self._bias)


class Stages:
    """What follows the trunk.

    Parameters
    ----------
    network : Basenji2
        Folded.
    track_indices : sequence of int
        The tracks that are projected to.
    products : Products
    """

    def __init__(
        self, network: Basenji2, track_indices: Sequence[int], products: Products
    ) -> None:
        config = network.config
        self.reach = Reach(config)
        self.activation = GATED_ACTIVATIONS[config.activation]
        self.blocks = [
            (DilatedConv(block.dilated, products), Pointwise.of(block.pointwise, products))
            for block in network.blocks
            if isinstance(block, ResidualBlock)
        ]
        self.head = Pointwise.of(network.head, products)
        weight, bias = network.final.weight, network.final.bias
        tracks = [
            list(track_indices[i : i + TRACK_BLOCK])
            for i in range(0, len(track_indices), TRACK_BLOCK)
        ]
        self.tracks = [Pointwise(weight[part], bias[part], products) for part in tracks]


@dataclass(frozen=True)
class Stored:
    """A reference along some bins.

    Attributes
    ----------
    values : Tensor, shape (n, C)
    start : int
        Bin of the first value.
    """

    values: Tensor
    start: int

    @property
    def span(self) -> Span:
        """The bins that are stored."""
        return Span(self.start, self.start + len(self.values))

    def windows(self, starts: Sequence[int], width: int) -> Tensor:
        """Return the values from each start on, shape (B, width, C); a view of a single one."""
        first = [start - self.start for start in starts]
        assert min(first) >= 0
        assert max(first) + width <= len(self.values)
        if len(first) == 1:
            return self.values[None, first[0] : first[0] + width]
        index = torch.tensor(first)[:, None] + torch.arange(width)
        index = index.reshape(-1).to(self.values.device, non_blocking=True)
        return self.values.index_select(0, index).view(len(first), width, -1)


@dataclass(frozen=True)
class Point:
    """What an activation reads along a segment, x, and its gate: it gives x * gate."""

    values: Stored
    gate: Stored

    @classmethod
    def of(cls, activation: GatedActivation, x: Tensor, start: int) -> Point:
        """Compute the gate of x, shape (n, C), whose first bin is `start`."""
        return cls(Stored(x, start), Stored(activation.gate(x), start))

    def activated(self) -> Tensor:
        """Return what the activation gives, shape (n, C)."""
        return self.values.values * self.gate.values


@dataclass(frozen=True)
class Segment:
    """The reference along some bins of one strand and phase.

    Attributes
    ----------
    inputs, hidden : list of Point
        Of each block: its input, and what lies between its two convolutions.
    head_input, head : Point
    logits, coverage, slope : list of Stored
        Of each block of tracks: before softplus, after it, and its derivative there.
    """

    inputs: list[Point]
    hidden: list[Point]
    head_input: Point
    head: Point
    logits: list[Stored]
    coverage: list[Stored]
    slope: list[Stored]


def segment_bytes(reach: Reach, n_tracks: int, itemsize: int) -> int:
    """Return the memory that a bin of a segment takes."""
    config = reach.config
    per_block = config.trunk_channels + config.block_channels
    values = config.num_blocks * per_block + config.trunk_channels + config.head_channels
    return itemsize * (2 * values + 3 * n_tracks)


def segment_flops(reach: Reach, bins: int, n_tracks: int) -> int:
    """Count the FLOPs of a segment that predicts `bins` and no window's ends."""
    widths = [span.width for span in reach.needed(Span(0, bins))]
    return reach.block_flops(widths[:-1], widths[1:]) + reach.head_flops(bins, n_tracks)


def reference_segment(stages: Stages, trunk: Tensor, start: int, *, padded: bool) -> Segment:
    """Compute a segment.

    Parameters
    ----------
    stages : Stages
    trunk : Tensor, shape (n, C)
        The trunk's output.
    start : int
        Its first bin.
    padded : bool
        Whether the trunk's output is a whole window, beyond whose ends the blocks see zeros
        and of which the crop is predicted. Otherwise the blocks shrink it to what they can
        compute from it.
    """
    inputs, hidden = [], []
    x = trunk
    for dilated, pointwise in stages.blocks:
        point = Point.of(stages.activation, x, start)
        before = after = point.values.span
        if not padded:
            after = before.widen(-dilated.reach)
        y = dilated.reference(point.activated(), before, after)
        inputs.append(point)
        hidden.append(Point.of(stages.activation, y, after.start))
        kept = after.shift(-start)
        x = pointwise.reference(hidden[-1].activated()).add_(x[kept.start : kept.end])
        start = after.start
    if padded:
        crop = stages.reach.config.crop_bins
        x, start = x[crop : len(x) - crop], start + crop
    head_input = Point.of(stages.activation, x, start)
    y = stages.head.reference(head_input.activated())
    head = Point.of(stages.activation, y, start)
    active = head.activated()
    logits = [tracks.reference(active) for tracks in stages.tracks]
    return Segment(
        inputs,
        hidden,
        head_input,
        head,
        [Stored(y, start) for y in logits],
        [Stored(F.softplus(y, threshold=40.0), start) for y in logits],
        [Stored(torch.sigmoid(y), start) for y in logits],
    )
