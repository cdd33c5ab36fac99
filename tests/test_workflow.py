"""The workflow as users run it: results, what runs again, what is refused."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import polars
import psutil
import pytest
import yaml
from needs import CI
from policy_table import POLICY
from snakemake_runs import (
    BIN,
    DATA,
    ROOT,
    arguments,
    few_of_the_demo,
    jobs,
    prepare,
    processes,
    resume,
    resume_again,
    run,
    run_again,
    start,
)
from warm_python import warm

from varscore import ScoreOptions, read_scores, score_vcf
from varscore.options import OPTIONS
from varscore.results.table import VARIANT_COLUMNS
from varscore.shards.config import KEYS
from varscore.shards.identity import sample
from varscore.shards.score import score_shard

SCHEMA = yaml.safe_load((ROOT / "workflow_config" / "config.schema.yaml").read_text())
MERGED = Path("out", "scores.parquet")
ALL = {"plan": 1, "score": 2, "merge": 1}

if not CI:  # Where nothing is killed; what is killed is always started as users start it.
    run, resume = run_again, resume_again


def on_the_finished_run(test):
    """Mark a test: one worker runs all those that share the finished run."""
    return pytest.mark.slow(pytest.mark.xdist_group("finished run")(test))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run on the policy file, not to be changed."""
    folder = prepare(tmp_path_factory.mktemp("finished"))
    code, output = run(*arguments(folder))
    assert code == 0, output
    assert jobs(output) == ALL
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    """The finished run, with its dates and Snakemake's notes, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "run", symlinks=True))


def would_run(folder, *more, **config):
    code, output = run_again(*arguments(folder, "--dry-run", *more, **config))
    assert code == 0, output
    return jobs(output)


@on_the_finished_run
def test_rows_out_are_alleles_in_and_scores_those_of_one_run(finished, small_model, tmp_path):
    score_vcf(DATA / "policy.vcf", finished / "policy.fa", tmp_path / "o", model=small_model)
    found = read_scores(finished / "out" / "scores.parquet")
    assert found[["id", "allele", "status", "key"]].apply(tuple, axis=1).tolist() == POLICY
    pd.testing.assert_frame_equal(
        found, read_scores(tmp_path / "o"), check_exact=False, rtol=1e-4, atol=1e-4
    )
    summary = json.loads((finished / "out" / "scores.summary.json").read_text())
    assert summary["rows"] == len(POLICY)
    assert summary["statuses"] == found["status"].value_counts().to_dict()
    assert summary["seconds"] > 0
    assert summary["variants_per_second"] > 0


@on_the_finished_run
def test_a_run_that_is_finished_has_nothing_to_do(copy):
    """Not even if files are touched, and all is other that does not determine scores."""
    for path in [copy / "policy.fa", *copy.glob("out/plan/*"), *copy.glob("out/shards/*")]:
        path.touch()
    config = {"threads": 2, "memory": 2, "memory_mb": 5000, "runtime": 7, "gpu": 1}
    assert would_run(copy, **config) == {}
    assert would_run(copy, "--workflow-profile", "none") == {}


@on_the_finished_run
def test_an_option_of_scoring_scores_again(copy):
    expected = {"score": 2, "merge": 1}
    assert would_run(copy, statistics="SAD,D2") == expected
    assert would_run(copy, reverse_complement=True) == expected


@on_the_finished_run
def test_an_option_of_planning_plans_again(copy):
    assert would_run(copy, max_allele_length=20) == ALL
    assert would_run(copy, shards=3) == {"plan": 1, "score": 3, "merge": 1}


@on_the_finished_run
def test_another_order_merges_again(copy):
    assert would_run(copy, order="genome") == {"merge": 1}


@on_the_finished_run
def test_a_page_is_made_of_the_result_and_is_part_of_snakemakes_report(copy):
    code, output = run_again(*arguments(copy, report=True))
    assert code == 0, output
    assert jobs(output) == {"report": 1}
    assert (
        "<title>Variant effects: policy.vcf</title>" in (copy / "out/report.html").read_text()
    )
    assert would_run(copy, report=True) == {}
    code, output = run_again(*arguments(copy, "--report", copy / "all.html", report=True))
    assert code == 0, output
    assert "the strongest variants and" in (copy / "all.html").read_text()


@on_the_finished_run
def test_other_weights_under_the_same_name_score_again(copy):
    (copy / "model.h5").touch()
    assert would_run(copy) == {}
    params = json.loads((copy / "params.json").read_text())
    (copy / "params.json").write_text(json.dumps(params, indent=7))
    assert would_run(copy) == {"score": 2, "merge": 1}


@on_the_finished_run
def test_another_genome_of_the_same_name_plans_and_scores_again(copy):
    text = (copy / "policy.fa").read_text()
    (copy / "policy.fa").write_text(text.replace("ACACACGTTG", "ACACACGTTC", 1))
    assert would_run(copy) == ALL


@on_the_finished_run
def test_an_older_genome_in_place_of_the_former_is_noticed(copy):
    """As when another build is moved to where the first was: moving keeps a file's date."""
    genome, text = copy / "policy.fa", (copy / "policy.fa").read_text()
    genome.write_text(text.replace("ACACACGTTG", "ACACACGTTC", 1))
    os.utime(genome, (1e9, 1e9))
    assert would_run(copy) == ALL
    genome.write_text(text + ">another\nACGT\n")
    os.utime(genome, (1e9, 1e9))
    code, output = run_again(*arguments(copy, "--dry-run"))
    assert code == 1
    assert "its index does not fit" in output


