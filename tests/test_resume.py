"""Interrupted runs go on from what is there, and end with the same bytes.

Engines are not the matter here: the one that is quicker on 40 variants is taken.
"""

import dataclasses
import logging
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

import varscore.shards.parts
import varscore.shards.plan
import varscore.shards.resume
from varscore import ScoreOptions, read_metadata, read_scores, score_vcf
from varscore.errors import OutputError
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.resume import score_resumably, score_shard_resumably
from varscore.shards.score import ShardScorer, score_shard

DATA = Path(__file__).parent / "data"
PARTS = 9  # of the policy file's 65 rows, where a part has 8 or more


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(varscore.shards.plan, "_LEAST_ROWS", 8)
    monkeypatch.setattr(varscore.shards.resume, "PART_ROWS", 8)
    monkeypatch.setattr(varscore.shards.parts, "PART_ROWS", 8)


@pytest.fixture
def scored(monkeypatch):
    """A list to which each part that is really scored adds its number."""
    numbers = []
    score = ShardScorer.score

    def note(self, shard, *args, **kwargs):
        result = score(self, shard, *args, **kwargs)
        numbers.append(shard.entry.number)
        return result

    monkeypatch.setattr(ShardScorer, "score", note)
    return numbers


@pytest.fixture
def run(policy_genome, tiny_model, tmp_path):
    """Return a function that scores the policy file resumably, `out` beside its genome."""

    def score(out="out.parquet", **options):
        return score_resumably(
            DATA / "policy.vcf", policy_genome, tmp_path / out, model=tiny_model,
            options=ScoreOptions(engine="two-pass", **options),
        )  # fmt: skip

    return score


@pytest.fixture
def stop_after(monkeypatch, scored):
    """Return a context in which scoring is interrupted after some parts."""

    @contextmanager
    def interrupt(parts):
        def score(self, *args, **kwargs):
            if len(scored) == parts:
                raise KeyboardInterrupt
            return noting(self, *args, **kwargs)

        noting = ShardScorer.score
        with monkeypatch.context() as patch:
            patch.setattr(ShardScorer, "score", score)
            with pytest.raises(KeyboardInterrupt):
                yield

    return interrupt


def test_parts_give_what_one_run_gives(run, policy_genome, tiny_model, tmp_path, scored):
    summary = run()
    score_vcf(DATA / "policy.vcf", policy_genome, tmp_path / "whole.parquet", model=tiny_model)
    found, expected = (
        read_scores(tmp_path / "out.parquet"),
        read_scores(tmp_path / "whole.parquet"),
    )
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-4, atol=1e-4)
    assert scored == list(range(1, PARTS + 1))
    assert summary.rows == len(found)
    assert not (tmp_path / ".out.parquet.parts").exists()


def test_parts_on_another_genome_are_not_taken(run, policy_genome, scored, stop_after):
    with stop_after(6):
        run()
    text = policy_genome.read_text()
    policy_genome.write_text(text.replace("ACACACGTTG", "ACACACGTTC", 1))  # of chr1
    run()
    assert scored == [1, 2, 3, 4, 5, 6, *range(1, PARTS + 1)]  # the first six lie on chr1


def test_a_touched_vcf_and_genome_change_nothing(run, policy_genome, scored, stop_after):
    with stop_after(5):
        run()
    policy_genome.touch()
    policy_genome.with_name("policy.fa.fai").touch()
    run()
    assert scored == list(range(1, PARTS + 1))


@pytest.fixture
def shard(policy_genome, tiny_model, tmp_path):
    """Return a function that scores the one shard of a plan of the policy file, in parts."""
    plan_shards(DATA / "policy.vcf", policy_genome, tmp_path / "plan", shards=1)

    def score(out="out.parquet", job=score_shard_resumably, **options):
        return job(
            tmp_path / "plan" / "0001.parquet", policy_genome, tmp_path / out, model=tiny_model,
            options=ScoreOptions(engine="two-pass", **options),
        )  # fmt: skip

    return score


@pytest.fixture(params=["run", "shard"])
def resumable(request):
    """Of a VCF and of a shard, the function that scores it in parts."""
    return request.getfixturevalue(request.param)


def test_only_unfinished_parts_are_scored_again(
    resumable, tmp_path, scored, stop_after, caplog
):
    caplog.set_level(logging.INFO, "varscore")
    resumable("undisturbed.parquet")
    scored.clear()
    with stop_after(4):
        resumable()
    assert not (tmp_path / "out.parquet").exists()
    kept = (tmp_path / ".out.parquet.parts" / "scores").glob("*.parquet")
    rows = sum(len(pd.read_parquet(part)) for part in kept)
    assert not [said for said in caplog.messages if "scored before" in said]
    resumable()
    assert scored == list(range(1, PARTS + 1))  # each once, in two runs
    assert f"out.parquet: {rows} of 65 variants were scored before" in caplog.messages
    out, expected = tmp_path / "out.parquet", tmp_path / "undisturbed.parquet"
    assert out.read_bytes() == expected.read_bytes()


