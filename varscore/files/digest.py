"""The digest of a file's content."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256(path: str | Path) -> str:
    """Return a file's SHA-256 in hexadecimal.

    Parameters
    ----------
    path : str or Path
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
