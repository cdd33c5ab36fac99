"""Weights in the original form: Keras HDF5 with the architecture in a JSON file of its own.

Three layouts are read: Keras 2's ``.h5`` (``<layer>/<layer>/kernel:0``, layers listed in
the attribute ``layer_names``), the same as Keras 3 writes it (without ``:0``), and Keras
3's ``.weights.h5`` (``layers/<layer>/vars/0``, ...). Layers' names carry whatever count
the session had come to, so layers are matched by kind, order and shape.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from varscore.errors import ModelError
from varscore.files.atomic import write_bytes, write_json, write_text
from varscore.models.cache import TRACKS_FILE
from varscore.models.checkpoint import Checkpoint, parameter_shapes
from varscore.models.files import open_hdf5, read_tracks_beside
from varscore.models.formats.keras_gelu import json_attribute, stated_gelu
from varscore.models.formats.keras_params import BATCH_NORM_EPS, format_params, read_params
from varscore.options import Activation

PARAMS_FILE = "params.json"
DEFAULT_ACTIVATION: Activation = "gelu_new"
# A layer's tensors, in the order in which Keras 3 numbers them, and their names here.
_TENSORS = {
    "convolution": {"kernel": "weight"},
    "batch norm": {
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    },
    "dense": {"kernel": "weight", "bias": "bias"},
}


@dataclass(frozen=True)
class _Layer:
    """A Keras layer that has weights: its kind and its datasets under their plain names."""

    path: str
    kind: str
    datasets: dict[str, Any]

    def tensor(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Read a dataset into torch's axis order, (out, in, k) or (out, in)."""
        dataset = self.datasets[name]
        if dataset.shape != shape[::-1]:
            raise ModelError(
                f"weights {dataset.file.filename}: tensor {dataset.name} has shape "
                f"{dataset.shape}, expected {shape[::-1]} by the params; give those that "
                "belong to the weights"
            )
        return torch.from_numpy(np.ascontiguousarray(np.asarray(dataset).T))


def read_keras(
    path: str | Path,
    params: str | Path | None = None,
    activation: Activation | None = None,
    head: str | None = None,
) -> Checkpoint:
    """Read Keras weights.

    Track names come from ``targets.txt`` in the weights' folder where there is one.

    Parameters
    ----------
    path : path
        The HDF5 file.
    params : path or None
        The architecture file; ``params.json`` in the folder of the weights if None.
    activation : {"gelu_new", "quick_gelu"} or None
        The form of GELU. None takes what the file says, see `keras_gelu`, and "gelu_new",
        what current code of the field uses, where it says nothing; the metadata's
        ``activation_source`` tells.
    head : str or None
        Which head, where the architecture has several.

    Raises
    ------
    ModelError
        If a file is absent or damaged, describes something else than a Basenji2, or a
        tensor is missing, superfluous or misshapen.
    """
    path = Path(path)
    params = path.with_name(PARAMS_FILE) if params is None else Path(params)
    if not params.is_file():
        raise ModelError(
            f"weights {path}: Keras weights need the architecture's JSON file, but there is no "
            f"{params}; give it with --params"
        )
    with open_hdf5(path) as file:
        group, names = _named_layers(path, file)
        written = json_attribute(f"weights {path}", file.attrs, "varscore")
        stated = written.get("activation") or stated_gelu(f"weights {path}", file.attrs, names)
        source = "file" if stated else "default for Keras weights"
        arch = read_params(params, activation or stated or DEFAULT_ACTIVATION, head)
        layers = list(_layers(path, group, names))
        tensors = _match(
            path, layers, parameter_shapes(arch.config), len(arch.heads), arch.head
        )
    metadata = {"activation_source": source, **written.get("metadata", {})}
    tracks = read_tracks_beside(path, arch.config.n_tracks)
    return Checkpoint(arch.config, tensors, tracks, metadata)


def write_keras(
    checkpoint: Checkpoint, path: str | Path, params: str | Path | None = None
) -> None:
    """Write a Keras 2 HDF5 file and its architecture file, which the original code reads.

    Track names go to ``targets.txt`` beside it; such a file goes where there are no names.
    The form of GELU and the metadata go to an attribute that only varscore reads.

    Parameters
    ----------
    checkpoint : Checkpoint
    path : path
    params : path or None
        ``params.json`` beside `path` if None.

    Raises
    ------
    ModelError
        If the model's batch norm epsilon is not the one that this form implies.
    OutputError
        If a file cannot be written.
    """
    path, config = Path(path), checkpoint.config
    if config.batch_norm_eps != BATCH_NORM_EPS:
        raise ModelError(
            f"{path}: the Keras form implies batch_norm_eps {BATCH_NORM_EPS}, but this model "
            f"has {config.batch_norm_eps}; write another form"
        )
    write_json(path.with_name(PARAMS_FILE) if params is None else params, format_params(config))
    if checkpoint.tracks is None:
        path.with_name(TRACKS_FILE).unlink(missing_ok=True)
    else:
        write_text(path.with_name(TRACKS_FILE), checkpoint.tracks.to_tsv())
    written = {"activation": config.activation, "metadata": checkpoint.metadata}
    # In memory: on a full disk HDF5 says so many times over, and cannot close its file.
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["varscore"] = json.dumps(written)
        group = file.create_group("model_weights")
        names = []
        for layer, kind, prefix in _keras_names(parameter_shapes(config)):
            names.append(layer)
            inner = group.create_group(f"{layer}/{layer}")
            for theirs, ours in _TENSORS[kind].items():
                array = checkpoint.tensors[f"{prefix}.{ours}"].numpy()
                inner.create_dataset(f"{theirs}:0", data=np.ascontiguousarray(array.T))
            weights = [f"{layer}/{theirs}:0" for theirs in _TENSORS[kind]]
            group[layer].attrs["weight_names"] = [name.encode() for name in weights]
        group.attrs["layer_names"] = [name.encode() for name in names]
        group.attrs["backend"] = b"tensorflow"
        group.attrs["keras_version"] = b"2.15.0"
    write_bytes(path, content.getbuffer())


