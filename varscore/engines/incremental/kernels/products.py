"""Matrix products, which is what the engine's time goes to: which kernel, in which precision.

The same product runs at different speeds under different names, and rounds differently. Which
is taken follows from what the processor has and from nothing else, so that a result can be
repeated; `varscore bench` says where another one would be faster.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from varscore.engines.processor import Processor
from varscore.options import Precision

Kernel = Callable[[Tensor], Tensor]
SumKernel = Callable[[Sequence[Tensor], Tensor], None]
"""Writes a sum of products of its inputs, each of shape (n, K), to a tensor of shape (n, N)."""

# Numbers of a weight that is worth packing: for each number of rows that is new to it, oneDNN
# first compiles a kernel, and keeps that with a buffer as large as what it gives, for a
# thousand of them. Rows are therefore given to it by so many, and what is left of them filled
# up to a multiple of `ROW_STEP`.
_FEWEST_PACKED, _PACKED_ROWS = 1 << 16, 512
ROW_STEP = 64
"""Products of a multiple of so many rows need no filling up."""

# Numbers that a chain of steps works on at a time: what stays in a CPU's caches, or as many as
# keep a GPU busy.
_NUMBERS = {"cpu": 3 << 17, "cuda": 1 << 24}


# Numbers of a sum that is to round little, before it is added to others.
_MOST_SUMMED = 96


def at_a_time(size: int, device: torch.device) -> int:
    """Return to how many items a chain of steps is to be applied together.

    Parameters
    ----------
    size : int
        Numbers of an item.
    device : torch.device
    """
    return max(1, _NUMBERS.get(device.type, _NUMBERS["cpu"]) // size)


def rows_at_a_time(channels: int, device: torch.device) -> int:
    """Return of how many rows products are to be taken together.

    Parameters
    ----------
    channels : int
        Numbers of a row.
    device : torch.device
    """
    rows = max(ROW_STEP, at_a_time(channels, device) // ROW_STEP * ROW_STEP)
    return rows if device.type == "cuda" else min(rows, _PACKED_ROWS)


def _matmul(weight: Tensor) -> Kernel:
    return lambda x: x @ weight


def _linear(weight: Tensor) -> Kernel:
    transposed = weight.t().contiguous()
    return lambda x: F.linear(x, transposed)


def _pointwise_conv(weight: Tensor) -> Kernel:
    filters = weight.t()[:, :, None, None].contiguous(memory_format=torch.channels_last)

    def product(x: Tensor) -> Tensor:
        image = x.reshape(1, 1, -1, x.shape[-1]).permute(0, 3, 1, 2)
        return F.conv2d(image, filters).permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)

    return product


def _pack(
    weights: Sequence[Tensor], bias: Tensor | None
) -> Callable[[Sequence[Tensor]], Tensor]:
    """Return the sum of products of inputs that have as many rows as oneDNN is given."""
    # What torch.compile makes of a linear layer with fixed weights. The weights are laid out
    # for the processor once; the public calls do so at each product.
    packed = [torch.ops.mkldnn._reorder_linear_weight(w.t().contiguous()) for w in weights]

    def product(inputs: Sequence[Tensor]) -> Tensor:
        y = torch.ops.mkldnn._linear_pointwise(inputs[0], packed[0], bias, "none", [], "")
        for x, weight in zip(inputs[1:], packed[1:], strict=True):
            y = torch.ops.mkldnn._linear_pointwise.binary(x, y, weight, None, "add")
        return cast("Tensor", y)

    return product


def _in_parts(
    product: Callable[[Sequence[Tensor]], Tensor], inputs: Sequence[Tensor], out: Tensor
) -> None:
    """Write a packed product of any number of rows."""
    for i in range(0, len(out), _PACKED_ROWS):
        target = out[i : i + _PACKED_ROWS]
        missing = -len(target) % ROW_STEP
        parts = [x[i : i + _PACKED_ROWS] for x in inputs]
        if missing:
            parts = [F.pad(x, (0, 0, 0, missing)) for x in parts]
        target.copy_(product(parts)[: len(target)])


def _packed_sum(weights: Sequence[Tensor], bias: Tensor) -> SumKernel:
    return partial(_in_parts, _pack(weights, bias))


def _packed(weight: Tensor, sums: int = 1) -> Kernel:
    """Return a packed product, each of whose sums is one of some shorter ones."""
    product = _pack(torch.chunk(weight, sums), None)

    def kernel(x: Tensor) -> Tensor:
        inputs = torch.chunk(x, sums, dim=-1)
        if x.ndim == 2 and len(x) <= _PACKED_ROWS and len(x) % ROW_STEP == 0:
            return product(inputs)
        out = x.new_empty(*x.shape[:-1], weight.shape[1])
        _in_parts(product, [part.flatten(0, -2) for part in inputs], out.flatten(0, -2))
        return out

    return kernel


def _plain_sum(weights: Sequence[Tensor], bias: Tensor) -> SumKernel:
    def product(inputs: Sequence[Tensor], out: Tensor) -> None:
        torch.addmm(bias, inputs[0], weights[0], out=out)
        for x, weight in zip(inputs[1:], weights[1:], strict=True):
            torch.addmm(out, x, weight, out=out)

    return product


_KERNELS: dict[str, Callable[[Tensor], Kernel]] = {
    "packed": _packed,
    "conv2d": _pointwise_conv,
    "linear": _linear,
    "matmul": _matmul,
}


def float32_kernels(processor: Processor) -> dict[str, Callable[[Tensor], Kernel]]:
    """Return by name each way to ask for a float32 product, made as `bfloat16_kernel` is."""
    return {n: make for n, make in _KERNELS.items() if processor.packs or n != "packed"}


def bfloat16_kernel(weight: Tensor) -> Kernel:
    """Return x -> x @ weight, both rounded to bfloat16, and the result too."""
    reduced = weight.bfloat16()
    return lambda x: x.bfloat16() @ reduced


class FlopCount:
    """Floating-point operations done, a multiplication and an addition counted as two."""

    def __init__(self) -> None:
        self.total = 0
        self._lock = threading.Lock()

    def add(self, flops: int) -> None:
        """Count some more, from any thread."""
        with self._lock:
            self.total += flops


@dataclass(frozen=True)
class Products:
    """Makes products with fixed weights, of the reference and of the difference.

    Attributes
    ----------
    kernel : str
        The float32 (or float64) kernel.
    reduced : bool
        Whether products of the difference are taken in bfloat16.
    flops : FlopCount
        Those of all products so far.
    """

    kernel: str
    reduced: bool = False
    flops: FlopCount = field(default_factory=FlopCount)

    @classmethod
    def choose(cls, precision: Precision, dtype: torch.dtype, processor: Processor) -> Products:
        """Choose by what is asked for and what the processor has.

        Parameters
        ----------
        precision : {"float32", "mixed"}
            "mixed" takes products of the difference behind the trunk in bfloat16 where the
            processor multiplies that in hardware.
        dtype : torch.dtype
            Of the weights; in float64 nothing is reduced.
        processor : Processor
        """
        single, mixed = dtype == torch.float32, precision == "mixed"
        return cls(
            kernel="packed" if single and processor.packs else "matmul",
            reduced=single and mixed and processor.bfloat16,
        )

    def with_weight(self, weight: Tensor) -> tuple[Kernel, Kernel]:
        """Return x -> x @ weight for references and for differences.

        Parameters
        ----------
        weight : Tensor, shape (K, N)
            Products of the difference are in bfloat16 where they are reduced.
        """
        reference = self._counted(_KERNELS[self._kernel_for(weight)](weight), weight)
        if not self.reduced:
            return reference, reference
        return reference, self._counted(bfloat16_kernel(weight), weight)

    def of_short_sums(self, weight: Tensor) -> Kernel:
        """Return x -> x @ weight, for references whose roundings many others take up.

        Where products are packed, a sum of some hundred numbers is taken in parts, and is off
        by half as much, for a tenth more time.

        Parameters
        ----------
        weight : Tensor, shape (K, N)
        """
        if self._kernel_for(weight) != "packed":
            return self.with_weight(weight)[0]
        return self._counted(_packed(weight, -(-len(weight) // _MOST_SUMMED)), weight)

    def sum_of(self, weights: Sequence[Tensor], bias: Tensor) -> SumKernel:
        """Return a sum of products of several inputs, for references.

        Parameters
        ----------
        weights : sequence of Tensor, shape (K, N)
            Of each input.
        bias : Tensor, shape (N,)
            Added to the sum.
        """
        packed = all(self._kernel_for(weight) == "packed" for weight in weights)
        kernel = (_packed_sum if packed else _plain_sum)(weights, bias)

        def product(inputs: Sequence[Tensor], out: Tensor) -> None:
            self.flops.add(sum(2 * x.numel() for x in inputs) * len(bias))
            kernel(inputs, out)

        return product

    def _kernel_for(self, weight: Tensor) -> str:
        small = weight.numel() < _FEWEST_PACKED
        return "linear" if self.kernel == "packed" and small else self.kernel

    def _counted(self, kernel: Kernel, weight: Tensor) -> Kernel:
        outputs = weight.shape[1]

        def product(x: Tensor) -> Tensor:
            self.flops.add(2 * x.numel() * outputs)
            return kernel(x)

        return product
