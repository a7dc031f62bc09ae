"""Seasons of a card against xarray, which opens the same monthly files and makes the same means by other ways."""

import numpy as np
import pytest
import xarray as xr

from datasel_core.actions.add_pool import add_pool
from datasel_core.evidence.emulators import cards
from datasel_core.evidence.emulators.page import page
from datasel_core.pools.persistence import load_pool
from tests.evidence.emulators.test_card import judged
from tests.evidence.emulators.test_page import Tags
from tests.pools.simulations import COLUMNS, LAT, attributes, dataset, put, warming

SPANS = {"historical": (1850, 1909), "ssp245": (1910, 1949), "ssp585": (1910, 1949)}
PERIOD = slice("1930", "1949")
ASKED = {"run": "c", "target": "ssp245", "period": "1930-1949"}
AREA = np.repeat(np.cos(np.deg2rad(LAT)), COLUMNS)
AREA = AREA / AREA.sum()
MEMBERS = ("r1i1p1f1", "r2i1p1f1")


def monthly(years, scenario, member):
    """(12 y, rows, columns) K: a cycle that weakens and comes later where it grows warmer, by hemisphere, and weather
    of months.
    """
    rng = np.random.default_rng([years[0], int(member[1]), len(scenario)])
    fast = 2 if scenario == "ssp585" else 1
    annual = np.repeat(warming(1850 + (years - 1850) * fast, int(member[1])), 12, axis=0)
    month = np.tile(np.arange(12), len(years))[:, None, None]
    when = np.repeat(years - 1850, 12)[:, None, None] * fast
    side = np.where(LAT > 0, 6.0, 0.0)[:, None]
    size = np.abs(LAT)[:, None] / 4 * (1 - 0.002 * when)
    cycle = size * np.cos(2 * np.pi * (month - side - 0.005 * when) / 12)
    return annual + cycle + rng.normal(0, 0.1, annual.shape)


def write(folder, months=True, spoil=0.0):
    for scenario, (first, last) in SPANS.items():
        years = np.arange(first, last + 1)
        for member in MEMBERS:
            values = monthly(years, scenario, member)
            if not months:
                values = values.reshape(len(years), 12, *values.shape[1:]).mean(axis=1)
            values[-1] += spoil
            said = attributes(scenario, member)
            put(folder, dataset(values, years, calendar="standard", months=months, **said), scenario, member)


