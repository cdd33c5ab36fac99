"""Basenji2: the architecture, and nothing else.

Kelley, "Cross-species regulatory sequence activity prediction", PLoS Computational
Biology 16 (2020) e1008050. A convolution trunk pools DNA to 128 bp bins, dilated residual
blocks pass information between bins, a pointwise head reads coverage off each bin.

Every convolution block is activation, convolution, batch norm, max pool, in this order:
the first activation acts on the one-hot DNA itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Activation = Literal["gelu_new", "quick_gelu"]


@dataclass(frozen=True)
class BasenjiConfig:
    """One model of the Basenji2 family; the defaults are the published human model.

    Attributes
    ----------
    window_length : int
        Bases of DNA that the model reads, L.
    n_tracks : int
        Tracks that it predicts, T.
    stem_channels, stem_kernel_size : int
        The first convolution.
    tower_channels : tuple of int
        Output channels of each convolution of the tower. The stem and each of these pool by
        two, so a bin has ``2 ** (1 + len(tower_channels))`` bases.
    tower_kernel_size : int
    num_blocks, block_channels, block_kernel_size : int
        Dilated residual blocks and the channels of their bottleneck.
    dilation_rate : float
        Each block's dilation is the one before times this.
    round_dilation : bool
        Whether the product is rounded (half to even) before it is carried on; what the
        convolution gets is always rounded.
    crop_bins : int
        Bins dropped at each end after the blocks.
    head_channels : int
    activation : {"gelu_new", "quick_gelu"}
        GELU in its tanh form, or x * sigmoid(1.702 x).
    batch_norm_eps : float

    Raises
    ------
    ValueError
        If the numbers do not fit together.
    """

    window_length: int = 131_072
    n_tracks: int = 5_313
    stem_channels: int = 288
    stem_kernel_size: int = 15
    tower_channels: tuple[int, ...] = (339, 399, 470, 554, 652, 768)
    tower_kernel_size: int = 5
    num_blocks: int = 11
    block_channels: int = 384
    block_kernel_size: int = 3
    dilation_rate: float = 1.5
    round_dilation: bool = True
    crop_bins: int = 64
    head_channels: int = 1_536
    activation: Activation = "gelu_new"
    batch_norm_eps: float = 1e-3

    def __post_init__(self) -> None:
        object.__setattr__(self, "tower_channels", tuple(self.tower_channels))
        if self.activation not in get_args(Activation):
            raise ValueError(
                f"activation is {self.activation!r}, not one of {get_args(Activation)}"
            )
        for name in ("stem_kernel_size", "tower_kernel_size", "block_kernel_size"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} is {getattr(self, name)}; only odd sizes are centred")
        if self.window_length % (2 * self.bin_width):
            raise ValueError(
                f"window_length {self.window_length} is not a multiple of two bins "
                f"of {self.bin_width}"
            )
        if self.n_bins < 1:
            raise ValueError(f"crop_bins {self.crop_bins} leaves no bin of {self.window_bins}")

    @property
    def bin_width(self) -> int:
        """Bases in a bin."""
        return int(2 ** (1 + len(self.tower_channels)))

    @property
    def window_bins(self) -> int:
        """Bins in a window, before the crop."""
        return self.window_length // self.bin_width

    @property
    def n_bins(self) -> int:
        """Bins that are predicted, N, after the crop."""
        return self.window_bins - 2 * self.crop_bins

    @property
    def trunk_channels(self) -> int:
        """Channels after the trunk, and between the blocks."""
        return self.tower_channels[-1] if self.tower_channels else self.stem_channels

    @property
    def dilations(self) -> tuple[int, ...]:
        """Dilation of each residual block, in bins."""
        dilations, rate = [], 1.0
        for _ in range(self.num_blocks):
            dilations.append(round(rate))
            rate *= self.dilation_rate
            if self.round_dilation:
                rate = round(rate)
        return tuple(dilations)

    @property
    def activation_bytes(self) -> int:
        """Memory that one window takes on its way through the network, float32, in bytes.

        The widest place is the stem: its output, the batch norm or activation of it, and
        half of that again after the pool.
        """
        return 4 * max(
            3 * self.stem_channels * self.window_length, 3 * self.n_bins * self.n_tracks
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return {**asdict(self), "tower_channels": list(self.tower_channels)}


def quick_gelu(x: Tensor) -> Tensor:
    """GELU as x * sigmoid(1.702 x), what the original repository used until April 2022."""
    return x * torch.sigmoid(1.702 * x)


def gelu_new(x: Tensor) -> Tensor:
    """GELU in its tanh form."""
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu_new": gelu_new,
    "quick_gelu": quick_gelu,
}


class ConvBlock(nn.Module):
    """Activation, convolution with zero padding, batch norm, and max pool by two if asked."""

    def __init__(
        self,
        config: BasenjiConfig,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        *,
        dilation: int = 1,
        pool: bool = False,
    ) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        self.conv = nn.Conv1d(
            channels_in,
            channels_out,
            kernel_size,
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            bias=False,
        )
        self.norm: nn.Module = nn.BatchNorm1d(channels_out, eps=config.batch_norm_eps)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_in, L) to (B, C_out, L), or to L / 2 where the block pools."""
        x = self.norm(self.conv(self.activation(x)))
        return F.max_pool1d(x, 2) if self.pool else x

    def fold(self) -> None:
        """Multiply the batch norm into the convolution's weight and bias, for inference."""
        norm = self.norm
        if not isinstance(norm, nn.BatchNorm1d):
            return
        assert norm.running_mean is not None
        assert norm.running_var is not None
        with torch.no_grad():
            scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
            bias = norm.bias.double() - norm.running_mean.double() * scale
            weight = self.conv.weight.double() * scale[:, None, None]
            self.conv.weight.copy_(weight)
            self.conv.bias = nn.Parameter(bias.to(self.conv.weight.dtype))
        self.norm = nn.Identity()


