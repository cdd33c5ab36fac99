"""What htslib, the library below pysam, leaves to its callers.

It reads a file that was cut between two blocks as a shorter file, and writes its reasons to
the terminal rather than into its errors.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, Literal

import pysam

Compression = Literal["none", "gzip", "bgzf"]

# The empty block that ends every BGZF file (SAM specification, section 4.1.2).
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_LONGEST_SEARCH = 60  # seconds, for a reason
_HEADER = 18  # bytes of a block before its data; the last two are its size, less one

# What a process of its own does for `reasons`; the file is its standard input, or its argument.
_READ_BCF = """
import pysam
with pysam.VariantFile("-", drop_samples=True) as records:
    for record in records:
        record.chrom, record.alts
"""
_INDEX_FASTA = """
import os, sys, pysam
pysam.faidx(sys.argv[1], "--fai-idx", os.devnull, "--gzi-idx", os.devnull)
"""
_TASKS = {"read BCF": _READ_BCF, "index FASTA": _INDEX_FASTA}


def compression(path: Path) -> Compression:
    """Tell from a file's first bytes how it is compressed: not, gzip, or bgzip (BGZF)."""
    with open_start(path) as file:
        head = file.read(_HEADER)
    if head[:2] != b"\x1f\x8b":
        return "none"
    return "bgzf" if _is_block(head) else "gzip"


def _is_block(head: bytes) -> bool:
    """BGZF is gzip with a two-byte extra field BC in the header of each member."""
    return head[:4] == b"\x1f\x8b\x08\x04" and head[12:16] == b"BC\x02\x00"


def open_start(path: Path) -> BinaryIO:
    """Open a file at its start; a name in /dev/fd may be one that was read before."""
    file = open(path, "rb")  # noqa: SIM115  # the caller closes it
    file.seek(0)
    return file


def bad_end(path: Path) -> str | None:
    """Say what is wrong with the end of a BGZF file, and what to do; None if it is whole.

    A whole one ends with an empty block, the end-of-file block.
    """
    size = path.stat().st_size
    with open_start(path) as file:
        file.seek(max(0, size - len(_END)))
        if file.read() == _END:
            return None
        at = 0
        while True:
            file.seek(at)
            head = file.read(_HEADER)
            length = int.from_bytes(head[16:], "little") + 1
            if not _is_block(head) or at + length > size:
                break
            at += length
        file.seek(max(0, at - len(_END)))
        ended = file.read(len(_END)) == _END
    rest = size - at
    if ended:
        bytes_follow = "1 byte follows" if rest == 1 else f"{rest:,} bytes follow"
        return (
            f"{bytes_follow} its end-of-file block; leave what follows out: `head -c {at} "
            f"{path.name} > whole.gz`"
        )
    if rest:
        return f"it is cut: what follows byte {at:,} is no whole block; download it again"
    return (
        "it has no end-of-file block: it is cut, or was written by a program that leaves the "
        "block out; copy or download it again or, if you know it to be whole, `zcat "
        f"{path.name} | bgzip > whole.gz`"
    )


def reasons(task: Literal["read BCF", "index FASTA"], path: Path) -> str:
    """Return what htslib says of a file that it cannot use; nothing if it says nothing.

    It says so on the standard error, which belongs to the whole process: so the file is read
    once more, by a process of its own.

    Parameters
    ----------
    task : {"read BCF", "index FASTA"}
        What failed.
    path : Path

    Returns
    -------
    str
        One line.
    """
    with open_start(path) as file:
        try:
            done = subprocess.run(
                [sys.executable, "-c", _TASKS[task], str(path)],
                stdin=file,
                capture_output=True,
                check=False,
                timeout=_LONGEST_SEARCH,
            )
        except subprocess.TimeoutExpired:
            return ""
    said = re.findall(r"^\[[EW]::(\w+)\] (.+)", done.stderr.decode(errors="replace"), re.M)
    lines = dict.fromkeys(text for function, text in said if "idx_find" not in function)
    return "; ".join(list(lines)[:2])


def silence() -> None:
    """Keep htslib from writing to stderr, so that an error's own line is the only one.

    The setting is the whole process's: for the command line, which owns its process.
    """
    pysam.set_verbosity(0)
