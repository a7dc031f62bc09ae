"""Errors of fields against the oracle, golden numbers from real simulations, and the known errors of public code."""

import json

import numpy as np
import pytest

from datasel_core.analysis.climate.area import area_mean, cells_there, latitude_weight, normalised
from datasel_core.analysis.climate.scores import baselines as base
from datasel_core.analysis.climate.scores import draws
from datasel_core.analysis.climate.scores.errors import (
    driver_parts,
    errors,
    errors_by_region,
    noise_floor,
    parts,
    within,
)
from datasel_core.errors import BadInput, BadParameter
from tests.analysis.climate import real
from tests.conftest import conformance
from tests.oracles import climate as slow

LAT = np.repeat([-75.0, -30.0, 10.0, 60.0], 3)


@pytest.fixture
def made(rng):
    truth = rng.normal(2.0, 1.0, (7, len(LAT)))
    return truth, truth + rng.normal(0.1, 0.5, truth.shape), latitude_weight(LAT)


def test_area_means_are_those_of_the_oracle(rng, made):
    truth, _, weight = made
    assert weight == pytest.approx(slow.weights(LAT), abs=1e-15)
    assert area_mean(truth, 17 * weight) == pytest.approx([slow.area(one, weight) for one in truth], abs=1e-13)
    truth[:, 4:7] = np.nan  # land, where a variable is of the ocean
    assert area_mean(truth, weight) == pytest.approx([slow.area(one, weight) for one in truth], abs=1e-13)
    assert area_mean(np.where(np.isnan(truth), np.nan, 3.0), weight) == pytest.approx(np.full(7, 3.0), abs=1e-13)
    # Half of the Earth lies within 30 degrees of the equator: degrees, not radians, give the cosine.
    fine = np.linspace(-89.95, 89.95, 1800)
    assert latitude_weight(fine)[np.abs(fine) < 30].sum() == pytest.approx(0.5, abs=1e-3)


def test_weights_and_gaps_that_are_refused(made):
    truth, _, weight = made
    for bad in (-weight, weight * np.nan, weight * 0):
        with pytest.raises(BadParameter, match="Weights of cells must be one number of at least 0 for each cell"):
            normalised(bad)
    with pytest.raises(BadParameter, match="A latitude is missing or beyond 90; latitudes are degrees north"):
        latitude_weight(np.array([0.0, 91.0]))
    truth[3, 5] = np.nan
    with pytest.raises(BadInput, match="1 of 12 cells have gaps at some times only; give fields in which a cell"):
        cells_there(truth)
    with pytest.raises(BadInput, match="No cell has a value; give fields"):
        cells_there(truth * np.nan)
    with pytest.raises(BadInput, match="Fields have 12 cells and weights 11; they must be of one grid"):
        area_mean(truth, weight[1:])


def test_errors_are_those_of_the_oracle(made):
    truth, predicted, weight = made
    found = errors(truth, predicted, weight)
    assert found.rmse_s == pytest.approx(slow.rmse_s(truth, predicted, weight), rel=1e-12)
    assert found.rmse_g == pytest.approx(slow.rmse_g(truth, predicted, weight), rel=1e-12)
    assert found.norm == pytest.approx(slow.norm(truth, weight), rel=1e-12)
    assert found.total == pytest.approx((found.rmse_s + 5 * found.rmse_g) / found.norm, rel=1e-12)
    assert np.isnan(errors(0 * truth, predicted, weight).total)


