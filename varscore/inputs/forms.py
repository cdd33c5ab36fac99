"""In which form a file is: told from its first bytes, whatever its name.

What is in none of the forms that hold alleles is refused under its own name, before a library
meets it: htslib, for one, ends the process at a file that xz compressed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal, NamedTuple

from varscore.errors import VcfError
from varscore.inputs.htslib import bad_end, compression, open_start
from varscore.inputs.tables import Layout, parse_variant, read_layout
from varscore.inputs.text import damage_first, read_lines
from varscore.inputs.vcf import COLUMNS

EXPECTED = "expected a VCF (plain, gzip or bgzip), a BCF or a table of variants"
_HEAD, _PACKED_HEAD = 1 << 10, 1 << 16  # bytes that tell what a file is

# First bytes of what is often given by mistake: what it is, and what to do with it.
_PACKED = (
    (b"\xfd7zXZ\x00", "xz", "xz -d"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -d"),
    (b"BZh", "bzip2", "bzip2 -d"),
    (b"PK\x03\x04", "zip (as an .xlsx file is, too)", "unzip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -d"),
    (b"\x1f\x9d", "compress", "uncompress"),
    (b"Rar!\x1a\x07", "rar", "unrar x"),
)
_FOREIGN = (
    (b"PAR1", "a Parquet file", "in Python, pandas.read_parquet gives a table for score_vcf"),
    (b"ARROW1", "an Arrow file", "in Python, pandas.read_feather gives a table for score_vcf"),
    (b"\x89HDF\r\n", "an HDF5 file", "give the variants' own file"),
    (b"BAM\x01", "a BAM file of reads", "call variants first"),
    (b"CRAM", "a CRAM file of reads", "call variants first"),
    (b"@HD\t", "a SAM file of reads", "call variants first"),
    (b"TBI\x01", "an index (.tbi)", "give the file without .tbi"),
    (b"CSI\x01", "an index (.csi)", "give the file without .csi"),
    (b"BCF\x04", "a BCF of version 1", "convert it with bcftools 0.1.19"),
    (b"l\x1b\x01", "a PLINK .bed file", "make a VCF: plink --recode vcf"),
    (b"BGEN", "a BGEN file", "make a VCF: qctool or plink2 --export vcf"),
    (b"%PDF", "a PDF", "give the variants' own file"),
    (b"SQLite format 3", "an SQLite database", "export a table"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
    (b">", "a FASTA file", "it belongs to --genome"),
    (b"version https://git-lfs", "a pointer of Git LFS", "get the file: git lfs pull"),
)
_PAGE = re.compile(rb"\s*<(!doctype|html|\?xml|head)", re.IGNORECASE)
_ALLELE = re.compile(r"[A-Za-z.*]+")


class Form(NamedTuple):
    """How to read a file.

    Attributes
    ----------
    kind : {"vcf", "bcf", "list", "table"}
    layout : Layout or None
        Of a table.
    """

    kind: Literal["vcf", "bcf", "list", "table"]
    layout: Layout | None = None


def recognise(path: Path, name: str) -> Form:
    """Tell in which form a file holds alleles.

    Parameters
    ----------
    path : Path
    name : str
        The file's name in messages.

    Returns
    -------
    Form

    Raises
    ------
    VcfError
        If there is no such file, it cannot be read or is not whole, as far as its end tells,
        or it is in no form that holds alleles.
    """
    if path.is_dir():
        raise VcfError(f"{name}: is a directory; {EXPECTED}")
    if not path.is_file():
        found = "is not a regular file" if path.exists() else "no such file"
        raise VcfError(f"{name}: {found}; {EXPECTED}")
    try:
        head = _start(path, name)
    except OSError as error:
        raise VcfError(f"{name}: cannot be read: {error.strerror}") from error
    if head[:5] == b"BCF\x02\x02":
        return Form("bcf")
    if foreign := describe(head):
        raise VcfError(f"{name}: is {foreign[0]}; {EXPECTED}; {foreign[1]}")
    if b"\x00" in head:
        raise VcfError(f"{name}: is binary data of a kind that is not known here; {EXPECTED}")
    with closing(read_lines(path, name)) as lines, damage_first(lines):
        return _of_text(lines, name)


def _start(path: Path, name: str) -> bytes:
    """Return the first bytes of a file, decompressed; refuse one that was cut, or is empty."""
    packed = compression(path)
    with open_start(path) as file:
        head = file.read(_PACKED_HEAD)
    if not head:
        raise VcfError(f"{name}: the file is empty; {EXPECTED}")
    if packed == "none":
        return head[:_HEAD]
    if packed == "bgzf" and (fault := bad_end(path)):
        raise VcfError(f"{name}: compressed with bgzip, but {fault}")
    head = _unpacked(head)
    if head[:2] == b"\x1f\x8b":
        raise VcfError(f"{name}: is compressed twice; decompress it once")
    return head


def _unpacked(packed: bytes) -> bytes:
    """Decompress what of a gzip file's first members can be; damage is seen when it is read."""
    head = b""
    with suppress(zlib.error):
        while packed and len(head) < _HEAD:
            member = zlib.decompressobj(wbits=31)
            head += member.decompress(packed, _HEAD)
            packed = member.unused_data
    return head


def describe(head: bytes) -> tuple[str, str] | None:
    """Say what a file is that holds no alleles, and what to do with it.

    Parameters
    ----------
    head : bytes
        Its first bytes.

    Returns
    -------
    tuple of str and str, or None
        None if it is not known by its first bytes.
    """
    for start, packer, command in _PACKED:
        if head.startswith(start):
            return f"compressed with {packer}", f"decompress it first ({command})"
    for start, what, remedy in _FOREIGN:
        if head.startswith(start):
            return what, remedy
    if _PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "a web page (HTML or XML), as of a download that failed", "download it again"
    return None


def _of_text(lines: Iterator[tuple[int, str]], name: str) -> Form:
    """Tell the form from the lines at the beginning of a text."""
    is_vcf = False
    for number, line in lines:
        text = line.rstrip("\r\n")
        is_vcf = is_vcf or text.startswith("##fileformat=VCF")
        if text.startswith("##") or not (is_vcf or text.strip()):
            continue
        columns = text.split("\t")
        if is_vcf or tuple(columns[: len(COLUMNS)]) == COLUMNS or _is_record(columns):
            return Form("vcf")  # what is wrong with the line of columns is said when it is read
        if parse_variant(text) is not None:
            return Form("list")
        if layout := read_layout(text, number, name):
            return Form("table", layout)
        if not text.startswith("#"):
            raise VcfError(f"{name}: line {number} {_unknown(text)}; {EXPECTED}")
    if is_vcf:
        return Form("vcf")
    raise VcfError(f"{name}: has no line of variants or of columns; {EXPECTED}")


def _is_record(columns: list[str]) -> bool:
    """Whether these are the columns of a record, in a VCF without any header."""
    return (
        len(columns) >= len(COLUMNS)
        and columns[1].isdigit()
        and _ALLELE.fullmatch(columns[3]) is not None
    )


def _unknown(text: str) -> str:
    """Say what the first line of a text is, which is in no form that is known."""
    words = re.split(r"[\t,; ]+", text)
    if len(words) < 4 or not words[1].isdigit():
        return f"is {text[:80]!r}"
    if "\t" not in text and "," not in text:
        return f"is {text[:80]!r}, with blanks between columns where tabs or commas should be"
    return (
        f"is {text[:80]!r}, with columns that no line names; put a line such as "
        "chrom,pos,ref,alt before it"
    )
