"""How many threads there are, and how many matrix products may take."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A, B = TypeVar("A"), TypeVar("B")


def side_by_side(do: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """do(item) of each, in order, on as many threads as there are processors; torch's products within take one thread each.

    For work that lets go of the interpreter. Who stops early leaves what is begun to end by itself, and nothing else is begun.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(count, initializer=lambda: _controller().limit(limits=1, user_api="openmp"))  # of the calling thread alone
    try:
        yield from pool.map(do, items)
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Matrix products on one thread within. Their last bit then does not depend on how many there are; and many small ones gain nothing
    from more, and lose much where cores are shared.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
