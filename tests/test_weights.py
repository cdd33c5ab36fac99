"""Reading, writing and converting weights: all forms, and everything that may be wrong."""

import dataclasses
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from varscore.errors import ModelError, OptionError, OutputError
from varscore.models.checkpoint import Checkpoint, parameter_shapes
from varscore.models.config import BasenjiConfig
from varscore.models.formats.hub import read_hub, write_hub
from varscore.models.formats.keras import read_keras, write_keras
from varscore.models.formats.keras_params import format_params, read_params
from varscore.models.formats.native import read_native, write_native
from varscore.models.random import random_checkpoint
from varscore.models.registry import load_model, read_checkpoint, write_checkpoint
from varscore.models.tracks import TrackTable

DATA = Path(__file__).parent / "data"
KERAS, HUB = DATA / "weights_keras" / "model.h5", DATA / "weights_hub"
SMALL = BasenjiConfig(
    window_length=1024,
    n_tracks=3,
    stem_channels=4,
    stem_kernel_size=5,
    tower_channels=(5, 6),
    tower_kernel_size=3,
    num_blocks=2,
    block_channels=4,
    crop_bins=8,
    head_channels=7,
)
PARAMS = {
    "model": {
        "seq_length": 16384,
        "activation": "gelu",
        "norm_type": "batch",
        "bn_momentum": 0.9,
        "trunk": [
            {"name": "conv_block", "filters": 32, "kernel_size": 15, "pool_size": 2},
            {
                "name": "conv_tower",
                "filters_init": 32,
                "filters_mult": 1.1487,
                "kernel_size": 5,
                "pool_size": 2,
                "repeat": 6,
            },
            {"name": "dilated_residual", "filters": 32, "rate_mult": 1.5, "repeat": 6},
            {"name": "Cropping1D", "cropping": 16},
            {"name": "conv_block", "filters": 64, "dropout": 0.05},
        ],
        "head_human": {"name": "final", "units": 12, "activation": "softplus"},
    }
}


@pytest.fixture(scope="module")
def small():
    tracks = TrackTable.from_names(["a", "b", "c"], ["DNASE:x", "CHIP:y", "CHIP:y"])
    checkpoint = random_checkpoint(SMALL, seed=1)
    metadata = {"name": "small", "teaching": True}
    return dataclasses.replace(checkpoint, tracks=tracks, metadata=metadata)


@pytest.fixture
def hub(tmp_path):
    return Path(shutil.copytree(HUB, tmp_path / "hub"))


@pytest.fixture
def keras(tmp_path):
    return Path(shutil.copytree(KERAS.parent, tmp_path / "keras")) / "model.h5"


def same_tensors(one, other):
    assert list(one.tensors) == list(other.tensors)
    return all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)


# --- forms and conversions


def test_hub_weights_are_read_as_they_stand_in_the_file():
    checkpoint = read_hub(HUB)
    file = load_file(HUB / "model.safetensors")
    stem = file["model.encoder.stem.conv1.weight"]
    assert torch.equal(checkpoint.tensors["stem.conv.weight"], stem[:, :4])
    block = file["model.encoder.blocks.2.conv2.batch_norm1.running_var"]
    assert torch.equal(checkpoint.tensors["blocks.2.pointwise.norm.running_var"], block)
    assert torch.equal(checkpoint.tensors["final.bias"], file["token_head.decoder.bias"])
    assert checkpoint.config.tower_channels == (18, 20, 24, 28, 32, 36)
    assert checkpoint.tracks is None


def test_keras_weights_are_read_as_they_stand_in_the_file():
    checkpoint = read_keras(KERAS)
    with h5py.File(KERAS) as file:
        kernel = file["model_weights/conv1d_7/conv1d_7/kernel:0"][()]  # (k, in, out)
        gamma = file["model_weights/batch_normalization_8/batch_normalization_8/gamma:0"][()]
        dense = file["model_weights/dense/dense/kernel:0"][()]  # (in, out)
    dilated = checkpoint.tensors["blocks.0.dilated.conv.weight"]
    assert np.array_equal(dilated.numpy(), kernel.transpose(2, 1, 0))
    assert np.array_equal(checkpoint.tensors["blocks.0.pointwise.norm.weight"].numpy(), gamma)
    assert np.array_equal(checkpoint.tensors["final.weight"].numpy(), dense.T)
    assert checkpoint.config.activation == "gelu_new"
    assert checkpoint.metadata["activation_source"] == "file"


