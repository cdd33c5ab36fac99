"""The accuracy that each compiled function's docstring states, against float64 and wider."""

import numpy as np
import pytest
import torch
from numba import njit

from varscore.engines.incremental.kernels import fused
from varscore.engines.incremental.kernels.difference import GATED_ACTIVATIONS

MANY = 300_001
SMALL = np.geomspace(1e-30, 1, MANY)
BOTH = sorted(GATED_ACTIVATIONS)


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def gate(name, x):
    activation = GATED_ACTIVATIONS[name]
    return 1 / (
        1 + np.exp(-np.clip(x * (activation.linear + activation.cubic * x * x), -700, 700))
    )


@pytest.mark.parametrize(
    ("name", "exact", "points", "bound"),
    [
        ("_exp", np.exp, np.linspace(-87, 87, MANY), 8e-8),
        ("_expm1", np.expm1, np.concatenate([SMALL, -SMALL, np.linspace(-1, 1, MANY)]), 1.5e-7),
        (
            "_log1p",
            np.log1p,
            np.concatenate([SMALL * 1e30, np.linspace(-1 + 1e-6, 4, MANY)]),
            2e-7,
        ),
        ("_log1p", np.log1p, np.concatenate([SMALL, -SMALL[SMALL < 0.999]]), 2e-7),
        ("_half_tanh", lambda x: np.tanh(x / 2), np.linspace(-40, 40, MANY), 1e-6),
        ("_half_tanh", lambda x: np.tanh(x / 2), SMALL, 1e-6),
        ("_softplus", softplus, np.linspace(-87, 100, MANY), 3e-7),
    ],
)
def test_functions_of_one_number(name, exact, points, bound):
    function = getattr(fused, name)

    @njit(**fused._OPTIONS)
    def apply(x, out):
        for i in range(len(x)):
            out[i] = function(x[i])

    x = points.astype(np.float32)
    x = x[x != 0]
    out = np.empty_like(x)
    apply(x, out)
    expected = exact(x.astype(np.float64))
    error = np.abs(out - expected) / np.abs(expected)
    assert bound / 3 < error.max() <= bound


def test_exp_beyond_its_range_is_that_at_its_end():
    @njit(**fused._OPTIONS)
    def apply(x):
        return fused._exp(x)

    assert apply(np.float32(1e4)) == apply(np.float32(87))
    assert apply(np.float32(-1e4)) == apply(np.float32(-87)) > 0


def coefficients(name):
    activation = GATED_ACTIVATIONS[name]
    return np.float32(activation.linear), np.float32(activation.cubic)


@pytest.mark.parametrize("name", BOTH)
def test_activations(name):
    x = np.linspace(-30, 30, 300_000, dtype=np.float32).reshape(-1, 100)
    flat, found, out = (np.empty_like(x) for _ in range(3))
    fused.activation(x.ravel(), *coefficients(name), flat.reshape(-1))
    fused.gate_and_activate(x, *coefficients(name), found, out)
    wide = x.astype(np.float64)
    expected = gate(name, wide)
    assert np.abs(found - expected).max() <= 1.2e-7
    for active in (flat, out):
        error = np.abs(active - wide * expected) / np.maximum(1, np.abs(wide))
        assert error.max() <= 2e-7


def differences(size, shape):
    """Differences of about a size, up and down."""
    numbers = np.random.default_rng(1)
    sign = numbers.choice([-1, 1], shape)
    return (sign * np.exp(numbers.uniform(np.log(size / 30), np.log(size), shape))).astype("f4")


@pytest.mark.parametrize("size", [1e-9, 1e-3, 0.3, 3, 100, 1e5])
@pytest.mark.parametrize("name", BOTH)
def test_differences_after_an_activation(name, size):
    ref = np.random.default_rng(0).uniform(-12, 12, (500, 250)).astype(np.float32)
    diff = differences(size, (1, 500, 250))
    at, active = np.empty_like(ref), np.empty_like(ref)
    fused.gate_and_activate(ref, *coefficients(name), at, active)
    out = np.empty_like(diff)
    fused.activate(ref, at, np.zeros(1, np.int64), diff, *coefficients(name), out)
    r, d = ref.astype(np.longdouble), diff[0].astype(np.longdouble)
    # A plain difference keeps digits enough where it is not tiny; else the derivative does.
    expected = (r + d) * gate(name, r + d) - r * gate(name, r)
    if size < 1e-6:
        step = np.longdouble(1e-6)
        slope = (r + step) * gate(name, r + step) - (r - step) * gate(name, r - step)
        expected = d * slope / (2 * step)
    assert (np.abs(out[0] - expected) <= 5e-7 * np.abs(d) * (1 + np.abs(r))).all()


@pytest.mark.parametrize(
    ("size", "bound"),
    [(1e-9, 6e-7), (1e-3, 6e-7), (0.99, 6e-7), (3, 2e-6), (100, 2e-6), (1e5, 2e-6)],
)
def test_differences_after_softplus(size, bound):
    ref = np.random.default_rng(0).uniform(-20, 20, (500, 250)).astype(np.float32)
    diff = differences(size, (1, 500, 250))
    slope = torch.sigmoid(torch.from_numpy(ref)).numpy()
    out = np.empty_like(diff)
    fused.softplus_difference(ref, slope, np.zeros(1, np.int64), diff, out)
    r, d = ref.astype(np.longdouble), diff[0].astype(np.longdouble)
    small = np.log1p(np.expm1(np.minimum(d, 1)) / (1 + np.exp(-r)))
    expected = np.where(np.abs(d) < 1, small, softplus(r + d) - softplus(r))
    assert (np.abs(out[0] - expected) <= bound * np.abs(expected)).all()
