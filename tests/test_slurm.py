"""The workflow on a real Slurm cluster of one node, with the profile that users get."""

import os
import re
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from needs import lacking
from snakemake_runs import DEMO, ROOT, arguments, prepare, processes, resume, run, start

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.xdist_group("slurm")]
SCRIPT = Path(__file__).parent / "slurm.sh"
PROFILES = ROOT / "workflow_config" / "profiles"
MERGED = Path("out", "scores.parquet")
BLOCKS = 20  # rows of a gVCF that stand for no variant, after each that does


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
def files(tmp_path_factory):
    """The configuration of a run on the demo as a gVCF: of so many rows a shard has parts."""
    folder = tmp_path_factory.mktemp("files") / "Müller's files"
    folder.mkdir()
    for suffix in ("", ".fai", ".gzi"):
        shutil.copy(f"{DEMO['genome']}{suffix}", folder / f"the genome.fa.gz{suffix}")
    lines = []
    for line in DEMO["vcf"].read_text().splitlines(keepends=True):
        lines.append(line)
        if line[0] != "#":
            chrom, pos, _, ref = line.split("\t")[:4]
            lines += [f"{chrom}\t{pos}\t.\t{ref[0]}\t<NON_REF>\t.\t.\t.\n"] * BLOCKS
    (folder / "my variants.vcf").write_text("".join(lines))
    vcf, genome = folder / "my variants.vcf", folder / "the genome.fa.gz"
    return {**DEMO, "vcf": vcf, "genome": genome, "shards": 3}


@pytest.fixture(scope="module")
def undisturbed(files, tmp_path_factory):
    """The scores by the default engine, of a run without Slurm."""
    folder = tmp_path_factory.mktemp("undisturbed")
    code, output = run(*arguments(folder, **files))
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


def submitted(output):
    return re.findall(r"submitted with SLURM jobid (\d+)", output)


def slurm_says(name, job):
    """Return a field of what Slurm knows of a job."""
    said = subprocess.check_output(["scontrol", "show", "job", job], text=True)
    return re.search(rf"\b{name}=(\S+)", said)[1]


def scontrol(*words):
    subprocess.run(["scontrol", *words], check=True)


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


def test_whatever_ends_a_job_it_runs_again_and_gives_the_same_bytes(
    cluster, files, undisturbed, tmp_path
):
    """One is over its time, one over its memory, one is cancelled and its next try requeued."""
    folder, said = tmp_path / "Müller's run", tmp_path / "said"
    folder.mkdir()
    with open(said, "w") as file:
        process = start(file, *on_slurm(folder, **files, out="the scores"))
    held = {}

    def waiting():
        """Return the job that waits while two are started, in a list."""
        jobs = submitted(said.read_text())
        found = [job for job in jobs if slurm_says("JobState", job) == "PENDING"]
        return found if (len(jobs), len(found)) == (3, 1) else None

    def hold():
        """Stop the two as soon as they score, lest one ends before its trouble comes."""
        for job, process in scoring(folder).items():
            if job not in (hungry, *held):
                process.suspend()
                held[job] = process
        return len(held) == 2

    def next_try(job):
        """Return the other jobs that score the shard of one."""
        return [
            other for other in scoring(folder)
            if other != job and slurm_says("Comment", other) == slurm_says("Comment", job)
        ]  # fmt: skip

    # The third waits for one of the node's two cores. Meanwhile it is told to do with less
    # memory than it takes to score: it gets as far as that, and is killed.
    [hungry] = wait_for(waiting, process)
    scontrol("update", f"JobId={hungry}", "MinMemoryNode=300")
    wait_for(hold, process)
    late, cancelled = held
    subprocess.run(["scancel", cancelled], check=True)

    shards = folder / "the scores" / "shards"
    held[late].resume()
    wait_for(lambda: list(shards.glob(".*.parts/scores/*.parquet")), process)
    held[late].suspend()
    assert not list(shards.glob("*.parquet"))
    scontrol("update", f"JobId={late}", "EndTime=now+1")

    [requeued] = wait_for(lambda: next_try(cancelled), process)
    scontrol("requeue", requeued)
    process.wait(900)
    output = said.read_text()
    assert process.returncode == 0, output
    assert (folder / "the scores" / "scores.parquet").read_bytes() == undisturbed

    tries = {}
    for job in submitted(output):
        tries.setdefault(slurm_says("Comment", job), []).append(job)
    assert {
        jobs[0]: [slurm_says("JobState", job) for job in jobs] for jobs in tries.values()
    } == {
        late: ["TIMEOUT", "COMPLETED"],
        hungry: ["FAILED", "COMPLETED"],
        cancelled: ["CANCELLED", "COMPLETED"],
    }
    assert slurm_says("Restarts", requeued) == "1"
    assert {slurm_says("MinMemoryNode", again) for _, again in tries.values()} == {"3000M"}
    assert f"'{late}' failed, SLURM status is: 'TIMEOUT'" in output
    assert f"StepId={hungry}.0 exceeded memory limit" in (cluster / "slurmd.log").read_text()
    # What was scored before the time was over is not scored again.
    name = slurm_says("Comment", late)[-4:]
    log = (folder / "the scores" / "logs" / f"score_{name}.log").read_text()
    assert re.search(rf"{name}\.parquet: \d,\d+ of \d,\d+ variants were scored before", log)


def test_a_crash_of_the_node_and_one_of_snakemake_give_the_same_bytes(
    cluster, files, undisturbed, tmp_path
):
    with open(tmp_path / "said", "w") as said:
        process = start(said, *on_slurm(tmp_path, **files))
    wait_for(lambda: processes(tmp_path, "score"), process)
    crash_node(cluster)
    wait_for(lambda: "down" in node_state(), process)
    subprocess.run([SCRIPT, "node", cluster], check=True)
    wait_for(lambda: processes(tmp_path, "score"), process)
    process.kill()
    process.wait()
    code, output = resume(*on_slurm(tmp_path, **files))
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
    numbers = submitted(output)
    assert len(numbers) == 2
    for number in numbers:
        job = subprocess.check_output(["scontrol", "show", "job", number], text=True)
        assert re.search(r"TresPerJob=gres:gpu:1\n", job), job
        assert re.search(r"NumCPUs=1 ", job), job
