"""The summary beside a result: whose it is, and that nothing else is replaced by it."""

import json
import shutil
from pathlib import Path

import pytest
from writers import write_vcf

from varscore import read_scores
from varscore.errors import OutputError
from varscore.results.summary import ScoreSummary, check_summary, summary_path
from varscore.shards.merge import merge_shards
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard

DATA = Path(__file__).parent / "data"
SUMMARY = ScoreSummary(3, {"scored": 2, "too_long": 1}, {}, 1.5)


def whole(**fields):
    """Return the text of a summary, of which some fields are others."""
    usual = {"result": "x.parquet", "rows": 3, "statuses": {}, "reasons": {}, "seconds": 1}
    return json.dumps(usual | fields).encode()


# Whatever else may stand in a summary's place.
DAMAGED = {
    "a list": b"[]",
    "nothing known": b"{}",
    "null": b"null",
    "a number": b"3",
    "empty": b"",
    "cut": b'{"result": "x.parquet", "rows": 3',
    "binary": bytes(range(256)),
    "words for rows": whole(rows="3"),
    "words for seconds": whole(seconds="1"),
    "a list of statuses": whole(statuses=[]),
    "word counts": whole(statuses={"": ""}),
    "nobody's": b'{"rows": 3, "statuses": {}, "reasons": {}, "seconds": 1.0}',
}


@pytest.mark.parametrize(
    ("result", "summary"),
    [
        ("x.parquet", "x.summary.json"),
        ("scores", "scores.summary.json"),  # a dataset
        ("run.SAD", "run.SAD.summary.json"),
        ("run.D2", "run.D2.summary.json"),
        ("run.SAD.parquet", "run.SAD.summary.json"),
        (".parquet", ".parquet.summary.json"),
    ],
)
def test_every_result_has_a_summary_of_its_own(result, summary):
    assert summary_path(Path("out") / result) == Path("out") / summary


def test_what_is_saved_is_loaded(tmp_path):
    path = SUMMARY.save(tmp_path / "x.parquet")
    assert json.loads(path.read_text()) == {
        "result": "x.parquet", "rows": 3, "statuses": {"scored": 2, "too_long": 1},
        "reasons": {}, "seconds": 1.5, "variants_per_second": 2.0,
    }  # fmt: skip
    assert ScoreSummary.load(tmp_path / "x.parquet") == SUMMARY
    assert ScoreSummary.load(tmp_path / "y.parquet") is None


def test_a_former_summary_is_replaced_with_force_only(tmp_path):
    SUMMARY.save(tmp_path / "x.parquet")
    with pytest.raises(OutputError, match=r"x\.summary\.json: exists; .*--force"):
        SUMMARY.save(tmp_path / "x.parquet")
    other = ScoreSummary(0, {}, {}, 0.0)
    other.save(tmp_path / "x.parquet", force=True)
    assert ScoreSummary.load(tmp_path / "x.parquet") == other


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_another_file_is_not_replaced_not_even_with_force(tmp_path, content):
    path = tmp_path / "x.summary.json"
    path.write_bytes(content)
    for act in (check_summary, SUMMARY.save):
        with pytest.raises(
            OutputError, match=r"x\.summary\.json: exists and is not the summary of x\.parquet"
        ):
            act(tmp_path / "x.parquet", force=True)
    assert path.read_bytes() == content
    assert ScoreSummary.load(tmp_path / "x.parquet") is None


def test_the_summary_of_another_result_is_not_replaced(tmp_path):
    SUMMARY.save(tmp_path / "x")
    with pytest.raises(OutputError, match=r"not the summary of x\.parquet but that of x, so"):
        SUMMARY.save(tmp_path / "x.parquet", force=True)
    (tmp_path / "y.summary.json").mkdir()
    with pytest.raises(OutputError, match=r"y\.summary\.json: exists and is not the summary"):
        SUMMARY.save(tmp_path / "y", force=True)


# --- the commands -------------------------------------------------------------------------


@pytest.fixture
def one(tmp_path):
    """A VCF of one record that the policy file's genome has."""
    return write_vcf(tmp_path / "one.vcf", [("chr1", 155, "T", "C")])


def score(varscore, vcf, genome, out, *options):
    return varscore(
        "score", vcf, "-g", genome, "-o", out, "--model", DATA / "weights_keras" / "model.h5",
        "--device", "cpu", "--engine", "two-pass", *options,
    )  # fmt: skip


