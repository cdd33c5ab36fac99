"""Scores as INFO fields of the VCF that was scored, or as a table of text."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import TextIO

from varscore.errors import OutputError, VcfError
from varscore.files.atomic import check_target, writing
from varscore.inputs.given import File, opened
from varscore.inputs.lines import VcfWriter, form_of, read_columns, read_meta_lines
from varscore.results.fields import Field, ResultFields, Row
from varscore.version import __version__


def annotate_vcf(
    scores: str | Path,
    vcf: str | Path,
    output: str | Path,
    *,
    statistic: str | None = None,
    tracks: str | Sequence[str] | None = None,
    force: bool = False,
) -> Path | None:
    """Write a VCF again, with what a result says of its alleles in INFO.

    Everything else stays as it is, samples and header lines included; memory does not depend
    on the number of records. Fields have ``Number=A``, a value an ALT: ``VARSCORE_STATUS``,
    ``VARSCORE_REASON``, ``VARSCORE_TOP_<statistic>`` and ``VARSCORE_TOP_<statistic>_TRACK``
    (the score that is largest in size, and its track), and for each of `tracks`
    ``VARSCORE_<statistic>_<identifier>``. Numbers have all the digits of the result's. A record
    that was not among those scored gets none.

    Parameters
    ----------
    scores : str or Path
        A result, in the order of the VCF.
    vcf : str or Path
        The VCF or BCF that was scored, or one of the same records, such as with samples; "-"
        for standard input.
    output : str or Path
        Its suffix says what is written: ``.vcf``, ``.vcf.gz`` (bgzipped) or ``.bcf``; the two
        get an index, if they are sorted.
    statistic : str, optional
        Of the result's; its first if not given.
    tracks : str or sequence of str, optional
        Which, as in `TrackTable.select`.
    force : bool
        Replace an existing output.

    Returns
    -------
    Path or None
        The index.

    Raises
    ------
    VarscoreError
        If a file cannot be used, or the records are not those that were scored; there is no
        output then.
    """
    output = Path(output)
    form_of(output)
    check_target(output, force=force)
    result = ResultFields(scores, statistic, tracks)
    with opened(vcf, output.parent) as inputs:
        if len(inputs) != 1 or not isinstance(inputs[0], File):
            raise VcfError(f"{vcf}: expected one VCF or BCF, the one that was scored")
        source = inputs[0]
        header = read_meta_lines(source.path, source.name)
        # What a former run of this wrote is replaced.
        known = {f"##INFO=<ID={field.name}," for field in result.fields}
        outdated = any(line.startswith(tuple(known)) for line in header)
        header = [line for line in header if not line.startswith(tuple(known))]
        header[-1:-1] = _header_lines(result)
        names = {field.name for field in result.fields} if outdated else set()
        with VcfWriter(output, header) as writer:
            with closing(read_columns(source.path, source.name)) as records:
                for columns, rows in _joined(records, source.name, result, scores):
                    columns[7] = _info(columns[7], result.fields, rows, names)
                    writer.write(columns[0], int(columns[1]), "\t".join(columns))
            return writer.commit()


def _header_lines(result: ResultFields) -> list[str]:
    lines = [
        f"##INFO=<ID={field.name},Number=A,Type={field.kind},"
        f'Description="{_quoted(field.description)}",Source="varscore",Version="{__version__}">'
        for field in result.fields
    ]
    model = result.made.model or {}
    return [*lines, f"##varscore_annotate=model {model.get('name')}, {result.made.vcf}"]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _joined(
    records: Iterator[tuple[int, list[str]]],
    name: str,
    result: ResultFields,
    scores: str | Path,
) -> Iterator[tuple[list[str], list[Row]]]:
    """Pair each record with the rows of its alleles, none for one that was not scored."""
    groups = groupby(_in_order(result, scores), key=attrgetter("record"))
    wanted, rows = next(groups, (None, iter(())))
    number = -1
    for number, (line, columns) in enumerate(records):
        if number != wanted:
            yield columns, []
            continue
        found = list(rows)
        _check_same(columns, found, f"{name}: line {line}", scores)
        yield columns, found
        wanted, rows = next(groups, (None, iter(())))
    if wanted is not None:
        raise VcfError(
            f"{name}: has {number + 1:,} records, and {scores} has scores of record "
            f"{wanted + 1:,}; give the VCF that was scored"
        )


def _in_order(result: ResultFields, scores: str | Path) -> Iterator[Row]:
    """Yield a row for each allele: of several genes the one where scores are largest."""
    last = (-1, 0)
    for place, same in groupby(result.rows(), key=attrgetter("record", "allele")):
        rows = list(same)
        if place <= last or (len(rows) > 1 and not result.of_genes):
            raise OutputError(
                f"{scores}: its rows are not in the order of the VCF; merge its shards with "
                "--order input"
            )
        last = place
        yield max(rows, key=attrgetter("size"))


def _check_same(columns: list[str], rows: list[Row], where: str, scores: str | Path) -> None:
    chrom, pos, _, ref, alt = columns[:5]
    first = rows[0]
    alts = ",".join(row.alt for row in rows)
    if (first.chrom, first.pos, first.ref, alts) != (chrom, int(pos), ref or ".", alt or "."):
        raise VcfError(
            f"{where} is {chrom}:{pos}:{ref}:{alt}, and {scores} has "
            f"{first.chrom}:{first.pos}:{first.ref}:{alts} for this record; give the VCF that "
            "was scored, or score this one"
        )


def _info(info: str, fields: Sequence[Field], rows: list[Row], outdated: set[str]) -> str:
    """Return INFO with the fields of a record's alleles; of those without a value, none."""
    kept = [] if info in ("", ".") else [info]
    if outdated:
        entries = info.split(";") if kept else []
        kept = [entry for entry in entries if entry.partition("=")[0] not in outdated]
    if rows and rows[0].alt != ".":  # a record without ALT has no values with Number=A
        for place, field in enumerate(fields):
            values = [row.values[place] for row in rows]
            if any(value is not None for value in values):
                text = ",".join("." if value is None else value for value in values)
                kept.append(f"{field.name}={text}")
    return ";".join(kept) or "."


def write_table(
    scores: str | Path,
    output: str | Path,
    *,
    statistic: str | None = None,
    tracks: str | Sequence[str] | None = None,
    force: bool = False,
) -> None:
    """Write what `annotate_vcf` says as a table for spreadsheets: a row an allele, with tabs.

    Parameters
    ----------
    scores, statistic, tracks, force
        As there.
    output : str or Path
        Compressed with gzip if it ends in ``.gz``.

    Raises
    ------
    VarscoreError
        As there.
    """
    output = Path(output)
    check_target(output, force=force)
    result = ResultFields(scores, statistic, tracks)
    names = [field.name.removeprefix("VARSCORE_") for field in result.fields]
    with writing(output) as path, _text(path, packed=output.suffix == ".gz") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["chrom", "pos", "id", "ref", "alt", *names])
        for _, _, *written, _, values in result.rows():
            table.writerow(chain(written, values))


@contextmanager
def _text(path: Path, *, packed: bool) -> Iterator[TextIO]:
    """Open a file for text; packed, its bytes depend on nothing but the text."""
    with open(path, "wb") as raw:
        if not packed:
            with io.TextIOWrapper(raw, "utf-8", newline="") as text:
                yield text
            return
        with (
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file,
            io.TextIOWrapper(file, "utf-8", newline="") as text,
        ):
            yield text
