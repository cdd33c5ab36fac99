"""The Parquet file: what stands in it, that it is whole or absent, and reading parts of it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from writers import provenance

from varscore.errors import ModelError, OptionError, OutputError
from varscore.models.tracks import TrackTable
from varscore.options import ScoreOptions
from varscore.results.reading import read_metadata, read_scores
from varscore.results.table import VARIANT_COLUMNS, ScoreWriter, score_schema
from varscore.variant import Allele, Reason, Status, Variant

SAD_D2 = ScoreOptions(statistics=("SAD", "D2")).measures
LIVER_HEART = TrackTable(
    (4, 7), ("ENCFF1", "ENCFF2"), ("DNASE:liver, adult", "CHIP:H3K4me3:heart")
)


def snv(record: int, status: Status = Status.SCORED) -> Allele:
    """Return an allele at 1-based position 1000 + record."""
    pos = 1000 + record
    variant = Variant("chr1", pos, "A", "G") if status == Status.SCORED else None
    return Allele("1", pos, f"rs{record}", "a", "G", record, 1, status, variant)


def write(path: Path, alleles: list[Allele], scores: object, **options: object) -> None:
    with ScoreWriter(path, SAD_D2, LIVER_HEART, **options) as writer:  # type: ignore[arg-type]
        writer.write(alleles, scores)  # type: ignore[arg-type]
        writer.commit(provenance())


def ramp(n: int) -> np.ndarray:
    """Scores of n alleles: row 0 is [[0, 1], [2, 3]], row 1 goes on with 4."""
    return np.arange(4 * n, dtype=np.float32).reshape(n, 2, 2)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A file of three rows, the second of which is not scored."""
    path = tmp_path / "scores.parquet"
    alleles = [snv(0), snv(1, Status.REF_MISMATCH)._replace(reason=Reason.OTHER), snv(2)]
    with ScoreWriter(path, SAD_D2, LIVER_HEART) as writer:
        writer.write(alleles, ramp(2))
        writer.commit(provenance(rows=3, statuses={"scored": 2, "ref_mismatch": 1}))
    return path


# --- what stands in the file -------------------------------------------------------------


def test_columns_are_named_and_described() -> None:
    schema = score_schema(SAD_D2, LIVER_HEART)
    assert schema.names == [
        *("chrom", "pos", "id", "ref", "alt", "record", "allele", "key", "status", "reason"),
        *("SAD_ENCFF1", "SAD_ENCFF2", "D2_ENCFF1", "D2_ENCFF2"),
    ]
    assert schema.field("pos").type == pa.int64()
    assert schema.field("SAD_ENCFF1").type == pa.float32()
    assert schema.field("D2_ENCFF2").metadata == {
        b"statistic": b"D2",
        b"around": b"window",
        b"index": b"7",
        b"identifier": b"ENCFF2",
        b"description": b"CHIP:H3K4me3:heart",
    }


def test_rows_are_the_alleles(result: Path) -> None:
    rows = pq.read_table(result).to_pylist()
    assert rows[0] == {
        "chrom": "1",
        "pos": 1000,
        "id": "rs0",
        "ref": "a",
        "alt": "G",
        "record": 0,
        "allele": 1,
        "key": "1:1000:A:G",
        "status": "scored",
        "reason": None,
        "SAD_ENCFF1": 0.0,
        "SAD_ENCFF2": 1.0,
        "D2_ENCFF1": 2.0,
        "D2_ENCFF2": 3.0,
    }
    assert rows[1]["key"] == "1:1001:a:G"
    assert rows[1]["status"] == "ref_mismatch"
    assert rows[1]["reason"] == "other"
    assert [rows[2][name] for name in list(rows[2])[10:]] == [4.0, 5.0, 6.0, 7.0]


@pytest.mark.parametrize("status", [status for status in Status if status != Status.SCORED])
def test_a_row_without_scores_has_nulls(tmp_path: Path, status: Status) -> None:
    path = tmp_path / "scores.parquet"
    write(path, [snv(0), snv(1, status), snv(2, status)], ramp(1))
    for column in pq.read_table(path).columns[10:]:
        assert column.is_null().to_pylist() == [False, True, True]
        assert not column.is_null(nan_is_null=True).to_pylist()[0]


def test_no_rows_still_have_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    write(path, [], np.empty((0, 2, 2)))
    schema = pq.read_schema(path).remove_metadata()
    assert schema.equals(score_schema(SAD_D2, LIVER_HEART), check_metadata=True)
    frame = read_scores(path, None)
    assert frame.shape == (0, 14)
    assert frame.dtypes["SAD_ENCFF1"] == np.float32


