"""The workflow on a real Slurm cluster of one node, with the profile that users get."""

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from needs import lacking
from snakemake_runs import DEMO as WHOLE_DEMO
from snakemake_runs import ROOT, arguments, jobs, prepare, processes, resume, run, start

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.xdist_group("slurm")]
SCRIPT = Path(__file__).parent / "slurm.sh"
PROFILES = ROOT / "workflow_config" / "profiles"
MERGED = Path("out", "scores.parquet")
DEMO = {**WHOLE_DEMO, "shards": 3}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster that runs while the tests of this module do."""
    missing = [name for name in ("munged", "slurmctld", "slurmd") if not shutil.which(name)]
    if missing:
        lacking(f"{missing[0]} is not installed (Debian: apt-get install slurm-wlm)")
    if os.geteuid() != 0:
        lacking("starting a Slurm cluster needs root")
    conf = Path("/etc/slurm/slurm.conf")
    if conf.exists() and not conf.is_symlink():  # a link is of a run that was killed
        lacking("this machine belongs to a Slurm cluster")
    folder = tmp_path_factory.mktemp("slurm")
    with open(folder / "start", "w") as said:  # no pipe, which the daemons would keep open
        code = subprocess.run([SCRIPT, "start", folder], stdout=said, stderr=said).returncode
    assert code == 0, (folder / "start").read_text()
    yield folder
    subprocess.run([SCRIPT, "stop", folder], check=True)


def wait_for(condition, process, seconds=600):
    """Return what a condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert process.poll() is None, "Snakemake has ended"
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.1)
    return result


@pytest.fixture(scope="module")
def undisturbed(cluster, tmp_path_factory):
    """The demo's scores by the default engine, of a run without Slurm."""
    folder = tmp_path_factory.mktemp("undisturbed")
    code, output = run(*arguments(folder, **DEMO))
    assert code == 0, output
    return (folder / MERGED).read_bytes()


def on_slurm(folder, *more, profile="slurm", **config):
    """Return arguments of a run with a profile that users get.

    They differ in how often squeue is asked, and in the memory of this small node.
    """
    return arguments(
        folder, "--workflow-profile", PROFILES / profile,
        "--slurm-init-seconds-before-status-checks", 1, "--seconds-between-status-checks", 1,
        *more, **config, memory_mb=1500,
    )  # fmt: skip


def scoring(folder):
    """Return the processes that score in a folder, by the Slurm job of each."""
    found = {}
    for process in processes(folder, "score"):
        with suppress(psutil.Error, KeyError):  # it may end, or have only begun
            found[process.environ()["SLURM_JOB_ID"]] = process
    return found


def node_state():
    return subprocess.check_output(["sinfo", "--noheader", "--format=%t"], text=True)


def crash_node(cluster):
    """Kill -9 the node's daemon and all that runs on the node, each job with its own daemon."""
    daemons = [psutil.Process(int((cluster / "slurmd.pid").read_text()))]
    daemons += [p for p in psutil.process_iter() if p.name() == "slurmstepd"]
    running = [child for daemon in daemons for child in daemon.children(recursive=True)]
    for process in [*daemons, *running]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_jobs_that_are_cancelled_or_killed_run_again_and_give_the_same_bytes(
    cluster, undisturbed, tmp_path
):
    with open(tmp_path / "said", "w") as said:
        process = start(said, *on_slurm(tmp_path, **DEMO))
    cancelled = next(iter(wait_for(lambda: scoring(tmp_path), process)))
    subprocess.run(["scancel", cancelled], check=True)

    def others():
        return [found for job, found in scoring(tmp_path).items() if job != cancelled]

    wait_for(others, process)[0].send_signal(signal.SIGKILL)
    process.wait(900)
    output = (tmp_path / "said").read_text()
    assert process.returncode == 0, output
    assert jobs(output)["score"] == 3 + 2  # three shards, two of them once more
    assert (tmp_path / MERGED).read_bytes() == undisturbed


def test_a_crash_of_the_node_and_one_of_snakemake_give_the_same_bytes(
    cluster, undisturbed, tmp_path
):
    with open(tmp_path / "said", "w") as said:
        process = start(said, *on_slurm(tmp_path, **DEMO))
    wait_for(lambda: processes(tmp_path, "score"), process)
    crash_node(cluster)
    wait_for(lambda: "down" in node_state(), process)
    subprocess.run([SCRIPT, "node", cluster], check=True)
    wait_for(lambda: processes(tmp_path, "score"), process)
    process.kill()
    process.wait()
    code, output = resume(*on_slurm(tmp_path, **DEMO))
    assert code == 0, output
    assert (tmp_path / MERGED).read_bytes() == undisturbed


def test_a_group_of_shards_asks_for_one_gpu(cluster, tmp_path):
    """A GPU for each of its shards might be more than there are, and pend for ever."""
    folder = prepare(tmp_path)
    words = on_slurm(
        folder, "--group-components", "shards=3",
        "--set-resources", "score:gpu=1", "score:device=cpu",  # the node's GPUs are none
        profile="slurm-gpu", shards=6,
    )  # fmt: skip
    code, output = run(*words)
    assert code == 0, output
    numbers = re.findall(r"submitted with SLURM jobid (\d+)", output)
    assert len(numbers) == 2
    for number in numbers:
        job = subprocess.check_output(["scontrol", "show", "job", number], text=True)
        assert re.search(r"TresPerJob=gres:gpu:1\n", job), job
        assert re.search(r"NumCPUs=1 ", job), job
