"""How many threads matrix products may take."""

import contextlib
import functools
from collections.abc import Iterator


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Matrix products on one thread within. Many small ones gain nothing from more, and lose much where cores are shared: threads wait for each other."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
