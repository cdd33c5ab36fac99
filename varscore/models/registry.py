"""Finding a model by name or path, whatever its form, and loading it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from varscore.errors import ModelError, OptionError
from varscore.files.digest import sha256
from varscore.models.cache import FETCH_RECORD, NAMES, find_model
from varscore.models.catalogue import catalogued
from varscore.models.checkpoint import Checkpoint
from varscore.models.files import file_kind, read_json
from varscore.models.formats.hub import CONFIG_FILE, WEIGHTS_FILE, read_hub, write_hub
from varscore.models.formats.keras import read_keras, write_keras
from varscore.models.formats.native import read_native, write_native
from varscore.models.model import Model
from varscore.models.tracks import TrackTable
from varscore.options import OPTIONS, Activation, Device, ModelOptions

Form = Literal["native", "hub", "keras"]
logger = logging.getLogger(__name__)


def read_checkpoint(
    name_or_path: str | Path,
    *,
    params: str | Path | None = None,
    activation: Activation | None = None,
    track_table: str | Path | None = None,
    head: str | None = None,
) -> Checkpoint:
    """Read a model's weights in any form, without building the network.

    Parameters
    ----------
    name_or_path : str or path
        "demo", "basenji2", a ``.safetensors`` file of varscore's, a hub model's or fetched
        model's folder, or a Keras ``.h5`` file.
    params : path or None
        Architecture file of Keras weights; ``params.json`` beside them if None.
    activation : {"gelu_new", "quick_gelu"} or None
        Overrides what the weights say, with a warning, or what they are taken for where they
        say nothing.
    track_table : path or None
        Names the tracks, whatever the weights say.
    head : str or None
        Which head, for Keras weights with several.

    Returns
    -------
    Checkpoint
        Its metadata have ``name``, ``form``, ``sha256``, ``activation`` and
        ``activation_source`` too.

    Raises
    ------
    ModelError
        If there is no such model, or its files do not hold what they should.
    OptionError
        If an option does not fit the model.
    """
    path = find_model(name_or_path)
    form, weights = _identify(path)
    if form != "keras":
        for option, value in (("--params", params), ("--head", head)):
            if value is not None:
                raise OptionError(
                    f"{option} is for Keras weights, but {path} is of form {form}"
                )
    activation = OPTIONS["activation"].read(activation)
    digest = sha256(weights)
    fetched = _fetched(path, weights, digest)
    if form == "keras":
        checkpoint = read_keras(weights, params, None, head)
    else:
        checkpoint = read_hub(path) if form == "hub" else read_native(path)
    metadata = {"name": weights.stem if path.is_file() else path.resolve().name, "source": None}
    metadata |= {"activation_source": "file", **fetched, **checkpoint.metadata}
    if str(name_or_path) in NAMES:
        metadata["name"] = str(name_or_path)
    config = checkpoint.config
    if activation is not None:
        if activation != config.activation:
            known = metadata["activation_source"]
            metadata["activation_source"] = f"option, in place of {config.activation} ({known})"
            if known == "file":
                logger.warning(
                    "activation: %s contradicts %s, which says %s; scores of one form are not "
                    "those of the other",
                    activation,
                    weights,
                    config.activation,
                )
            config = replace(config, activation=activation)
        else:
            metadata["activation_source"] = "option"
    metadata |= {"form": form, "sha256": digest, "activation": config.activation}
    tracks = checkpoint.tracks
    # Only by their names: what they say is in the result, or in the weights of another form.
    for option, file in (("params", params), ("track_table", track_table)):
        if file is not None:
            metadata[option] = Path(file).name
    if track_table is not None:
        tracks = TrackTable.read_for(track_table, str(metadata["name"]), config.n_tracks)
    return Checkpoint(config, checkpoint.tensors, tracks, metadata)


def write_checkpoint(checkpoint: Checkpoint, path: str | Path, form: Form) -> None:
    """Write a checkpoint in one of the three forms.

    Parameters
    ----------
    checkpoint : Checkpoint
    path : str or Path
        A file, or a folder for the hub's form; what is there is replaced.
    form : {"native", "hub", "keras"}

    Raises
    ------
    ModelError
        If the form cannot express the model.
    OutputError
        If it cannot be written.
    """
    # These are the old file's; reading finds the new.
    own = ("form", "sha256", "activation", "params", "track_table")
    metadata = {key: value for key, value in checkpoint.metadata.items() if key not in own}
    if "sha256" in checkpoint.metadata:
        metadata["converted_from"] = {
            key: checkpoint.metadata[key] for key in ("form", "sha256")
        }
    write = {"native": write_native, "hub": write_hub, "keras": write_keras}[form]
    write(replace(checkpoint, metadata=metadata), path)


def load_model(
    name_or_path: str | Path,
    *,
    params: str | Path | None = None,
    activation: Activation | None = None,
    track_table: str | Path | None = None,
    head: str | None = None,
    device: Device = "auto",
    dtype: torch.dtype = torch.float32,
) -> Model:
    """Load a model, ready to predict; nothing is ever fetched.

    Parameters
    ----------
    name_or_path : str or path
        "demo", "basenji2", or the path of weights; see `read_checkpoint` for these and for
        `params`, `activation`, `track_table` and `head`.
    device : {"auto", "cpu", "cuda"}
        "auto" takes a GPU where there is one.
    dtype : torch.dtype
        Of weights and arithmetic.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        If there is no such model, or its files do not hold what they should.
    OptionError
        If an option does not fit the model or the machine.

    Examples
    --------
    >>> model = load_model("demo")
    >>> model.name, model.config.window_length, model.config.n_tracks
    ('demo', 16384, 11)
    """
    device = OPTIONS["device"].read(device)
    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError("device cuda: no GPU is usable here; use --device cpu or auto")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = read_checkpoint(
        name_or_path, params=params, activation=activation, track_table=track_table, head=head
    )
    network = checkpoint.network(dtype).to(device)
    tracks = catalogued(checkpoint.tracks or TrackTable.unnamed(checkpoint.config.n_tracks))
    return Model(
        network, tracks, {**checkpoint.metadata, "config": checkpoint.config.to_dict()}
    )


def load_chosen(which: ModelOptions, device: Device = "auto") -> Model:
    """Load the model that options name, as they say.

    Parameters
    ----------
    which : ModelOptions
    device : {"auto", "cpu", "cuda"}
        As for `load_model`, which says what may be raised, too.
    """
    return load_model(
        which.model,
        params=which.params,
        activation=which.activation,
        track_table=which.track_table,
        device=device,
    )


def _identify(path: Path) -> tuple[Form, Path]:
    """Tell a model's form, and which of its files has the weights."""
    if path.is_dir():
        if (path / CONFIG_FILE).is_file():
            if not (path / WEIGHTS_FILE).is_file():
                raise ModelError(f"model {path}: it has {CONFIG_FILE}, but no {WEIGHTS_FILE}")
            return "hub", path / WEIGHTS_FILE
        keras = sorted(path.glob("*.h5"))
        if len(keras) == 1:
            return "keras", keras[0]
        raise ModelError(
            f"model {path}: a folder without {CONFIG_FILE}, and with {len(keras)} .h5 files; "
            "give a hub model's folder or a file of weights"
        )
    kind = file_kind(path)
    if kind == "safetensors":
        return "native", path
    if kind == "hdf5":
        return "keras", path
    raise ModelError(
        f"weights {path}: expected a .safetensors file, a Keras .h5 file or a hub model's "
        f"folder, found {kind}"
    )


def _fetched(path: Path, weights: Path, digest: str) -> dict[str, Any]:
    """Return what the record of a fetch says, after checking that the weights are the same."""
    if not path.is_dir() or not (path / FETCH_RECORD).is_file():
        return {}
    record = read_json(path / FETCH_RECORD)
    recorded = record.get("sha256")
    if recorded != digest:
        raise ModelError(
            f"weights {weights}: they changed since they were fetched (SHA-256 {digest[:12]}, "
            f"recorded {str(recorded)[:12]}); fetch them again with --force"
        )
    return {key: record.get(key) for key in ("name", "source", "revision", "fetched")}
