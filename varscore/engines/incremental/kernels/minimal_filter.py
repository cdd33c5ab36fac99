"""Minimal filtering: several outputs of a convolution from fewer products than taps.

Winograd's F(m, r) gives m outputs of a filter of r taps from n = m + r - 1 products instead
of m r (Lavin and Gray 2016, https://arxiv.org/abs/1509.09308): from inputs d and taps g, with
matrices A, G and B of small numbers, A^T [(G g) * (B^T d)]. Each of the n products is one of
matrices here, of all channels. It is exact; in floating point its rounding errors are larger
than a plain sum's, 1.5 times with two outputs of three taps, 3 times with four, and 5 times
with four outputs of five taps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from varscore.engines.incremental.kernels.products import ROW_STEP, Products, rows_at_a_time
from varscore.engines.incremental.kernels.steps import Steps, Sums

# Where the polynomials whose product is the convolution are evaluated, and at infinity. In
# this order the first five round least.
_POINTS = tuple(map(Fraction, ("0", "1", "-1", "1/2", "-2", "2", "-1/2")))
MOST_OUTPUTS = 4
"""Of a group."""
MOST_TAPS = len(_POINTS) + 2 - MOST_OUTPUTS


class MinimalFilter:
    """A convolution without padding, of channels-last sequences.

    Parameters
    ----------
    weight : Tensor, shape (taps, C, C')
        At least 2 and at most `MOST_TAPS` taps.
    bias : Tensor, shape (C',)
    dilation : int
        Positions from a tap to the next.
    products : Products
    steps : Steps
    outputs : int
        That are computed together, at most `MOST_OUTPUTS`; the fewer, the less is rounded.
    short_sums : bool
        Whether less is to be rounded in the products.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        dilation: int,
        products: Products,
        steps: Steps,
        outputs: int = MOST_OUTPUTS,
        *,
        short_sums: bool = False,
    ) -> None:
        self._taps, channels, _ = weight.shape
        self._bias, self._dilation, self._steps = bias, dilation, steps
        self._outputs = outputs
        self._of_outputs, of_taps, self._of_inputs = filter_matrices(outputs, self._taps)
        exact = torch.from_numpy(of_taps).to(weight.device)
        combined = torch.einsum("nr,rio->nio", exact, weight.double()).to(weight.dtype)
        self._products = [
            products.of_short_sums(w) if short_sums else products.with_weight(w)[0]
            for w in combined
        ]
        self._step = rows_at_a_time(max(channels, len(bias)), bias.device)

    def product_rows(self, rows: int, length: int) -> int:
        """Return how many rows the products have in all, for sequences of some length."""
        groups = _Groups(rows, length, self._taps, self._dilation, self._outputs)
        return -(-groups.count // ROW_STEP) * ROW_STEP * len(self._products)

    def __call__(self, x: Tensor) -> Tensor:
        """Map (rows, n, C) to (rows, n - (taps - 1) dilation, C')."""
        groups = _Groups(x.shape[0], x.shape[1], self._taps, self._dilation, self._outputs)
        out = x.new_empty(x.shape[0], groups.width, len(self._bias))
        flat, target = x.reshape(-1, x.shape[2]), out.view(-1, len(self._bias))
        for first in range(0, groups.count, self._step):
            read, written = groups.positions(first, self._step)
            inputs = self._steps.combine(flat, Sums(read, self._of_inputs))
            results = [f(part) for f, part in zip(self._products, inputs, strict=True)]
            outputs = Sums(written, self._of_outputs)
            self._steps.combine_into(target, outputs, results, self._bias)
        return out


@dataclass(frozen=True)
class _Groups:
    """Which outputs are computed together: along each sequence, some a dilation apart.

    Attributes
    ----------
    rows, length : int
        Sequences, and positions of each.
    taps, dilation : int
    outputs : int
        Of a group.
    """

    rows: int
    length: int
    taps: int
    dilation: int
    outputs: int

    @property
    def width(self) -> int:
        """Outputs of a sequence."""
        return self.length - (self.taps - 1) * self.dilation

    @property
    def _per_row(self) -> int:
        return -(-self.width // (self.outputs * self.dilation)) * self.dilation

    @property
    def count(self) -> int:
        """Groups of all sequences."""
        return self.rows * self._per_row

    def positions(self, first: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where some groups read and write, counted along all sequences.

        Parameters
        ----------
        first, most : int
            The first group, and how many there may be, a multiple of `ROW_STEP`.

        Returns
        -------
        read : ndarray, shape (B, taps + outputs - 1)
        written : ndarray, shape (B, outputs)
            -1 where there is no such position; B is a multiple of `ROW_STEP` too.
        """
        left = -(-(self.count - first) // ROW_STEP) * ROW_STEP
        group = np.arange(first, first + min(most, left))
        row, number = np.divmod(group, self._per_row)
        along, residue = np.divmod(number, self.dilation)  # groups of all residues in turn
        start = along * self.outputs * self.dilation + residue

        def of(size: int, length: int) -> NDArray[np.int64]:
            place = start[:, None] + self.dilation * np.arange(size)
            there = (place < length) & (group < self.count)[:, None]
            return np.where(there, row[:, None] * length + place, -1)

        return of(self.taps + self.outputs - 1, self.length), of(self.outputs, self.width)


Matrix = NDArray[np.float64]


def filter_matrices(outputs: int, taps: int) -> tuple[Matrix, Matrix, Matrix]:
    """Return the matrices of F(outputs, taps), as Toom and Cook construct them.

    Parameters
    ----------
    outputs : int
        That are computed together.
    taps : int
        Of the filter.

    Returns
    -------
    of_outputs : ndarray, shape (outputs, n)
        A^T.
    of_taps : ndarray, shape (n, taps)
        G.
    of_inputs : ndarray, shape (n, n)
        B^T.
    """
    points = _POINTS[: outputs + taps - 2]

    def evaluated(count: int) -> list[list[Fraction]]:
        """Return what each coefficient gives at the points and at infinity."""
        at_infinity = [Fraction(0)] * (count - 1) + [Fraction(1)]
        return [[point**i for i in range(count)] for point in points] + [at_infinity]

    # The product's coefficients from its values: Lagrange's polynomials, and for infinity the
    # one that is zero at all points. A filter takes the transpose of what a product does.
    of_inputs = [[*_lagrange(point, points), Fraction(0)] for point in points]
    of_inputs.append(_with_roots(points))
    of_taps = evaluated(taps)
    for row, weights in zip(of_inputs, of_taps, strict=True):
        # Fractions go to the taps, which are combined once, in float64.
        scale = min(abs(number) for number in row if number)
        row[:] = [number / scale for number in row]
        weights[:] = [number * scale for number in weights]
    of_outputs = list(zip(*evaluated(outputs), strict=True))
    a, g, b = (np.array(m, np.float64) for m in (of_outputs, of_taps, of_inputs))
    return a, g, b


def _with_roots(roots: Sequence[Fraction]) -> list[Fraction]:
    """Return the coefficients, the constant first, of the product of all (x - root)."""
    found = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *found], [*(root * c for c in found), Fraction(0)]
        found = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return found


def _lagrange(point: Fraction, points: Sequence[Fraction]) -> list[Fraction]:
    """Return the polynomial that is 1 at one of the points and 0 at the others."""
    others = [other for other in points if other != point]
    scale = Fraction(1)
    for other in others:
        scale /= point - other
    return [scale * c for c in _with_roots(others)]
