"""What became of a result on its way: copies that other programs saved, and what they hold."""

import re
from itertools import pairwise
from pathlib import Path

import duckdb
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from writers import provenance

from varscore import read_metadata, read_scores
from varscore.errors import OptionError, OutputError
from varscore.models.tracks import TrackTable
from varscore.options import Measure
from varscore.results.content import ContentDigest
from varscore.results.file import ResultReader
from varscore.results.table import ScoreWriter
from varscore.variant import Allele, Status

README = Path(__file__).parents[1] / "README.md"
SAD = [Measure("SAD", "window", "SAD")]
TRACKS = TrackTable.from_names(["T1", "T2"], ["DNASE:liver", "CAGE:heart"])


@pytest.fixture
def result(tmp_path):
    """A result of four rows, one of which is not scored."""
    path = tmp_path / "scores.parquet"
    alleles = [Allele("1", 5 + n, f"rs{n}", "A", "C", n, 1, Status.SCORED) for n in range(4)]
    alleles[2] = alleles[2]._replace(status=Status.REF_MISMATCH)
    with ScoreWriter(path, SAD, TRACKS, group_rows=2) as writer:
        writer.write(alleles, np.arange(6.0).reshape(3, 1, 2))
        writer.commit(provenance(rows=4, statuses={"scored": 3, "ref_mismatch": 1}))
    return path


# --- what copies keep ---------------------------------------------------------------------


def test_a_table_that_pyarrow_reads_keeps_how_it_was_made(result, caplog):
    table = pq.read_table(result)
    assert table.schema.metadata[b"varscore"] == pq.read_metadata(result).metadata[b"varscore"]
    copy = result.with_name("copy.parquet")
    pq.write_table(table.filter(pc.field("status") == "scored"), copy)
    assert read_metadata(copy) == read_metadata(result)
    assert read_scores(result, columns="record", tracks="DNASE").shape == (4, 2)
    assert caplog.messages == []
    assert read_scores(copy, columns="record", tracks="DNASE").to_dict("list") == {
        "record": [0, 1, 3], "SAD_T1": [0.0, 2.0, 4.0],
    }  # fmt: skip
    assert caplog.messages == [f"{copy}: a copy with 3 rows of a file with 4"]


COPIES = {
    "pandas": lambda source, to: pd.read_parquet(source).to_parquet(to),
    "Polars": lambda source, to: pl.read_parquet(source).write_parquet(to),
    "DuckDB": lambda source, to: duckdb.sql(f"COPY (FROM '{source}') TO '{to}'"),
    "parquet-cpp-arrow": lambda source, to: pq.write_table(
        pq.read_table(source).replace_schema_metadata(), to
    ),
}


@pytest.mark.parametrize("program", COPIES)
def test_a_copy_that_lost_how_it_was_made_is_told_from_the_original(program, result):
    copy = result.with_name("copy.parquet")
    COPIES[program](str(result), str(copy))
    assert len(pd.read_parquet(copy)) == 4
    for read in (read_scores, read_metadata):
        with pytest.raises(OutputError, match=f": a copy of a result that {program} saved, "):
            read(copy)


def test_a_damaged_digest_is_no_record(result):
    table = pq.read_table(result)
    kept = table.schema.metadata
    pq.write_table(table.replace_schema_metadata(kept | {b"varscore.content": b"{}"}), result)
    with pytest.raises(OutputError, match=r"damaged \(it has no field 'rows'"):
        read_scores(result)


# --- what other programs find ---------------------------------------------------------------


def test_positions_and_keys_are_found_without_reading_all(result):
    (first, second) = (pq.read_metadata(result).row_group(n) for n in (0, 1))
    names = [first.column(n).path_in_schema for n in range(first.num_columns)]
    kept = {name for n, name in enumerate(names) if first.column(n).is_stats_set}
    assert kept == {"chrom", "pos", "record", "key"}
    ranges = [group.column(names.index("key")).statistics for group in (first, second)]
    assert [(found.min, found.max) for found in ranges] == [
        ("1:5:A:C", "1:6:A:C"), ("1:7:A:C", "1:8:A:C"),
    ]  # fmt: skip


