"""Metrics against their definitions."""

import numpy as np
import pytest

from datasel_core.analysis.metrics.balance import Balance
from datasel_core.analysis.metrics.coverage import Coverage, PatternCoverage
from datasel_core.analysis.metrics.metric import KeptRows
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
