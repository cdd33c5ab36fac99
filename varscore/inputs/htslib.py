"""What htslib, the library below pysam, leaves to its callers.

It reads a file that was cut between two blocks as a shorter file, and writes its reasons to
the terminal rather than into its errors.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pysam

Compression = Literal["none", "gzip", "bgzf"]

# The empty block that ends every BGZF file (SAM specification, section 4.1.2).
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def compression(path: Path) -> Compression:
    """Tell from a file's first bytes how it is compressed: not, gzip, or bgzip (BGZF)."""
    with open(path, "rb") as file:
        head = file.read(16)
    if head[:2] != b"\x1f\x8b":
        return "none"
    # BGZF is gzip with a two-byte extra field BC in the header of each member.
    return "bgzf" if head[3:4] == b"\x04" and head[12:16] == b"BC\x02\x00" else "gzip"


def ends_whole(path: Path) -> bool:
    """Whether a BGZF file ends with its end-of-file block, as every whole one does."""
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - len(_END)))
        return file.read() == _END


def silence() -> None:
    """Keep htslib from writing to stderr, so that an error's own line is the only one.

    The setting is the whole process's: for the command line, which owns its process.
    """
    pysam.set_verbosity(0)
