"""BCF, the binary form of VCF, as htslib reads it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pysam

from varscore.errors import VcfError
from varscore.inputs.htslib import open_start, reasons
from varscore.inputs.vcf import Record, VcfHeader, read_meta

_REMEDY = "copy or download it again, or make it anew from a VCF"


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
        for line in str(records.header).splitlines():
            read_meta(line, header)
        return header


def open_bcf(path: Path, name: str, *, samples: bool = False) -> pysam.VariantFile:
    """Open a BCF; its samples are passed over unless they are asked for.

    Raises
    ------
    VcfError
        If its header cannot be read.
    """
    open_start(path).close()
    try:
        return pysam.VariantFile(str(path), drop_samples=not samples)
    except (OSError, ValueError) as error:
        raise VcfError(
            f"{name}: the header of this BCF cannot be read: "
            f"{_said(path) or 'it is cut or corrupt'}; {_REMEDY}"
        ) from error


def _said(path: Path) -> str:
    said = reasons("read BCF", path)
    return f"htslib says: {said}" if said else ""
