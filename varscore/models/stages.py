"""The stages of a model, whose hidden states can be looked at; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from varscore.models.config import BasenjiConfig


@dataclass(frozen=True)
class Stage:
    """A place in the network, and what its hidden states are about.

    Position i is about `width` bases, which begin at base ``first + i * width`` of the window;
    it is computed of these and of as many to either side as make up `context` bases.

    Attributes
    ----------
    name : str
        ``stem``, ``tower.0`` and so on, ``blocks.0`` and so on, or ``head``.
    channels : int
    positions : int
    width : int
        Bases between one position and the next.
    first : int
        Base of the window, 0-based, at which position 0 begins.
    context : int
        Bases that a position is computed of, but for those beyond the window's ends.
    """

    name: str
    channels: int
    positions: int
    width: int
    first: int
    context: int


def stages(config: BasenjiConfig) -> tuple[Stage, ...]:
    """Return a model's stages, from the sequence to the tracks.

    After each layer of the trunk (``stem``, ``tower.i``) a position is about twice as many
    bases; after the last one it is a bin. Dilated blocks (``blocks.i``) let bins read further
    away. ``head`` is what the last layer makes tracks of, in the bins that are predicted.

    Parameters
    ----------
    config : BasenjiConfig

    Returns
    -------
    tuple of Stage
    """
    found = []
    width, context = 1, 1
    trunk = [("stem", config.stem_channels, config.stem_kernel_size)]
    trunk += [
        (f"tower.{number}", channels, config.tower_kernel_size)
        for number, channels in enumerate(config.tower_channels)
    ]
    for name, channels, kernel in trunk:
        # Of kernel - 1 more positions for the convolution, and of one for the pool.
        context += kernel * width
        width *= 2
        found.append(Stage(name, channels, config.window_length // width, width, 0, context))
    channels = config.trunk_channels
    for number, dilation in enumerate(config.dilations):
        context += (config.block_kernel_size - 1) * dilation * width
        name = f"blocks.{number}"
        found.append(Stage(name, channels, config.window_bins, width, 0, context))
    first = config.crop_bins * width
    found.append(Stage("head", config.head_channels, config.n_bins, width, first, context))
    return tuple(found)