def test_hidden_files_are_no_part_of_a_folder(result):
    for name in (".scores.parquet.x.partial.parquet", "._scores.parquet", "_more.parquet"):
        (result.parent / name).write_bytes(b"")
    assert len(read_scores(result.parent)) == 4
    assert len(pd.read_parquet(result.parent)) == 4
    result.unlink()
    with pytest.raises(OutputError, match=r"a folder without \.parquet files"):
        read_scores(result.parent)


def test_names_that_sql_would_take_for_one_are_refused(tmp_path):
    path = str(tmp_path / "x.parquet")
    pq.write_table(pa.table({"SAD_a": [1.0], "SAD_A": [2.0]}), path)
    found = duckdb.sql(f"""SELECT "SAD_A" FROM '{path}'""").fetchall()
    assert found == [(1.0,)]  # which is the other column's: hence
    with pytest.raises(OptionError, match="'a' and 'A' differ in upper and lower case only"):
        TrackTable.from_names(["b", "a", "A"], ["", "", ""])


def test_a_regular_expression_for_one_statistic_begins_with_a_caret(result):
    names = ["logSAD_T1", "SAD_T1", "key"]
    table = pa.table({name: [1.0] for name in names})
    pq.write_table(table, result)
    (said,) = re.findall(r"COLUMNS\('(.+?)'\)", README.read_text())
    assert pd.read_parquet(result).filter(regex=said).columns.tolist() == ["SAD_T1"]
    assert duckdb.sql(f"SELECT COLUMNS('{said}') FROM '{result}'").columns == ["SAD_T1"]


# --- the digest of what a file holds --------------------------------------------------------


def content(*tables):
    digest = ContentDigest(tables[0].schema)
    for table in tables:
        digest.update(table)
    return digest.content(b"")


values = st.one_of(st.none(), st.floats(width=32, allow_nan=False))
texts = st.one_of(st.none(), st.text(max_size=3))
integers = st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1))
rows = st.lists(
    st.tuples(values, texts, integers, st.one_of(st.none(), st.lists(values, max_size=2))),
    max_size=8,
)


def table_of(found):
    columns = list(zip(*found, strict=True)) or [()] * 4
    kinds = (pa.float32(), pa.string(), pa.int64(), pa.list_(pa.float32()))
    arrays = [pa.array(c, kind) for c, kind in zip(columns, kinds, strict=True)]
    return pa.table(arrays, names=["a", "b", "c", "d"])


@given(rows, st.lists(st.integers(0, 8), max_size=3))
def test_the_digest_is_of_values_and_not_of_how_they_came(found, cuts):
    table = table_of(found)
    places = [0, *sorted(min(cut, len(found)) for cut in cuts), len(found)]
    pieces = [table.slice(a, b - a) for a, b in pairwise(places)]
    assert content(*pieces) == content(table)
    assert content(pa.concat_tables(pieces)) == content(table)
    assert content(table).rows == len(found)


@given(rows, rows)
def test_the_digest_is_of_all_values(one, other):
    one, other = table_of(one), table_of(other)

    def bits(table):  # -0.0 is another number than 0.0
        return repr(table.to_pylist())

    assert (content(one) == content(other)) == (bits(one) == bits(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.table({"a": ["ab", "c"]}), pa.table({"a": ["a", "bc"]})),
        (pa.table({"a": ["", "b"]}), pa.table({"a": [None, "b"]})),
        (pa.table({"a": ["b"]}), pa.table({"c": ["b"]})),
        (pa.table({"a": pa.array([1], pa.int32())}), pa.table({"a": pa.array([1])})),
        (pa.table({"a": [True, None]}), pa.table({"a": [True, False]})),
        (
            pa.table({"a": pa.array([0.0, 1.0], pa.float32())}),
            pa.table({"a": pa.array([None, 1.0], pa.float32())}),
        ),
        (
            pa.table({"a": pa.array([[1.0], []], pa.list_(pa.float32()))}),
            pa.table({"a": pa.array([[], [1.0]], pa.list_(pa.float32()))}),
        ),
    ],
)
def test_what_looks_alike_has_another_digest(one, other):
    assert content(one) != content(other)


def test_a_file_says_what_it_was_written_with(result):
    with ResultReader(result) as reader:
        assert reader.written == reader.content()
        assert reader.written.rows == 4
