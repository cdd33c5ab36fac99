"""VCF: its records, and what an allele's letters say about it.

A VCF, plain or compressed, is read as lines of text, of which the first five columns count.
htslib, which reads BCF in `varscore.inputs.bcf`, parses whole lines, and refuses a file for a
fault in a column or a header line that nobody needs, such as a blank in a key of INFO.

Here an allele's letters decide what becomes of it; the genome decides in
`varscore.inputs.normalise`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from varscore.errors import VcfError
from varscore.inputs.text import damage_first, is_text, read_lines
from varscore.options import DEFAULT_MAX_ALLELE_LENGTH
from varscore.variant import Status

Record = tuple[str, int, str, str, str]
"""CHROM, POS (1-based), ID, REF and ALT as written: "." for none, commas between ALTs."""

COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
"""The names of the columns that every VCF has."""

_LARGEST_POS = 10**18  # less than what a number of 64 bits holds
_BASES = re.compile("[ACGTacgt]+")
_SYMBOLIC = re.compile(r"[<>\[\]]|^\.|\.$")

SUBSTITUTIONS = frozenset(a + b for a in "ACGT" for b in "ACGT" if a != b)
"""REF and ALT of substitutions in upper case, which need no closer look."""


@dataclass
class VcfHeader:
    """What the header of a VCF or BCF says.

    Attributes
    ----------
    contigs : dict of str to int or None
        The contigs of its ``##contig`` lines, and their lengths where it has them.
    sources : list of str
        The programs of its ``##source`` lines.
    """

    contigs: dict[str, int | None] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)


def read_vcf(path: Path, name: str) -> Generator[Record, None, None]:
    """Read the records of a VCF, plain or compressed.

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
        If the file is not whole, or a line cannot be parsed; the records before it have been
        yielded by then.
    """
    chrom = "\n"  # none has this name
    with closing(read_lines(path, name)) as lines, damage_first(lines):
        for number, line in chain(_after_header(lines, name), lines):
            before = chrom
            try:
                chrom, digits, identifier, ref, alt, _, _, _ = line.split("\t", 7)
                pos = int(digits)
                if not (digits.isdigit() and pos <= _LARGEST_POS):
                    raise ValueError(digits)
            except ValueError:
                raise VcfError(f"{name}: line {number} {record_fault(line)}") from None
            if chrom != before or not line.isascii():
                _check_fields((chrom, digits, identifier, ref, alt), f"{name}: line {number}")
            yield chrom, pos, identifier or ".", ref or ".", alt or "."


def _after_header(lines: Iterator[tuple[int, str]], name: str) -> Iterable[tuple[int, str]]:
    """Pass over the lines of a VCF's header; return the one that follows, if it is read."""
    number = 0
    for number, line in lines:
        if line.startswith("##"):
            continue
        if not line.startswith("#"):
            return [(number, line)]  # some programs leave out the line of columns
        columns = line.rstrip("\r\n").split("\t")
        if tuple(columns[: len(COLUMNS)]) != COLUMNS:
            raise VcfError(f"{name}: line {number} {_column_fault(line, columns)}")
        return []
    raise VcfError(
        f"{name}: ends in its header, at line {number}, without a line of columns; "
        "copy or download it again"
    )


def _column_fault(line: str, columns: list[str]) -> str:
    """Say what is wrong with a VCF's line of columns."""
    expected = f"expected {' '.join(COLUMNS)}, separated by single tabs"
    for found, wanted in zip(columns, COLUMNS, strict=False):
        if found != wanted and found.strip() == wanted:
            return f"has a blank beside the column name {wanted}; remove it"
        if found != wanted:
            blanks = " (blanks where tabs should be)" if " " in found else ""
            return f"has {found[:80]!r}{blanks} for the column {wanted}; {expected}"
    return f"has only {len(columns)} of the columns; {expected}"


def _check_fields(fields: tuple[str, ...], where: str) -> None:
    """Look closer at the columns that are used."""
    chrom, digits, *_ = fields
    if not digits.isascii():
        raise VcfError(f"{where} has POS {digits!r}; expected a whole number, in ASCII")
    if not chrom or chrom != "".join(chrom.split()):
        found = "is blank" if not chrom.strip() else f"{chrom!r} has a blank"
        raise VcfError(f"{where}: CHROM {found}; expected a contig's name")
    if chrom.startswith("#"):
        raise VcfError(f"{where} {record_fault(chrom)}")
    for column, value in zip(COLUMNS, fields, strict=False):
        if not is_text(value):
            raise VcfError(f"{where}: {column.strip('#')} is no UTF-8 text; convert the file")


