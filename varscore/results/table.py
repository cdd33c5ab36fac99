"""The result: one Parquet file, a row an allele, a column a measure and track.

What made it stands in the file's metadata, what a column holds in the column's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from varscore.errors import ModelError
from varscore.models.catalogue import COLUMNS, PROCESSING
from varscore.models.tracks import TrackTable
from varscore.options import Measure
from varscore.results.file import HeldResult, ResultFile
from varscore.results.provenance import Provenance
from varscore.variant import Allele, Status

# 64 bits for positions: pandas' own integer, so that arithmetic on them cannot overflow, and
# there are contigs beyond 2^31 bases. Compressed, the width is not to be seen.
VARIANT_FIELDS = tuple(
    pa.field(name, kind, nullable=name == "reason")
    for name, kind in (
        ("chrom", pa.string()),
        ("pos", pa.int64()),
        ("id", pa.string()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("record", pa.int64()),
        ("allele", pa.int32()),
        ("key", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),  # of a mismatch of REF
    )
)

_GENE_FIELDS = tuple(
    pa.field(name, kind)  # null in a row without gene
    for name, kind in (
        ("gene_id", pa.string()),
        ("gene_name", pa.string()),
        ("gene_strand", pa.string()),
        ("gene_distance", pa.int64()),
    )
)

GENE_COLUMNS: tuple[str, ...] = tuple(field.name for field in _GENE_FIELDS)
"""The columns that say which gene a row is about, where genes were asked for."""

VARIANT_COLUMNS: tuple[str, ...] = tuple(field.name for field in VARIANT_FIELDS)
"""The columns that say which allele a row is and what became of it."""

_OF_A_SCORE = ("statistic", "around", "index", "identifier", "description")

_GROUP_BYTES = 128 * 2**20
# Each column costs the footer about 160 bytes a row group. Below 1,024 rows that would be
# more than 4 % of the file, whatever memory it saves (15 statistics x 5,313 tracks: 326 MB).
_GROUP_ROWS_MIN, _GROUP_ROWS_MAX = 1024, 65536


class Derived(Protocol):
    """Columns of a result that are computed from the scores of its rows.

    Attributes
    ----------
    fields : tuple of pyarrow.Field
    """

    @property
    def fields(self) -> tuple[pa.Field, ...]:
        """The columns' names, types and metadata."""
        ...

    def columns(self, scores: NDArray[np.float32]) -> list[pa.Array]:
        """Return an array a field, without nulls.

        Parameters
        ----------
        scores : ndarray, shape (B, S, T)
            Of B rows, S measures and T tracks.
        """
        ...


def score_schema(
    measures: Sequence[Measure],
    tracks: TrackTable,
    *,
    genes: bool = False,
    derived: Sequence[Derived] = (),
    keep_tracks: bool = True,
) -> pa.Schema:
    """Return the columns of a result, without the file's metadata.

    Parameters
    ----------
    measures : sequence of Measure
        In the outer order of the score columns.
    tracks : TrackTable
        The inner order.
    genes : bool
        Whether rows are about genes.
    derived : sequence of Derived
        Further columns.
    keep_tracks : bool
        Whether there is a column for each track.

    Returns
    -------
    pyarrow.Schema
        `VARIANT_COLUMNS`, with genes `GENE_COLUMNS`, then float32 columns
        ``<measure>_<identifier>``; each has ``statistic``, ``around``, ``index``,
        ``identifier``, ``description`` and the track's further columns (but how it was
        processed) as its metadata; `tracks_of` reads them again. Behind them, those derived.
    """
    further = {name: cells for name, cells in tracks.columns.items() if name not in PROCESSING}
    scores = [
        pa.field(
            f"{measure.name}_{identifier}",
            pa.float32(),
            metadata={
                **{name: cells[row] for name, cells in further.items()},
                "statistic": measure.statistic,
                "around": str(measure.around),
                "index": str(index),
                "identifier": identifier,
                "description": description,
            },
        )
        for measure in measures
        for row, (index, identifier, description) in enumerate(
            zip(tracks.indices, tracks.identifiers, tracks.descriptions, strict=True)
        )
    ]
    more = [field for columns in derived for field in columns.fields]
    of_genes = _GENE_FIELDS if genes else ()
    return pa.schema([*VARIANT_FIELDS, *of_genes, *(scores if keep_tracks else ()), *more])


