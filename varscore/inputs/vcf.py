"""Reading VCF and BCF: every ALT of every record becomes one `Allele`.

Here an allele's letters decide what becomes of it; the genome decides in
`varscore.inputs.normalise`.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Generator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

import pysam

from varscore.errors import VcfError
from varscore.inputs.contigs import believable_lengths
from varscore.inputs.htslib import compression, ends_whole
from varscore.options import DEFAULT_MAX_ALLELE_LENGTH
from varscore.variant import Allele, Status

_BASES = re.compile("[ACGTacgt]+")
_SYMBOLIC = re.compile(r"[<>\[\]]|^\.|\.$")


def read_alleles(
    path: str | Path, *, max_allele_length: int = DEFAULT_MAX_ALLELE_LENGTH
) -> Generator[Allele, None, None]:
    """Read the alleles of a VCF, bgzipped VCF or BCF one by one, in the file's order.

    Neither index nor order nor contig lines are needed; genotypes are not parsed. Memory
    does not depend on the file's length. The file is closed at its end, or with the generator.

    Parameters
    ----------
    path : str or Path
    max_allele_length : int
        As in `classify`.

    Yields
    ------
    Allele
        One for every (record, ALT), one for a record without ALT. Its status is what
        `classify` says; `varscore.inputs.normalise.locate` completes it.

    Raises
    ------
    VcfError
        If the file is no whole VCF or BCF, or a record cannot be parsed. The alleles before
        the damage have been yielded by then, except where a bgzipped file was cut: that is
        seen before the first.
    """
    path = Path(path)
    records = _open(path)
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
                    f"{path}: reading stopped {where}: {_damage(path, number)}"
                ) from error
            last = f"{chrom}:{pos}"
            for allele, alt in enumerate(alts, 1):
                status = classify(ref, alt, max_allele_length)
                yield Allele(chrom, pos, identifier, ref, alt or ".", number, allele, status)
    finally:
        with suppress(OSError):  # closing what was found damaged fails, too
            records.close()


def check_vcf_file(path: str | Path) -> None:
    """Refuse at once what cannot be opened as a VCF; its records are not read.

    Raises
    ------
    VcfError
        If there is no such file, it was cut, or it has no VCF header.
    """
    _open(Path(path)).close()


def declared_lengths(path: str | Path) -> dict[str, int]:
    """Return the lengths of contigs that a VCF's header declares, where they are lengths.

    Raises
    ------
    VcfError
        If the file has no sound header.
    """
    with _open(Path(path)) as file:
        sources = [str(line.value) for line in file.header.records if line.key == "source"]
        lengths = {str(name): found.length for name, found in file.header.contigs.items()}
    return believable_lengths(lengths, sources)


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


def _open(path: Path) -> pysam.VariantFile:
    if not path.is_file():
        found = "is not a regular file" if path.exists() else "no such file"
        raise VcfError(f"{path}: {found}; expected a VCF or BCF file")
    try:
        kind = compression(path)
        whole = kind != "bgzf" or ends_whole(path)
    except OSError as error:
        raise VcfError(f"{path}: cannot be read: {error.strerror}") from error
    if kind == "gzip":
        raise VcfError(
            f"{path}: compressed with plain gzip, expected bgzip; decompress it, then compress "
            "it with `bgzip` or leave it plain"
        )
    if not whole:
        raise VcfError(
            f"{path}: the bgzipped file is cut: its end-of-file block is missing; copy or "
            "download it again"
        )
    try:
        return pysam.VariantFile(str(path), drop_samples=True)
    except (OSError, ValueError) as error:
        found = "has no sound VCF header" if path.stat().st_size else "the file is empty"
        raise VcfError(
            f"{path}: {found}; expected a VCF or BCF file, which begins with "
            "'##fileformat=VCF' and has a tab-separated #CHROM line"
        ) from error


def _damage(path: Path, records: int) -> str:
    """Say what is wrong with what follows the first `records` records of a file."""
    opened = open if compression(path) == "none" else gzip.open
    try:
        with opened(path, "rb") as lines:
            numbered = enumerate(lines, 1)
            for _, line in numbered:
                if line.startswith(b"#CHROM"):  # what follows is a record to htslib
                    for number, bad in islice(numbered, records, None):
                        return f"line {number} {_fault(bad)}"
    except (OSError, EOFError, zlib.error):
        pass  # the compression itself is damaged
    return "the file is cut or corrupt there; copy or download it again"


def _fault(line: bytes) -> str:
    """Say what is wrong with a data line that cannot be parsed."""
    columns = line.rstrip(b"\r\n").split(b"\t")
    if not line.strip():
        return "is blank; remove it"
    if line.startswith(b"#"):
        return "is a header line among the records; remove it"
    if len(columns) < 8:
        spaces = ", and spaces" if b" " in line else ""
        return (
            f"has {len(columns)} tab-separated columns{spaces}; expected at least 8, "
            "separated by tabs"
        )
    if not columns[1].isdigit():
        return f"has POS {columns[1].decode(errors='replace')!r}; expected a whole number"
    return "cannot be parsed; expected CHROM, POS, ID, REF, ALT, ... in UTF-8 text"
