"""What a layer does to a difference: f(r + d) - f(r), in forms that keep its digits.

Subtracting two nearly equal numbers loses the digits in which they agree. Each function
here takes the reference r and the difference d apart and never forms the two results whose
difference it returns (but where that difference is no smaller than they are).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_SLOPE = 2 * math.sqrt(2 / math.pi)


@dataclass(frozen=True)
class GatedActivation:
    """x * sigmoid(linear * x + cubic * x^3), which both forms of GELU are.

    Attributes
    ----------
    linear, cubic : float
        Coefficients of the gate.
    """

    linear: float
    cubic: float

    def gate(self, x: Tensor) -> Tensor:
        """Return sigmoid(linear * x + cubic * x^3)."""
        if not self.cubic:
            return (x * self.linear).sigmoid_()
        return (x * x).mul_(self.cubic).add_(self.linear).mul_(x).sigmoid_()

    def difference(self, ref: Tensor, gate: Tensor, diff: Tensor) -> Tensor:
        """Return the difference of what it gives.

        With s = sigmoid(z) before and s' after the step of z,
        s' - s = tanh(step / 2) (s (1 - s') + s' (1 - s)): no cancellation, no overflow.
        """
        alt = ref + diff
        gate_alt = self.gate(alt)
        # alt^3 - ref^3 = diff (alt^2 + alt ref + ref^2)
        step = (alt * alt).addcmul_(alt.add_(ref), ref).mul_(self.cubic).add_(self.linear)
        rise = step.mul_(diff).mul_(0.5).tanh_()
        both = (gate + gate_alt).addcmul_(gate, gate_alt, value=-2)
        return rise.mul_(both).mul_(ref).addcmul_(gate_alt, diff)


GATED_ACTIVATIONS = {
    "gelu_new": GatedActivation(_SLOPE, _SLOPE * 0.044715),
    "quick_gelu": GatedActivation(1.702, 0.0),
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
    small = torch.expm1(diff.clamp(-1, 1)).mul_(slope).log1p_()
    plain = F.softplus(ref + diff, threshold=40.0) - F.softplus(ref, threshold=40.0)
    return torch.where(diff.abs() < 1, small, plain)
