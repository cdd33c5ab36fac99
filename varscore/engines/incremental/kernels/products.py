"""Matrix products, which is what the engine's time goes to: which kernel, in which precision.

The same product runs at very different speeds under different names, and which name wins
depends on the processor. It is measured here, once a process, and nowhere else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from varscore.engines.runtime import full_float32
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


def at_a_time(size: int, device: torch.device) -> int:
    """Return to how many items of `size` numbers each a chain of steps is to be applied."""
    return max(1, _NUMBERS.get(device.type, _NUMBERS["cpu"]) // size)


def rows_at_a_time(channels: int, device: torch.device) -> int:
    """Return how many rows of so many channels products are to be taken of."""
    return max(ROW_STEP, at_a_time(channels, device) // ROW_STEP * ROW_STEP)


# The product that kernels are compared on, the same whatever the model, so that all runs of
# a machine choose alike; and how often each runs.
_ROWS, _INPUTS, _OUTPUTS, _ROUNDS = 512, 1536, 512, 3
# On x86 the usual kernel runs at up to twice the speed of the others; one of them must be this
# much faster to be taken in its place.
_FAR_AHEAD = 1.6
# Reduced products must be this much faster to be worth their lost digits.
_WORTHWHILE = 1.2


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


def _packed(weight: Tensor) -> Kernel:
    product = _pack([weight], None)

    def kernel(x: Tensor) -> Tensor:
        if x.ndim == 2 and len(x) <= _PACKED_ROWS and len(x) % ROW_STEP == 0:
            return product([x])
        out = x.new_empty(*x.shape[:-1], weight.shape[1])
        _in_parts(product, [x.flatten(0, -2)], out.flatten(0, -2))
        return out

    return kernel


def _plain_sum(weights: Sequence[Tensor], bias: Tensor) -> SumKernel:
    def product(inputs: Sequence[Tensor], out: Tensor) -> None:
        torch.addmm(bias, inputs[0], weights[0], out=out)
        for x, weight in zip(inputs[1:], weights[1:], strict=True):
            torch.addmm(out, x, weight, out=out)

    return product


def _bfloat16(weight: Tensor) -> Kernel:
    reduced = weight.bfloat16()
    return lambda x: x.bfloat16() @ reduced


# The usual one first.
_KERNELS: dict[str, Callable[[Tensor], Kernel]] = {
    "packed": _packed,
    "conv2d": _pointwise_conv,
    "linear": _linear,
    "matmul": _matmul,
}


def _kernel_names(device: torch.device) -> list[str]:
    """Return which of the float32 kernels there are on a device."""
    packs = device.type == "cpu" and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return [name for name in _KERNELS if packs or name != "packed"]


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@lru_cache(maxsize=8)
def measured_rates(device: torch.device) -> dict[str, float]:
    """Return what `time_products` gives for a small product, timed once a process."""
    return time_products(device, _ROWS)


def time_products(device: torch.device, rows: int) -> dict[str, float]:
    """Time each way to ask for one product, of the published model's projection.

    Parameters
    ----------
    device : torch.device
    rows : int
        Of the product; more show a machine's best, fewer take less time.

    Returns
    -------
    dict of str to float
        GFLOP/s of the float32 kernels by name, and of ``bfloat16``.
    """
    x = torch.ones(rows, _INPUTS, device=device)
    weight = torch.full((_INPUTS, _OUTPUTS), 1 / _INPUTS, device=device)
    work = 2e-9 * rows * _INPUTS * _OUTPUTS
    kernels = {name: _KERNELS[name](weight) for name in _kernel_names(device)}
    kernels["bfloat16"] = _bfloat16(weight)
    seconds = dict.fromkeys(kernels, float("inf"))
    with full_float32():
        for _ in range(_ROUNDS):  # in turns, so that a busy moment meets them all
            for name, kernel in kernels.items():
                _synchronise(device)
                start = time.perf_counter()
                kernel(x)
                _synchronise(device)
                seconds[name] = min(seconds[name], time.perf_counter() - start)
    return {name: work / best for name, best in seconds.items()}


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
    note : str
        In which precision what is computed, for the output's metadata.
    filtered : bool
        Whether the trunk may take minimal filtering, which rounds more than plain sums do.
    flops : FlopCount
        Those of all products so far.
    """

    kernel: str
    reduced: bool
    note: str
    filtered: bool = False
    flops: FlopCount = field(default_factory=FlopCount)

    @classmethod
    def choose(
        cls,
        precision: Precision,
        weight: Tensor,
        *,
        force: bool = False,
    ) -> Products:
        """Choose for a machine.

        Parameters
        ----------
        precision : {"float32", "mixed"}
            "mixed" allows minimal filtering in the trunk, and bfloat16 products of the
            difference behind it; these are taken where this machine runs them at least 1.2
            times as fast.
        weight : Tensor
            Any of them, for its device and dtype; in float64 nothing is measured.
        force : bool
            Take the reduced products that `precision` allows even where they are slower.
        """
        if weight.dtype != torch.float32:
            mixed = precision == "mixed"
            return cls("matmul", mixed and force, f"{weight.dtype} products", filtered=mixed)
        rates = measured_rates(weight.device)
        # Kernels round differently: a measurement that a busy moment spoilt must not decide
        # about the last digits, so that the usual winner stays unless it is far behind.
        usual, *_ = names = _kernel_names(weight.device)
        fastest = max(names, key=lambda name: rates[name])
        kernel = fastest if rates[fastest] > _FAR_AHEAD * rates[usual] else usual
        if precision == "float32":
            return cls(kernel, False, "float32 products, no TF32")
        note = "float32 products, no TF32, in the trunk by minimal filtering; "
        if reduced := force or rates["bfloat16"] >= _WORTHWHILE * rates[kernel]:
            note += "behind the trunk, of differences in bfloat16"
        else:
            note += "bfloat16 products are no faster on that machine"
        return cls(kernel, reduced, note, filtered=True)

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
        return reference, self._counted(_bfloat16(weight), weight)

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
