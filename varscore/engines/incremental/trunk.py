"""The convolution trunk along a stretch of DNA, at several phases at once.

Only the pooling knows the phase. After l poolings there are at most 2^l distinct sequences,
whatever the number of phases: row q of them has its position j at base q + 2^l j. Each
pooling emits, from a row q, the pairs (2j, 2j+1), which are row q of the next level, and the
pairs (2j+1, 2j+2), which are its row q + 2^l - those of the two that some phase needs.

Activations are kept channels last: (rows, positions, channels).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from varscore.engines.incremental.kernels.convolution import Convolution, convolution
from varscore.engines.incremental.kernels.difference import GATED_ACTIVATIONS, max_difference
from varscore.engines.incremental.kernels.lookup import Lookup
from varscore.engines.incremental.kernels.minimal_filter import MOST_OUTPUTS
from varscore.engines.incremental.kernels.products import Products
from varscore.engines.incremental.kernels.steps import Steps, is_compiled, steps_for
from varscore.engines.incremental.schedule.costs import trunk_flops
from varscore.engines.incremental.schedule.reach import Reach
from varscore.engines.incremental.schedule.walks import Level
from varscore.models.basenji2 import Basenji2, ConvBlock

# Layers of the tower whose roundings all others take up.
_CAREFUL = 2


class TrunkLayer:
    """One convolution block of the trunk, on references and on differences.

    Parameters
    ----------
    block : ConvBlock
        Folded.
    activation : str
        The form of GELU.
    products : Products
    careful : bool
        Whether it is to round less.
    """

    def __init__(
        self, block: ConvBlock, activation: str, products: Products, *, careful: bool = False
    ) -> None:
        weight, bias = block.conv.weight, block.conv.bias
        assert bias is not None, "batch norms are folded before the engine is made"
        self.kernel = int(weight.shape[2])
        self.activation = GATED_ACTIVATIONS[activation]
        self._steps = steps_for(self.activation, weight, reduced=False)
        # (C_in, taps x C_out): all taps of an input position in one product. Never reduced: a
        # rounding here is one of all bins behind, where others of many bins even out.
        self.taps, _ = products.with_weight(weight.permute(1, 2, 0).flatten(1))
        self._convolve = convolution(
            weight, bias, 1, products, self._steps, MOST_OUTPUTS, short_sums=careful
        )

    def convolve(self, x: Tensor) -> Tensor:
        """Map (rows, n, C_in) to (rows, n - kernel + 1, C_out): no padding."""
        return self._convolve(self._steps.apply(x))

    def convolve_difference(self, ref: Tensor, diff: Tensor) -> Tensor:
        """Map a difference to all that it reaches, (B, W + kernel - 1, C_out).

        Parameters
        ----------
        ref, diff : Tensor, shape (B, W, C_in)
            The reference, and alternate minus reference, before the activation.
        """
        width = diff.shape[1]
        active = self.activation.difference(ref, self.activation.gate(ref), diff)
        taps = self.taps(active)
        taps = taps.view(len(taps), width, self.kernel, -1)
        wide = taps.new_zeros(len(taps), width + self.kernel - 1, taps.shape[-1])
        for tap in range(self.kernel):  # input i reaches output i - tap + kernel // 2
            first = self.kernel - 1 - tap
            wide[:, first : first + width] += taps[:, :, tap]
        return wide


class Stem(TrunkLayer):
    """The first block, which reads bases: looked up where steps are compiled.

    Parameters
    ----------
    block, activation, products
        As for `TrunkLayer`.
    """

    def __init__(self, block: ConvBlock, activation: str, products: Products) -> None:
        super().__init__(block, activation, products)
        weight, bias = block.conv.weight, block.conv.bias
        assert bias is not None, "batch norms are folded before the engine is made"
        if is_compiled(weight):
            activate = Steps(self.activation, torch.float64).apply
            self._convolve_bases: Convolution = Lookup(weight, bias, activate)
        else:
            self._convolve_bases = super().convolve

    def convolve(self, x: Tensor) -> Tensor:
        """Map one-hot bases, (rows, n, 4), to (rows, n - kernel + 1, C_out)."""
        return self._convolve_bases(x)


class Substitutions:
    """What some substitutions of one length change in the trunk, carried along a walk.

    Parameters
    ----------
    phases : ndarray of int, shape (B,)
    starts : ndarray of int, shape (B,)
        First changed base of each, in the walk's coordinates.
    diff : Tensor, shape (B, W, 4)
        Alternate minus reference, one-hot.

    Attributes
    ----------
    starts : ndarray of int, shape (B,)
        After the walk: the first bin of each in `diff`.
    diff : Tensor, shape (B, W, C)
        After the walk: alternate minus reference of the trunk's output, zero where a
        substitution reaches fewer bins than another.
    """

    def __init__(
        self, phases: NDArray[np.int64], starts: NDArray[np.int64], diff: Tensor
    ) -> None:
        self.phases = phases
        self.starts = starts
        self.ends = starts + diff.shape[1]
        self.diff = diff

    def convolve(self, layer: TrunkLayer, x: Tensor, level: Level, depth: int) -> None:
        """Carry the difference through a layer's activation and convolution.

        Parameters
        ----------
        layer : TrunkLayer
        x : Tensor, shape (rows, n, C_in)
            The reference that the layer reads.
        level : Level
            Where that lies.
        depth : int
            The layer's number.
        """
        ref = self._gather(x, level, depth, self.starts, self.diff.shape[1])
        self.diff = layer.convolve_difference(ref, self.diff)
        self.starts = self.starts - layer.kernel // 2
        self.ends = self.ends + layer.kernel // 2

    def pool(self, y: Tensor, level: Level, depth: int) -> None:
        """Carry the difference through a pooling.

        Parameters
        ----------
        y : Tensor, shape (rows, n, C)
            The reference that is pooled.
        level : Level
            Where that lies.
        depth : int
            The layer's number.
        """
        offsets = self.phases >> depth & 1
        starts = (self.starts - offsets) // 2
        ends = -((offsets - self.ends) // 2)
        width = int((ends - starts).max())
        padding = self.starts - offsets - 2 * starts  # 0 or 1, to the pair's first position
        pairs = self.diff.new_zeros(len(self.diff), 2 * width, self.diff.shape[2])
        for left in range(2):
            chosen = np.flatnonzero(padding == left)
            part = self.diff[self._index(chosen)][:, : 2 * width - left]
            pairs[self._index(chosen), left : left + part.shape[1]] = part
        pairs = pairs.view(len(pairs), width, 2, -1)
        ref = self._gather(y, level, depth, 2 * starts + offsets, 2 * width)
        ref = ref.view(len(ref), width, 2, -1)
        self.diff = max_difference(ref[:, :, 0], ref[:, :, 1], pairs[:, :, 0], pairs[:, :, 1])
        self.starts, self.ends = starts, ends

    def _gather(
        self, x: Tensor, level: Level, depth: int, starts: NDArray[np.int64], width: int
    ) -> Tensor:
        """Return the reference from `starts` on, shape (B, width, C)."""
        length = x.shape[1]
        rows = np.searchsorted(level.rows, self.phases % 2**depth)
        # Where a difference is narrower than the others' its padding may look past the end.
        columns = (starts - level.span.start)[:, None] + np.arange(width)
        flat = rows[:, None] * length + columns.clip(0, length - 1)
        picked = x.reshape(-1, x.shape[2]).index_select(0, self._index(flat.reshape(-1)))
        return picked.view(len(starts), width, -1)

    def _index(self, index: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(index).to(self.diff.device)


class Trunk:
    """The trunk of a network.

    Parameters
    ----------
    network : Basenji2
        Folded.
    products : Products
    """

    def __init__(self, network: Basenji2, products: Products) -> None:
        self.reach = Reach(network.config)
        self._network, self._flops = network, products.flops
        self.channels = network.config.trunk_channels
        activation = network.config.activation
        blocks = [network.stem, *network.tower]
        self.layers = [
            Stem(network.stem, activation, products),
            *(
                TrunkLayer(block, activation, products, careful=number < _CAREFUL)
                for number, block in enumerate(blocks[1:])
            ),
        ]

    def walk(
        self,
        one_hot: Tensor,
        levels: Sequence[Level],
        substitutions: Iterable[Substitutions] = (),
    ) -> Tensor:
        """Compute trunk bins, and carry substitutions along.

        Parameters
        ----------
        one_hot : Tensor, shape (R, n, 4)
            The bases of ``levels[0].span``, channels last. Several sequences (R > 1) only at
            the one phase 0.
        levels : sequence of Level
            As `levels_for` made them.
        substitutions : iterable of Substitutions
            Each changes; the bins it reaches must lie in the last level.

        Returns
        -------
        Tensor, shape (R or phases, bins, C)
        """
        x = one_hot
        for depth, layer in enumerate(self.layers):
            level, child = levels[depth], levels[depth + 1]
            for substitution in substitutions:
                substitution.convolve(layer, x, level, depth)
            y = layer.convolve(x)
            inner = Level(level.rows, level.span.widen(-(layer.kernel // 2)))
            for substitution in substitutions:
                substitution.pool(y, inner, depth)
            x = _pool(y, inner, child, depth)
            del y
        return x

    def window_ends(self, one_hot: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the trunk bins that feel the zero padding at the ends of a window.

        Parameters
        ----------
        one_hot : Tensor, shape (2, n, 4)
            The first and the last bases of the window, twice as many as those bins have.

        Returns
        -------
        left, right : Tensor, shape (edge, C)
        """
        count, length, _ = one_hot.shape
        lengths = [length >> depth for depth in range(len(self.layers))]
        self._flops.add(trunk_flops(self.reach, [count] * len(lengths), lengths))
        x = self._network.stem(one_hot.transpose(1, 2))
        for layer in self._network.tower:
            x = layer(x)
        edge = self.reach.edge
        return x[0, :, :edge].t(), x[1, :, edge:].t()


def _pool(y: Tensor, level: Level, child: Level, depth: int) -> Tensor:
    """Take the maximum of pairs, at the offsets that the child's rows ask for."""
    if child.rows == (0,):  # perhaps of several sequences
        sources: list[list[int]] = [list(range(len(y))), []]
    else:  # the child's rows lie in this order: those of offset 1 are the higher ones
        numbers = {row: number for number, row in enumerate(level.rows)}
        sources = [[], []]
        for row in child.rows:
            sources[row >> depth & 1].append(numbers[row % 2**depth])
    width = child.span.width
    out = y.new_empty(sum(map(len, sources)), width, y.shape[2])
    done = 0
    for offset, chosen in enumerate(sources):
        source = y if len(chosen) == len(y) else y[chosen]
        first = 2 * child.span.start + offset - level.span.start
        pairs = source[:, first : first + 2 * width].view(len(chosen), width, 2, y.shape[2])
        torch.maximum(pairs[:, :, 0], pairs[:, :, 1], out=out[done : done + len(chosen)])
        done += len(chosen)
    return out
