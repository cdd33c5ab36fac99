"""Doing the next piece of preparation while the present one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
_END = object()


@contextmanager
def prefetch(items: Iterable[T], depth: int = 2) -> Iterator[Iterator[T]]:
    """Give an iterator over items that a thread of its own runs ahead of; a context manager.

    On leaving it, whatever the reason, the item that the thread is at is waited for and no
    further one is begun. If `items` is a generator, it is closed then, on the thread that
    leaves. So what `items` reads from may be closed after that.

    Parameters
    ----------
    items : iterable
        Run through on the thread. An exception there is raised in the loop that uses the
        items, in its place among them.
    depth : int
        Items that the thread may be ahead by.

    Examples
    --------
    >>> with prefetch(str(n) for n in range(3)) as items:
    ...     print(*items)
    0 1 2
    """
    source = iter(items)
    thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    try:
        yield _run_ahead(thread, source, depth)
    finally:
        thread.shutdown(cancel_futures=True)
        if isinstance(source, Generator):
            source.close()


def _run_ahead(thread: ThreadPoolExecutor, source: Iterator[T], depth: int) -> Iterator[T]:
    pending: deque[Future[object]] = deque(
        thread.submit(next, source, _END) for _ in range(depth)
    )
    while True:
        item = pending.popleft().result()
        if item is _END:
            return
        pending.append(thread.submit(next, source, _END))
        yield item  # type: ignore[misc]
