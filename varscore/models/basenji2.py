"""Basenji2: the architecture, and nothing else.

Kelley, "Cross-species regulatory sequence activity prediction", PLoS Computational
Biology 16 (2020) e1008050. A convolution trunk pools DNA to 128 bp bins, dilated residual
blocks pass information between bins, a pointwise head reads coverage off each bin.

Every convolution block is activation, convolution, batch norm, max pool, in this order:
the first activation acts on the one-hot DNA itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from varscore.models.config import BasenjiConfig


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
    """Activation, convolution with zero padding, batch norm, and max pool by two if asked.

    Parameters
    ----------
    config : BasenjiConfig
        Says which activation, and the batch norm's epsilon.
    channels_in, channels_out : int
    kernel_size : int
        Positions that the convolution reads, an odd number.
    dilation : int
        Distance between them.
    pool : bool
    """

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
    """A dilated convolution to a bottleneck, a pointwise one back, added to the input.

    Parameters
    ----------
    config : BasenjiConfig
    dilation : int
        Distance, in bins, between what the first convolution reads.
    """

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

    def hidden(self, one_hot: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield the hidden states after each stage of `varscore.models.stages`, with its name.

        Parameters
        ----------
        one_hot : Tensor, shape (B, 4, L)
            DNA.

        Yields
        ------
        str, Tensor of shape (B, C, positions)
        """
        x = self.stem(one_hot)
        yield "stem", x
        for number, layer in enumerate(self.tower):
            x = layer(x)  # (B, C, W): W bins of the window
            yield f"tower.{number}", x
        for number, block in enumerate(self.blocks):
            x = block(x)
            yield f"blocks.{number}", x
        crop = self.config.crop_bins
        yield "head", self.activation(self.head(x[..., crop : x.shape[-1] - crop]))

    def logits(self, one_hot: Tensor) -> Tensor:
        """Map DNA, shape (B, 4, L), to coverage before its softplus, shape (B, N, T)."""
        for _, x in self.hidden(one_hot):  # noqa: B007 - the last one counts
            pass
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