class ResidualBlock(nn.Module):
    """A dilated convolution to a bottleneck, a pointwise one back, added to the input."""

    def __init__(self, config: BasenjiConfig, dilation: int) -> None:
        super().__init__()
        outer, inner = config.trunk_channels, config.block_channels
        self.dilated = ConvBlock(
            config, outer, inner, config.block_kernel_size, dilation=dilation
        )
        self.pointwise = ConvBlock(config, inner, outer, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, W) to (B, C, W)."""
        return x + self.pointwise(self.dilated(x))  # type: ignore[no-any-return]


class Basenji2(nn.Module):
    """DNA to coverage. Dropout, which acts in training only, is left out.

    Parameters
    ----------
    config : BasenjiConfig
    """

    def __init__(self, config: BasenjiConfig) -> None:
        super().__init__()
        self.config = config
        self.activation = ACTIVATIONS[config.activation]
        self.stem = ConvBlock(
            config, 4, config.stem_channels, config.stem_kernel_size, pool=True
        )
        widths = (config.stem_channels, *config.tower_channels)
        self.tower = nn.ModuleList(
            ConvBlock(config, a, b, config.tower_kernel_size, pool=True)
            for a, b in pairwise(widths)
        )
        self.blocks = nn.ModuleList(ResidualBlock(config, d) for d in config.dilations)
        self.head = ConvBlock(config, config.trunk_channels, config.head_channels, 1)
        self.final = nn.Linear(config.head_channels, config.n_tracks)

    def logits(self, one_hot: Tensor) -> Tensor:
        """Map DNA, shape (B, 4, L), to coverage before its softplus, shape (B, N, T)."""
        x = self.stem(one_hot)
        for layer in self.tower:
            x = layer(x)  # (B, C, W): W bins of the window
        for block in self.blocks:
            x = block(x)
        crop = self.config.crop_bins
        x = self.activation(self.head(x[..., crop : x.shape[-1] - crop]))
        return self.final(x.transpose(1, 2))  # type: ignore[no-any-return]

    def forward(self, one_hot: Tensor) -> Tensor:
        """Map DNA, shape (B, 4, L), to coverage, shape (B, N, T), never negative."""
        # torch turns softplus into x beyond a threshold; at 40 that is exact even in float64.
        return F.softplus(self.logits(one_hot), threshold=40.0)

    def with_tracks(self, indices: Sequence[int]) -> Basenji2:
        """Return a network of the same layers that predicts these tracks only.

        Parameters
        ----------
        indices : sequence of int
            0-based tracks of this network, in the order wanted.
        """
        network = copy.copy(self)
        network._modules = dict(self._modules)
        network.config = replace(self.config, n_tracks=len(indices))
        final = nn.Linear(self.final.in_features, len(indices), device="meta")
        rows = torch.as_tensor(indices, device=self.final.weight.device)
        final.weight = nn.Parameter(self.final.weight.detach()[rows], requires_grad=False)
        final.bias = nn.Parameter(self.final.bias.detach()[rows], requires_grad=False)
        network.final = final
        return network

    def fold_batch_norm(self) -> Basenji2:
        """Fold every batch norm into its convolution, in place; for inference only."""
        for module in self.modules():
            if isinstance(module, ConvBlock):
                module.fold()
        return self
