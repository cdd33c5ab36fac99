"""Dividing memory among the parts of the work, whatever a VCF's density."""

from __future__ import annotations

from dataclasses import dataclass

from varscore.engines.reach import Reach, Span
from varscore.engines.reference import segment_bytes


@dataclass(frozen=True)
class Budget:
    """What the parts of the work may fill.

    Attributes
    ----------
    stretch : int
        Bytes of a stretch's trunk and of the segments that are kept.
    trunk_bin, segment_bin : int
        Bytes of a bin of these.
    walk : int
        Bytes of a walk along the trunk.
    batch : int
        Variants of a batch.
    """

    stretch: int
    trunk_bin: int
    segment_bin: int
    walk: int
    batch: int

    @classmethod
    def of(
        cls,
        memory: int,
        largest_batch: int,
        reach: Reach,
        members: int,
        n_tracks: int,
        itemsize: int,
    ) -> Budget:
        """Divide `memory` bytes; numbers are of `itemsize` bytes."""
        config = reach.config
        widest = reach.needed(Span(0, 1))[0].width + 2 * reach.edge
        variant = members * min(widest, config.window_bins) * 6 * config.head_channels
        return cls(
            stretch=memory * 7 // 10,
            trunk_bin=config.trunk_channels * itemsize,
            segment_bin=members * segment_bytes(reach, n_tracks, itemsize),
            walk=memory * 15 // 100,
            batch=min(max(1, memory // 8 // (variant * itemsize)), largest_batch),
        )
