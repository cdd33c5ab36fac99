"""Sharing out the GPUs of a machine among processes that run side by side."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

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
