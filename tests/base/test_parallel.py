"""Work side by side: products within take one thread each, and nothing is changed afterwards."""

import threading

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from datasel_core.base import parallel


def numbers() -> set[int]:
    """How many threads numpy's products take; other libraries bring their own."""
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas" and "numpy" in one["filepath"]}


@pytest.fixture
def two_threads():
    with parallel._controller().limit(limits=2, user_api="blas"):
        assert numbers() == {2}
        yield


def test_products_side_by_side_take_one_thread_each(two_threads):
    assert list(parallel.side_by_side(lambda _: numbers(), range(3))) == [{1}] * 3
    assert numbers() == {2}


def test_products_of_torch_side_by_side_take_one_thread_each():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(parallel.side_by_side(lambda _: torch.get_num_threads(), range(3))) == [1] * 3
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_limits_that_overlap_hold_until_the_last_has_left(two_threads):
    first, second = parallel.one_thread(), parallel.one_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert numbers() == {1}
    second.__exit__(None, None, None)
    assert numbers() == {2}


def test_who_stops_early_leaves_no_limit(two_threads):
    made = parallel.side_by_side(lambda one: one, range(50))
    assert next(made) == 0
    made.close()
    assert numbers() == {2}
    with pytest.raises(ZeroDivisionError):
        list(parallel.side_by_side(lambda one: 1 / one, [1, 0, 2]))
    assert numbers() == {2}


def test_many_processors_are_not_too_many_for_products(monkeypatch):
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda _: set(range(500)), raising=False)
    everyone = threading.Barrier(64, timeout=600)
    assert len(set(parallel.side_by_side(lambda one: everyone.wait() and one or one, range(64)))) == 64
    monkeypatch.setattr(parallel, "_MOST", 1)
    assert set(parallel.side_by_side(lambda _: threading.current_thread().name.rsplit("_", 1)[1], range(20))) == {"0"}


def test_results_come_in_order_and_errors_come_through():
    assert list(parallel.side_by_side(lambda one: one * 2, range(50))) == [one * 2 for one in range(50)]
    assert list(parallel.side_by_side(np.sqrt, [])) == []
    with pytest.raises(ZeroDivisionError):
        list(parallel.side_by_side(lambda one: 1 / one, [1, 0, 2]))
