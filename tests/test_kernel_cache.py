"""numba's cache, damaged by hand: a run goes on without it, and says so in one line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Three kernels, called as the engine does; a process of its own, as damaged code ends it.
RUN = """
import logging
import numpy as np
logging.basicConfig(format="varscore: %(message)s")
from varscore.engines.incremental.kernels import fused
x, out = np.linspace(-3, 3, 8, dtype="f4").reshape(2, 4), np.empty((2, 2, 4), "f4")
linear, cubic = np.float32(1.702), np.float32(0)
fused.activation(x.ravel(), linear, cubic, out[0].ravel())
fused.gate_and_activate(x, linear, cubic, out[0], out[1])
print(out.sum())
fused.combine(x, np.array([[0, 1]]), np.ones((1, 2), "f4"), out[:1, :1])
print(out[0, 0].sum())
"""


def run(cache):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def kept(cache, suffix):
    files = sorted(Path(cache).rglob(f"*{suffix}"))
    assert len(files) == 3
    return files


def cut(content):
    return content[: len(content) // 2]


def spoil(content):
    """Change machine code, which is in the middle."""
    half = len(content) // 2
    return content[:half] + bytes(64) + content[half + 64 :]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A cache that a run has filled, and what the run printed."""
    folder = tmp_path_factory.mktemp("compiled")
    out, err = run(folder)
    assert err == ""
    return folder, out


@pytest.fixture
def cache(compiled, tmp_path):
    """A copy of it, to be damaged, and what runs print."""
    folder, out = compiled
    return shutil.copytree(folder, tmp_path / "cache"), out


@pytest.mark.xdist_group("kernel_cache")
def test_a_damaged_cache_is_done_without_and_mended(cache):
    cache, expected = cache
    for suffix in (".nbc", ".nbi"):
        for path, damage in zip(kept(cache, suffix), (cut, spoil, lambda _: b""), strict=True):
            path.write_bytes(damage(path.read_bytes()))
        out, err = run(cache)
        assert out == expected
        assert err.count("\n") == 1
        assert err.startswith(f"varscore: compiled kernels: the cache in {cache}")
        assert err.endswith("they are compiled in memory, which takes some seconds\n")
    assert run(cache) == (expected, "")


@pytest.mark.xdist_group("kernel_cache")
def test_what_cannot_be_read_or_replaced_is_done_without(cache):
    """Folders in the files' places: no right to read would not keep root out."""
    cache, expected = cache
    for path in (*kept(cache, ".nbc"), kept(cache, ".nbi")[0]):
        path.unlink()
        path.mkdir()
    out, err = run(cache)
    assert (out, err.count("\n")) == (expected, 1)


@pytest.mark.xdist_group("kernel_cache")
def test_a_full_disk_below_it_is_done_without(small_disk):
    disk = small_disk(16)
    out, err = run(disk)
    assert out
    assert err.count("\n") == 1
    assert "No space left on device" in err
    assert not list(disk.rglob("*.tmp.*"))
