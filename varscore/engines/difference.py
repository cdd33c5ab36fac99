"""What a layer does to a difference: f(r + d) - f(r), in forms that keep its digits.

Subtracting two nearly equal numbers loses the digits in which they agree. Each function
here takes the reference r and the difference d apart and never forms the two results whose
difference it returns (but where that difference is no smaller than they are).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_CUBIC = 0.044715
_SLOPE = 2 * math.sqrt(2 / math.pi)
_QUICK_SLOPE = 1.702


def _gelu_new_gate(x: Tensor) -> Tensor:
    return torch.addcmul(x, x * x, x, value=_CUBIC).mul_(_SLOPE).sigmoid_()


def _gelu_new_difference(ref: Tensor, gate: Tensor, diff: Tensor, out: Tensor) -> None:
    alt = ref + diff
    square = alt * alt
    gate_alt = torch.addcmul(alt, square, alt, value=_CUBIC).mul_(_SLOPE).sigmoid_()
    # z is cubic: its step is SLOPE diff (1 + CUBIC (alt^2 + alt ref + ref^2)).
    step = square.addcmul_(alt.add_(ref), ref)
    step = torch.addcmul(diff, step, diff, value=_CUBIC).mul_(_SLOPE)
    _gated_difference(ref, gate, diff, gate_alt, step, out)


def _quick_gelu_gate(x: Tensor) -> Tensor:
    return (x * _QUICK_SLOPE).sigmoid_()


def _quick_gelu_difference(ref: Tensor, gate: Tensor, diff: Tensor, out: Tensor) -> None:
    gate_alt = (ref + diff).mul_(_QUICK_SLOPE).sigmoid_()
    _gated_difference(ref, gate, diff, gate_alt, diff * _QUICK_SLOPE, out)


def _gated_difference(
    ref: Tensor, gate: Tensor, diff: Tensor, gate_alt: Tensor, step: Tensor, out: Tensor
) -> None:
    """Write the difference of x * sigmoid(z); `step` is that of z, and is overwritten.

    With s = sigmoid(z) before and s' after the step,
    s' - s = tanh(step / 2) (s (1 - s') + s' (1 - s)): no cancellation, no overflow.
    """
    both = (gate + gate_alt).addcmul_(gate, gate_alt, value=-2)
    rise = step.mul_(0.5).tanh_().mul_(both).mul_(ref)
    torch.addcmul(rise, gate_alt, diff, out=out)


@dataclass(frozen=True)
class GatedActivation:
    """An activation of the form x * sigmoid(z(x)), as both forms of GELU are.

    Attributes
    ----------
    gate : callable
        From x to sigmoid(z(x)).
    difference : callable
        From ref, gate(ref), diff and where to write it, to what it adds up to.
    """

    gate: Callable[[Tensor], Tensor]
    difference: Callable[[Tensor, Tensor, Tensor, Tensor], None]

    def apply(self, x: Tensor) -> Tensor:
        """Return x * gate(x)."""
        return self.gate(x).mul_(x)


GATED_ACTIVATIONS = {
    "gelu_new": GatedActivation(_gelu_new_gate, _gelu_new_difference),
    "quick_gelu": GatedActivation(_quick_gelu_gate, _quick_gelu_difference),
}


def max_difference(ref: Tensor, other_ref: Tensor, diff: Tensor, other_diff: Tensor) -> Tensor:
    """Return max(ref + diff, other_ref + other_diff) - max(ref, other_ref)."""
    gap = ref - other_ref
    # Where the first is the winner by gap >= 0: max(diff, other_diff - gap).
    return torch.maximum(diff - (-gap).clamp_(min=0), other_diff - gap.clamp(min=0))


def softplus_difference(ref: Tensor, slope: Tensor, diff: Tensor) -> Tensor:
    """Return softplus(ref + diff) - softplus(ref).

    Parameters
    ----------
    ref : Tensor
    slope : Tensor
        sigmoid(ref), the slope of softplus there.
    diff : Tensor
        Of any size.
    """
    # log1p(sigmoid(r) (e^d - 1)) is exact, but e^d overflows, and where the slope rounds to
    # one it forgets what is left of r; beyond |d| = 1 a plain subtraction loses no digits.
    if diff.device.type == "cpu":  # a GPU would have to be waited for
        low, high = torch.aminmax(diff)
        if max(-float(low), float(high)) < 1:
            return torch.expm1(diff).mul_(slope).log1p_()
    small = torch.expm1(diff.clamp(-1, 1)).mul_(slope).log1p_()
    plain = F.softplus(ref + diff, threshold=40.0) - F.softplus(ref, threshold=40.0)
    return torch.where(diff.abs() < 1, small, plain)
