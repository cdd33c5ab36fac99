"""Convolutions of the reference, of channels-last sequences and without padding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from varscore.engines.incremental.kernels.minimal_filter import (
    MOST_OUTPUTS,
    MOST_TAPS,
    MinimalFilter,
)
from varscore.engines.incremental.kernels.products import Products, at_a_time
from varscore.engines.incremental.kernels.steps import Steps
from varscore.models.basenji2 import ConvBlock

Convolution = Callable[[Tensor], Tensor]
"""Maps (rows, n, C) to (rows, n - (taps - 1) dilation, C')."""

# Numbers that a product sums at least, if a convolution has as many.
_FEWEST_SUMMED = 64


def convolution(
    weight: Tensor,
    bias: Tensor,
    dilation: int,
    products: Products,
    steps: Steps,
    outputs: int,
    *,
    short_sums: bool = False,
) -> Convolution:
    """Make a convolution.

    Parameters
    ----------
    weight : Tensor, shape (C', C, taps)
    bias : Tensor, shape (C',)
    dilation : int
        Positions from a tap to the next.
    products : Products
    steps : Steps
    outputs : int
        That are computed together, where the taps allow it, from fewer products: the more,
        the fewer, and the more is rounded.
    short_sums : bool
        Whether sums of products are taken in parts, which round less.
    """
    taps = weight.permute(2, 1, 0)
    plain = _SumOfTaps(taps, bias, dilation, products)
    if len(taps) == 1 or len(taps) > MOST_TAPS or taps.shape[1] < _FEWEST_SUMMED:
        return plain
    filtered = MinimalFilter(
        taps, bias, dilation, products, steps, outputs, short_sums=short_sums
    )

    if dilation == 1:
        # Of short sequences, too, for which plain may be cheaper: what is computed beside a
        # variant would decide how its own bins are rounded.
        return filtered

    def cheaper(x: Tensor) -> Tensor:
        width = x.shape[1] - (len(taps) - 1) * dilation
        few = filtered.product_rows(*x.shape[:2]) >= len(taps) * len(x) * width
        return plain(x) if few else filtered(x)

    return cheaper


class _SumOfTaps:
    """A product for each tap, or for some together if the channels are few.

    In float32 the rounding errors of one long sum would be larger.
    """

    def __init__(self, weight: Tensor, bias: Tensor, dilation: int, products: Products) -> None:
        self._reach, self._dilation = (len(weight) - 1) * dilation, dilation
        together = -(-_FEWEST_SUMMED // weight.shape[1])
        groups = torch.split(weight, together)
        # Of each group, how far its first tap looks ahead, and how many taps it has.
        self._groups = [(i * together * dilation, len(group)) for i, group in enumerate(groups)]
        self._channels = len(bias)
        self._sum = products.sum_of([group.flatten(0, 1) for group in groups], bias)

    def __call__(self, x: Tensor) -> Tensor:
        width = x.shape[1] - self._reach
        out = x.new_empty(len(x), width, self._channels)
        rows = at_a_time(width * self._channels, x.device)
        for i in range(0, len(x), rows):
            inputs = [
                self._read(x[i : i + rows], first, taps, width) for first, taps in self._groups
            ]
            self._sum(inputs, out[i : i + rows].flatten(0, 1))
        return out

    def _read(self, x: Tensor, first: int, taps: int, width: int) -> Tensor:
        """Return what some taps read, one after the other, shape (rows x width, taps x C)."""
        span = (taps - 1) * self._dilation
        windows = x[:, first : first + width + span].unfold(1, span + 1, 1)
        return windows[..., :: self._dilation].transpose(2, 3).reshape(-1, taps * x.shape[2])


class DilatedConv:
    """The first half of a residual block.

    Parameters
    ----------
    block : ConvBlock
        Folded.
    products : Products
    steps : Steps

    Attributes
    ----------
    difference : callable
        From a difference, shape (B, W, C), to what each bin's taps give, (B, W, K x C'). It has
        fewer bins than what it gives, so that filtering the latter would save nothing.
    gathered : callable
        From what the taps of some bins read, shape (B, W, K x C), to these bins, (B, W, C').
    kernel, dilation, reach : int
        Taps, bins from one to the next, and bins to either side.
    """

    def __init__(self, block: ConvBlock, products: Products, steps: Steps) -> None:
        weight, bias = block.conv.weight, block.conv.bias
        assert bias is not None, "batch norms are folded before the engine is made"
        self.kernel = int(weight.shape[2])
        self.dilation = int(block.conv.dilation[0])
        self.reach = self.dilation * (self.kernel // 2)
        # (C_in, taps x C_out): all taps of an input position in one product
        _, self.difference = products.with_weight(weight.permute(1, 2, 0).flatten(1))
        _, self.gathered = products.with_weight(weight.permute(2, 1, 0).flatten(0, 1))
        # What minimal filtering of three taps rounds does not show in scores.
        outputs = MOST_OUTPUTS if self.kernel == 3 else 2
        self._convolve = convolution(weight, bias, self.dilation, products, steps, outputs)

    def reference(self, active: Tensor) -> Tensor:
        """Map (n, C) to the bins all of whose taps are there, (n - 2 x reach, C')."""
        return self._convolve(active[None])[0]
