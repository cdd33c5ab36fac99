"""Weight files and what lies beside them: opening with clear errors, writing whole."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from varscore.errors import ModelError, OutputError
from varscore.files.atomic import writing
from varscore.models.cache import TRACKS_FILE
from varscore.models.hdf5_probe import unreadable
from varscore.models.tracks import TrackTable


def file_kind(path: Path) -> str:
    """Tell what a file is by its first bytes.

    Returns
    -------
    str
        "hdf5", "safetensors", or in words what else it is.

    Raises
    ------
    ModelError
        If the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError as error:
        raise ModelError(f"weights {path}: {error.strerror}") from error
    if not head:
        return "an empty file"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    # A safetensors file: the length of its JSON header, 8 bytes, then the header.
    if head[8:9] == b"{":
        return "safetensors"
    if head.startswith(b"PK\x03\x04"):
        return (
            "a zip archive; of a Keras .keras file give the model.weights.h5 in it, "
            "a torch.save file is never loaded because it can run code"
        )
    if head.startswith(b"\x80"):
        return "a pickle, which is never loaded because it can run code"
    return "neither HDF5 nor safetensors"


@contextlib.contextmanager
def open_safetensors(path: Path) -> Iterator[Any]:
    """Open a safetensors file on the CPU; a context manager.

    Raises
    ------
    ModelError
        If it cannot be read or is not such a file.
    """
    kind = file_kind(path)
    if kind != "safetensors":
        raise ModelError(f"weights {path}: expected a safetensors file, found {kind}")
    try:
        weights = safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"weights {path}: the safetensors file is truncated or damaged ({error}); "
            "fetch or copy it again"
        ) from error
    with weights:
        yield weights


@contextlib.contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading; a context manager.

    Raises
    ------
    ModelError
        If it cannot be read or is not such a file.
    """
    kind = file_kind(path)
    if kind != "hdf5":
        raise ModelError(f"weights {path}: expected a Keras HDF5 file, found {kind}")
    if fault := unreadable(path):
        raise ModelError(
            f"weights {path}: the HDF5 file is truncated or damaged ({fault}); fetch or copy "
            "it again"
        )
    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        raise ModelError(
            f"weights {path}: the HDF5 file is truncated or damaged ({error}); "
            "fetch or copy it again"
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    ModelError
        If the file is absent or is something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"model {path}: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"model {path}: it is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"model {path}: expected a JSON object, found {type(value).__name__}")
    return value


def read_tracks_beside(path: Path, n_tracks: int) -> TrackTable | None:
    """Read the table ``targets.txt`` in the folder of a model's file, if there is one.

    Parameters
    ----------
    path : Path
        A file of the model, whatever its name.
    n_tracks : int
        How many tracks the model predicts.

    Raises
    ------
    ModelError
        If the table has not a row for each of them.
    """
    table = path.with_name(TRACKS_FILE)
    if not table.is_file():
        return None
    tracks = TrackTable.read(table)
    if len(tracks) != n_tracks:
        raise ModelError(
            f"track table {table}: {len(tracks)} rows, but the model beside it predicts "
            f"{n_tracks} tracks; move the table away or give the right one in its place"
        )
    return tracks


def write_safetensors(
    path: str | Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """Write a safetensors file, which appears under its name when it is whole.

    Parameters
    ----------
    path : str or Path
        What is there is replaced.
    tensors : mapping of str to Tensor
    metadata : mapping of str to str

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with writing(path) as partial:
        try:
            save_file(contiguous, partial, dict(metadata))
        except SafetensorError as error:  # as on a full disk
            raise OutputError(f"output {path}: cannot be written: {error}") from error
