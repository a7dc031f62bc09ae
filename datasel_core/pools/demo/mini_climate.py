"""The files of the demo `mini_climate`: NetCDF as CMIP has it, one per run, of a climate that is synthetic throughout.

What is written is made by `analysis/climate/mini_climate`; here it becomes files that any program for CMIP data opens.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.workspace.files import writing

SOURCE = "MINI-SYNTHETIC"
"""source_id of its files: no model bears this name."""
FORCING = "forcing.csv"
_SAID = "Synthetic data of the program datasel: made by formulas from random numbers, of no climate model."


@dataclass(frozen=True)
class Variable:
    """name, units, standard: as CMIP and CF have them. title: in words."""

    name: str
    units: str
    standard: str
    title: str


TAS = Variable("tas", "K", "air_temperature", "Near-Surface Air Temperature")
HFDS = Variable("hfds", "W m-2", "surface_downward_heat_flux_in_sea_water", "Downward Heat Flux at Sea Water Surface")


def file_name(scenario: str, member: int, variable: Variable = TAS, monthly: bool = False) -> str:
    return f"{variable.name}_{'mon' if monthly else 'ann'}_{SOURCE}_{scenario}_r{member}i1p1f1_gn.nc"


def write_run(
    folder: Path,
    scenario: str,
    member: int,
    year: np.ndarray,
    fields: np.ndarray,
    latitudes: np.ndarray,
    longitudes: np.ndarray,
    variable: Variable = TAS,
) -> Path:
    """Writes one variable of one run, whole or not at all, and returns its path.

    year: (years,), in the calendar without leap days. fields: (years, rows * columns) annual means, rows first, or
    monthly ones, (12 * years, rows * columns); NaN where there is none. latitudes: (rows,) and longitudes: (columns,)
    degrees, centres of cells of one size.
    """
    import xarray as xr

    monthly = len(fields) != len(year)
    middle, bounds = _times(year, monthly)
    shape = (len(middle), len(latitudes), len(longitudes))
    made = xr.Dataset(
        {
            variable.name: (
                ("time", "lat", "lon"),
                fields.reshape(shape).astype(np.float32),
                {
                    "units": variable.units,
                    "standard_name": variable.standard,
                    "long_name": f"{variable.title} (synthetic)",
                    "cell_methods": "area: time: mean",
                },
            ),
            "time_bnds": (("time", "bnds"), bounds),
            "lat_bnds": (("lat", "bnds"), _bounds(latitudes)),
            "lon_bnds": (("lon", "bnds"), _bounds(longitudes)),
        },
        {
            "time": ("time", middle, {"bounds": "time_bnds", "standard_name": "time"}),
            "lat": ("lat", latitudes, {"units": "degrees_north", "bounds": "lat_bnds", "standard_name": "latitude"}),
            "lon": ("lon", longitudes, {"units": "degrees_east", "bounds": "lon_bnds", "standard_name": "longitude"}),
        },
        _attributes(scenario, member, variable.name, monthly),
    )
    since = {"units": f"days since {int(year[0])}-01-01", "calendar": "noleap", "dtype": "float64", "_FillValue": None}
    plain = {name: {"_FillValue": None} for name in ("lat", "lon", "lat_bnds", "lon_bnds")}
    encoding = {"time": since, "time_bnds": since, variable.name: {"zlib": True, "_FillValue": 1e20}, **plain}
    path = folder / file_name(scenario, member, variable, monthly)
    with writing(path) as temporary:
        # In memory first: the file that is being written is locked, and HDF5 opens no file that others lock.
        temporary.write_bytes(made.to_netcdf(None, engine="netcdf4", unlimited_dims=["time"], encoding=encoding))
    return path


def write_runs(
    folder: Path, runs: Iterable, n: int, latitudes, longitudes, progress: Progress | None = None
) -> list[Path]:
    """Writes tas of all runs, each with scenario, member, year and fields as of `write_run`, of months where it has
    `months`; beside it hfds of years, which is its `heat`. Returns the paths of tas.
    """
    paths = []
    for one in (progress or Progress()).over(runs, n, "writing the mini climate"):
        tas = one.fields if one.months is None else one.months
        write_run(folder, one.scenario, one.member, one.year, one.heat, latitudes, longitudes, HFDS)
        paths.append(write_run(folder, one.scenario, one.member, one.year, tas, latitudes, longitudes))
    return paths


def write_forcing(folder: Path, given: Mapping[str, Any]) -> Path:
    """Writes what forces each scenario as `forcing.csv`: scenario, year, and gas, aerosol and volcanic in W m-2.

    given: scenario -> its forcing, with year, gas, aerosol and volcanic, (years,) each.
    """
    agents = ("gas", "aerosol", "volcanic")
    lines = [",".join(("scenario", "year", *agents))]
    for scenario, one in given.items():
        columns = zip(one.year.tolist(), *(getattr(one, name).tolist() for name in agents), strict=True)
        lines += [",".join(map(str, (scenario, *line))) for line in columns]
    path = folder / FORCING
    with writing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _times(year: np.ndarray, monthly: bool) -> tuple[list[Any], list[list[Any]]]:
    """Middle and bounds of each step."""
    from cftime import DatetimeNoLeap

    if monthly:
        first = [DatetimeNoLeap(at, month, 1) for at in year.tolist() for month in range(1, 13)]
    else:
        first = [DatetimeNoLeap(at, 1, 1) for at in year.tolist()]
    edges = [*first, DatetimeNoLeap(int(year[-1]) + 1, 1, 1)]
    bounds = [[a, b] for a, b in itertools.pairwise(edges)]
    return [a + (b - a) / 2 for a, b in bounds], bounds


def _attributes(scenario: str, member: int, variable: str, monthly: bool) -> dict[str, str | int]:
    branched = scenario.startswith("ssp")
    return {
        "Conventions": "CF-1.7",
        "mip_era": "none",
        "title": f"Synthetic climate, {scenario}: no climate model made it",
        "comment": _SAID,
        "source": f"{SOURCE}: three-layer energy balance, fixed patterns, random weather; synthetic",
        "source_id": SOURCE,
        "institution_id": "none",
        "experiment_id": scenario,
        "experiment": f"{scenario}-like, synthetic",
        "variant_label": f"r{member}i1p1f1",
        "realization_index": member,
        "parent_experiment_id": "historical" if branched else "no parent",
        "parent_variant_label": f"r{member}i1p1f1" if branched else "no parent",
        "variable_id": variable,
        "frequency": "mon" if monthly else "yr",
        "grid_label": "gn",
        "license": "CC0-1.0",
    }


def _bounds(centres: np.ndarray) -> np.ndarray:
    """(n, 2) edges of cells of one size."""
    half = (centres[1] - centres[0]) / 2
    return np.stack([centres - half, centres + half], axis=1)