def test_parts_of_other_options_are_not_taken(resumable, tmp_path, scored, stop_after):
    with stop_after(4):
        resumable()
    resumable(statistics=("D2",))
    assert len(scored) == 4 + PARTS
    assert read_metadata(tmp_path / "out.parquet")["options"]["statistics"] == ["D2"]


def test_the_parts_of_a_shard_give_what_it_gives_as_a_whole(shard, tmp_path, scored):
    summary, whole = shard(), shard("whole.parquet", score_shard)
    assert scored == [*range(1, PARTS + 1), 1]
    assert dataclasses.replace(summary, seconds=0) == dataclasses.replace(
        whole, statuses=summary.statuses, seconds=0
    )
    assert summary.statuses == dict(sorted(whole.statuses.items()))
    found, expected = (read_scores(tmp_path / f"{name}.parquet") for name in ("out", "whole"))
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-4, atol=1e-4)
    assert read_metadata(tmp_path / "out.parquet") == read_metadata(tmp_path / "whole.parquet")
    assert not (tmp_path / ".out.parquet.parts").exists()


STAYS_IN_THE_FIFTH_PART = """
import sys
import varscore.shards.parts
import varscore.shards.plan
import varscore.shards.resume
from varscore.cli import main
from varscore.results.table import ScoreWriter

write, parts = ScoreWriter.write, {}

def write_and_stay(self, *arguments):
    write(self, *arguments)
    parts[id(self)] = self  # kept: no other gets its id
    if len(parts) == 5:
        print("staying", flush=True)
        sys.stdin.read()

varscore.shards.plan._LEAST_ROWS = 8
varscore.shards.parts.PART_ROWS = varscore.shards.resume.PART_ROWS = 8
ScoreWriter.write = write_and_stay
sys.argv = ["varscore", *sys.argv[1:]]
main()
"""


def test_kill_9_and_resume_by_the_command(run, policy_genome, tiny_weights, tmp_path, scored):
    run("undisturbed.parquet")
    scored.clear()
    out, work = tmp_path / "out.parquet", tmp_path / ".out.parquet.parts" / "scores"
    arguments = [
        "score", DATA / "policy.vcf", "-g", policy_genome, "-o", out, "--resume",
        "--model", tiny_weights, "--device", "cpu",
        "--engine", "two-pass",
    ]  # fmt: skip
    command = [sys.executable, "-c", STAYS_IN_THE_FIFTH_PART, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "staying\n"
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    assert len(list(work.glob("*.parquet"))) == 4
    run()  # in this process, on the parts of the other
    assert scored == [5, 6, 7, 8, 9]
    assert out.read_bytes() == (tmp_path / "undisturbed.parquet").read_bytes()


def test_a_shard_that_its_cluster_stops_goes_on_by_the_command(
    shard, policy_genome, tiny_weights, tmp_path, scored
):
    shard("undisturbed.parquet")
    scored.clear()
    out, work = tmp_path / "out.parquet", tmp_path / ".out.parquet.parts" / "scores"
    arguments = [
        "score", "--shard", tmp_path / "plan" / "0001.parquet", "-g", policy_genome, "-o", out,
        "--resume", "--model", tiny_weights, "--device", "cpu",
        "--engine", "two-pass",
    ]  # fmt: skip
    command = [sys.executable, "-c", STAYS_IN_THE_FIFTH_PART, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "staying\n"
        process.send_signal(signal.SIGTERM)
    assert not out.exists()
    assert len(list(work.glob("*.parquet"))) == 4
    shard()  # in this process, on the parts of the other
    assert scored == [5, 6, 7, 8, 9]
    assert out.read_bytes() == (tmp_path / "undisturbed.parquet").read_bytes()


def test_a_full_disk_while_scoring_and_resuming_with_more_space(
    run, small_disk, tmp_path, scored
):
    disk = small_disk(120)  # room for the plan and some of nine parts, of 12 KiB each
    out = disk / "out.parquet"
    with pytest.raises(OutputError, match="No space left on device"):
        run("disk/out.parquet")
    done = len(scored)
    assert 1 <= done < PARTS
    assert not out.exists()
    assert [path for path in disk.rglob("*") if path.name.endswith(".partial")] == []
    small_disk(2000)
    run("disk/out.parquet")
    assert scored == list(range(1, PARTS + 1))
    run("undisturbed.parquet")
    assert out.read_bytes() == (tmp_path / "undisturbed.parquet").read_bytes()


@pytest.mark.parametrize("dataset", [False, True])
def test_a_full_disk_while_merging(policy_genome, tiny_model, small_disk, tmp_path, dataset):
    plan_shards(DATA / "policy.vcf", policy_genome, tmp_path / "plan", shards=2)
    for name in ("0001.parquet", "0002.parquet"):
        score_shard(tmp_path / "plan" / name, policy_genome, tmp_path / name, model=tiny_model)
    disk = small_disk(8)
    with pytest.raises(OutputError, match=r"out.*No space left on device"):
        merge_shards(tmp_path / "plan", tmp_path, disk / "out", dataset=dataset)
    assert list(disk.iterdir()) == []
    small_disk(2000)
    merge_shards(tmp_path / "plan", tmp_path, disk / "out", dataset=dataset)
    assert len(pd.read_parquet(disk / "out")) == 65
