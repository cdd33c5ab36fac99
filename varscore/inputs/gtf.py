"""Rows of a GTF file, those of genes, transcripts and exons.

pysam takes attributes apart. It does so wherever a semicolon and a blank stand, within quotes
too and nowhere else, and makes a number of what has no quotes: what it cannot have got right
is read anew by shlex, which knows quotes and takes thirty times as long.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import pysam

from varscore.errors import OptionError
from varscore.inputs.text import is_text

EXPECTED = "expected a GTF file (plain, gzip or bgzip)"

_GENE = "gene"
_FEATURES = (_GENE, "transcript", "mRNA", "exon")
_IDS = ("gene_id", "transcript_id", "gene_name")
_OTHERS = (
    ("##gff-version 3", "GFF3", "get the GTF, or convert it: `gffread -T`"),
    ("##fileformat=VCF", "a VCF", "give the file of genes"),
)
_COLUMNS = (
    "expected nine columns separated by tabs: contig, source, feature, start and end (1-based, "
    "both included), score, strand, frame, attributes"
)
_GFF3 = re.compile(r"\s*\w+=")
_POSITION = re.compile(r"\d{1,18}", re.ASCII)
_parse = pysam.asGTF("utf-8")


class GtfRow(NamedTuple):
    """One row.

    Attributes
    ----------
    number : int
        1-based number of the line.
    contig : str
        As in the file.
    feature : {"gene", "transcript", "mRNA", "exon"}
    start, end : int
        0-based, half-open.
    strand : {"+", "-", "."}
    line : str
    """

    number: int
    contig: str
    feature: str
    start: int
    end: int
    strand: str
    line: str

    @property
    def attributes(self) -> str:
        """The last column."""
        return self.line.rstrip("\r\n").rpartition("\t")[2]


class GtfIds(NamedTuple):
    """What a row belongs to.

    Attributes
    ----------
    gene_id : str
    transcript_id : str
        Empty for a gene's own row.
    gene_name : str
        Empty where the row has none.
    """

    gene_id: str
    transcript_id: str
    gene_name: str


def gtf_rows(lines: Iterator[tuple[int, str]], name: str) -> Iterator[GtfRow]:
    """Read rows of genes, transcripts and exons; others are passed over.

    Parameters
    ----------
    lines : iterator
        From `varscore.inputs.text.read_lines`.
    name : str
        The file's name in messages.

    Yields
    ------
    GtfRow
        In the file's order.

    Raises
    ------
    OptionError
        If the file is of another kind, or a line has not nine columns or, of those that count,
        no positions and strand.
    """
    for number, line in lines:
        if line.startswith("#"):
            for start, what, remedy in _OTHERS:
                if line.startswith(start):
                    raise OptionError(f"{name}: is {what}; {EXPECTED}; {remedy}")
            continue
        columns = line.rstrip("\r\n").split("\t")
        if columns == [""] or (len(columns) == 9 and columns[2] not in _FEATURES):
            continue
        if (
            len(columns) != 9
            or not all(map(_POSITION.fullmatch, columns[3:5]))
            or not 1 <= int(columns[3]) <= int(columns[4])
            or columns[6] not in ("+", "-", ".", "?")
        ):
            raise OptionError(f"{name}: line {number} is {line.strip()[:80]!r}; {_COLUMNS}")
        contig, _, feature, first, last, _, strand, *_ = columns
        strand = "." if strand == "?" else strand
        yield GtfRow(number, contig, feature, int(first) - 1, int(last), strand, line)


def read_ids(row: GtfRow, name: str) -> GtfIds:
    """Read from a row's attributes what it belongs to.

    Parameters
    ----------
    row : GtfRow
    name : str
        The file's name in messages.

    Returns
    -------
    GtfIds

    Raises
    ------
    OptionError
        If the row does not say it.
    """
    found = _quick(row.line) or _careful(row.attributes)
    gene, transcript, gene_name = (found.get(key, "") for key in _IDS)
    is_gene = row.feature == _GENE
    if gene and (transcript or is_gene) and is_text(row.line):
        return GtfIds(gene, "" if is_gene else transcript, gene_name)
    text = row.attributes
    where = f"{name}: line {row.number}"
    if _GFF3.match(text):
        _, what, remedy = _OTHERS[0]
        raise OptionError(f"{where} has attributes of {what}; {EXPECTED}; {remedy}")
    which = "gene_id" if is_gene else "gene_id and transcript_id"
    raise OptionError(
        f"{where}, of feature {row.feature}, has {text[:80]!r} for attributes; expected "
        f'{which}, in UTF-8, as in gene_id "G1"; transcript_id "T1";'
    )


def _quick(line: str) -> dict[str, str]:
    """Return the attributes that are asked for; nothing if pysam may have erred."""
    found: dict[str, str] = {}
    if "\0" in line or not is_text(line):
        return found
    text = line.encode()
    row = _parse(text, len(text))  # type: ignore[arg-type]  # it takes bytes only
    try:
        for key, value in row.attribute_string2iterator(row.attributes):
            if key in _IDS and not isinstance(value, str):
                return {}
            if isinstance(value, str):
                if '"' in value or ";" in value:
                    return {}
                if key in _IDS:
                    found.setdefault(key, value)
                    if len(found) == len(_IDS):
                        break
    # An attribute without a value, or half of one; a number that is infinite, or none.
    except (IndexError, OverflowError, ValueError):
        return {}
    return found


def _careful(attributes: str) -> dict[str, str]:
    """Return all attributes; nothing if a quotation does not end."""
    words = shlex.shlex(attributes, posix=True, punctuation_chars=";")
    words.whitespace_split, words.commenters, words.quotes, words.escape = True, "", '"', ""
    found: dict[str, str] = {}
    try:
        for separates, group in groupby(words, re.compile(";+").fullmatch):
            if separates is None:
                key, *values = group
                found.setdefault(key, " ".join(values))
    except ValueError:
        return {}
    return found
