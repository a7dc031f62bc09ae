"""What simulated years cost: against reckonings by hand, and through a pool and the command line."""

import itertools
import json

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.simulations import branches
from datasel_core.costs.rates import Rate
from datasel_core.costs.simulations import document, examples
from datasel_core.costs.simulations.price import Rates, price
from datasel_core.costs.simulations.purchase import bought
from datasel_core.errors import BadParameter
from tests.pools.simulations import usual

PAST, FUTURE = ("historical", "r1"), ("ssp585", "r1")
BEGINS = {"historical/r1": 1850, "ssp585/r1": 2015, "ssp585/r2": 2015}
PARENTS = {"ssp585/r1": "historical/r1", "ssp585/r2": "historical/r2"}
SCATTERED = [(*PAST, 1900), (*PAST, 2000), (*FUTURE, 2030), (*FUTURE, 2100)]
RATES = Rates(Rate(2000, low=1500, high=2500), Rate(1), Rate(0.02, low=0.01, high=0.03), Rate(20), "EUR")


def test_scattered_years_are_priced_as_whole_runs_and_it_is_said():
    """1850 to 2000 are 151 years, 2015 to 2100 are 86; 237 x 2,000 x .02 + 237 x 20 = 14,220 EUR."""
    found = price(bought(SCATTERED, "run", BEGINS), RATES)
    assert [(one.run, one.first, one.last, one.kept) for one in found.bought.stretches] == [
        ("historical/r1", 1850, 2000, 2),
        ("ssp585/r1", 2015, 2100, 2),
    ]
    assert (found.bought.simulated, found.bought.kept, found.bought.stored) == (237, 4, 237)
    assert found.core_hours.plain() == {"low": 237 * 1500, "mid": 237 * 2000, "high": 237 * 2500}
    assert found.terabytes.plain() == dict.fromkeys(("low", "mid", "high"), 237)
    low, high = 237 * 1500 * 0.01 + 237 * 20, 237 * 2500 * 0.03 + 237 * 20
    assert found.money.plain() == pytest.approx({"low": low, "mid": 14220, "high": high})
    assert document.sentence(found) == (
        "4 scattered years are priced as 2 whole runs, from the branch point to the last year that is kept: 237 years "
        "are simulated, 59.2 times as many as are kept; 474,000 core-hours (356,000 to 592,000), 237 TB, 14,200 EUR "
        "(8,300 to 22,500)."
    )
    assert document.notes(found) == [document.RESTARTS]


def test_where_nothing_can_be_restarted_the_past_is_simulated_too():
    """The future alone is kept: the past up to 2014 is 165 years, and 300 years of spin-up come before."""
    found = bought([(*FUTURE, 2020)], "run", BEGINS, 300, "none", PARENTS)
    assert [(one.run, one.first, one.last, one.spin_up) for one in found.stretches] == [
        ("historical/r1", 1850, 2014, 300),
        ("ssp585/r1", 2015, 2020, 0),
    ]
    assert (found.simulated, found.stored, found.spin_up) == (471, 171, 300)
    said = document.lines(price(found, Rates()))
    assert "471 years are simulated, 300 years of them spin-up, 471 times as many as are kept" in said[0]
    assert said[1] == "historical/r1 1850-2014 after 300 years of spin-up: 165 years, to branch from"
    later = bought([(*FUTURE, 2020), (*PAST, 1900)], "run", BEGINS, 300, "none", PARENTS)
    assert later.simulated == 471  # the past is needed up to 2014 anyway
    assert bought([(*FUTURE, 2020)], "run", BEGINS, 300, "there", PARENTS).simulated == 6


def test_slices_are_joined_where_the_gap_is_no_longer_than_the_spin_up():
    years = [(*FUTURE, year) for year in (2020, 2021, 2024, 2040)]
    found = bought(years, "time_slice", BEGINS, 2)
    assert [(one.first, one.last, one.kept) for one in found.stretches] == [(2020, 2024, 3), (2040, 2040, 1)]
    assert (found.simulated, found.stored) == (5 + 1 + 2 * 2, 6)
    assert document.notes(price(found, Rates())) == [document.SLICES]


@pytest.mark.parametrize("spin_up", [0, 1, 3])
def test_no_other_slices_are_cheaper(spin_up, rng):
    """By trying every way to cut the wanted years into slices."""
    years = np.sort(rng.choice(np.arange(2020, 2045), 9, replace=False)).tolist()
    found = bought([(*FUTURE, year) for year in years], "time_slice", BEGINS, spin_up)
    costs = []
    for cuts in itertools.product([False, True], repeat=len(years) - 1):
        parts = np.split(years, np.flatnonzero(cuts) + 1)
        costs.append(sum(part[-1] - part[0] + 1 + spin_up for part in parts))
    assert found.simulated == min(costs)


