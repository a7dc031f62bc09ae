"""Metrics against their definitions."""

import numpy as np
import pytest

from datasel_core.analysis.metrics import metric as module
from datasel_core.analysis.metrics.balance import Balance
from datasel_core.analysis.metrics.coverage import Coverage, PatternCoverage
from datasel_core.analysis.metrics.metric import KeptRows, affordable, some_rows
from datasel_core.analysis.metrics.overlap import overlap
from datasel_core.analysis.metrics.redundancy import Redundancy
from datasel_core.base.ragged import Ragged
from tests.conftest import clustered

pytestmark = pytest.mark.usefixtures("small_blocks")


def kept(rows, n, **roles):
    return KeptRows(n, np.asarray(rows), roles.get, np.ones(n, bool))


def pairs(vectors):
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return 1 - unit @ unit.T


def test_coverage(rng):
    vectors = clustered(rng, 300, 8, 10)
    rows = rng.choice(300, 25, replace=False)
    gap = pairs(vectors)[:, rows].min(axis=1)
    found = Coverage().measure(kept(rows, 300, embedding=vectors))
    assert found["mean"] == pytest.approx(gap.mean(), abs=1e-5)
    assert found["p95"] == pytest.approx(np.percentile(gap, 95), abs=1e-5)
    assert found["max"] == pytest.approx(gap.max(), abs=1e-5)
    assert found["cells"] <= 30
    assert Coverage().measure(kept(np.arange(300), 300, embedding=vectors))["cells_touched"] == 1


def test_cells_touched_counts_clusters(rng):
    centres = np.eye(6, dtype=np.float32) * 10
    vectors = np.repeat(centres, 50, axis=0) + 0.01 * rng.standard_normal((300, 6)).astype(np.float32)
    found = Coverage(n_cells=6).measure(kept([0, 1, 2, 60], 300, embedding=vectors))
    assert found["cells"] == 6
    assert found["cells_touched"] == pytest.approx(2 / 6, abs=1e-6)


def test_pattern_coverage(rng):
    values = clustered(rng, 200, 8, 10)
    patterns = Ragged(values, np.arange(0, 201, 4))
    inside = np.isin(patterns.owners(), [3, 9])
    found = PatternCoverage().measure(kept([3, 9], 50, patterns=patterns))
    assert found["mean"] == pytest.approx(pairs(values)[:, inside].min(axis=1).mean(), abs=1e-5)


def test_redundancy():
    vectors = np.array([[1, 0], [1, 0.01], [0, 1], [-1, 0]], np.float32)
    assert Redundancy().measure(kept([0, 1, 2, 3], 4, embedding=vectors))["near_duplicate_share"] == 0.5
    assert Redundancy().measure(kept([0, 2, 3], 4, embedding=vectors))["near_duplicate_share"] == 0
    assert Redundancy().measure(kept([0], 4, embedding=vectors)) == {}


def test_redundancy_of_many(rng):
    vectors = clustered(rng, 300, 8, 40, 0.3)
    gap = pairs(vectors)
    np.fill_diagonal(gap, 2)
    found = Redundancy(threshold=0.97).measure(kept(np.arange(300), 300, embedding=vectors))
    assert 0.1 < found["near_duplicate_share"] < 0.9
    assert found["near_duplicate_share"] == pytest.approx((gap.min(axis=1) <= 0.03).mean(), abs=1e-6)


@pytest.fixture
def dear(monkeypatch):
    """As if every product took long: all is measured on the fewest rows."""
    monkeypatch.setattr(module, "MOST_WORK", 1)
    for name in ("coverage", "metric"):
        monkeypatch.setattr(f"datasel_core.analysis.metrics.{name}.FEWEST", 400)


def test_what_would_take_long_is_measured_on_a_sample_that_says_how_many(rng, dear):
    n = 4000
    vectors = clustered(rng, n, 8, 60)
    patterns = Ragged(vectors, np.arange(0, n + 1, 4))
    rows = rng.choice(n, 600, replace=False)
    gap = pairs(vectors)
    found = Coverage(n_cells=20).measure(kept(rows, n, embedding=vectors))
    near = gap[:, rows].min(axis=1)
    assert found["measured_on"] == 400
    assert abs(found["mean"] - near.mean()) < 4 * near.std() / 20
    np.fill_diagonal(gap, 2)
    found = Redundancy(threshold=0.97).measure(kept(np.arange(n), n, embedding=vectors))
    share = (gap.min(axis=1) <= 0.03).mean()  # of all: a twin that is not in the sample counts
    assert found["measured_on"] == 400
    assert 0.1 < share < 0.9
    assert abs(found["near_duplicate_share"] - share) < 4 * (share * (1 - share)) ** 0.5 / 20
    found = PatternCoverage().measure(kept([3, 9], n // 4, patterns=patterns))
    assert found["measured_on"] == 4 * 133


def test_a_sample_is_no_random_choice_of_anybodys_seed():
    """A sample drawn as the method `random` draws would be covered by its choice to the last row."""
    there = np.ones(3000, bool)
    sample = some_rows(there, 500)
    for seed in range(20):
        for chosen in (
            np.random.default_rng(seed).permutation(3000)[:1000],
            np.random.default_rng(seed).choice(3000, 1000, replace=False),
        ):
            assert 0.2 < np.isin(sample, chosen).mean() < 0.47
    assert np.isin(some_rows(there, 200), sample).all()
    assert some_rows(there, 3000).tolist() == list(range(3000))


def test_small_pools_are_measured_whole():
    assert affordable(929, 1280) >= 929
    assert affordable(50, 512) == module.SAMPLE == 200_000
    assert affordable(20_000, 128) == 3906


def test_balance():
    group = np.array(list("aaabbc"))
    even = Balance().measure(kept([0, 3, 5], 6, group=group))
    assert even["entropy"] == pytest.approx(1)
    assert even["counts"] == {"a": 1, "b": 1, "c": 1}
    one = Balance().measure(kept([0, 1, 2], 6, group=group))
    assert (one["entropy"], one["rarest"], one["rarest_count"], one["groups_kept"]) == (0, "b", 0, 1)
    assert Balance().measure(kept([0], 6)) == {}


def test_overlap():
    found = overlap(np.array(["a", "b", "c"]), np.array(["b", "c", "d", "e"]))
    assert found == {"both": 2, "only_a": 1, "only_b": 2, "jaccard": 0.4, "share": pytest.approx(2 / 3, abs=1e-6)}


def test_metrics_are_empty_without_what_they_need():
    for metric in (Coverage, PatternCoverage, Redundancy, Balance):
        assert metric().measure(kept([0, 1], 5)) == {}
