"""Weights in the hub's form: a directory with ``config.json`` and ``model.safetensors``.

This is what `transformers` writes for the model type ``basenji`` of the multimolecule
package, and what the repository ``multimolecule/basenji`` holds. Its first convolution has
a fifth input channel for N, the mean of the other four. It is dropped on reading: varscore
counts an N as a quarter of each base, as the original implementation does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from varscore.errors import ModelError
from varscore.files.atomic import naming_output, write_json, write_text
from varscore.models.basenji2 import ACTIVATIONS
from varscore.models.cache import TRACKS_FILE
from varscore.models.checkpoint import Checkpoint, Shapes, check_shapes, parameter_shapes
from varscore.models.config import BasenjiConfig
from varscore.models.files import (
    open_safetensors,
    read_json,
    read_tracks_beside,
    write_safetensors,
)
from varscore.models.tracks import TrackTable

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_STEM = "stem.conv.weight"
_RENAMED = (
    ("tower.", "conv_tower."),
    (".dilated.", ".conv1."),
    (".pointwise.", ".conv2."),
    (".conv.", ".conv1."),
    (".norm.", ".batch_norm1."),
)
# A field that the file leaves out has the published human model's value, as in the package
# that writes these files; so BasenjiConfig's own defaults serve.
_FIELDS = {
    "sequence_length": "window_length",
    "num_labels": "n_tracks",
    "stem_channels": "stem_channels",
    "stem_kernel_size": "stem_kernel_size",
    "conv_tower_channels": "tower_channels",
    "conv_tower_kernel_size": "tower_kernel_size",
    "crop_bins": "crop_bins",
    "head_hidden_size": "head_channels",
    "hidden_act": "activation",
    "batch_norm_eps": "batch_norm_eps",
}
_BLOCK_FIELDS = {
    "num_blocks": "num_blocks",
    "bottleneck_size": "block_channels",
    "kernel_size": "block_kernel_size",
    "dilation_rate": "dilation_rate",
    "round_dilation": "round_dilation",
}
# What varscore does not implement otherwise; `head_act` is an older name of `output_act`.
_REQUIRED: dict[str, tuple[Any, ...]] = {
    "model_type": ("basenji",),
    "vocab_size": (5,),
    "stem_pool_size": (2,),
    "output_act": ("softplus",),
    "head_act": ("softplus",),
    "hidden_act": tuple(ACTIVATIONS),
}
_REQUIRED_HEAD: dict[str, tuple[Any, ...]] = {
    "bias": (True,),
    "transform": (None,),
    "act": (None,),
}


def read_hub(directory: str | Path) -> Checkpoint:
    """Read a hub model.

    Track names come from ``targets.txt`` in the directory where there is one, else from
    the configuration's ``id2label`` where it names the labels.

    Parameters
    ----------
    directory : path
        Has ``config.json`` and ``model.safetensors``.

    Raises
    ------
    ModelError
        If a file is absent or damaged, the configuration asks for what varscore does not
        compute, or a tensor is missing, superfluous or misshapen.
    """
    directory = Path(directory)
    where = f"model {directory / CONFIG_FILE}"
    fields = read_json(directory / CONFIG_FILE)
    config = _parse_config(fields, where)
    expected = _hub_shapes(config)
    with open_safetensors(directory / WEIGHTS_FILE) as weights:
        names = [name for name in weights.keys() if not name.endswith("num_batches_tracked")]  # noqa: SIM118
        found = {name: tuple(weights.get_slice(name).get_shape()) for name in names}
        check_shapes(f"weights {directory / WEIGHTS_FILE}", found, expected)
        tensors = {
            name: weights.get_tensor(_hub_name(name)) for name in parameter_shapes(config)
        }
    tensors[_STEM] = tensors[_STEM][:, :4].contiguous()
    metadata = fields.get("varscore", {})
    tracks = read_tracks_beside(directory / CONFIG_FILE, config.n_tracks) or _label_tracks(
        fields
    )
    return Checkpoint(config, tensors, tracks, dict(metadata))


def write_hub(checkpoint: Checkpoint, directory: str | Path) -> None:
    """Write a hub model; its track names go to ``targets.txt`` beside it.

    The fifth input channel is the mean of the other four. ``config.json`` comes last, so
    that a directory that has it is whole.

    Parameters
    ----------
    checkpoint : Checkpoint
    directory : str or Path
        Made if it is missing; the folder around it must be there.

    Raises
    ------
    OutputError
        If the directory cannot be written to.
    """
    directory = Path(directory)
    with naming_output(directory):
        directory.mkdir(exist_ok=True)
        for name in (CONFIG_FILE, TRACKS_FILE):
            (directory / name).unlink(missing_ok=True)
    stem = checkpoint.tensors[_STEM]
    tensors = {_hub_name(name): tensor for name, tensor in checkpoint.tensors.items()}
    tensors[_hub_name(_STEM)] = torch.cat([stem, stem.mean(dim=1, keepdim=True)], dim=1)
    write_safetensors(directory / WEIGHTS_FILE, tensors, {"format": "pt"})
    if checkpoint.tracks is not None:
        write_text(directory / TRACKS_FILE, checkpoint.tracks.to_tsv())
    write_json(directory / CONFIG_FILE, _format_config(checkpoint))


def _hub_name(name: str) -> str:
    """Translate a parameter name of `Basenji2`."""
    if name.startswith("final."):
        return name.replace("final.", "token_head.decoder.")
    for ours, theirs in _RENAMED:
        name = name.replace(ours, theirs)
    return f"model.encoder.{name}"


def _hub_shapes(config: BasenjiConfig) -> Shapes:
    shapes = parameter_shapes(config)
    channels, _, width = shapes[_STEM]
    return {_hub_name(n): s for n, s in {**shapes, _STEM: (channels, 5, width)}.items()}


def _parse_config(fields: Mapping[str, Any], where: str) -> BasenjiConfig:
    blocks, head = fields.get("blocks") or {}, fields.get("head") or {}
    if "model_type" not in fields:
        raise ModelError(f"{where}: it has no model_type; expected 'basenji'")
    _require(where, "", fields, _REQUIRED)
    _require(where, "blocks.", blocks, {"dilation": (1,)})
    _require(where, "head.", head, _REQUIRED_HEAD)
    arguments = {ours: fields[theirs] for theirs, ours in _FIELDS.items() if theirs in fields}
    arguments |= {
        ours: blocks[theirs] for theirs, ours in _BLOCK_FIELDS.items() if theirs in blocks
    }
    # `transformers` may store the labels in place of their number.
    if "num_labels" not in fields and fields.get("id2label"):
        arguments["n_tracks"] = len(fields["id2label"])
    try:
        config = BasenjiConfig(**arguments)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{where}: {error}") from error
    sizes = {
        "num_labels": (None, config.n_tracks),
        "hidden_size": (None, config.head_channels),
    }
    _require(where, "head.", head, sizes)
    return config


def _require(
    where: str, prefix: str, fields: Mapping[str, Any], supported: Mapping[str, tuple[Any, ...]]
) -> None:
    for name, values in supported.items():
        if name in fields and fields[name] not in values:
            expected = " or ".join(repr(value) for value in values)
            raise ModelError(
                f"{where}: {prefix}{name} is {fields[name]!r}, but varscore supports {expected}"
            )


def _label_tracks(fields: Mapping[str, Any]) -> TrackTable | None:
    labels = fields.get("id2label") or {}
    names = [str(labels[key]) for key in sorted(labels, key=int)]
    if all(name == f"LABEL_{i}" for i, name in enumerate(names)):
        return None
    unique = len(set(names)) == len(names)
    return TrackTable.from_names(
        names if unique else TrackTable.unnamed(len(names)).identifiers, names
    )


def _format_config(checkpoint: Checkpoint) -> dict[str, Any]:
    ours = asdict(checkpoint.config)
    return {
        "architectures": ["BasenjiForTokenPrediction"],
        "model_type": "basenji",
        "vocab_size": 5,
        "stem_pool_size": 2,
        "output_act": "softplus",
        **{theirs: ours[name] for theirs, name in _FIELDS.items()},
        "blocks": {"dilation": 1, **{theirs: ours[n] for theirs, n in _BLOCK_FIELDS.items()}},
        "dtype": "float32",
        "varscore": checkpoint.metadata,
    }
