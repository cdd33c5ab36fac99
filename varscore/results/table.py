"""The result: one Parquet file, a row an allele, a column a statistic and track.

What made it stands in the file's metadata, what a column holds in the column's.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from varscore.errors import ModelError, OutputError
from varscore.models.tracks import TrackTable
from varscore.results.file import ResultFile, file_metadata, open_result, reading
from varscore.variant import Allele, Status

if TYPE_CHECKING:  # torch takes seconds to import, and a plan needs none
    from varscore.statistics import Statistic

# 64 bits for positions: pandas' own integer, so that arithmetic on them cannot overflow, and
# there are contigs beyond 2^31 bases. Compressed, the width is not to be seen.
VARIANT_FIELDS = tuple(
    pa.field(name, kind, nullable=False)
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
    )
)

VARIANT_COLUMNS: tuple[str, ...] = tuple(field.name for field in VARIANT_FIELDS)
"""The columns that say which allele a row is and what became of it."""

_GROUP_BYTES = 128 * 2**20
# Each column costs the footer about 160 bytes a row group. Below 1,024 rows that would be
# more than 4 % of the file, whatever memory it saves (15 statistics x 5,313 tracks: 326 MB).
_GROUP_ROWS_MIN, _GROUP_ROWS_MAX = 1024, 65536


def score_schema(statistics: Sequence[Statistic], tracks: TrackTable) -> pa.Schema:
    """Return the columns of a result, without the file's metadata.

    Parameters
    ----------
    statistics : sequence of Statistic
        The outer order of the score columns.
    tracks : TrackTable
        The inner order.

    Returns
    -------
    pyarrow.Schema
        `VARIANT_COLUMNS`, then float32 columns ``<statistic>_<identifier>``; each has
        ``statistic``, ``index``, ``identifier`` and ``description`` as its metadata.
    """
    scores = [
        pa.field(
            f"{statistic.name}_{identifier}",
            pa.float32(),
            metadata={
                "statistic": statistic.name,
                "index": str(index),
                "identifier": identifier,
                "description": description,
            },
        )
        for statistic in statistics
        for index, identifier, description in zip(
            tracks.indices, tracks.identifiers, tracks.descriptions, strict=True
        )
    ]
    return pa.schema([*VARIANT_FIELDS, *scores])


def rows_per_group(schema: pa.Schema) -> int:
    """Return how many rows of a result make one row group, which is held in memory.

    As many as make 128 MiB of scores, but at least 1,024 and at most 65,536.
    """
    n_columns = len(schema) - len(VARIANT_COLUMNS)
    fitting = _GROUP_BYTES // max(4 * n_columns, 1)
    return min(max(fitting, _GROUP_ROWS_MIN), _GROUP_ROWS_MAX)


class ScoreWriter:
    """Writes a result; a context manager, on whose exit the file appears, whole.

    It is a `varscore.results.file.ResultFile`; what it holds does not depend on how its rows
    were cut into calls of `write`.

    Parameters
    ----------
    path : str or Path
        The file to write.
    statistics : sequence of Statistic
        The S statistics that `write` gets, in its order.
    tracks : TrackTable
        The T tracks that `write` gets, in its order.
    metadata : dict
        JSON-ready; how the scores were made. What is known only later may be added to the
        attribute `metadata` until the exit.
    force : bool
        Whether to replace an existing file.
    group_rows : int, optional
        Rows a row group, which are held in memory; as many as make 128 MiB of scores if
        not given, but at least 1,024 and at most 65,536.

    Raises
    ------
    OutputError
        As `ResultFile`, when made; from then on, if the file cannot be written, as when
        the disk is full.
    """

    def __init__(
        self,
        path: str | Path,
        statistics: Sequence[Statistic],
        tracks: TrackTable,
        metadata: dict[str, Any],
        *,
        force: bool = False,
        group_rows: int | None = None,
    ) -> None:
        self.schema = score_schema(statistics, tracks)
        self.metadata = metadata
        self._file = ResultFile(path, self.schema, metadata, force=force)
        self._statistics = tuple(statistics)
        self._tracks = tracks
        self._n_columns = len(self._statistics) * len(tracks)
        self._group_rows = group_rows or rows_per_group(self.schema)

    def __enter__(self) -> Self:
        # A row of memory a column, so that Arrow takes the columns as they are.
        self._scores = np.empty((self._n_columns, self._group_rows), np.float32)
        self._alleles: list[Allele] = []
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
        expected = (int(scored.sum()), len(self._statistics), len(self._tracks))
        if values.shape != expected:
            raise ValueError(f"scores of shape {values.shape}, expected {expected}")
        if not np.isfinite(values).all():
            self._refuse([a for a in alleles if a.status == Status.SCORED], values)
        rows = np.zeros((len(alleles), self._n_columns), np.float32)
        rows[scored] = values.reshape(len(values), self._n_columns)
        done = 0
        while done < len(alleles):
            held = len(self._alleles)
            batch = slice(done, done + self._group_rows - held)
            self._alleles.extend(alleles[batch])
            self._scores[:, held : len(self._alleles)] = rows[batch].T
            done = batch.stop
            if len(self._alleles) == self._group_rows:
                self._write_group()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            try:
                if self._alleles:
                    self._write_group()
            except BaseException:
                self._file.__exit__(*sys.exc_info())
                raise
        self._file.__exit__(kind, error, traceback)

    def _write_group(self) -> None:
        rows = len(self._alleles)
        columns = variant_columns(self._alleles)
        scored = _scored(self._alleles)
        # One validity bitmap serves all score columns: a row is scored or it is not.
        valid = None if scored.all() else pa.py_buffer(np.packbits(scored, bitorder="little"))
        columns += [
            pa.Array.from_buffers(pa.float32(), rows, [valid, pa.py_buffer(column[:rows])])
            for column in self._scores
        ]
        self._file.write(pa.Table.from_arrays(columns, schema=self.schema))
        self._alleles.clear()

    def _refuse(self, scored: Sequence[Allele], values: NDArray[np.float32]) -> None:
        row, statistic, track = np.argwhere(~np.isfinite(values))[0]
        raise ModelError(
            f"record {scored[row].record}, allele {scored[row].allele} ({scored[row].key}): "
            f"{self._statistics[statistic].name} of track {self._tracks.identifiers[track]} "
            f"is {values[row, statistic, track]}, expected a finite number; "
            "check the model's weights, or use --precision float32"
        )


def read_scores(
    path: str | Path,
    statistic: str | Sequence[str] | None = "SAD",
    tracks: str | Sequence[str] | None = None,
    *,
    columns: Sequence[str] = VARIANT_COLUMNS,
) -> pd.DataFrame:
    """Read some of a result's columns; the others are not touched.

    Parameters
    ----------
    path : str or Path
        A file that varscore wrote, or a folder of such files with equal columns, which are
        read as one, in the order of their names.
    statistic : str, sequence of str or None
        One or several of the file's statistics; None reads all.
    tracks : str, sequence of str or None
        Identifiers, or a regular expression on descriptions and identifiers, as in
        `TrackTable.select`; None reads all.
    columns : sequence of str
        Which of `VARIANT_COLUMNS` to read; `pos` is 1-based.

    Returns
    -------
    pandas.DataFrame
        A row an allele, in the file's order: `columns`, then the float32 columns
        ``<statistic>_<identifier>``. Rows that could not be scored have NaN in all of
        these and say why in ``status``.

    Raises
    ------
    OutputError
        If the file is absent, not whole or not varscore's, or lacks a column asked for.
    OptionError
        If `tracks` names none of the file's tracks.

    Examples
    --------
    >>> import varscore
    >>> made = varscore.score_vcf("my.vcf.gz", "hg38.fa", "scores.parquet")
    >>> read_scores("scores.parquet", "SAD", "DNASE:.*liver", columns=["key"]).columns.to_list()
    ['key', 'SAD_ENCFF833POA']
    """
    unknown = [name for name in columns if name not in VARIANT_COLUMNS]
    if unknown:
        raise OutputError(
            f"{path}: {unknown[0]!r} is no variant column; "
            f"choose from {', '.join(VARIANT_COLUMNS)}"
        )
    schema, chosen, tables = None, list(columns), []
    for file in _files(path):
        with open_result(file) as parquet:
            if schema is None:
                schema = parquet.schema_arrow
                chosen += _choose(file, schema, statistic, tracks)
            elif not parquet.schema_arrow.equals(schema):
                raise OutputError(
                    f"{file}: its columns differ from those of the other files in its folder; "
                    "only results of the same statistics and tracks are read as one"
                )
            with reading(file):
                tables.append(parquet.read(columns=chosen))
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return frame


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return how a result was made; for a folder of files, what its first file says.

    Raises
    ------
    OutputError
        If the file is absent, not whole or not varscore's.
    """
    with open_result(_files(path)[0]) as parquet:
        return file_metadata(parquet)


