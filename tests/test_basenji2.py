"""The network against the original TensorFlow implementation and multimolecule's port."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from varscore.models.basenji2 import Basenji2, ResidualBlock
from varscore.models.config import BasenjiConfig
from varscore.models.encoding import one_hot
from varscore.models.formats.hub import read_hub
from varscore.models.formats.keras import read_keras
from varscore.models.registry import load_model

DATA = Path(__file__).parent / "data"
ORACLE = Path(__file__).parents[2] / "shared" / "data" / "oracle" / "tensorflow"
# Windows of three variants on human chromosome 20, the first half N, with what the original
# implementation makes of them: coverage under both activations, and for the third one the
# output of every layer at some positions.
GOLDEN = np.load(DATA / "layers_small.npz")
WINDOWS = [row.tobytes().decode("ascii") for row in GOLDEN["windows"]]
LAYERS = [name.removeprefix("layer:") for name in GOLDEN if name.startswith("layer:")]


@pytest.fixture(scope="module")
def layer_outputs():
    """Return every layer's output, shape (positions, channels), under Keras' layer names."""
    checkpoint = read_keras(DATA / "weights_keras" / "model.h5")
    network = Basenji2(checkpoint.config).eval()
    network.load_state_dict(checkpoint.tensors, strict=False)
    counts, outputs = Counter(), {}

    def keep(kind):
        def hook(module, inputs, output):
            suffix = f"_{counts[kind]}" if counts[kind] else ""
            counts[kind] += 1
            outputs[kind + suffix] = output[0].T.numpy()

        return hook

    for module in network.modules():
        if isinstance(module, torch.nn.Conv1d):
            module.register_forward_hook(keep("conv1d"))
        elif isinstance(module, torch.nn.BatchNorm1d):
            module.register_forward_hook(keep("batch_normalization"))
        elif isinstance(module, ResidualBlock):
            module.register_forward_hook(keep("add"))
        elif getattr(module, "pool", False):
            module.register_forward_hook(keep("max_pooling1d"))
    network.head.register_forward_pre_hook(
        lambda module, inputs: outputs.update(cropping1d=inputs[0][0].T.numpy())
    )
    with torch.inference_mode():
        outputs["dense"] = network(one_hot(WINDOWS[2:]))[0].numpy()
    return outputs


def test_the_golden_file_has_every_layer_of_the_network(layer_outputs):
    # 20 convolutions and batch norms, 7 pools, 6 residual sums, the crop, the output
    assert len(LAYERS) == 20 + 20 + 7 + 6 + 1 + 1
    assert set(layer_outputs) == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_equals_the_original(layer, layer_outputs):
    expected, stride = GOLDEN[f"layer:{layer}"], int(GOLDEN[f"stride:{layer}"])
    found = layer_outputs[layer][::stride]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_every_stored_position_of_every_layer_equals_the_original(layer_outputs):
    path = ORACLE / "small_intermediates.npz"
    if not path.is_file():
        pytest.skip("the full record of layers is in ../shared only")
    golden = np.load(path)
    for layer in LAYERS:
        stride = int(golden[f"{layer}__stats"][4])
        np.testing.assert_allclose(
            layer_outputs[layer][::stride], golden[layer], rtol=0, atol=1e-4, err_msg=layer
        )


@pytest.mark.parametrize("activation", ["gelu_new", "quick_gelu"])
def test_coverage_equals_the_original(activation):
    model = load_model(DATA / "weights_keras", activation=activation, device="cpu")
    expected = GOLDEN[f"coverage_{activation}"]
    assert expected.shape == (3, 96, 12)
    np.testing.assert_allclose(model.predict(WINDOWS), expected, rtol=0, atol=3e-5)


def test_the_two_activations_are_told_apart():
    difference = np.abs(GOLDEN["coverage_gelu_new"] - GOLDEN["coverage_quick_gelu"])
    assert difference.max() > 100 * 3e-5


def test_coverage_equals_multimolecules_port():
    golden = np.load(DATA / "weights_hub_golden.npz")
    sequences = ["".join("ACGTN"[token] for token in row) for row in golden["input_ids"]]
    found = load_model(DATA / "weights_hub", device="cpu").predict(sequences)
    np.testing.assert_allclose(found[0], golden["coverage"][0], rtol=0, atol=1e-5)
    # Row 1 has N, which that port counts differently. A base reaches 7 + 2 * (2 + 4 + ... +
    # 64) = 259 bases through the trunk's convolutions and 1 + 2 + 3 = 6 bins through the
    # blocks; the crop takes 4 bins.
    last = max(position for position, base in enumerate(sequences[1]) if base == "N")
    clear = (last + 259) // 128 + 6 + 1 - 4
    assert 0 < clear < 20
    np.testing.assert_allclose(
        found[1, clear:], golden["coverage"][1, clear:], rtol=0, atol=1e-5
    )
    assert np.abs(found[1, :clear] - golden["coverage"][1, :clear]).max() > 1e-3


def test_folding_the_batch_norms_changes_nothing():
    checkpoint = read_hub(DATA / "weights_hub")
    plain = Basenji2(checkpoint.config).eval().double()
    plain.load_state_dict(checkpoint.tensors, strict=False)
    folded = Basenji2(checkpoint.config).eval().double()
    folded.load_state_dict(checkpoint.tensors, strict=False)
    folded.fold_batch_norm()
    assert not any(isinstance(m, torch.nn.BatchNorm1d) for m in folded.modules())
    x = one_hot(["ACGTTGCN" * 512]).double()
    with torch.inference_mode():
        torch.testing.assert_close(folded(x), plain(x), rtol=0, atol=1e-12)


def test_the_default_configuration_is_the_published_human_model():
    config = BasenjiConfig()
    assert (config.window_length, config.n_bins, config.n_tracks) == (131_072, 896, 5_313)
    assert config.bin_width == 128
    # 1.5, 2 * 1.5, 3 * 1.5 = 4.5 -> 4, 6, 9, 13.5 -> 14, 21, 31.5 -> 32, 48, 72
    assert config.dilations == (1, 2, 3, 4, 6, 9, 14, 21, 32, 48, 72)


def test_dilations_that_are_not_rounded_are_carried_on_exactly():
    # 1, 1.5 -> 2, 2.25 -> 2, 3.375 -> 3, 5.0625 -> 5
    assert BasenjiConfig(num_blocks=5, round_dilation=False).dilations == (1, 2, 2, 3, 5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"activation": "gelu"}, "activation is 'gelu'"),
        ({"stem_kernel_size": 14}, "stem_kernel_size is 14"),
        ({"window_length": 131_000}, "window_length 131000"),
        ({"crop_bins": 512}, "crop_bins 512 leaves no bin of 1024"),
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        BasenjiConfig(**fields)
