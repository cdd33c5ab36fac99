"""A wheel is enough: what it holds, and that it works where there is no clone."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from needs import CI

from varscore import read_scores
from varscore.files.shipped import SHIPPED, shipped_files, shipped_folder

pytestmark = pytest.mark.xdist_group("wheel")  # it is built once
ROOT = Path(__file__).parents[1]
FILES = ["pyproject.toml", "setup.py", "README.md", "LICENSE", "Snakefile"]
FOLDERS = ["varscore", "workflow_config", "resources/demo", "tests/data"]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A wheel, built from a copy of the clone and unpacked; no clone is near it."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, copy)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"]
    alone = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, *alone, "--wheel-dir", folder, copy], check=True)
    shutil.rmtree(copy)
    (wheel,) = folder.glob("varscore-*.whl")
    with zipfile.ZipFile(wheel) as files:
        files.extractall(folder / "site")
    return folder / "site"


def take_compiled(site):
    """Take what numba has kept beside the clone's kernels: to compile them takes seconds."""
    kernels = Path("varscore", "engines", "incremental", "kernels")
    (site / kernels / "__pycache__").mkdir(exist_ok=True)
    for kept in (ROOT / kernels / "__pycache__").glob("*.nb[ci]"):
        shutil.copy(kept, site / kernels / "__pycache__")
    for path in (ROOT / kernels).glob("*.py"):
        shutil.copystat(path, site / kernels / path.name)  # by which numba knows its source


@pytest.fixture
def run(unpacked, tmp_path):
    """Return a function that runs the wheel's `varscore` in an empty folder."""
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}

    def varscore(*words):
        command = [sys.executable, "-m", "varscore", *map(str, words)]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return varscore


def test_a_wheel_has_all_that_comes_along_and_the_clones_is_the_same(unpacked):
    for name in SHIPPED:
        assert len(shipped_files(name)) >= 5
        for file in shipped_files(name):
            packed = unpacked / "varscore" / "data" / name / file
            assert packed.read_bytes() == (shipped_folder(name) / file).read_bytes()
    for path in (ROOT / "varscore").rglob("*"):  # tables and pages, too
        if path.is_file() and path.suffix != ".md" and path.parent.name != "__pycache__":
            assert (unpacked / path.relative_to(ROOT)).is_file(), path
    assert shipped_folder("demo") == ROOT / "resources" / "demo"
    parts = {path.relative_to(unpacked).parts[0] for path in unpacked.rglob("*")}
    assert {part for part in parts if ".dist-info" not in part} == {"varscore"}
    assert sum(path.stat().st_size for path in unpacked.rglob("*")) < 6_000_000


def test_a_wheel_lays_the_workflow_into_a_folder(run, tmp_path):
    run("workflow", "init", "mine")
    mine = tmp_path / "mine"
    assert (mine / "Snakefile").read_bytes() == (ROOT / "Snakefile").read_bytes()
    profile = yaml.safe_load((mine / "profiles" / "default" / "profile.yaml").read_text())
    assert profile
    for file in (ROOT / "workflow_config").rglob("*.yaml"):
        assert (mine / file.relative_to(ROOT)).read_bytes() == file.read_bytes()
    assert (mine / "resources" / "demo" / "genome.fa.gz").is_file()


def test_a_wheel_has_its_tables(run):
    assert "DNASE" in run("tracks", "--tissue", "liver", "--assay", "DNASE")


@pytest.mark.slow
def test_from_a_wheel_one_command_scores_the_demo(run, unpacked, tmp_path):
    if not CI:
        take_compiled(unpacked)
    shown = run("demo")
    assert "Correlation of predicted and true effects" in shown
    folder = tmp_path / "varscore-demo"
    found = read_scores(folder / "scores.parquet")
    truth = pd.read_csv(folder / "truth.tsv", sep="\t")
    rows = found["status"] == "scored"
    names = [name for name in found if name.startswith("SAD_CHIP")]
    correlation = np.corrcoef(
        found.loc[rows, names].to_numpy().ravel(), truth.loc[rows, names].to_numpy().ravel()
    )
    assert correlation[0, 1] > 0.9
    assert (folder / "scores.summary.json").is_file()