@on_the_finished_run
def test_what_an_option_changes_runs_again_wherever_snakemake_was_started(copy, tmp_path):
    """Without what Snakemake remembers, too, by another clone's Snakefile, and after another
    run was begun and not ended.
    """
    shutil.rmtree(copy / ".snakemake")
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "workflow_config", clone / "workflow_config")
    shutil.copy(ROOT / "Snakefile", clone)
    there = {"genome": copy / "policy.fa", "model": copy / "model.h5", "out": copy / "out"}
    for folder in (copy, tmp_path / "elsewhere"):
        folder.mkdir(exist_ok=True)
        assert would_run(folder, **there) == {}
        for option in ({"windows": "binned"}, {"statistics": "D2"}):
            assert would_run(folder, **there, **option) == {"score": 2, "merge": 1}
        assert would_run(folder, **there, max_allele_length=1) == ALL
        assert would_run(folder, **there, order="genome") == {"merge": 1}
    elsewhere = ("--snakefile", clone / "Snakefile")  # of two of them the last counts
    assert would_run(folder, *elsewhere, **there) == {}
    assert would_run(folder, *elsewhere, **there, statistics="D2") == {"score": 2, "merge": 1}
    code, output = run_again(
        *arguments(folder, "--until", "identify", **there, windows="binned")
    )
    assert code == 0, output
    for folder in (copy, tmp_path / "elsewhere"):
        assert would_run(folder, **there, windows="binned") == {"score": 2, "merge": 1}
        assert would_run(folder, **there) == {"score": 2, "merge": 1}


@on_the_finished_run
def test_scores_that_another_run_left_are_not_taken_for_those_asked_for(copy):
    """A job of a run with another option ended after this one had begun."""
    words = arguments(copy, windows="binned")
    code, output = run_again(*words, "--until", "score")
    assert code == 0, output
    for path in (copy / "out" / "shards").iterdir():
        score_shard(
            copy / "out" / "plan" / path.name, copy / "policy.fa", path, force=True,
            model=copy / "model.h5", options=ScoreOptions(engine="two-pass"),
        )  # fmt: skip
    shutil.rmtree(copy / ".snakemake")
    code, output = run_again(*words)
    assert code == 1
    assert "0001.parquet: was made with windows 'centred', not 'binned' as is" in output
    assert not (copy / MERGED).exists()


