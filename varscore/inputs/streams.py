"""Streams: standard input and pipes, which can be read only once.

Alleles are read twice: first all of them, to see whether they can be scored. So a stream is
copied to a file, which has no name: it is gone when the process ends, however it ends.
"""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from varscore.errors import OutputError, VcfError

STANDARD_INPUT = "-"


def is_stream(path: Path) -> bool:
    """Whether a path is `-`, for standard input, a pipe or a socket."""
    if str(path) == STANDARD_INPUT:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def stream_name(path: Path) -> str:
    """Return what a stream is called in messages."""
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


@contextmanager
def kept(stream: Path, folder: Path | None = None) -> Iterator[Path]:
    """Copy a stream to its end into a file without a name.

    Parameters
    ----------
    stream : Path
    folder : Path, optional
        Where there is room for it; default: the folder for temporary files.

    Yields
    ------
    Path
        Where the file can be read, until the context ends.

    Raises
    ------
    VcfError
        If the stream cannot be read.
    OutputError
        If there is no room.
    """
    name, where = stream_name(stream), folder or Path(tempfile.gettempdir())
    with ExitStack() as stack:
        try:
            source = stack.enter_context(_open(stream))
        except OSError as error:
            raise VcfError(f"{name}: cannot be read: {error.strerror}; give a file") from error
        try:
            file = stack.enter_context(tempfile.TemporaryFile(dir=where))
            shutil.copyfileobj(source, file, 1 << 20)
            file.flush()
        except OSError as error:
            raise OutputError(
                f"{where}: what {name} says cannot be kept there while it is read: "
                f"{error.strerror}; give a file"
            ) from error
        yield Path(f"/dev/fd/{file.fileno()}")


def _open(stream: Path) -> BinaryIO:
    if str(stream) != STANDARD_INPUT:
        return open(stream, "rb")
    if sys.stdin is not None and sys.stdin.isatty():
        raise VcfError("standard input: is a terminal; pipe a file into it, or give one")
    return open(0, "rb", closefd=False)
