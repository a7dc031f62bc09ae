"""Work on many items in a few threads, with the answers in the order of the items."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], items: Iterable[T], threads: int = 4, ahead: int = 64) -> Iterator[tuple[T, R]]:
    """(item, work(item)) for each item, in order. At most `ahead` items wait, so that memory stays bounded and stopping is quick."""
    waiting: deque[tuple[T, Future]] = deque()
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
