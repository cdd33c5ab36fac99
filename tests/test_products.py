"""Matrix products and convolutions of the engine against torch's own in float64."""

import pytest
import torch
import torch.nn.functional as F

from varscore.engines.dilated import DilatedConv
from varscore.engines.products import Products, measured_rates
from varscore.engines.trunk import TrunkLayer
from varscore.models.basenji2 import BasenjiConfig, ConvBlock

KERNELS = sorted(set(measured_rates(torch.device("cpu"))) - {"bfloat16"})
ROWS = 1100  # several parts, and some rows beside


def near(found, expected, tolerance=3e-6):
    error = (found.double() - expected).abs().max() / expected.abs().max()
    return found.shape == expected.shape and error <= tolerance


def test_packed_products_are_there():
    """Without them the engine is a third slower."""
    assert "packed" in KERNELS


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", [(1,), (ROWS,), (2, 7)])
def test_every_kernel_gives_the_product(kernel, shape):
    x, weight = torch.randn(*shape, 260), torch.randn(260, 270)
    reference, difference = Products(kernel, True, "").with_weight(weight)
    expected = x.double() @ weight.double()
    assert near(reference(x), expected)
    assert near(difference(x), expected, 2e-2)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("rows", [1, ROWS])
def test_products_of_several_inputs_are_summed(kernel, rows):
    inputs, weights = torch.randn(3, rows, 260), torch.randn(3, 260, 270)
    products, bias, out = Products(kernel, False, ""), torch.randn(270), torch.empty(rows, 270)
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
    dilated = DilatedConv(layer, Products(kernel, False, ""))
    x = torch.randn(width + 2 * dilated.reach, 260)
    conv = layer.conv
    expected = F.conv1d(
        x.double().t()[None], conv.weight.double(), conv.bias.double(), dilation=dilation
    )
    assert near(dilated.reference(x), expected[0].t())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("channels", "taps"), [(4, 15), (24, 5), (260, 5), (260, 1)])
@pytest.mark.parametrize(("rows", "length"), [(1, 20), (1, 1000), (128, 20), (3, 700)])
def test_convolutions_of_the_trunk(kernel, channels, taps, rows, length):
    layer = block(channels, 270, taps)
    trunk = TrunkLayer(layer, "gelu_new", Products(kernel, False, ""))
    x = torch.randn(rows, length, channels)
    active = F.gelu(x.double(), approximate="tanh").transpose(1, 2)
    expected = F.conv1d(active, layer.conv.weight.double(), layer.conv.bias.double())
    assert near(trunk.convolve(x), expected.transpose(1, 2))
