"""Work side by side: in threads, in order, and how many threads matrix products may take."""

import contextlib
import functools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A, B = TypeVar("A"), TypeVar("B")
_MOST = 64  # OpenBLAS, as numpy brings it, is made for so many callers at a time
_lock, _inside, _limit = threading.Lock(), set(), contextlib.ExitStack()


def side_by_side(do: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """do(item) of each, in order, on as many threads as there are processors; matrix products take one thread each:
    numpy's as within `one_thread`, torch's only in those threads.

    For work that lets go of the interpreter. Who stops early waits for what is begun, and nothing else is begun.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with one_thread():
        pool = ThreadPoolExecutor(min(count, _MOST), initializer=_one_torch_thread)
        try:
            yield from pool.map(do, items)
        finally:
            pool.shutdown(cancel_futures=True)


def _one_torch_thread() -> None:
    """Torch's products of the calling thread, and of no other, take one thread from now on."""
    if torch := sys.modules.get("torch"):
        from threadpoolctl import ThreadpoolController

        torch.get_num_threads()  # a thread's first call sets what all of torch was told, and would undo what follows
        ThreadpoolController().limit(limits=1, user_api="openmp")  # made anew: torch may have come since the last


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Matrix products of numpy on one thread within. Their last bit then does not depend on how many there are; and
    many small ones gain nothing from more, and lose much where cores are shared.

    It holds for the whole process, until the last of those who are within at the same time has left.
    """
    mine = object()
    with _lock:
        if not _inside:
            _limit.enter_context(_controller().limit(limits=1, user_api="blas"))
        _inside.add(mine)
    try:
        yield
    finally:
        with _lock:
            _inside.remove(mine)
            if not _inside:
                _limit.close()


@functools.cache
def _controller():
    """The libraries that are loaded by now; numpy's is among them."""
    import numpy  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def in_order(work: Callable[[A], B], items: Iterable[A], threads: int = 4, ahead: int = 64) -> Iterator[tuple[A, B]]:
    """(item, work(item)) for each item, in order. At most `ahead` items wait, so that memory stays bounded and stopping
    is quick.
    """
    waiting: deque[tuple[A, Future]] = deque()
    workers = ThreadPoolExecutor(threads, thread_name_prefix="readers")
    try:
        for item in items:
            waiting.append((item, workers.submit(work, item)))
            if len(waiting) >= ahead:
                first, answer = waiting.popleft()
                yield first, answer.result()
        for item, answer in waiting:
            yield item, answer.result()
    finally:
        workers.shutdown(wait=True, cancel_futures=True)
