"""Work side by side: products within take one thread each, and nothing outside changes."""

import numpy as np
import pytest
import torch

from datasel_core import threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_products_side_by_side_take_one_thread_each(two_threads):
    def product(n: int) -> int:
        torch.mm(torch.ones(n, n), torch.ones(n, n))
        return torch.get_num_threads()

    assert list(threads.side_by_side(product, [10, 200, 300])) == [1, 1, 1]
    assert torch.get_num_threads() == 2


def test_libraries_that_came_later_are_limited_too(two_threads, monkeypatch):
    class Early:
        def limit(self, **_):
            """As a controller made before torch was imported: knows nothing of it."""

    monkeypatch.setattr(threads, "_controller", Early)
    assert list(threads.side_by_side(lambda _: torch.get_num_threads(), range(3))) == [1, 1, 1]


def test_results_come_in_order_and_errors_come_through():
    assert list(threads.side_by_side(lambda one: one * 2, range(50))) == [one * 2 for one in range(50)]
    assert list(threads.side_by_side(np.sqrt, [])) == []
    with pytest.raises(ZeroDivisionError):
        list(threads.side_by_side(lambda one: 1 / one, [1, 0, 2]))
