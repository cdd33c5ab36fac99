"""The C allocator's settings, so that large tensors do not go back to the system each time."""

from __future__ import annotations

import ctypes
import platform

# glibc's <malloc.h>
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE = 1 << 30


def keep_freed_memory() -> bool:
    """Let glibc keep and reuse the memory of large freed tensors.

    By default each is a mapping of its own, which the system clears page by page whenever
    it is made anew; and threads but the first have arenas of their own, which hold none that
    are large. Elsewhere than on glibc nothing is done.

    Returns
    -------
    bool
        Whether all settings were taken.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    options = {_M_MMAP_THRESHOLD: _LARGE, _M_TRIM_THRESHOLD: _LARGE, _M_ARENA_MAX: 1}
    return all(mallopt(option, value) for option, value in options.items())


def return_freed_memory() -> None:
    """Give the system what is free between two stretches of work, wherever it lies.

    Kept memory is full of holes after one stretch, and the next one's tensors fit into none.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
