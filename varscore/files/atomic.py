"""The one way to write: a file, or a folder, appears under its name whole or not at all.

What is written stands aside until it is whole: in the same folder, under the hidden name
``.<name>.<machine>.<process>.<number>.partial``. It is removed when anything goes wrong, an
interruption included; what a killed process left is removed by the next that writes the same
name. When it is whole it is brought to the disk and then renamed, which no reader sees half.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from varscore.errors import OutputError

# Machines that share a file system, and all the more containers, have the same process ids.
# Without its dots the name of a machine is told from the end of a file's name.
_HOST = socket.gethostname().replace(".", "-")
_ABANDONED_SECONDS = 2 * 24 * 3600
_numbers = itertools.count()  # two threads may write one name

# What this process has aside: what it writes, with None, and a folder that is being replaced,
# with its name.
_unfinished: dict[Path, Path | None] = {}


class Partial:
    """A file or a folder while it is written; a context manager.

    What is not committed when it ends is removed, whether or not there was an exception.

    Parameters
    ----------
    target : str or Path
        Where it will be. What is there stays until `commit`, which replaces it.
    folder : bool
        A folder is written, not a file.

    Attributes
    ----------
    target : Path
    path : Path
        Where to write: an empty file or folder, with the mode that any new one gets.

    Raises
    ------
    OutputError
        On entry, if nothing can be written beside the target.
    """

    def __init__(self, target: str | Path, *, folder: bool = False) -> None:
        self.target, self._folder = Path(target), folder
        self.path = _aside(self.target)

    def __enter__(self) -> Self:
        with naming_output(self.target):
            remove_stale(self.target)
            _remove(self.path)  # of a former process of the same number
            _unfinished[self.path] = None
            _create(self.path, folder=self._folder)
        return self

    def commit(self) -> None:
        """Bring what was written to the disk, and give it its name.

        Files in a folder must have been closed before.

        Raises
        ------
        OutputError
            If that fails; what the target had before stays.
        """
        with naming_output(self.target):
            for part in self.path.rglob("*") if self._folder else ():
                _sync(part)
            _sync(self.path)
            if self._folder and os.path.lexists(self.target):
                _exchange(self.path, self.target)
            else:
                os.replace(self.path, self.target)
        with suppress(OSError):  # not every file system brings a folder to the disk
            _sync(self.target.parent)

    def __exit__(self, *_: object) -> None:
        _clear(self.path)


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Give a path to write to; the file is renamed to `path` at the end.

    Raises
    ------
    OutputError
        For any OSError in between, too; what `path` had before stays then.
    """
    with Partial(path) as partial, naming_output(partial.target):
        yield partial.path
        partial.commit()


def write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """Write a file.

    Parameters
    ----------
    path : str or Path
        What is there is replaced.
    content : bytes

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with writing(path) as partial:
        partial.write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Write a text in UTF-8.

    Parameters
    ----------
    path : str or Path
        What is there is replaced.
    text : str

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_bytes(path, text.encode())


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON for people and programs.

    Parameters
    ----------
    path : str or Path
        What is there is replaced.
    content : object
        JSON-ready, without numbers that are not finite.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def check_target(path: str | Path, *, force: bool = False, folder: bool = False) -> None:
    """Check that something can be written, for a refusal before the work and not after.

    Parameters
    ----------
    path : str or Path
        What will be written.
    force : bool
        Whether what is there may be replaced.
    folder : bool
        A folder will be written, not a file.

    Raises
    ------
    OutputError
        If `path` exists and `force` is not given, if it is a folder in place of a file or
        the other way, or if the folder around it is missing or not writable.
    """
    path = Path(path)
    # os.path, unlike Path, does not raise where a folder may not be searched.
    if os.path.lexists(path):
        if not (os.path.isdir(path) if folder else os.path.isfile(path)):
            noun = "folder" if folder else "file"
            raise OutputError(f"output {path}: exists and is not a {noun}; give another name")
        if not force:
            raise OutputError(
                f"output {path}: exists; give another name, or --force to replace it"
            )
    with Partial(path, folder=folder):
        pass


@contextmanager
def naming_output(path: Path) -> Iterator[None]:
    """Turn an OSError into an `OutputError` that names the file."""
    try:
        yield
    except OSError as error:
        advice = "; make its folder first" if isinstance(error, FileNotFoundError) else ""
        raise OutputError(
            f"output {path}: cannot be written: {error.strerror or error}{advice}"
        ) from error


def remove_stale(path: Path) -> None:
    """Remove what processes that are no more left of writing a file or a folder."""
    pattern = re.compile(re.escape(f".{path.name}.") + r"([^.]+)\.(\d+)\.\d+\.partial")
    for entry in path.parent.iterdir():
        if (match := pattern.fullmatch(entry.name)) and _is_stale(entry, *match.groups()):
            _remove(entry)


def clear_unfinished() -> None:
    """Clear up what this process still has aside, before it ends; nothing may write any more.

    An exception of a signal comes at any moment: just before one of these would be removed or
    just after it was made, too.
    """
    for path in list(_unfinished):
        _clear(path)


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{_HOST}.{os.getpid()}.{next(_numbers)}.partial")


def _create(path: Path, *, folder: bool) -> None:
    if folder:
        path.mkdir()
    else:
        open(path, "wb").close()


def _remove(path: Path) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchange(path: Path, target: Path) -> None:
    """Give a folder the name of another one, which is removed: none is written over another."""
    former = _aside(target)
    _unfinished[former] = target
    try:
        os.rename(target, former)
        os.rename(path, target)
    finally:
        _clear(former)


def _clear(path: Path) -> None:
    """Remove what is aside, or give it back its name if nothing else has it."""
    target = _unfinished.get(path)
    if target is not None and os.path.lexists(path) and not os.path.lexists(target):
        os.rename(path, target)
    else:
        _remove(path)
    _unfinished.pop(path, None)


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
    except (OSError, OverflowError):
        pass  # another user's
    return True
