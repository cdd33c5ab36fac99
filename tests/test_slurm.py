"""The workflow on a real Slurm cluster of one node, with the profile that users get."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from snakemake_runs import ROOT, arguments, jobs, prepare, processes, run, start

SCRIPT = Path(__file__).parent / "slurm.sh"
PROFILE = ROOT / "workflow_config" / "profiles" / "slurm"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster that runs while the tests of this module do."""
    missing = [name for name in ("munged", "slurmctld", "slurmd") if not shutil.which(name)]
    if missing:
        assert "CI" not in os.environ, f"{missing[0]} is not installed; see .ci/run"
        pytest.skip(f"{missing[0]} is not installed (Debian: apt-get install slurm-wlm)")
    if os.geteuid() != 0:
        pytest.skip("starting a Slurm cluster needs root")
    if Path("/etc/slurm/slurm.conf").exists():
        pytest.skip("this machine belongs to a Slurm cluster")
    folder = tmp_path_factory.mktemp("slurm")
    with open(folder / "start", "w") as said:  # no pipe, which the daemons would keep open
        code = subprocess.run([SCRIPT, "start", folder], stdout=said, stderr=said).returncode
    assert code == 0, (folder / "start").read_text()
    yield folder
    subprocess.run([SCRIPT, "stop", folder], check=True)


def wait_for(condition, process, seconds=120):
    """Return what a condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert process.poll() is None, "Snakemake has ended"
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.1)
    return result


def test_slurm_gives_the_same_bytes_though_jobs_are_cancelled_and_killed(cluster, tmp_path):
    here, there = prepare(tmp_path / "here"), prepare(tmp_path / "there")
    # The users' profile, but for how often squeue is asked, and memory of this small node.
    words = arguments(
        there, "--workflow-profile", PROFILE,
        "--slurm-init-seconds-before-status-checks", 1, "--seconds-between-status-checks", 1,
        memory_mb=1500,
    )  # fmt: skip
    with open(there / "said", "w") as said:
        process = start(said, *words)
    cancelled = wait_for(lambda: processes(there, "score"), process)[0]
    number = cancelled.environ()["SLURM_JOB_ID"]
    subprocess.run(["scancel", number], check=True)

    def another():
        found = processes(there, "score")
        return [p for p in found if p.environ()["SLURM_JOB_ID"] != number]

    wait_for(another, process)[0].send_signal(signal.SIGKILL)
    code, output = run(*arguments(here))
    assert code == 0, output
    process.wait(300)
    output = (there / "said").read_text()
    assert process.returncode == 0, output
    assert jobs(output)["score"] == 3 + 2  # three shards, two of them once more
    merged = Path("out", "scores.parquet")
    assert (there / merged).read_bytes() == (here / merged).read_bytes()
