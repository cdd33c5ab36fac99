"""GPUs: sharing them out among processes, and float32 that is float32.

torch is imported when it is needed.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

_held: list[int] = []  # open for as long as the process lives, and with them their locks


def lease(names: Iterable[str], folder: Path | None = None) -> int | None:
    """Take the first of some things that no other process has taken.

    The lease ends with the process, however that ends.

    Parameters
    ----------
    names : iterable of str
        Alike in all processes; letters, digits and dashes.
    folder : Path, optional
        Where the locks lie; the machine's folder of temporary files if not given.

    Returns
    -------
    int or None
        The number of the name; None if all are taken.
    """
    folder = folder or Path(tempfile.gettempdir())
    for number, name in enumerate(names):
        path = folder / f"varscore-{os.getuid()}-{name}.lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        _held.append(lock)
        return number
    return None


def use_free_gpu() -> None:
    """Compute on a GPU that no other varscore process of this user computes on, if any.

    Where a scheduler gave this process one GPU, or there is one only, there is no choice.
    """
    import torch

    count = torch.cuda.device_count()
    if count > 1:
        names = (str(torch.cuda.get_device_properties(i).uuid) for i in range(count))
        free = lease(f"gpu-{name}" for name in names)
        torch.cuda.set_device(os.getpid() % count if free is None else free)


class full_float32:  # noqa: N801 - a context manager, named like contextlib's
    """Keep reduced arithmetic out of float32, where torch, or the host's settings, allow it.

    By default a GPU's convolutions round to TF32; on request its products do, and a CPU's
    round to bfloat16. The settings are the whole process's: the first of several uses that
    overlap changes them, and the last to end restores them.
    """

    _lock = threading.Lock()
    _inside = 0
    _before: list[tuple[Any, str, object]] = []  # noqa: RUF012 - the class's own

    def __enter__(self) -> None:
        with full_float32._lock:
            if not full_float32._inside:
                full_float32._before = _forbid_reduced()
            full_float32._inside += 1

    def __exit__(self, *error: object) -> None:
        with full_float32._lock:
            full_float32._inside -= 1
            if not full_float32._inside:
                for backend, name, value in reversed(full_float32._before):
                    setattr(backend, name, value)


def _forbid_reduced() -> list[tuple[Any, str, object]]:
    """Change the settings that must be; return them with what they were."""
    import torch

    every: Any = torch.backends
    matmul, cudnn, mkldnn = every.cuda.matmul, every.cudnn, every.mkldnn
    name, full, places = "allow_tf32", cast("object", False), [matmul, cudnn]
    if hasattr(matmul, "fp32_precision"):  # since torch 2.9; the two do not mix
        # A place without a value of its own has that of the one above it: in this order what
        # still differs is a place's own. Only so can all be restored, those without one too.
        name, full = "fp32_precision", "ieee"
        places = [every, cudnn, matmul, cudnn.conv, cudnn.rnn, mkldnn.matmul, mkldnn.conv]
    changed = []
    for place in places:
        value = getattr(place, name)
        if value != full:
            setattr(place, name, full)
            changed.append((place, name, value))
    return changed
