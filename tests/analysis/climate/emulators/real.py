"""The real CMIP6 fields of `../shared/data/climate`, as the emulators take them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import real_data

FIRST, LAST = 1850, 1900
"""The baseline of anomalies."""


def climate() -> Path:
    """The folder; the test is skipped where there is none."""
    found = real_data()
    if found is None or not (found / "climate").is_dir():
        pytest.skip("no real data: ../shared/data/climate (or DATASEL_REAL_DATA) is not there")
    return found / "climate"


@dataclass(frozen=True)
class Real:
    """field: (years, cells) K, anomalies to the baseline of `historical`. gmst: (years,). year: (years,)."""

    field: np.ndarray
    gmst: np.ndarray
    year: np.ndarray


def grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latitude, longitude and weight of the 400 cells."""
    import xarray as xr

    with xr.open_dataset(climate() / "cmip6" / "tas_ann_IPSL-CM6A-LR_historical_r1i1p1f1_g025.nc") as file:
        latitude, longitude = np.meshgrid(file.lat.values, file.lon.values, indexing="ij")
    return latitude.ravel(), longitude.ravel(), np.cos(np.deg2rad(latitude)).ravel()


def run(scenario: str, member: int = 1, base: int = 1) -> Real:
    """base: the member of `historical` whose mean is taken off."""
    import xarray as xr

    folder, weight = climate() / "cmip6", grid()[2]

    def opened(name: str, which: int):
        with xr.open_dataset(folder / f"tas_ann_IPSL-CM6A-LR_{name}_r{which}i1p1f1_g025.nc") as file:
            return file.tas.load()

    early = opened("historical", base)
    early = early[(early.time.dt.year >= FIRST) & (early.time.dt.year <= LAST)].mean("time")
    found = opened(scenario, member)
    field = (found - early).values.reshape(len(found), -1)
    return Real(field, field @ weight / weight.sum(), found.time.dt.year.values)


def aerosol_depth(years: np.ndarray) -> np.ndarray:
    """(years,) global annual means; the table ends in September 2012, and months without a line are 0."""
    lines = (climate() / "stratospheric_aod.txt").read_text().splitlines()
    rows = np.array([line.split()[:2] for line in lines if line[:4].isdigit()], float)
    at = np.floor(rows[:, 0]).astype(int)
    return np.array([rows[at == year, 1].sum() / 12 for year in years])
