"""Physical checks on real simulations and on fields that break them."""

import numpy as np
import pytest

from datasel_core.analysis.climate import physics
from datasel_core.analysis.climate.area import area_mean, latitude_weight
from datasel_core.analysis.climate.regions import land_from_gaps
from datasel_core.analysis.climate.scores.draws import lines
from datasel_core.errors import BadInput
from tests.analysis.climate import real
from tests.oracles import climate as slow

WEIGHT = latitude_weight(np.array([-60.0, 0.0, 60.0]))


def test_the_area_mean_of_pattern_scaling_is_its_driver(rng):
    fields = rng.normal(size=(20, 3))
    driver = area_mean(fields, WEIGHT)
    made = lines(fields, driver, np.ones((1, 20), bool)).predicted(driver)[0]
    found = physics.mean_is_driver(made, driver, WEIGHT)
    assert found.passed
    assert found.words == "The area mean of what was emulated is its driver."
    made[4] += 0.25
    broken = physics.mean_is_driver(made, driver, WEIGHT)
    assert (broken.passed, broken.share) == (False, 1 / 20)
    assert broken.words == "The area mean of what was emulated differs from its driver by up to 0.25 K."


def test_precipitation_is_not_negative():
    rain = np.array([[0.0, 1.0, np.nan], [2.0, -0.5, np.nan]])
    found = physics.not_negative(rain)
    assert (found.passed, found.worst, found.share) == (False, 0.5, 0.25)
    assert found.words == "Precipitation is below 0 in 25 % of years and cells, down to -0.5 mm day-1."
    assert physics.not_negative(np.abs(rain)).words == "Precipitation is nowhere below 0."
    with pytest.raises(BadInput, match="There is no value to check"):
        physics.not_negative(rain * np.nan)


@real.needed
def test_tasmax_of_real_simulations_is_above_tas():
    mean, maximum = real.read("ssp585", "r1").fields, real.read("ssp585", "r1", "tasmax").fields
    assert physics.maximum_above_mean(maximum, mean).passed
    swapped = physics.maximum_above_mean(mean, maximum)
    assert not swapped.passed
    assert swapped.share == pytest.approx((maximum > mean).mean())
    assert f"by up to {(maximum - mean).max():.3g} K" in swapped.words
    with pytest.raises(BadInput, match="both must be of the same years and cells"):
        physics.maximum_above_mean(maximum[1:], mean)


@real.needed
def test_heat_uptake_of_real_simulations_grows_with_warming():
    past, later = real.read("historical", "r1", "hfds"), real.read("ssp585", "r1", "hfds")
    warming = np.concatenate([real.anomalies("historical", "r1").gmst, real.anomalies("ssp585", "r1").gmst])
    uptake = np.concatenate([past.fields, later.fields])
    land = land_from_gaps(uptake)
    assert land.words == "Land is where hfds has no value: whole cells, coasts are one or the other."
    assert 0.25 < 1 - land.ocean(past.weight) < 0.45
    found = physics.heat_uptake(0.5 * uptake, uptake, warming, past.weight, land.ocean(past.weight))
    series = [land.ocean(past.weight) * slow.area(row, past.weight) for row in uptake]
    slope = slow.line(series, warming)[0]
    assert slope > 0
    assert found.worst == pytest.approx(-0.5 * slope, rel=1e-9)
    assert f"{slope:+.2f} in the model" in found.words
    assert found.passed is None
    for share in (0, 1.2):
        with pytest.raises(BadInput, match="it must be above 0 and at most 1"):
            physics.heat_uptake(uptake, uptake, warming, past.weight, share)
    with pytest.raises(BadInput, match="takes three years at least, which differ in warming"):
        physics.heat_uptake(uptake[:2], uptake[:2], warming[:2], past.weight, 0.7)


def test_closure_is_the_mean_of_net_flux_less_uptake_over_ten_years():
    year = np.arange(2091, 2101)
    uptake = np.linspace(1, 2, 10)
    found = physics.closure(uptake + 0.3, uptake, 2 * uptake, uptake, year)
    assert (found.name, found.passed, found.worst) == ("closure", None, pytest.approx(1.5))
    assert "From 2091 to 2100" in found.words
    assert "+1.50 W m-2 above" in found.words
    assert found.words.endswith("+0.30 in the model.")
    for wrong in (year[:9], np.r_[year[:9], 2102]):
        with pytest.raises(BadInput, match="Closure is of 10 consecutive years"):
            physics.closure(uptake, uptake, uptake, uptake, wrong)
    with pytest.raises(BadInput, match="A flux has no value in some years"):
        physics.closure(uptake * np.nan, uptake, uptake, uptake, year)