@pytest.mark.parametrize("start", ["native", "hub", "keras"])
@pytest.mark.parametrize("form", ["native", "hub", "keras"])
def test_every_conversion_keeps_every_bit(small, tmp_path, start, form):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    names = {"native": "m.safetensors", "hub": "m", "keras": "m.h5"}
    small = dataclasses.replace(
        small, config=dataclasses.replace(SMALL, activation="quick_gelu")
    )
    write_checkpoint(small, first / names[start], start)
    middle = read_checkpoint(first / names[start])
    write_checkpoint(middle, second / names[form], form)
    last = read_checkpoint(second / names[form])
    assert same_tensors(last, small)
    assert last.config == small.config
    assert last.tracks == small.tracks
    assert last.metadata["teaching"] is True
    assert last.metadata["name"] == "small"
    assert last.metadata["form"] == form
    assert last.metadata["converted_from"]["sha256"] == middle.metadata["sha256"]


def test_the_hubs_fifth_channel_is_the_mean_of_the_other_four(small, tmp_path):
    write_hub(small, tmp_path / "hub")
    stem = load_file(tmp_path / "hub" / "model.safetensors")["model.encoder.stem.conv1.weight"]
    assert stem.shape == (4, 5, 5)
    torch.testing.assert_close(stem[:, 4], stem[:, :4].sum(dim=1) / 4)


def test_a_configuration_written_for_the_hub_has_what_the_ports_own_has(tmp_path):
    write_hub(read_hub(HUB), tmp_path / "hub")
    ours = json.loads((tmp_path / "hub" / "config.json").read_text())
    theirs = json.loads((HUB / "config.json").read_text())
    for name in set(ours) - {"varscore", "blocks"}:
        assert ours[name] == theirs[name], name
    for name in set(ours["blocks"]):
        assert ours["blocks"][name] == theirs["blocks"][name], name


def test_the_original_params_are_understood_however_they_are_spelled(tmp_path, keras):
    # The tower as one conv_tower, as in the original file, or as single blocks, as written
    # here; "batch_norm": true is what files of before 2020 have.
    expected = read_params(keras.with_name("params.json")).config
    write_keras(read_keras(keras), tmp_path / "again.h5", tmp_path / "again.json")
    assert read_params(tmp_path / "again.json").config == expected
    old = json.loads(keras.with_name("params.json").read_text())
    old["model"]["batch_norm"] = old["model"].pop("norm_type") == "batch"
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert read_params(tmp_path / "old.json").config == expected


def test_the_published_params_give_the_published_channels(tmp_path):
    # 339 * 1.1776 = 399.2, 470.1, 553.6, 651.9, 767.7: rounded only where they are used
    params = format_params(BasenjiConfig())
    trunk = params["model"]["trunk"]
    tower = {
        "name": "conv_tower",
        "filters_init": 339,
        "filters_mult": 1.1776,
        "kernel_size": 5,
        "pool_size": 2,
        "repeat": 6,
    }
    params["model"]["trunk"] = [trunk[0], tower, *trunk[7:]]
    (tmp_path / "params.json").write_text(json.dumps(params))
    assert read_params(tmp_path / "params.json").config == BasenjiConfig()


# --- Keras' other layouts


def keras_layers(path):
    """Return {layer: {tensor: array}} of the shipped file, in the order of execution."""
    with h5py.File(path) as file:
        group = file["model_weights"]
        names = list(group.attrs["layer_names"])
        return {
            name: {key.removesuffix(":0"): item[()] for key, item in group[name][name].items()}
            for name in names
            if len(group[name])
        }


