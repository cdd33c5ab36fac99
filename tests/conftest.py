"""What several test modules share."""

import functools
import gc
import os
import subprocess
from pathlib import Path

# One thread for each process of the suite and those that it starts, unless a test says
# otherwise: tensors are small, and two workers on two cores would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported

import hypothesis
import pysam
import pytest
import torch
import typer.main
import warm_python
from needs import lacking
from writers import write_weights

from varscore import load_model, score
from varscore.cli import main
from varscore.engines.runtime import tune_process

tune_process()  # as the command line does: large tensors are not cleared page by page
# The command line makes its commands anew each time it is called, in a tenth of a second: in a
# process of its own once, so here, where hundreds are called in one process, once too.
typer.main.get_command = functools.cache(typer.main.get_command)
gc.freeze()  # what was imported is no garbage: no collection looks through it

DATA = Path(__file__).parent / "data"

# A busy machine is no error.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")


def pytest_sessionstart(session):
    """Do what each worker of pytest-xdist would: compile the kernels into their cache."""
    option = session.config.option
    if getattr(option, "numprocesses", None) and not hasattr(session.config, "workerinput"):
        os.environ[warm_python.VARIABLE] = str(warm_python.folder_of_programs())
        demo = Path(__file__).parents[1] / "resources" / "demo"
        score(["chrA:4829:T:G"], demo / "genome.fa.gz", model="demo")


def pytest_collection_modifyitems(items):
    """Begin with groups, whose tests run one after the other, as they would end last."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


@pytest.fixture(autouse=True)
def one_thread():
    """Begin each test on one thread: what ran before in this process may have left more."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_model():
    """The small Basenji2 of the oracle: 16,384 bp windows, 96 bins, 12 tracks."""
    return load_model(DATA / "weights_keras" / "model.h5", device="cpu")


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """Those of `tiny_model`."""
    return write_weights(tmp_path_factory.mktemp("tiny") / "tiny.safetensors", 4096)


@pytest.fixture(scope="session")
def tiny_model(tiny_weights):
    """The quickest to score with: random weights, 4,096 bp windows, two tracks."""
    return load_model(tiny_weights, device="cpu")


@pytest.fixture
def policy_genome(tmp_path):
    """The policy file's genome, where an index may be written beside it."""
    path = tmp_path / "policy.fa"
    path.write_bytes((DATA / "policy.fa").read_bytes())
    return path


@pytest.fixture
def oracle_genome(tmp_path):
    """40 kb of human DNA without N (`inside`) and a contig's start (`left`)."""
    path = tmp_path / "genome.fa"
    path.write_bytes((DATA / "oracle" / "genome.fa").read_bytes())
    return path


@pytest.fixture
def varscore(monkeypatch, capfd):
    """Return a function that runs a command line and gives exit code, stdout and stderr.

    What libraries in C write to the terminal is part of both.
    """
    # Two settings that a command line makes for its whole process.
    verbosity, threads = pysam.get_verbosity(), torch.get_num_threads()

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["varscore", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capfd.readouterr()
        return exit_.value.code or 0, captured.out, captured.err

    yield run
    pysam.set_verbosity(verbosity)
    torch.set_num_threads(threads)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own; a function sets its size in KiB."""
    if os.geteuid() != 0:
        lacking("mounting a file system of its own needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        lacking("a tmpfs cannot be mounted here")

    def resize(kib):
        option = f"remount,size={kib}k"
        subprocess.run(["mount", "-o", option, str(disk)], check=True)
        return disk

    yield resize
    gc.collect()  # an error's traceback may hold what it was raised in, with its open files
    subprocess.run(["umount", str(disk)], check=True)
