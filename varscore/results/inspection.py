"""Whether a result is as it was written, and some of its rows at random."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from varscore.models.tracks import TrackTable
from varscore.results.content import Content
from varscore.results.file import ResultReader
from varscore.results.provenance import Provenance, no_scores
from varscore.results.reading import Frame, opened_results
from varscore.results.table import GENE_COLUMNS, VARIANT_COLUMNS, tracks_of
from varscore.variant import Allele, Status


class AlleleRow(NamedTuple):
    """What a result says of an allele, whatever its genes and scores: `VARIANT_COLUMNS`."""

    chrom: str
    pos: int
    id: str
    ref: str
    alt: str
    record: int
    allele: int
    key: str
    status: str
    reason: str | None

    @classmethod
    def of(cls, allele: Allele) -> AlleleRow:
        """Return what a result has to say of an allele."""
        found = {name: getattr(allele, name) for name in VARIANT_COLUMNS}
        reason = None if allele.reason is None else allele.reason.value
        return cls(**{**found, "status": allele.status.value, "reason": reason})

    def __str__(self) -> str:
        return f"record {self.record}, allele {self.allele} ({self.key})"


@dataclass(frozen=True)
class Inspection:
    """What was found in a result.

    Attributes
    ----------
    made : Provenance
        How it was made.
    rows : int
    in_order : bool
        Whether records never go backwards.
    differences : tuple of str
        What is not as it was written, a sentence each.
    sample : pyarrow.Table
        Rows chosen at random.
    tracks : TrackTable or None
        Of its columns; None if it has none of single tracks.
    """

    made: Provenance
    rows: int
    in_order: bool
    differences: tuple[str, ...]
    sample: pa.Table
    tracks: TrackTable | None

    @property
    def sampled(self) -> list[AlleleRow]:
        """The alleles of the sample, each once, in the result's order."""
        return list(dict.fromkeys(_alleles(self.sample)))

    def frame(self) -> Frame:
        """Return the alleles of the sample as they were written, as a data frame."""
        columns = ["chrom", "pos", "id", "ref", "alt"]
        frame: Frame = pa.Table.from_pylist(
            [{name: getattr(row, name) for name in columns} for row in self.sampled],
            pa.schema([self.sample.schema.field(name) for name in columns]),
        ).to_pandas()
        return frame


def inspect(path: str | Path, *, rows: int, seed: int) -> Inspection:
    """Read a result from its beginning to its end, and hold it against its own digests.

    Parameters
    ----------
    path : str or Path
        A file that varscore wrote, or a folder of such files.
    rows : int
        How many rows to choose at random; all if there are no more.
    seed : int
        The same seed chooses the same rows.

    Raises
    ------
    OutputError
        If the file is absent, not whole, not varscore's, or no result.
    """
    total = sum(reader.rows for reader in opened_results(path))
    chosen = sorted(random.Random(seed).sample(range(total), min(rows, total)))  # noqa: S311
    walk = _Walk(chosen)
    differences, records = list[str](), dict[Path, Provenance]()
    for reader in opened_results(path):
        records[reader.path] = reader.provenance()
        if records[reader.path].model is None:
            raise no_scores(reader.path)
        differences += _damage(reader, reader.content(walk.see))
        schema = reader.schema
    made, said = _as_one(records)
    differences += said
    if not differences and total != made.rows:
        differences.append(f"{path}: has {total:,} rows, its record speaks of {made.rows:,}")
    elif not differences and dict(walk.statuses) != made.statuses:
        counts = ", ".join(f"{n:,} {name}" for name, n in sorted(walk.statuses.items()))
        differences.append(f"{path}: its rows are {counts}, which is not what its record says")
    sample = pa.concat_tables([schema.empty_table(), *walk.sample])
    tracks = next(iter(tracks_of(schema).values()), None)
    if tracks is not None and "aggregate" in tracks.columns:
        tracks = None  # groups
    return Inspection(made, total, walk.in_order, tuple(differences), sample, tracks)


def _as_one(records: Mapping[Path, Provenance]) -> tuple[Provenance, list[str]]:
    """Return how all files of a result were made, and which were made otherwise.

    The files of one result say the same, of all of it; the scores of shards each say theirs.
    """
    first, *_ = records.values()
    said, m5 = list[str](), dict[str, str]()
    for file, made in records.items():
        there = _ingredients(first)
        said += [
            f"{file}: was made with another {what} than {next(iter(records))}"
            for what, here in _ingredients(made).items()
            if here != there[what]
        ]
        for contig, digest in made.genome.m5.items():
            if m5.setdefault(contig, digest) != digest:
                said.append(f"{file}: was scored on other bases of contig {contig}")
    of_parts = [made for made in records.values() if made.shard is not None] or [first]
    statuses = sum((Counter(made.statuses) for made in of_parts), Counter[str]())
    whole = replace(
        first,
        genome=replace(first.genome, m5=m5),
        rows=sum(made.rows for made in of_parts),
        statuses=dict(statuses),
    )
    return whole, said


