"""Threads that each do a part of the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

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