def test_an_archive_has_these_years_and_no_others():
    found = price(bought(SCATTERED, "archive", {}), Rates(Rate(3), Rate(0.5)))
    assert (found.bought.simulated, found.bought.stored, found.bought.processed) == (0, 4, 4)
    assert (found.core_hours.mid, found.terabytes.mid, found.money) == (12, 2, None)
    assert document.sentence(found) == "4 years are taken from an archive, one by one; 12 core-hours, 2 TB."
    assert document.notes(found) == [document.ARCHIVE, document.CERTAIN]


def test_cmip6_is_about_its_own_size():
    """About 40,000 simulated years and 40 PB (CPMIP)."""
    years = [("historical", f"r{member}", 1850 + at) for member in range(400) for at in range(100)]
    begins = {f"historical/r{member}": 1850 for member in range(400)}
    found = price(bought(years, "run", begins), Rates(terabytes=examples.TERABYTES))
    assert (found.bought.simulated, found.terabytes.mid) == (40000, 40000)
    assert "no more than are kept" in document.sentence(found)
    assert examples.CORE_HOURS.mid == 14e6 / 7000


def test_a_measured_rate_has_the_interval_of_its_measurement():
    measured = Rate(2000, spread=200, k=10)
    found = price(bought(SCATTERED, "run", BEGINS), Rates(measured))
    low, high = measured.between(0.9)
    assert found.core_hours.plain() == pytest.approx({"low": 237 * low, "mid": 474000, "high": 237 * high})


def test_what_will_not_do_is_said_in_one_line():
    with pytest.raises(BadParameter, match="No year is to be bought; keep at least one."):
        bought([], "run", BEGINS)
    with pytest.raises(BadParameter, match="The spin-up is -1 years; it must be at least 0."):
        bought(SCATTERED, "run", BEGINS, -1)
    with pytest.raises(BadParameter, match="Nobody said in which year the run ssp126/r1 branched."):
        bought([("ssp126", "r1", 2050)], "run", BEGINS)
    with pytest.raises(BadParameter, match="ssp585/r1 begins in 2015; the year 2010 is none of its own."):
        bought([(*FUTURE, 2010)], "run", BEGINS)
    with pytest.raises(BadParameter, match="The price of a core-hour says nothing without how many a year takes"):
        Rates(core_hour=Rate(1))


@pytest.fixture
def kept(workspace, tmp_path, capsys):
    """A selection of three years from a small pool: the last of the future is among them."""
    usual(tmp_path / "runs")
    pool = add_pool(workspace, "c", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    where = "year IN (1850, 1880, 1939)"
    assert main(["select", "c", "random", "--budget", "3", "--where", where, "--out", str(tmp_path / "kept")]) == 0
    capsys.readouterr()
    return pool, str(tmp_path / "kept")


def test_the_command_prices_a_selection(kept, capsys, tmp_path, workspace):
    pool, folder = kept
    assert branches(pool) == (
        {"historical/r1i1p1f1": 1850, "ssp585/r1i1p1f1": 1910},
        {"ssp585/r1i1p1f1": "historical/r1i1p1f1"},
    )
    words = ["simulations", folder, "--core-hours", "1000-3000", "--storage", "example"]
    assert main([*words, "--core-hour-price", ".01", "--currency", "EUR", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["years"] == {"kept": 3, "simulated": 61, "spin_up": 0, "stored": 61}
    assert found["core_hours"] == {"low": 61000, "mid": 122000, "high": 183000}
    assert found["money"] == pytest.approx({"low": 610, "mid": 1220, "high": 1830})
    assert found["terabytes"]["mid"] == 61
    assert "40 PB" in found["rates"]["terabytes_per_year"]["source"]
    assert "3 scattered years are priced as 2 whole runs" in found["sentence"]
    assert main(["simulations", folder, "--purchase", "archive"]) == 0
    assert "3 years are taken from an archive, one by one." in capsys.readouterr().out
    np.savez(tmp_path / "v.npz", embedding=np.eye(3))
    add_pool(workspace, "v", str(tmp_path / "v.npz"), "vectors")
    assert main(["select", "v", "random", "--budget", "2", "--out", str(tmp_path / "other")]) == 0
    assert main(["simulations", str(tmp_path / "other")]) == 2
    line = "v has no column scenario, so its samples are no simulated years; `plan` prices labels."
    assert line in capsys.readouterr().err
    assert main(["simulations", folder, "--core-hours", "many"]) == 2
    assert "The number of core-hours is many" in capsys.readouterr().err.replace("'", "")