def test_two_results_in_one_folder_have_two_summaries(varscore, one, policy_genome, tmp_path):
    for statistic in ("SAD", "D2"):
        out = tmp_path / f"run.{statistic}"
        assert score(varscore, one, policy_genome, out, "--statistics", statistic)[0] == 0
        assert len(read_scores(out, statistic)) == 1
    found = sorted(path.name for path in tmp_path.glob("*.json"))
    assert found == ["run.D2.summary.json", "run.SAD.summary.json"]


@pytest.mark.parametrize("how", [(), ("--resume",)])
def test_a_foreign_summary_is_refused_before_the_work(
    varscore, one, policy_genome, tmp_path, how
):
    foreign = tmp_path / "x.summary.json"
    foreign.write_text("my notes")
    code, _, err = score(varscore, one, policy_genome, tmp_path / "x.parquet", "--force", *how)
    assert code == 1
    assert err.count("\n") == 1
    assert "x.summary.json: exists and is not the summary of x.parquet" in err
    assert foreign.read_text() == "my notes"
    assert sorted(path.name for path in tmp_path.glob("*x.*")) == ["x.summary.json"]


def test_a_summary_is_refused_as_an_output_is(varscore, one, policy_genome, tmp_path):
    out = tmp_path / "x.parquet"
    assert score(varscore, one, policy_genome, out)[0] == 0
    out.unlink()
    code, _, err = score(varscore, one, policy_genome, out)
    assert code == 1
    assert "x.summary.json: exists; give another name, or --force" in err
    assert not out.exists()
    assert score(varscore, one, policy_genome, out, "--force")[0] == 0
    assert out.exists()


@pytest.fixture(scope="module")
def scored(tmp_path_factory, small_model):
    """The policy file scored in two shards, each of which took a second; not to be changed."""
    folder = tmp_path_factory.mktemp("scored")
    genome = Path(shutil.copy(DATA / "policy.fa", folder))
    vcf = write_vcf(folder / "v.vcf", [("chr1", 155, "T", "C"), ("chr1", 156, "G", "A")])
    plan_shards(vcf, genome, folder / "plan", shards=2)
    (folder / "shards").mkdir()
    for name in ("0001.parquet", "0002.parquet"):
        score_shard(folder / "plan" / name, genome, folder / "shards" / name, model=small_model)
        ScoreSummary(1, {"scored": 1}, {}, 1.0).save(folder / "shards" / name)
    return folder


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_shards_damaged_summary_counts_as_absent(scored, tmp_path, content):
    shards = Path(shutil.copytree(scored / "shards", tmp_path / "shards"))
    (shards / "0002.summary.json").write_bytes(content)
    summary = merge_shards(scored / "plan", shards, tmp_path / "m.parquet")
    assert (summary.rows, summary.seconds) == (2, 1.0)


@pytest.mark.parametrize(("out", "how"), [("m.parquet", ()), ("m", ("--dataset",))])
def test_merge_leaves_a_foreign_summary(varscore, scored, tmp_path, out, how):
    (tmp_path / "m.summary.json").write_text("[]")
    arguments = ("merge", scored / "plan", scored / "shards", "-o", tmp_path / out, *how)
    code, _, err = varscore(*arguments, "--force")
    assert code == 1
    assert f"m.summary.json: exists and is not the summary of {out}, so" in err
    assert [path.name for path in tmp_path.iterdir()] == ["m.summary.json"]
    (tmp_path / "m.summary.json").unlink()
    assert varscore(*arguments, "--force")[0] == 0
    assert varscore(*arguments, "--force")[0] == 0
    assert ScoreSummary.load(tmp_path / out) == ScoreSummary(2, {"scored": 2}, {}, 2.0)


def test_a_folder_that_is_no_dataset_is_not_replaced(scored, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "precious.txt").touch()
    with pytest.raises(OutputError, match=r"notes: holds precious\.txt, which is no file of"):
        merge_shards(
            scored / "plan", scored / "shards", tmp_path / "notes", dataset=True, force=True
        )
    assert (tmp_path / "notes" / "precious.txt").exists()
    (tmp_path / "notes" / "precious.txt").unlink()
    (tmp_path / "notes" / ".snakemake_timestamp").touch()
    merge_shards(
        scored / "plan", scored / "shards", tmp_path / "notes", dataset=True, force=True
    )
    assert len(read_scores(tmp_path / "notes")) == 2
