"""Random weights, for benchmarks: any architecture at full size, no biology in it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from varscore.models.basenji2 import Basenji2, ResidualBlock
from varscore.models.checkpoint import Checkpoint
from varscore.models.config import BasenjiConfig

_LOGIT_SPREAD = 1.5


@torch.no_grad()
def random_checkpoint(config: BasenjiConfig | None = None, seed: int = 0) -> Checkpoint:
    """Draw weights under which activations stay of order 1 from layer to layer.

    Every batch norm gets the mean and variance that its convolution really has on random
    DNA, so the deep network neither dies nor explodes, as a trained one does not. A
    residual branch is scaled down by the square root of the number of blocks.

    Parameters
    ----------
    config : BasenjiConfig or None
        The published human model's architecture if None.
    seed : int
        The same seed gives the same weights, to the last bits that depend on the number of
        threads.

    Returns
    -------
    Checkpoint
        Its metadata say ``untrained``.
    """
    config = BasenjiConfig() if config is None else config
    generator = torch.Generator().manual_seed(seed)
    network = Basenji2(config)
    for module in network.modules():
        if isinstance(module, nn.Conv1d):
            fan_in = module.in_channels * module.kernel_size[0]
            module.weight.normal_(0.0, math.sqrt(2 / fan_in), generator=generator)
        elif isinstance(module, nn.BatchNorm1d):
            module.weight.uniform_(0.8, 1.2, generator=generator)
            module.bias.normal_(0.0, 0.1, generator=generator)
            module.momentum = 1.0  # a forward pass in training mode stores its own statistics
    for module in network.modules():
        if isinstance(module, ResidualBlock) and isinstance(
            module.pointwise.norm, nn.BatchNorm1d
        ):
            module.pointwise.norm.weight.div_(math.sqrt(config.num_blocks))
    spread = _LOGIT_SPREAD / math.sqrt(config.head_channels)
    network.final.weight.normal_(0.0, spread, generator=generator)
    network.final.bias.normal_(0.0, 0.5, generator=generator)
    network.train()
    network(_random_dna(config.window_length, generator))
    tensors = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {
        "name": f"random-{seed}",
        "untrained": True,
        "source": f"seeded random weights (seed {seed})",
    }
    return Checkpoint(config, tensors, None, metadata)


def _random_dna(length: int, generator: torch.Generator) -> Tensor:
    """Return windows of random bases, shape (B, 4, L), of 32 kb or more in all."""
    windows = max(1, 2**15 // length)
    bases = torch.randint(4, (windows, length), generator=generator)
    return F.one_hot(bases, 4).movedim(-1, 1).float()
