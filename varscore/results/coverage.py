"""Coverage that is predicted along a contig, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from varscore.models.tracks import TrackTable


@dataclass(frozen=True, eq=False)
class Coverage:
    """What a model predicts along a stretch of a contig.

    Attributes
    ----------
    contig : str
        Name in the FASTA file.
    track_table : TrackTable
        The T tracks.
    starts, ends : ndarray, shape (N,), int64
        Each bin's place on the contig, 0-based and half-open; the last bin of a contig may be
        shorter than the others.
    coverage : ndarray, shape (N, T), float32
        Of each bin and track.
    made : mapping of str to object
        Which model, genome and options it was made with, JSON-ready.
    """

    contig: str
    track_table: TrackTable
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    coverage: NDArray[np.float32]
    made: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tracks(self) -> tuple[str, ...]:
        """Identifiers of the tracks."""
        return self.track_table.identifiers

    @classmethod
    def joined(cls, pieces: Sequence[Self]) -> Self:
        """Return pieces of one contig, at least one, that follow one another as one."""
        first = pieces[0]
        return cls(
            first.contig,
            first.track_table,
            np.concatenate([piece.starts for piece in pieces]),
            np.concatenate([piece.ends for piece in pieces]),
            np.concatenate([piece.coverage for piece in pieces]),
            first.made,
        )
