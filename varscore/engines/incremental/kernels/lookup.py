"""A convolution of DNA by tables: what neighbouring bases give is looked up, not multiplied."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from varscore.engines.incremental.kernels import fused

LETTERS = 5
"""A, C, G, T, and what is none of them, which counts a quarter in each channel."""

# Taps of a table. What real sequence reads of four tables of four bases, 256 rows each, stays
# in a processor's cache beside what is written; tables of five bases do not.
_TOGETHER = 4


class Lookup:
    """A convolution, without padding, of one-hot sequences: float32, on a CPU.

    It adds up what some taps at a time give, of which there are few. Each table's numbers are
    rounded once, so that the sum is nearer to the exact one than one of products is.

    Parameters
    ----------
    weight : Tensor, shape (C', 4, taps)
    bias : Tensor, shape (C',)
    activation : callable
        Of which the convolution reads what it gives.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, activation: Callable[[Tensor], Tensor]
    ) -> None:
        letters = torch.cat([torch.eye(4), torch.full((1, 4), 0.25)]).double()
        # (taps, LETTERS, C'): what each letter at each tap gives
        taps = torch.einsum("lb,cbt->tlc", activation(letters), weight.double())
        self._taps = [len(group) for group in torch.split(taps, _TOGETHER)]
        tables = []
        for group in torch.split(taps, _TOGETHER):
            table = taps.new_zeros(1, taps.shape[2])
            for tap in group:  # the last tap's letter counts on fastest
                table = (table[:, None] + tap).flatten(0, 1)
            tables.append(table)
        tables[0] = tables[0] + bias.double()
        self._table = torch.cat(tables).float().numpy()

    def __call__(self, x: Tensor) -> Tensor:
        """Map (rows, n, 4), one-hot, to (rows, n - taps + 1, C')."""
        largest, letters = x.max(dim=2)
        letters[largest < 1] = LETTERS - 1
        width = x.shape[1] - sum(self._taps) + 1
        out = torch.empty(len(x), width, self._table.shape[1])
        fused.look_up(letters.numpy(), tuple(self._taps), LETTERS, self._table, out.numpy())
        return out
