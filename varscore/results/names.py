"""Names of files, made of what stands in a VCF or a track table and may be anything."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MOST = 80  # letters: some of these make up a name, of which file systems allow 255 bytes


def safe_name(text: str, most: int = _MOST) -> str:
    """Return a text as letters, digits, ``.``, ``-`` and ``_`` that begin with no dot.

    Parameters
    ----------
    text : str
    most : int
        Letters that it may have; what is more is cut off.
    """
    return re.sub(r"[^0-9A-Za-z.-]", "_", text)[:most].lstrip(".") or "_"


def safe_names(texts: Iterable[str]) -> list[str]:
    """Return a safe name for each text; no two are the same, in upper and lower case neither.

    Parameters
    ----------
    texts : iterable of str
    """
    names: list[str] = []
    taken: set[str] = set()
    for text in texts:
        plain = name = safe_name(text)
        number = 2
        while name.lower() in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name.lower())
        names.append(name)
    return names
