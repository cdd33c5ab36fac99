"""Doing the next piece of preparation while the present one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def prefetch(items: Iterable[T], depth: int = 2) -> Iterator[T]:
    """Yield the items of an iterable that a thread of its own runs ahead by up to `depth`.

    An exception in the thread is raised here, in its place among the items.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
        pending: deque[Future[object]] = deque(
            thread.submit(next, iterator, _END) for _ in range(depth)
        )
        while True:
            item = pending.popleft().result()
            if item is _END:
                return
            pending.append(thread.submit(next, iterator, _END))
            yield item  # type: ignore[misc]
