"""The other methods, each against its definition."""

import itertools

import numpy as np
import pytest

from datasel_core.methods.deduplicate import Deduplicate
from datasel_core.methods.facility_location import FacilityLocation
from datasel_core.methods.random import Random
from datasel_core.methods.selection import Inputs
from datasel_core.methods.stratified import Stratified
from datasel_core.vectors import neighbors
from tests.conftest import clustered

pytestmark = pytest.mark.usefixtures("small_blocks")


def cosine(vectors: np.ndarray) -> np.ndarray:
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_facility_location_is_the_plain_greedy(rng):
    vectors = clustered(rng, 90, 6, 5)
    worth = np.maximum(cosine(vectors), 0)
    np.fill_diagonal(worth, 1)
    best, expected = np.zeros(90), []
    for _ in range(25):
        gains = np.maximum(worth - best[:, None], 0).sum(axis=0)
        gains[expected] = -1
        expected.append(int(np.argmax(np.round(gains, 9))))
        best = np.maximum(best, worth[:, expected[-1]])
    found = FacilityLocation(n_neighbors=89).select(Inputs({"embedding": vectors}, rng), 25)
    assert found.rows.tolist() == expected


def test_facility_location_reaches_its_guarantee(rng):
    """At least 1 - 1/e of the best of all subsets (Nemhauser et al. 1978)."""
    vectors = clustered(rng, 14, 4, 4)
    worth = np.maximum(cosine(vectors), 0)
    best = max(worth[:, list(some)].max(axis=1).sum() for some in itertools.combinations(range(14), 4))
    found = FacilityLocation(n_neighbors=13).select(Inputs({"embedding": vectors}, rng), 4)
    assert worth[:, found.rows].max(axis=1).sum() >= (1 - 1 / np.e) * best


def test_facility_location_loves_the_crowd_not_the_outlier(rng):
    vectors = np.concatenate([clustered(rng, 60, 6, 1, 0.1), -clustered(rng, 1, 6, 1)])
    assert FacilityLocation().select(Inputs({"embedding": vectors}, rng), 1).rows[0] < 60


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_are_exact(metric, rng):
    vectors = clustered(rng, 300, 12, 6)
    rows, distance = neighbors.knn(vectors, 7, metric)
    pairs = (
        1 - cosine(vectors)
        if metric == "cosine"
        else np.linalg.norm(vectors[:, None].astype(float) - vectors[None], axis=2)
    )
    np.fill_diagonal(pairs, np.inf)
    np.testing.assert_array_equal(rows, np.argsort(pairs, axis=1, kind="stable")[:, :7])
    np.testing.assert_allclose(distance, np.sort(pairs, axis=1)[:, :7], atol=1e-5)
    gap, which = neighbors.nearest(vectors, vectors[:110], metric)
    full = (
        1 - cosine(vectors)
        if metric == "cosine"
        else np.linalg.norm(vectors[:, None].astype(float) - vectors[None], axis=2)
    )
    np.testing.assert_allclose(gap, full[:, :110].min(axis=1), atol=3e-3 if metric == "euclidean" else 1e-5)
    assert (which[:110] == np.arange(110)).all()


def plain_deduplicate(vectors: np.ndarray, threshold: float) -> list[int]:
    pairs, kept = cosine(vectors), []
    for row in range(len(vectors)):
        if not kept or pairs[row, kept].max() < threshold:
            kept.append(row)
    return kept


@pytest.mark.parametrize("block", [3, 1024])
def test_deduplicate_is_the_plain_loop(block, rng):
    vectors = clustered(rng, 150, 4, 20, 0.3)
    expected = plain_deduplicate(vectors, 0.9)
    assert 10 < len(expected) < 140
    found = Deduplicate(threshold=0.9, block=block).select(Inputs({"embedding": vectors}, rng), 150)
    assert found.rows[: len(expected)].tolist() == expected
    assert (np.diff(found.why["similarity"][len(expected) :]) >= 0).all()
    fewer = Deduplicate(threshold=0.9, fill=False).select(Inputs({"embedding": vectors}, rng), 150)
    assert fewer.rows.tolist() == expected


def test_deduplicate_counts_what_was_chosen_already(rng):
    vectors = np.array([[1, 0], [0, 1], [1, 0.001], [0.5, 0.5]], np.float32)
    found = Deduplicate(fill=False).select(Inputs({"embedding": vectors}, rng, already=[2]), 3)
    assert found.rows.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("allocation", "budget", "expected"),
    [
        ("equal", 30, {"a": 10, "b": 10, "c": 10}),
        ("equal", 40, {"a": 15, "b": 15, "c": 10}),  # c has only ten: its share goes to the others
        ("proportional", 25, {"a": 20, "b": 4, "c": 1}),
        ("sqrt", 23, {"a": 13, "b": 6, "c": 4}),  # 20 : 10 : 5 by size 400 : 100 : 25 would be 13.1, 6.6, 3.3
    ],
)
def test_stratified_shares(allocation, budget, expected, rng):
    sizes = {"a": 400, "b": 100, "c": 25} if allocation == "sqrt" else {"a": 200, "b": 40, "c": 10}
    group = np.repeat(list(sizes), list(sizes.values()))
    found = Stratified(allocation=allocation).select(Inputs({"group": group}, rng), budget)
    kept = dict(zip(*np.unique(group[found.rows], return_counts=True), strict=True))
    if allocation == "sqrt":  # Webster rounds each share to within one of its exact value
        exact = {name: 23 * np.sqrt(size) / sum(np.sqrt(list(sizes.values()))) for name, size in sizes.items()}
        assert all(abs(kept[name] - exact[name]) < 1 for name in sizes)
    else:
        assert kept == expected


def test_random_is_uniform():
    counts = np.zeros(6)
    for seed in range(3000):
        counts[Random().select(Inputs({"row": np.arange(6)}, np.random.default_rng(seed)), 2).rows] += 1
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(3000 * (1 / 3) * (2 / 3))
