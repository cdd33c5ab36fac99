"""The dilated convolutions of the residual blocks."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from varscore.engines.products import Products, at_a_time
from varscore.models.basenji2 import ConvBlock


class DilatedConv:
    """The first half of a residual block.

    Attributes
    ----------
    difference : callable
        From a difference, shape (B, W, C), to what each bin's taps give, (B, W, K x C').
    kernel, dilation, reach : int
        Taps, bins from one to the next, and bins to either side.
    """

    def __init__(self, block: ConvBlock, products: Products) -> None:
        weight, bias = block.conv.weight, block.conv.bias
        assert bias is not None, "batch norms are folded before the engine is made"
        self.kernel = int(weight.shape[2])
        self.dilation = int(block.conv.dilation[0])
        self.reach = self.dilation * (self.kernel // 2)
        # (C_in, taps x C_out): all taps of an input position in one product
        _, self.difference = products.with_weight(weight.permute(1, 2, 0).flatten(1))
        self._bias = bias
        taps = weight.permute(2, 1, 0).unbind()  # each (C_in, C_out)
        if self.kernel == 3:
            first, middle, last = taps
            weights = first, (first + middle + last) / 2, (first - middle + last) / 2, last
            self._products = [products.with_weight(weight)[0] for weight in weights]
        else:
            self._sum = products.sum_of(taps, bias)

    def reference(self, active: Tensor) -> Tensor:
        """Map (n, C) to the bins all of whose taps are there, (n - 2 x reach, C')."""
        width = len(active) - 2 * self.reach
        if self.kernel == 3:
            return self._in_pairs(active, width)
        starts = range(0, self.kernel * self.dilation, self.dilation)
        out = active.new_empty(width, len(self._bias))
        self._sum([active[start : start + width] for start in starts], out)
        return out

    def _in_pairs(self, active: Tensor, width: int) -> Tensor:
        """Compute bins that are one dilation apart from four products instead of six.

        Winograd's F(2, 3) (Lavin and Gray 2016, https://arxiv.org/abs/1509.09308): with inputs
        a, b, c, d one dilation apart and taps u, v, w, the outputs au + bv + cw and
        bu + cv + dw are (a - c)u + p + q and (d - b)w + p - q, where p = (b + c)(u + v + w) / 2
        and q = (c - b)(u - v + w) / 2. Of the differences of variants it saves nothing: they
        have as many inputs that are zero.
        """
        dilation, channels = self.dilation, len(self._bias)
        groups = -(-width // (2 * dilation))
        out = active.new_empty(groups, 2, dilation, channels)
        step = at_a_time(dilation * active.shape[1], active.device)
        for i in range(0, groups, step):
            target = out[i : i + step]
            rows = (2 * len(target) + 2) * dilation
            x = active[2 * i * dilation :][:rows]
            x = F.pad(x, (0, 0, 0, rows - len(x))).view(-1, 2, dilation, active.shape[1])
            (a, b), (c, d) = x[:-1].unbind(1), x[1:].unbind(1)
            first, middle, rest, last = (
                product(y.flatten(0, 1)).view(-1, dilation, channels)
                for product, y in zip(self._products, (a - c, b + c, c - b, d - b), strict=True)
            )
            middle += self._bias
            target[:, 0] = first.add_(middle).add_(rest)
            target[:, 1] = last.add_(middle).sub_(rest)
        return out.view(-1, channels)[:width]
