"""Trends, seasons and the cycle of the year."""

import math

import numpy as np
import pytest

from datasel_core.analysis.climate.area import latitude_weight
from datasel_core.analysis.climate.scores import trends
from datasel_core.errors import BadInput
from tests.oracles import climate as slow

WEIGHT = latitude_weight(np.array([-70.0, 5.0, 50.0]))


def test_a_trend_is_least_squares_and_its_interval_holds(rng):
    year = np.arange(2015, 2101)
    series = 0.03 * year + rng.normal(size=86)
    found = trends.trend(series, year)
    assert found.per_decade == pytest.approx(10 * slow.line(series, year)[0], rel=1e-9)
    shuffled = rng.permutation(86)
    assert trends.trend(series[shuffled], year[shuffled]) == found
    # 300 red series without a trend: about 95 in 100 intervals hold 0; of white noise's width only 80 would.
    inside = 0
    for _ in range(300):
        noise, red = rng.normal(size=86), np.zeros(86)
        for at in range(1, 86):
            red[at] = 0.5 * red[at - 1] + noise[at]
        one = trends.trend(red, year)
        inside += one.low <= 0 <= one.high
    assert 0.88 < inside / 300 < 0.99
    with pytest.raises(BadInput, match="A trend is of three different years at least"):
        trends.trend(np.ones(3), np.array([1, 1, 2]))


def test_trends_of_area_and_cells(rng):
    year = np.arange(2000, 2030)
    truth = rng.normal(size=(30, 3))
    truth[:, 1] = np.nan
    emulated = truth + np.outer(year - 2000, [0.1, np.nan, -0.2])
    found = trends.trends(truth, emulated, year, WEIGHT)
    share = WEIGHT[[0, 2]] / WEIGHT[[0, 2]].sum()
    assert found.rmse == pytest.approx(math.sqrt(share @ np.array([1.0, 4.0])))
    assert found.emulated.per_decade - found.truth.per_decade == pytest.approx(share @ np.array([1.0, -2.0]))


def test_the_cycle_of_the_year():
    month = np.tile(np.arange(1, 13), 3)
    wave = np.cos(2 * np.pi * (month - 7) / 12)
    truth = 280 + np.outer(wave, [5.0, 1.0, 8.0]) + np.repeat([0.0, 1, 2], 12)[:, None]
    emulated = 200 + np.outer(wave, [5.0, 1.0, 4.0])
    found = trends.seasonal_cycle(truth, emulated, month, WEIGHT)
    assert found.truth.argmax() == 6
    assert found.amplitude == pytest.approx(WEIGHT @ [5.0, 1, 4] / (WEIGHT @ [5.0, 1, 8]))
    assert found.rmse == pytest.approx(math.sqrt(WEIGHT[2] * (4 * wave[:12]) @ (4 * wave[:12]) / 12))
    with pytest.raises(BadInput, match="Month 12 is not there; the cycle is of all twelve"):
        trends.monthly_means(truth[:11], month[:11])


def test_a_season_is_weighted_by_days_and_december_is_of_the_next_winter():
    year, month = np.repeat([2000, 2001], 12), np.tile(np.arange(1, 13), 2)
    days = np.tile([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], 2)
    fields = np.stack([year - 2000.0, month + 0.0], axis=1)
    when, winter = trends.season(fields, year, month, days, "DJF")
    assert when.tolist() == [2001]  # of 2000 there is no December before, of 2002 no January
    assert winter[0] == pytest.approx([(0 * 31 + 1 * 31 + 1 * 28) / 90, (12 * 31 + 31 + 2 * 28) / 90])
    when, summer = trends.season(fields, year, month, days, "JJA")
    assert when.tolist() == [2000, 2001]
    assert summer[0, 1] == pytest.approx((6 * 30 + 7 * 31 + 8 * 31) / 92)
    with pytest.raises(BadInput, match="There is no season DJFM; there are DJF, MAM, JJA, SON"):
        trends.season(fields, year, month, days, "DJFM")
    with pytest.raises(BadInput, match="No DJF is there with all of its three months"):
        trends.season(fields[:11], year[:11], month[:11], days[:11], "DJF")
