"""The files of the demo `mini_climate`: NetCDF as CMIP has it, one per run, of a climate that is synthetic throughout.

What is written is made by `analysis/climate/mini_climate`; here it becomes files that any program for CMIP data opens.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.workspace.files import writing

SOURCE = "MINI-SYNTHETIC"
"""source_id of its files: no model bears this name."""
FORCING = "forcing.csv"
_SAID = "Synthetic data of the program datasel: made by formulas from random numbers, of no climate model."


def file_name(scenario: str, member: int) -> str:
    return f"tas_ann_{SOURCE}_{scenario}_r{member}i1p1f1_gn.nc"


def write_run(
    folder: Path,
    scenario: str,
    member: int,
    year: np.ndarray,
    fields: np.ndarray,
    latitudes: np.ndarray,
    longitudes: np.ndarray,
) -> Path:
    """Writes annual tas of one run, whole or not at all, and returns its path.

    year: (years,), in the calendar without leap days. fields: (years, rows * columns) K, rows first. latitudes: (rows,)
    and longitudes: (columns,) degrees, centres of cells of one size.
    """
    import cftime
    import xarray as xr

    def day(at: int, month: int) -> cftime.DatetimeNoLeap:
        return cftime.DatetimeNoLeap(at, month, 2 if month == 7 else 1, 12 if month == 7 else 0)

    shape = (len(year), len(latitudes), len(longitudes))
    made = xr.Dataset(
        {
            "tas": (
                ("time", "lat", "lon"),
                fields.reshape(shape).astype(np.float32),
                {
                    "units": "K",
                    "standard_name": "air_temperature",
                    "long_name": "Near-Surface Air Temperature (synthetic)",
                    "cell_methods": "area: time: mean",
                },
            ),
            "time_bnds": (("time", "bnds"), [[day(one, 1), day(one + 1, 1)] for one in year.tolist()]),
            "lat_bnds": (("lat", "bnds"), _bounds(latitudes)),
            "lon_bnds": (("lon", "bnds"), _bounds(longitudes)),
        },
        {
            "time": ("time", [day(one, 7) for one in year.tolist()], {"bounds": "time_bnds", "standard_name": "time"}),
            "lat": ("lat", latitudes, {"units": "degrees_north", "bounds": "lat_bnds", "standard_name": "latitude"}),
            "lon": ("lon", longitudes, {"units": "degrees_east", "bounds": "lon_bnds", "standard_name": "longitude"}),
        },
        _attributes(scenario, member),
    )
    since = {"units": f"days since {int(year[0])}-01-01", "calendar": "noleap", "dtype": "float64", "_FillValue": None}
    plain = {name: {"_FillValue": None} for name in ("lat", "lon", "lat_bnds", "lon_bnds")}
    encoding = {"time": since, "time_bnds": since, "tas": {"zlib": True, "_FillValue": 1e20}, **plain}
    path = folder / file_name(scenario, member)
    with writing(path) as temporary:
        # In memory first: the file that is being written is locked, and HDF5 opens no file that others lock.
        temporary.write_bytes(made.to_netcdf(None, engine="netcdf4", unlimited_dims=["time"], encoding=encoding))
    return path


def write_runs(
    folder: Path, runs: Iterable, n: int, latitudes, longitudes, progress: Progress | None = None
) -> list[Path]:
    """Writes all runs, each with scenario, member, year and fields as of `write_run`, and returns their paths."""
    return [
        write_run(folder, one.scenario, one.member, one.year, one.fields, latitudes, longitudes)
        for one in (progress or Progress()).over(runs, n, "writing the mini climate")
    ]


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


def _attributes(scenario: str, member: int) -> dict[str, str | int]:
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
        "variable_id": "tas",
        "frequency": "yr",
        "grid_label": "gn",
        "license": "CC0-1.0",
    }


def _bounds(centres: np.ndarray) -> np.ndarray:
    """(n, 2) edges of cells of one size."""
    half = (centres[1] - centres[0]) / 2
    return np.stack([centres - half, centres + half], axis=1)
