"""The index of a FASTA file: made where it is missing, checked before it is believed.

An index that belongs to another version of its file yields wrong bases without an error,
and dates do not tell: copying or checking out a file changes them. So an index is believed
if every contig's header stands in the file where the index says that it does.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pysam
from pysam.utils import SamtoolsError

from varscore.errors import GenomeError, OutputError
from varscore.files.atomic import Partial
from varscore.inputs.forms import describe
from varscore.inputs.htslib import bad_end, compression, reasons

_LONGEST_GAP = 1 << 16  # bytes between two contigs' bases: a header, and blank lines
# What stands there: the next contig's header and its name. Contigs without bases are in no
# index: their headers may come before it.
_GAP = re.compile(rb"\s*(?:>.*\n\s*)*>(\S*)(?:[ \t\r].*)?\n")
_FAI_LINE = re.compile(r"([^\t]*)" + r"\t([0-9]{1,18})" * 4 + r"\r?")


def ensure_index(path: Path) -> None:
    """See to it that a FASTA file is whole and has an index that fits.

    A missing index is made (``.fai``, and ``.gzi`` for a bgzipped file), and one that does
    not fit is made anew if it is older than the file.

    Raises
    ------
    GenomeError
        If the file is no whole FASTA file, plain or bgzipped; if its index does not fit
        although it is not older than the file; if an index is needed and cannot be written.
    """
    _check_file(path)
    indexes = _index_paths(path)
    missing = [index for index in indexes if not index.exists()]
    problem = f"it has no index {missing[0].name}" if missing else _misfit(path, indexes)
    if problem is None:
        return
    if not missing and path.stat().st_mtime <= min(i.stat().st_mtime for i in indexes):
        names = " and ".join(index.name for index in indexes)
        raise GenomeError(
            f"{path}: its index does not fit: {problem}; get the file whole or, if it is, "
            f"remove {names}, to have it indexed anew"
        )
    _build(path, problem)


def _check_file(path: Path) -> None:
    """Raise a GenomeError unless this may be a whole FASTA file, plain or bgzipped."""
    if not path.is_file():
        found = "is not a regular file" if path.exists() else "no such file"
        raise GenomeError(f"{path}: {found}; expected a FASTA file")
    try:
        kind = compression(path)
        fault = bad_end(path) if kind == "bgzf" else None
        with open(path, "rb") as file:
            head = file.read(1 << 10)
    except OSError as error:
        raise GenomeError(f"{path}: cannot be read: {error.strerror}") from error
    if kind == "gzip":
        raise GenomeError(
            f"{path}: compressed with plain gzip, which has no random access; decompress it, "
            "then compress it with `bgzip` or leave it plain"
        )
    if fault:
        raise GenomeError(f"{path}: compressed with bgzip, but {fault}")
    if kind == "none" and head[:1] != b">":
        found = f"begins with {head[:1]!r}" if head else "is empty"
        if foreign := describe(head):
            found = f"is {foreign[0]} ({foreign[1]})"
        raise GenomeError(f"{path}: not a FASTA file: it {found}; expected '>'")


def _index_paths(path: Path) -> list[Path]:
    """Return where the indexes of a FASTA file are, the .fai last."""
    suffixes = [".gzi", ".fai"] if compression(path) == "bgzf" else [".fai"]
    return [path.with_name(path.name + suffix) for suffix in suffixes]


def _build(path: Path, problem: str) -> None:
    """Index a FASTA file; each index appears whole, even if other processes make it too."""
    with ExitStack() as stack:
        try:
            partials = [stack.enter_context(Partial(index)) for index in _index_paths(path)]
        except OutputError as error:
            raise GenomeError(
                f"{path}: {problem}, and {error}; run `samtools faidx` on it, or on a copy in "
                "a folder that you can write to"
            ) from error
        indexes = [partial.path for partial in partials]
        options = zip(("--gzi-idx", "--fai-idx")[-len(indexes) :], indexes, strict=True)
        try:
            pysam.faidx(str(path), *(str(word) for pair in options for word in pair))
        except SamtoolsError as error:
            said = reasons("index FASTA", path)
            raise GenomeError(
                f"{path}: cannot be indexed ({said}); expected a FASTA file in which every "
                "contig has bases, lines are equally long but for its last, and none is blank"
            ) from error
        problem = _misfit(path, indexes) or ""
        if problem:
            raise GenomeError(
                f"{path}: not a sound FASTA file: {reasons('index FASTA', path) or problem}; "
                "expected contigs of different names, each directly behind its '>', and lines "
                "of letters"
            )
        for partial in partials:  # the .fai last: where it is, all are
            partial.commit()


def _misfit(path: Path, indexes: list[Path]) -> str | None:
    """Say what the indexes of a FASTA file get wrong; None if they fit.

    Between the last base of a contig and the first of the next there must be nothing but
    the next one's header, and after the last contig nothing at all.
    """
    *gzi, fai = indexes
    try:
        contigs = _read_fai(fai)
        with _decompressed(path, *gzi) as read:
            end = 0
            for name, length, start, line_bases, line_bytes in contigs:
                if not name:
                    return "it has a header without a name"
                gap = read(end, start - end) if 0 < start - end <= _LONGEST_GAP else b""
                header = _GAP.fullmatch(gap)
                if header is None or header[1] != name.encode() or (end and gap[:1] == b">"):
                    if header is not None and not header[1]:
                        return f"the header of contig {name} has a blank after '>'"
                    return f"contig {name} is not where {path.name}.fai has it"
                end = start + length + (length - 1) // line_bases * (line_bytes - line_bases)
            if not re.fullmatch(rb"\S\s*", read(end - 1, _LONGEST_GAP)):
                return f"the file does not end where {path.name}.fai has its end"
    except (OSError, ValueError, ZeroDivisionError) as error:
        return f"{path.name}.fai cannot be read with it ({error})"
    return None


def _read_fai(fai: Path) -> list[tuple[str, int, int, int, int]]:
    """Return name, bases, first base's offset, bases and bytes of a line of each contig."""
    contigs: list[tuple[str, int, int, int, int]] = []
    # Lines and numbers as htslib reads them: what it takes for one contig must not be two here.
    for line in fai.read_bytes().decode("utf-8").removesuffix("\n").split("\n"):
        found = _FAI_LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"line {len(contigs) + 1} is {line[:80]!r}")
        name, length, start, line_bases, line_bytes = found.groups()
        contigs.append((name, int(length), int(start), int(line_bases), int(line_bytes)))
    return sorted(contigs, key=lambda contig: contig[2])


