"""A Parquet file of what is predicted along the genome: a row a bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.models.tracks import TrackTable
from varscore.results.file import ResultFile
from varscore.results.provenance import head_of

_PLACES = (
    pa.field("chrom", pa.string(), nullable=False),
    pa.field("start", pa.int64(), nullable=False),
    pa.field("end", pa.int64(), nullable=False),
)


@dataclass(frozen=True)
class BinRecord:
    """How a table of bins came about.

    Attributes
    ----------
    kind : str
        What it is a table of.
    made : mapping of str to object
        With what it was made, JSON-ready.
    """

    kind: str
    made: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return it, JSON-ready."""
        return {**head_of(self.kind), **self.made}


class BinFile:
    """Writes a Parquet file of bins; a context manager.

    Columns are ``chrom``, ``start`` and ``end`` (0-based and half-open), then a float column
    ``<quantity>_<identifier>`` a quantity and track, whose metadata has the track's index,
    identifier, description and what else is known of it. The file appears when it is committed.

    Parameters
    ----------
    path : str or Path
    quantities : sequence of str
        What is written of each track, such as ``coverage``.
    tracks : TrackTable
    force : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        As `ResultFile`.
    """

    def __init__(
        self,
        path: str | Path,
        quantities: Sequence[str],
        tracks: TrackTable,
        *,
        force: bool = False,
    ) -> None:
        facts = [
            {
                **{name: cells[row] for name, cells in tracks.columns.items()},
                "index": str(tracks.indices[row]),
                "identifier": tracks.identifiers[row],
                "description": tracks.descriptions[row],
            }
            for row in range(len(tracks))
        ]
        values = [
            pa.field(
                f"{quantity}_{about['identifier']}",
                pa.float32(),
                nullable=False,
                metadata={"quantity": quantity, **about},
            )
            for quantity in quantities
            for about in facts
        ]
        self._file = ResultFile(
            path,
            pa.schema([*_PLACES, *values]),
            force=force,
            dictionary=("chrom",),
            statistics=("chrom", "start", "end"),
        )

    def write(
        self,
        contig: str,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        *values: NDArray[np.float32],
    ) -> None:
        """Append bins of one contig as one row group.

        Parameters
        ----------
        contig : str
        starts, ends : ndarray, shape (N,)
        *values : ndarray, shape (N, T)
            Of each quantity.
        """
        places = [pa.array([contig]).take(pa.array(np.zeros(len(starts), np.int8)))]
        places += [pa.array(starts), pa.array(ends)]
        columns = [
            pa.array(column.astype(np.float32, copy=False))
            for table in values
            for column in table.T
        ]
        self._file.write(pa.table([*places, *columns], schema=self._file.schema))

    def commit(self, record: BinRecord) -> None:
        """Write how the table came about, and let the file appear."""
        self._file.commit(record)

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.__exit__()