@on_the_finished_run
@pytest.mark.parametrize("key", ["vcf", "genome"])
def test_a_file_that_is_not_there_is_refused_though_a_former_result_is(copy, key):
    """Snakemake takes what is there for good if what it is made of is not."""
    before = sorted(path.name for path in (copy / "out" / "plan").iterdir())
    code, output = run_again(*arguments(copy, **{key: "absent"}))
    assert code == 1
    assert f"config: {key}: absent: no such file" in output
    assert sorted(path.name for path in (copy / "out" / "plan").iterdir()) == before


@on_the_finished_run
def test_names_and_spellings_score_nothing_again(copy):
    other = copy / "other"
    other.mkdir()
    for name in ("policy.fa", "policy.fa.fai", "model.h5", "params.json"):
        shutil.copy(copy / name, other)
    shutil.copy(DATA / "policy.vcf", other / "a.vcf")
    spelled = {"vcf": other / "a.vcf", "genome": "other/policy.fa", "model": "other/model.h5"}
    assert would_run(copy, **spelled) == {}
    assert would_run(copy, statistics="[ SAD ]", out="./out/", shards="2.0") == {}
    assert would_run(copy, out=copy / "out", reverse_complement="no", region="null") == {}
    assert would_run(copy, params=other / "params.json") == {}


@on_the_finished_run
def test_fewer_shards_leave_no_scores_of_a_former_plan(copy):
    code, output = run_again(*arguments(copy, shards=1))
    assert code == 0, output
    assert [path.name for path in sorted((copy / "out" / "shards").iterdir())] == [
        "0001.parquet"
    ]
    assert len(read_scores(copy / "out" / "shards")) == len(POLICY)


@on_the_finished_run
def test_the_folder_of_shards_is_read_by_others(finished):
    folder = finished / "out" / "shards"
    whole = pd.read_parquet(folder)
    assert sorted(zip(whole["record"], whole["allele"], strict=True)) == sorted(
        zip(
            *(read_scores(finished / MERGED)[name] for name in ("record", "allele")),
            strict=True,
        )
    )
    assert polars.read_parquet(folder).height == len(whole) == len(POLICY)


def test_every_config_key_is_described_and_documented():
    assert set(SCHEMA["properties"]) == set(KEYS)
    assert set(OPTIONS) < set(KEYS)
    readme = (ROOT / "workflow_config" / "README.md").read_text()
    for key, facts in SCHEMA["properties"].items():
        assert facts["description"].endswith("."), key
        assert f"| `{key}` |" in readme, key


def test_profiles_are_where_snakemake_looks_for_a_name():
    """It says nothing of one that it does not find, and runs without."""
    pages = [ROOT / "workflow_config" / "README.md", *ROOT.glob("profiles/*/profile.yaml")]
    named = re.findall(r"--workflow-profile (\S+?)[`\s]", "".join(p.read_text() for p in pages))
    assert {"slurm", "slurm-gpu", "kubernetes"} == set(named)
    assert all((ROOT / "profiles" / name / "profile.yaml").is_file() for name in named)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"statistic": "SAD"}, ["'statistic' is no key; nearest are statistics"]),
        ({"indels": "cut"}, ["indels: 'cut' is none of stitch, trim"]),
        ({"shards": 0}, ["shards: 0 is less than 1"]),
        ({"statistics": "SAD,D3"}, ["statistics: 'D3' is none of SAD,"]),
        (
            {"model": "demo", "tracks": "CHIP_CTCF,CHIP_XYZ"},
            ["tracks: 'CHIP_XYZ' is no identifier"],
        ),
        ({"track_table": "none.txt"}, ["track table none.txt", "No such file"]),
        ({"region": "chr9"}, ["region 'chr9'", "has no contig"]),
        ({"vcf": "absent.vcf"}, ["vcf: absent.vcf: no such file"]),
        ({"vcf": "/dev/null"}, ["vcf: /dev/null: is a pipe or a device"]),
        ({"out": "policy.fa"}, ["out: policy.fa: policy.fa is no folder"]),
        ({"model": None}, ["model is not given"]),
        ({"model": "absent.h5"}, ["model absent.h5: no such file or folder"]),
    ],
)
def test_a_wrong_config_is_refused(tmp_path, config, words):
    code, output = run_again(*arguments(prepare(tmp_path), "--dry-run", **config))
    assert code == 1
    for word in words:
        assert word in output