def _ingredients(made: Provenance) -> dict[str, object]:
    """Return what all files of a result have in common."""
    model = made.model or {}
    return {
        "model": (model.get("sha256"), model.get("config")),
        "options": made.options,
        "genes": made.genes,
        "background": made.background,
        "version": made.version,
    }


def _damage(reader: ResultReader, found: Content) -> list[str]:
    written = reader.written
    if written is None:
        return [f"{reader.path}: has no digest of its rows, as every file of varscore's has"]
    said = []
    if found.rows != written.rows:
        said.append(
            f"{reader.path}: has {found.rows:,} rows, and was written with {written.rows:,}"
        )
    elif found.sha256 != written.sha256:
        said.append(
            f"{reader.path}: a value, a column, its track or the order of rows was changed"
        )
    if found.record != written.record:
        said.append(f"{reader.path}: what it says of how it was made was changed")
    return said


@dataclass
class _Walk:
    """Sees the rows of a result pass: picks those chosen, and counts."""

    chosen: list[int]
    sample: list[pa.Table] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    in_order: bool = True
    _seen: int = 0
    _last: int = -1

    def see(self, table: pa.Table) -> None:
        end = self._seen + table.num_rows
        places = [row - self._seen for row in self.chosen if self._seen <= row < end]
        self.sample.append(table.take(pa.array(places, pa.int64())))
        self._seen = end
        self.statuses.update(table["status"].to_pylist())
        records = table["record"].to_numpy()
        if len(records):
            backwards = records[0] < self._last or (np.diff(records) < 0).any()
            self.in_order, self._last = self.in_order and not backwards, int(records[-1])


def allele_rows(path: str | Path) -> Iterator[AlleleRow]:
    """Read what a result says of its alleles, in its order; with genes, once of each.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    OutputError
        If a file is damaged.
    """
    last = None
    for reader in opened_results(path):
        for table in reader.groups(VARIANT_COLUMNS):
            for row in _alleles(table):
                if row[:7] != last:
                    yield row
                last = row[:7]


def _alleles(table: pa.Table) -> Iterator[AlleleRow]:
    columns = [table[name].to_pylist() for name in VARIANT_COLUMNS]
    for row in map(AlleleRow._make, zip(*columns, strict=True)):
        # Without a gene near it an allele is what it is all the same.
        yield row._replace(status=Status.SCORED.value) if row.status == Status.NO_GENE else row


def score_differences(
    stored: pa.Table,
    again: pa.Table,
    bounds: Mapping[str, NDArray[np.float64]],
) -> list[str]:
    """Compare scores of a result with the same rows computed again.

    Parameters
    ----------
    stored : pyarrow.Table
        Rows of a result.
    again : pyarrow.Table
        Rows of the same alleles, and genes, computed anew, in any order.
    bounds : mapping of str to ndarray
        By columns that are compared: by how much each row of `again` may differ.

    Returns
    -------
    list of str
        A sentence for each row that differs.
    """
    names = ["record", "allele"]
    if GENE_COLUMNS[0] in again.schema.names:
        names.append(GENE_COLUMNS[0])
    keys = zip(*(again[name].to_pylist() for name in names), strict=True)
    places = {key: place for place, key in enumerate(keys)}
    compared = [name for name in bounds if name in stored.schema.names]
    said = []
    for row, key in zip(
        stored.to_pylist(),
        zip(*(stored[name].to_pylist() for name in names), strict=True),
        strict=True,
    ):
        about = f"record {row['record']}, allele {row['allele']} ({row['key']})"
        if key not in places:
            said.append(f"{about}: has a row, and none when it is computed again")
            continue
        at = places[key]
        wrong = []
        for name in compared:
            old, new = row[name], again[name][at].as_py()
            if (old is None) != (new is None) or (
                old is not None and abs(old - new) > bounds[name][at]
            ):
                wrong.append((name, old, new))
        if wrong:
            name, old, new = max(wrong, key=lambda one: _distance(*one[1:]))
            more = f", and {len(wrong) - 1:,} columns more differ" if wrong[1:] else ""
            said.append(f"{about}: {name} is {_said(old)}, computed again {_said(new)}{more}")
    return said


def _distance(old: float | None, new: float | None) -> float:
    return float("inf") if old is None or new is None else abs(old - new)


def _said(value: float | None) -> str:
    return "null" if value is None else f"{value:.6g}"