def rewrite(path, layout, layers, names=None):
    """Write Keras layers in one of the layouts that are found in the wild."""
    numbered = ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"]
    names = names or {name: name for name in layers}
    with h5py.File(path, "w") as file:
        top = {"keras 2": "model_weights", "keras 3": "model_weights", "weights": "layers"}
        group = file if layout == "weights only" else file.create_group(top[layout])
        for layer, tensors in layers.items():
            new = names[layer]
            for number, key in enumerate(sorted(tensors, key=numbered.index)):
                if layout == "weights":
                    group[f"{new}/vars/{number}"] = tensors[key]
                else:
                    colon = "" if layout == "keras 3" else ":0"
                    group[f"{new}/{new}/{key}{colon}"] = tensors[key]
        if layout == "weights":
            group["dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)
            group.create_group("max_pooling1d/vars")
            file["optimizer/vars/0"] = np.zeros(3)
        else:
            group.attrs["layer_names"] = [names[layer].encode() for layer in layers]


@pytest.mark.parametrize("layout", ["keras 2", "keras 3", "weights only", "weights"])
@pytest.mark.parametrize("offset", [0, 95])
def test_every_layout_of_keras_gives_the_same_weights(keras, layout, offset):
    expected = read_keras(keras)
    layers = keras_layers(keras)
    names = {}
    for name in layers:  # "conv1d", "conv1d_1", ... become "conv1d_95", "conv1d_96", ...
        kind = name.rstrip("_0123456789") if name[-2:] != "1d" else name
        kind = "conv1d" if name.startswith("conv1d") else kind
        number = int(name[len(kind) + 1 :] or 0) + offset
        names[name] = f"{kind}_{number}" if number else kind
    rewrite(keras, layout, layers, names)
    assert same_tensors(read_keras(keras), expected)


def test_layer_names_may_be_split_over_more_attributes_or_missing(keras):
    expected = read_keras(keras)
    with h5py.File(keras, "r+") as file:
        del file["model_weights"].attrs["layer_names"]
    assert same_tensors(read_keras(keras), expected)


def saved_whole(path, change):
    """Change what a model that was saved whole says of its layers."""
    with h5py.File(path, "r+") as file:
        said = json.loads(file.attrs["model_config"])
        for layer in said["config"]["layers"]:
            if layer["class_name"] == "TFOpLambda":
                change(layer)
        file.attrs["model_config"] = json.dumps(said)
        for name in ("layer_names",):
            del file["model_weights"].attrs[name]


def before_2022(layer):
    """As `class GELU(tf.keras.layers.Layer)` is saved."""
    inputs = layer["inbound_nodes"][0][0][0:1]
    name = layer["name"].removeprefix("tf.nn.")
    layer |= {"class_name": "GELU", "config": {"name": name}, "name": name}
    layer["inbound_nodes"] = [[[*inputs, 0, 0, {}]]]


def test_the_form_of_gelu_is_read_from_a_model_saved_whole(keras):
    saved_whole(keras, lambda layer: None)
    assert read_keras(keras).config.activation == "gelu_new"
    with h5py.File(keras, "r+") as file:
        file["model_weights"].attrs["layer_names"] = []
    saved_whole(keras, before_2022)
    found = read_keras(keras)
    assert found.config.activation == "quick_gelu"
    assert found.metadata["activation_source"] == "file"


@pytest.mark.parametrize(
    ("prefix", "form", "source"),
    [
        ("gelu", "quick_gelu", "file"),
        ("tf.nn.gelu", "gelu_new", "file"),
        ("activation", "gelu_new", "default for Keras weights"),
    ],
)
def test_the_form_of_gelu_is_read_from_the_names_of_layers(keras, prefix, form, source):
    """Of a file of weights alone, which lists the layers without weights as well."""
    with h5py.File(keras, "r+") as file:
        del file.attrs["model_config"]
        group = file["model_weights"]
        names = [name.replace("tf.nn.gelu", prefix) for name in group.attrs["layer_names"]]
        group.attrs["layer_names"] = [name.encode() for name in names]
        for name in list(group):
            if name.startswith("tf.nn.gelu"):
                group.move(name, name.replace("tf.nn.gelu", prefix))
    found = read_keras(keras)
    assert (found.config.activation, found.metadata["activation_source"]) == (form, source)


def test_an_option_that_contradicts_the_file_is_warned_of(keras, caplog):
    assert load_model(keras, activation="quick_gelu", device="cpu").activation == "quick_gelu"
    assert caplog.messages == [
        f"activation: quick_gelu contradicts {keras}, which says gelu_new; scores of one form "
        "are not those of the other"
    ]
    caplog.clear()
    load_model(keras, activation="gelu_new", device="cpu")
    with h5py.File(keras, "r+") as file:
        del file.attrs["model_config"]
        del file["model_weights"].attrs["layer_names"]
        for name in list(file["model_weights"]):
            if name.startswith("tf.nn.gelu"):
                del file["model_weights"][name]
    load_model(keras, activation="quick_gelu", device="cpu")
    assert caplog.messages == []


def test_of_several_heads_one_is_chosen(keras):
    layers = keras_layers(keras)
    mouse = {"kernel": np.ones((64, 5), np.float32), "bias": np.zeros(5, np.float32)}
    rewrite(keras, "keras 2", {**layers, "dense_1": mouse})
    params = json.loads(keras.with_name("params.json").read_text())
    params["model"]["head_mouse"] = {"name": "final", "units": 5, "activation": "softplus"}
    keras.with_name("params.json").write_text(json.dumps(params))
    assert read_checkpoint(keras, head="human").config.n_tracks == 12
    chosen = read_checkpoint(keras, head="mouse")
    assert torch.equal(chosen.tensors["final.weight"], torch.ones(5, 64))
    with pytest.raises(ModelError, match="heads head_human, head_mouse; say which"):
        read_checkpoint(keras)
    with pytest.raises(ModelError, match="heads head_human, head_mouse, but no 'rat'"):
        read_checkpoint(keras, head="rat")


# --- what may be wrong with weights: the tensor is named as it is named in the file


def change_hub(hub, change):
    tensors = load_file(hub / "model.safetensors")
    change(tensors)
    save_file(tensors, hub / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.pop("model.encoder.blocks.1.conv2.batch_norm1.bias"),
            r"tensor model.encoder.blocks.1.conv2.batch_norm1.bias is missing .*\(36,\)",
        ),
        (
            lambda t: t.update({"token_head.decoder.weight": torch.zeros(8, 40)}),
            r"tensor token_head.decoder.weight has shape \(8, 40\), expected \(7, 40\)",
        ),
        (
            lambda t: t.update({"model.encoder.extra.weight": torch.zeros(1)}),
            "tensor model.encoder.extra.weight belongs to no layer",
        ),
        (
            lambda t: t.update({"model.encoder.stem.conv1.weight": torch.zeros(16, 4, 15)}),
            r"tensor model.encoder.stem.conv1.weight has shape \(16, 4, 15\)",
        ),
    ],
)
def test_wrong_tensors_of_hub_weights_are_named(hub, change, message):
    change_hub(hub, change)
    with pytest.raises(ModelError, match=message):
        read_hub(hub)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda g: g.__delitem__("batch_normalization_3/batch_normalization_3/beta:0"),
            "/batch_normalization_3/batch_normalization_3/beta:0 is missing",
        ),
        (
            lambda g: (
                g.__delitem__("dense/dense/kernel:0"),
                g.__setitem__("dense/dense/kernel:0", np.zeros((64, 11), np.float32)),
            ),
            r"tensor /model_weights/dense/dense/kernel:0 has shape \(64, 11\), "
            r"expected \(64, 12\)",
        ),
        (
            lambda g: g.__setitem__("conv1d_2/conv1d_2/bias:0", np.zeros(37, np.float32)),
            "tensor /model_weights/conv1d_2/conv1d_2/bias:0 belongs to no layer",
        ),
        (
            lambda g: g.__setitem__("dropout/dropout/scale:0", np.zeros(3, np.float32)),
            "tensor /model_weights/dropout/dropout/scale:0 belongs to no layer",
        ),
        (
            lambda g: g.__delitem__("conv1d_4"),
            "layer /model_weights/conv1d_4 is missing",
        ),
        (
            lambda g: g["conv1d_19"].__delitem__("conv1d_19"),
            r"convolution layer 20 of 20 \(head.conv\) is missing after .*/conv1d_18",
        ),
        (
            lambda g: g.file.move("/model_weights", "/other"),
            "an HDF5 file without Keras weights",
        ),
    ],
)
def test_wrong_tensors_of_keras_weights_are_named(keras, change, message):
    with h5py.File(keras, "r+") as file:
        change(file["model_weights"])
    with pytest.raises(ModelError, match=message):
        read_keras(keras)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("head.conv.weight"), "tensor head.conv.weight is missing"),
        (
            lambda t: t.update({"final.bias": torch.zeros(4)}),
            r"tensor final.bias has shape \(4,\), expected \(3,\)",
        ),
        (
            lambda t: t.update({"tower.2.conv.weight": torch.zeros(4)}),
            "tensor tower.2.conv.weight belongs to no layer",
        ),
    ],
)
def test_wrong_tensors_of_native_weights_are_named(small, tmp_path, change, message):
    tensors = dict(small.tensors)
    change(tensors)
    write_native(dataclasses.replace(small, tensors=tensors), tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match=message):
        read_native(tmp_path / "m.safetensors")


