"""A reference along some bins, from which differences are carried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
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
    """

    values: Tensor
    start: int

    def windows(self, starts: Sequence[int], width: int) -> Tensor:
        """Return the values from each start on, shape (B, width, C); a view of a single one.

        Parameters
        ----------
        starts : sequence of int, length B
            Bins.
        width : int
            Bins from each on.
        """
        first = [start - self.start for start in starts]
        check_inside(min(first), max(first) + width, len(self.values))
        if len(first) == 1:
            return self.values[None, first[0] : first[0] + width]
        index = torch.tensor(first)[:, None] + torch.arange(width)
        index = index.reshape(-1).to(self.values.device, non_blocking=True)
        return self.values.index_select(0, index).view(len(first), width, -1)


@dataclass(frozen=True)
class Point:
    """What an activation reads along a segment, x, and its gate: it gives x * gate."""

    values: Stored
    gate: Stored
