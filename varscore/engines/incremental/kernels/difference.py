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

    Hendrycks and Gimpel 2016 (https://arxiv.org/abs/1606.08415), section 2, approximate
    x P(X <= x), X normal, by x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), "gelu_new",
    and by x sigmoid(1.702 x), "quick_gelu". As (1 + tanh(y)) / 2 = sigmoid(2 y), the former
    has the gate's coefficients 2 sqrt(2 / pi) and that times 0.044715.

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
        """Return the difference of what it gives, x' s' - x s = d s' + x (s' - s).

        With z the gate's argument before and z' after, s = sigmoid(z) and s' = sigmoid(z'):

            s' - s = tanh((z' - z) / 2) (s (1 - s') + s' (1 - s))

        without cancellation or overflow. It is the subtraction formula of tanh (DLMF 4.35.6,
        tanh(u - v) = (tanh u - tanh v) / (1 - tanh u tanh v)) at u = z' / 2, v = z / 2, where
        tanh u = 2 s' - 1. And z' - z = d (linear + cubic (x'^2 + x' x + x^2)), since
        x'^3 - x^3 = (x' - x) (x'^2 + x' x + x^2).

        Parameters
        ----------
        ref : Tensor
            x.
        gate : Tensor
            s, of that.
        diff : Tensor
            d = x' - x.
        """
        alt = ref + diff
        gate_alt = self.gate(alt)
        step = (alt * alt).addcmul_(alt.add_(ref), ref).mul_(self.cubic).add_(self.linear)
        rise = step.mul_(diff).mul_(0.5).tanh_()
        both = (gate + gate_alt).addcmul_(gate, gate_alt, value=-2)
        return rise.mul_(both).mul_(ref).addcmul_(gate_alt, diff)


GATED_ACTIVATIONS = {
    "gelu_new": GatedActivation(_SLOPE, _SLOPE * 0.044715),
    "quick_gelu": GatedActivation(1.702, 0.0),
}


def max_difference(ref: Tensor, other_ref: Tensor, diff: Tensor, other_diff: Tensor) -> Tensor:
    """Return max(ref + diff, other_ref + other_diff) - max(ref, other_ref).

    Where the first wins before, by gap = ref - other_ref >= 0, that is
    max(diff, other_diff - gap); where the other does, max(diff + gap, other_diff): subtract
    max(ref, other_ref) inside the maximum.

    Parameters
    ----------
    ref, other_ref : Tensor
        The two numbers before.
    diff, other_diff : Tensor
        What is added to each.
    """
    gap = ref - other_ref
    return torch.maximum(diff - (-gap).clamp_(min=0), other_diff - gap.clamp(min=0))


def softplus_difference(ref: Tensor, slope: Tensor, diff: Tensor) -> Tensor:
    """Return softplus(ref + diff) - softplus(ref), softplus(x) = log(1 + e^x).

    With s = sigmoid(r) = e^r / (1 + e^r) it is log(1 + s (e^d - 1)), because
    1 + e^(r + d) = 1 + e^r + e^r (e^d - 1) = (1 + e^r) (1 + s (e^d - 1)).

    Parameters
    ----------
    ref : Tensor
        r.
    slope : Tensor
        s, the slope of softplus there.
    diff : Tensor
        d, of any size.
    """
    # That form is exact, but e^d overflows, and where the slope rounds to one it forgets what
    # is left of r; beyond |d| = 1 a plain subtraction loses no digits.
    small = torch.expm1(diff.clamp(-1, 1)).mul_(slope).log1p_()
    plain = F.softplus(ref + diff, threshold=40.0) - F.softplus(ref, threshold=40.0)
    return torch.where(diff.abs() < 1, small, plain)
