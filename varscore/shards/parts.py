"""Cutting a shard into parts, each a shard in itself, so that an interrupted one goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, groupby, islice, repeat
from pathlib import Path

import pyarrow as pa

from varscore.files.atomic import naming_output
from varscore.results.digest import RowDigest
from varscore.results.file import ResultFile, ResultReader
from varscore.results.provenance import ShardEntry
from varscore.results.reading import regrouped
from varscore.results.table import VARIANT_COLUMNS
from varscore.shards.shard import SHARD_SCHEMA, Shard, ShardPlan

PART_ROWS = 1024
"""Alleles of a part: some minutes' work, of which the genome around it is a small share."""


def cut_shard(shard: Shard, folder: Path) -> ShardPlan:
    """Write a plan of a shard's parts, which have its rows one behind the other.

    Parameters
    ----------
    shard : Shard
    folder : Path
        Made if it is missing; a former plan of parts is replaced.

    Raises
    ------
    OutputError
        If the shard is damaged, or a part cannot be written.
    """
    with naming_output(folder):
        folder.mkdir(parents=True, exist_ok=True)
    places = chain.from_iterable(repeat(name, rows) for name, rows in shard.entry.contigs)
    with ResultReader(shard.path) as reader:
        tables = regrouped(reader.groups(), PART_ROWS)
        entries = tuple(
            _write(shard, folder, number, table, places)
            for number, table in enumerate(tables, 1)
        )
    plan = ShardPlan(replace(shard.provenance, shard=None), True, entries)
    plan.write(folder)
    return plan


def _write(
    shard: Shard, folder: Path, number: int, table: pa.Table, places: Iterator[str]
) -> ShardEntry:
    digest = RowDigest()
    digest.update(table[name].to_pylist() for name in VARIANT_COLUMNS)
    runs = groupby(islice(places, table.num_rows))
    statuses, reasons = (
        dict(sorted(Counter(table[name].drop_null().to_pylist()).items()))
        for name in ("status", "reason")
    )
    entry = ShardEntry(
        number,
        table.num_rows,
        statuses,
        tuple((name, len(list(run))) for name, run in runs),
        digest.hexdigest(),
    )
    planned = shard.provenance.genome
    used = set(table["contig"].drop_null().to_pylist())
    m5 = {contig: digest for contig, digest in planned.m5.items() if contig in used}
    made = replace(
        shard.provenance,
        genome=replace(planned, m5=m5),
        rows=table.num_rows,
        statuses=statuses,
        reasons=reasons,
        shard=entry,
    )
    with ResultFile(folder / entry.file_name, SHARD_SCHEMA, force=True) as file:
        file.write(table)
        file.commit(made)
    return entry
