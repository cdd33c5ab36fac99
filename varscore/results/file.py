"""A Parquet file of varscore's: written whole or not at all, read a row group at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from varscore.atomic import Partial, naming_output
from varscore.errors import OutputError
from varscore.results.provenance import Provenance, check_format, parse_json
from varscore.results.target import check_result_target

METADATA_KEY = "varscore"


class Record(Protocol):
    """What a file says about how its table came about."""

    def to_json(self) -> dict[str, Any]:
        """Return it, JSON-ready, with its ``format``."""


class ResultFile:
    """Writes a Parquet file; a context manager.

    The file appears when it is committed, which is the last that is done with it. Until then
    its rows stand aside, as `varscore.atomic` says; without a commit they are removed.

    Parameters
    ----------
    path : str or Path
        The file to write.
    schema : pyarrow.Schema
    force : bool
        Whether to replace an existing file.
    dictionary, statistics : sequence of str
        Columns to encode as dictionaries, as those that name tracks always are, and to keep
        minima and maxima of.

    Raises
    ------
    OutputError
        As `check_result_target`, when made; from then on, if the file cannot be written, as
        when the disk is full.
    """

    def __init__(
        self,
        path: str | Path,
        schema: pa.Schema,
        *,
        force: bool = False,
        dictionary: Sequence[str] = ("chrom", "ref", "alt", "status"),
        statistics: Sequence[str] = ("chrom", "pos", "record"),
    ) -> None:
        check_result_target(path, force=force)
        self.path, self.schema = Path(path), schema
        of_tracks = [field for field in schema if b"measure" in (field.metadata or {})]
        names = [field.name for field in of_tracks if field.type == pa.string()]
        self._dictionary, self._statistics = [*dictionary, *names], list(statistics)
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
            self._partial.__exit__()
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

    def commit(self, record: Record) -> None:
        """Write how the table came about, and let the file appear.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        text = json.dumps(record.to_json(), allow_nan=False)
        with naming_output(self.path):
            self._parquet.add_key_value_metadata({METADATA_KEY: text})
            self._parquet.close()
            self._file.close()
        self._partial.commit()

    def __exit__(self, *_: object) -> None:
        self._parquet.is_open = False  # else its finaliser writes to the closed file
        with suppress(OSError):
            self._file.close()
        self._partial.__exit__()


class HeldResult:
    """A result in memory, in place of a `ResultFile`; a context manager.

    Parameters
    ----------
    schema : pyarrow.Schema

    Attributes
    ----------
    table : pyarrow.Table
        What was written until now.
    provenance : Provenance or None
        What was committed.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.table = schema.empty_table()
        self.provenance: Provenance | None = None

    def write(self, table: pa.Table) -> None:
        """Append a table of the schema."""
        self.table = pa.concat_tables([self.table, table])

    def commit(self, provenance: Provenance) -> None:
        """Keep how the table came about."""
        self.provenance = provenance

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class ResultReader:
    """Reads a Parquet file of varscore's; a context manager.

    Parameters
    ----------
    path : str or Path

    Attributes
    ----------
    path : Path
    schema : pyarrow.Schema
        Its columns, without the file's metadata.
    rows : int

    Raises
    ------
    OutputError
        If the file is absent, not whole, not varscore's or of a later version of varscore.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self._naming():
            self._parquet = pq.ParquetFile(self.path)
        try:
            self.metadata = self._metadata()
        except BaseException:
            self._parquet.close()
            raise
        self.schema = self._parquet.schema_arrow.remove_metadata()
        self.rows: int = self._parquet.metadata.num_rows

    def _metadata(self) -> dict[str, Any]:
        text = (self._parquet.metadata.metadata or {}).get(METADATA_KEY.encode())
        if text is None:
            raise OutputError(
                f"{self.path}: a Parquet file, but not one that varscore wrote "
                f"(no metadata {METADATA_KEY!r})"
            )
        facts = parse_json(text, self.path)
        check_format(facts, self.path)
        return dict(facts)

    def provenance(self) -> Provenance:
        """Return how the table came about.

        Raises
        ------
        OutputError
            If the file is another than a result or a plan's, or what it says is damaged.
        """
        if kind := self.metadata.get("kind"):
            raise OutputError(f"{self.path}: is a {kind}, no result; give scores")
        return Provenance.from_json(self.metadata, self.path)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Read some columns, at once.

        Raises
        ------
        OutputError
            If the file is damaged.
        """
        with self._naming():
            return self._parquet.read(columns=list(columns))

    def groups(
        self, columns: Sequence[str] | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[pa.Table]:
        """Read rows, a row group at a time.

        Parameters
        ----------
        columns : sequence of str, optional
            All if not given.
        start, stop : int
            Numbers of the first row and of the one after the last, 0-based; all if not given.

        Yields
        ------
        pyarrow.Table

        Raises
        ------
        OutputError
            If the file is damaged.
        """
        last = self.rows if stop is None else stop
        first = 0
        for group in range(self._parquet.num_row_groups):
            rows = self._parquet.metadata.row_group(group).num_rows
            low, high = max(start - first, 0), min(last - first, rows)
            if low < high:
                with self._naming():
                    table = self._parquet.read_row_group(
                        group, columns=None if columns is None else list(columns)
                    )
                yield table.slice(low, high - low)
            first += rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._parquet.close()

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Turn what a missing or damaged Parquet file raises into an `OutputError`."""
        try:
            yield
        except FileNotFoundError as error:
            raise OutputError(f"{self.path}: no such file") from error
        except (OSError, pa.ArrowInvalid) as error:
            reason = str(error).partition("\n")[0]
            raise OutputError(f"{self.path}: not a whole Parquet file: {reason}") from error