def test_what_public_code_gets_wrong(made):
    """Each has been published; each gives another number here, which ours is not."""
    truth, predicted, weight = made
    gone, found = predicted - truth, errors(truth, predicted, weight)
    in_degrees = np.cos(LAT)  # no deg2rad
    wrong = {
        "unweighted": np.sqrt((gone.mean(axis=0) ** 2).mean()),
        "weights of degrees": np.sqrt((gone.mean(axis=0) ** 2 * in_degrees).sum() / abs(in_degrees.sum())),
        "weights whose mean is 1": np.sqrt((gone.mean(axis=0) ** 2 * weight / weight.mean()).sum()),
        "square outside the mean over time": np.sqrt(((gone**2).mean(axis=0) * weight).sum()),
    }
    assert min(abs(one / found.rmse_s - 1) for one in wrong.values() if np.isfinite(one)) > 0.01
    misplaced = np.sqrt(abs((gone @ weight).mean()) ** 2)  # the square of the mean is not the mean of the square
    assert abs(misplaced / found.rmse_g - 1) > 0.01
    # A batch of 3 years at a time, and a division per turn: neither is the mean over all years.
    batches = [np.s_[:3], np.s_[3:6], np.s_[6:]]
    by_batch = np.mean([errors(truth[one], predicted[one], weight).nrmse_s for one in batches])
    assert abs(by_batch / found.nrmse_s - 1) > 0.01
    looped = 0.0
    for one in (gone @ weight) ** 2:
        looped = (looped + one) / len(gone)
    assert abs(np.sqrt(looped) / found.rmse_g - 1) > 0.01
    # The scale of weights changes nothing.
    for scale in (1e-9, 12.0, 1e9):
        again = errors(truth, predicted, scale * weight)
        assert (again.rmse_s, again.rmse_g, again.norm) == pytest.approx((found.rmse_s, found.rmse_g, found.norm))


def test_parts_add_up_and_each_is_what_it_says(made):
    truth, predicted, weight = made
    found, whole = parts(truth, predicted, weight), errors(truth, predicted, weight)
    assert found.all == pytest.approx(slow.mse(truth, predicted, weight), rel=1e-12)
    assert found.bias + found.pattern + found.series + found.rest == pytest.approx(found.all, rel=1e-12)
    assert found.bias + found.pattern == pytest.approx(whole.rmse_s**2, rel=1e-12)
    assert found.bias + found.series == pytest.approx(whole.rmse_g**2, rel=1e-12)
    place, series = np.cos(np.arange(len(LAT))), np.array([3.0, -1, -1, 2, -3, 1, -1])
    place -= place @ weight
    for gone, name in (
        (place[None], "pattern"),
        (series[:, None], "series"),
        (0.7, "bias"),
        (np.outer(series, place), "rest"),
    ):
        only = parts(truth, truth + gone, weight)
        assert getattr(only, name) == pytest.approx(only.all, rel=1e-9)
    own = predicted + np.linspace(0, 1, 7)[:, None]
    split = driver_parts(truth, predicted, own, weight)
    assert split.all == pytest.approx(slow.mse(truth, own, weight), rel=1e-12)
    assert split.pattern == pytest.approx(slow.mse(truth, predicted, weight), rel=1e-12)
    assert split.pattern + split.driver + split.cross == pytest.approx(split.all, rel=1e-12)


def test_errors_of_regions_and_of_land(made):
    truth, predicted, weight = made
    north, land = LAT > 0, np.linspace(0, 1, len(LAT))
    found = errors_by_region(truth, predicted, weight, {"north": north, "land": land, "nowhere": LAT > 80})
    assert found["nowhere"] is None
    for name, share in (("north", north * weight), ("land", land * weight)):
        assert found[name].rmse_s == pytest.approx(slow.rmse_s(truth, predicted, share), rel=1e-12)
        assert found[name].norm == pytest.approx(slow.norm(truth, share), rel=1e-12)
    truth[:, LAT > 50] = np.nan
    predicted[:, LAT > 50] = np.nan
    gaps = errors_by_region(truth, predicted, weight, {"north": north, "gap": LAT > 50})
    assert gaps["gap"] is None
    assert gaps["north"].rmse_g == pytest.approx(slow.rmse_g(truth, predicted, north * weight), rel=1e-12)


