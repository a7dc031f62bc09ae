"""Neighbours that are called exact, against plain float64."""

import warnings

import numpy as np
import pytest

from datasel_core.vectors import neighbors
from tests.conftest import clustered

pytestmark = pytest.mark.usefixtures("small_blocks")


def plain(vectors: np.ndarray, metric: str) -> np.ndarray:
    """(n, n) float64 distances, from differences; itself is infinitely far."""
    x = vectors.astype(np.float64)
    nowhere = ~x.any(axis=1)
    if metric == "cosine":
        x /= np.where(nowhere, 1, np.linalg.norm(x, axis=1))[:, None]
    squared = np.stack([((x - one) ** 2).sum(axis=1) for one in x])
    if metric == "cosine":
        squared[nowhere | nowhere[:, None]] = 2
    np.fill_diagonal(squared, np.inf)
    return squared / 2 if metric == "cosine" else np.sqrt(squared)


def near(rng, noise: float) -> np.ndarray:
    """Half of them near-duplicates of a few, half of them not."""
    few = clustered(rng, 4, 24, 4)
    return np.concatenate(
        [few[rng.integers(4, size=200)] + noise * rng.standard_normal((200, 24)), clustered(rng, 200, 24, 9)]
    ).astype(np.float32)


MADE = {
    "apart": lambda rng: clustered(rng, 400, 24, 9),
    "near": lambda rng: near(rng, 3e-4),
    "nearer": lambda rng: near(rng, 1e-6),
    "all near": lambda rng: (clustered(rng, 1, 24, 1) + 3e-4 * rng.standard_normal((400, 24))).astype(np.float32),
    "all nearer": lambda rng: (clustered(rng, 1, 24, 1) + 1e-6 * rng.standard_normal((400, 24))).astype(np.float32),
    "copies": lambda rng: near(rng, 0)[rng.permutation(400)],
    "with zeros": lambda rng: near(rng, 1e-6) * (np.arange(400) % 7 > 0)[:, None],
    "far off": lambda rng: near(rng, 1e-4) + np.float32(300),
    "of all lengths": lambda rng: (near(rng, 1e-4) * 10.0 ** rng.uniform(-6, 6, (400, 1))).astype(np.float32),
    "large": lambda rng: near(rng, 1e-4) * np.float32(2.0**110),
    "small": lambda rng: near(rng, 1e-4) * np.float32(2.0**-100),
    "one number": lambda rng: near(rng, 1e-4)[:, :1],
}


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("k", [1, 20])
def test_neighbours_among_near_duplicates_are_exact(made, metric, k, rng):
    vectors = MADE[made](rng)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows, distances = neighbors.knn(vectors, k, metric)
    true = plain(vectors, metric)
    order = np.argsort(true, axis=1, kind="stable")[:, :k]
    np.testing.assert_allclose(
        distances, np.take_along_axis(true, order, axis=1), rtol=1e-9, atol=1e-25 if metric == "cosine" else 0
    )
    right = (rows == order) | np.isclose(
        np.take_along_axis(true, rows, axis=1), np.take_along_axis(true, order, axis=1), rtol=1e-12, atol=1e-30
    )
    assert right.all()  # but for equal ones, whose last digit is a matter of luck
    assert (np.sort(rows, axis=1)[:, 1:] > np.sort(rows, axis=1)[:, :-1]).all()
    assert (rows != np.arange(400)[:, None]).all()
