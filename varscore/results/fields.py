"""A result's rows as words: statuses, chosen scores, and each allele's strongest track."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from varscore.results.provenance import no_scores
from varscore.results.reading import choose_columns, first_measure, opened_results
from varscore.results.table import GENE_COLUMNS

_SAFE = "!\"#$&'()*+-./<>?@[\\]^_`{|}~"  # what VCF 4.3 and 4.2 leave as it is in INFO


@dataclass(frozen=True)
class Field:
    """What a result says of each allele.

    Attributes
    ----------
    name : str
        Letters, digits, dots and underscores, as of an INFO field of a VCF.
    kind : {"String", "Float"}
    description : str
    """

    name: str
    kind: Literal["String", "Float"]
    description: str


class Row(NamedTuple):
    """A row of a result: its allele as it was written, and the values of its fields.

    Attributes
    ----------
    size : float
        Of the strongest track's score; below 0 where there is none.
    values : tuple of str or None
        None where there is none.
    """

    record: int
    allele: int
    chrom: str
    pos: int
    id: str
    ref: str
    alt: str
    size: float
    values: tuple[str | None, ...]


_WRITTEN = ("record", "allele", "chrom", "pos", "id", "ref", "alt")
_ALWAYS = (
    Field("VARSCORE_STATUS", "String", "What became of the allele"),
    Field("VARSCORE_REASON", "String", "What the genome has where REF mismatches"),
)


_OF_GENES = {
    "gene_id": Field("VARSCORE_GENE", "String", "Gene in whose bins the scores are taken"),
    "gene_name": Field("VARSCORE_GENE_NAME", "String", "Its name"),
    "gene_strand": Field("VARSCORE_GENE_STRAND", "String", "Its strand"),
    "gene_distance": Field("VARSCORE_GENE_DISTANCE", "Float", "Bases to its nearest start"),
}


def _extreme_fields(measure: str) -> dict[str, Field]:
    """Return what a result says of a row's most extreme quantile, by its columns."""
    name = f"VARSCORE_TOP_{measure}"
    among = "among the background's variants, no p-value"
    return {
        f"{measure}_extreme_quantile": Field(
            f"{name}_QUANTILE",
            "Float",
            f"Signed quantile of the most extreme {measure} {among}",
        ),
        f"{measure}_extreme_track": Field(
            f"{name}_QUANTILE_TRACK", "String", "Identifier of the track of that quantile"
        ),
        f"{measure}_extreme_corrected": Field(
            f"{name}_CORRECTED",
            "Float",
            "Share of the background's variants that are as extreme in some track",
        ),
    }


class ResultFields:
    """The rows of a result in its order, as words that are numbers to the last bit.

    Parameters
    ----------
    path : str or Path
        A file that varscore wrote, or a folder of such files.
    statistic : str, optional
        Whose scores; the file's first if not given.
    tracks : str or sequence of str, optional
        Tracks whose scores are to be fields of their own; none if not given.

    Attributes
    ----------
    made : Provenance
        How the result was made.
    fields : tuple of Field
        Status and reason, the gene, the strongest track and its score, the most extreme
        quantile where the result has quantiles, and one for each track chosen.
    of_genes : bool
        Whether an allele has a row for each of its genes.

    Raises
    ------
    OutputError
        If the file is absent, not whole or not varscore's, or lacks the statistic.
    OptionError
        If `tracks` names none of the file's tracks.
    """

    def __init__(
        self,
        path: str | Path,
        statistic: str | None = None,
        tracks: str | Sequence[str] | None = None,
    ) -> None:
        self._path = path
        with closing(opened_results(path)) as readers:
            reader = next(readers)
            schema, made = reader.schema, reader.provenance()
        if made.model is None:
            raise no_scores(path)
        self.made = made
        statistic = statistic or first_measure(path, schema)
        self._genes = [name for name in GENE_COLUMNS if name in schema.names]
        self.of_genes = bool(self._genes)
        self._scores = choose_columns(reader.path, schema, statistic, None)
        extreme = _extreme_fields(statistic)
        self._extreme = [name for name in extreme if name in schema.names]
        self._chosen: list[str] = []
        if tracks is not None:
            self._chosen = choose_columns(reader.path, schema, statistic, tracks)
        self._tracks = [schema.field(n).metadata[b"identifier"].decode() for n in self._scores]
        self.fields = (
            *_ALWAYS,
            *(_OF_GENES[name] for name in self._genes),
            Field(
                f"VARSCORE_TOP_{statistic}",
                "Float",
                f"{statistic} of the track where it is largest in size",
            ),
            Field(f"VARSCORE_TOP_{statistic}_TRACK", "String", "Identifier of that track"),
            *(extreme[name] for name in self._extreme),
            *_named(
                (f"VARSCORE_{name}", schema.field(name).metadata[b"description"].decode())
                for name in self._chosen
            ),
        )

    def rows(self) -> Iterator[Row]:
        """Read the rows, a row group at a time.

        Raises
        ------
        OutputError
            If a file is damaged, or of other columns than the first.
        """
        columns = [*_WRITTEN, "status", "reason", *self._genes, *self._extreme, *self._scores]
        for reader in opened_results(self._path):
            for table in reader.groups(columns):
                yield from self._rows(table)

    def _rows(self, table: pa.Table) -> Iterator[Row]:
        sizes, *strongest = self._strongest(table)
        values = [table["status"], table["reason"]]
        values += [pc.cast(table[name], pa.string()) for name in self._genes]
        values += strongest
        values += [pc.cast(table[name], pa.string()) for name in self._extreme]
        values += [pc.cast(table[name], pa.string()) for name in self._chosen]
        written = zip(*(table[name].to_pylist() for name in _WRITTEN), sizes, strict=True)
        for row, said in zip(written, zip(*map(_words, values), strict=True), strict=True):
            record, allele, chrom, pos, name, ref, alt, size = row
            yield Row(record, allele, chrom, pos, name, ref, alt, size, said)

    def _strongest(self, table: pa.Table) -> tuple[list[float], pa.Array, pa.Array]:
        """Return each row's score of the largest size, the first of equals, and its track.

        Before them, that size.
        """
        best = np.full(table.num_rows, np.nan, np.float32)
        which = np.zeros(table.num_rows, np.int64)
        for number, name in enumerate(self._scores):
            scores = table[name].to_numpy()
            # A row's scores are all there, or none.
            better = ~np.isnan(scores) & ~(np.abs(best) >= np.abs(scores))
            best[better], which[better] = scores[better], number
        absent = np.isnan(best)
        scores = pc.cast(pa.array(best, mask=absent), pa.string())
        tracks = pa.array(self._tracks).take(pa.array(which, mask=absent))
        return np.where(absent, -1, np.abs(best)).tolist(), scores, tracks


def _words(column: pa.Array) -> Iterator[str | None]:
    """Return a column's texts, escaped as INFO asks for."""
    known: dict[str | None, str | None] = {None: None}
    for text in column.to_pylist():
        if text not in known:
            known[text] = quote(text, safe=_SAFE)
        yield known[text]


def _named(wanted: Iterator[tuple[str, str]]) -> Iterator[Field]:
    """Make fields of numbers, whose names have no letters that INFO's may not have."""
    taken: set[str] = set()
    for name, description in wanted:
        plain = re.sub(r"[^0-9A-Za-z_.]", "_", name)
        number = 2
        unique = plain
        while unique in taken:
            unique, number = f"{plain}_{number}", number + 1
        taken.add(unique)
        yield Field(unique, "Float", f"{name.removeprefix('VARSCORE_')}: {description}")
