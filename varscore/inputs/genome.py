"""The reference genome: the bases of any interval, N beyond a contig's ends.

htslib, through pysam, reads FASTA here: it serves plain and bgzipped files alike. (pyfaidx
fails where an interval begins at a block of exactly 65,536 bases, as Biopython writes them,
and takes six times as long to index a bgzipped file.)
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pysam

from varscore.errors import GenomeError, OptionError
from varscore.inputs.contigs import ContigNames
from varscore.inputs.fasta_index import ensure_index
from varscore.variant import Interval

_PIECE = 1 << 15  # bases read at once where few are asked for
_DIGEST_PIECE = 1 << 23


class _Opened(NamedTuple):
    """A file as one process has it: file, process and lock change together, or not."""

    file: pysam.FastaFile
    process: int
    lock: threading.Lock  # of this process: in a forked one nobody might release the former


class ReferenceGenome:
    """A FASTA file, plain or bgzipped, with random access.

    Threads may share a genome. A process that was forked opens the file anew: processes
    that share a file's position would read each other's bases. A context manager, which
    closes the file on leaving.

    Parameters
    ----------
    path : str or Path
        Its index (``.fai``, and ``.gzi`` for a bgzipped file) is made beside it where it
        is missing, or does not fit and is older than the file.

    Attributes
    ----------
    path : Path
    lengths : dict of str to int
        Bases of each contig, in the file's order.
    names : ContigNames
        What its contigs are called elsewhere, where nothing is known of their lengths there.

    Raises
    ------
    GenomeError
        If the file is no whole FASTA file, or has no index that fits and none can be
        written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        ensure_index(self.path)
        self._closed = False
        self._opened = self._open()
        self.lengths: dict[str, int] = dict(
            zip(self._opened.file.references, self._opened.file.lengths, strict=True)
        )
        self.names = ContigNames(self.lengths)
        self._digests: dict[str, str] = {}
        self._piece = ("", 0, "")  # contig, start and bases of the last piece read

    def _open(self) -> _Opened:
        file = pysam.FastaFile(str(self.path.absolute()))
        return _Opened(file, os.getpid(), threading.Lock())

    def close(self) -> None:
        """Close the file, once a read in progress has ended; no further one is begun."""
        opened = self._own()
        with opened.lock:
            self._closed = True
            opened.file.close()

    def _own(self) -> _Opened:
        """Return this process's file, which is opened now if the process was forked."""
        if self._opened.process != os.getpid():
            self._opened = self._open()
        return self._opened

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError(f"{self.path}: the genome was closed and is read again")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def resolve(self, name: str) -> str | None:
        """Return the file's name of a contig under another one, None where it has none."""
        return self.names.match(name).contig

    def fetch(self, interval: Interval) -> str:
        """Return the bases of an interval: always as many as it is long.

        Parameters
        ----------
        interval : Interval
            0-based, half-open, on a contig under its name in the FASTA file; it may reach
            past the contig's ends, or lie outside.

        Returns
        -------
        str
            Upper case; N beyond the contig's ends; IUPAC letters as they are in the file.

        Raises
        ------
        KeyError
            If the FASTA file has no such contig.
        ValueError
            If the interval ends before it starts, or the genome was closed.
        """
        self._check_open()
        contig, start, end = interval
        if end < start:
            raise ValueError(f"{interval} ends before it starts")
        length = self.lengths[contig]
        if 0 <= start < end <= length:
            return self._read(contig, start, end)
        inside = min(max(start, 0), length), max(min(end, length), 0)
        if inside[0] >= inside[1]:
            return "N" * (end - start)
        return "N" * (inside[0] - start) + self._read(contig, *inside) + "N" * (end - inside[1])

    def _read(self, contig: str, start: int, end: int) -> str:
        """Read an interval that lies inside its contig."""
        if 4 * (end - start) > _PIECE:
            return self._read_file(contig, start, end)
        # Neighbouring variants ask for neighbouring bases, and a bgzipped file decompresses
        # 64 kb for each of them: so read a piece that reaches some way to either side.
        held, first, bases = self._piece  # one tuple, so that threads see a whole piece
        if held != contig or start < first or end > first + len(bases):
            first = max(0, start - _PIECE // 4)
            bases = self._read_file(contig, first, min(first + _PIECE, self.lengths[contig]))
            self._piece = (contig, first, bases)
        return bases[start - first : end - first]

    def _read_file(self, contig: str, start: int, end: int) -> str:
        bases, failure = "", None
        opened = self._own()
        with opened.lock:
            self._check_open()  # it may have been closed while the lock was waited for
            try:
                bases = opened.file.fetch(contig, start, end).upper()
            except (OSError, ValueError) as error:
                failure = error
        if len(bases) != end - start:
            raise GenomeError(
                f"{self.path}: {contig}:{start + 1}-{end} cannot be read: the file is corrupt, "
                "was changed while it was read, or has other characters than letters among "
                "its bases; copy or download it again"
            ) from failure
        return bases

    def digest(self, contigs: Iterable[str]) -> dict[str, str]:
        """Return the MD5 of the upper-case bases of some contigs, as in SAM's M5 field.

        Parameters
        ----------
        contigs : iterable of str
            Names in the FASTA file.

        Returns
        -------
        dict of str to str
            Hexadecimal, in the order of `contigs`.
        """
        wanted = list(contigs)
        for contig in wanted:
            if contig not in self._digests:
                self._digests[contig] = self._digest(contig)
        return {contig: self._digests[contig] for contig in wanted}

    def _digest(self, contig: str) -> str:
        md5 = hashlib.md5(usedforsecurity=False)
        length = self.lengths[contig]
        for start in range(0, length, _DIGEST_PIECE):
            end = min(start + _DIGEST_PIECE, length)
            md5.update(self._read_file(contig, start, end).encode("ascii"))
        return md5.hexdigest()


def parse_region(text: str, genome: ReferenceGenome, *, clip: bool = True) -> Interval:
    """Read a region as users write it.

    Parameters
    ----------
    text : str
        ``chr1`` or ``chr1:1-1000000``: 1-based, both ends included, commas allowed.
    genome : ReferenceGenome
    clip : bool
        Whether an interval that reaches past the contig's end ends there.

    Returns
    -------
    Interval
        0-based and half-open, under the FASTA's name.

    Raises
    ------
    OptionError
        If the text is no region, or lies outside the genome.
    """
    text = str(text)  # a library's users give what they like
    whole = genome.resolve(text)  # names may contain colons, as those of HLA contigs do
    if whole is not None:
        return Interval(whole, 0, genome.lengths[whole])
    parts = re.fullmatch(r"(.+):([\d,]+)-([\d,]+)", text, re.ASCII)
    name = parts[1] if parts else text
    contig = genome.resolve(name)
    if contig is None and (parts or ":" not in text):
        raise OptionError(
            f"region {text!r}: {genome.path} has no contig {name!r}, "
            f"only {some_names(genome.lengths)}"
        )
    numbers = [digits.replace(",", "") for digits in parts.groups()[1:]] if parts else []
    if contig is None or not all(numbers):
        raise OptionError(
            f"region {text!r} is not of the form chr1 or chr1:1-1000000 (1-based, both ends "
            "included)"
        )
    first, last, length = int(numbers[0]), int(numbers[1]), genome.lengths[contig]
    if not 1 <= first <= min(last, length):
        raise OptionError(
            f"region {text!r}: its first base must be at least 1, at most its last and "
            f"at most {length}, the length of {contig}"
        )
    return Interval(contig, first - 1, min(last, length) if clip else last)


def some_names(names: Iterable[str], most: int = 5) -> str:
    """Return the first of some contigs' names, for a message.

    Parameters
    ----------
    names : iterable of str
    most : int
        Where there are more, their number is told.
    """
    names = list(names)
    return ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if names[most:] else "")
