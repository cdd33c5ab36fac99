"""Dividing memory among the parts of the work, whatever a VCF's density."""

from __future__ import annotations

from dataclasses import dataclass

from varscore.engines.incremental.schedule.costs import segment_bytes
from varscore.engines.incremental.schedule.reach import Reach, Span


@dataclass(frozen=True)
class Budget:
    """What the parts of the work may fill.

    Attributes
    ----------
    stretch : int
        Bytes of a stretch's trunk and of the segments that are kept.
    trunk_bin, segment_bin : int
        Bytes of a bin of these; segments, of all that are kept at a time.
    walk : int
        Bytes of a walk along the trunk.
    batch : int
        Variants of a batch.
    workers : int
        How many threads each walk and score batches of their own.
    """

    stretch: int
    trunk_bin: int
    segment_bin: int
    walk: int
    batch: int
    workers: int

    @classmethod
    def of(
        cls,
        memory: int,
        largest_batch: int,
        reach: Reach,
        members: int,
        n_tracks: int,
        itemsize: int,
        threads: int,
    ) -> Budget:
        """Divide memory.

        There are as many workers as threads, unless segments of two windows for each of
        them would take more than half of the memory.

        Parameters
        ----------
        memory : int
            Bytes.
        largest_batch : int
            Variants that a batch may have at most.
        reach : Reach
        members : int
            Windows that are averaged: strands times shifts.
        n_tracks : int
        itemsize : int
            Bytes of a number.
        threads : int
        """
        config = reach.config
        widest = reach.needed(Span(0, 1))[0].width + 2 * reach.edge
        variant = members * min(widest, config.window_bins) * 6 * config.head_channels
        segment_bin = members * segment_bytes(reach, n_tracks, itemsize)
        most = memory // (4 * config.window_bins * segment_bin)
        workers = max(1, min(threads, most))
        return cls(
            # Walks are over before there are segments and batches.
            stretch=memory * 85 // 100,
            trunk_bin=config.trunk_channels * itemsize,
            segment_bin=segment_bin * workers,
            walk=memory * 14 // 100 // workers,
            batch=min(max(1, memory // 10 // workers // (variant * itemsize)), largest_batch),
            workers=workers,
        )
