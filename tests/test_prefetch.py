"""Prefetching: the order of items, and what is over when its context is left."""

import threading
from concurrent.futures import CancelledError

import pytest

from varscore.engines.prefetch import prefetch


def test_items_come_in_order_and_once():
    with prefetch(iter(range(1000)), depth=3) as items:
        assert list(items) == list(range(1000))


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_thread_is_ahead_by_so_many_items(depth):
    begun = threading.Semaphore(0)

    def source():
        for number in range(10):
            begun.release()
            yield number

    with prefetch(source(), depth=depth) as items:
        assert next(items) == 0
        for _ in range(depth + 1):
            assert begun.acquire(timeout=60)
    assert not begun.acquire(blocking=False)


def test_an_exception_comes_in_its_place():
    def source():
        yield 1
        yield 2
        raise ArithmeticError("planted")

    found = []
    with pytest.raises(ArithmeticError, match="planted"), prefetch(source()) as items:
        found.extend(items)
    assert found == [1, 2]


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, None])
def test_leaving_waits_for_the_present_item_and_begins_no_other(kind):
    started, release, done, closed_by = threading.Event(), threading.Event(), [], []

    def source():
        try:
            yield 0
            started.set()
            release.wait(60)
            done.append(1)
            yield 1
            done.append(2)
            yield 2
        finally:
            closed_by.append(threading.current_thread())

    def use():
        with prefetch(source(), depth=3) as items:
            assert next(items) == 0
            assert started.wait(60)
            threading.Timer(0.1, release.set).start()  # while the context waits
            if kind is not None:
                raise kind

    if kind is None:
        use()
    else:
        with pytest.raises(kind):
            use()
    assert done == [1]
    assert closed_by == [threading.main_thread()]
    assert not [t for t in threading.enumerate() if t.name.startswith("prefetch")]


def test_after_the_context_there_is_an_error_and_no_end():
    with prefetch(range(10)) as items:
        next(items)
    with pytest.raises(CancelledError):
        list(items)
