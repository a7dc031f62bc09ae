"""Pattern scaling against its laws, a slow definition, and the golden numbers on real CMIP6 fields."""

import json

import numpy as np
import pytest

from datasel_core.analysis.climate.emulators import pattern_scaling
from datasel_core.errors import BadInput
from tests.analysis.climate.emulators import real
from tests.conftest import conformance


def world(rng, years=60, cells=35):
    """Fields that are no straight lines, the weights of their cells, and the driver that is their area mean."""
    weight = rng.uniform(0.1, 1, cells)
    fields = np.linspace(0, 2, years)[:, None] ** 2 * rng.uniform(0.2, 3, cells) + rng.standard_normal((years, cells))
    return fields, fields @ weight / weight.sum(), weight


@pytest.mark.parametrize("weighting", ["years", "scenarios", "scenario_years"])
def test_slopes_average_one_and_intercepts_zero(rng, weighting):
    fields, driver, weight = world(rng)
    names = np.repeat(["ssp126", "ssp585"], [20, 40])
    member = np.repeat(["r1", "r1", "r2"], 20)
    year = np.tile(np.arange(2015, 2035), 3)
    found = pattern_scaling.fit(fields, driver, weight, names, member, year, weighting=weighting)
    assert np.average(found.slope[0], weights=weight) == pytest.approx(1, abs=1e-12)
    assert np.average(found.intercept, weights=weight) == pytest.approx(0, abs=1e-12)
    assert np.average(found.predict(driver), axis=1, weights=weight) == pytest.approx(driver, abs=1e-12)


def test_each_cell_is_a_least_squares_line(rng):
    fields, driver, weight = world(rng)
    found = pattern_scaling.fit(fields, driver, weight)
    for cell in range(fields.shape[1]):
        slope, intercept = np.polyfit(driver, fields[:, cell], 1)
        assert found.slope[0, cell] == pytest.approx(slope, rel=1e-10)
        assert found.intercept[cell] == pytest.approx(intercept, abs=1e-10)


@pytest.mark.parametrize(
    ("weighting", "copies"),
    [("years", [1, 1, 1]), ("scenarios", [2, 1, 1]), ("scenario_years", [2, 1, 1])],
)
def test_weights_are_years_that_are_seen_more_often(rng, weighting, copies):
    """Three runs of 20 years, the last two of one scenario: a year that weighs twice as much is a year seen twice."""
    fields, driver, weight = world(rng)
    names, member = np.repeat(["ssp126", "ssp585"], [20, 40]), np.repeat(["r1", "r1", "r2"], 20)
    year = np.tile(np.arange(2015, 2035), 3)
    found = pattern_scaling.fit(fields, driver, weight, names, member, year, weighting=weighting)
    often = np.repeat(np.arange(60), np.repeat(copies, 20))
    again = pattern_scaling.fit(fields[often], driver[often], weight)
    assert found.slope == pytest.approx(again.slope, abs=1e-11)
    assert found.intercept == pytest.approx(again.intercept, abs=1e-11)


def test_scenarios_count_once_however_long_they_are(rng):
    fields, driver, weight = world(rng)
    names = np.repeat(["historical", "ssp585"], [45, 15])
    found = pattern_scaling.fit(fields, driver, weight, names, weighting="scenarios")
    often = np.r_[np.arange(45), np.tile(np.arange(45, 60), 3)]
    assert found.slope == pytest.approx(pattern_scaling.fit(fields[often], driver[often], weight).slope, abs=1e-11)
    plain = pattern_scaling.fit(fields, driver, weight, names, weighting="scenario_years")
    assert plain.slope == pytest.approx(pattern_scaling.fit(fields, driver, weight).slope, abs=1e-12)


def test_several_drivers_and_cells_without_data(rng):
    truth, driver = rng.standard_normal((3, 12)), rng.standard_normal((40, 2)) * [1, 1e6]
    fields = truth[0] + driver @ (truth[1:] / np.array([[1], [1e6]]))
    fields[:, [3, 7]] = np.nan
    found = pattern_scaling.fit(fields, driver, np.ones(12))
    ask = rng.standard_normal((5, 2)) * [1, 1e6]
    expected = truth[0] + ask @ (truth[1:] / np.array([[1], [1e6]]))
    expected[:, [3, 7]] = np.nan
    np.testing.assert_allclose(found.predict(ask), expected, atol=1e-10)


