"""Running the workflow as users do, from tests.

Where scores are not the matter, the policy file is scored in two passes, which starts quicker
on 40 variants; what has to give the same bytes scores the demo or a part of it, by the default
engine, as users' runs are made.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
from warm_python import warm

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).parent / "data"
BIN = Path(sys.executable).parent
_DEMO = ROOT / "resources" / "demo"
DEMO = {
    "vcf": _DEMO / "demo.vcf", "genome": _DEMO / "genome.fa.gz", "model": "demo",
    "engine": "auto",
}  # fmt: skip


def prepare(folder):
    """Lay the policy file's genome and a model into a folder, to run in."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("policy.fa", "weights_keras/model.h5", "weights_keras/params.json"):
        shutil.copy(DATA / name, folder)
    return folder


def few_of_the_demo(folder):
    """Write every sixth record of the demo; return the configuration of a run on them."""
    lines = DEMO["vcf"].read_text().splitlines(keepends=True)
    head = [line for line in lines if line[0] == "#"]
    vcf = folder / "few.vcf"
    vcf.write_text("".join(head + lines[len(head) :: 6]))
    return {**DEMO, "vcf": vcf}


def arguments(folder, *more, cores=2, **config):
    """Return Snakemake's arguments for the policy file, or what `config` says instead.

    A key whose value is None is left out.
    """
    config = {
        "vcf": DATA / "policy.vcf", "genome": "policy.fa", "model": "model.h5", "out": "out",
        "shards": 2, "device": "cpu", "engine": "two-pass",
        "report": False, **config,
    }  # fmt: skip
    settings = [f"{key}={value}" for key, value in config.items() if value is not None]
    return [
        "--snakefile", ROOT / "Snakefile", "--directory", folder, "--cores", cores, *more,
        "--config", *settings,
    ]  # fmt: skip


def environment():
    """Return an environment without the virtual environment's commands on the PATH."""
    kept = [part for part in os.environ["PATH"].split(":") if Path(part) != BIN]
    return {**os.environ, "PATH": ":".join(kept)}


def run(*words):
    """Run Snakemake to its end; return exit code and all it said."""
    return _run([BIN / "snakemake", *words])


def run_again(*words):
    """Run Snakemake to its end, as `run` does, and its jobs, in forks of a warm Python."""
    return _run([warm("snakemake"), *words])


def resume(*words, folder=None, programs=BIN):
    """Resume in a folder as the documentation says; return exit code and all that was said."""
    quoted = shlex.join(map(str, words))
    make = ["make", "--no-print-directory", "-f", ROOT / "Makefile", "resume"]
    return _run([*make, f"BIN={programs}", f"ARGS={quoted}"], folder)


def resume_again(*words, folder=None):
    """Resume as `resume` does, in forks of a warm Python."""
    return resume(*words, folder=folder, programs=warm("snakemake").parent)


def start(output, *words):
    """Start Snakemake; what it says goes to a file."""
    return subprocess.Popen(
        [str(word) for word in (BIN / "snakemake", *words)],
        stdout=output, stderr=subprocess.STDOUT, env=environment(),
    )  # fmt: skip


def _run(words, folder=None):
    done = subprocess.run(
        [str(word) for word in words], cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(),
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def processes(folder, command):
    """Return the running processes of a varscore command, or snakemake, in a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        here = process.info["cwd"] == str(folder)
        if here and len(words) > 2 and "python" in words[0] and command in words[1:4]:
            found.append(process)
    return found


def jobs(output):
    """Return how many jobs of each rule that works a run started, or a dry run lists."""
    rules = [line.split()[1].rstrip(":") for line in output.splitlines()
             if line.startswith(("rule ", "localrule "))]  # fmt: skip
    idle = {"all", "identify"}  # which do none of the work
    return {rule: rules.count(rule) for rule in sorted(set(rules) - idle)}
