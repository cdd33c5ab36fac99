"""Joining the scores of a plan's shards: nothing missing, nothing twice, in order."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from varscore.atomic import Partial, check_target, naming_output
from varscore.errors import OutputError
from varscore.models.notice import notice
from varscore.results.digest import RowDigest
from varscore.results.file import (
    ResultFile,
    file_metadata,
    open_result,
    reading,
)
from varscore.results.summary import ScoreSummary
from varscore.results.table import VARIANT_COLUMNS, rows_per_group
from varscore.shards.shard import ShardPlan, scored_files

Order = Literal["input", "genome"]
ORDERS: tuple[Order, ...] = ("input", "genome")

logger = logging.getLogger(__name__)

_BUCKET_BYTES = 128 * 2**20
_MOST_BUCKETS = 256


def merge_shards(
    plan: str | Path,
    scores: str | Path,
    output: str | Path,
    *,
    order: Order = "input",
    dataset: bool = False,
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
        otherwise than the others'; or if the output cannot be written.
    """
    output = Path(output)
    whole = ShardPlan.read(plan)
    files = scored_files(scores, whole)
    check_target(output, force=force, folder=dataset)
    made = _check_shards(whole, files)
    if warning := notice(made["model"]):
        logger.warning("%s", warning)
    with open_result(files[0]) as parquet:
        schema = parquet.schema_arrow.remove_metadata()
    metadata = {
        **{key: made[key] for key in ("version", "model", "vcf", "options", "engine", "torch")},
        "genome": whole.genome,
        "rows": whole.rows,
        "statuses": dict(sorted(whole.statuses.items())),
    }
    with ExitStack() as stack:
        if order == "genome":
            tables = _in_genome_order(whole, files)
        elif whole.in_input_order:
            tables = _in_plan_order(files)
        else:
            tables = stack.enter_context(_in_input_order(whole, files, schema, output))
        if dataset:
            _write_dataset(output, schema, metadata, tables, whole)
        else:
            with ResultFile(output, schema, metadata, force=force) as file:
                for table in _regroup(tables, rows_per_group(schema)):
                    file.write(table)
    summaries = [ScoreSummary.load(file) for file in files]
    seconds = sum(summary.seconds for summary in summaries if summary is not None)
    return ScoreSummary(whole.rows, dict(whole.statuses), seconds)


def _check_shards(plan: ShardPlan, files: Sequence[Path]) -> dict[str, Any]:
    """Prove that all of the plan's scores are there and were made alike; return how."""
    absent = [file for file in files if not file.is_file()]
    if absent:
        raise OutputError(
            f"{absent[0]}: no such file; {len(absent)} of {len(files)} shards are not scored; "
            "score them with `varscore score --shard` first"
        )
    first: dict[str, Any] = {}
    expected: dict[str, Any] = {}
    engines: list[Any] = []
    for entry, file in zip(plan.shards, files, strict=True):
        with open_result(file) as parquet:
            if _digest(parquet, file) != entry.variants:
                raise OutputError(
                    f"{file}: its rows are not those of shard {entry.number} of the plan "
                    f"({parquet.metadata.num_rows} rows, expected {entry.rows} of {plan.vcf}); "
                    "score that shard again"
                )
            facts = file_metadata(parquet)
            _check_genome(plan, facts["genome"], file)
            found = {
                "version": facts["version"],
                "model": {key: facts["model"].get(key) for key in ("sha256", "config")},
                "options": facts["options"],
                "columns": parquet.schema_arrow.names,
            }
        first, expected = first or facts, expected or found
        if facts["engine"] not in engines:
            engines.append(facts["engine"])
        for what, value in found.items():
            if value != expected[what]:
                raise OutputError(
                    f"{file}: was made with other {what} than {files[0]} "
                    f"({_difference(value, expected[what])}); score both alike"
                )
    if len(engines) > 1:  # the same options may lead to other arithmetic on another machine
        logger.warning("machines of different kinds scored the shards: %s", engines)
        return first | {"engine": engines}
    return first


def _check_genome(plan: ShardPlan, genome: dict[str, Any], file: Path) -> None:
    for contig, digest in genome["m5"].items():
        if digest != plan.genome["m5"].get(contig):
            raise OutputError(
                f"{file}: was scored on another genome ({genome['file']}) than the plan's "
                f"({plan.genome['file']}): contig {contig} has other bases there; score that "
                "shard again"
            )


