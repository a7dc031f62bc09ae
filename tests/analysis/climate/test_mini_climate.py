"""The synthetic climate: what is forced, what is noise, and that scenarios go on from their member's past."""

import numpy as np
import pytest

from datasel_core.analysis.climate.mini_climate import LAYERS, SCENARIOS, SHRINK, MiniClimate, forcing
from datasel_core.errors import BadParameter, UnknownName

CLIMATE = MiniClimate()
SMALL = MiniClimate(4, 6)


def test_the_area_mean_is_the_energy_balance():
    for scenario in SCENARIOS:
        run = CLIMATE.run(scenario, 2, seed=3)
        assert (run.fields - CLIMATE.mean_state) @ CLIMATE.weight == pytest.approx(run.gmst, abs=1e-11)
        fields, gmst = CLIMATE.forced(scenario)
        assert fields @ CLIMATE.weight == pytest.approx(gmst, abs=1e-12)
        assert gmst - run.gmst == pytest.approx(-CLIMATE.noise(scenario, 2, 3)[0])
    means = {name: float(one @ CLIMATE.weight) for name, one in CLIMATE.patterns.items()}
    assert means == pytest.approx({"warming": 1, "slow": 0, "aerosol": 0, "variability": 1}, abs=1e-12)


def test_forcing_goes_on_where_history_ends_and_ends_near_its_name():
    then = forcing("historical")
    assert (then.year[0], then.year[-1]) == (1850, 2014)
    for scenario, end in (("ssp126", 2.6), ("ssp245", 4.5), ("ssp370", 7.0), ("ssp585", 8.5)):
        one = forcing(scenario)
        assert (one.year[0], one.year[-1]) == (2015, 2100)
        assert one.total[-1] == pytest.approx(end, abs=0.2)
        assert abs(one.total[0] - then.total[-1]) < 0.1
        assert CLIMATE.forced(scenario)[1][0] == pytest.approx(CLIMATE.forced("historical")[1][-1], abs=0.05)
    assert forcing("abrupt-4xCO2").total.tolist() == [LAYERS.forcing_4co2] * 150
    assert forcing("1pctCO2").total[69] == pytest.approx(LAYERS.forcing_4co2 / 2, rel=0.01)  # doubled after 70 years
    ends = [CLIMATE.forced(one)[1][-20:].mean() for one in ("ssp126", "ssp245", "ssp370", "ssp585")]
    assert ends == sorted(ends)
    assert 1.2 < ends[0] < 2.5 < 4 < ends[-1] < 5.5


def test_a_member_has_one_past_and_each_scenario_its_own_weather():
    past, noise = CLIMATE.run("historical", 1), {one: SMALL.noise(one, 1) for one in ("historical", "ssp126", "ssp585")}
    again = CLIMATE.run("historical", 1)
    assert (past.fields == again.fields).all()
    assert (CLIMATE.run("historical", 2).fields != past.fields).all()
    assert (CLIMATE.run("historical", 1, seed=1).fields != past.fields).all()
    assert (noise["ssp126"][1] != noise["ssp585"][1]).all()
    # The first year after the branch remembers the last before it: over members, as one year remembers another.
    pairs = np.array(
        [[SMALL.noise("historical", m)[1][-1, 0], SMALL.noise("ssp126", m)[1][0, 0]] for m in range(1, 201)]
    )
    assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(0.25, abs=0.12)


def test_noise_has_the_autocovariance_that_is_said():
    """Mean over the area, of 200 members, lags 0 to 3."""
    said, found = SMALL.autocovariance(4), np.zeros(4)
    for member in range(1, 201):
        globally, local = SMALL.noise("abrupt-4xCO2", member)
        all_of_it = np.outer(globally, SMALL.patterns["variability"]) + local
        for lag in range(4):
            products = all_of_it[: 150 - lag] * all_of_it[lag:]
            found[lag] += (products @ SMALL.weight).mean() / 200
    assert found == pytest.approx(said, abs=0.03 * said[0])
    # After 30 years weather is forgotten, and the ocean is not: what is left goes with the square of the pattern.
    square = sum(share * one**2 for share, one in zip(SMALL.weight, SMALL.patterns["variability"], strict=True))
    assert square > 1.01
    assert SMALL.autocovariance(31)[30] == pytest.approx(square * LAYERS.autocovariance(31)[30], rel=1e-9)


def test_the_ocean_takes_up_what_the_layers_gain():
    """The mean over the Earth of hfds, summed over 4 x CO2, is what the three layers hold more at the end."""
    runs = [CLIMATE.run("abrupt-4xCO2", member) for member in range(1, 41)]
    heat = np.mean([one.heat for one in runs], axis=0)
    ocean = ~np.isnan(heat).any(axis=0)
    assert (np.isnan(heat) == ~ocean).all()
    assert 0.4 < CLIMATE.weight[ocean].sum() < 0.9
    series = heat[:, ocean] @ CLIMATE.weight[ocean]
    state = LAYERS.run(np.full(150, LAYERS.forcing_4co2))
    held = state[1:, 1:] @ LAYERS.heat_capacity
    gained = (series[1:] + series[:-1]) / 2  # a year from its two ends
    assert gained[10:].sum() == pytest.approx(held[-1] - held[10], rel=0.02)
    again = CLIMATE.run("abrupt-4xCO2", 1)
    assert np.array_equal(again.heat, runs[0].heat, equal_nan=True)


def test_months_make_the_year_and_their_cycle_weakens_with_warming():
    days = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    runs = {one: SMALL.run(one, 1, monthly=True) for one in ("historical", "ssp585")}
    cycles = {}
    for name, run in runs.items():
        months = run.months.reshape(len(run.year), 12, -1)
        np.testing.assert_allclose(np.einsum("m,ymc->yc", days, months) / 365, run.fields, atol=1e-9)
        assert run.fields == pytest.approx(SMALL.run(name, 1).fields)
        cycles[name] = months - run.fields[:, None]
    north, south = SMALL.lat > 60, SMALL.lat < -60
    for part, warm, cold in ((north, 6, 0), (south, 0, 6)):
        mean = cycles["historical"][:, :, part].mean(axis=(0, 2))
        assert (mean.argmax(), mean.argmin()) == (warm, cold)
    # size of the cycle, by projection on its own shape, against forced warming: a line that falls by 3 % per K
    size = {name: np.einsum("ymc,mc->y", one, SMALL.cycle) / (SMALL.cycle**2).sum() for name, one in cycles.items()}
    warming = {name: SMALL.forced(name)[1] for name in size}
    slope, level = np.polyfit(np.concatenate(list(warming.values())), np.concatenate(list(size.values())), 1)
    assert slope == pytest.approx(-0.03, abs=0.005)
    assert level == pytest.approx(1, abs=0.01)
    assert SHRINK == 0.03


def test_what_is_refused():
    with pytest.raises(UnknownName, match="There is no scenario called ssp128. Did you mean ssp126"):
        CLIMATE.run("ssp128", 1)
    with pytest.raises(BadParameter, match="member is 0; members are counted from 1"):
        CLIMATE.run("ssp126", 0)
    with pytest.raises(BadParameter, match="The grid is 2 x 24; it must be from 4 x 4 to 90 x 180"):
        MiniClimate(2, 24)