def record_fault(line: str) -> str:
    """Say what is wrong with a data line that cannot be parsed, as after "line 7 "."""
    columns = line.split("\t")
    if not line.strip():
        return "is blank; remove it"
    if line.startswith("#"):
        return "is a header line among the records; remove it, or give VCFs one by one"
    if len(columns) < len(COLUMNS):
        blanks = ", and blanks" if " " in line else ""
        return (
            f"has {len(columns)} tab-separated columns{blanks}; expected at least 8, separated "
            "by tabs; copy the file again or, if no line has more, name its columns, such as "
            "chrom, pos, id, ref and alt, in one line in the place of its header"
        )
    least = f" up to {_LARGEST_POS:,}" if columns[1].isdigit() else ""
    return f"has POS {columns[1][:80]!r}; expected a whole number{least}"


def read_header(path: Path, name: str) -> VcfHeader:
    """Read what the header of a VCF says about contigs.

    Parameters
    ----------
    path : Path
    name : str
        The file's name in messages.
    """
    header = VcfHeader()
    with closing(read_lines(path, name)) as lines:
        for _, line in lines:
            if not line.startswith("##"):
                break
            read_meta(line.rstrip("\r\n"), header)
    return header


def read_meta(line: str, header: VcfHeader) -> None:
    """Enter what a line of a header says about contigs into `header`."""
    if line.startswith("##source="):
        header.sources.append(line.partition("=")[2])
    elif (contig := contig_declared(line)) is not None:
        length = re.search(r"[<,]length=(\d+)[,>]", line, re.ASCII)
        header.contigs[contig] = int(length[1]) if length else None


def contig_declared(line: str) -> str | None:
    """Return the contig that a line of a header declares; None if it is another line."""
    found = re.search(r"^##contig=<(?:.*?,)?ID=([^,>]+)", line)
    return found[1] if found else None


def classify(ref: str, alt: str, max_allele_length: int = DEFAULT_MAX_ALLELE_LENGTH) -> Status:
    """Decide from its letters alone whether an allele can be scored.

    The first that applies: `MISSING_ALT` (no ALT, or "."), `SPANNING_DELETION` ("*"),
    `SYMBOLIC_ALLELE` ("<DEL>", breakends), `AMBIGUOUS_ALLELE` (a letter outside ACGT in REF
    or ALT, or no REF), `NO_CHANGE`, `TOO_LONG`; otherwise `SCORED`. Case does not count.

    Parameters
    ----------
    ref, alt : str
    max_allele_length : int
        Letters of the longer allele, once bases that both share are trimmed off, but for the
        one base that anchors an insertion or deletion.
    """
    if alt in ("", "."):
        return Status.MISSING_ALT
    if alt == "*":
        return Status.SPANNING_DELETION
    if _SYMBOLIC.search(alt):
        return Status.SYMBOLIC_ALLELE
    if not (_BASES.fullmatch(ref) and _BASES.fullmatch(alt)):
        return Status.AMBIGUOUS_ALLELE
    if ref.upper() == alt.upper():
        return Status.NO_CHANGE
    if max(len(ref), len(alt)) > max_allele_length:
        _, ref, alt = trim(ref.upper(), alt.upper())
        if max(len(ref), len(alt)) > max_allele_length:
            return Status.TOO_LONG
    return Status.SCORED


def trim(ref: str, alt: str) -> tuple[int, str, str]:
    """Trim off what two alleles share, their ends first, down to one base each.

    Parameters
    ----------
    ref, alt : str
        Different, at least one base each, upper case.

    Returns
    -------
    offset : int
        Bases by which the trimmed alleles start further right.
    ref, alt : str
    """
    spare = min(len(ref), len(alt)) - 1
    if not spare:
        return 0, ref, alt
    tail = _shared(ref[::-1], alt[::-1], spare)
    head = _shared(ref, alt, spare - tail)
    return head, ref[head : len(ref) - tail], alt[head : len(alt) - tail]


def _shared(a: str, b: str, most: int) -> int:
    """Count the letters with which both strings begin, `most` at most."""
    return next((i for i, (x, y) in enumerate(zip(a[:most], b, strict=False)) if x != y), most)