def test_the_floor_is_the_deviation_of_one_member(rng):
    """Members that differ from what is forced by independent noise: the floor is the error of what is forced itself."""
    weight, forced = latitude_weight(LAT), rng.normal(size=(1, 5, len(LAT)))
    members = forced + rng.normal(0, 0.5, (40, 5, len(LAT)))
    floor = noise_floor(members, weight)
    perfect = np.sqrt(np.mean([errors(one, forced[0], weight).rmse_s ** 2 for one in members]))
    assert floor.s == pytest.approx(perfect, rel=0.03)
    assert floor.s == pytest.approx(0.5 / np.sqrt(5), rel=0.05)
    assert len(floor.pairs_s) == 40 * 39 / 2
    pair = slow.rmse_s(members[0], members[1], weight), slow.rmse_g(members[0], members[1], weight)
    two = noise_floor(members[:2], weight)
    assert (two.s, two.g) == pytest.approx([one / np.sqrt(2) for one in pair], rel=1e-12)
    with pytest.raises(BadInput, match="The noise floor is of two members at least of one scenario"):
        noise_floor(members[:1], weight)


def test_years_shapes_and_drivers_that_are_refused(made):
    truth, predicted, weight = made
    with pytest.raises(
        BadInput, match="16 years of 2080-2100 are not there, the first 2085; years go from 2070 to 2084"
    ):
        within(np.arange(2070, 2085))
    with pytest.raises(BadParameter, match="The period 2100-2080 ends before it begins"):
        within(np.arange(2070, 2101), (2100, 2080))
    with pytest.raises(BadInput, match=r"Truth is \(7, 12\) and what was predicted \(6, 12\)"):
        errors(truth, predicted[1:], weight)
    predicted[:, 2] = np.nan
    with pytest.raises(BadInput, match="lack different cells; they must be of the same cells"):
        errors(truth, predicted, weight)
    training = base.Training(truth, np.arange(7.0), np.arange(7), np.arange(7) > 3)
    with pytest.raises(BadInput, match="Name the driver: true GMST of the target, emulated GMST or forcing"):
        base.baselines(training, truth, np.arange(7.0), " ", weight)
    with pytest.raises(BadInput, match="years of 1995-2014 are not there"):
        base.recent_years(np.arange(1850, 2010), np.ones(160, bool))


def test_lines_of_many_choices_are_those_of_one_fit_each(rng):
    fields, driver = rng.normal(280, 1, (30, 5)), np.concatenate([rng.normal(0, 1, 15), rng.normal(4, 1, 15)])
    choices = draws.at_random(30, 8, 600, rng)  # beyond one block
    truth, at, weight = rng.normal(280, 1, (6, 5)), rng.normal(3, 1, 6), latitude_weight(np.linspace(-60, 60, 5))
    found = draws.rmse_s(fields, driver, choices, truth, at, weight)
    for one in (0, 255, 256, 599):
        fitted = [slow.line(fields[choices[one], c], driver[choices[one]]) for c in range(5)]
        made = [[a + b * x for b, a in fitted] for x in at]
        assert found[one] == pytest.approx(slow.rmse_s(truth, made, weight), rel=1e-10)
        lines = draws.lines(fields, driver, choices[one : one + 1])
        assert np.stack([lines.slope[0], lines.intercept[0]], axis=1) == pytest.approx(np.array(fitted), rel=1e-10)
    mask = np.zeros((1, 30), bool)
    mask[0, choices[3]] = True
    assert draws.lines(fields, driver, mask).slope == pytest.approx(draws.lines(fields, driver, choices[3:4]).slope)
    # A share of 2 is the year twice.
    share = np.ones(30)
    share[:3] = 2
    doubled = draws.lines(np.vstack([fields, fields[:3]]), np.append(driver, driver[:3]), np.ones((1, 33), bool))
    assert draws.lines(fields, driver, np.ones((1, 30), bool), share).slope == pytest.approx(doubled.slope)
    with pytest.raises(BadInput, match="no two years that differ in the driver; a line needs two"):
        draws.lines(fields, driver, np.array([[4]]))
    with pytest.raises(BadInput, match="There are 30 fields and 29 values of the driver"):
        draws.lines(fields, driver[1:], choices)
    with pytest.raises(BadInput, match="The budget is 31 years; it must be from 2 to 30"):
        draws.evenly(driver, 31)


