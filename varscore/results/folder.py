"""A folder of many files that is one output: it appears whole, and says what is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from varscore.errors import OutputError
from varscore.files.atomic import Partial, check_target, write_json
from varscore.results.provenance import head_of

CONTENTS = "contents.json"
"""File in such a folder that lists the others."""


def check_folder(path: str | Path, *, force: bool = False) -> None:
    """Check that a folder can be written, for a refusal before the work and not after.

    Parameters
    ----------
    path : str or Path
    force : bool
        Whether one that `OutputFolder` made may be replaced.

    Raises
    ------
    OutputError
        As `check_target`, or if what is to be replaced has other files in it.
    """
    path = Path(path)
    check_target(path, force=force, folder=True)
    if path.is_dir():
        listed = {*_listed(path), CONTENTS}
        for name in _files(path):
            if name not in listed:
                raise OutputError(
                    f"output {path}: holds {name}, which its {CONTENTS} does not list, so it "
                    "is not replaced; give another name"
                )


def _listed(path: Path) -> list[str]:
    try:
        return list(json.loads((path / CONTENTS).read_text("utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _files(path: Path) -> list[str]:
    """Return the files in a folder, as paths from there, in order."""
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if not p.is_dir())


class OutputFolder:
    """Writes such a folder; a context manager.

    Parameters
    ----------
    path : str or Path
    force : bool
        As for `check_folder`.

    Attributes
    ----------
    path : Path
        Where files are to be written until the folder is committed.

    Raises
    ------
    OutputError
        As `check_folder`.
    """

    def __init__(self, path: str | Path, *, force: bool = False) -> None:
        check_folder(path, force=force)
        self._partial = Partial(path, folder=True)
        self.path = self._partial.path

    def commit(self, kind: str, about: Mapping[str, Any]) -> None:
        """Write what is in the folder, and let it appear.

        Parameters
        ----------
        kind : str
            What it is a folder of.
        about : mapping of str to object
            How it was made and what its files are, JSON-ready.
        """
        files = _files(self.path)
        write_json(self.path / CONTENTS, {**head_of(kind), **about, "files": files})
        self._partial.commit()

    def __enter__(self) -> Self:
        self._partial.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._partial.__exit__()
