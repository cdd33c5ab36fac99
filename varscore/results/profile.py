"""Coverage of both alleles of a variant along the genome, as arrays and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from varscore.models.tracks import TrackTable
from varscore.results.bins import BinFile, BinRecord


@dataclass(frozen=True, eq=False)
class Profile:
    """What a model predicts along a variant's window, with either allele.

    Bins are those of the reference window that is not shifted. Some may lie beyond the contig's
    ends, where the model reads N: they count in a score, and `on_contig` tells them apart.

    Attributes
    ----------
    contig : str
        Name in the FASTA file.
    start, end : int
        What the variant replaces on the contig, 0-based and half-open; in normal form.
    ref, alt : str
        The alleles in the order in which they are compared, in normal form.
    id : str
        The VCF's name for it, "." where there is none.
    contig_length : int
        Bases of the contig.
    track_table : TrackTable
        The T tracks: identifiers, descriptions and what else is known of them.
    starts, ends : ndarray, shape (N,), int64
        Each bin's place on the contig, 0-based and half-open.
    reference, alternate : ndarray, shape (N, T), float32
        Predicted coverage of a bin, averaged over strands and shifts where these were asked
        for. Of an indel both are in the reference's frame, as in scores. float64 where the
        model is.
    made : mapping of str to object
        Which model, genome and options it was made with, JSON-ready.
    """

    contig: str
    start: int
    end: int
    ref: str
    alt: str
    id: str
    contig_length: int
    track_table: TrackTable
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    reference: NDArray[np.float32]
    alternate: NDArray[np.float32]
    made: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pos(self) -> int:
        """1-based position of the first base of REF."""
        return self.start + 1

    @property
    def key(self) -> str:
        """``contig:pos:ref:alt``."""
        return f"{self.contig}:{self.pos}:{self.ref}:{self.alt}"

    @property
    def tracks(self) -> tuple[str, ...]:
        """Identifiers of the tracks."""
        return self.track_table.identifiers

    @property
    def difference(self) -> NDArray[np.float32]:
        """Alternate minus reference, shape (N, T): its sum over the bins is the SAD."""
        return self.alternate - self.reference

    @property
    def on_contig(self) -> NDArray[np.bool_]:
        """Of each bin, whether it holds a base of the contig, shape (N,)."""
        return (self.ends > 0) & (self.starts < self.contig_length)

    def around(self, bases: int) -> Profile:
        """Return the bins that hold a base of REF, or one no further from it than so many.

        Parameters
        ----------
        bases : int
            To either side of REF.
        """
        near = (self.ends > self.start - bases) & (self.starts < self.end + bases)
        return replace(
            self,
            starts=self.starts[near],
            ends=self.ends[near],
            reference=self.reference[near],
            alternate=self.alternate[near],
        )

    def write_parquet(self, path: str | Path, *, force: bool = False) -> None:
        """Write a row a bin.

        Parameters
        ----------
        path : str or Path
        force : bool
            Replace an existing file.

        Raises
        ------
        OutputError
            If the file exists, or cannot be written.
        """
        values = {
            "reference": self.reference,
            "alternate": self.alternate,
            "difference": self.difference,
        }
        about = {"variant": self.key, "id": self.id, "contig_length": self.contig_length}
        record = BinRecord("profile", {**about, **self.made})
        with BinFile(path, tuple(values), self.track_table, force=force) as file:
            file.write(self.contig, self.starts, self.ends, *values.values())
            file.commit(record)
