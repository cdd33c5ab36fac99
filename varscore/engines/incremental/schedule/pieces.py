"""Pieces: which bins behind a dilated block are worth computing where few of them count.

A block reads bins a dilation apart. Where a few neighbouring bins are wanted of it, it needs
some pieces of its input, and what lies between them needs not be computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from varscore.engines.incremental.schedule.reach import Reach, Span

Rows = NDArray[np.int64]

# FLOPs to save at a variant and block: finding the pieces costs as much.
_WORTH = 4_000_000


@dataclass(frozen=True)
class Pieces:
    """What a block computes of its output, and where it finds what that is made of.

    Attributes
    ----------
    starts : tuple of int
        The first bin of each piece.
    width : int
        Bins of each.
    taps : ndarray of int, shape (pieces x width x taps,)
        The row of the input, which is of `inputs` rows, that each tap of each bin reads; -1
        where that is zero.
    centre : ndarray of int, shape (pieces x width,)
        The row of the input that is each bin itself; -1 where that is zero.
    inputs : int
    """

    starts: tuple[int, ...]
    width: int
    taps: Rows
    centre: Rows
    inputs: int

    def of_batch(self, rows: Rows, count: int) -> Rows:
        """Return `taps` or `centre` for variants whose inputs follow one another.

        Parameters
        ----------
        rows : ndarray of int
            One of these.
        count : int
            Variants.
        """
        moved = rows + self.inputs * np.arange(count)[:, None]
        return np.where(rows < 0, -1, moved).reshape(-1)


def plan_pieces(reach: Reach, active: Sequence[Span]) -> tuple[Pieces | None, ...]:
    """Choose what the blocks compute.

    Parameters
    ----------
    reach : Reach
    active : sequence of Span
        Bins whose difference is not zero and counts, before each residual block and after the
        last.

    Returns
    -------
    tuple of Pieces or None
        Of each block; None where it computes all of its active bins, as the first ones do.
    """
    dilations, taps = reach.config.dilations, reach.config.block_kernel_size
    out, window = active[-1], Span(0, reach.config.window_bins)
    wanted: tuple[int, ...] = (out.start,)
    starts: dict[int, tuple[int, ...]] = {}
    for block in reversed(range(len(dilations))):
        found = len(wanted) * out.width
        # Products of each input bin with all taps, and of each output bin.
        saved = taps * active[block].width + active[block + 1].width - (taps + 1) * found
        if saved * 2 * reach.config.trunk_channels * reach.config.block_channels < _WORTH:
            break
        read = {
            start + (tap - taps // 2) * dilations[block]
            for start in wanted
            for tap in range(taps)
        }
        if not all(window.covers(Span(start, start + out.width)) for start in read):
            break
        starts[block] = wanted
        changed = active[block]
        wanted = tuple(
            start
            for start in sorted(read)
            if changed.meet(Span(start, start + out.width)).width
        )
    pieces: list[Pieces | None] = []
    # The pieces of a block's input.
    given: tuple[int, ...] = (active[0].start,)
    width = active[0].width
    for block, dilation in enumerate(dilations):
        if block not in starts:
            pieces.append(None)
            given, width = (active[block + 1].start,), active[block + 1].width
            continue
        reads = [(tap - taps // 2) * dilation for tap in range(taps)]
        bins = np.add.outer(starts[block], np.arange(out.width)).reshape(-1)
        pieces.append(
            Pieces(
                starts[block],
                out.width,
                _rows(np.add.outer(bins, reads).reshape(-1), given, width),
                _rows(bins, given, width),
                len(given) * width,
            )
        )
        given, width = starts[block], out.width
    return tuple(pieces)


def _rows(bins: Rows, starts: Sequence[int], width: int) -> Rows:
    """Return where some bins lie among pieces that follow one another; -1 for nowhere."""
    first = np.asarray(starts)
    piece = np.searchsorted(first, bins, side="right") - 1
    offset = bins - first[piece]
    return np.where((piece >= 0) & (offset < width), piece * width + offset, -1)