def _choose(
    file: Path,
    schema: pa.Schema,
    statistic: str | Sequence[str] | None,
    tracks: str | Sequence[str] | None,
) -> list[str]:
    """Return the names of the score columns for a choice of statistics and tracks."""
    present: dict[str, list[dict[str, str]]] = {}
    for field in schema:
        if field.name not in VARIANT_COLUMNS:
            facts = {k.decode(): v.decode() for k, v in field.metadata.items()}
            present.setdefault(facts["statistic"], []).append(facts)
    if statistic is None:
        wanted = list(present)
    else:
        wanted = [statistic] if isinstance(statistic, str) else list(statistic)
    names = []
    for name in dict.fromkeys(wanted):
        if name not in present:
            raise OutputError(
                f"{file}: no statistic {name!r} in it; choose from {', '.join(present)}"
            )
        table = TrackTable(
            tuple(int(facts["index"]) for facts in present[name]),
            tuple(facts["identifier"] for facts in present[name]),
            tuple(facts["description"] for facts in present[name]),
        )
        names += [f"{name}_{identifier}" for identifier in table.select(tracks).identifiers]
    return names


def variant_columns(alleles: Sequence[Allele]) -> list[pa.Array]:
    """Return alleles as the columns `VARIANT_COLUMNS` of a table."""
    return [
        pa.array(map(attrgetter(field.name), alleles), field.type, size=len(alleles))
        for field in VARIANT_FIELDS
    ]


def _scored(alleles: Sequence[Allele]) -> NDArray[np.bool_]:
    return np.array([allele.status == Status.SCORED for allele in alleles], dtype=np.bool_)


def _files(path: str | Path) -> list[Path]:
    path = Path(path)
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.parquet"))
    if not files:
        raise OutputError(f"{path}: a folder without .parquet files")
    return files