def test_what_does_not_fit_is_refused_in_one_line(rng):
    fields, driver, weight = world(rng)
    fit = pattern_scaling.fit
    holes = fields.copy()
    holes[4, 2] = np.nan
    cases = [
        (lambda: fit(fields[0], driver, weight), "must be years by cells"),
        (lambda: fit(fields, driver[:-1], weight), r"shape \(59,\); it must be 60 years"),
        (lambda: fit(fields, driver, weight[1:]), "35 cells and weights of shape"),
        (lambda: fit(fields, driver, -weight), "finite areas of at least 0"),
        (lambda: fit(holes, driver, weight), "1 cells have no number in some years"),
        (lambda: fit(fields * np.nan, driver, weight), "No cell has a number"),
        (lambda: fit(fields, driver * np.nan, weight), "not finite in 60 years"),
        (lambda: fit(fields, np.ones(60), weight), "60 years determine 1 of 2 coefficients"),
        (lambda: fit(fields, np.c_[driver, 3 * driver + 1], weight), "determine 2 of 3 coefficients"),
        (lambda: fit(fields[:1], driver[:1], weight), "1 years determine 1 of 2"),
        (lambda: fit(fields, driver, weight, ["ssp126"]), "60 years and a scenario of shape"),
        (lambda: fit(fields, driver, weight, year=np.arange(3)), "one whole number each"),
        (lambda: fit(fields, driver, weight).predict(np.ones((4, 2))), "has 2 columns; the emulator was fitted to 1"),
        (lambda: fit(fields, driver, weight, weighting="year"), "no weighting called year. Did you mean years"),
    ]
    for call, words in cases:
        with pytest.raises(ValueError, match=words):
            call()
    assert issubclass(BadInput, ValueError)


def test_golden_numbers_on_real_fields():
    if conformance() is None:
        pytest.skip("no conformance files: ../shared/conformance is not there")
    golden = json.loads((conformance() / "golden.json").read_text())["pattern_scaling"]
    weight = real.grid()[2]
    train = [real.run("historical"), real.run("ssp585")]
    target, recent = real.run("ssp126"), train[0]
    found = pattern_scaling.fit(
        np.concatenate([one.field for one in train]), np.concatenate([one.gmst for one in train]), weight
    )
    late = target.year >= golden["period"][0]
    truth = target.field[late].mean(axis=0)

    def rmse(guess) -> float:
        return float(np.sqrt(np.average(np.square(truth - guess), weights=weight)))

    guesses = {
        "rmse_s": found.predict(target.gmst)[late].mean(axis=0),
        "zero_anomaly": 0.0,
        "persistence_1995_2014": recent.field[recent.year >= 1995].mean(axis=0),
        "uniform_gmst": target.gmst[late].mean(),
    }
    for name, guess in guesses.items():
        assert rmse(guess) == pytest.approx(golden[name], abs=golden["atol"]), name
    norm = abs(np.average(truth, weights=weight))
    assert norm == pytest.approx(golden["norm"], abs=golden["atol"])
    assert rmse(guesses["rmse_s"]) / norm == pytest.approx(golden["nrmse_s"], abs=golden["atol"])
    one, two = (real.run("ssp585", member, base=member) for member in (1, 2))  # each to its own baseline
    away = (one.field - two.field)[one.year >= golden["period"][0]]
    members = golden["members_ssp585_r1_r2"]
    assert np.sqrt(np.average(np.square(away.mean(axis=0)), weights=weight)) == pytest.approx(
        members["rmse_s"], abs=golden["atol"]
    )
    globe = away @ weight / weight.sum()
    assert np.sqrt(np.square(globe).mean()) == pytest.approx(members["rmse_g"], abs=golden["atol"])
