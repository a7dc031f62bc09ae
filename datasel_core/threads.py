"""How many threads matrix products may take."""

import contextlib
import functools
from collections.abc import Iterator


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