def _digest(parquet: pq.ParquetFile, file: Path) -> str:
    """Return the digest of a file's rows, without their scores."""
    digest = RowDigest()
    for group in range(parquet.num_row_groups):
        with reading(file):
            table = parquet.read_row_group(group, columns=list(VARIANT_COLUMNS))
        digest.update(table[name].to_pylist() for name in VARIANT_COLUMNS)
    return digest.hexdigest()


def _difference(found: Any, expected: Any) -> str:
    """Say where two records differ first."""
    if isinstance(found, dict):
        key = next(key for key in expected if found.get(key) != expected[key])
        return f"{key}: {_difference(found.get(key), expected[key])}"
    if isinstance(found, list) and isinstance(expected, list):
        return f"{len(found)} there, {len(expected)} here, or others"
    return f"{found!r} there, {expected!r} here"


def _in_plan_order(files: Sequence[Path]) -> Iterator[pa.Table]:
    for file in files:
        yield from _rows(file)


def _rows(file: Path, start: int = 0, stop: int | None = None) -> Iterator[pa.Table]:
    """Read the rows of a file from one number to another, a row group at a time."""
    with open_result(file) as parquet:
        last = parquet.metadata.num_rows if stop is None else stop
        first = 0
        for group in range(parquet.num_row_groups):
            rows = parquet.metadata.row_group(group).num_rows
            low, high = max(start - first, 0), min(last - first, rows)
            if low < high:
                with reading(file):
                    table = parquet.read_row_group(group)
                yield table.slice(low, high - low)
            first += rows


def _in_genome_order(plan: ShardPlan, files: Sequence[Path]) -> Iterator[pa.Table]:
    """Read contig by contig, if the plan has them in another order than the genome."""
    order = list(dict.fromkeys(name for entry in plan.shards for name, _ in entry.contigs))
    rank = {name: number for number, name in enumerate(plan.genome["contigs"])}
    wanted = sorted(order, key=lambda name: rank.get(name, len(rank)))
    if wanted == order:
        yield from _in_plan_order(files)
        return
    for contig in wanted:
        for entry, file in zip(plan.shards, files, strict=True):
            start = 0
            for name, rows in entry.contigs:
                if name == contig:
                    yield from _rows(file, start, start + rows)
                start += rows


@contextmanager
def _in_input_order(
    plan: ShardPlan, files: Sequence[Path], schema: pa.Schema, output: Path
) -> Iterator[Iterator[pa.Table]]:
    """Sort by record and allele: first into buckets of records, then each in memory."""
    with Partial(output.with_name(output.name + ".sorting"), folder=True) as folder:
        yield _sorted_buckets(plan, files, schema, folder.path, output)


def _sorted_buckets(
    plan: ShardPlan, files: Sequence[Path], schema: pa.Schema, folder: Path, output: Path
) -> Iterator[pa.Table]:
    size = plan.rows * 4 * len(schema)
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
                rows = table.filter(pa.array(buckets == number))
                writers[number].write_table(rows.combine_chunks())
    for name in names:
        with naming_output(output), pa.memory_map(str(name)) as mapped:
            table = pa.ipc.open_stream(mapped).read_all()
        yield table.sort_by([("record", "ascending"), ("allele", "ascending")])
        name.unlink()


def _records(files: Sequence[Path]) -> Iterator[pa.Table]:
    for file in files:
        with open_result(file) as parquet, reading(file):
            table = parquet.read(columns=["record"])
        if table.num_rows:
            yield table


def _regroup(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Cut tables into tables of so many rows, whatever the lengths they came in."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        while table.num_rows:
            part = table.slice(0, rows - count)
            table = table.slice(part.num_rows)
            held.append(part)
            count += part.num_rows
            if count == rows:
                yield pa.concat_tables(held).combine_chunks()
                held, count = [], 0
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _write_dataset(
    output: Path,
    schema: pa.Schema,
    metadata: dict[str, Any],
    tables: Iterator[pa.Table],
    plan: ShardPlan,
) -> None:
    """Write a folder with as many files as there are shards, of equal numbers of rows."""
    group = rows_per_group(schema)
    per_file = max(group, -(-plan.rows // max(1, len(plan.shards)) // group) * group)
    with Partial(output, folder=True) as folder:
        groups = _regroup(tables, group)
        written, table = 0, next(groups, None)
        while table is not None or not written:
            written += 1
            with ResultFile(folder.path / f"{written:05d}.parquet", schema, metadata) as file:
                rows = 0
                while table is not None and rows < per_file:
                    file.write(table)
                    rows += table.num_rows
                    table = next(groups, None)
        folder.commit()
