"""What belongs to the process: its allocator, TF32, and threads that share the work."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

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


@contextmanager
def full_float32() -> Iterator[None]:
    """Keep TF32, which torch allows in GPU convolutions by default, out of float32."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """Threads with work of their own, which share the CPU threads that torch may use.

    The threads of one operation wait for each other at its end, thousands of times for each
    variant, and for longer where other programs run; these do not.

    Parameters
    ----------
    count : int
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield what a function makes of each item, in the items' order.

        One that would be left alone, while the other workers wait, is left to torch's own
        threads. After an exception, which is raised here, no further item is begun.
        """
        shared = len(items) - (len(items) % self.count == 1)
        if shared and self.count > 1:
            yield from self._share(function, items[:shared])
        else:
            shared = 0
        yield from map(function, items[shared:])

    def _share(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        threads = torch.get_num_threads()
        each = max(1, threads // self.count)
        pool = ThreadPoolExecutor(
            self.count,
            initializer=torch.set_num_threads,  # of that thread alone, and of new ones
            initargs=(each,),
        )
        try:
            torch.set_num_threads(each)  # what this thread does with results is in their way
            yield from pool.map(torch.inference_mode()(function), items)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)
