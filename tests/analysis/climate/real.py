"""The real simulations, as tests of climate scores need them."""

from dataclasses import dataclass

import numpy as np
import pytest

from datasel_core.analysis.climate.area import area_mean, latitude_weight
from tests.conftest import real_data

needed = pytest.mark.skipif(
    real_data() is None or not (real_data() / "climate").is_dir(),
    reason="the CMIP6 files of the real data are not here",
)


@dataclass(frozen=True)
class Real:
    """year: (years,). fields: (years, cells). weight, lat, lon: (cells,)."""

    year: np.ndarray
    fields: np.ndarray
    weight: np.ndarray
    lat: np.ndarray
    lon: np.ndarray

    @property
    def gmst(self) -> np.ndarray:
        return area_mean(self.fields, self.weight)


def read(scenario: str, member: str, variable: str = "tas") -> Real:
    import xarray as xr

    path = real_data() / "climate" / "cmip6" / f"{variable}_ann_IPSL-CM6A-LR_{scenario}_{member}i1p1f1_g025.nc"
    with xr.open_dataset(path) as file:
        lat = np.repeat(file["lat"].values, file.sizes["lon"])
        lon = np.tile(file["lon"].values, file.sizes["lat"])
        fields = file[variable].transpose("time", "lat", "lon").values.reshape(file.sizes["time"], -1)
        return Real(file["time"].dt.year.values, fields, latitude_weight(lat), lat, lon)


def anomalies(scenario: str, member: str) -> Real:
    """Of tas, to the 1850-1900 of the member's own historical run."""
    then, run = read("historical", member), read(scenario, member)
    base = then.fields[then.year <= 1900].mean(axis=0)
    return Real(run.year, run.fields - base, run.weight, run.lat, run.lon)
