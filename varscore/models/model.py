"""A model that is ready to predict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from varscore.errors import OptionError
from varscore.models.basenji2 import Basenji2
from varscore.models.config import BasenjiConfig
from varscore.models.encoding import one_hot
from varscore.models.notice import notice
from varscore.models.precision import full_float32
from varscore.models.stages import Stage, stages
from varscore.models.tracks import TrackTable

_MEMORY = 1 << 30
_MOST_WINDOWS = 64


@dataclass(frozen=True)
class Model:
    """A network on its device, its tracks, and what is known of its origin.

    Attributes
    ----------
    network : Basenji2
        For inference, batch norms folded.
    tracks : TrackTable
        A row for each track of the output, in order.
    metadata : dict
        JSON-ready, to be kept with every result: ``name``, ``form``, ``sha256`` of the
        weights, ``activation`` and ``activation_source``, ``config``; where known also
        ``source``, ``revision``, ``untrained``, ``teaching``.
    """

    network: Basenji2
    tracks: TrackTable
    metadata: dict[str, Any]

    def __repr__(self) -> str:
        config = self.config
        return (
            f"<Model {self.name}: {config.window_length:,} bp, {config.n_bins:,} bins of "
            f"{config.bin_width} bp, {config.n_tracks:,} tracks, on {self.device}>"
        )

    @property
    def config(self) -> BasenjiConfig:
        """The architecture."""
        return self.network.config

    @property
    def name(self) -> str:
        """What the model is called in messages and results."""
        return str(self.metadata["name"])

    @property
    def sha256(self) -> str:
        """SHA-256 of the file of weights, in hexadecimal."""
        return str(self.metadata["sha256"])

    @property
    def activation(self) -> str:
        """The form of GELU."""
        return self.config.activation

    @property
    def notice(self) -> str | None:
        """A sentence that whoever uses the model must see; None for a model in earnest."""
        return notice(self.metadata)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.final.weight.device

    def batch_size(self, memory: int = _MEMORY) -> int:
        """Return how many windows fit a forward pass of about so many bytes, at least one."""
        config = self.config
        # The peak is in the stem and the first convolution of the tower: an input, its
        # activation and an output are alive at once.
        widest = max(config.stem_channels, *config.tower_channels[:1], 1)
        window = 2 * config.window_length * widest * self.network.final.weight.element_size()
        # So long as a bin has more tracks than the trunk has channels, the output counts too.
        window += 2 * config.n_bins * config.n_tracks * self.network.final.weight.element_size()
        return min(_MOST_WINDOWS, max(1, memory // window))

    @torch.inference_mode()
    def predict(self, sequences: Sequence[str]) -> NDArray[np.float32]:
        """Predict coverage for DNA.

        Parameters
        ----------
        sequences : sequence of str
            Windows of ``config.window_length`` bases each, forward strand, any case; letters
            other than ACGT count as N.

        Returns
        -------
        ndarray, shape (B, N, T), float32
            Coverage of N bins of ``config.bin_width`` bases in the middle of each window,
            after softplus.

        Raises
        ------
        OptionError
            If a sequence has another length.

        Examples
        --------
        >>> import varscore
        >>> model = varscore.load_model("demo")
        >>> model.predict(["ACGT" * 4096]).shape
        (1, 96, 11)
        """
        self._check_windows("predict", sequences)
        config = self.config
        coverage = np.empty((len(sequences), config.n_bins, config.n_tracks), np.float32)
        for batch, windows in self._encoded(sequences):
            with full_float32():
                coverage[batch] = self.network(windows).float().cpu().numpy()
        return coverage

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The places whose hidden states `embed` returns, and what they are about."""
        return stages(self.config)

    @torch.inference_mode()
    def embed(self, sequences: Sequence[str], stage: str = "head") -> NDArray[np.float32]:
        """Return the hidden states after a stage of the network.

        Parameters
        ----------
        sequences : sequence of str
            As for `predict`.
        stage : str
            Name of one of `stages`, which say what bases each position is about, and how many
            it is computed of.

        Returns
        -------
        ndarray, shape (B, positions, channels), float32

        Raises
        ------
        OptionError
            If a sequence has another length, or there is no such stage.

        Examples
        --------
        >>> import varscore
        >>> model = varscore.load_model("demo")
        >>> model.embed(["ACGT" * 4096], stage="blocks.5").shape
        (1, 128, 96)
        """
        self._check_windows("embed", sequences)
        found = {one.name: one for one in self.stages}.get(stage)
        if found is None:
            raise OptionError(
                f"embed: stage {stage!r} is none of model {self.name}, which has "
                f"{', '.join(one.name for one in self.stages)}"
            )
        states = np.empty((len(sequences), found.positions, found.channels), np.float32)
        for batch, windows in self._encoded(sequences):
            with full_float32():
                x = next(x for name, x in self.network.hidden(windows) if name == stage)
            states[batch] = x.transpose(1, 2).float().cpu().numpy()
        return states

    def _check_windows(self, who: str, sequences: Sequence[str]) -> None:
        if isinstance(sequences, str):
            raise OptionError(f"{who}: give a list of sequences, not one string")
        for number, sequence in enumerate(sequences):
            if len(sequence) != self.config.window_length:
                raise OptionError(
                    f"{who}: sequence {number} has {len(sequence)} bases, but model "
                    f"{self.name} reads windows of {self.config.window_length}"
                )

    def _encoded(self, sequences: Sequence[str]) -> Iterator[tuple[slice, Tensor]]:
        """Yield as many sequences at a time as memory has room for, where the network is."""
        step = self.batch_size()
        for start in range(0, len(sequences), step):
            batch = slice(start, start + step)
            windows = one_hot(sequences[batch])
            yield batch, windows.to(self.device, self.network.final.weight.dtype)
