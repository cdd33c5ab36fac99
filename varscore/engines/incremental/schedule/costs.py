"""What the parts of the work cost, in FLOPs and in bytes.

A multiplication and an addition count as two FLOPs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from varscore.engines.incremental.schedule.reach import Reach, Span


def trunk_flops(reach: Reach, rows: Sequence[int], widths: Sequence[int]) -> int:
    """Count the trunk's FLOPs.

    Parameters
    ----------
    reach : Reach
    rows, widths : sequence of int
        Of each convolution of the trunk: how many sequences it is applied to, and how many
        outputs each of these has.
    """
    config = reach.config
    channels = (4, config.stem_channels, *config.tower_channels)
    return sum(
        2 * row * width * kernel * before * after
        for row, width, kernel, before, after in zip(
            rows, widths, reach.kernels, channels[:-1], channels[1:], strict=True
        )
    )


def block_flops(reach: Reach, before: Sequence[int], after: Sequence[int]) -> int:
    """Count the residual blocks' FLOPs.

    A dilated convolution is counted as the product of its input bins with all taps.

    Parameters
    ----------
    reach : Reach
    before, after : sequence of int
        Bins that go into each block, and that come out.
    """
    config = reach.config
    outer, inner = config.trunk_channels, config.block_channels
    taps = config.block_kernel_size
    return sum(2 * outer * inner * (taps * a + b) for a, b in zip(before, after, strict=True))


def head_flops(reach: Reach, bins: int, n_tracks: int) -> int:
    """Count the FLOPs of the head and of the final projection.

    Parameters
    ----------
    reach : Reach
    bins, n_tracks : int
        That are predicted.
    """
    config = reach.config
    return 2 * bins * config.head_channels * (config.trunk_channels + n_tracks)


def segment_flops(reach: Reach, bins: int, predicted: int, n_tracks: int) -> int:
    """Count the FLOPs of a segment that does not reach to a window's ends.

    Parameters
    ----------
    reach : Reach
    bins : int
        That come out of its blocks.
    predicted, n_tracks : int
        Bins and tracks that it predicts.
    """
    widths = [span.width for span in reach.needed(Span(0, bins))]
    blocks = block_flops(reach, widths[:-1], widths[1:])
    return blocks + head_flops(reach, predicted, n_tracks)


def segment_bytes(reach: Reach, n_tracks: int, itemsize: int) -> int:
    """Return the memory that a bin of a segment takes.

    Parameters
    ----------
    reach : Reach
    n_tracks : int
        That it predicts.
    itemsize : int
        Bytes of a number.
    """
    config = reach.config
    per_block = config.trunk_channels + config.block_channels
    values = config.num_blocks * per_block + config.trunk_channels + config.head_channels
    return itemsize * (2 * values + 2 * n_tracks)


def walk_numbers(reach: Reach, n_phases: int) -> int:
    """Count the numbers that the trunk holds at a time for each bin of a walk.

    That is a layer's input, its activation, its output and a step towards that.

    Parameters
    ----------
    reach : Reach
    n_phases : int
        At which the walk is made.
    """
    config = reach.config
    channels = (4, config.stem_channels, *config.tower_channels)
    return max(
        min(n_phases, 1 << depth) * (config.bin_width >> depth) * 2 * (before + after)
        for depth, (before, after) in enumerate(pairwise(channels))
    )