@on_the_finished_run
def test_options_mean_what_they_mean_to_score(finished, small_model, tmp_path):
    folder = prepare(tmp_path / "run")
    files = [DATA / "policy.vcf", folder / "more {1} #2.vcf"]
    head = (DATA / "policy.vcf").read_text().partition("\nchr1\t")[0]
    files[1].write_text(f"{head}\nchr1\t157\tmore\tC\tG\t.\t.\t.\n")
    options = {
        "vcf": f"[{files[0]}, {files[1].name}]", "statistics": "[D2,SAX]", "indels": "trim",
        "tracks": "_1[01]{1}$", "region": "chr1",
    }  # fmt: skip
    code, output = run_again(
        *arguments(folder, **options, shards=2, order="genome", dataset=True)
    )
    assert code == 0, output
    score_vcf(
        files, folder / "policy.fa", tmp_path / "o", model=small_model,
        statistics=("D2", "SAX"), indels="trim", tracks="_1[01]{1}$", region="chr1",
    )  # fmt: skip
    expected = pd.read_parquet(tmp_path / "o").sort_values(["pos", "record", "allele"])
    pd.testing.assert_frame_equal(
        pd.read_parquet(folder / "out" / "scores"), expected.reset_index(drop=True),
        check_exact=False, rtol=1e-4, atol=1e-4,
    )  # fmt: skip


@pytest.mark.slow
def test_a_config_file_spaces_in_paths_and_an_empty_vcf(tmp_path):
    there = prepare(tmp_path / "a genome")
    lines = (DATA / "policy.vcf").read_text().splitlines(keepends=True)
    (there / "no variants.vcf").write_text("".join(x for x in lines if x[0] == "#"))
    here = tmp_path / "a run"
    here.mkdir()
    config = {
        "vcf": "../a genome/no variants.vcf", "genome": "../a genome/policy.fa",
        "model": "../a genome/model.h5", "out": "the result", "shards": 1,
        "statistics": ["SAD", "D2"], "region": 2, "device": "cpu",
    }  # fmt: skip
    (here / "my config.yaml").write_text(yaml.safe_dump(config))
    code, output = run_again(
        "--snakefile", ROOT / "Snakefile", "--directory", here, "--cores", 2,
        "--configfile", here / "my config.yaml",
    )  # fmt: skip
    assert code == 0, output
    assert "the result/scores.parquet: 0 rows" in output
    frame = pd.read_parquet(here / "the result" / "scores.parquet")
    assert len(frame) == 0
    assert [f"{statistic}_track_11" in frame for statistic in ("SAD", "D2", "D1")] == [
        True, True, False,
    ]  # fmt: skip


