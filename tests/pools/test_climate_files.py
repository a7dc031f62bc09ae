"""Years whose months lie in several files, as runs of CMIP5 from December to November do; and values that are none."""

import numpy as np
import pytest
import xarray as xr

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from tests.pools.simulations import attributes, dataset, put, warming

YEARS = np.arange(1850, 1861)


def written(folder, changed=0.0):
    """Months of a run in two files that part in December 1858 and share the November before."""
    values = np.repeat(warming(YEARS), 12, axis=0) + np.tile(np.arange(12), len(YEARS))[:, None, None]
    whole = dataset(values, YEARS, months=True, **attributes("historical"))
    at = 12 * (1858 - 1850) + 11
    folder.mkdir()
    whole.isel(time=slice(0, at)).to_netcdf(folder / "tas_Amon_MODEL-1_historical_r1i1p1f1_gn_1.nc")
    rest = whole.isel(time=slice(at - 1, None)).copy(deep=True)
    rest["tas"][0] += changed
    rest.to_netcdf(folder / "tas_Amon_MODEL-1_historical_r1i1p1f1_gn_2.nc")
    return whole


def test_a_year_whose_months_lie_in_two_files_is_whole(workspace, tmp_path):
    whole = written(tmp_path / "runs")
    pool = add_pool(workspace, "m", str(tmp_path / "runs"), "climate", {"baseline": "1850-1855"})
    assert (pool.n, pool.left_out) == (11, 0)
    days = xr.DataArray([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] * len(YEARS), dims="time")
    area = np.cos(np.deg2rad(whole.lat))
    mean = whole.tas.mean("lon").weighted(area).mean("lat").values
    by_year = np.array([np.average(mean[12 * at : 12 * at + 12], weights=days[:12]) for at in range(len(YEARS))])
    assert pool.column("gmst").tolist() == pytest.approx((by_year - by_year[:6].mean()).tolist(), abs=1e-5)


def test_a_month_of_two_values_is_refused(workspace, tmp_path, capsys):
    written(tmp_path / "runs", changed=0.5)
    assert main(["pool", "add", "m", str(tmp_path / "runs"), "--kind", "climate"]) == 2
    said = capsys.readouterr().err
    assert "historical/r1i1p1f1 has the month 1858-11 in tas_Amon_MODEL-1_historical_r1i1p1f1_gn_1.nc and in" in said
    assert "with other values; keep one of the two" in said


def test_a_gap_in_one_year_of_the_baseline_costs_that_year_and_no_cell(workspace, tmp_path):
    data = dataset(warming(YEARS), YEARS, **attributes("historical"))
    data["tas"][3, 2, 2] = 1e20
    put(tmp_path / "runs", data, "historical")
    pool = add_pool(workspace, "g", str(tmp_path / "runs"), "climate", {"baseline": "1850-1858"})
    assert (pool.n, pool.left_out) == (10, 1)
    assert pool.unreadable == [
        {
            "id": "historical/r1i1p1f1/1853",
            "reason": "1 of its cells have no value that others have, and 0 have one that others lack",
        }
    ]
    area = np.cos(np.deg2rad(data.lat))
    whole = (warming(YEARS) - np.delete(warming(YEARS)[:9], 3, axis=0).mean(axis=0))[-1]
    rest = warming(YEARS)[-1] - warming(YEARS)[:9].mean(axis=0)
    rest[2, 2] = whole[2, 2]  # the mean of the eight years that it has
    expected = float((rest.mean(axis=1) * area.values).sum() / area.sum())
    assert pool.column("gmst")[-1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("variable", "units", "level", "gap"),
    [("tas", "K", 0.0, -9999.0), ("tas", "degC", -273.15, -999.0), ("pr", "mm day-1", -285.0, -999.0)],
)
def test_a_gap_that_nobody_declared_is_no_value(workspace, tmp_path, capsys, variable, units, level, gap):
    data = dataset(warming(YEARS) + level, YEARS, variable, units, **attributes("historical"))
    data[variable] = np.abs(data[variable]).assign_attrs(units=units) if variable == "pr" else data[variable]
    data[variable][2, 0, 0] = gap
    put(tmp_path / "runs", data, "historical")
    asked = ["--option", f"variable={variable}", "--option", "baseline=1850-1855"]
    assert main(["pool", "add", "g", str(tmp_path / "runs"), "--kind", "climate", *asked]) == 2
    said = capsys.readouterr().err
    assert f"{variable} is {gap:g} {units} in some cells" in said
    assert "its file must say so (_FillValue)" in said


def test_a_variable_of_words_is_refused_in_one_line(workspace, tmp_path, capsys):
    data = dataset(warming(YEARS), YEARS, **attributes("historical"))
    data["tas"] = (("time", "lat", "lon"), np.full(data.tas.shape, "warm"), {"units": "K"})
    put(tmp_path / "runs", data, "historical")
    assert main(["pool", "add", "g", str(tmp_path / "runs"), "--kind", "climate"]) == 2
    assert "tas holds no numbers" in capsys.readouterr().err


def test_the_step_where_a_run_goes_on_is_from_the_last_year_of_the_one_before(workspace, tmp_path):
    past, later = np.arange(1850, 1870), np.arange(1870, 1880)
    series = {"historical": np.where(past == 1869, 1.0, 0.0), "ssp585": np.full(len(later), 1.02)}
    for scenario, years in (("historical", past), ("ssp585", later)):
        values = 288 + series[scenario][:, None, None] + np.zeros((len(years), 6, 8))
        put(tmp_path / "runs", dataset(values, years, **attributes(scenario)), scenario)
    pool = add_pool(workspace, "j", str(tmp_path / "runs"), "climate", {"baseline": "1850-1860"})
    said = "1 run goes on at 1869/1870: the mean over the Earth steps by 0.02 at most, within runs by 1."
    assert said in pool.about["notes"]
