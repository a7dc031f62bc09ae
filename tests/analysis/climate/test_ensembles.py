"""Scores of spreads against the oracle and against the laws that they are to obey."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from datasel_core.analysis.climate.area import latitude_weight
from datasel_core.analysis.climate.scores import ensembles
from datasel_core.analysis.climate.scores.curve import over_members
from datasel_core.errors import BadInput
from tests.oracles import climate as slow

WEIGHT = latitude_weight(np.array([-70.0, -20.0, 5.0, 50.0]))


@pytest.mark.parametrize(("truth", "mean", "deviation"), [(0.3, 0.0, 1.0), (-4.0, 1.5, 0.7), (2.0, 2.0, 3.0)])
def test_crps_of_a_gaussian_is_the_integral(truth, mean, deviation):
    law = norm(mean, deviation)
    grid = np.linspace(-30, 30, 400_001)
    below = law.cdf(grid)
    area = float(np.trapezoid(np.where(grid < truth, below, 0) ** 2 + np.where(grid >= truth, 1 - below, 0) ** 2, grid))
    found = float(ensembles.crps_gaussian(truth, mean, deviation))
    assert found == pytest.approx(area, abs=2e-4)
    assert found == pytest.approx(
        slow.crps(truth, lambda x: 0.5 * math.erfc((mean - x) / deviation / 2**0.5), -30, 30), abs=2e-4
    )


def test_a_spread_of_nothing_scores_as_distance():
    assert ensembles.crps_gaussian(3.0, 1.0, 0.0) == 2
    assert ensembles.crps_gaussian(3.0, 1.0, 1e-9) == pytest.approx(2)
    with pytest.raises(BadInput, match="A standard deviation is below 0; give the square root of a variance"):
        ensembles.crps_gaussian(3.0, 1.0, -1.0)


@pytest.mark.parametrize("m", [2, 3, 10])
def test_crps_of_an_ensemble_is_the_oracles(rng, m):
    truth, members = rng.normal(size=(3, 4)), rng.normal(size=(m, 3, 4)).round(1)
    found = ensembles.crps_ensemble(truth, members)
    for at in np.ndindex(3, 4):
        assert found[at] == pytest.approx(slow.crps_fair(truth[at], [one[at] for one in members]), abs=1e-13)


def test_crps_is_fair_whatever_the_size(rng):
    """The mean over ensembles of any size is the CRPS of their law; dividing by m^2 would be .11 too much at m = 2."""
    truth, exact = 0.4, float(ensembles.crps_gaussian(0.4, 0.0, 1.0))
    for m in (2, 5, 20):
        found = ensembles.crps_ensemble(np.full(60_000, truth), rng.normal(size=(m, 60_000)))
        assert found.mean() == pytest.approx(exact, abs=4 * found.std() / math.sqrt(60_000))


def test_coverage_holds_its_level_and_notices_what_is_too_narrow(rng):
    truth, mean = rng.normal(size=(4000, 4)), np.zeros((4000, 4))
    for found, level in zip(
        ensembles.coverage_gaussian(truth, mean, mean + 1, WEIGHT), (0.5, 0.8, 0.9, 0.95), strict=True
    ):
        assert (found.level, found.share) == (level, pytest.approx(level, abs=0.02))
    narrow = ensembles.coverage_gaussian(truth, mean, mean + 0.5, WEIGHT)
    assert [one.share for one in narrow] == pytest.approx(
        [2 * norm.cdf(0.5 * norm.ppf((1 + one.level) / 2)) - 1 for one in narrow], abs=0.02
    )
    members = rng.normal(size=(39, 4000, 4))
    for found in ensembles.coverage_ensemble(truth, members, WEIGHT):
        assert found.share == pytest.approx(found.level, abs=0.02)
    few = ensembles.coverage_ensemble(truth, members[:9], WEIGHT)
    assert [one.share for one in few[:2]] == pytest.approx([0.5, 0.8], abs=0.02)
    assert [math.isnan(one.share) for one in few] == [False, False, True, True]
    assert [one.needed for one in few] == [3, 9, 19, 39]


def test_coverage_counts_area_not_cells():
    """One cell of four is inside: its share is its weight, and cells without a value have none."""
    truth = np.array([[0.0, 9, 9, 9]])
    assert ensembles.coverage_gaussian(truth, truth * 0, truth * 0 + 1, WEIGHT)[0].share == pytest.approx(WEIGHT[0])
    truth[0, 3] = np.nan
    found = ensembles.coverage_gaussian(truth, np.zeros((1, 4)), np.ones((1, 4)), WEIGHT)[0].share
    assert found == pytest.approx(WEIGHT[0] / WEIGHT[:3].sum())


def test_spread_and_skill(rng):
    truth, members = rng.normal(size=(5, 4)), rng.normal(size=(3, 5, 4))
    assert ensembles.spread_skill(truth, members, WEIGHT) == pytest.approx(slow.spread_skill(truth, members, WEIGHT))
    for m in (2, 10):  # truth is one of them: 1 whatever the size
        drawn = rng.normal(size=(m + 1, 20_000, 4))
        assert ensembles.spread_skill(drawn[0], drawn[1:], WEIGHT) == pytest.approx(1, abs=0.02)
    around = np.stack([np.zeros((5, 4)) - 1, np.zeros((5, 4)) + 1])
    assert ensembles.spread_skill(np.zeros((5, 4)), around, WEIGHT) == math.inf


def test_ranks_are_even_where_truth_is_a_member_and_ties_are_dealt(rng):
    drawn = rng.normal(size=(5, 40_000))
    found = ensembles.rank_histogram(drawn[0], drawn[1:], rng)
    assert found.counts.sum() == 40_000
    assert ((found.counts - found.expected) ** 2 / found.expected).sum() < 20  # chi-square of 4: once in 2,000
    below = ensembles.rank_histogram(np.full(10, -9.0), drawn[1:, :10], rng)
    assert below.counts.tolist() == [10, 0, 0, 0, 0]
    # Days without rain: all are 0, and each rank is as likely as any other.
    dry = ensembles.rank_histogram(np.zeros(40_000), np.zeros((4, 40_000)), np.random.default_rng(3))
    assert ((dry.counts - dry.expected) ** 2 / dry.expected).sum() < 20
    again = ensembles.rank_histogram(np.zeros(40_000), np.zeros((4, 40_000)), np.random.default_rng(3))
    assert (dry.counts == again.counts).all()
    gaps = ensembles.rank_histogram(np.array([np.nan, 0.0]), np.array([[np.nan, -1.0], [np.nan, 1.0]]), rng)
    assert gaps.counts.tolist() == [0, 1, 0]
    with pytest.raises(BadInput, match="The ensemble has 1 members; its spread takes two at least"):
        ensembles.rank_histogram(drawn[0], drawn[1:2], rng)


def test_the_curve_over_members(rng):
    """The error of a mean of so many falls as one over their root; all choices are taken where they are few."""
    values = rng.normal(size=12)

    def far(rows):
        assert len(set(rows.tolist())) == len(rows)  # no member twice
        return float(values[rows].mean() ** 2)

    points = over_members(12, far, rng, sizes=(1, 2, 6, 12), draws=70)
    assert [one.choices for one in points] == [12, 66, 70, 1]
    assert [one.exact for one in points] == [True, True, False, True]
    assert points[0].mean == pytest.approx((values**2).mean())
    # Mean square of means of k of N, drawn without repeats: mean^2 + variance / k (N - k) / (N - 1).
    square = values.mean() ** 2 + values.var() / 2 * 10 / 11
    assert points[1].mean == pytest.approx(square)
    assert points[3].mean == pytest.approx(values.mean() ** 2)
    assert points[3].low == points[3].high == pytest.approx(values.mean() ** 2)
    assert [one.size for one in over_members(3, far, rng)] == [1, 2, 3]
    with pytest.raises(BadInput, match="An ensemble of 4 was asked for; there are 3 members"):
        over_members(3, far, rng, sizes=(4,))
