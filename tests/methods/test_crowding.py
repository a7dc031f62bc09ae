"""How crowded it is around each vector, against all distances; and the bounds that spare most of them."""

import itertools
import threading
import warnings

import numpy as np
import pytest
import torch

from datasel_core.base.progress import Progress
from datasel_core.errors import Stopped
from datasel_core.methods.algorithms import codes, crowding, near, products
from datasel_core.methods.algorithms.crowding import Crowd
from datasel_core.methods.algorithms.products import Products
from tests.conftest import clustered
from tests.oracles import tsds as oracle

MADE = {
    "clusters": lambda rng: clustered(rng, 400, 12, 5, 0.1),
    "even": lambda rng: rng.standard_normal((400, 12)),
    "copies": lambda rng: np.repeat(clustered(rng, 50, 12, 5), 8, axis=0),
    "far": lambda rng: 1000 + clustered(rng, 400, 12, 30, 0.1),
    "of all lengths": lambda rng: clustered(rng, 400, 12, 5, 0.1) * 10.0 ** rng.uniform(-3, 3, (400, 1)),
    "one": lambda rng: np.ones((400, 12)),
    "thin": lambda rng: thin(rng, 400, 12),
    "large": lambda rng: clustered(rng, 400, 12, 5, 0.1) * 1e25,
    "small": lambda rng: clustered(rng, 400, 12, 5, 0.1) * 1e-25,
    "smallest": lambda rng: clustered(rng, 400, 12, 5, 0.1) * 1e-41,
    "largest": lambda rng: clustered(rng, 400, 12, 5, 0.1) * 1e37,
    "one number": lambda rng: rng.standard_normal((400, 1)),
    "beside giants": lambda rng: np.concatenate(
        [clustered(rng, 398, 12, 5, 0.1), np.outer((1e25, -1e25), np.ones(12))]
    ),
}


