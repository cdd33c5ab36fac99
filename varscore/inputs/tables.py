"""Variants as people list them: a table with a header, a list, words, a data frame.

Alleles are what a VCF has in REF and ALT: REF the genome's, bases before an insertion or a
deletion included; several ALTs stand between commas. Positions are 1-based.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from varscore.errors import VcfError
from varscore.inputs.text import damage_first, is_text, read_lines
from varscore.inputs.vcf import Record

# Names of columns, in lower case and without any of "#", ".", "_", "-" and blanks.
_NAMES = {
    "chrom": ("chrom", "chr", "chromosome", "contig", "chromosomename", "seqnames"),
    "pos": ("pos", "position", "bp", "basepairlocation", "basepairposition", "genpos"),
    "ref": ("ref", "reference", "refallele", "referenceallele"),
    "alt": ("alt", "alternate", "alternative", "altallele", "alternateallele"),
    "id": ("id", "rsid", "snpid", "snp", "name", "varid"),
    "variant": ("variant", "variantid", "markername", "marker", "key"),
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names}
_NEEDED = ("chrom", "pos", "ref", "alt")
# Which of these is the genome's differs from program to program.
_UNCLEAR = (
    *("a0", "a1", "a2", "allele0", "allele1", "allele2", "effectallele", "otherallele"),
    *("ea", "oa", "nea", "noneffectallele", "hmeffectallele", "hmotherallele", "minorallele"),
    *("majorallele", "riskallele", "testedallele"),
)
_START = ("start", "chromstart", "end", "chromend", "stop")

# From the right: names of contigs have underscores, dashes and colons too. GTEx adds a build.
_VARIANT = re.compile(
    r"(?P<chrom>\S+)[:_-](?P<pos>\d{1,18})[:_-](?P<ref>[A-Za-z.]+)[:_/>-]"
    r"(?P<alt>[A-Za-z*.,]+|\S*[<>\[\]]\S*?)(?:_b3[78])?",
    re.ASCII,
)
FORM = "chr1:12345:A:G (or 1-12345-A-G, chr1_12345_A_G)"


class Layout(NamedTuple):
    """Where a table has what.

    Attributes
    ----------
    width : int
        Number of columns.
    columns : dict of str to int
        0-based column of each of chrom, pos, ref and alt, and perhaps id; or of `variant`,
        all in one.
    delimiter : str
        Between columns.
    header : int
        1-based number of the line with the columns' names; what stands before is passed over.
    """

    width: int
    columns: dict[str, int]
    delimiter: str = "\t"
    header: int = 0


class DataFrame(Protocol):
    """What of a pandas data frame is used."""

    @property
    def columns(self) -> Iterable[Any]:
        """Names of the columns."""

    def __getitem__(self, column: Any, /) -> Any: ...

    def __len__(self) -> int: ...


def parse_variant(text: str) -> Record | None:
    """Read a variant such as chr1:12345:A:G; None if the text is none."""
    match = _VARIANT.fullmatch(text.strip())
    if match is None:
        return None
    return match["chrom"], int(match["pos"]), ".", match["ref"], match["alt"]


def read_layout(line: str, number: int, name: str) -> Layout | None:
    """Find out what the columns of a table are from the line with their names.

    Parameters
    ----------
    line : str
    number : int
        1-based number of the line.
    name : str
        The file's name in messages.

    Returns
    -------
    Layout or None
        None if no name is known: this is no line of names.

    Raises
    ------
    VcfError
        If the columns of a variant are not there, or it is not clear which they are.
    """
    delimiter = next((sign for sign in "\t,;" if sign in line), "\t")
    try:
        names = next(csv.reader([line], delimiter=delimiter))
    except csv.Error as error:
        raise VcfError(
            f"{name}: line {number} names no columns ({error}); expected lines that end in a "
            "line feed, and columns separated by tabs or commas"
        ) from error
    columns = find_columns(names, f"{name}: line {number}")
    if columns is None:
        return None
    if delimiter == ";":
        raise VcfError(
            f"{name}: its columns are separated by semicolons; expected tabs or commas: save "
            "it as one of these"
        )
    return Layout(len(names), columns, delimiter, number)


def find_columns(names: Sequence[str], where: str) -> dict[str, int] | None:
    """Find the columns of a variant by their names.

    Parameters
    ----------
    names : sequence of str
    where : str
        What has these columns, for messages.

    Returns
    -------
    dict of str to int, or None
        As `Layout.columns`; None if no name is known.

    Raises
    ------
    VcfError
        As `read_layout`.
    """
    bare = [re.sub(r"[#._\s-]", "", name).lower() for name in names]
    found: dict[str, list[int]] = {}
    for column, name in enumerate(bare):
        if field := _FIELDS.get(name):
            found.setdefault(field, []).append(column)
    if not found:
        return None
    for field in _NEEDED:
        columns = found.get(field, [])
        if len(columns) > 1:
            exact = [column for column in columns if bare[column] == field]
            if len(exact) != 1:
                both = " and ".join(repr(names[column]) for column in columns)
                raise VcfError(f"{where}: columns {both} may both be {field}; leave one out")
            found[field] = exact
    if all(field in found for field in _NEEDED):
        return {field: found[field][0] for field in (*_NEEDED, "id") if field in found}
    whole = found.get("variant") or (found.get("id") if len(found) == 1 else None)
    if whole is not None:
        return {"variant": whole[0]}
    missing = [field for field in _NEEDED if field not in found]
    raise VcfError(f"{where}: {_why_missing(missing, names, bare)}")


def _why_missing(missing: list[str], names: Sequence[str], bare: list[str]) -> str:
    """Say which columns a table lacks, and what to do."""
    lacks = f"no column {' or '.join(missing)} among {', '.join(names)[:200]}"
    unclear = [name for name, known in zip(names, bare, strict=True) if known in _UNCLEAR]
    if unclear and not {"ref", "alt"}.isdisjoint(missing):
        return (
            f"{lacks}; {', '.join(unclear)} do not say which allele is the genome's: name that "
            "column ref and the other one alt (`varscore check` shows whether they match)"
        )
    if "pos" in missing and any(known in _START for known in bare):
        return f"{lacks}; start may count from 0 or from 1: make it a 1-based column pos"
    return f"{lacks}; expected columns chrom, pos, ref and alt, or a column variant, {FORM}"


def read_table(path: Path, name: str, layout: Layout) -> Generator[Record, None, None]:
    """Read the rows of a table.

    Parameters
    ----------
    path : Path
    name : str
        The file's name in messages.
    layout : Layout

    Yields
    ------
    Record

    Raises
    ------
    VcfError
        If the file cannot be read to its end, or a row is no variant; the records before it
        have been yielded by then.
    """
    with closing(read_lines(path, name)) as lines, damage_first(lines):
        for number, _ in lines:
            if number == layout.header:
                break
        text = (line for _, line in lines)
        rows = csv.reader(text, delimiter=layout.delimiter, strict=True)
        while (row := _next_row(rows, name, layout)) is not None:
            where = f"{name}: line {layout.header + rows.line_num}"
            if len(row) == layout.width:
                yield _record(row, layout.columns, where)
            elif any(field.strip() for field in row):
                raise VcfError(
                    f"{where} has {len(row)} columns, the line of their names {layout.width}; "
                    "expected as many (in R, write.table needs row.names=FALSE)"
                )


def _next_row(rows: Any, name: str, layout: Layout) -> list[str] | None:
    """Return the next row that `csv.reader` reads; None at the end."""
    try:
        return next(rows, None)
    except csv.Error as error:
        raise VcfError(
            f"{name}: line {layout.header + rows.line_num} cannot be parsed ({error}); "
            f"expected the columns of line {layout.header}"
        ) from error


def read_list(path: Path, name: str) -> Generator[Record, None, None]:
    """Read a file with one variant a line, such as chr1:12345:A:G.

    Empty lines and lines that begin with ``#`` are passed over.

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
        As `read_table`.
    """
    with closing(read_lines(path, name)) as lines, damage_first(lines):
        for number, line in lines:
            if line.strip() and not line.startswith("#"):
                yield _parse(line, f"{name}: line {number}")


def read_frame(frame: DataFrame, name: str) -> Generator[Record, None, None]:
    """Read the rows of a data frame.

    Parameters
    ----------
    frame : DataFrame
        Of pandas, or of another library that can do what is used of it.
    name : str
        Its name in messages.

    Yields
    ------
    Record

    Raises
    ------
    VcfError
        If its columns or a row are no variants.
    """
    names = [str(column) for column in frame.columns]
    columns = find_columns(names, name)
    if columns is None:
        raise VcfError(
            f"{name}: none of its columns ({', '.join(names)[:200]}) is known; expected chrom, "
            f"pos, ref and alt, or a column variant, {FORM}"
        )
    chosen = [list(frame.columns)[column] for column in columns.values()]
    order = {field: place for place, field in enumerate(columns)}
    for number, row in enumerate(zip(*(frame[column] for column in chosen), strict=True)):
        yield _record([_as_text(value) for value in row], order, f"{name}: row {number}")


def _as_text(value: object) -> str:
    text = str(value)
    return "" if text in ("None", "nan", "<NA>", "NaT") else text


def _record(row: Sequence[str], columns: dict[str, int], where: str) -> Record:
    """Make a record of a row's fields."""
    if "variant" in columns:
        return _parse(row[columns["variant"]], where)
    chrom, digits, ref, alt = (row[columns[field]].strip() for field in _NEEDED)
    identifier = row[columns["id"]].strip() if "id" in columns else ""
    if not (digits.isdigit() and digits.isascii() and len(digits) <= 18):
        raise VcfError(
            f"{where} has {digits[:80]!r} for a position; expected digits only (pandas, R or "
            "a spreadsheet may have to be told so)"
        )
    if not chrom or len(chrom.split()) > 1 or not all(map(is_text, (chrom, ref, alt))):
        raise VcfError(f"{where} has {chrom[:80]!r} for a contig; expected its name in UTF-8")
    return chrom, int(digits), identifier or ".", ref or ".", alt or "."


def _parse(text: str, where: str) -> Record:
    variant = parse_variant(text)
    if variant is None:
        raise VcfError(
            f"{where} has {text.strip()[:80]!r}; expected a variant such as {FORM}: contig, "
            "1-based position, REF and ALT as in a VCF"
        )
    return variant
