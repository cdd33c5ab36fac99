"""BCF, the binary form of VCF, as htslib reads it."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Generator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pysam

from varscore.errors import VcfError
from varscore.inputs.htslib import compression, open_start, reasons
from varscore.inputs.vcf import Record, VcfHeader, read_meta

_REMEDY = "copy or download it again, or make it anew from a VCF"
# What htslib makes of a header takes memory for every index below the largest, and reading the
# header as much as it is said to have: both are a few bytes of a file.
_LARGEST_INDEX = 10_000_000
_LONGEST_HEADER = 1 << 28
_INDEX = re.compile(rb"IDX\s*=\s*\+?(\d+)")


def read_bcf(path: Path, name: str) -> Generator[Record, None, None]:
    """Read the records of a BCF, compressed or not.

    Parameters
    ----------
    path : Path
    name : str
        The file's name in messages.

    Yields
    ------
    Record

    Raises
    ------
    VcfError
        As `read_vcf`.
    """
    records = open_bcf(path, name)
    last = ""  # where the last good record was
    try:
        for number in count():
            try:
                record = next(records, None)
                if record is None:
                    records.close()  # which fails if the end was reached by a fault
                    return
                chrom, pos, identifier = record.chrom, record.pos, record.id or "."
                ref, alts = record.ref or ".", record.alts or (".",)
            except (OSError, ValueError) as error:
                where = f"after {last} (record {number})" if number else "at its first record"
                raise VcfError(
                    f"{name}: reading stopped {where}: "
                    f"{_said(path) or 'the file is cut or corrupt there'}; {_REMEDY}"
                ) from error
            last = f"{chrom}:{pos}"
            yield chrom, pos, identifier, ref, ",".join(alts)
    finally:
        with suppress(OSError):  # closing what was found damaged fails, too
            records.close()


def read_bcf_header(path: Path, name: str) -> VcfHeader:
    """Read what the header of a BCF says about contigs; parameters as for `read_header`."""
    with open_bcf(path, name) as records:
        header = VcfHeader()
        for line in header_lines(records, name):
            read_meta(line, header)
        return header


def header_lines(records: pysam.VariantFile, name: str) -> list[str]:
    """Return the lines of the header of an open BCF.

    Raises
    ------
    VcfError
        If they are no text.
    """
    try:
        return str(records.header).removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise VcfError(f"{name}: the header of this BCF is no UTF-8 text; {_REMEDY}") from error


def open_bcf(path: Path, name: str, *, samples: bool = False) -> pysam.VariantFile:
    """Open a BCF; its samples are passed over unless they are asked for.

    Raises
    ------
    VcfError
        If its header cannot be read, or it is packed as htslib cannot read it.
    """
    _check_header(path, name)
    try:
        return pysam.VariantFile(str(path), drop_samples=not samples)
    except NotImplementedError as error:  # it asks where it is, which plain gzip does not tell
        raise VcfError(
            f"{name}: this BCF is in gzip, expected BGZF, as `bcftools view -Ob` writes it, or "
            "none; unpack it with gunzip"
        ) from error
    except (OSError, ValueError) as error:
        raise VcfError(
            f"{name}: the header of this BCF cannot be read: "
            f"{_said(path) or 'it is cut or corrupt'}; {_REMEDY}"
        ) from error


def check_indices(header: bytes, name: str) -> None:
    """Refuse a header whose entries have indices that nobody needs.

    Parameters
    ----------
    header : bytes
        Its lines, of a VCF or BCF that htslib is to read.
    name : str
        The file's name in messages.

    Raises
    ------
    VcfError
        If an index is larger than any number of contigs or fields.
    """
    for found in _INDEX.finditer(header):
        digits = found[1].lstrip(b"0").decode()
        if len(digits) > len(str(_LARGEST_INDEX)) or int(digits or 0) > _LARGEST_INDEX:
            line = header.count(b"\n", 0, found.start()) + 1
            raise VcfError(
                f"{name}: line {line} of its header has IDX={digits[:40]}; expected at most "
                f"{_LARGEST_INDEX:,}, as many as there are contigs or fields; leave IDX out"
            )


def _check_header(path: Path, name: str) -> None:
    """Look at the header of a BCF before htslib does; what is cut is left to it."""
    packed = compression(path) != "none"
    with open_start(path) as raw, suppress(EOFError, zlib.error, gzip.BadGzipFile):
        file = gzip.GzipFile(fileobj=raw) if packed else raw
        length = int.from_bytes(file.read(9)[5:], "little")  # behind BCF, 2 and 2
        if length > _LONGEST_HEADER:
            raise VcfError(
                f"{name}: the header of this BCF is said to have {length:,} bytes; expected at "
                f"most {_LONGEST_HEADER:,}; {_REMEDY}"
            )
        check_indices(file.read(length), name)


def _said(path: Path) -> str:
    said = reasons("read BCF", path)
    return f"htslib says: {said}" if said else ""
