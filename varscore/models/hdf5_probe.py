"""Whether an HDF5 file can be read at all, found out by a process of its own.

The library for HDF5 trusts its files: one that is damaged may keep it busy for ever, which no
signal ends, or end the process. So a file is read from end to end by a process that may hang
or die, before this one opens it. That takes a quarter of a second, and the time to read it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from varscore.files.digest import sha256

_SECONDS = 5  # of the processor's time, in which a disk may be as slow as it likes
_BYTES_A_SECOND = 50_000_000

# What it does: all groups, attributes and tensors; of tensors that are said to be larger than
# any model's their shape alone, which is looked at before they are read.
_READ = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 34, 1 << 34))
    resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2]) + 1))
except (ImportError, ValueError, OSError):
    pass
import h5py
def look(name, item):
    dict(item.attrs)
    if isinstance(item, h5py.Dataset) and item.nbytes <= 1 << 32:
        item[()]
try:
    with h5py.File(sys.argv[1], "r") as file:
        look("", file)
        file.visititems(look)
except Exception as error:
    print(" ".join(str(error).split()))
    sys.exit(3)
"""

_sound: set[str] = set()  # digests of the files that this process has seen read


def unreadable(path: Path) -> str | None:
    """Say why an HDF5 file cannot be read; None if it can.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str or None
    """
    digest = sha256(path)
    if digest in _sound:
        return None
    limit = _SECONDS + path.stat().st_size // _BYTES_A_SECOND
    command = [sys.executable, "-c", _READ, str(path), str(limit)]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode == -signal.SIGXCPU:
        return f"reading it does not end within {limit} s"
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip()
        return said or f"reading it ends a process with code {done.returncode}"
    _sound.add(digest)
    return None
