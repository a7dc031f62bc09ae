"""The synthetic climate: what is forced, what is noise, and that scenarios go on from their member's past."""

import numpy as np
import pytest

from datasel_core.analysis.climate.mini_climate import LAYERS, SCENARIOS, MiniClimate, forcing
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


def test_what_is_refused():
    with pytest.raises(UnknownName, match="There is no scenario called ssp128. Did you mean ssp126"):
        CLIMATE.run("ssp128", 1)
    with pytest.raises(BadParameter, match="member is 0; members are counted from 1"):
        CLIMATE.run("ssp126", 0)
    with pytest.raises(BadParameter, match="The grid is 2 x 24; it must be from 4 x 4 to 90 x 180"):
        MiniClimate(2, 24)