@contextmanager
def _decompressed(path: Path, gzi: Path | None = None) -> Iterator[Callable[[int, int], bytes]]:
    """Give a function of an offset and a size that reads a file, bgzipped if it has a .gzi."""
    if gzi is None:
        with open(path, "rb") as file:

            def read(offset: int, size: int) -> bytes:
                file.seek(offset)
                return file.read(size)

            yield read
        return
    # A .gzi holds a count, then where each block but the first starts, in the file and in
    # the decompressed text; a position in BGZF is the former and 16 bits within the block.
    packed = gzi.read_bytes()
    n = len(packed) // 8
    count, *starts = struct.unpack(f"<{n}Q", packed[: 8 * n])
    if len(starts) != 2 * count:
        raise ValueError(f"{gzi.name} does not have the {count} blocks that it should")
    blocks, texts = [0, *starts[::2]], [0, *starts[1::2]]
    with pysam.BGZFile(str(path), "rb", None) as bgzf:
        # Short contigs lie many to a block, which is decompressed once for all of them.
        held, first = b"", 0

        def read_bgzf(offset: int, size: int) -> bytes:
            nonlocal held, first
            if not first <= offset <= offset + size <= first + len(held):
                block = bisect_right(texts, offset) - 1
                within = offset - texts[block]
                if within >= 1 << 16:
                    return b""
                bgzf.seek(blocks[block] << 16 | within)
                held, first = bytes(bgzf.read(max(size, 1 << 16))), offset
            return held[offset - first : offset - first + size]

        yield read_bgzf