def test_a_number_that_is_not_finite_is_refused(small, tmp_path):
    tensors = {name: tensor.clone() for name, tensor in small.tensors.items()}
    tensors["head.norm.bias"][2] = torch.nan
    write_native(dataclasses.replace(small, tensors=tensors), tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match=r"tensor head.norm.bias has a number that is not"):
        load_model(tmp_path / "m.safetensors")


# --- what may be wrong with files


def test_files_of_another_kind_are_refused(tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "zip.pt")
    (tmp_path / "pickle.pth").write_bytes(b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00.")
    (tmp_path / "empty.safetensors").touch()
    (tmp_path / "text.h5").write_text("no weights at all")
    for name, message in {
        "zip.pt": "found a zip archive",
        "pickle.pth": "found a pickle, which is never loaded",
        "empty.safetensors": "found an empty file",
        "text.h5": "found neither HDF5 nor safetensors",
    }.items():
        with pytest.raises(ModelError, match=message):
            load_model(tmp_path / name)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.99])
def test_truncated_files_are_refused(small, tmp_path, keras, hub, share):
    write_native(small, tmp_path / "m.safetensors")
    for path in (tmp_path / "m.safetensors", keras, hub / "model.safetensors"):
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ModelError, match=r"truncated or damaged|expected a|found neither"):
            read_checkpoint(hub if path.parent == hub else path)