def test_float32_bits_survive(tmp_path: Path) -> None:
    bits = np.random.default_rng(1).integers(0, 2**32, 4000, dtype=np.uint32)
    numbers = bits.view(np.float32)
    extremes = [0.0, -0.0, 1e-45, -1e-45, np.finfo(np.float32).max]
    numbers = np.concatenate([numbers[np.isfinite(numbers)], np.array(extremes, np.float32)])
    numbers = numbers[len(numbers) % 4 :].reshape(-1, 2, 2)
    path = tmp_path / "scores.parquet"
    write(path, [snv(i) for i in range(len(numbers))], numbers, group_rows=100)
    columns = list(score_schema(SAD_D2, LIVER_HEART).names[10:])
    found = pd.read_parquet(path, columns=columns).to_numpy()
    assert found.dtype == np.float32
    expected = numbers.reshape(len(numbers), 4)
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("batch", [1, 2, 5, 11, 23])
def test_the_bytes_do_not_depend_on_the_batches(tmp_path: Path, batch: int) -> None:
    statuses = [Status.NO_CHANGE if i % 3 == 1 else Status.SCORED for i in range(23)]
    alleles = [snv(i, status) for i, status in enumerate(statuses)]
    scores = iter(ramp(23))
    path = tmp_path / "scores.parquet"
    with ScoreWriter(path, SAD_D2, LIVER_HEART, group_rows=5) as writer:
        for begin in range(0, 23, batch):
            part = alleles[begin : begin + batch]
            n_scored = sum(allele.status == Status.SCORED for allele in part)
            writer.write(part, np.array([next(scores) for _ in range(n_scored)] or ramp(0)))
        writer.commit(provenance())
    whole = tmp_path / "whole.parquet"
    write(whole, alleles, ramp(15), group_rows=5)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (path, whole)]
    assert digests[0] == digests[1]
    assert pq.read_metadata(path).num_row_groups == 5
    assert pq.read_table(path)["SAD_ENCFF1"].to_pylist()[:5] == [0.0, None, 4.0, 8.0, None]


@pytest.mark.parametrize(("n_tracks", "rows"), [(5313, 6315), (20, 65536), (33000, 1024)])
def test_row_groups_are_bounded(tmp_path: Path, n_tracks: int, rows: int) -> None:
    # 128 MiB / (4 bytes x 5313) = 6315.6; the others meet the two limits.
    tracks = TrackTable.unnamed(n_tracks)
    writer = ScoreWriter(tmp_path / "x.parquet", SAD_D2[:1], tracks)
    assert writer._group_rows == rows


def test_how_it_was_made_stands_in_the_file(result: Path) -> None:
    made = read_metadata(result)
    assert made["statuses"] == {"scored": 2, "ref_mismatch": 1}
    assert made["genome"] == {"file": "g.fa", "contigs": {"chr1": 600}, "m5": {}}
    assert json.loads(pq.read_metadata(result).metadata[b"varscore"]) == made


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e39])
def test_a_score_that_is_no_number_is_refused(tmp_path: Path, number: float) -> None:
    scores = ramp(2).astype(np.float64)
    scores[1, 1, 0] = number
    alleles = [snv(0), snv(1, Status.TOO_LONG), snv(2)]
    with pytest.raises(ModelError, match=r"record 2, .*1:1002:A:G.*D2 of track ENCFF1 is"):
        write(tmp_path / "scores.parquet", alleles, scores)
    assert list(tmp_path.iterdir()) == []


def test_scores_must_fit_the_alleles(tmp_path: Path) -> None:
    alleles = [snv(0), snv(1, Status.TOO_LONG)]
    with pytest.raises(ValueError, match=r"\(2, 2, 2\), expected \(1, 2, 2\)"):
        write(tmp_path / "scores.parquet", alleles, ramp(2))


# --- whole or absent ---------------------------------------------------------------------


def test_an_existing_file_is_kept_without_force(result: Path) -> None:
    before = result.read_bytes()
    with pytest.raises(OutputError, match=r"scores\.parquet: exists; .*--force"):
        ScoreWriter(result, SAD_D2, LIVER_HEART)
    assert result.read_bytes() == before
    write(result, [snv(9)], ramp(1), force=True)
    assert pq.read_table(result)["record"].to_pylist() == [9]


def test_without_a_commit_there_is_no_file(tmp_path: Path) -> None:
    with ScoreWriter(tmp_path / "x.parquet", SAD_D2, LIVER_HEART) as writer:
        writer.write([snv(0)], ramp(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, FileNotFoundError])
