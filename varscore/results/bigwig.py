"""bigWig files, which genome browsers read, of the columns of a table of bins.

The only module that knows pyBigWig. It tells of a disk that is full in places only, so that
each file is looked at once more when it is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyBigWig
from numpy.typing import NDArray

from varscore.errors import OutputError
from varscore.results.file import ResultReader

_AT_ONCE = 64  # files, of which a process may have some hundred open
_MAGIC = bytes.fromhex("26fc8f88")  # first and last in a bigWig


def write_bigwigs(
    table: str | Path, paths: Mapping[str, Path], lengths: Mapping[str, int]
) -> None:
    """Write columns of a table of bins as bigWig files, into an `OutputFolder`.

    Parameters
    ----------
    table : str or Path
        Parquet file that a `BinFile` wrote; contigs in the order of their names, and on each
        bins in theirs, without overlaps.
    paths : mapping of str to Path
        Of each column that is wanted, the file to write; what is there is replaced.
    lengths : mapping of str to int
        Bases of each contig. A bin is cut off at its contig's ends, and left out beyond them.

    Raises
    ------
    OutputError
        If the table cannot be read, or a file cannot be written.
    """
    wanted = list(paths.items())
    with ResultReader(table) as reader:
        for first in range(0, len(wanted), _AT_ONCE):
            _write_some(reader, dict(wanted[first : first + _AT_ONCE]), lengths)


def _write_some(
    reader: ResultReader, paths: Mapping[str, Path], lengths: Mapping[str, int]
) -> None:
    with ExitStack() as stack:
        files = [stack.enter_context(_BigWig(path, lengths)) for path in paths.values()]
        for group in reader.groups(["chrom", "start", "end", *paths]):
            _write_group(group, list(paths), files, lengths)
        for file in files:
            file.finish()


def _write_group(
    group: pa.Table,
    columns: Sequence[str],
    files: Sequence[_BigWig],
    lengths: Mapping[str, int],
) -> None:
    (contig,) = set(group["chrom"].to_pylist())
    starts = np.maximum(group["start"].to_numpy(), 0)
    ends = np.minimum(group["end"].to_numpy(), lengths[contig])
    there = starts < ends
    for column, file in zip(columns, files, strict=True):
        file.write(contig, starts[there], ends[there], group[column].to_numpy()[there])


class _BigWig:
    """One file while it is written; a context manager."""

    def __init__(self, path: Path, lengths: Mapping[str, int]) -> None:
        self._path, self._covered, self._open = path, 0, False
        try:
            self._file = pyBigWig.open(str(path), "w")
            self._open = True
            # Readers search contigs by their names, which must be in order.
            self._file.addHeader(sorted(lengths.items()))
        except RuntimeError as error:
            self._close_file()
            raise self._failed() from error

    def __enter__(self) -> Self:
        return self

    def write(
        self,
        contig: str,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        values: NDArray[np.float32],
    ) -> None:
        if not len(starts):
            return
        try:
            self._file.addEntries(
                [contig] * len(starts),
                starts.tolist(),
                ends=ends.tolist(),
                values=values.astype(np.float64).tolist(),
            )
        except RuntimeError as error:
            raise self._failed() from error
        self._covered += int((ends - starts).sum())

    def finish(self) -> None:
        self._close_file()
        if not self._is_whole():
            raise self._failed()

    def __exit__(self, *_: object) -> None:
        self._close_file()

    def _close_file(self) -> None:
        if self._open:
            self._open = False
            self._file.close()

    def _is_whole(self) -> bool:
        with open(self._path, "rb") as file:
            first = file.read(4)
            file.seek(max(0, os.path.getsize(self._path) - 4))
            if (first, file.read(4)) != (_MAGIC, _MAGIC):
                return False
        written = pyBigWig.open(str(self._path))
        try:
            return bool(written.header()["nBasesCovered"] == self._covered)
        finally:
            written.close()

    def _failed(self) -> OutputError:
        return OutputError(
            f"output {self._path}: cannot be written as a bigWig file; look whether "
            "the disk has room"
        )