def test_missing_files_are_named(tmp_path, keras, hub):
    with pytest.raises(ModelError, match=r"model .*nowhere.h5: no such file or folder, and no"):
        load_model(tmp_path / "nowhere.h5")
    keras.with_name("params.json").unlink()
    with pytest.raises(ModelError, match=r"there is no .*params.json; give it with --params"):
        load_model(keras)
    (hub / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"it has config.json, but no model.safetensors"):
        load_model(hub)
    (hub / "config.json").unlink()
    with pytest.raises(ModelError, match=r"a folder without config.json, and with 0 .h5 files"):
        load_model(hub)


def test_safetensors_that_are_not_varscores_are_refused(hub):
    with pytest.raises(ModelError, match="without varscore's metadata"):
        load_model(hub / "model.safetensors")


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ("{", "its metadata are damaged"),
        ('{"format_version": 2}', "format version 2, expected 1"),
        ('{"format_version": 1}', "its metadata are damaged: KeyError\\('config'\\)"),
        ('{"format_version": 1, "config": {"stem": 1}, "tracks": null}', "its metadata are"),
    ],
)
def test_damaged_metadata_of_native_weights_are_refused(tmp_path, stored, message):
    save_file({"a": torch.zeros(1)}, tmp_path / "m.safetensors", {"varscore": stored})
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path / "m.safetensors")


def test_writing_where_one_cannot_is_an_output_error(small, tmp_path):
    with pytest.raises(OutputError, match=r"m.safetensors: cannot be written: No such file"):
        write_native(small, tmp_path / "absent" / "m.safetensors")
    with pytest.raises(OutputError, match=r"hub: cannot be written: No such file"):
        write_hub(small, tmp_path / "absent" / "hub")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_what_was_there(small, tmp_path):
    path = tmp_path / "m.safetensors"
    write_native(small, path)
    before = path.read_bytes()
    unwritable = dataclasses.replace(small, metadata={"name": {1, 2}})  # a set is not JSON
    with pytest.raises(TypeError):
        write_keras(unwritable, tmp_path / "m.h5")
    with pytest.raises(TypeError):
        write_native(unwritable, path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "m.safetensors",
        "params.json",
        "targets.txt",
    ]


