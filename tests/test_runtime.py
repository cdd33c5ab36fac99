"""What belongs to the process: the command line sets it up, the library leaves it alone."""

import ctypes
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from varscore.engines import runtime
from varscore.engines.runtime import Workers, tune_process

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def in_new_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def counts():
    """CPU threads of this thread and of one that is new to torch."""
    return torch.get_num_threads(), in_new_thread(torch.get_num_threads)


def test_workers_keep_order_and_share_threads():
    barrier = threading.Barrier(2)  # passed only if both run at a time

    def work(number):
        if number < 2:
            barrier.wait(60)
        return number * number, torch.get_num_threads(), torch.is_inference_mode_enabled()

    with torch.inference_mode(), Workers(2).map(work, range(21)) as found:
        assert list(found) == [(n * n, 1 if n < 20 else 2, True) for n in range(21)]
        assert counts() == (2, 2)
    with Workers(2).map(torch.sqrt, [torch.tensor(4.0)]) as found:
        assert list(found) == [2.0]
    done = []
    Workers(2).run(done.append, range(7))
    assert sorted(done) == list(range(7))


def test_only_the_threads_that_share_work_count_differently():
    with Workers(2).map(lambda _: torch.get_num_threads(), range(4)) as found:
        assert next(found) == 1
        assert counts() == (1, 2)
        assert list(found) == [1] * 3
        assert counts() == (2, 2)


@pytest.mark.parametrize("taken", [0, 1, 21])
def test_threads_are_restored_when_results_are_abandoned(taken):
    def abandon():
        with Workers(2).map(abs, range(21)) as found:
            for _ in range(taken):
                next(found)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        abandon()
    assert counts() == (2, 2)


def test_two_engines_at_once_leave_each_its_threads():
    """The first to begin ends last, and the other way round."""
    barrier = threading.Barrier(2)
    found = {}

    def engine(name, begins_first, ends_first):
        if not begins_first:
            barrier.wait(60)
        with Workers(2).map(lambda _: torch.get_num_threads(), range(4)) as results:
            if begins_first:
                barrier.wait(60)
            inside = list(results)
            if not ends_first:
                barrier.wait(60)
        if ends_first:
            barrier.wait(60)
        found[name] = inside, torch.get_num_threads()

    for ends_first in (True, False):
        threads = [
            threading.Thread(target=engine, args=("first", True, ends_first)),
            threading.Thread(target=engine, args=("second", False, not ends_first)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {"first": ([1] * 4, 2), "second": ([1] * 4, 2)}
        assert counts() == (2, 2)


def test_an_error_in_a_worker_is_raised_and_ends_the_work():
    begun = []

    def work(number):
        begun.append(number)
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        Workers(2).run(work, range(10_000))
    assert len(begun) < 10_000
    assert counts() == (2, 2)


def test_the_command_line_tunes_its_process(monkeypatch):
    calls = []

    class Glibc:
        @staticmethod
        def mallopt(option, value):
            calls.append((option, value))

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Glibc)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    tune_process(3)
    assert torch.get_num_threads() == 3
    # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_ARENA_MAX of malloc.h
    assert calls == [(-3, 1 << 30), (-1, 1 << 30), (-8, 1)]
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    tune_process()
    assert torch.get_num_threads() == 3
    assert len(calls) == 3


NOTEBOOK = """
import ctypes, json, os, sys
import pysam, torch

class Libc:  # glibc cannot be asked what mallopt has set: see whether it is called
    def __init__(self, *_):
        self._libc = real(None)
    def __getattr__(self, name):
        assert name != "mallopt", "the library tuned the allocator"
        return getattr(self._libc, name)

real = ctypes.CDLL
ctypes.CDLL = lambda name, *a, **k: Libc() if name is None else real(name, *a, **k)

def state():
    umask = os.umask(0)
    os.umask(umask)
    backends = torch.backends
    return {
        "threads": torch.get_num_threads(),
        "tf32": [backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32],
        "matmul": torch.get_float32_matmul_precision(),
        "umask": umask,
        "htslib": pysam.get_verbosity(),
        "grad": torch.is_grad_enabled(),
        "dtype": str(torch.get_default_dtype()),
        "signals": str([signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]),
    }

import signal
os.umask(0o027)
torch.set_num_threads(2)
torch.set_float32_matmul_precision("high")
pysam.set_verbosity(2)
before = state()

import varscore
vcf, genome, out, model = sys.argv[1:]
loaded = varscore.load_model(model, device="cpu")
for engine in ("auto", "two-pass"):
    varscore.score_vcf(vcf, genome, out, model=loaded, engine=engine, force=True)
    loaded.predict(["ACGT" * (loaded.config.window_length // 4)])
    varscore.read_scores(out)
    after = state()
    assert after == before, (engine, before, after)
"""


def test_a_notebook_finds_its_process_as_it_was(tmp_path):
    genome = tmp_path / "genome.fa"
    genome.write_bytes((DATA / "oracle" / "genome.fa").read_bytes())
    files = [DATA / "oracle" / "variants.vcf", genome, tmp_path / "out.parquet"]
    files.append(DATA / "weights_keras" / "model.h5")
    command = [sys.executable, "-W", "error", "-c", NOTEBOOK, *map(str, files)]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_freed_memory_is_returned_whatever_the_system():
    runtime.return_freed_memory()


def test_long_items_end_after_an_exception_elsewhere():
    workers = Workers(2)
    both = threading.Barrier(2)
    ended = []

    def work(item):
        both.wait(60)
        if item == 0:
            raise ArithmeticError
        try:
            while True:
                workers.go_on()
        finally:
            ended.append(item)

    with pytest.raises(ArithmeticError):
        workers.run(work, range(2))
    assert ended == [1]
