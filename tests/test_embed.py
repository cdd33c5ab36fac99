"""Hidden states and gradients, held against layers called one by one and finite differences."""

import copy

import numpy as np
import pytest
import torch

from varscore import load_model
from varscore.errors import OptionError
from varscore.models.config import BasenjiConfig
from varscore.models.encoding import one_hot
from varscore.models.stages import stages


@pytest.fixture(scope="module")
def windows():
    random = np.random.default_rng(2)
    return ["".join(random.choice(list("ACGT"), 4096)) for _ in range(3)]


def by_hand(network, windows):
    """Call layer after layer."""
    x = network.stem(one_hot(windows))
    states = {"stem": x}
    for number, layer in enumerate(network.tower):
        states[f"tower.{number}"] = x = layer(x)
    for number, block in enumerate(network.blocks):
        states[f"blocks.{number}"] = x = block(x)
    states["head"] = network.activation(network.head(x[..., 16:-16]))
    return states


def test_every_stage_is_what_its_layers_make(tiny_model, windows):
    expected = by_hand(tiny_model.network, windows)
    assert [stage.name for stage in tiny_model.stages] == list(expected)
    for stage in tiny_model.stages:
        found = tiny_model.embed(windows, stage=stage.name)
        np.testing.assert_allclose(
            found, expected[stage.name].transpose(1, 2).numpy(), rtol=1e-5, atol=1e-6
        )
        assert found.shape == (3, stage.positions, stage.channels)


def test_tracks_are_read_off_the_last_stage(tiny_model, windows):
    final = tiny_model.network.final
    logits = tiny_model.embed(windows) @ final.weight.numpy().T + final.bias.numpy()
    np.testing.assert_allclose(tiny_model.predict(windows), np.log1p(np.exp(logits)), rtol=1e-4)


def test_a_position_is_computed_of_its_context(tiny_model):
    """The gradient of a position in the middle reaches that many bases, around its own."""
    network = copy.deepcopy(tiny_model.network).double()
    for stage in tiny_model.stages:
        position = stage.positions // 2
        # A pool has the gradient of one of two only: so the sum of many draws is taken.
        felt = torch.zeros(4096, dtype=torch.float64)
        for seed in range(20):
            torch.manual_seed(seed)
            drawn = torch.rand(1, 4, 4096, dtype=torch.float64, requires_grad=True)
            x = next(x for name, x in network.hidden(drawn) if name == stage.name)
            x[0, :, position].sum().backward()
            felt += drawn.grad[0].abs().sum(0)
        reached = felt.nonzero()
        first = stage.first + position * stage.width
        assert int(reached.max() - reached.min()) + 1 == stage.context
        assert first - int(reached.min()) == (stage.context - stage.width) // 2


def test_the_published_models_contexts():
    """By hand: the trunk reads 128 + 2 * 259 bases, and dilations 212 bins either way."""
    found = {stage.name: stage for stage in stages(BasenjiConfig())}
    assert (found["stem"].context, found["stem"].width) == (16, 2)
    assert (found["tower.5"].context, found["tower.5"].width) == (646, 128)
    assert found["blocks.10"].context == 646 + 2 * 212 * 128 == found["head"].context
    assert (found["head"].first, found["head"].positions) == (8192, 896)


def test_what_cannot_be_embedded(tiny_model, windows):
    with pytest.raises(OptionError, match=r"stage 'x' is none of .*, which has stem, tower\.0"):
        tiny_model.embed(windows, stage="x")


class Tracks(torch.nn.Module):
    """The README's wrapper."""

    def __init__(self, model, tracks):
        super().__init__()
        self.network = model.network.with_tracks(model.tracks.select(tracks).indices)

    def forward(self, dna):
        return self.network(dna).sum(dim=1)


def test_gradients_are_finite_differences(tiny_weights, windows):
    model = load_model(tiny_weights, device="cpu", dtype=torch.float64)
    wrapper = Tracks(model, "track_1")
    dna = one_hot(windows[:1]).double().requires_grad_()
    found = wrapper(dna)
    assert found.shape == (1, 1)
    (gradient,) = torch.autograd.grad(found.sum(), dna)
    step = 1e-6
    for channel, base in ((0, 2048), (3, 2047), (1, 1500), (2, 2600)):
        moved = torch.zeros_like(dna)
        moved[0, channel, base] = step
        with torch.no_grad():
            slope = (wrapper(dna + moved) - wrapper(dna - moved)).item() / (2 * step)
        assert gradient[0, channel, base].item() == pytest.approx(slope, rel=1e-4, abs=1e-8)
    assert gradient.abs().max() > 1e-3


def test_gradients_of_windows_leave_the_weights_alone(tiny_model, windows):
    wrapper = Tracks(tiny_model, None)
    dna = one_hot(windows).requires_grad_()
    wrapper(dna)[:, 0].sum().backward()
    assert dna.grad.shape == (3, 4, 4096)
    assert all(parameter.grad is None for parameter in wrapper.parameters())
