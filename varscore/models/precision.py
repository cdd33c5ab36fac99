"""float32 that is float32, whatever torch or the host process allow in its place."""

from __future__ import annotations

import threading
from typing import Any, cast

import torch


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
