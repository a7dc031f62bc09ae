"""An emulator for use without this program: its numbers as NetCDF, and short scripts that make fields of them.

The file follows the CF conventions (https://cfconventions.org): units, names and the coordinates of cells stand in it,
and from which files and choice it was made.
"""

import functools
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.analysis.climate.emulators.pattern_scaling import PatternScaling
from datasel_core.analysis.climate.emulators.variability import Variability
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, Failed
from datasel_core.exports import guard
from datasel_core.exports.climate_scripts import DRAW, PREDICT
from datasel_core.exports.content import Contents, Made
from datasel_core.version import VERSION
from datasel_core.workspace.layout import Workspace

if TYPE_CHECKING:
    import xarray

FILE = "emulator.nc"
_PARTS = ("forced", "residual")
"""The two drivers of an emulator with variability."""


@dataclass(frozen=True)
class About:
    """What numbers alone do not say. latitude, longitude: (cells,) degrees. variable: such as tas, and its unit.
    drivers: name -> unit of each, in order; for variability the one that is split. baseline: what anomalies are of,
    such as 1850-1900. weighting: of scenarios, in words. files: name -> SHA-256 of what was read. made_of: the
    selection of years or runs, in words, with its hash.
    """

    latitude: np.ndarray
    longitude: np.ndarray
    variable: str
    unit: str
    drivers: Mapping[str, str]
    baseline: str = ""
    weighting: str = ""
    made_of: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def write(
    workspace: Workspace,
    out: str | os.PathLike,
    emulator: PatternScaling | Variability,
    about: About,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Path:
    """Makes a folder of `contents`; returns where it is. Raises BadRequest, Failed."""
    return guard.fill(workspace, out, contents(emulator, about), progress or Progress(), overwrite)


def contents(emulator: PatternScaling | Variability, about: About) -> Contents:
    """emulator.nc, use_emulator.py, which makes mean fields of it, and for variability draw_members.py. Raises
    BadRequest.
    """
    found = dataset(emulator, about)
    scripts = {"use_emulator.py": PREDICT.encode()}
    if isinstance(emulator, Variability):
        scripts["draw_members.py"] = DRAW.encode()
    return {FILE: Made(functools.partial(_put, found)), **scripts}


def dataset(emulator: PatternScaling | Variability, about: About) -> "xarray.Dataset":
    """The numbers of an emulator by their names, with units. Raises BadRequest where it has no slopes, or what is said
    of it does not fit.
    """
    import xarray as xr

    if not isinstance(emulator, PatternScaling | Variability):
        raise BadRequest(
            f"A {type(emulator).__name__} is no table of slopes, so no short script could use it; export pattern "
            "scaling, with or without internal variability."
        )
    _check(emulator, about)
    split = isinstance(emulator, Variability)
    names, units = (_PARTS, ["K"] * 2) if split else (list(about.drivers), list(about.drivers.values()))
    unit = about.unit or "1"
    inverse = [f"({one})-1" if " " in one else f"{one}-1" for one in units]
    per = [f"{unit} {below}" if one and one != "1" else unit for one, below in zip(units, inverse, strict=True)]
    variables = {
        "intercept": _of("cell", emulator.intercept, unit, "where the driver is 0"),
        "slope": _of(("driver", "cell"), emulator.slope, "; ".join(dict.fromkeys(per)), "per unit of the driver"),
        "driver_unit": ("driver", [one or "1" for one in units], {"long_name": "unit of each driver"}),
    }
    if split:
        variables |= _of_variability(emulator, unit)
    coordinates = {
        "driver": ("driver", [_plain(one) for one in names]),
        "lat": _of("cell", about.latitude, "degrees_north", "latitude", standard_name="latitude"),
        "lon": _of("cell", about.longitude, "degrees_east", "longitude", standard_name="longitude"),
    }
    if split:
        coordinates["covariance_cell"] = ("covariance_cell", np.flatnonzero(emulator.known))
    return xr.Dataset(variables, coordinates, _attributes(emulator, about))


def _of_variability(emulator: Variability, unit: str) -> dict[str, Any]:
    square, pair = _squared(unit), ("covariance_cell", "covariance_cell_other")
    globe = emulator.globe
    return {
        "volcanic_coefficient": _of((), emulator.volcanic, "K", "global mean per unit of aerosol optical depth"),
        "global_intercept": _of((), globe.intercept, "K", "of the autoregression of the global residual"),
        "global_coefficient": _of("lag", globe.coefficients, "1", "of the autoregression, from lag 1 on"),
        "global_variance": _of((), globe.variance, "K2", "of its innovations"),
        "local_intercept": _of("cell", emulator.local_intercept, unit, "of the AR(1) of what is left in a cell"),
        "local_coefficient": _of("cell", emulator.local_coefficient, "1", "of that AR(1)"),
        "local_variance": _of("cell", emulator.local_variance, square, "of its innovations, cell by cell"),
        "covariance": _of(pair, emulator.whole, square, "of what is left"),
        "localized_covariance": _of(pair, emulator.localized, square, "times Gaspari-Cohn of distance over radius"),
        "noise_covariance": _of(pair, emulator.noise, square, "of innovations: times sqrt((1 - a^2)(1 - b^2))"),
        "localization_radius": _of((), emulator.km, "km", "of the localisation"),
    }


def _attributes(emulator: PatternScaling | Variability, about: About) -> dict[str, Any]:
    split = isinstance(emulator, Variability)
    said = {
        "Conventions": "CF-1.11",
        "title": f"{'Pattern scaling with internal variability' if split else 'Pattern scaling'} of {about.variable}",
        "source": f"datasel {VERSION}",
        "references": "Beusch et al. 2020, https://doi.org/10.5194/esd-11-139-2020"
        if split
        else "Tebaldi & Arblaster 2014, https://doi.org/10.1007/s10584-013-1032-9",
        "variable_id": about.variable,
        "baseline": about.baseline,
        "weighting": about.weighting,
        "driver_of_both": ", ".join(about.drivers) if split else "",
        "made_of": about.made_of,
        "made_from_files": "\n".join(f"{name} sha256:{sha256}" for name, sha256 in about.files.items()),
    }
    found: dict[str, Any] = {name: _plain(text) for name, text in said.items() if text}
    if split:
        found |= {"global_spin_up_years": emulator.globe.spin_up(), "local_spin_up_years": emulator.local_spin_up()}
    return found


def _of(dims: str | tuple[str, ...], values: Any, unit: str, is_what: str, **more: str) -> tuple:
    return dims, np.asarray(values, np.float64), {"units": unit, "long_name": is_what, **more}


def _squared(unit: str) -> str:
    """`mm2 day-2` of `mm day-1`."""
    parts = (re.fullmatch(r"(.*?)(-?\d+)?", one) for one in unit.split())
    return " ".join(f"{one[1]}{2 * int(one[2] or 1)}" if one[1] else one[0] for one in parts if one)


def _plain(text: str) -> str:
    """A name from a disk may hold bytes that are no text."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def _check(emulator: PatternScaling | Variability, about: About) -> None:
    cells, drivers = len(emulator.intercept), 1 if isinstance(emulator, Variability) else len(emulator.slope)
    if np.shape(about.latitude) != (cells,) or np.shape(about.longitude) != (cells,):
        raise BadRequest(f"The emulator has {cells:,} cells; each needs a latitude and a longitude.")
    if len(about.drivers) != drivers:
        raise BadRequest(
            f"The emulator has {drivers} drivers, and {len(about.drivers)} are named; name each, in order."
        )


def _put(found: "xarray.Dataset", path: Path) -> None:
    """HDF5 locks what it writes, and so does whoever holds `path`: it is written elsewhere first."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / FILE
        try:
            found.to_netcdf(whole, engine="netcdf4", format="NETCDF4")
        except RuntimeError as error:  # what the library says of a full disk
            raise Failed(f"{FILE} could not be written: netCDF4 refused it ({error}). Is the disk full?") from error
        shutil.copyfile(whole, path)
