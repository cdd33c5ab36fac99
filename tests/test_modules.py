"""The workflow as a part of others: modules, out of a repository or not, and included."""

import json
import re
import shutil
import subprocess

import pandas as pd
import pytest
import yaml
from needs import lacking
from snakemake_runs import DATA, ROOT, prepare, run_again

from varscore import score_vcf

# Whose rules have names, wildcards and a shell of their own.
PARENT = """
rule all:
    input: {results!r}
    output: "report.txt"
    shell: "set +u; command -v varscore > {{output}} || echo none > {{output}}; echo $UNSET"

rule variants:
    output: "made.vcf"
    input: "policy.vcf"
    shell: "cp {{input}} {{output}}"

rule wildcards_of_ours:
    output: "ours/{{step}}-{{shard}}-{{digest}}.txt"
    shell: "touch {{output}}"
"""
SAID = """
with open("config.json", "w") as file:
    __import__("json").dump(config, file)
with open("local.txt", "w") as file:
    file.write(" ".join(workflow._localrules))
"""
SCORING = {"vcf": "made.vcf", "genome": "policy.fa", "model": "model.h5", "shards": 1,
           "device": "cpu", "engine": "two-pass", "report": False}  # fmt: skip


def lay(folder, parts, results):
    """Write a parent workflow into a folder, with what it scores."""
    prepare(folder)
    shutil.copy(DATA / "policy.vcf", folder)
    (folder / "Snakefile").write_text(PARENT.format(results=results) + parts + SAID)


def snakemake(folder, *more, **config):
    """Run a parent workflow; return how often which rules ran, and all that was said."""
    words = ["--config", *(f"{key}={value}" for key, value in config.items())]
    code, said = run_again(
        "--snakefile", folder / "Snakefile", "--directory", folder, "--cores", 2, *more,
        *(words if config else []),
    )  # fmt: skip
    assert code == 0, said
    names = re.findall(r"^(?:local)?rule (\w+):", said, re.MULTILINE)
    return {name: names.count(name) for name in names if "identify" not in name}, said


def assert_scored(path, small_model, folder, **options):
    """Hold a result against the same scored in this process."""
    score_vcf(
        folder / "policy.vcf", folder / "policy.fa", folder / "o", model=small_model,
        force=True, **options,
    )  # fmt: skip
    pd.testing.assert_frame_equal(
        pd.read_parquet(path),
        pd.read_parquet(folder / "o"),
        check_exact=False,
        rtol=1e-4,
        atol=1e-4,
    )


