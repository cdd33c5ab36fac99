"""What happens between the matrix products, on whatever computes it.

A step on differences reads a reference along a segment, at the bins of each variant of a
batch, and the differences of the batch. `Steps` runs anywhere and in any precision;
`FusedSteps` is the same in float32 on a CPU, several times as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from varscore.engines.incremental.kernels import fused
from varscore.engines.incremental.kernels.difference import GatedActivation, softplus_difference
from varscore.engines.incremental.kernels.stored import Point, Stored, check_inside


@dataclass(frozen=True)
class Sums:
    """Sums that are made alike for each of G groups.

    Attributes
    ----------
    rows : ndarray of int, shape (G, n)
        Rows of each group; -1 where there is none, which reads as zeros.
    factors : ndarray, shape (sums, what is added up)
    """

    rows: NDArray[np.int64]
    factors: NDArray[np.float64]


class Steps:
    """The steps as operations of torch; B variants, W bins, C channels, T tracks.

    `starts` is everywhere the bin, as the segment counts them, at which each variant's bins
    begin. What a product is to read may come in bfloat16, what it gave may be in bfloat16.

    Parameters
    ----------
    activation : GatedActivation
    dtype : torch.dtype
        Of references and differences.
    """

    def __init__(self, activation: GatedActivation, dtype: torch.dtype) -> None:
        self._activation, self._dtype = activation, dtype

    def apply(self, x: Tensor) -> Tensor:
        """Return what the activation gives."""
        return self._activation.gate(x).mul_(x)

    def reference(self, x: Stored) -> tuple[Point, Tensor]:
        """Return a reference as a point, and its activation, shape (n, C).

        Parameters
        ----------
        x : Stored
            Of shape (n, C).
        """
        gate = self._activation.gate(x.values)
        return Point(x, x.with_values(gate)), x.values * gate

    def combine(self, x: Tensor, sums: Sums) -> Tensor:
        """Add rows up.

        Parameters
        ----------
        x : Tensor, shape (n, C)
        sums : Sums
            Its J columns are what each of K sums of a group adds up.

        Returns
        -------
        Tensor, shape (K, G, C)
        """
        rows = x[_on(sums.rows.clip(min=0), x.device)]
        rows.masked_fill_(_on(sums.rows < 0, x.device)[..., None], 0)
        return torch.einsum("kj,gjc->kgc", _on(sums.factors, x.device).to(x.dtype), rows)

    def combine_into(
        self, out: Tensor, sums: Sums, parts: Sequence[Tensor], bias: Tensor
    ) -> None:
        """Add parts up, and write the sums to rows.

        Parameters
        ----------
        out : Tensor, shape (n, C)
        sums : Sums
            Its M columns are where the M sums of K parts are written.
        parts : sequence of Tensor, shape (G, C)
            K of them.
        bias : Tensor, shape (C,)
            Added to each sum.
        """
        weights = _on(sums.factors, out.device).to(out.dtype)
        rows = torch.einsum("mk,kgc->gmc", weights, torch.stack(list(parts))).add_(bias)
        chosen = np.flatnonzero(sums.rows >= 0)
        found = rows.flatten(0, 1)[_on(chosen, out.device)]
        out.index_copy_(0, _on(sums.rows.reshape(-1)[chosen], out.device), found)

    def activate(self, point: Point, starts: Sequence[int], diff: Tensor) -> Tensor:
        """Return the difference after an activation, shape (B, W, C).

        Parameters
        ----------
        point : Point
            The reference that the activation reads.
        starts : sequence of int, length B
        diff : Tensor, shape (B, W, C)
            The difference that it reads.
        """
        ref, gate = (x.windows(starts, diff.shape[1]) for x in (point.values, point.gate))
        return self._activation.difference(ref, gate, diff.to(self._dtype))

    def activate_taps(
        self,
        point: Point,
        starts: Sequence[int],
        taps: Tensor,
        width: int,
        first: int,
        dilation: int,
    ) -> Tensor:
        """Add up the taps of a dilated convolution and activate the sum.

        Parameters
        ----------
        point, starts
        taps : Tensor, shape (B, V, K, C)
            What each of V input bins gives to K output bins.
        width, first, dilation : int
            Output bin w of `width` takes tap k of input bin first + w + k * dilation, if
            there is one.

        Returns
        -------
        Tensor, shape (B, W, C)
        """
        count, inputs, kernel, channels = taps.shape
        total = taps.new_zeros(count, width, channels, dtype=self._dtype)
        for tap in range(kernel):
            offset = first + tap * dilation
            low, high = max(0, -offset), min(width, inputs - offset)
            if low < high:
                total[:, low:high] += taps[:, low + offset : high + offset, tap]
        return self.activate(point, starts, total)

    def add_and_activate(
        self, point: Point, starts: Sequence[int], new: Tensor, old: Tensor, first: int
    ) -> tuple[Tensor, Tensor]:
        """Add a residual branch to what went into it, and activate the sum.

        Parameters
        ----------
        point, starts
        new : Tensor, shape (B, W, C)
            What the branch gave; it may be overwritten.
        old : Tensor, shape (B, V, C)
        first : int
            Bin w of `new` is bin first + w of `old`, if there is one.

        Returns
        -------
        total, active : Tensor, shape (B, W, C)
        """
        total = new.to(self._dtype)
        low, high = max(0, -first), min(new.shape[1], old.shape[1] - first)
        if low < high:
            total[:, low:high] += old[:, low + first : high + first]
        return total, self.activate(point, starts, total)

    def softplus(
        self, logits: Stored, slope: Stored, starts: Sequence[int], diff: Tensor
    ) -> Tensor:
        """Return the difference of coverage of a difference of logits, shape (B, W, T).

        Parameters
        ----------
        logits, slope : Stored
            The reference's, and the slope of softplus there.
        starts : sequence of int, length B
        diff : Tensor, shape (B, W, T)
            Of the logits.
        """
        ref, at = (stored.windows(starts, diff.shape[1]) for stored in (logits, slope))
        return softplus_difference(ref, at, diff.to(self._dtype))


class FusedSteps(Steps):
    """The steps as compiled loops: float32, on a CPU.

    Parameters
    ----------
    activation : GatedActivation
    reduced : bool
        Whether products read bfloat16, which the steps then give.
    """

    def __init__(self, activation: GatedActivation, *, reduced: bool) -> None:
        super().__init__(activation, torch.float32)
        self._gate = np.float32(activation.linear), np.float32(activation.cubic)
        self._active = torch.bfloat16 if reduced else torch.float32

    def apply(self, x: Tensor) -> Tensor:
        out = torch.empty(x.shape)
        fused.activation(_bits(x).reshape(-1), *self._gate, _bits(out).reshape(-1))
        return out

    def reference(self, x: Stored) -> tuple[Point, Tensor]:
        gate, active = torch.empty_like(x.values), torch.empty_like(x.values)
        fused.gate_and_activate(_bits(x.values), *self._gate, _bits(gate), _bits(active))
        return Point(x, x.with_values(gate)), active

    def combine(self, x: Tensor, sums: Sums) -> Tensor:
        check_inside(0, int(sums.rows.max(initial=-1)) + 1, len(x))
        out = torch.empty(len(sums.factors), len(sums.rows), x.shape[1])
        fused.combine(_bits(x), sums.rows, sums.factors.astype(np.float32), _bits(out))
        return out

    def combine_into(
        self, out: Tensor, sums: Sums, parts: Sequence[Tensor], bias: Tensor
    ) -> None:
        check_inside(0, int(sums.rows.max(initial=-1)) + 1, len(out))
        for part in parts:
            check_inside(0, len(sums.rows), len(part))
        weights, numbers = sums.factors.astype(np.float32), tuple(map(_bits, parts))
        fused.combine_into(_bits(out), sums.rows, weights, numbers, _bits(bias))

    def activate(self, point: Point, starts: Sequence[int], diff: Tensor) -> Tensor:
        out = torch.empty(diff.shape, dtype=self._active)
        at = _reference(point, starts, out.shape)
        fused.activate(*at, _bits(diff), *self._gate, _bits(out))
        return out

    def activate_taps(
        self,
        point: Point,
        starts: Sequence[int],
        taps: Tensor,
        width: int,
        first: int,
        dilation: int,
    ) -> Tensor:
        out = torch.empty(taps.shape[0], width, taps.shape[3], dtype=self._active)
        at = _reference(point, starts, out.shape)
        fused.activate_taps(*at, _bits(taps), first, dilation, *self._gate, _bits(out))
        return out

    def add_and_activate(
        self, point: Point, starts: Sequence[int], new: Tensor, old: Tensor, first: int
    ) -> tuple[Tensor, Tensor]:
        total = torch.empty(new.shape, dtype=torch.float32)
        out = torch.empty(new.shape, dtype=self._active)
        at, sums = _reference(point, starts, new.shape), (_bits(new), _bits(old), first)
        fused.add_and_activate(*at, *sums, *self._gate, _bits(total), _bits(out))
        return total, out

    def softplus(
        self, logits: Stored, slope: Stored, starts: Sequence[int], diff: Tensor
    ) -> Tensor:
        out = torch.empty(diff.shape, dtype=torch.float32)
        at = _from(logits, slope, starts, out.shape)
        fused.softplus_difference(*at, _bits(diff), _bits(out))
        return out


def steps_for(activation: GatedActivation, weight: Tensor, *, reduced: bool) -> Steps:
    """Choose the steps.

    Parameters
    ----------
    activation : GatedActivation
    weight : Tensor
        Any of the weights, for its device and dtype.
    reduced : bool
        Whether products of differences read bfloat16.
    """
    if is_compiled(weight):
        return FusedSteps(activation, reduced=reduced)
    return Steps(activation, weight.dtype)


def is_compiled(weight: Tensor) -> bool:
    """Tell whether compiled loops serve a network, by one of its weights."""
    return weight.device.type == "cpu" and weight.dtype == torch.float32


def _on(array: NDArray[Any], device: torch.device) -> Tensor:
    return torch.from_numpy(array).to(device, non_blocking=True)


def _reference(
    point: Point, starts: Sequence[int], shape: torch.Size
) -> tuple[NDArray[Any], ...]:
    return _from(point.values, point.gate, starts, shape)


def _from(
    stored: Stored, beside: Stored, starts: Sequence[int], shape: torch.Size
) -> tuple[NDArray[Any], ...]:
    """Return two references and where each variant's bins begin in them.

    The compiled loops do not look whether what they are to read, of shape (B, W, C), is there.
    """
    count, width, channels = shape
    first = stored.rows(starts, width)
    if (len(first), *stored.values.shape[1:]) != (count, channels) or (
        stored.values.shape != beside.values.shape
    ):
        raise IndexError(
            f"{len(first)} variants against references of {tuple(stored.values.shape)} and "
            f"{tuple(beside.values.shape)}, for a result of {tuple(shape)}"
        )
    return _bits(stored.values), _bits(beside.values), first


def _bits(tensor: Tensor) -> NDArray[Any]:
    """Return a CPU tensor's memory; of bfloat16, as integers with its bits."""
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.contiguous().numpy()
