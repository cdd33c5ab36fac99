"""Joining the scores of a plan's shards: nothing missing, nothing twice, in order."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from varscore.errors import OutputError
from varscore.files.atomic import Partial, naming_output
from varscore.models.notice import notice
from varscore.results.file import ResultFile, ResultReader
from varscore.results.provenance import Provenance, ShardEntry
from varscore.results.reading import regrouped
from varscore.results.summary import ScoreSummary, summary_path
from varscore.results.table import GENE_COLUMNS, rows_per_group
from varscore.results.target import check_result_target
from varscore.shards.expected import Expected
from varscore.shards.proof import prove_whole
from varscore.shards.shard import ShardPlan, scored_files

Order = Literal["input", "genome"]
ORDERS: tuple[Order, ...] = ("input", "genome")

logger = logging.getLogger(__name__)

_BUCKET_BYTES = 128 * 2**20
_MOST_BUCKETS = 256
_DATASET_FILE = re.compile(r"\d{5,}\.parquet")


def merge_shards(
    plan: str | Path,
    scores: str | Path,
    output: str | Path,
    *,
    order: Order = "input",
    dataset: bool = False,
    summaries: str | Path | None = None,
    identity: str | Path | None = None,
    force: bool = False,
) -> ScoreSummary:
    """Join the scores of all of a plan's shards.

    First every row, apart from its scores, is held against the plan. Memory is that of a
    few row groups, however many rows there are; rows that have to be sorted pass through
    temporary files beside the output, which together are as large as it is unpacked.

    Parameters
    ----------
    plan : str or Path
        The folder that `varscore.shards.plan.plan_shards` wrote.
    scores : str or Path
        The folder with the scores of the shards, under the shards' names.
    output : str or Path
        A Parquet file, or with `dataset` a folder of them; it appears when it is whole.
    order : {"input", "genome"}
        The VCF's order, or that of the FASTA's contigs and of POS, contigs that it does not
        have at the end.
    dataset : bool
        Write a folder with a file for each shard (or as many, if rows have to be sorted),
        which pandas and `varscore.read_scores` read as one.
    summaries : str or Path, optional
        The folder with the summaries of the shards' scores, if that is not `scores`.
    identity : str or Path, optional
        An identity of the workflow, ``score-*.identity.json``: the scores are to have been
        made as it says.
    force : bool
        Replace an existing output.

    Returns
    -------
    ScoreSummary
        Its seconds are those that scoring took, summed over the shards, so far as their
        own summaries are there.

    Raises
    ------
    OutputError
        If a shard's scores are missing, damaged, of other variants than the plan's, or made
        otherwise than the others' or than the identity says; or if the output cannot be
        written.
    """
    output = Path(output)
    whole = ShardPlan.read(plan)
    files = scored_files(scores, whole)
    check_result_target(output, force=force, folder=dataset)
    if dataset:
        _check_dataset(output)
    asked = None if identity is None else Expected.read(identity)
    made = prove_whole(whole, files, asked)
    if made.model is not None and (warning := notice(made.model)):
        logger.warning("%s", warning)
    with ResultReader(files[0]) as reader:
        schema = reader.schema
    with ExitStack() as stack:
        if order == "genome":
            tables = _in_genome_order(whole, files)
        elif whole.in_input_order:
            tables = _in_plan_order(files)
        else:
            tables = stack.enter_context(_in_input_order(made.rows, files, schema, output))
        if dataset:
            _write_dataset(output, schema, made, tables, len(files))
        else:
            _write_file(output, schema, made, tables, force=force)
    folder = Path(scores if summaries is None else summaries)
    told = [ScoreSummary.load(file, folder / summary_path(file).name) for file in files]
    seconds = sum(summary.seconds for summary in told if summary is not None)
    reasons = dict(whole.provenance.reasons)
    return ScoreSummary(made.rows, made.statuses, reasons, seconds, whole.warning)


def join_parts(
    plan: ShardPlan,
    files: Sequence[Path],
    output: str | Path,
    *,
    shard: ShardEntry,
    fingerprint: str,
    force: bool = False,
) -> Provenance:
    """Join the scores of a shard's parts to its own.

    Parameters
    ----------
    plan : ShardPlan
        Of the parts, as `varscore.shards.parts.cut_shard` makes it.
    files : sequence of Path
        Their scores.
    output : str or Path
        The Parquet file; it appears when it is whole.
    shard : ShardEntry
        What the plan says of the shard.
    fingerprint : str
        Digest of everything that determines the shard's scores.
    force : bool
        Replace an existing output.

    Returns
    -------
    Provenance
        Of the shard's scores.

    Raises
    ------
    OutputError
        As `merge_shards`.
    """
    made = replace(prove_whole(plan, files), shard=shard, fingerprint=fingerprint)
    with ResultReader(files[0]) as reader:
        schema = reader.schema
    _write_file(Path(output), schema, made, _in_plan_order(files), force=force)
    return made


def _write_file(
    output: Path,
    schema: pa.Schema,
    made: Provenance,
    tables: Iterator[pa.Table],
    *,
    force: bool,
) -> None:
    with ResultFile(output, schema, force=force) as file:
        for table in regrouped(tables, rows_per_group(schema)):
            file.write(table)
        file.commit(made)


def _check_dataset(output: Path) -> None:
    """Refuse to replace a folder that holds what no dataset does, but for hidden files."""
    entries = sorted(output.iterdir()) if output.is_dir() else []
    for entry in entries:
        if not entry.name.startswith(".") and not _DATASET_FILE.fullmatch(entry.name):
            raise OutputError(
                f"output {output}: holds {entry.name}, which is no file of a dataset, so it is "
                "not replaced; give another name"
            )


def _in_plan_order(files: Sequence[Path]) -> Iterator[pa.Table]:
    return chain.from_iterable(map(_rows, files))


def _rows(file: Path, start: int = 0, stop: int | None = None) -> Iterator[pa.Table]:
    with ResultReader(file) as reader:
        yield from reader.groups(start=start, stop=stop)


def _in_genome_order(plan: ShardPlan, files: Sequence[Path]) -> Iterator[pa.Table]:
    """Read contig by contig, if the plan has them in another order than the genome."""
    order = list(dict.fromkeys(name for entry in plan.shards for name, _ in entry.contigs))
    rank = {name: number for number, name in enumerate(plan.provenance.genome.contigs)}
    wanted = sorted(order, key=lambda name: rank.get(name, len(rank)))
    if wanted == order:
        yield from _in_plan_order(files)
        return
    for contig in wanted:
        for entry, file in zip(plan.shards, files, strict=True):
            start, places = 0, _places(file)
            for name, alleles in entry.contigs:
                if name == contig:
                    yield from _rows(file, places[start], places[start + alleles])
                start += alleles


def _places(file: Path) -> Sequence[int]:
    """Return at which row each allele begins, and the number of rows."""
    with ResultReader(file) as reader:
        if GENE_COLUMNS[0] not in reader.schema.names:
            return range(reader.rows + 1)
        table = reader.read(["record", "allele"])
    record, allele = (table[name].to_numpy() for name in ("record", "allele"))
    new = np.flatnonzero((np.diff(record) != 0) | (np.diff(allele) != 0)) + 1
    return [0, *new.tolist(), len(record)]


@contextmanager
def _in_input_order(
    rows: int, files: Sequence[Path], schema: pa.Schema, output: Path
) -> Iterator[Iterator[pa.Table]]:
    """Sort by record and allele: first into buckets of records, then each in memory."""
    with Partial(output.with_name(output.name + ".sorting"), folder=True) as folder:
        yield _sorted_buckets(rows, files, schema, folder.path, output)


def _sorted_buckets(
    rows: int, files: Sequence[Path], schema: pa.Schema, folder: Path, output: Path
) -> Iterator[pa.Table]:
    size = rows * 4 * len(schema)
    count = min(max(1, -(-size // _BUCKET_BYTES)), _MOST_BUCKETS)
    records = 1 + max((pc.max(table["record"]).as_py() for table in _records(files)), default=0)
    names = [folder / f"{number}.arrow" for number in range(count)]
    with naming_output(output), ExitStack() as stack:
        writers = [
            stack.enter_context(
                pa.ipc.new_stream(stack.enter_context(open(name, "wb")), schema)
            )
            for name in names
        ]
        for table in _in_plan_order(files):
            buckets = table["record"].to_numpy() * count // records
            for number in np.unique(buckets):
                part = table.filter(pa.array(buckets == number))
                writers[number].write_table(part.combine_chunks())
    for name in names:
        with naming_output(output), pa.memory_map(str(name)) as mapped:
            table = pa.ipc.open_stream(mapped).read_all()
        yield table.sort_by([("record", "ascending"), ("allele", "ascending")])
        name.unlink()


def _records(files: Sequence[Path]) -> Iterator[pa.Table]:
    for file in files:
        with ResultReader(file) as reader:
            yield from reader.groups(["record"])


def _write_dataset(
    output: Path,
    schema: pa.Schema,
    made: Provenance,
    tables: Iterator[pa.Table],
    n_files: int,
) -> None:
    """Write a folder with so many files, or fewer, of equal numbers of rows."""
    group = rows_per_group(schema)
    per_file = max(group, -(-made.rows // n_files // group) * group)
    with Partial(output, folder=True) as folder:
        groups = regrouped(tables, group)
        written, table = 0, next(groups, None)
        while table is not None or not written:
            written += 1
            with ResultFile(folder.path / f"{written:05d}.parquet", schema) as file:
                rows = 0
                while table is not None and rows < per_file:
                    file.write(table)
                    rows += table.num_rows
                    table = next(groups, None)
                file.commit(made)
        folder.commit()
