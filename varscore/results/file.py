"""A Parquet file of results that appears whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from varscore.atomic import Partial, check_target, naming_output
from varscore.errors import OutputError

METADATA_KEY = "varscore"


class ResultFile:
    """Writes a Parquet file aside; a context manager, on whose exit the file appears, whole.

    Until then the rows stand aside, as `varscore.atomic` says.

    Parameters
    ----------
    path : str or Path
        The file to write.
    schema : pyarrow.Schema
    metadata : dict
        JSON-ready, kept under the file's metadata key ``varscore``. What is known only later
        may be added until the exit.
    force : bool
        Whether to replace an existing file.
    dictionary, statistics : sequence of str
        Columns to encode as dictionaries, and to keep minima and maxima of.

    Raises
    ------
    OutputError
        As `varscore.atomic.check_target`, when made; from then on, if the file cannot be
        written, as when the disk is full.
    """

    def __init__(
        self,
        path: str | Path,
        schema: pa.Schema,
        metadata: dict[str, Any],
        *,
        force: bool = False,
        dictionary: Sequence[str] = ("chrom", "ref", "alt", "status"),
        statistics: Sequence[str] = ("chrom", "pos", "record"),
    ) -> None:
        check_target(path, force=force)
        self.path = Path(path)
        self.schema = schema
        self.metadata = metadata
        self._dictionary, self._statistics = list(dictionary), list(statistics)
        self._partial = Partial(self.path)

    def __enter__(self) -> Self:
        self._partial.__enter__()
        try:
            # A buffered file, because an unbuffered one may write less than it was given.
            self._file = open(self._partial.path, "wb")
            # Scores hardly repeat: as a dictionary they take 1.4 times the space and 3 times
            # the time; splitting their bytes saves less than 1.5 %, for fewer readers.
            # Minima and maxima of scores would only swell the footer.
            self._parquet = pq.ParquetWriter(
                self._file,
                self.schema,
                compression="zstd",
                use_dictionary=self._dictionary,
                write_statistics=self._statistics,
            )
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, table: pa.Table) -> None:
        """Append a table of the file's schema as one row group.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        with naming_output(self.path):
            self._parquet.write_table(table, row_group_size=max(1, table.num_rows))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._parquet.is_open = False  # else its finaliser writes to the closed file
            self._discard()

    def _finish(self) -> None:
        text = json.dumps(self.metadata, allow_nan=False)
        with naming_output(self.path):
            self._parquet.add_key_value_metadata({METADATA_KEY: text})
            self._parquet.close()
            self._file.close()
            self._partial.commit()

    def _discard(self) -> None:
        """Close and remove the partial file, if there is one; after success there is none."""
        with suppress(OSError):
            self._file.close()
        self._partial.__exit__()


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turn what a missing or damaged Parquet file raises into an `OutputError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise OutputError(f"{file}: no such file") from error
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).partition("\n")[0]
        raise OutputError(f"{file}: not a whole Parquet file: {reason}") from error


def open_result(file: Path) -> pq.ParquetFile:
    """Open a Parquet file of varscore's for reading.

    Raises
    ------
    OutputError
        If the file is absent, not whole or not varscore's.
    """
    with reading(file):
        parquet = pq.ParquetFile(file)
    if METADATA_KEY.encode() not in (parquet.metadata.metadata or {}):
        parquet.close()
        raise OutputError(
            f"{file}: a Parquet file, but not one that varscore wrote "
            f"(no metadata {METADATA_KEY!r})"
        )
    return parquet


def file_metadata(parquet: pq.ParquetFile) -> dict[str, Any]:
    """Return how an open result was made."""
    metadata: dict[str, Any] = json.loads(parquet.metadata.metadata[METADATA_KEY.encode()])
    return metadata
