"""Years whose months lie in several files, as runs of CMIP5 from December to November do."""

import numpy as np
import pytest
import xarray as xr

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from tests.pools.simulations import attributes, dataset, warming

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
