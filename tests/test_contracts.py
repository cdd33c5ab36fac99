"""Every import contract of pyproject.toml is kept, and broken by an import that it forbids."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from needs import lacking

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = [contract["name"] for contract in SETTINGS["contracts"]]
# By the start of a contract's name: a module, and an import that the contract forbids there.
PLANTED = {
    "Imports go downwards only": ("errors", "varscore.variant"),
    "Within engines": ("engines.runtime", "varscore.engines.auto"),
    "Within the incremental engine": (
        "engines.incremental.stretch",
        "varscore.engines.incremental.engine",
    ),
    # Through another module, which imports torch.
    "The schedule": ("engines.incremental.schedule.budget", "varscore.models.encoding"),
    "Kernels are numbers": ("engines.incremental.kernels.stored", "varscore.windows"),
    "Only inputs know pysam": ("scoring", "pysam"),
    "Within haplotypes": ("haplotypes.changes", "varscore.haplotypes.window"),
    "Only haplotypes know cyvcf2": ("haplotypes.write", "cyvcf2"),
    "Only results": ("scoring", "pandas"),
    "Only the fused kernels know numba": ("statistics", "numba"),
    "Only models read weights": ("scoring", "h5py"),
    "What is refused at once": ("options", "numpy"),
    "Pictures are made": ("pictures.__init__", "torch"),
    "Only pictures know": ("scoring", "matplotlib"),
    "One module of results knows bigWig": ("results.bins", "pyBigWig"),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Return a function that says which contracts a copy of the package breaks."""
    if not LINT_IMPORTS.exists():
        lacking("import-linter is not installed (pip install -e '.[lint]')")
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(
        ROOT / "varscore", folder / "varscore", ignore=shutil.ignore_patterns("__pycache__")
    )
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "500"}

    def run(module=None, imported=None):
        if module is None:
            return names()
        path = folder / "varscore" / (module.replace(".", "/") + ".py")
        before = path.read_text()
        path.write_text(f"{before}\nimport {imported}\n")
        try:
            return names()
        finally:
            path.write_text(before)

    def names():
        done = subprocess.run(
            [LINT_IMPORTS], cwd=folder, env=environment, capture_output=True, text=True
        )
        found = re.findall(r"^(.*) (KEPT|BROKEN)$", done.stdout, re.MULTILINE)
        assert [name for name, _ in found] == CONTRACTS, done.stdout + done.stderr
        assert (done.returncode != 0) == any(verdict == "BROKEN" for _, verdict in found)
        return [name for name, verdict in found if verdict == "BROKEN"]

    return run


def test_every_contract_is_kept(broken):
    assert broken() == []


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_contract_is_broken_by_what_it_forbids(broken, contract):
    (planted,) = (planted for start, planted in PLANTED.items() if contract.startswith(start))
    assert contract in broken(*planted)
