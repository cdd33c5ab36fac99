"""Difference forms against plain subtraction in a wider arithmetic."""

import math
from decimal import Decimal, localcontext

import pytest
import torch
import torch.nn.functional as F

from varscore.engines.incremental.kernels.difference import (
    GATED_ACTIVATIONS,
    max_difference,
    softplus_difference,
)
from varscore.models.basenji2 import ACTIVATIONS

SIZES = [1e-6, 1e-4, 1e-2, 0.3, 0.99, 1.01, 3.0, 30.0]


def activation_difference(name, ref, diff):
    gated = GATED_ACTIVATIONS[name]
    return gated.difference(ref, gated.gate(ref), diff)


def softplus(x):
    return F.softplus(x, threshold=40.0)


def points(size):
    """References from -12 to 12, each with a difference of about `size` up and down."""
    ref = torch.linspace(-12, 12, 2001, dtype=torch.float64)
    jitter = 1 + 0.5 * torch.sin(torch.arange(2001, dtype=torch.float64))
    ref = torch.cat([ref, ref]).float().double()  # numbers that float32 has
    diff = (torch.cat([jitter, -jitter]) * size).float().double()
    return ref, diff


def agree(found, expected, ref, diff):
    """A few units in the last place, of the result or of what the steps in between hold."""
    unit = torch.finfo(torch.float32).eps
    scale = expected.abs() + torch.minimum(diff.abs(), ref.abs() + diff.abs()) * 1.0
    assert ((found.double() - expected).abs() <= 6 * unit * scale).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name, size):
    ref, diff = points(size)
    activation = ACTIVATIONS[name]
    expected = activation(ref + diff) - activation(ref)
    found = activation_difference(name, ref.float(), diff.float())
    # Where x * gate(x) moves by less than x does, its digits are those of d * gate.
    agree(found, expected, ref, diff * (1 + ref.abs()))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_keeps_digits_that_subtraction_loses(name):
    ref, diff = (x[abs(points(1e-5)[0]) < 3] for x in points(1e-5))
    activation = ACTIVATIONS[name]
    expected = activation(ref + diff) - activation(ref)
    plain = activation((ref + diff).float()) - activation(ref.float())
    error = (
        ((activation_difference(name, ref.float(), diff.float()) - expected) / expected)
        .abs()
        .median()
    )
    assert error < 3e-7
    assert ((plain - expected) / expected).abs().median() > 1e3 * error


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gate(name):
    x = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    assert torch.allclose(x * GATED_ACTIVATIONS[name].gate(x), ACTIVATIONS[name](x), rtol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_softplus(size):
    ref, diff = points(size)
    found = softplus_difference(ref.float(), torch.sigmoid(ref.float()), diff.float())
    expected = softplus(ref + diff) - softplus(ref)
    assert ((found - expected) / expected).abs().max() < 3e-6


def test_softplus_by_hand():
    # ln(1 + e^(r + d)) - ln(1 + e^r) with 60 digits
    with localcontext() as context:
        context.prec = 60
        for r, d in ((0.5, 1e-9), (-7.0, -1e-7), (30.0, 0.5), (3.0, -40.0)):
            r_, d_ = Decimal(r), Decimal(d)
            exact = float((1 + (r_ + d_).exp()).ln() - (1 + r_.exp()).ln())
            ref, diff = (torch.tensor([x], dtype=torch.float64) for x in (r, d))
            found = softplus_difference(ref, torch.sigmoid(ref), diff).item()
            assert math.isclose(found, exact, rel_tol=1e-13)


@pytest.mark.parametrize("size", [50.0, 90.0, 500.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_differences_stay_finite(size, dtype):
    ref = torch.tensor([-1e4, -200.0, -90.0, -5.0, 0.0, 5.0, 90.0, 200.0, 1e4], dtype=dtype)
    for diff in (ref.new_full(ref.shape, size), ref.new_full(ref.shape, -size)):
        wide = ref.double(), diff.double()
        found = softplus_difference(ref, torch.sigmoid(ref), diff)
        expected = softplus(wide[0] + wide[1]) - softplus(wide[0])
        assert torch.allclose(found.double(), expected, rtol=1e-6, atol=1e-30)
        for name, activation in ACTIVATIONS.items():
            expected = activation(wide[0] + wide[1]) - activation(wide[0])
            found = activation_difference(name, ref, diff).double()
            assert torch.allclose(found, expected, rtol=1e-6, atol=1e-20)


def test_no_difference_stays_none():
    ref, _ = points(1.0)
    zero = torch.zeros_like(ref)
    for name in ACTIVATIONS:
        assert (activation_difference(name, ref, zero) == 0).all()
    assert (softplus_difference(ref, torch.sigmoid(ref), zero) == 0).all()
    assert (max_difference(ref, ref.flip(0), zero, zero) == 0).all()


def test_maximum_by_hand():
    # winner stays; winner falls below the other; the other overtakes; a tie
    ref, other = torch.tensor([3.0, 3.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 3.0, 2.0])
    diff, change = torch.tensor([0.5, -4.0, 5.0, -1.0]), torch.tensor([0.1, 0.0, 0.0, -2.0])
    # max(3.5, 1.1) - 3, max(-1, 1) - 3, max(6, 3) - 3, max(1, 0) - 2
    expected = torch.tensor([0.5, -2.0, 3.0, -1.0])
    assert torch.equal(max_difference(ref, other, diff, change), expected)


def test_maximum_keeps_digits():
    ref, other = torch.tensor([1000.0]), torch.tensor([-3.0])
    tiny = torch.tensor([1e-7])  # lost if added to 1000 in float32
    assert max_difference(ref, other, tiny, tiny) == tiny
    assert max_difference(other, ref, tiny, 2 * tiny) == 2 * tiny
