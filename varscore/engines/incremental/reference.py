"""The reference after the trunk: blocks, head and projection, kept for differences."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from varscore.engines.incremental.kernels.convolution import DilatedConv
from varscore.engines.incremental.kernels.difference import GATED_ACTIVATIONS
from varscore.engines.incremental.kernels.products import Products
from varscore.engines.incremental.kernels.steps import steps_for
from varscore.engines.incremental.kernels.stored import Point, Stored
from varscore.engines.incremental.schedule.reach import Reach, Span
from varscore.engines.incremental.schedule.segments import SegmentKey
from varscore.engines.incremental.stretch import SharedTrunk
from varscore.models.basenji2 import Basenji2, ConvBlock, ResidualBlock

TRACK_BLOCK = 512
"""Tracks that are projected at a time: what one variant's bins of them fill stays in cache."""


class Pointwise:
    """A layer that reads one position: a convolution of one tap, or the final projection.

    Parameters
    ----------
    weight : Tensor, shape (C', C)
    bias : Tensor, shape (C',)
    products : Products
    reduced : bool
        Whether the reference is projected in the precision of differences.

    Attributes
    ----------
    difference : callable
        From a difference, shape (B, W, C), to (B, W, C').
    width : int
        Channels that come out, C'.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, products: Products, *, reduced: bool = False
    ) -> None:
        self.width = len(bias)
        self._bias = bias
        product, self.difference = products.with_weight(weight.t().contiguous())
        self._product = self.difference if reduced else product

    @classmethod
    def of(cls, block: ConvBlock, products: Products) -> Pointwise:
        """Take the convolution of a block.

        Parameters
        ----------
        block : ConvBlock
            Folded.
        products : Products
        """
        bias = block.conv.bias
        assert bias is not None, "batch norms are folded before the engine is made"
        return cls(block.conv.weight[:, :, 0], bias, products)

    def reference(self, active: Tensor) -> Tensor:
        """Map (n, C) to (n, C')."""
        return self._product(active).to(self._bias.dtype).add_(self._bias)


class Stages:
    """What follows the trunk.

    Parameters
    ----------
    network : Basenji2
        Folded.
    track_indices : sequence of int
        The tracks that are projected to.
    products : Products
    only_differences : bool
        Whether scores are made of differences alone. The reference's projection, which then
        does no more than say at which slope they are taken, is reduced as they are.
    """

    def __init__(
        self,
        network: Basenji2,
        track_indices: Sequence[int],
        products: Products,
        *,
        only_differences: bool,
    ) -> None:
        config = network.config
        self.reach = Reach(config)
        self.activation = GATED_ACTIVATIONS[config.activation]
        weight, bias = network.final.weight, network.final.bias
        self.steps = steps_for(self.activation, weight, reduced=products.reduced)
        self.blocks = [
            (
                DilatedConv(block.dilated, products, self.steps),
                Pointwise.of(block.pointwise, products),
            )
            for block in network.blocks
            if isinstance(block, ResidualBlock)
        ]
        self.head = Pointwise.of(network.head, products)
        tracks = [
            list(track_indices[i : i + TRACK_BLOCK])
            for i in range(0, len(track_indices), TRACK_BLOCK)
        ]
        self.tracks = [
            Pointwise(weight[part], bias[part], products, reduced=only_differences)
            for part in tracks
        ]


@dataclass(frozen=True)
class Segment:
    """The reference along some bins of one strand and phase.

    Attributes
    ----------
    inputs, hidden : list of Point
        Of each block: its input, and what lies between its two convolutions.
    head_input, head : Point
    logits, slope : list of Stored
        Of each block of tracks: before softplus, and the derivative of that there, which is
        no number where the coverage is infinite.
    """

    inputs: list[Point]
    hidden: list[Point]
    head_input: Point
    head: Point
    logits: list[Stored]
    slope: list[Stored]


def reference_segment(
    stages: Stages, trunk: Stored, wanted: Sequence[Span], *, padded: bool
) -> Segment:
    """Compute a segment.

    Parameters
    ----------
    stages : Stages
    trunk : Stored
        The trunk's output.
    wanted : sequence of Span
        The bins that are predicted; sorted, and none touches another.
    padded : bool
        Whether the trunk's output is a whole window, beyond whose ends the blocks see zeros.
        Otherwise the blocks shrink it to what they can compute from it.
    """
    steps = stages.steps
    inputs, hidden = [], []
    x, start = trunk.values, trunk.start
    for dilated, pointwise in stages.blocks:
        point, active = steps.reference(Stored(x, start))
        if padded:
            active = F.pad(active, (0, 0, dilated.reach, dilated.reach))
        else:
            x = x[dilated.reach : len(x) - dilated.reach]
            start += dilated.reach
        between, active_between = steps.reference(Stored(dilated.reference(active), start))
        inputs.append(point)
        hidden.append(between)
        x = pointwise.reference(active_between).add_(x)
    predicted = Stored(x, start).of(wanted)
    head_input, active = steps.reference(predicted)
    head, active = steps.reference(predicted.with_values(stages.head.reference(active)))
    logits = [tracks.reference(active) for tracks in stages.tracks]
    return Segment(
        inputs,
        hidden,
        head_input,
        head,
        [predicted.with_values(y) for y in logits],
        [predicted.with_values(_slope(y)) for y in logits],
    )


def _slope(logits: Tensor) -> Tensor:
    """Return the slope of softplus; no number where the coverage is infinite.

    A small step from there is one as well, and its difference none, as two passes find. (Of a
    logit of minus infinity, the coverage is 0.)
    """
    slope = torch.sigmoid(logits)
    if not torch.amax(logits) < math.inf:
        slope.masked_fill_(logits == math.inf, math.nan)
    return slope


class Segments:
    """Segments of the reference, computed when they are first asked for, the last ones kept.

    Parameters
    ----------
    stages : Stages
    trunk : SharedTrunk
    keep : int
        Segments that one batch needs.
    """

    def __init__(self, stages: Stages, trunk: SharedTrunk, keep: int) -> None:
        self._stages, self._trunk, self._keep = stages, trunk, keep
        self._kept: OrderedDict[SegmentKey, Segment] = OrderedDict()

    def get(self, key: SegmentKey) -> Segment:
        """Return a segment."""
        if key not in self._kept:
            while len(self._kept) >= self._keep:
                self._kept.popitem(last=False)
            self._kept[key] = self._compute(key)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _compute(self, key: SegmentKey) -> Segment:
        reach = self._stages.reach
        if key.own:
            start = key.phase + key.span.start * reach.config.bin_width
            bins = Stored(self._trunk.window(key.reverse, start), key.span.start)
        else:
            needed = reach.needed(key.span)[0]
            bins = Stored(self._trunk.bins(key.reverse, key.phase, needed), needed.start)
        return reference_segment(self._stages, bins, key.wanted, padded=key.own)