# --- what may be wrong with an architecture


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model_type": "enformer"},
            "model_type is 'enformer', but varscore supports 'basenji'",
        ),
        ({"stem_pool_size": 4}, "stem_pool_size is 4, but varscore supports 2"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu', but .* 'gelu_new' or 'quick_gelu'"),
        ({"output_act": None}, "output_act is None, but varscore supports 'softplus'"),
        ({"vocab_size": 4}, "vocab_size is 4"),
        ({"blocks": {"dilation": 2}}, "blocks.dilation is 2"),
        ({"head": {"transform": "linear"}}, "head.transform is 'linear'"),
        ({"head": {"num_labels": 3}}, "head.num_labels is 3, but varscore supports None or 7"),
        ({"conv_tower_kernel_size": 4}, "tower_kernel_size is 4"),
        ({"crop_bins": 16}, "crop_bins 16 leaves no bin"),
        (
            {"num_labels": 5},
            r"token_head.decoder.weight has shape \(7, 40\), expected \(5, 40\)",
        ),
    ],
)
def test_hub_configurations_that_are_not_served_are_refused(hub, change, message):
    config = json.loads((hub / "config.json").read_text())
    (hub / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelError, match=message):
        read_hub(hub)


def test_what_a_hub_configuration_leaves_out_is_as_in_the_published_model(hub):
    # So written by `transformers`, which leaves out what equals the defaults
    expected = read_hub(hub)
    config = json.loads((hub / "config.json").read_text())
    for name in ("stem_kernel_size", "conv_tower_kernel_size", "batch_norm_eps", "hidden_act"):
        del config[name]
    for name in ("dilation_rate", "kernel_size", "round_dilation", "dilation"):
        del config["blocks"][name]
    (hub / "config.json").write_text(json.dumps(config))
    assert read_hub(hub).config == expected.config


def test_hub_labels_name_the_tracks(hub):
    config = json.loads((hub / "config.json").read_text())
    labels = {str(i): f"LABEL_{i}" for i in range(7)}
    (hub / "config.json").write_text(json.dumps(config | {"id2label": labels}))
    assert read_hub(hub).tracks is None
    labels = {str(i): f"ENC{i}" for i in range(7)}
    (hub / "config.json").write_text(json.dumps(config | {"id2label": labels}))
    assert read_hub(hub).tracks.identifiers == tuple(f"ENC{i}" for i in range(7))
    labels["3"] = "ENC2"  # a description, then, and no identifier
    (hub / "config.json").write_text(json.dumps(config | {"id2label": labels}))
    tracks = read_hub(hub).tracks
    assert tracks.identifiers[3] == "track_3"
    assert tracks.descriptions[3] == "ENC2"


def broken_params(path, change):
    params = json.loads(json.dumps(PARAMS))
    change(params["model"])
    path.write_text(json.dumps(params))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(norm_type="layer"), "model has norm_type 'layer'; .* 'batch'"),
        (lambda m: m.pop("norm_type"), "model has no 'norm_type', which means None"),
        (lambda m: m.update(activation="relu"), "model has activation 'relu'; .* 'gelu'"),
        (lambda m: m.pop("activation"), "model has no 'activation', which means 'relu'"),
        (lambda m: m.update(strange=1), "model has 'strange', which varscore does not support"),
        (
            lambda m: m["trunk"][0].update(pool_size=4),
            r"layer 1 \(conv_block\) has pool_size 4",
        ),
        (lambda m: m["trunk"][1].update(pool_type="softmax"), "pool_type 'softmax'; .* 'max'"),
        (lambda m: m["trunk"][1].update(se=True), r"layer 2 \(conv_tower\) has 'se'"),
        (
            lambda m: m["trunk"].insert(2, {"name": "dilated_dense", "filters": 3}),
            r"layer 3 \(dilated_dense\) is not supported there",
        ),
        (
            lambda m: m["trunk"].insert(
                2, {"name": "conv_block", "filters": 3, "pool_size": 2}
            ),
            r"several kernel sizes, \[1, 5\]",
        ),
        (lambda m: m["trunk"].insert(5, m["trunk"][2]), r"layer 6 \(dilated_residual\) is not"),
        (lambda m: m["trunk"].pop(0), r"layer 1 \(conv_tower\) is not supported there"),
        (lambda m: m["trunk"].pop(4), "does not end in a pointwise conv_block"),
        (lambda m: m["trunk"][4].update(kernel_size=3), "a kernel_size other than 1"),
        (lambda m: m["trunk"][2].pop("filters"), "'filters' is missing"),
        (lambda m: m["trunk"][3].update(cropping=[3, 4]), "crops 3 and 4 bins"),
        (lambda m: m["trunk"][3].update(cropping=64), "crop_bins 64 leaves no bin of 128"),
        (lambda m: m.pop("head_human"), "model has no head"),
        (lambda m: m["head_human"].update(activation="linear"), "activation 'linear'"),
        (
            lambda m: m["head_human"].update(name="dense_block"),
            "expected one 'final' or 'dense'",
        ),
        (lambda m: m.pop("seq_length"), "'seq_length' is missing"),
        (lambda m: m.pop("trunk"), "expected an object 'model' with a list 'trunk'"),
    ],
)
def test_params_that_are_not_served_are_refused_by_name(tmp_path, change, message):
    with pytest.raises(ModelError, match=message):
        read_params(broken_params(tmp_path / "params.json", change))


