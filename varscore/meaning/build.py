"""A background made of results: exact quantiles, a bounded number of columns at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.errors import OutputError
from varscore.meaning.background import SET_COLUMNS, Background
from varscore.meaning.conditions import BackgroundRecord, Conditions, in_words
from varscore.meaning.distribution import Distribution, Extremities, kept_ranks, shares_of
from varscore.meaning.scores import (
    finite_scores,
    is_signed,
    score_fields,
    scored_rows,
    tracks_in,
)
from varscore.results.file import ResultReader
from varscore.results.provenance import Provenance
from varscore.results.reading import opened_results
from varscore.results.target import check_result_target

_BLOCK_BYTES = 64 * 2**20  # of scores at a time; reading takes as much again

_Sets = Mapping[str, str]


def build_background(
    scores: Sequence[str | Path], output: str | Path, *, force: bool = False
) -> Background:
    """Make a background of scored variants and write it.

    Quantiles are exact, so that they do not depend on how the rows lie in files. Columns are
    read a few at a time: memory does not depend on the number of tracks.

    Parameters
    ----------
    scores : sequence of str or Path
        Results, or folders of such, such as the scores of all shards of a plan; of equal
        columns, scored alike. Rows that are not scored do not count.
    output : str or Path
        The file to write.
    force : bool
        Replace an existing output.

    Returns
    -------
    Background

    Raises
    ------
    OutputError
        If a file cannot be read, was made otherwise than the others or is given twice, if no
        row is scored, or if the output cannot be written.
    """
    check_result_target(output, force=force)
    fields, record = _survey(scores)
    columns, extremities = list[Distribution](), list[Extremities]()
    for measure, fields_of_measure in fields.items():
        extreme = _Extreme(measure, fields_of_measure, record.rows)
        size = max(1, _BLOCK_BYTES // (4 * record.rows))
        for start in range(0, len(fields_of_measure), size):
            some = fields_of_measure[start : start + size]
            for field, values in zip(some, _read(scores, some, record.rows), strict=True):
                column = _distribution(measure, field, values, record)
                columns.append(column)
                extreme.add(column, values)
        extremities += extreme.sets()
    background = Background(output, record, columns, extremities)
    background.write(force=force)
    return background


def _survey(
    scores: Sequence[str | Path],
) -> tuple[dict[str, list[pa.Field]], BackgroundRecord]:
    """Look through the files: whether they belong together, and how many rows are scored."""
    first: tuple[Path, Provenance, Conditions, dict[str, list[pa.Field]]] | None = None
    seen, vcfs, rows = set[Path](), dict[str, None](), 0
    for reader in _readers(scores):
        if reader.path.resolve() in seen:
            raise OutputError(f"{reader.path}: is given twice; its rows would count twice")
        seen.add(reader.path.resolve())
        made = reader.provenance()
        conditions, fields = (
            Conditions.of_result(made, reader.path),
            score_fields(reader.schema, reader.path),
        )
        first = first or (reader.path, made, conditions, fields)
        if found := first[2].differs(conditions):
            name, there, here = found
            raise OutputError(
                f"{reader.path}: its {name} is {in_words(here)}, and {in_words(there)} in "
                f"{first[0]}; a background is made of scores that were made alike"
            )
        if _names(fields) != _names(first[3]):
            raise OutputError(
                f"{reader.path}: its score columns differ from those of {first[0]}; a "
                "background is made of scores of the same statistics and tracks"
            )
        vcfs[made.vcf] = None
        rows += int(scored_rows(reader.read(["status"])).sum())
    if first is None or not rows:
        raise OutputError(
            f"{', '.join(map(str, scores))}: no row in it is scored; a background is made of "
            "scores"
        )
    _, made, conditions, fields = first
    return fields, BackgroundRecord(
        conditions=conditions,
        model=made.model or {},
        genome=made.genome.file,
        vcf=tuple(vcfs),
        rows=rows,
        ranks=kept_ranks(rows),
    )


def _names(fields: Mapping[str, Sequence[pa.Field]]) -> list[str]:
    return [field.name for some in fields.values() for field in some]


def _readers(scores: Sequence[str | Path]) -> Iterator[ResultReader]:
    for path in scores:
        yield from opened_results(path)


def _read(
    scores: Sequence[str | Path], fields: Sequence[pa.Field], rows: int
) -> NDArray[np.float32]:
    """Return the scores of some columns, shape (C, n), of all files behind one another."""
    values, start = np.empty((len(fields), rows), np.float32), 0
    for reader in _readers(scores):
        table = reader.read(["status", *(field.name for field in fields)])
        scored = scored_rows(table)
        end = start + int(scored.sum())
        for place, field in enumerate(fields):
            values[place, start:end] = finite_scores(table, field.name, scored, reader.path)
        start = end
    return values


def _distribution(
    measure: str, field: pa.Field, values: NDArray[np.float32], record: BackgroundRecord
) -> Distribution:
    return Distribution(
        measure,
        field.metadata[b"identifier"].decode(),
        signed=is_signed(field),
        tracks=tracks_in(field),
        sets=_sets(field),
        values=np.sort(values)[np.array(record.ranks) - 1],
        shares=shares_of(record.ranks, record.rows),
        rows=record.rows,
    )


def _sets(field: pa.Field) -> dict[str, str]:
    """Return a column's tissue, assay and so on, those that it has."""
    found = {name: field.metadata.get(name.encode(), b"").decode() for name in SET_COLUMNS}
    return {name: value for name, value in found.items() if value}


class _Extreme:
    """The extremities of rows so far, in each set of a measure's columns."""

    def __init__(self, measure: str, fields: Sequence[pa.Field], rows: int) -> None:
        self._measure, self._rows = measure, rows
        named = {pair for field in fields for pair in _sets(field).items()}
        keys: list[_Sets] = [{}, *(dict([pair]) for pair in sorted(named))]
        self._smallest = [(key, np.ones(rows, np.float32)) for key in keys]
        self._tracks = [0] * len(keys)

    def add(self, column: Distribution, values: NDArray[np.float32]) -> None:
        """Take a column into the sets that have it."""
        tails = column.extremity(values, column.quantiles(values), own=True)
        for place, (key, smallest) in enumerate(self._smallest):
            if key.items() <= column.sets.items():
                np.minimum(smallest, tails, out=smallest)
                self._tracks[place] += 1

    def sets(self) -> Iterator[Extremities]:
        """Return the sets."""
        for (key, smallest), tracks in zip(self._smallest, self._tracks, strict=True):
            yield Extremities(self._measure, tracks, key, np.sort(smallest))