def _modules(shapes: dict[str, Any]) -> dict[str, list[str]]:
    """Return the module names of each kind of layer, in the order of execution."""
    ends = {"convolution": ".conv.weight", "batch norm": ".norm.weight"}
    modules = {
        kind: [name.removesuffix(".weight") for name in shapes if name.endswith(end)]
        for kind, end in ends.items()
    }
    return {**modules, "dense": ["final"]}


def _keras_names(shapes: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (Keras name, kind, module name) of every layer, in the order of execution."""
    modules = _modules(shapes)
    pairs = zip(modules["convolution"], modules["batch norm"], strict=True)
    for number, (convolution, norm) in enumerate(pairs):
        suffix = f"_{number}" if number else ""
        yield f"conv1d{suffix}", "convolution", convolution
        yield f"batch_normalization{suffix}", "batch norm", norm
    yield "dense", "dense", "final"


def _named_layers(path: Path, file: Any) -> tuple[Any, list[str]]:
    """Return the group that has the layers, and their names in the order of execution."""
    for name in ("model_weights", "layers", "_layer_checkpoint_dependencies"):
        if name in file:
            group = file[name]
            break
    else:
        if "layer_names" not in file.attrs:  # Keras 2's weights-only files have no group above
            raise ModelError(
                f"weights {path}: an HDF5 file without Keras weights; expected a group "
                "model_weights or layers"
            )
        group = file
    names = [
        n.decode() if isinstance(n, bytes) else n for n in group.attrs.get("layer_names", ())
    ]
    return group, names or sorted(group, key=_counter)


def _layers(path: Path, group: Any, names: list[str]) -> Iterator[_Layer]:
    """Yield the layers that have weights, in the order of execution within each kind."""
    for name in names:
        if name not in group:
            raise ModelError(
                f"weights {path}: layer {group.name.rstrip('/')}/{name} is missing"
            )
        datasets: dict[str, Any] = {}
        group[name].visititems(
            lambda key, item, found=datasets: (
                found.update({key: item}) if isinstance(item, h5py.Dataset) else None
            )
        )
        # A Keras 3 dropout layer keeps the state of its random numbers.
        datasets = {k: d for k, d in datasets.items() if "seed_generator" not in k}
        if datasets:
            yield _layer(path, group[name].name, name, datasets)


def _counter(name: str) -> int:
    """Return the number at the end of a layer's name; the first of a kind may have none."""
    digits = re.search(r"_(\d+)$", name)
    return int(digits[1]) if digits else -1


def _layer(path: Path, where: str, name: str, datasets: dict[str, Any]) -> _Layer:
    """Tell a layer's kind and give its datasets plain names."""
    plain = {key.rsplit("/")[-1].removesuffix(":0"): item for key, item in datasets.items()}
    kernel = plain.get("kernel", plain.get("0"))
    if "normalization" in name or "gamma" in plain:
        kind = "batch norm"
    elif kernel is not None and kernel.ndim == 3:
        kind = "convolution"
    elif kernel is not None and kernel.ndim == 2:
        kind = "dense"
    else:
        kind = ""
    expected = dict(enumerate(_TENSORS.get(kind, ())))
    numbered = any(key.isdigit() for key in plain)
    found = {
        expected.get(int(key), key) if key.isdigit() else key: item
        for key, item in plain.items()
    }
    for key, item in found.items():
        if key not in expected.values():
            raise ModelError(
                f"weights {path}: tensor {item.name} belongs to no layer of this architecture"
            )
    for number, key in expected.items():
        if key not in found:
            folder = next(iter(found.values())).parent.name
            suffix = (
                number if numbered else key + (":0" if any(":0" in k for k in datasets) else "")
            )
            raise ModelError(f"weights {path}: tensor {folder}/{suffix} is missing")
    return _Layer(where, kind, found)


def _match(
    path: Path,
    layers: list[_Layer],
    shapes: dict[str, tuple[int, ...]],
    n_heads: int,
    head: int,
) -> dict[str, Tensor]:
    """Read the layers' tensors under the names of the modules that they stand for."""
    tensors: dict[str, Tensor] = {}
    for kind, modules in _modules(shapes).items():
        found = [layer for layer in layers if layer.kind == kind]
        if kind == "dense" and len(found) == n_heads:
            found = [found[head]]
        for number, module in enumerate(modules):
            if number == len(found):
                last = f" after {found[-1].path}" if found else ""
                raise ModelError(
                    f"weights {path}: {kind} layer {number + 1} of {len(modules)} ({module}) "
                    f"is missing{last}"
                )
            for theirs, ours in _TENSORS[kind].items():
                name = f"{module}.{ours}"
                tensors[name] = found[number].tensor(theirs, shapes[name])
        if len(found) > len(modules):
            raise ModelError(
                f"weights {path}: layer {found[len(modules)].path} belongs to no layer of this "
                f"architecture, which has {len(modules)} of kind {kind}"
            )
    return {name: tensors[name] for name in shapes}
