"""The dilated convolutions of the residual blocks."""

from __future__ import annotations

from torch import Tensor

from varscore.engines.convolution import convolution
from varscore.engines.products import Products
from varscore.engines.steps import Steps
from varscore.models.basenji2 import ConvBlock


class DilatedConv:
    """The first half of a residual block.

    Attributes
    ----------
    difference : callable
        From a difference, shape (B, W, C), to what each bin's taps give, (B, W, K x C'). It has
        fewer bins than what it gives, so that filtering the latter would save nothing.
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
        # What minimal filtering of three taps rounds does not show in scores.
        self._convolve = convolution(
            weight, bias, self.dilation, products, steps, filtered=self.kernel == 3
        )

    def reference(self, active: Tensor) -> Tensor:
        """Map (n, C) to the bins all of whose taps are there, (n - 2 x reach, C')."""
        return self._convolve(active[None])[0]