def tracks_of(schema: pa.Schema) -> dict[str, TrackTable]:
    """Return the tracks of a result's score columns, by their measure's name.

    Parameters
    ----------
    schema : pyarrow.Schema
        As `score_schema` made it.

    Returns
    -------
    dict of str to TrackTable
        In the columns' order.
    """
    present: dict[str, list[dict[str, str]]] = {}
    for field in schema:
        if measure := measure_of(field):
            facts = {key.decode(): value.decode() for key, value in field.metadata.items()}
            present.setdefault(measure, []).append(facts)
    return {measure: _track_table(facts) for measure, facts in present.items()}


def _track_table(tracks: Sequence[Mapping[str, str]]) -> TrackTable:
    """Return the table of the tracks that the metadata of some columns tell of."""
    found = dict.fromkeys(name for facts in tracks for name in facts)
    further = [name for name in (*COLUMNS, *found) if name in found and _is_further(name)]
    return TrackTable(
        tuple(int(facts["index"]) for facts in tracks),
        tuple(facts["identifier"] for facts in tracks),
        tuple(facts["description"] for facts in tracks),
        {name: tuple(facts.get(name, "") for facts in tracks) for name in further},
    )


def _is_further(name: str) -> bool:
    return name not in _OF_A_SCORE and not name.startswith("PARQUET:")  # Parquet's own


def measure_of(field: pa.Field) -> str | None:
    """Return the measure of a score column, by its name; None of any other column."""
    facts = field.metadata or {}
    if b"statistic" not in facts:
        return None
    return str(field.name).removesuffix("_" + facts[b"identifier"].decode())


def rows_per_group(schema: pa.Schema) -> int:
    """Return how many rows of a result make one row group, which is held in memory.

    As many as make 128 MiB of scores, but at least 1,024 and at most 65,536.
    """
    n_columns = sum(measure_of(field) is not None for field in schema)
    fitting = _GROUP_BYTES // max(4 * n_columns, 1)
    return min(max(fitting, _GROUP_ROWS_MIN), _GROUP_ROWS_MAX)


