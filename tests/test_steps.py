"""The compiled steps against the same steps of torch in float64."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from varscore.engines.incremental.kernels.difference import GATED_ACTIVATIONS
from varscore.engines.incremental.kernels.steps import FusedSteps, Steps, steps_for
from varscore.engines.incremental.kernels.stored import Stored
from varscore.models.basenji2 import ACTIVATIONS

COUNT, WIDTH, CHANNELS, START = 3, 7, 37, 100
STARTS = [104, 100, 112]
SIZES = [1e-7, 1e-4, 0.03, 0.9, 1.1, 8.0, 300.0, 1e5]
BOTH = sorted(GATED_ACTIVATIONS)


def numbers(*shape, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(*shape, generator=generator) * scale).float()


def both(name, reduced=False):
    """Both forms of the steps, each with a reference of its own precision."""
    ref = numbers(20, CHANNELS, scale=2)
    found = []
    for steps, x in (
        (FusedSteps(GATED_ACTIVATIONS[name], reduced=reduced), ref),
        (Steps(GATED_ACTIVATIONS[name], torch.float64), ref.double()),
    ):
        found.append((steps, *steps.reference(Stored(x, START))))
    return found


def close(found, expected, scale):
    """To some units in the last place of what the formula's terms are made of."""
    assert torch.isfinite(found.float()).all()
    error = (found.double() - expected).abs()
    unit = torch.finfo(found.dtype).eps
    assert (error <= 8 * unit * (expected.abs() + scale.double())).all(), error.max()


def moved(diff):
    """How large the two terms of an activation's difference may be, which cancel."""
    return diff.abs() * 4


@pytest.mark.parametrize("name", BOTH)
def test_reference(name):
    (_, point, active), (_, exact, activated) = both(name)
    assert point.values.start == point.gate.start == START
    assert torch.equal(point.values.values.double(), exact.values.values)
    close(point.gate.values, exact.gate.values, torch.ones(1) * 0.1)
    close(active, activated, torch.ones(1) * 0.1)


