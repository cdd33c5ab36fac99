"""A model's weights as they were trained, apart from any file format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from varscore.errors import ModelError
from varscore.models.basenji2 import Basenji2
from varscore.models.config import BasenjiConfig
from varscore.models.tracks import TrackTable

Shapes = dict[str, tuple[int, ...]]


def parameter_shapes(config: BasenjiConfig) -> Shapes:
    """Return the name and shape of every tensor of an unfolded `Basenji2`, input first."""
    with torch.device("meta"):
        network = Basenji2(config)
    return {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def check_shapes(
    where: str, found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]
) -> None:
    """Compare what a file holds with what the architecture asks for.

    Parameters
    ----------
    where : str
        What the message starts with.
    found, expected : mapping of str to tuple of int
        Shapes under the tensors' names as they are in the file.

    Raises
    ------
    ModelError
        Naming the first tensor that is missing, misshapen or superfluous.
    """
    for name, shape in expected.items():
        if name not in found:
            raise ModelError(f"{where}: tensor {name} is missing (expected shape {shape})")
        if tuple(found[name]) != shape:
            raise ModelError(
                f"{where}: tensor {name} has shape {tuple(found[name])}, expected {shape}"
            )
    superfluous = [name for name in found if name not in expected]
    if superfluous:
        raise ModelError(
            f"{where}: tensor {superfluous[0]} belongs to no layer of this architecture"
        )


@dataclass(frozen=True)
class Checkpoint:
    """An architecture with its weights, its tracks and where they came from.

    Attributes
    ----------
    config : BasenjiConfig
    tensors : dict of str to Tensor
        The state of an unfolded `Basenji2`, under its own parameter names.
    tracks : TrackTable or None
        None where the file names no tracks.
    metadata : dict
        JSON-ready facts that travel with the weights: ``name``, ``source``, ``untrained``
        (true for random weights), ``teaching`` (true for the demo model), ...

    Raises
    ------
    ModelError
        If the track table has not a row for each of the model's tracks.
    """

    config: BasenjiConfig
    tensors: dict[str, Tensor]
    tracks: TrackTable | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.tracks is not None and len(self.tracks) != self.config.n_tracks:
            raise ModelError(
                f"the track table has {len(self.tracks)} rows, but the model predicts "
                f"{self.config.n_tracks} tracks"
            )

    @property
    def n_parameters(self) -> int:
        """Trained numbers: weights, biases and batch norm scales, not running statistics."""
        return sum(
            tensor.numel() for name, tensor in self.tensors.items() if ".running_" not in name
        )

    def network(self, dtype: torch.dtype = torch.float32) -> Basenji2:
        """Build the network for inference, batch norms folded.

        Parameters
        ----------
        dtype : torch.dtype
            Of its weights; what is folded is rounded to it once.

        Raises
        ------
        ModelError
            If a tensor is missing, superfluous, of the wrong shape or has a number that is
            not finite; it is named.
        """
        found = {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}
        check_shapes("weights", found, parameter_shapes(self.config))
        for name, tensor in self.tensors.items():
            if not torch.isfinite(tensor).all():
                raise ModelError(f"weights: tensor {name} has a number that is not finite")
        # No time goes into random weights that are overwritten: meta tensors have none.
        with torch.device("meta"):
            network = Basenji2(self.config)
        state = {name: tensor.to(dtype, copy=True) for name, tensor in self.tensors.items()}
        network.load_state_dict(state, strict=False, assign=True)
        return network.eval().fold_batch_norm().requires_grad_(False)
