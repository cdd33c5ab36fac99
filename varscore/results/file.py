"""A Parquet file of varscore's: written whole or not at all, read a row group at a time."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from varscore.errors import OutputError
from varscore.files.atomic import Partial, naming_output
from varscore.results.content import Content, ContentDigest
from varscore.results.provenance import Provenance, check_format, damaged, parse_json
from varscore.results.records import from_json, to_json
from varscore.results.target import check_result_target

METADATA_KEY, CONTENT_KEY = "varscore", "varscore.content"
_SCHEMA_KEY = "ARROW:schema"  # where readers of Arrow look for what Parquet has no place for
_OF_EVERY_RESULT = ("chrom", "pos", "ref", "alt", "key", "status")
_MOST_ROWS_A_BYTE = 64  # keys alone take a byte a row


class Record(Protocol):
    """What a file says about how its table came about."""

    def to_json(self) -> dict[str, Any]:
        """Return it, JSON-ready, with its ``format``."""


class ResultFile:
    """Writes a Parquet file; a context manager.

    How the table came about and a digest of it stand in the file's metadata and in the
    schema's, which tables of Arrow take along when they are filtered and written again.

    The file appears when it is committed, which is the last that is done with it. Until then
    its rows stand aside, as `varscore.files.atomic` says; without a commit they are removed.

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
        statistics: Sequence[str] = ("chrom", "pos", "record", "key"),
    ) -> None:
        check_result_target(path, force=force)
        self.path, self.schema = Path(path), schema
        of_tracks = [field for field in schema if b"measure" in (field.metadata or {})]
        names = [field.name for field in of_tracks if field.type == pa.string()]
        self._dictionary, self._statistics = [*dictionary, *names], list(statistics)
        self._digest = ContentDigest(schema)
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
                store_schema=False,  # written at the end, when its metadata are known
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
        self._digest.update(table)

    def commit(self, record: Record) -> None:
        """Write how the table came about, and let the file appear.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        text = json.dumps(record.to_json(), allow_nan=False)
        content = json.dumps(to_json(self._digest.content(text.encode())))
        facts = {METADATA_KEY: text, CONTENT_KEY: content}
        schema = self.schema.with_metadata(facts).serialize()
        facts[_SCHEMA_KEY] = base64.b64encode(schema).decode("ascii")
        with naming_output(self.path):
            self._parquet.add_key_value_metadata(facts)
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


def _checked(table: pa.Table) -> pa.Table:
    """Return a table in which all text is text, and every place that it names is there."""
    table.validate(full=True)
    return table


def _fields_checked(schema: pa.Schema, file: Path) -> pa.Schema:
    """Return a schema whose fields' metadata are text, and whole where they are of a score.

    Scores are found by their names, which copies may have changed, and by what is said of them.
    """
    for field in schema:
        facts = {name.decode(): text.decode() for name, text in (field.metadata or {}).items()}
        if "statistic" in facts and not (
            {"identifier", "description"} <= facts.keys()
            and re.fullmatch("-1|[0-9]{1,9}", facts.get("index", ""))
        ):
            raise pa.ArrowInvalid(f"column {field.name} does not say what track it is of")
        if "statistic" in facts and not field.name.endswith(f"_{facts['identifier']}"):
            raise OutputError(
                f"{file}: column {field.name} is said to be of track {facts['identifier']}, "
                "whose name it does not end with: one of them was changed; give the column its "
                "former name, or give the original"
            )
    return schema


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
    written : Content or None
        What the file was written with; of a copy that was filtered it is the original's. None
        if the file does not say.

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
            self.written = self._written()
            with self._naming():
                self.schema = _fields_checked(
                    self._parquet.schema_arrow, self.path
                ).remove_metadata()
            self._check_rows()
        except BaseException:
            self._parquet.close()
            raise
        self.rows: int = self._parquet.metadata.num_rows

    def _check_rows(self) -> None:
        """Refuse a file that says of itself to have more rows than it can hold.

        A few bytes can stand for any number of equal values, and reading makes all of them.
        """
        metadata, size = self._parquet.metadata, self.path.stat().st_size
        groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        if min(groups, default=0) < 0 or not (
            sum(groups) == metadata.num_rows <= _MOST_ROWS_A_BYTE * size
        ):
            raise OutputError(
                f"{self.path}: not a whole Parquet file: it is said to have "
                f"{metadata.num_rows:,} rows, {sum(groups):,} of them in its row groups, in "
                f"{size:,} bytes; copy it again, or score again"
            )

    def _metadata(self) -> dict[str, Any]:
        text = self._stored(METADATA_KEY)
        if text is None:
            raise self._foreign()
        facts = parse_json(text, self.path)
        check_format(facts, self.path)
        return dict(facts)

    def _written(self) -> Content | None:
        text = self._stored(CONTENT_KEY)
        if text is None:
            return None
        try:
            return from_json(Content, parse_json(text, self.path))
        except ValueError as error:
            raise damaged(self.path, error) from error

    def _stored(self, key: str) -> bytes | None:
        stored: dict[bytes, bytes] = self._parquet.metadata.metadata or {}
        return stored.get(key.encode())

    def _foreign(self) -> OutputError:
        """Return the error for a file without a record: another one, or a copy."""
        columns = self._parquet.schema_arrow.names
        if not set(_OF_EVERY_RESULT) <= set(columns):
            return OutputError(
                f"{self.path}: a Parquet file, but not one that varscore wrote "
                f"(no metadata {METADATA_KEY!r})"
            )
        by = str(self._parquet.metadata.created_by or "another program").partition(" ")[0]
        if self._stored("pandas") is not None:
            by = "pandas"
        return OutputError(
            f"{self.path}: a copy of a result that {by} saved, without varscore's record of "
            "how it was made and which column is which track's; give the original, or read "
            "the copy with pandas.read_parquet (pyarrow.parquet keeps the record)"
        )

    @property
    def other_rows(self) -> str | None:
        """What is to be said where a copy has other rows than the file it is of; else None."""
        if self.written is None or self.written.rows == self.rows:
            return None
        return f"a copy with {self.rows:,} rows of a file with {self.written.rows:,}"

    def content(self, on_rows: Callable[[pa.Table], None] | None = None) -> Content:
        """Return what the file holds, all of which is read.

        Parameters
        ----------
        on_rows : callable, optional
            Gets the rows as they are read, a row group at a time.

        Raises
        ------
        OutputError
            If the file is damaged.
        """
        digest = ContentDigest(self.schema)
        for table in self.groups():
            digest.update(table)
            if on_rows is not None:
                on_rows(table)
        return digest.content(self._stored(METADATA_KEY) or b"")

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
            return _checked(self._parquet.read(columns=list(columns)))

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
                    _checked(table)
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
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            reason = str(error).partition("\n")[0]
            if "magic bytes" in reason:  # which says that in words of its own
                reason = "its end is not that of one; give a result of `varscore score`"
            raise OutputError(f"{self.path}: not a whole Parquet file: {reason}") from error
