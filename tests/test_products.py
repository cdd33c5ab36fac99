"""Matrix products and convolutions of the engine against torch's own in float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from varscore.engines.incremental.kernels.convolution import DilatedConv
from varscore.engines.incremental.kernels.difference import GATED_ACTIVATIONS
from varscore.engines.incremental.kernels.minimal_filter import (
    MOST_OUTPUTS,
    MOST_TAPS,
    MinimalFilter,
    filter_matrices,
)
from varscore.engines.incremental.kernels.products import Products, float32_kernels
from varscore.engines.incremental.kernels.steps import FusedSteps, Steps
from varscore.engines.incremental.trunk import TrunkLayer
from varscore.engines.processor import Processor
from varscore.models.basenji2 import ConvBlock
from varscore.models.config import BasenjiConfig

KERNELS = sorted(float32_kernels(Processor.of(torch.device("cpu"))))
ROWS = 1100  # several parts, and some rows beside
GELU = GATED_ACTIVATIONS["gelu_new"]
STEPS = FusedSteps(GELU, reduced=False)


def near(found, expected, tolerance=3e-6):
    error = (found.double() - expected).abs().max() / expected.abs().max()
    return found.shape == expected.shape and error <= tolerance


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", [(1,), (ROWS,), (2, 7)])
def test_every_kernel_gives_the_product(kernel, shape):
    x, weight = torch.randn(*shape, 260), torch.randn(260, 270)
    reference, difference = Products(kernel, reduced=True).with_weight(weight)
    expected = x.double() @ weight.double()
    assert near(reference(x), expected)
    assert near(difference(x), expected, 2e-2)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", [(64,), (2, 7)])
def test_short_sums_round_less(kernel, shape):
    x, weight = torch.randn(*shape, 600), torch.randn(600, 270)
    products, expected = Products(kernel), x.double() @ weight.double()
    found = products.of_short_sums(weight)(x)
    assert near(found, expected)
    assert products.flops.total == 2 * x.numel() * 270
    error = (found - expected).square().mean()
    of_one_sum = (products.with_weight(weight)[0](x) - expected).square().mean()
    assert error < of_one_sum / 2 if kernel == "packed" else error == of_one_sum


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("rows", [1, ROWS])
def test_products_of_several_inputs_are_summed(kernel, rows):
    inputs, weights = torch.randn(3, rows, 260), torch.randn(3, 260, 270)
    products, bias, out = Products(kernel), torch.randn(270), torch.empty(rows, 270)
    products.sum_of(weights.unbind(), bias)(inputs.unbind(), out)
    expected = (inputs.double() @ weights.double()).sum(0) + bias.double()
    assert near(out, expected)
    assert products.flops.total == 3 * 2 * rows * 260 * 270


def block(channels, outputs, taps, dilation=1):
    found = ConvBlock(BasenjiConfig(), channels, outputs, taps, dilation=dilation)
    found.norm.running_mean.normal_()  # becomes a bias
    found.fold()
    return found.requires_grad_(False)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("taps", [1, 3, 5])
@pytest.mark.parametrize("dilation", [1, 2, 72, 300])
@pytest.mark.parametrize("width", [1, 143, 144, 145, 1000])
def test_dilated_convolutions(kernel, taps, dilation, width):
    layer = block(260, 270, taps, dilation)
    dilated = DilatedConv(layer, Products(kernel), STEPS)
    x = torch.randn(width + 2 * dilated.reach, 260)
    conv = layer.conv
    expected = F.conv1d(
        x.double().t()[None], conv.weight.double(), conv.bias.double(), dilation=dilation
    )
    assert near(dilated.reference(x), expected[0].t())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("channels", "taps"), [(4, 15), (24, 5), (260, 7), (260, 5), (260, 3), (260, 1)]
)
@pytest.mark.parametrize(("rows", "length"), [(1, 20), (1, 1000), (128, 20), (3, 700)])
def test_convolutions_of_the_trunk(kernel, channels, taps, rows, length):
    layer = block(channels, 270, taps)
    products = Products(kernel)
    trunk = TrunkLayer(layer, "gelu_new", products)
    x = torch.randn(rows, length, channels)
    active = F.gelu(x.double(), approximate="tanh").transpose(1, 2)
    expected = F.conv1d(active, layer.conv.weight.double(), layer.conv.bias.double())
    found = trunk.convolve(x)
    plain = 2 * found.numel() * channels * taps
    filtered, long = channels > 64 and 1 < taps <= MOST_TAPS, rows * length > 20
    assert near(found, expected.transpose(1, 2), 5e-6 if filtered and long else 3e-6)
    if filtered:
        number = taps + MOST_OUTPUTS - 1  # of products, each of a multiple of 64 rows
        least = number / (taps * MOST_OUTPUTS) * plain
        assert products.flops.total >= least
        assert products.flops.total <= (0.6 * plain if long else number * 2 * 64 * 260 * 270)
    else:
        assert products.flops.total == plain


@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("taps", [2, 3, 4, 5])
def test_minimal_filtering_is_exact(taps, dilation):
    """In float64, by torch's own operations, which a GPU uses too."""
    weight, x = torch.randn(270, 100, taps).double(), torch.randn(3, 80, 100).double()
    bias, products = torch.randn(270).double(), Products("matmul")
    steps = Steps(GELU, torch.float64)
    expected = F.conv1d(x.transpose(1, 2), weight, bias, dilation=dilation).transpose(1, 2)
    for outputs in range(2, MOST_OUTPUTS + 1):
        filtered = MinimalFilter(
            weight.permute(2, 1, 0), bias, dilation, products, steps, outputs
        )
        assert near(filtered(x), expected, 1e-14)


@pytest.mark.parametrize("outputs", range(2, MOST_OUTPUTS + 1))
@pytest.mark.parametrize("taps", range(2, MOST_TAPS + 1))
def test_filter_matrices_give_the_taps(outputs, taps):
    """By hand: output i of unit inputs d and taps g is one where d - i = g."""
    of_outputs, of_taps, of_inputs = filter_matrices(outputs, taps)
    found = np.einsum("in,ng,nd->igd", of_outputs, of_taps, of_inputs)
    expected = [
        [[float(d - i == g) for d in range(outputs + taps - 1)] for g in range(taps)]
        for i in range(outputs)
    ]
    assert np.allclose(found, expected, rtol=0, atol=1e-14)
