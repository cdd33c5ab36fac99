"""A Parquet file of results that appears whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from varscore.errors import OutputError

METADATA_KEY = "varscore"

# Machines that share a file system, and all the more containers, have the same process ids.
_HOST = socket.gethostname()
_ABANDONED_SECONDS = 2 * 24 * 3600


class ResultFile:
    """Writes a Parquet file aside; a context manager, on whose exit the file appears, whole.

    Until then the rows are in a hidden file ``.<name>.<machine>.<process id>.partial`` in the
    same folder, which is removed when anything goes wrong, an interruption included. What a
    process that was killed left there is removed by the next that writes the same file.

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
        As `check_target`, when made; from then on, if the file cannot be written, as when
        the disk is full.
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
        self._partial = partial_path(self.path)

    def __enter__(self) -> Self:
        with naming_output(self.path):
            remove_stale(self.path)
            # A buffered file, because an unbuffered one may write less than it was given.
            self._file = open(self._partial, "wb")
        try:
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
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._partial, self.path)

    def _discard(self) -> None:
        """Close and remove the partial file, if there is one; after success there is none."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._partial.unlink(missing_ok=True)


def check_target(path: str | Path, *, force: bool = False) -> None:
    """Check that a result can be written, for a refusal before the work and not after.

    Raises
    ------
    OutputError
        If `path` exists and `force` is not given, if it is something else than a file,
        or if its folder is missing or not writable.
    """
    path = Path(path)
    # os.path, unlike Path, does not raise where a folder may not be searched.
    if os.path.exists(path) and not os.path.isfile(path):
        raise OutputError(f"output {path}: exists and is not a file; give another name")
    if os.path.exists(path) and not force:
        raise OutputError(f"output {path}: exists; give another name, or --force to replace it")
    with naming_output(path):
        partial_path(path).touch()
        partial_path(path).unlink()


def partial_path(path: Path) -> Path:
    """Return where this process writes a file, or a folder, until it is whole."""
    return path.with_name(f".{path.name}.{_HOST}.{os.getpid()}.partial")


def remove_stale(path: Path) -> None:
    """Remove what processes that are no more left of writing a file or a folder."""
    pattern = re.compile(re.escape(f".{path.name}.") + r"(.+)\.(\d+)\.partial")
    for entry in path.parent.iterdir():
        if (match := pattern.fullmatch(entry.name)) and _is_stale(entry, *match.groups()):
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                with suppress(OSError):
                    entry.unlink()


def _is_stale(entry: Path, host: str, process: str) -> bool:
    if host == _HOST:
        return not _is_running(int(process))
    with suppress(OSError):  # who knows what runs on another machine
        return time.time() - entry.stat().st_mtime > _ABANDONED_SECONDS
    return False


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people and programs; the file appears whole.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    partial = partial_path(path)
    with naming_output(path):
        try:
            with open(partial, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2, allow_nan=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


@contextmanager
def naming_output(path: Path) -> Iterator[None]:
    """Turn an OSError into an `OutputError` that names the file."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"output {path}: cannot be written: {error.strerror or error}"
        ) from error


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
