"""The lines of a text file: plain, or compressed with gzip or bgzip."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import TextIO

from varscore.errors import VarscoreError, VcfError
from varscore.inputs.htslib import compression, open_start

_LONGEST_LINE = 1 << 28  # characters; a line of more is read in pieces
_READ_ON = 1_000_000  # lines


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file for reading.

    What is no UTF-8 is read as single code points that no text has, so that it does no harm
    where it is not used. A byte-order mark is left out. Lines end with a line feed; a carriage
    return before it stays.
    """
    packed = compression(path) != "none"
    with open_start(path) as raw:
        file = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw
        with io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", "\n") as text:
            yield text


def read_lines(path: Path, name: str) -> Generator[tuple[int, str], None, None]:
    """Read a text file line by line, to its end.

    Parameters
    ----------
    path : Path
    name : str
        The file's name in messages.

    Yields
    ------
    number : int
        1-based.
    line : str
        With its end of line, if it has one.

    Raises
    ------
    VcfError
        If the file cannot be read to its end; the lines before the damage, but for some
        kilobytes, have been yielded by then.
    """
    numbers = count(1)
    try:
        with open_text(path) as file:
            lines = iter(partial(file.readline, _LONGEST_LINE), "")
            yield from zip(numbers, lines, strict=False)
    except (OSError, EOFError, zlib.error) as error:
        raise VcfError(
            f"{name}: reading stopped near line {next(numbers) - 1}: {_damage(error)}"
        ) from error


@contextmanager
def damage_first(lines: Iterator[tuple[int, str]]) -> Iterator[None]:
    """Let an error about what lines say give way to one about damage of their file.

    What was compressed is decompressed before it can be checked, and a damaged line is no
    reason to speak of missing columns.

    Parameters
    ----------
    lines : iterator
        From `read_lines`.
    """
    try:
        yield
    except VarscoreError:
        for _ in islice(lines, _READ_ON):
            pass  # where there is damage, this raises the better error
        raise


def is_text(field: str) -> bool:
    """Whether a part of a line was valid UTF-8."""
    return field.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in field)


def _damage(error: Exception) -> str:
    """Say why a file cannot be read further, and what to do."""
    again = "copy or download it again"
    if isinstance(error, EOFError):
        return f"the compressed file is cut there; {again}"
    if isinstance(error, gzip.BadGzipFile) and "Not a gzipped file" in str(error):
        return f"other bytes follow the end of what was compressed with gzip; {again}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"the compressed file is corrupt there; {again}"
