"""GPUs are shared out by locks, and kept from TF32: neither needs a GPU to be tested."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from varscore.engines.gpu import lease
from varscore.models.precision import full_float32

OTHER = """
import sys
from pathlib import Path
from varscore.engines.gpu import lease
print(lease(["a", "b"], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def other(folder):
    """Start a process that leases, waits, and says what it got."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, folder],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return process, process.stdout.readline().strip()


def test_processes_get_different_ones_until_none_is_left(tmp_path):
    first, got_first = other(tmp_path)
    second, got_second = other(tmp_path)
    third, got_third = other(tmp_path)
    try:
        assert [got_first, got_second, got_third] == ["0", "1", "None"]
        assert lease(["a", "b"], tmp_path) is None
        first.kill()  # a lease ends with its process, a killed one too
        first.wait()
        assert lease(["a", "b"], tmp_path) == 0
        assert lease(["a", "b"], tmp_path) is None
    finally:
        for process in (first, second, third):
            process.kill()
            process.communicate()


def test_locks_are_the_users_own(tmp_path):
    assert lease(["c"], tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"varscore-{os.getuid()}-c.lock"]


NEW_API = hasattr(torch.backends, "fp32_precision")  # since torch 2.9


def places():
    """Where the new API has settings that the scores depend on."""
    backends = torch.backends
    return (
        backends,
        backends.cudnn,
        backends.cuda.matmul,
        backends.cudnn.conv,
        backends.mkldnn.matmul,
        backends.mkldnn.conv,
    )


def settings():
    """What a host can have set, by either of torch's two APIs."""
    found = [place.fp32_precision for place in places()] if NEW_API else []
    for legacy in (
        lambda: torch.backends.cuda.matmul.allow_tf32,
        lambda: torch.backends.cudnn.allow_tf32,
        torch.get_float32_matmul_precision,
    ):
        try:
            found.append(legacy())
        except RuntimeError:  # torch refuses to say where the new API was used
            found.append(None)
    return found


def full():
    """Whether nothing is reduced."""
    if NEW_API:
        return all(place.fp32_precision == "ieee" for place in places())
    return not (torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32)


HOSTS = {
    "default": "pass",
    "legacy": "backends.cuda.matmul.allow_tf32 = True; backends.cudnn.allow_tf32 = False",
    "precision": "torch.set_float32_matmul_precision('medium')",
    "all": "backends.fp32_precision = 'tf32'",
    "cudnn": "backends.cudnn.fp32_precision = 'tf32'",
    "conv": "backends.cudnn.conv.fp32_precision = 'tf32'",
    "cpu": "backends.mkldnn.matmul.fp32_precision = 'bf16'",
}
# A process of its own for each host, with settings as torch has them at first: they cannot all
# be set back. Forked, as importing torch takes seconds.
HOST_PROCESSES = """
import os, sys
sys.path.insert(0, {tests!r})
from test_gpu import HOSTS, full, settings
import torch
from torch import backends
from varscore.models.precision import full_float32

def use():
    one, other = full_float32(), full_float32()
    one.__enter__()
    other.__enter__()
    one.__exit__()
    assert full(), settings()
    other.__exit__()

def later():
    found = []
    for value in ("ieee", "tf32", "none"):  # what had no value of its own has none now
        backends.fp32_precision = value
        found.append(settings())
    return found

for name, host in HOSTS.items():
    for used in (False, True):
        child = os.fork()
        if not child:
            exec(host)
            before = settings()
            if used:
                use()
            assert settings() == before, (host, before, settings())
            print(name, before, later(), flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not NEW_API, reason="before torch 2.9 there was one API")
def test_full_float32_leaves_the_settings_that_it_found():
    code = HOST_PROCESSES.format(tests=str(Path(__file__).parent))
    # Python warns of forks where threads run; of these none is used.
    options = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    run = subprocess.run(
        [sys.executable, *options, "-c", code], check=False, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(HOSTS)
    assert lines[::2] == lines[1::2]


def test_full_float32_in_threads_that_overlap():
    """Each sees full float32 for as long as it is inside, whoever else has left."""
    found, before = [], settings()
    barrier = threading.Barrier(8)

    def use(number):
        barrier.wait(60)
        for _ in range(200):
            with full_float32():
                found.append(full())

    threads = [threading.Thread(target=use, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 8 * 200
    assert settings() == before