class ScoreWriter:
    """Writes a result, which appears when it is committed; a context manager.

    It is a `varscore.results.file.ResultFile`; what it holds does not depend on how its rows
    were cut into calls of `write`.

    Parameters
    ----------
    path : str, Path or None
        The file to write; None holds the result in memory.
    measures : sequence of Measure
        The S measures that `write` gets, in its order.
    tracks : TrackTable
        The T tracks that `write` gets, in its order.
    genes : bool
        Whether rows are about genes.
    derived : sequence of Derived
        Further columns, computed from the scores.
    keep_tracks : bool
        Whether there is a column for each track.
    force : bool
        Whether to replace an existing file.
    group_rows : int, optional
        Rows a row group, which are held in memory; as many as make 128 MiB of scores if
        not given, but at least 1,024 and at most 65,536.
    cause : callable, optional
        Of an allele whose scores are not finite, what that comes from and what to do, in words
        that end a message.

    Raises
    ------
    OutputError
        As `ResultFile`, when made; from then on, if the file cannot be written, as when
        the disk is full.
    """

    def __init__(
        self,
        path: str | Path | None,
        measures: Sequence[Measure],
        tracks: TrackTable,
        *,
        genes: bool = False,
        derived: Sequence[Derived] = (),
        keep_tracks: bool = True,
        force: bool = False,
        group_rows: int | None = None,
        cause: Callable[[Allele], str] | None = None,
    ) -> None:
        self.schema = score_schema(
            measures, tracks, genes=genes, derived=derived, keep_tracks=keep_tracks
        )
        self._file = (
            HeldResult(self.schema)
            if path is None
            else ResultFile(path, self.schema, force=force)
        )
        self._genes = genes
        self._measures = tuple(measures)
        self._tracks = tracks
        self._derived = tuple(derived)
        self._further = pa.schema([field for columns in derived for field in columns.fields])
        self._n_columns = len(self._measures) * len(tracks) if keep_tracks else 0
        self._group_rows = group_rows or rows_per_group(self.schema)
        self._cause = cause or (lambda allele: "check where it was computed")

    def __enter__(self) -> Self:
        # A row of memory a column, so that Arrow takes the columns as they are.
        self._scores = np.empty((self._n_columns, self._group_rows), np.float32)
        self._alleles: list[Allele] = []
        self._held = self._further.empty_table()  # what is derived of the same rows
        self._file.__enter__()
        return self

    def write(self, alleles: Sequence[Allele], scores: ArrayLike) -> None:
        """Append one row an allele.

        Parameters
        ----------
        alleles : sequence of Allele
            B of them have the status `SCORED`; the others get nulls for scores.
        scores : array_like, shape (B, S, T)
            Of the scored alleles, in their order. Stored as float32.

        Raises
        ------
        ModelError
            If a score is not finite in float32.
        OutputError
            If the file cannot be written.
        """
        scored = _scored(alleles)
        with np.errstate(over="ignore"):  # an overflow is infinite, and refused as such
            values = np.asarray(scores).astype(np.float32, copy=False)
        expected = (int(scored.sum()), len(self._measures), len(self._tracks))
        if values.shape != expected:
            raise ValueError(f"scores of shape {values.shape}, expected {expected}")
        if not np.isfinite(values).all():
            self._refuse([a for a in alleles if a.status == Status.SCORED], values)
        rows = np.zeros((len(alleles), self._n_columns), np.float32)
        if self._n_columns:
            rows[scored] = values.reshape(len(values), self._n_columns)
        further = self._derive(values, scored)
        done = 0
        while done < len(alleles):
            held = len(self._alleles)
            batch = slice(done, done + self._group_rows - held)
            self._alleles.extend(alleles[batch])
            self._scores[:, held : len(self._alleles)] = rows[batch].T
            if self._derived:
                part = further.slice(done, len(self._alleles) - held)
                self._held = pa.concat_tables([self._held, part])
            done = batch.stop
            if len(self._alleles) == self._group_rows:
                self._write_group()

    def commit(self, provenance: Provenance) -> None:
        """Write what is held still and how the scores were made; the file appears.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        if self._alleles:
            self._write_group()
        self._file.commit(provenance)

    @property
    def held(self) -> HeldResult:
        """What was committed, where there is no path.

        Raises
        ------
        TypeError
            Where there is one.
        """
        if not isinstance(self._file, HeldResult):
            raise TypeError("held: the result is in a file")
        return self._file

    def __exit__(self, *_: object) -> None:
        self._file.__exit__()

    def _derive(self, scores: NDArray[np.float32], scored: NDArray[np.bool_]) -> pa.Table:
        """Return the further columns; rows that are not scored have nulls."""
        places = pa.array(np.cumsum(scored) - 1, mask=~scored)
        columns = [
            column.take(places)
            for derived in self._derived
            for column in derived.columns(scores)
        ]
        return pa.Table.from_arrays(columns, schema=self._further)

    def _write_group(self) -> None:
        rows = len(self._alleles)
        columns = variant_columns(self._alleles)
        if self._genes:
            columns += _gene_columns(self._alleles)
        scored = _scored(self._alleles)
        # One validity bitmap serves all score columns: a row is scored or it is not.
        valid = None if scored.all() else pa.py_buffer(np.packbits(scored, bitorder="little"))
        columns += [
            pa.Array.from_buffers(pa.float32(), rows, [valid, pa.py_buffer(column[:rows])])
            for column in self._scores
        ]
        columns += self._held.combine_chunks().columns
        self._file.write(pa.Table.from_arrays(columns, schema=self.schema))
        self._alleles.clear()
        self._held = self._further.empty_table()

    def _refuse(self, scored: Sequence[Allele], values: NDArray[np.float32]) -> None:
        row, measure, track = np.argwhere(~np.isfinite(values))[0]
        raise ModelError(
            f"record {scored[row].record}, allele {scored[row].allele} ({scored[row].key}): "
            f"{self._measures[measure].name} of track {self._tracks.identifiers[track]} "
            f"is {values[row, measure, track]}, expected a finite number; "
            f"{self._cause(scored[row])}"
        )


def variant_columns(alleles: Sequence[Allele]) -> list[pa.Array]:
    """Return alleles as the columns `VARIANT_COLUMNS` of a table."""
    return [
        pa.array(map(attrgetter(field.name), alleles), field.type, size=len(alleles))
        for field in VARIANT_FIELDS
    ]


def _gene_columns(alleles: Sequence[Allele]) -> list[pa.Array]:
    return [
        pa.array((getattr(a.gene, field.name, None) for a in alleles), field.type)
        for field in _GENE_FIELDS
    ]


def _scored(alleles: Sequence[Allele]) -> NDArray[np.bool_]:
    return np.array([allele.status == Status.SCORED for allele in alleles], dtype=np.bool_)
