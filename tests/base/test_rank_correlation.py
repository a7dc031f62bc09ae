"""Spearman against scipy, and its interval against what it promises."""

import numpy as np
import pytest
from scipy import stats

from datasel_core.base.rank_correlation import spearman, spearman_interval


@pytest.mark.parametrize("ties", [False, True])
def test_it_is_scipys(ties, rng):
    one, other = rng.standard_normal((2, 40))
    if ties:
        one, other = np.round(one), np.round(other)
    assert float(spearman(one, other)) == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-12)
    both = rng.standard_normal((2, 5, 30))
    expected = [stats.spearmanr(a, b).statistic for a, b in zip(*both, strict=True)]
    np.testing.assert_allclose(spearman(*both), expected, atol=1e-12)


def test_what_is_constant_ranks_nothing(rng):
    assert spearman_interval(np.ones(30), rng.standard_normal(30)) == {"low": 0, "mid": 0, "high": 0}
    assert float(spearman(np.array([1.0]), np.array([2.0]))) == 0


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_few_pairs_prove_nothing(n):
    found = spearman_interval(np.arange(n), np.arange(n))
    assert found["low"] <= 0


def test_the_interval_is_the_bootstraps_whatever_the_block(rng, shrink):
    one = rng.standard_normal(25)
    other = one + rng.standard_normal(25)
    drawn = np.random.default_rng(4).integers(25, size=(1000, 25))
    slow = [stats.spearmanr(one[rows], other[rows]).statistic for rows in drawn]
    expected = np.percentile(slow, [2.5, 97.5])
    for size in (7, 100_000):
        shrink(size)
        found = spearman_interval(one, other, seed=4, resamples=1000)
        np.testing.assert_allclose([found["low"], found["high"]], expected, atol=1e-12)
        assert found["low"] < found["mid"] < found["high"]


def test_it_holds_the_truth_about_as_often_as_it_says(rng):
    """Of two normal variables with correlation .5 Spearman is 6 / pi * asin(.25)."""
    truth, inside = 6 / np.pi * np.arcsin(0.25), 0
    for seed in range(120):
        one, other = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 120).T
        found = spearman_interval(one, other, seed, 400)
        inside += found["low"] <= truth <= found["high"]
    assert inside >= 107  # 95 % of 120 are 114; below 107 in fewer than one of a thousand
