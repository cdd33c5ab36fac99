"""What belongs to the process: its allocator, and threads that share the work."""

from __future__ import annotations

import ctypes
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TypeVar

import torch

# glibc's <malloc.h>
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE = 1 << 30


def tune_process(threads: int | None = None) -> None:
    """Set up a process whose work is scoring; for the command line, not for libraries.

    glibc is let keep and reuse the memory of large freed tensors. By default each is a mapping
    of its own, which the system clears page by page whenever it is made anew; and threads but
    the first have arenas of their own, which hold none that are large. Without this, scores
    are the same and take a little longer.

    Parameters
    ----------
    threads : int, optional
        CPU threads that torch may use; as many as there are cores if not given.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            mallopt(option, _LARGE)
        mallopt(_M_ARENA_MAX, 1)


def return_freed_memory() -> None:
    """Give the system what is free between two stretches of work, wherever it lies.

    Kept memory is full of holes after one stretch, and the next one's tensors fit into none.
    Nothing is set by this.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


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
        self._given_up = threading.Event()

    def go_on(self) -> None:
        """Return if the work is still wanted; for a worker, between pieces of a long item.

        Raises
        ------
        CancelledError
            If an exception, which is raised where results are taken, has ended all of it.
        """
        if self._given_up.is_set():
            raise CancelledError

    @contextmanager
    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[Iterator[R]]:
        """Give an iterator over what a function makes of each item, in the items' order.

        One that would be left alone, while the other workers wait, is left to torch's own
        threads. After an exception, which is raised where the results are taken, and when the
        context is left, no further item is begun, and what was begun is waited for.

        Parameters
        ----------
        function : callable
            Run in inference mode where several work.
        items : sequence
        """
        shared = len(items) - (len(items) % self.count == 1)
        if shared == 0 or self.count == 1:
            yield map(function, items)
            return
        with ExitStack() as stack:
            pool = stack.enter_context(_pool(self.count))
            results = pool.map(torch.inference_mode()(function), items[:shared])

            def every() -> Iterator[R]:
                yield from results
                stack.close()
                yield from map(function, items[shared:])

            try:
                yield every()
            except BaseException:
                self._given_up.set()
                raise

    def run(self, function: Callable[[T], object], items: Sequence[T]) -> None:
        """Apply a function to each item.

        Parameters
        ----------
        function, items
            As for `map`.
        """
        with self.map(function, items) as results:
            for _ in results:
                pass


@contextmanager
def _pool(count: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads that share this thread's CPU threads with it."""
    own = torch.get_num_threads()
    each = max(1, own // count)

    def take_share() -> None:
        torch.get_num_threads()  # torch gives a thread the default when it first counts
        torch.set_num_threads(each)

    with ThreadPoolExecutor(count) as pool:
        try:
            with _default_kept():
                take_share()  # what this thread does with results is in the others' way
                _in_every_thread(pool, count, take_share)
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
            with _default_kept():
                torch.set_num_threads(own)


_DEFAULT = threading.Lock()


@contextmanager
def _default_kept() -> Iterator[None]:
    """Restore how many CPU threads torch gives to a thread that is new to it.

    `torch.set_num_threads` changes that beside the number of the thread that calls it.
    """
    with _DEFAULT:
        default = _in_new_thread(torch.get_num_threads)
        try:
            yield
        finally:
            _in_new_thread(partial(torch.set_num_threads, default))


def _in_new_thread(function: Callable[[], R]) -> R:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()


def _in_every_thread(
    pool: ThreadPoolExecutor, count: int, function: Callable[[], object]
) -> None:
    """Call a function once in each thread of a pool that has done nothing yet."""
    met = threading.Barrier(count)

    def begin() -> None:
        function()
        met.wait()  # a thread that waits is given nothing else, so that others are started

    try:
        for begun in [pool.submit(begin) for _ in range(count)]:
            begun.result()
    finally:
        met.abort()
