"""Digests that tell whether two results were made of and by the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from varscore.version import __version__


def fingerprint(facts: Mapping[str, Any]) -> str:
    """Return a digest of this version of varscore and JSON-ready facts.

    The order of their keys does not matter.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    whole = {"version": __version__, **facts}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class RowDigest:
    """A digest of rows that depends on nothing but their values and order."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def update(self, columns: Iterable[Iterable[object]]) -> None:
        """Add rows, given as their columns."""
        lines = ("\t".join(map(str, row)) for row in zip(*columns, strict=True))
        self._sha256.update("".join(f"{line}\n" for line in lines).encode())

    def hexdigest(self) -> str:
        """Return the digest of the rows so far: 64 hexadecimal digits."""
        return self._sha256.hexdigest()