@pytest.fixture
def card(workspace, tmp_path):
    write(tmp_path / "runs")
    add_pool(workspace, "c", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    return judged(workspace, **ASKED)


def opened(folder, scenario, member="r1i1p1f1"):
    """Historical and what follows, as one series of months, (months, cells)."""
    both = [xr.open_dataset(folder / f"tas_ann_MODEL-1_{one}_{member}_gn.nc") for one in ("historical", scenario)]
    whole = xr.concat(both, "time").tas.stack(cell=("lat", "lon")).drop_vars(["cell", "lat", "lon"])
    assert whole.sizes["time"] == 1200
    return whole


def by_days(months, rule):
    days = months.time.dt.days_in_month
    return (months * days).resample(time=rule).sum() / days.resample(time=rule).sum()


def seasonal(folder, scenario, name, member="r1i1p1f1"):
    """(years, cells) anomalies of a season by year of its January, and of whole winters alone."""
    quarters = by_days(opened(folder, scenario, member), "QS-DEC")
    start = {"DJF": 12, "MAM": 3, "JJA": 6, "SON": 9}[name]
    mine = quarters.isel(time=quarters.time.dt.month == start)
    year = mine.time.dt.year.values + (start == 12)
    keep = (year >= 1850 + (start == 12)) & (year <= 1949)
    return year[keep], mine.values[keep] - mine.values[keep][year[keep] <= 1880].mean(axis=0)


def yearly(folder, scenario, member="r1i1p1f1"):
    means = by_days(opened(folder, scenario, member), "YS").values
    return means - means[:31].mean(axis=0)


def line_errors(folder, name):
    """RMSE_s of pattern scaling of a season on historical and ssp585, all members, on ssp245's first."""
    x, y = [], []
    for member in MEMBERS:
        year, fields = seasonal(folder, "ssp585", name, member)
        gmst = (yearly(folder, "ssp585", member) @ AREA)[year - 1850]
        x, y = [*x, *gmst], [*y, *fields]
    year, truth = seasonal(folder, "ssp245", name)
    told_of = (yearly(folder, "ssp245") @ AREA)[year - 1850]
    slope, level = np.polyfit(x, np.array(y), 1)
    late = year >= 1930
    gone = (np.outer(told_of, slope) + level - truth)[late].mean(axis=0)
    return np.sqrt(AREA @ gone**2), truth[late].mean(axis=0)


def test_seasons_are_those_of_xarray_beside_baselines_and_noise(card, tmp_path):
    found = {one["name"]: one for one in card["seasons"]["means"]}
    assert list(found) == ["DJF", "MAM", "JJA", "SON"]
    assert "seasons" not in card["reasons"]
    for name, one in found.items():
        error, truth = line_errors(tmp_path / "runs", name)
        assert one["errors"]["emulator"]["rmse_s"] == pytest.approx(error, abs=2e-5)
        assert one["errors"]["pattern scaling"]["rmse_s"] == pytest.approx(error, abs=2e-5)
        assert one["errors"]["zero anomaly"]["rmse_s"] == pytest.approx(np.sqrt(AREA @ truth**2), abs=2e-5)
        year, other = seasonal(tmp_path / "runs", "ssp245", name, "r2i1p1f1")
        apart = truth - other[year >= 1930].mean(axis=0)
        assert one["floor"]["s"] == pytest.approx(np.sqrt(AREA @ apart**2 / 2), abs=2e-5)
        assert one["errors"].keys() == card["errors"].keys()
    # the first winter of the past has no December before; that of 1910 has the one of the historical run
    assert [one["trained_on"] for one in found.values()] == [198, 200, 200, 200]
    assert "winters from 1851 to 1880" in card["seasons"]["by"]
    assert "single months and extremes" in card["task"]["out_of_scope"][1]


def test_the_cycle_of_the_year_beside_that_of_the_past(card, tmp_path):
    folder, told, truth, past = tmp_path / "runs", [], [], []
    own, gmst = opened(folder, "ssp245"), yearly(folder, "ssp245") @ AREA
    for month in range(1, 13):
        x, y = [], []
        for member in MEMBERS:
            values = opened(folder, "ssp585", member)
            values = values[values.time.dt.month == month].values
            x, y = [*x, *(yearly(folder, "ssp585", member) @ AREA)], [*y, *(values - values[:31].mean(axis=0))]
        slope, level = np.polyfit(x, np.array(y), 1)
        mine = own[own.time.dt.month == month].values
        past.append(mine[:31].mean(axis=0))
        truth.append(mine[80:].mean(axis=0))
        told.append(past[-1] + (np.outer(gmst[80:], slope) + level).mean(axis=0))
    told, truth, past = (np.array(one) - np.mean(one, axis=0) for one in (told, truth, past))
    found = card["seasons"]["cycle"]
    np.testing.assert_allclose(found["truth"], truth @ AREA, atol=2e-5)
    np.testing.assert_allclose(found["emulated"], told @ AREA, atol=2e-5)
    for one, guess in ((found, told), (found["unchanged"], past)):
        assert one["rmse"] == pytest.approx(np.sqrt(((guess - truth) ** 2 @ AREA).mean()), abs=2e-5)
        (size, late), (its_size, its_late) = harmonic(truth), harmonic(guess)
        assert one["amplitude_rmse"] == pytest.approx(np.sqrt(AREA @ (its_size - size) ** 2), abs=2e-5)
        off = np.abs((its_late - late + 6) % 12 - 6)
        assert one["phase"] == pytest.approx((AREA * size) @ off / (AREA @ size), abs=2e-4)
    assert found["rmse"] < found["unchanged"]["rmse"] / 2  # the cycle was made to change in a line
    assert 0 < found["floor"] < found["unchanged"]["rmse"]


def harmonic(cycle):
    """Amplitude and month of the highest, by least squares on a cosine and a sine."""
    turn = 2 * np.pi * np.arange(12) / 12
    (cos, sin), *_ = np.linalg.lstsq(np.stack([np.cos(turn), np.sin(turn)], axis=1), cycle, rcond=None)
    return np.hypot(cos, sin), np.arctan2(sin, cos) * 12 / (2 * np.pi) % 12


def test_the_page_shows_seasons(card, workspace):
    html = page(card, cards.maps(workspace, card["key"]))
    read = Tags(html)
    assert read.open == []
    for one in ("DJF", "JJA", "Cycle of the year", "As in the baseline", "told the same driver"):
        assert one in read.text


def test_annual_files_have_no_seasons_and_changed_ones_are_refused(workspace, tmp_path):
    write(tmp_path / "annual", months=False)
    add_pool(workspace, "c", str(tmp_path / "annual"), "climate", {"baseline": "1850-1880"})
    said = judged(workspace, **ASKED)
    assert said["seasons"] is None
    assert said["reasons"]["seasons"] == "The pool was made of annual means, which have no seasons."
    assert "months, seasons and extremes" in said["task"]["out_of_scope"][1]


def test_files_that_changed_since_the_pool_was_made_give_no_seasons(workspace, tmp_path):
    write(tmp_path / "runs")
    add_pool(workspace, "c", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    write(tmp_path / "runs", spoil=0.5)
    said = judged(workspace, **ASKED)
    assert said["seasons"] is None
    assert (
        "others than those that the pool was made of: historical/r1i1p1f1 has another mean of 1909"
        in (said["reasons"]["seasons"])
    )
    assert load_pool(workspace, "c").n == 280


def test_another_emulator_is_fitted_to_seasons_anew(workspace, tmp_path):
    """In spring and autumn the cycle that comes later bends; a Gaussian process tells that, and a line does not."""
    write(tmp_path / "runs")
    add_pool(workspace, "c", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    said = judged(workspace, **ASKED, kind="gaussian_process")
    for one in (said["seasons"]["means"][at] for at in (1, 3)):
        assert one["errors"]["emulator"]["rmse_s"] < 0.3 * one["errors"]["pattern scaling"]["rmse_s"]