@pytest.mark.slow
def test_a_failing_shard_is_named_and_the_others_are_kept(tmp_path):
    """A base of MT, the last shard's contig, changes where no sample of the genome is taken."""
    folder = prepare(tmp_path)
    genome, config = folder / "policy.fa", {"shards": 2}
    text = f">before\n{'A' * 20_000}\n{genome.read_text().rstrip()}"
    after = f"\n>after\n{'A' * 4_000_000}\n"
    genome.write_text(text + after)
    assert run_again(*arguments(folder, "--until", "plan", **config))[0] == 0
    stat, before = genome.stat(), sample(genome)
    genome.write_text(text[:-1] + "ACGT"[text[-1] == "A"] + after)
    os.utime(genome, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert sample(genome) == before
    code, output = run_again(*arguments(folder, "--keep-going", "--retries", 1, **config))
    assert code == 1
    assert len(re.findall("^not tried again, for it was refused", output, re.MULTILINE)) == 1
    assert "another genome" in (folder / "out" / "logs" / "score_0002.log").read_text()
    assert "another genome" in output
    done = sorted(path.name for path in (folder / "out" / "shards").glob("*.parquet"))
    assert done == ["0001.parquet"]


@pytest.mark.slow
def test_what_the_user_has_to_mend_is_not_tried_again(tmp_path):
    """A shift that is too large for the model's window is known in `plan`, which has it."""
    code, output = run_again(*arguments(prepare(tmp_path), "--retries", 2, shifts=70000))
    assert code == 1
    assert "score" not in jobs(output)
    refusal = "varscore: error: shifts: 70000 is more than"
    again = rf"not tried again, for it was refused:\n{refusal}"
    assert len(re.findall(f"^{refusal}", output, re.MULTILINE)) == 3
    assert len(re.findall(again, output)) == 2


@pytest.mark.slow
def test_a_dry_run_lists_every_job_of_many(tmp_path):
    assert would_run(prepare(tmp_path), shards=1000) == {"plan": 1, "score": 1000, "merge": 1}


@pytest.mark.slow
def test_snakemakes_lint_has_one_complaint(tmp_path):
    # The rules run the varscore that is installed beside Snakemake, so that results are of
    # the version that the user sees; a conda environment of their own could be another.
    _, output = run_again(*arguments(prepare(tmp_path), "--lint"))
    complaints = [line.strip() for line in output.splitlines() if line.startswith("    * ")]
    assert set(complaints) == {"* Specify a conda environment or container for each rule.:"}


def test_the_snakefile_is_formatted():
    subprocess.run([BIN / "snakefmt", "--check", ROOT / "Snakefile"], check=True)


@on_the_finished_run
def test_a_full_disk_while_scoring_and_while_merging(finished, small_disk, tmp_path):
    """The disk holds the plan and a shard, then all but the merged file, then everything."""

    def kib(pattern):
        sizes = [path.stat().st_size for path in (finished / "out").glob(pattern)]
        return sum(-(-size // 4096) * 4 for size in sizes)  # in whole pages

    def whole(pattern):
        """Return the files of a kind, after a look at whether each is as it should be."""
        paths = [path for path in (disk / "out").glob(pattern) if path.name[0] != "."]
        for path in paths:
            assert path.read_bytes() == (finished / "out" / "shards" / path.name).read_bytes()
        return paths

    folder = prepare(tmp_path)
    before_merge = kib("?*/*") - kib("*/merge*")
    disk = small_disk(before_merge - kib("*/*0002*") + kib("plan/0002*"))
    words = arguments(folder, out=disk / "out", cores=1)
    code, output = run_again(*words)
    assert code == 1
    assert "No space left on device" in output
    assert len(whole("shards/*.parquet")) < 2
    small_disk(before_merge + kib("*/merge*") + 8)
    code, output = run_again("--rerun-incomplete", *words)
    assert code == 1
    assert re.search(r"scores\.parquet: cannot be written: No space left", output), output
    assert len(whole("shards/*.parquet")) == 2
    assert not (disk / "out" / "scores.parquet").exists()
    small_disk(2000)
    code, output = resume(*words)
    assert code == 0, output
    assert jobs(output) == {"merge": 1}
    assert (disk / MERGED).read_bytes() == (finished / MERGED).read_bytes()


# --- kill -9 -----------------------------------------------------------------------------

# Each takes about ten seconds.
KILLS = 20 if CI else 1


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A part of the demo, scored by the default engine in a run that nothing disturbed.

    The configuration of the run, and the path of what it made.
    """
    folder = tmp_path_factory.mktemp("demo")
    config = few_of_the_demo(folder)
    code, output = run_again(*arguments(folder, **config))
    assert code == 0, output
    return config, folder / MERGED


@pytest.mark.slow
@pytest.mark.xdist_group("demo in shards")
def test_shards_and_threads_change_scores_by_rounding_only(demo, tmp_path):
    """The README states the bound."""
    config, merged = demo
    subprocess.run(
        [warm("varscore"), "score", config["vcf"], "--genome", config["genome"],
         "--model", "demo", "--output", tmp_path / "whole.parquet", "--threads", "2",
         "--device", "cpu"],
        check=True,
    )  # fmt: skip
    found, whole = pd.read_parquet(merged), pd.read_parquet(tmp_path / "whole.parquet")
    pd.testing.assert_frame_equal(found, whole, check_exact=False, rtol=1e-4, atol=1e-4)
    others = list(VARIANT_COLUMNS)
    pd.testing.assert_frame_equal(found[others], whole[others], check_exact=True)


@pytest.mark.slow
@pytest.mark.xdist_group("demo in shards")
def test_kill_9_at_random_moments_and_resume(demo, tmp_path, capsys):
    """Kill, resume, kill, ...; a result is compared, and it and a shard are made again.

    Each attempt kills Snakemake, a process that scores, or one that merges, each about as often
    and if there is one. With Snakemake goes what its two cores were scoring, and nothing else.
    """
    chance, (config, merged) = random.Random(4), demo
    kills = dict.fromkeys(("snakemake", "score", "merge"), 0)
    needed, scored, compared, expected = ALL["score"], 0, 0, merged.read_bytes()
    while sum(kills.values()) < KILLS:
        victim = chance.choice([v for v in kills if kills[v] == min(kills.values())])
        with open(tmp_path / "said", "w") as said:
            process = start(
                said, *arguments(tmp_path, "--nolock", "--rerun-incomplete", **config)
            )
            kills[victim] += kill(process, tmp_path, victim, chance)
        code = process.wait()
        scored += jobs((tmp_path / "said").read_text()).get("score", 0)
        if code == 0:
            assert (tmp_path / MERGED).read_bytes() == expected
            (tmp_path / MERGED).unlink()
            (tmp_path / "out" / "shards" / f"000{chance.randint(1, 2)}.parquet").unlink()
            needed, compared = needed + 1, compared + 1
    code, output = resume(*arguments(tmp_path, **config))
    assert code == 0, output
    scored += jobs(output).get("score", 0)
    assert (tmp_path / MERGED).read_bytes() == expected
    assert would_run(tmp_path, **config) == {}
    with capsys.disabled():
        counts = ", ".join(f"{n} of {victim}" for victim, n in kills.items())
        print(  # noqa: T201 - the numbers that the test is about
            f"\n{sum(kills.values())} kills ({counts}); {compared + 1} results compared; "
            f"{scored} shards scored, {needed} of them needed without kills"
        )
    assert needed <= scored <= needed + kills["score"] + 2 * kills["snakemake"]


def kill(process, folder, victim, chance):
    """Kill -9 Snakemake, or one of its varscore processes, a moment after it began."""
    while process.poll() is None:
        targets = [process] if victim == "snakemake" else processes(folder, victim)
        if targets:
            time.sleep(chance.uniform(0, {"snakemake": 8, "score": 4, "merge": 1}[victim]))
            with contextlib.suppress(psutil.NoSuchProcess):
                running = process.poll() is None
                targets[0].send_signal(signal.SIGKILL)
                return running
        time.sleep(0.02)
    return False


@on_the_finished_run
def test_make_resume_after_snakemake_was_killed(finished, tmp_path):
    folder = prepare(tmp_path)
    with open(folder / "said", "w") as said:
        process = start(said, *arguments(folder))
        while not list(folder.glob("out/plan/plan.json")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    words = arguments(folder)
    code, output = run_again(*words)
    assert code == 1
    assert re.search("rerun-incomplete|--unlock", output), output
    # In that folder nothing has to say which it is, nor where the Snakefile is.
    code, output = resume(*words[words.index("--cores") :], folder=folder)
    assert code == 0, output
    assert (folder / MERGED).read_bytes() == (finished / MERGED).read_bytes()
