"""Mutated files of every kind: each ends with a right result, or a line that says why not.

An ordinary run reads the corpus, and the same few thousand inputs each time. With
`FUZZ_SECONDS` set each target takes so long, from a seed of `FUZZ_SEED` or the clock's;
`make fuzz` does that. What is found is written to `FUZZ_FINDINGS`, from where it belongs into
`corpus/<target>/`, with a mending.
"""

import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from fuzz.targets import TARGETS
from fuzz.worker import keep

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
LONGEST = 60  # seconds for one input, of a machine that others use, too
TESTS = Path(__file__).parents[1]
GROUPS = (
    (
        "vcf",
        "table",
        "bgzip",
        "bcf",
        "bed",
        "gtf",
        "contigs",
        "haplotypes",
        "fasta",
        "fai",
        "fai-bgzip",
        "gzi",
        "options",
    ),
    (
        "native",
        "hub-config",
        "hub-weights",
        "params",
        "tracks",
        "selection",
        "plan",
        "shard",
        "parquet",
        "end-to-end",
        "keras",
    ),
)


def test_every_target_is_run():
    assert sorted(name for group in GROUPS for name in group) == sorted(TARGETS)
    corpus = {path.name for path in (TESTS / "fuzz" / "corpus").iterdir()}
    assert corpus <= set(TARGETS)


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_whatever_a_file_has_it_ends_well(tmp_path, names):
    seed = int(os.environ.get("FUZZ_SEED", str(int(time.time()) if SECONDS else 1)))
    findings, left, turn = [], list(names), 0
    while left:
        folder = tmp_path / str(turn)
        folder.mkdir()
        last, found = run(folder, seed + turn, left)
        findings += found
        # A process that was ended goes on with the target behind; in a long run, once more.
        left = left[left.index(last) + (0 if SECONDS and turn < 20 else 1) :] if last else []
        turn += 1
    assert not findings, "\n\n".join(findings)


def run(folder, seed, names):
    """Run a worker; return the target that ended it, if any, and what it found."""
    command = [sys.executable, "-m", "fuzz.worker", folder, str(seed), str(SECONDS), *names]
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    with open(folder / "stderr", "w") as stderr:
        worker = subprocess.Popen(
            [str(word) for word in command],
            cwd=TESTS,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
    lines = queue.Queue()
    reader = threading.Thread(target=pass_on, args=(worker.stdout, lines))
    reader.start()
    found, current, ended = [], "", True
    try:
        while line := next_line(lines, psutil.Process(worker.pid)):
            if line.startswith("FINDING"):
                said = line[8:].encode().decode("unicode_escape")
                found.append(f"{current}: {said}")
            else:
                current = line.strip()
    except TimeoutError:
        worker.kill()
        ended = False
    code = worker.wait()
    reader.join()
    worker.stdout.close()
    if code == 0:
        return None, found
    said = f"ended with code {code}\n" + (folder / "stderr").read_text()[-2000:]
    if (folder / "input").exists():
        keep((folder / "input").read_bytes(), *(current.split() or ["none", "none"]))
    found.append(f"{current}: {said if ended else 'does not end'}")
    return (current.split() or [None])[0], found


def next_line(lines, worker):
    """Wait for a line as long as what it is about may take: of the worker's own time.

    How long that is by the clock, only other processes decide, unless it computes nothing.
    """
    first = last = computed(worker)
    idle = 0
    while last - first < LONGEST and idle < LONGEST:
        try:
            return lines.get(timeout=1)
        except queue.Empty:
            now = computed(worker)
            idle, last = idle + 1 if now == last else 0, now
    raise TimeoutError


def computed(process):
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def pass_on(stream, lines):
    """Put the lines of a stream into a queue, and an empty one at its end."""
    for line in stream:
        lines.put(line)
    lines.put("")