def thin(rng, n, d):
    """Nearly on one line, but for a few: what one axis leaves over is as small as what float32 loses."""
    along, across = np.linalg.qr(rng.standard_normal((d, 2)))[0].T
    at, sign = np.arange(n), np.where(np.arange(n) % 2, 1, -1)
    off = sign * np.where(at % 20 < 2, 0.3, 2e-4 * np.abs(rng.standard_normal(n)))
    return np.outer(np.where(at // 2 % 2, 1, -1) * (1 + 0.01 * rng.standard_normal(n)), along) + np.outer(off, across)


@pytest.fixture
def small_blocks(monkeypatch):
    """Many blocks of few, so that every bound is met."""
    sizes = (
        {"_ROWS": 50, "_COLUMNS": 96, "STRETCH": 16, "_FEW": 0, "_PART_ROWS": 90},
        {"STRETCH": 16, "_SIZES": (1, 3, 7), "_TURNED_ROWS": 90},
    )
    for module, mine in zip((crowding, codes), sizes, strict=True):
        for name, value in mine.items():
            monkeypatch.setattr(module, name, value)


@pytest.fixture(params=["float32", "bfloat16"])
def codes_in(request, monkeypatch):
    """Products of codes in either precision, whatever is faster here."""
    half = request.param == "bfloat16"
    monkeypatch.setattr(crowding, "half_serves", lambda rows, columns, width: half)
    monkeypatch.setattr(codes, "_HALF_PRODUCT", -1e9)
    return request.param


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("kde_k", [1, 20, 5000])
def test_crowding_is_exact(kind, kde_k, small_blocks, codes_in, rng):
    vectors = MADE[kind](rng).astype(np.float32)
    widths = np.array([0.3, 0.6, 4.0]) * {"large": 1e25, "small": 1e-25, "smallest": 1e-41, "largest": 1e37}.get(
        kind, 1
    )
    wanted = rng.permutation(400)[:210]
    crowd = Crowd(vectors, widths, kde_k)
    assert (crowd.products.half is not None) == (codes_in == "bfloat16")
    found = crowd.measure(wanted)
    for at, width in enumerate(widths):
        np.testing.assert_allclose(found[:, at], oracle.crowding(vectors, width, kde_k)[wanted], rtol=1e-9)


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("size", [1, 7, 12])
def test_codes_bound_every_distance_from_below(kind, size, small_blocks, codes_in, rng, monkeypatch):
    monkeypatch.setattr(codes, "_SIZES", (size,))
    monkeypatch.setattr(codes, "_PAIR", 1e9 if size == 12 else 0)  # all axes, or the fewest
    monkeypatch.setattr(codes, "_OPEN", 0)
    vectors = MADE[kind](rng).astype(np.float32)
    crowd = Crowd(vectors, np.array([0.6]), 20)
    stored = crowd.products.codes if codes_in == "float32" else crowd.products.half
    assert stored.shape[1] in (size + 1, vectors.shape[1])
    products = np.concatenate([products_of(crowd, np.arange(start, start + 50)) for start in range(0, 400, 50)])
    products = products * crowd.step + crowd.lost
    low = np.add.outer(crowd.norms, crowd.norms) * (1 - crowd.slack) - 2 * products
    true = np.square(crowd.x[:, None].astype(np.float64) - crowd.x).sum(axis=2)
    assert (low <= true * (1 + 1e-12)).all()
    assert (
        (low >= true - 0.35 * np.add.outer(crowd.norms, crowd.norms)).mean() > 0.5
        or size == 1
        or kind in ("one", "beside giants")
    )  # nor is it idle


def products_of(crowd, rows):
    """(len(rows), 400) float64 products of codes, tile by tile."""
    product = crowd.products.of(rows)
    return np.concatenate([product(first) for first in range(0, 400, crowd.products.columns)], axis=1)[:, :400].astype(
        np.float64
    )


def test_rounded_codes_are_allowed_what_rounding_changes_and_no_more(rng):
    """Beside the same codes in float32; the worst that is known of eight bits is 2^-8 a number, three times."""
    plain = rng.standard_normal((300, 40)).astype(np.float32)
    rounded = Products(plain, 64, 128, half=True)
    made = np.concatenate([rounded.of(np.arange(60))(first) for first in range(0, 384, 128)], axis=1)
    assert made.shape == (60, 384)
    assert not made[:, 300:].any()
    lengths = np.square(plain.astype(np.float64)).sum(axis=1)
    error = np.abs(made[:, :300] - plain[:60].astype(np.float64) @ plain.T.astype(np.float64))
    sums = np.add.outer(lengths[:60], lengths)
    assert (2 * error <= rounded.slack * sums).all()
    assert 0 < rounded.slack < 3.1 * 2.0**-8


@pytest.mark.parametrize(
    ("product", "serves"),
    [
        (lambda one, other: (one.float() @ other.float()).to(one.dtype), True),
        (lambda one, other: torch.zeros(len(one), other.shape[1], dtype=one.dtype), False),
        (lambda one, other: (one.float() @ other.float()).to(one.dtype) - one[:, :1] * other[:1] / 64, False),
        (lambda one, other: summed_short(one, other), False),
    ],
)
def test_products_that_lose_something_are_not_used(product, serves, monkeypatch):
    times = itertools.cycle([1.0, 9.0])  # whatever is faster here
    monkeypatch.setattr(products, "_quickest", lambda product: next(times))
    plain = torch.Tensor.__matmul__
    monkeypatch.setattr(
        torch.Tensor,
        "__matmul__",
        lambda one, other: product(one, other) if one.dtype == torch.bfloat16 else plain(one, other),
    )
    products.half_serves.cache_clear()
    assert products.half_serves(16, 32, 48) == serves
    products.half_serves.cache_clear()


def summed_short(one, other):
    """As where sums are kept in bfloat16 too."""
    total = torch.zeros(len(one), other.shape[1], dtype=torch.bfloat16)
    for at in range(one.shape[1]):
        total = total + one[:, at : at + 1] * other[at : at + 1]
    return total


def test_many_vectors_are_measured_as_few_are(rng):
    vectors = clustered(rng, 4200, 24, 40, 0.15).astype(np.float32)
    found = Crowd(vectors, np.array([0.5, 0.9]), 100).measure(np.arange(0, 4200, 7))
    for at, width in enumerate((0.5, 0.9)):
        np.testing.assert_allclose(found[:, at], oracle.crowding(vectors, width, 100)[::7], rtol=1e-9)


def test_the_smallest_and_largest_widths(rng):
    vectors = np.repeat(clustered(rng, 60, 12, 5, 0.1), 2, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Crowd(vectors, np.array([1e-200, 1e200]), 30).measure(np.arange(120))
    np.testing.assert_array_equal(found, np.tile([2.0, 30.0], (120, 1)))  # only its copy; all that may count


@pytest.mark.parametrize("n", [2, 3, 17, 400])
def test_few_vectors_of_very_different_lengths_are_measured_one_by_one(n, rng):
    vectors = clustered(rng, n, 12, 5, 0.1).astype(np.float32)
    vectors[-1] = 1e12
    found = Crowd(vectors, np.array([0.6]), 20).measure(np.arange(n))
    np.testing.assert_allclose(found[:, 0], oracle.crowding(vectors, 0.6, 20), rtol=1e-9)


def test_machine_code_is_made_once_for_all_threads(rng, monkeypatch):
    made = []
    monkeypatch.setattr(crowding, "compiled", lambda: made.append(threading.current_thread()) or near.compiled())
    monkeypatch.setattr(crowding, "_ROWS", 50)
    Crowd(rng.standard_normal((5000, 8)).astype(np.float32), np.array([0.5]), 20).measure(np.arange(400))
    assert made == [threading.main_thread()]


def test_measuring_can_be_stopped(rng):
    crowd = Crowd(clustered(rng, 9000, 24, 40, 0.15).astype(np.float32), np.array([0.5]), 100)
    with pytest.raises(Stopped):
        crowd.measure(np.arange(9000), Progress(should_stop=lambda: True, every=0))
    assert len(crowd.measure(np.arange(5))) == 5
