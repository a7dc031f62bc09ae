"""How many threads there are, and how many matrix products may take."""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A, B = TypeVar("A"), TypeVar("B")


def side_by_side(do: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """do(item) of each, in order, on as many threads as there are processors; torch's products within take one thread each.

    For work that lets go of the interpreter. Who stops early waits for what is begun, and nothing else is begun.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(count, initializer=_alone, initargs=(_look(),))  # again: torch may have come since
    try:
        yield from pool.map(do, items)
    finally:
        pool.shutdown(cancel_futures=True)


def _alone(controller) -> None:
    """Products of the calling thread, and of no other, take one thread from now on."""
    if torch := sys.modules.get("torch"):
        torch.get_num_threads()  # a thread's first call sets what all of torch was told, and would undo what follows
    controller.limit(limits=1, user_api="openmp")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Matrix products on one thread within. Their last bit then does not depend on how many there are; and many small ones gain nothing
    from more, and lose much where cores are shared.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller():
    return _look()


def _look():
    """The libraries that are loaded by now."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
