"""Doing the next piece of preparation while the present one is used."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

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
    busy = threading.Lock()
    with closed_after(items) as source:

        def advance() -> object:
            with busy:
                return next(source, _END)

        thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        try:
            yield _run_ahead(thread, advance, depth)
        finally:
            thread.shutdown(cancel_futures=True)
            busy.acquire()  # a signal's exception may leave a thread that no shutdown knows


@contextmanager
def closed_after(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Give an iterator over items, which is closed at the end if it is a generator.

    What it holds open is closed then, and not when its memory happens to be freed.
    """
    iterator = iter(items)
    try:
        yield iterator
    finally:
        if isinstance(iterator, Generator):
            iterator.close()


def _run_ahead(
    thread: ThreadPoolExecutor, advance: Callable[[], object], depth: int
) -> Iterator[Any]:
    pending = deque(thread.submit(advance) for _ in range(depth))
    while (item := pending.popleft().result()) is not _END:
        pending.append(thread.submit(advance))
        yield item
