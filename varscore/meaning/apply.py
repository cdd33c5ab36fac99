"""A result again, with columns that say how unusual its scores are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.errors import OutputError
from varscore.meaning.background import Background
from varscore.meaning.quantiles import QuantileColumns
from varscore.meaning.scores import finite_scores, score_fields, scored_rows
from varscore.results.file import ResultFile
from varscore.results.provenance import Provenance
from varscore.results.reading import opened_results, regrouped
from varscore.results.table import rows_per_group
from varscore.results.target import check_result_target


def apply_background(
    scores: str | Path,
    background: str | Path,
    output: str | Path,
    *,
    only_extremes: bool = False,
    force: bool = False,
) -> Provenance:
    """Write a result again, with the signed quantiles of its scores.

    Memory is that of a few row groups, however many rows there are. A row that is not scored
    has nulls in the new columns.

    Parameters
    ----------
    scores : str or Path
        A result, or a folder of such files, which become one.
    background : str or Path
        What `varscore.meaning.build.build_background` wrote.
    output : str or Path
        The Parquet file; it appears when it is whole.
    only_extremes : bool
        Add each row's most extreme quantile alone, and not one for every score; see
        `varscore.meaning.quantiles.QuantileColumns`.
    force : bool
        Replace an existing output.

    Returns
    -------
    Provenance
        Of the output.

    Raises
    ------
    OutputError
        If a file cannot be read, if the background is of scores that were made otherwise or
        lacks one of their columns, if the result has quantiles already, or if the output cannot
        be written.
    """
    check_result_target(output, force=force)
    known = Background.read(background)
    with closing(opened_results(scores)) as readers:
        reader = next(readers)
        schema, path = reader.schema, reader.path
        known.check(reader.provenance(), path)
    by_measure = score_fields(schema, path)
    added = QuantileColumns(known, by_measure, only_extremes=only_extremes)
    if present := next(
        (field.name for field in added.fields if field.name in schema.names), ""
    ):
        raise OutputError(
            f"{path}: has quantiles already ({present}); give the result as it was scored"
        )
    whole = pa.schema([*schema, *added.fields])
    rows = _Rows(scores, known)
    with ResultFile(output, whole, force=force) as file:
        for table in regrouped(rows.tables(), rows_per_group(whole)):
            scored = scored_rows(table)
            columns = added.columns(_scores(table, by_measure, scored, path))
            places = pa.array(np.cumsum(scored) - 1, mask=~scored)
            columns = [*table.columns, *(column.take(places) for column in columns)]
            file.write(pa.Table.from_arrays(columns, schema=whole))
        made = rows.provenance()
        file.commit(made)
    return made


def _scores(
    table: pa.Table,
    by_measure: dict[str, list[pa.Field]],
    scored: NDArray[np.bool_],
    path: Path,
) -> NDArray[np.float32]:
    """Return the scores of scored rows, shape (B, S, T)."""
    columns = [
        [finite_scores(table, field.name, scored, path) for field in fields]
        for fields in by_measure.values()
    ]
    # As (S, T, B) in memory: a track's scores, which are looked up together, lie together.
    return np.array(columns, np.float32).transpose(2, 0, 1)


class _Rows:
    """The rows of a result, file after file, and how all of them together were made."""

    def __init__(self, scores: str | Path, background: Background) -> None:
        self._scores, self._background = scores, background
        self._made: Provenance | None = None
        self._statuses, self._reasons = Counter[str](), Counter[str]()

    def tables(self) -> Iterator[pa.Table]:
        """Read the rows, a row group at a time."""
        for reader in opened_results(self._scores):
            made = reader.provenance()
            self._background.check(made, reader.path)
            first = self._made or made
            digests = {**first.genome.m5, **made.genome.m5}
            self._made = replace(first, genome=replace(first.genome, m5=digests))
            for table in reader.groups():
                self._statuses.update(table["status"].to_pylist())
                self._reasons.update(table["reason"].drop_null().to_pylist())
                yield table

    def provenance(self) -> Provenance:
        """Return how the output is made, once all rows were read."""
        assert self._made is not None, "no file was read"
        return replace(
            self._made,
            background=self._background.entry(),
            rows=self._statuses.total(),
            statuses=dict(sorted(self._statuses.items())),
            reasons=dict(sorted(self._reasons.items())),
            shard=None,
            fingerprint=None,
        )