def test_the_params_that_the_refusals_start_from_are_accepted(tmp_path):
    params = broken_params(tmp_path / "params.json", lambda model: None)
    config = read_params(params).config
    assert config.tower_channels == (32, 37, 42, 49, 56, 64)
    assert not config.round_dilation  # the original code's default


def test_the_keras_form_cannot_say_another_epsilon(small, tmp_path):
    other = dataclasses.replace(small, config=dataclasses.replace(SMALL, batch_norm_eps=1e-5))
    with pytest.raises(ModelError, match=r"implies batch_norm_eps 0.001, but this model has"):
        write_keras(other, tmp_path / "m.h5")


# --- loading


def test_the_activation_can_be_overridden_and_that_is_recorded(small, tmp_path):
    write_native(small, tmp_path / "m.safetensors")
    model = load_model(tmp_path / "m.safetensors")
    assert (model.activation, model.metadata["activation_source"]) == ("gelu_new", "file")
    model = load_model(tmp_path / "m.safetensors", activation="quick_gelu")
    assert model.activation == "quick_gelu"
    assert model.metadata["activation_source"] == "option, in place of gelu_new (file)"
    with pytest.raises(OptionError, match="activation: 'relu' is none of gelu_new"):
        load_model(tmp_path / "m.safetensors", activation="relu")


def test_a_track_table_names_the_tracks(small, tmp_path):
    write_native(dataclasses.replace(small, tracks=None), tmp_path / "m.safetensors")
    assert load_model(tmp_path / "m.safetensors").tracks.identifiers[2] == "track_2"
    table = tmp_path / "table.txt"
    table.write_text("index\tidentifier\tdescription\n0\tX\tx\n1\tY\ty\n2\tZ\tz\n")
    model = load_model(tmp_path / "m.safetensors", track_table=table)
    assert model.tracks.identifiers == ("X", "Y", "Z")
    table.write_text("index\tidentifier\tdescription\n0\tX\tx\n")
    with pytest.raises(OptionError, match="1 rows, but model small predicts 3 tracks"):
        load_model(tmp_path / "m.safetensors", track_table=table)


def test_a_table_beside_the_weights_must_have_their_tracks(keras, hub):
    for path in (keras, hub / "config.json"):
        path.with_name("targets.txt").write_text("identifier\nA\nB\n")
        with pytest.raises(ModelError, match=r"targets.txt: 2 rows, but the model beside it"):
            read_checkpoint(keras if path == keras else hub)


def test_options_of_keras_weights_are_refused_elsewhere(tmp_path):
    with pytest.raises(OptionError, match="--params is for Keras weights"):
        load_model(HUB, params=tmp_path)


