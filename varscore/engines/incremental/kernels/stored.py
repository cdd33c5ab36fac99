"""A reference along some bins, from which differences are carried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def check_inside(first: int, end: int, length: int) -> None:
    """Check that some rows of a reference are there, before memory beside it is read.

    Parameters
    ----------
    first, end : int
        The first row, and the one behind the last.
    length : int
        Rows that there are.

    Raises
    ------
    IndexError
        If they are not; a bug of the engine's.
    """
    if first < 0 or end > length:
        raise IndexError(f"rows {first} to {end} of a reference of {length}")


@dataclass(frozen=True)
class Stored:
    """A reference along some bins.

    Attributes
    ----------
    values : Tensor, shape (n, C)
    start : int
        Bin of the first value.
    jumps : tuple of (int, int)
        Where bins are left out: the row that lies behind them, in ascending order, and how
        many bins have been left out by then.
    """

    values: Tensor
    start: int
    jumps: tuple[tuple[int, int], ...] = ()

    def rows(self, starts: Sequence[int], width: int) -> NDArray[np.int64]:
        """Return the row from which each start's bins lie one behind the other.

        Parameters
        ----------
        starts : sequence of int, length B
            Bins.
        width : int
            Bins from each on.

        Raises
        ------
        IndexError
            If some are not there; a bug of the engine's.
        """
        bins = np.asarray(starts, np.int64) - self.start
        first, missing = np.array([(0, 0), *self.jumps], np.int64).T
        piece = np.searchsorted(first + missing, bins, side="right") - 1
        rows: NDArray[np.int64] = bins - missing[piece]
        ends = np.append(first[1:], len(self.values))[piece]
        if (piece < 0).any() or (rows + width > ends).any():
            raise IndexError(f"{width} bins from {list(starts)} on are not all in a reference")
        return rows

    def with_values(self, values: Tensor) -> Stored:
        """Return other values, shape (n, C'), of the same bins."""
        return replace(self, values=values)

    def of(self, pieces: Sequence[tuple[int, int]]) -> Stored:
        """Return the values of some bins alone; a view of a single piece.

        Parameters
        ----------
        pieces : sequence of (int, int)
            The first bin of each piece and the one behind its last, in ascending order.
        """
        firsts = [int(self.rows([start], end - start)[0]) for start, end in pieces]
        widths = [end - start for start, end in pieces]
        parts = [self.values[f : f + w] for f, w in zip(firsts, widths, strict=True)]
        begin, jumps, row = pieces[0][0], [], 0
        for (start, _), width in zip(pieces, widths, strict=True):
            if row:
                jumps.append((row, start - begin - row))
            row += width
        values = parts[0] if len(parts) == 1 else torch.cat(parts)
        return Stored(values, begin, tuple(jumps))

    def windows(self, starts: Sequence[int], width: int) -> Tensor:
        """Return the values from each start on, shape (B, width, C); a view of a single one.

        Parameters
        ----------
        starts : sequence of int, length B
            Bins.
        width : int
            Bins from each on.
        """
        first = self.rows(starts, width)
        if len(first) == 1:
            return self.values[None, first[0] : first[0] + width]
        index = torch.from_numpy(first)[:, None] + torch.arange(width)
        index = index.reshape(-1).to(self.values.device, non_blocking=True)
        return self.values.index_select(0, index).view(len(first), width, -1)


def take(x: Tensor, rows: NDArray[np.int64]) -> Tensor:
    """Return some rows of a tensor, shape (n, C); zeros for those numbered -1.

    Parameters
    ----------
    x : Tensor, shape (m, C)
    rows : ndarray of int, shape (n,)
    """
    index = torch.from_numpy(rows.clip(min=0)).to(x.device, non_blocking=True)
    out = x.index_select(0, index)
    if len(missing := np.flatnonzero(rows < 0)):
        out.index_fill_(0, torch.from_numpy(missing).to(x.device, non_blocking=True), 0)
    return out


@dataclass(frozen=True)
class Point:
    """What an activation reads along a segment, x, and its gate: it gives x * gate."""

    values: Stored
    gate: Stored
