"""varscore's own weights: one safetensors file that says all there is to know about itself.

The tensors bear the parameter names of `Basenji2`. The file's metadata, strings as the
format wants them, has under ``varscore`` a JSON object: the format's version, the
architecture, the tracks and the checkpoint's metadata.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from varscore.errors import ModelError
from varscore.models.checkpoint import Checkpoint, check_shapes, parameter_shapes
from varscore.models.config import BasenjiConfig
from varscore.models.files import open_safetensors, write_safetensors
from varscore.models.tracks import TrackTable

FORMAT_VERSION = 1
_KEY = "varscore"


def write_native(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write a checkpoint as one file, which appears under its name when it is whole.

    Parameters
    ----------
    checkpoint : Checkpoint
    path : path
        By custom with the suffix ``.safetensors``. An existing file is replaced.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    description: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "config": checkpoint.config.to_dict(),
        "tracks": None,
        "metadata": checkpoint.metadata,
    }
    if checkpoint.tracks is not None:
        description["tracks"] = {
            "identifiers": list(checkpoint.tracks.identifiers),
            "descriptions": list(checkpoint.tracks.descriptions),
        }
        if checkpoint.tracks.columns:
            further = {name: list(cells) for name, cells in checkpoint.tracks.columns.items()}
            description["tracks"]["columns"] = further
    write_safetensors(path, checkpoint.tensors, {_KEY: json.dumps(description)})


def read_native(path: str | Path) -> Checkpoint:
    """Read what `write_native` wrote.

    Raises
    ------
    ModelError
        If the file cannot be read, is not varscore's, was written by a later version, or
        its tensors are not those of its architecture.
    """
    path = Path(path)
    with open_safetensors(path) as weights:
        stored = (weights.metadata() or {}).get(_KEY)
        if stored is None:
            raise ModelError(
                f"weights {path}: a safetensors file without varscore's metadata; if it is a "
                "hub model's, give the directory that has it together with its config.json"
            )
        config, tracks, metadata = _parse(stored, path)
        expected = parameter_shapes(config)
        found = {n: tuple(weights.get_slice(n).get_shape()) for n in weights.keys()}  # noqa: SIM118
        check_shapes(f"weights {path}", found, expected)
        tensors = {name: weights.get_tensor(name) for name in expected}
    return Checkpoint(config, tensors, tracks, metadata)


def _parse(stored: str, path: Path) -> tuple[BasenjiConfig, TrackTable | None, dict[str, Any]]:
    try:
        description = json.loads(stored)
        version = description["format_version"]
        if version != FORMAT_VERSION:
            raise ModelError(
                f"weights {path}: format version {version}, expected {FORMAT_VERSION}; "
                "use the varscore version that wrote it, or a newer one"
            )
        config = BasenjiConfig(**description["config"])
        tracks = description["tracks"]
        if tracks is not None:
            tracks = TrackTable.from_names(
                tracks["identifiers"], tracks["descriptions"], dict(tracks.get("columns", {}))
            )
        return config, tracks, dict(description["metadata"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"weights {path}: its metadata are damaged: {error!r}") from error