def test_names_say_how_to_get_their_model(tmp_path, monkeypatch):
    monkeypatch.setenv("VARSCORE_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="fetch them with `varscore model fetch basenji2`"):
        load_model("basenji2")


def test_devices(small, tmp_path):
    write_native(small, tmp_path / "m.safetensors")
    with pytest.raises(OptionError, match="device: 'tpu' is none of auto"):
        load_model(tmp_path / "m.safetensors", device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(OptionError, match="no GPU is usable here"):
            load_model(tmp_path / "m.safetensors", device="cuda")


def test_predict_batches_and_checks_lengths(small, tmp_path):
    write_native(small, tmp_path / "m.safetensors")
    model = load_model(tmp_path / "m.safetensors")
    rng = np.random.default_rng(3)
    windows = ["".join(rng.choice(list("ACGTN"), 1024)) for _ in range(model.batch_size() + 3)]
    coverage = model.predict(windows)
    assert coverage.shape == (len(windows), 112, 3)
    assert coverage.dtype == np.float32
    assert (coverage > 0).all()
    alone = model.predict([windows[-1].lower()])
    np.testing.assert_allclose(coverage[-1:], alone, rtol=0, atol=1e-6)
    assert model.predict([]).shape == (0, 112, 3)
    with pytest.raises(OptionError, match=r"sequence 1 has 1000 bases, .* windows of 1024"):
        model.predict([windows[0], windows[1][:1000]])
    with pytest.raises(OptionError, match="give a list of sequences"):
        model.predict(windows[0])


def test_batches_shrink_with_memory_and_never_vanish(small, tmp_path):
    write_native(small, tmp_path / "m.safetensors")
    model = load_model(tmp_path / "m.safetensors")
    sizes = [model.batch_size(memory) for memory in (1, 100_000, 1_000_000, 1 << 40)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 1
    assert sizes[-1] == 64


def test_models_that_are_not_in_earnest_say_so(small, tmp_path):
    write_native(small, tmp_path / "teaching.safetensors")
    assert "simulated coverage" in load_model(tmp_path / "teaching.safetensors").notice
    write_native(random_checkpoint(SMALL), tmp_path / "random.safetensors")
    assert "random weights" in load_model(tmp_path / "random.safetensors").notice
    assert load_model(HUB).notice is None


# --- random weights


def test_random_weights_are_seeded():
    one, again, other = (random_checkpoint(SMALL, seed) for seed in (5, 5, 6))
    assert same_tensors(one, again)
    assert not torch.equal(one.tensors["final.weight"], other.tensors["final.weight"])
    assert one.metadata["untrained"] is True


def test_random_weights_keep_activations_of_order_one():
    config = BasenjiConfig(
        window_length=16_384,
        n_tracks=50,
        stem_channels=24,
        tower_channels=(24, 28, 32, 36, 40, 48),
        block_channels=24,
        crop_bins=16,
        head_channels=64,
    )
    network = random_checkpoint(config, seed=2).network()
    spreads = []
    for module in network.modules():
        if hasattr(module, "activation") and module is not network:
            module.register_forward_hook(
                lambda m, i, output: spreads.append(output.std().item())
            )
    rng = np.random.default_rng(4)
    letters = torch.from_numpy(rng.integers(4, size=(1, config.window_length)))
    dna = torch.nn.functional.one_hot(letters, 4).movedim(-1, 1).float()
    with torch.inference_mode():
        logits = network.logits(dna)
    assert len(spreads) == 1 + 6 + 2 * 11 + 1
    assert min(spreads) > 0.2
    assert max(spreads) < 3
    assert 0.5 < logits.std() < 3


def test_shapes_of_the_published_model_add_up_to_its_size():
    # 30.1 million, as the model card says
    tensors = {
        name: torch.empty(shape, device="meta")
        for name, shape in parameter_shapes(BasenjiConfig()).items()
    }
    assert Checkpoint(BasenjiConfig(), tensors).n_parameters == 30_088_228


@pytest.mark.parametrize("write", [write_native, write_hub, write_keras])
def test_a_full_disk_is_one_error_and_leaves_what_was_there(small_disk, write):
    disk = small_disk(40_000)
    model = random_checkpoint(dataclasses.replace(SMALL, head_channels=4096))  # some 100 KiB
    write(model, disk / "m")
    before = (disk / "m").stat().st_ino
    small_disk(shutil.disk_usage(disk).used // 1024 + 4)
    with pytest.raises(OutputError, match="cannot be written"):
        write(model, disk / "m")
    assert (disk / "m").stat().st_ino == before
    assert [path for path in disk.rglob("*") if path.name.endswith(".partial")] == []