def test_any_exception_leaves_the_folder_as_it_was(
    result: Path, error: type[BaseException]
) -> None:
    before = result.read_bytes()

    def write_and_fail() -> None:
        with ScoreWriter(result, SAD_D2, LIVER_HEART, force=True, group_rows=1) as writer:
            writer.write([snv(0)], ramp(1))
            assert len(list(result.parent.iterdir())) == 2
            raise error("elsewhere")

    with pytest.raises(error, match=r"^elsewhere$"):
        write_and_fail()
    assert list(result.parent.iterdir()) == [result]
    assert result.read_bytes() == before


@contextlib.contextmanager
def files_limited_to(n_bytes: int) -> Iterator[None]:
    """Make every write beyond a file's first bytes fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_noise(path: Path, n_rows: int) -> None:
    """Write 4 MB of incompressible scores a thousand rows."""
    tracks = TrackTable.unnamed(1000)
    rng = np.random.default_rng(0)
    with ScoreWriter(path, SAD_D2[:1], tracks, group_rows=100) as writer:
        for begin in range(0, n_rows, 100):
            scores = rng.standard_normal((100, 1, 1000), dtype=np.float32)
            writer.write([snv(begin + i) for i in range(100)], scores)
        writer.commit(provenance())


@pytest.mark.parametrize("limit", [500_000, 50_000], ids=["in a row group", "in the footer"])
def test_a_write_that_fails_is_one_error_and_no_file(tmp_path: Path, limit: int) -> None:
    n_rows = 1000 if limit == 500_000 else 0
    with (
        files_limited_to(limit),
        pytest.raises(OutputError, match=r"x\.parquet: cannot be written: File too large"),
    ):
        write_noise(tmp_path / "x.parquet", n_rows)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_error_and_no_file(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(1024)
    with pytest.raises(OutputError, match=r"x\.parquet: cannot be written: No space left"):
        write_noise(disk / "x.parquet", 1000)
    assert list(disk.iterdir()) == []
    write(disk / "x.parquet", [snv(0)], ramp(1))
    assert len(read_scores(disk / "x.parquet")) == 1


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_table import LIVER_HEART, SAD_D2, ScoreWriter, ramp, snv
with ScoreWriter(Path(sys.argv[1]), SAD_D2, LIVER_HEART, group_rows=1) as writer:
    writer.write([snv(0), snv(1)], ramp(2))
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_a_kill_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    command = [sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    left = f".x.parquet.{socket.gethostname().replace('.', '-')}.{process.pid}."
    assert [file.name.startswith(left) for file in tmp_path.iterdir()] == [True]
    write(path, [snv(0)], ramp(1))
    assert len(read_scores(tmp_path)) == 1  # what the kill left is not taken for a part


def test_what_another_machine_writes_is_left_alone_for_two_days(tmp_path: Path) -> None:
    fresh, old = (tmp_path / f".x.parquet.node{i}-example-org.1.0.partial" for i in (1, 2))
    fresh.touch()
    old.touch()
    os.utime(old, (time.time() - 3 * 24 * 3600,) * 2)
    write(tmp_path / "x.parquet", [snv(0)], ramp(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [fresh.name, "x.parquet"]


# --- reading -----------------------------------------------------------------------------


def test_read_scores_reads_sad_by_default(result: Path) -> None:
    frame = read_scores(result)
    assert list(frame) == [*VARIANT_COLUMNS, "SAD_ENCFF1", "SAD_ENCFF2"]
    assert frame["SAD_ENCFF2"].isna().tolist() == [False, True, False]
    assert frame["SAD_ENCFF2"].dtype == np.float32
    assert frame["pos"].tolist() == [1000, 1001, 1002]


@pytest.mark.parametrize(
    ("statistic", "tracks", "expected"),
    [
        ("D2", None, ["D2_ENCFF1", "D2_ENCFF2"]),
        (["D2", "SAD", "D2"], "ENCFF2", ["D2_ENCFF2", "SAD_ENCFF2"]),
        (None, "DNASE:.*adult", ["SAD_ENCFF1", "D2_ENCFF1"]),
        ("SAD", ["ENCFF2", "ENCFF1"], ["SAD_ENCFF1", "SAD_ENCFF2"]),
    ],
)
def test_read_scores_chooses_columns(
    result: Path, statistic: str, tracks: str, expected: list[str]
) -> None:
    assert list(read_scores(result, statistic, tracks, columns=["key"])) == ["key", *expected]


def test_one_name_need_not_stand_in_a_list(result: Path) -> None:
    assert list(read_scores(result, "D2", "ENCFF2", columns="key")) == ["key", "D2_ENCFF2"]


def test_read_scores_names_what_is_not_there(result: Path) -> None:
    with pytest.raises(OutputError, match="'SAX' in it; choose from SAD, D2"):
        read_scores(result, "SAX")
    with pytest.raises(OptionError, match="kidney"):
        read_scores(result, tracks="kidney")
    with pytest.raises(OutputError, match="'CHROM' is no variant column"):
        read_scores(result, columns=["CHROM"])


def test_odd_identifiers_are_read_apart(tmp_path: Path) -> None:
    names = ("a", "a.b", "a b/c", "DNASE:é", "SAD_a", '"q"', "a.list.element")
    path = tmp_path / "odd.parquet"
    with ScoreWriter(path, SAD_D2[:1], TrackTable.from_names(names, names)) as writer:
        writer.write([snv(0)], np.arange(7.0).reshape(1, 1, 7))
        writer.commit(provenance())
    for value, name in enumerate(names):
        frame = read_scores(path, tracks=[name], columns=[])
        assert frame.to_dict("list") == {f"SAD_{name}": [value]}
        frame = pd.read_parquet(path, columns=[f"SAD_{name}"])
        assert frame.to_dict("list") == {f"SAD_{name}": [value]}


def test_a_folder_of_results_is_read_as_one(tmp_path: Path) -> None:
    for shard in (1, 0):
        write(tmp_path / f"part-{shard}.parquet", [snv(shard)], ramp(1) + shard)
    frame = read_scores(tmp_path, tracks="ENCFF1")
    assert frame["record"].tolist() == [0, 1]
    assert frame["SAD_ENCFF1"].tolist() == [0, 1]
    assert pd.read_parquet(tmp_path)["record"].tolist() == [0, 1]
    with ScoreWriter(tmp_path / "part-2.parquet", SAD_D2[:1], LIVER_HEART) as writer:
        writer.commit(provenance())
    with pytest.raises(OutputError, match=r"part-2\.parquet: its columns differ"):
        read_scores(tmp_path)


def test_other_files_are_refused(result: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    with pytest.raises(OutputError, match=r"other: a folder without \.parquet files"):
        read_metadata(folder)
    pq.write_table(pa.table({"pos": [1]}), folder / "x.parquet")
    (folder / "cut.parquet").write_bytes(result.read_bytes()[:-100])
    (folder / "text.parquet").write_text("chrom\tpos\n")
    for read in (read_scores, read_metadata):
        for name, message in [
            ("none.parquet", "no such file"),
            ("x.parquet", "not one that varscore wrote"),
            ("cut.parquet", "not a whole Parquet file"),
            ("text.parquet", "not a whole Parquet file"),
        ]:
            with pytest.raises(OutputError, match=f"{name}: .*{message}") as caught:
                read(folder / name)
            assert "\n" not in str(caught.value)


# --- 5,313 tracks ------------------------------------------------------------------------


class CountingFile(io.FileIO):
    """A file that counts the bytes read from it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read and count."""
        data = super().read(size)
        self.count += len(data or b"")
        return data or b""


def test_one_track_of_5313_costs_its_own_bytes(tmp_path: Path) -> None:
    n_rows, n_tracks = 3000, 5313
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((n_rows, n_tracks), dtype=np.float32)
    scores *= np.exp(rng.normal(-3, 2, n_tracks)).astype(np.float32)
    path = tmp_path / "wide.parquet"
    tracks = TrackTable.unnamed(n_tracks)
    with ScoreWriter(path, SAD_D2[:1], tracks) as writer:
        for begin in range(0, n_rows, 128):
            part = scores[begin : begin + 128]
            writer.write([snv(begin + i) for i in range(len(part))], part[:, None])
        writer.commit(provenance())

    codec = pa.Codec("zstd")
    plain = sum(len(codec.compress(column.tobytes())) for column in scores.T)
    assert path.stat().st_size <= 1.05 * plain

    columns = ["chrom", "pos", "alt", "SAD_track_700"]
    metadata = pq.read_metadata(path)
    chunks = [
        metadata.row_group(group).column(metadata.schema.names.index(name))
        for group in range(metadata.num_row_groups)
        for name in columns
    ]
    needed = metadata.serialized_size + sum(chunk.total_compressed_size for chunk in chunks)
    with CountingFile(path) as file:
        frame = pd.read_parquet(file, columns=columns)
        assert file.count < needed + 100_000  # Arrow guesses the footer's size: 64 kB
    assert file.count < path.stat().st_size / 15
    np.testing.assert_array_equal(frame["SAD_track_700"], scores[:, 700])