def git(folder, *words):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    return subprocess.run(
        ["git", "-C", folder, *who, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """The workflow in a repository, at a commit, and no longer beside it."""
    if shutil.which("git") is None:
        lacking("git is not installed")
    folder = tmp_path_factory.mktemp("repository")
    shutil.copy(ROOT / "Snakefile", folder)
    shutil.copytree(ROOT / "workflow_config", folder / "workflow_config")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "The workflow")
    shutil.rmtree(folder / "workflow_config")
    (folder / "Snakefile").write_text("no workflow")
    commit = git(folder, "rev-parse", "HEAD")
    return f"gitfile({str(folder)!r}, path='Snakefile', commit={commit!r})"


@pytest.mark.slow
def test_two_modules_of_one_workflow_know_nothing_of_each_other(
    repository, small_model, tmp_path
):
    """Nor of what the parent is told under the names of their keys; one is the demo's."""
    (tmp_path / "parent.yaml").write_text(
        yaml.safe_dump({
            "first": {**SCORING, "out": "first"},
            "second": {**SCORING, "out": "two/second", "statistics": "D2", "region": "chr1"},
            "samples": ["a"], "vcf": None,
        })
    )  # fmt: skip
    local = str(ROOT / "Snakefile")
    parts = f"""
configfile: "parent.yaml"

module first:
    snakefile: {repository}
    config: config["first"]
use rule * from first as first_*

module second:
    snakefile: {local!r}
    config: config["second"]
use rule * from second as second_*

module demo:
    snakefile: {repository}
use rule * from demo as demo_*
"""
    results = {"first": "first/scores.parquet", "second": "two/second/scores.parquet"}
    lay(tmp_path, parts, list(results.values()))
    parents = {"out": "elsewhere", "statistics": "JS", "shards": 7}
    ran, said = snakemake(tmp_path, "all", "ours/x-y-z.txt", **parents)
    each = {f"{name}_{rule}": 1 for name in results for rule in ("plan", "score", "merge")}
    assert ran == {"all": 1, "variants": 1, "wildcards_of_ours": 1, **each}
    # Those that a cluster gets no jobs of.
    assert set((tmp_path / "local.txt").read_text().split()) == {
        f"{name}_{rule}"
        for name in (*results, "demo")
        for rule in ("all", "identify", "plan", "merge")
    }
    assert "localrules directive specifies rules that are not" not in said
    assert (tmp_path / "report.txt").read_text() == "none\n"
    assert not (tmp_path / "elsewhere").exists()
    assert json.loads((tmp_path / "config.json").read_text()) == {
        **yaml.safe_load((tmp_path / "parent.yaml").read_text()), **parents,
    }  # fmt: skip
    assert_scored(tmp_path / results["first"], small_model, tmp_path)
    assert_scored(
        tmp_path / results["second"], small_model, tmp_path, statistics=("D2",), region="chr1"
    )
    assert snakemake(tmp_path, "--dry-run", **parents)[0] == {}
    text = (tmp_path / "parent.yaml").read_text()
    (tmp_path / "parent.yaml").write_text(text.replace("statistics: D2", "statistics: SAX"))
    ran = snakemake(tmp_path, "--dry-run")[0]
    assert ran == {"all": 1, "second_score": 1, "second_merge": 1}
    ran = snakemake(tmp_path, "--dry-run", "demo_all", **parents)[0]
    assert ran == {
        "demo_all": 1, "demo_plan": 1, "demo_score": 4, "demo_merge": 1, "demo_report": 1,
    }  # fmt: skip


@pytest.mark.slow
def test_a_module_takes_no_former_result_for_that_of_a_vcf_that_is_not_there(tmp_path):
    parts = """
module scoring:
    snakefile: {snakefile!r}
    config: {config!r}
use rule * from scoring as scoring_*
"""
    names = {"snakefile": str(ROOT / "Snakefile")}
    config = {**SCORING, "vcf": "policy.vcf", "out": "out"}
    lay(tmp_path, parts.format(**names, config=config), ["out/scores.parquet"])
    snakemake(tmp_path)
    assert snakemake(tmp_path)[0] == {}
    other = parts.format(**names, config={**config, "vcf": "absent.vcf"})
    lay(tmp_path, other, ["out/scores.parquet"])
    code, said = run_again(
        "--snakefile", tmp_path / "Snakefile", "--directory", tmp_path, "--cores", 2
    )
    assert code == 1
    assert "varscore: error: absent.vcf: no such file" in said


@pytest.mark.slow
def test_the_workflow_is_included_in_another(small_model, tmp_path):
    """A rule of which makes the VCF."""
    config = {**SCORING, "out": "out"}
    parts = f"config.update({config!r})\ninclude: {str(ROOT / 'Snakefile')!r}\n"
    lay(tmp_path, parts, ["out/scores.parquet"])
    each = {"plan": 1, "score": 1, "merge": 1}
    ran, _ = snakemake(tmp_path, "all", "ours/x-y-z.txt")
    assert ran == {"all": 1, "variants": 1, "wildcards_of_ours": 1, **each}
    assert (tmp_path / "report.txt").read_text() == "none\n"
    assert_scored(tmp_path / "out/scores.parquet", small_model, tmp_path)
    assert snakemake(tmp_path, "--dry-run")[0] == {}
    vcf = tmp_path / "policy.vcf"
    vcf.write_text("".join(vcf.read_text().splitlines(keepends=True)[:-1]))
    assert snakemake(tmp_path, "--dry-run")[0] == {"all": 1, "variants": 1, **each}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ("include: {snakefile!r}", "'samples' is no key; .* as a module with a part"),
        ("module m:\n    snakefile: {snakefile!r}\n    config: config\n"
         "use rule * from m as m_*", "'samples' is no key; .* as a module with a part"),
        ("module m:\n    snakefile: {snakefile!r}\n    prefix: 'there'\n"
         "use rule * from m as m_*", "prefix .* would change .* each module its own `out`"),
    ],
    ids=["include", "module", "prefix"],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_what_does(tmp_path, parts, words):
    config = {**SCORING, "out": "out", "samples": ["a"]}
    parts = f"config.update({config!r})\n{parts.format(snakefile=str(ROOT / 'Snakefile'))}\n"
    lay(tmp_path, parts, [])
    code, said = run_again(
        "--snakefile", tmp_path / "Snakefile", "--directory", tmp_path, "--cores", 1, "-n"
    )
    assert code == 1
    assert re.search(words, said), said