def test_slopes_average_one_and_intercepts_zero(rng):
    weight = latitude_weight(LAT)
    fields = rng.normal(size=(40, len(LAT)))
    found = draws.lines(fields, area_mean(fields, weight), draws.at_random(40, 12, 50, rng))
    assert found.slope @ weight == pytest.approx(np.ones(50), abs=1e-10)
    assert found.intercept @ weight == pytest.approx(np.zeros(50), abs=1e-10)


@pytest.fixture(scope="module")
def cmip6():
    if real.needed.args[0]:
        pytest.skip(real.needed.kwargs["reason"])
    past, high = real.anomalies("historical", "r1"), real.anomalies("ssp585", "r1")
    year, fields = np.concatenate([past.year, high.year]), np.concatenate([past.fields, high.fields])
    recent = base.recent_years(year, np.arange(len(year)) < len(past.year))
    training = base.Training(fields, area_mean(fields, past.weight), year, recent)
    target = real.anomalies("ssp126", "r1")
    truth = target.fields[within(target.year)]
    return training, truth, area_mean(truth, past.weight), past.weight


def golden():
    if conformance() is None:
        pytest.skip("the numbers to agree with are not here")
    return json.loads((conformance() / "golden.json").read_text(encoding="utf-8"))["pattern_scaling"]


def test_golden_numbers_of_real_simulations(cmip6):
    training, truth, driver, weight = cmip6
    said, found = golden(), base.baselines(training, truth, driver, "true GMST of the target", weight)
    close = said["atol"]
    own = found[base.PATTERN_SCALING].found
    assert (own.rmse_s, own.norm, own.nrmse_s) == pytest.approx(
        (said["rmse_s"], said["norm"], said["nrmse_s"]), abs=close
    )
    names = {"zero anomaly": "zero_anomaly", "persistence": "persistence_1995_2014", "uniform GMST": "uniform_gmst"}
    for name, key in names.items():
        assert found[name].found.rmse_s == pytest.approx(said[key], abs=close)
    assert {one.driver for one in found.values()} == {"none", "true GMST of the target"}
    members = np.stack([one.fields[within(one.year)] for one in (real.anomalies("ssp585", m) for m in ("r1", "r2"))])
    between, floor = errors(members[0], members[1], weight), noise_floor(members, weight)
    said = said["members_ssp585_r1_r2"]
    assert (between.rmse_s, between.rmse_g) == pytest.approx((said["rmse_s"], said["rmse_g"]), abs=close)
    assert floor.s == pytest.approx(said["rmse_s"] / np.sqrt(2), abs=close)


def test_twenty_years_at_random_stratified_and_first(cmip6):
    """Section 7 of the methods: .379 K on average (.33 to .43), .384, 3.1."""
    training, truth, at, weight = cmip6
    fields, driver = training.fields, training.driver
    many = draws.at_random(len(driver), 20, 2000, np.random.default_rng(0))
    found = draws.rmse_s(fields, driver, many, truth, at, weight)
    assert found.mean() == pytest.approx(0.379, abs=2e-3)
    assert np.quantile(found, [0.05, 0.95]) == pytest.approx([0.33, 0.43], abs=0.01)
    chosen = np.stack([draws.evenly(driver, 20), np.arange(20)])
    assert draws.rmse_s(fields, driver, chosen, truth, at, weight) == pytest.approx([0.384, 3.08], abs=5e-3)
    everything = np.ones((1, len(driver)), bool)
    assert draws.rmse_s(fields, driver, everything, truth, at, weight) == pytest.approx([0.354289], abs=1e-6)


def test_members_are_not_mixed_between_reference_and_target(cmip6):
    """Persistence and lines know training years alone: other truth changes their errors, never what they predict."""
    training, truth, driver, weight = cmip6
    one = base.baselines(training, truth, driver, "true GMST of the target", weight)
    other = base.baselines(training, truth[::-1] + 1, driver, "true GMST of the target", weight)
    for name in one:
        assert (one[name].predicted == other[name].predicted).all()
        assert one[name].found != other[name].found
