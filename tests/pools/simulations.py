"""Small NetCDF files of simulations, as models and archives write them, for tests."""

from pathlib import Path
from typing import Any

import cftime
import numpy as np
import xarray as xr

ROWS, COLUMNS = 6, 8
LAT = np.linspace(-75, 75, ROWS)
LON = np.arange(COLUMNS) * 360 / COLUMNS


def warming(years: np.ndarray, member: int = 1) -> np.ndarray:
    """(y, rows, columns) K: warmer year by year, more so in the north; every member has a weather of its own."""
    rng = np.random.default_rng(member * 1000 + int(years[0]))
    pattern = 1 + LAT[:, None] / 150 + np.cos(np.deg2rad(LON)) / 10
    weather = rng.normal(0, 0.05, (len(years), ROWS, COLUMNS))
    mean = 288 - 30 * np.abs(LAT[:, None]) / 90 + np.zeros(COLUMNS)
    return mean + ((years - 1850) * 0.01)[:, None, None] * pattern + weather


def dataset(
    values: np.ndarray,
    years: np.ndarray,
    variable: str = "tas",
    units: str | None = "K",
    calendar: str = "noleap",
    months: bool = False,
    **attributes: Any,
) -> xr.Dataset:
    """values: (steps, rows, columns), a step per year, or twelve of them."""
    day = 15
    when = [
        cftime.datetime(int(year), month, day, calendar=calendar)
        for year in years
        for month in (range(1, 13) if months else (7,))
    ]
    said = {} if units is None else {"units": units}
    lat = xr.DataArray(LAT, dims="lat", attrs={"units": "degrees_north", "standard_name": "latitude"})
    lon = xr.DataArray(LON, dims="lon", attrs={"units": "degrees_east", "standard_name": "longitude"})
    field = (("time", "lat", "lon"), values, said)
    return xr.Dataset({variable: field}, {"time": when, "lat": lat, "lon": lon}, attributes)


def attributes(scenario: str, member: str = "r1i1p1f1", model: str = "MODEL-1") -> dict[str, str]:
    parent = {"parent_experiment_id": "historical", "parent_variant_label": member} if scenario != "historical" else {}
    return {"source_id": model, "experiment_id": scenario, "variant_label": member, **parent}


def put(folder: Path, data: xr.Dataset, scenario: str, member: str = "r1i1p1f1", more: str = "gn") -> Path:
    """Writes it under the name that the archive would give it; its variable is the first."""
    folder.mkdir(parents=True, exist_ok=True)
    variable = next(iter(data.data_vars))
    path = folder / f"{variable}_ann_MODEL-1_{scenario}_{member}_{more}.nc"
    data.to_netcdf(path, engine="netcdf4")
    return path


def run(folder: Path, scenario: str, first: int, last: int, member: int = 1, **how: Any) -> np.ndarray:
    """Writes a run of annual means and returns its values."""
    years = np.arange(first, last + 1)
    values, name = warming(years, member), f"r{member}i1p1f1"
    put(folder, dataset(values, years, **how, **attributes(scenario, name)), scenario, name)
    return values


def usual(folder: Path) -> dict[str, np.ndarray]:
    """One member with a past and a future: scenario -> values."""
    return {
        "historical": run(folder, "historical", 1850, 1909),
        "ssp585": run(folder, "ssp585", 1910, 1939),
    }