@pytest.mark.parametrize("name", BOTH)
def test_apply(name):
    x = numbers(5, 3, CHANNELS, scale=4)
    (fused, *_), (torch_steps, *_) = both(name)
    expected = ACTIVATIONS[name](x.double())
    close(fused.apply(x), expected, torch.ones(1) * 0.1)
    assert torch.allclose(torch_steps.apply(x.double()), expected, rtol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", BOTH)
def test_activate(name, size):
    (fused, point, _), (torch_steps, exact, _) = both(name)
    diff = numbers(COUNT, WIDTH, CHANNELS, scale=size, seed=1)
    found = fused.activate(point, STARTS, diff)
    expected = torch_steps.activate(exact, STARTS, diff.double())
    close(found, expected, moved(diff))
    assert (fused.activate(point, STARTS, diff * 0) == 0).all()


@pytest.mark.parametrize("name", BOTH)
def test_small_differences_keep_their_digits(name):
    (fused, point, _), (torch_steps, exact, _) = both(name)
    diff = numbers(COUNT, WIDTH, CHANNELS, scale=1e-9, seed=1)
    found = fused.activate(point, STARTS, diff).double()
    expected = torch_steps.activate(exact, STARTS, diff.double())
    assert ((found - expected) / expected).abs().median() < 2e-7


# Output bin w takes tap k of input bin first + w + k * dilation: inside, beyond the ends.
@pytest.mark.parametrize(("first", "dilation"), [(0, 1), (-4, 3), (-2, 5), (30, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_activate_taps(first, dilation, dtype):
    (fused, point, _), (torch_steps, exact, _) = both("gelu_new")
    taps = numbers(COUNT, 9, 3, CHANNELS, seed=2).to(dtype)
    arguments = (WIDTH, first, dilation)
    found = fused.activate_taps(point, STARTS, taps, *arguments)
    expected = torch_steps.activate_taps(exact, STARTS, taps.double(), *arguments)
    close(found, expected, torch.ones(1) * 12)
    by_hand = torch.zeros(COUNT, WIDTH, CHANNELS, dtype=torch.float64)
    for w in range(WIDTH):
        for k in range(3):
            if 0 <= first + w + k * dilation < 9:
                by_hand[:, w] += taps[:, first + w + k * dilation, k]
    assert torch.allclose(expected, torch_steps.activate(exact, STARTS, by_hand))


@pytest.mark.parametrize("first", [-3, 0, 2, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_add_and_activate(first, dtype):
    (fused, point, _), (torch_steps, exact, _) = both("quick_gelu")
    new = numbers(COUNT, WIDTH, CHANNELS, seed=3).to(dtype)
    old = numbers(COUNT, 5, CHANNELS, seed=4)
    by_hand = new.double()
    for w in range(WIDTH):
        if 0 <= first + w < 5:
            by_hand[:, w] += old[:, first + w]
    total, active = fused.add_and_activate(point, STARTS, new, old, first)
    assert torch.allclose(total.double(), by_hand, rtol=1e-6)
    close(active, torch_steps.activate(exact, STARTS, by_hand), moved(by_hand))
    expected, active = torch_steps.add_and_activate(
        exact, STARTS, new.double(), old.double(), first
    )
    assert torch.equal(expected, by_hand)
    assert torch.equal(active, torch_steps.activate(exact, STARTS, by_hand))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_softplus(size, dtype):
    fused, logits = both("gelu_new")[0][0], numbers(20, CHANNELS, scale=6, seed=5)
    diff = numbers(COUNT, WIDTH, CHANNELS, scale=size, seed=6).to(dtype)
    found = fused.softplus(
        Stored(logits, START), Stored(torch.sigmoid(logits), START), STARTS, diff
    )
    ref = torch.stack([logits[s - START :][:WIDTH] for s in STARTS]).double()
    wide = diff.double()
    expected = torch.where(
        wide.abs() < 1,
        torch.log1p(torch.expm1(wide.clamp(-1, 1)) * torch.sigmoid(ref)),
        F.softplus(ref + wide, threshold=40) - F.softplus(ref, threshold=40),
    )
    assert ((found - expected) / expected).abs().max() < 3e-6


def test_reduced_steps_give_what_bfloat16_products_read():
    (reduced, point, _), (full, _, _) = both("gelu_new", reduced=True)[0], both("gelu_new")[0]
    diff = numbers(COUNT, WIDTH, CHANNELS, seed=7)
    found, wide = (steps.activate(point, STARTS, diff) for steps in (reduced, full))
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, wide.bfloat16())  # to the nearest, as torch rounds


OUTSIDE = """
import numpy as np
import torch
from varscore.engines.incremental.kernels.difference import GATED_ACTIVATIONS
from varscore.engines.incremental.kernels.steps import FusedSteps, Sums
from varscore.engines.incremental.kernels.stored import Stored

assert False, "python -O drops this"
steps = FusedSteps(GATED_ACTIVATIONS["gelu_new"], reduced=False)
point, _ = steps.reference(Stored(torch.zeros(20, 5), 100))
rows = Sums(np.array([[0, 3]]), np.ones((1, 2)))
part, one = torch.zeros(1, 5), np.ones((1, 1))
calls = {
    "before": lambda: steps.activate(point, [99], torch.zeros(1, 7, 5)),
    "behind": lambda: steps.activate(point, [114], torch.zeros(1, 7, 5)),
    "variants": lambda: steps.activate(point, [100], torch.zeros(2, 7, 5)),
    "channels": lambda: steps.activate(point, [100], torch.zeros(1, 7, 6)),
    "taps": lambda: steps.activate_taps(point, [119], torch.zeros(1, 9, 3, 5), 2, 0, 1),
    "sum": lambda: steps.add_and_activate(point, [119], *torch.zeros(2, 1, 7, 5), 0),
    "softplus": lambda: steps.softplus(point.values, point.gate, [114], torch.zeros(1, 7, 5)),
    "slope": lambda: steps.softplus(
        point.values, Stored(torch.zeros(3, 5), 100), [105], torch.zeros(1, 7, 5)
    ),
    "combine": lambda: steps.combine(torch.zeros(3, 5), rows),
    "combine into": lambda: steps.combine_into(
        torch.zeros(3, 5), Sums(np.array([[3]]), one), [part], part[0]
    ),
    "parts": lambda: steps.combine_into(
        torch.zeros(3, 5), Sums(np.array([[0], [1]]), one), [part], part[0]
    ),
}
for name, call in calls.items():
    try:
        found = call()
    except IndexError:
        print(name)
    else:
        print(name, "is", found)
print("end")
"""


def test_memory_outside_is_never_read_not_even_without_asserts():
    run = subprocess.run(
        [sys.executable, "-O", "-c", OUTSIDE], check=True, capture_output=True, text=True
    )
    assert run.stdout.split("\n") == [
        "before", "behind", "variants", "channels", "taps", "sum", "softplus", "slope",
        "combine", "combine into", "parts", "end", "",
    ]  # fmt: skip


def test_the_compiled_steps_are_for_float32_on_a_cpu():
    activation = GATED_ACTIVATIONS["gelu_new"]
    assert isinstance(steps_for(activation, torch.ones(1), reduced=False), FusedSteps)
    double = torch.ones(1, dtype=torch.float64)
    assert type(steps_for(activation, double, reduced=False)) is Steps
