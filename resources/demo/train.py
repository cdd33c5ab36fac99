"""Train the demo's small Basenji2 on freshly simulated sequence."""

from __future__ import annotations

import logging
import math
import time

import numpy as np
import simulate
import torch
from torch import Tensor, nn

from varscore.models.basenji2 import Basenji2, ConvBlock, ResidualBlock
from varscore.models.config import BasenjiConfig

CONFIG = BasenjiConfig(
    window_length=simulate.WINDOW_LENGTH,
    n_tracks=len(simulate.TRACKS),
    stem_channels=40,
    tower_channels=(40, 48, 64, 64, 80, 96),
    num_blocks=6,
    block_channels=48,
    crop_bins=simulate.CROP_BINS,
    head_channels=192,
)
BATCH = 4
LEARNING_RATE = 5e-3
LOG = logging.getLogger(__name__)


def draw_batch(rng: np.random.Generator, density: float = 1.0) -> tuple[Tensor, Tensor]:
    """Draw fresh DNA, (B, 4, L), and what was sequenced from it, (B, N, T)."""
    codes = simulate.simulate_dna(BATCH * CONFIG.window_length, rng, density)
    codes = codes.reshape(BATCH, -1)
    if rng.random() < 0.25:
        simulate.mask_run(codes[0], rng)
    dna = simulate.one_hot(codes)
    crop = CONFIG.crop_bins
    expected = simulate.expected_coverage(dna, torch.float32)[:, crop:-crop]
    return dna, torch.from_numpy(rng.poisson(expected.numpy()).astype(np.float32))


def planting_density(step: int, steps: int) -> float:
    """Return 3 falling to 1 over the first quarter: every motif is soon met often enough."""
    return 1 + 2 * max(0.0, 1 - 4 * step / steps)


def learning_rate(step: int, steps: int) -> float:
    """Return the rate: a short rise, flat to 40 % of the steps, then a cosine to nothing."""
    done = step / steps
    if done < 0.03:
        return LEARNING_RATE * done / 0.03
    if done < 0.4:
        return LEARNING_RATE
    return LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (done - 0.4) / 0.6))


def initial_network(rng: np.random.Generator) -> Basenji2:
    """Return a network that starts at the tracks' means, its residual blocks doing nothing."""
    network = Basenji2(CONFIG)
    counts = torch.cat([draw_batch(rng)[1] for _ in range(16)])
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, ResidualBlock):
            norm = module.pointwise.norm
            assert isinstance(norm, nn.BatchNorm1d)
            nn.init.zeros_(norm.weight)
    nn.init.normal_(network.final.weight, std=0.01)
    with torch.no_grad():
        network.final.bias.copy_(torch.log(torch.expm1(counts.mean((0, 1)))))
    return network


def train(seed: int, steps: int) -> Basenji2:
    """Train for a number of steps; a few minutes per thousand on two cores.

    The same seed, library versions and kind of processor give the same bits; other
    processors round differently, and training carries that on.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 2])
    network = initial_network(rng).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.99), weight_decay=0.0, fused=True
    )
    began, losses = time.monotonic(), []
    for step in range(steps):
        dna, counts = draw_batch(rng, planting_density(step, steps))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        coverage = network(dna)
        loss = nn.functional.poisson_nll_loss(coverage, counts, log_input=False, eps=1e-6)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - began
            mean = sum(losses[-100:]) / 100
            LOG.info("step %5d of %d: loss %.4f, %.0f s", step + 1, steps, mean, seconds)
    return settle_batch_norm(network, rng)


@torch.no_grad()
def settle_batch_norm(network: Basenji2, rng: np.random.Generator) -> Basenji2:
    """Replace the running statistics, which lag behind the weights, by those of 100 batches."""
    norms = [block.norm for block in network.modules() if isinstance(block, ConvBlock)]
    for norm in norms:
        assert isinstance(norm, nn.BatchNorm1d)
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over batches
    network.train()
    for _ in range(100):
        network(draw_batch(rng)[0])
    return network.eval()
