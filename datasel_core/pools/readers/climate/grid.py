"""The grid that fields lie on: where its cells are, and how much of the Earth each of them is."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.errors import BadInput

if TYPE_CHECKING:
    import xarray as xr

_CLOSE = 1e-3
"""Degrees that cells may lie apart and be the same: coordinates come as float32, too."""
_LIKE, _ROUGHLY = 0.05, 0.5
"""Share that an area may be off from what the latitudes say, and from what they say where bounds are guessed."""
_LAT, _LON = ("lat", "latitude", "nav_lat", "rlat"), ("lon", "longitude", "nav_lon", "rlon")
_GUESSED = "bounds midway between latitudes"
GRID = "grid"
"""Among the facts of fields: where their cells are, what they weigh, in which unit and against which baseline."""
AREAS = ("areacella", "areacello")


@dataclass(frozen=True)
class Grid:
    """lat, lon: (cells,) degrees, row by row; lon from 0 to 360. weight: (cells,) share of the area, sums to 1. shape:
    rows and columns. by: where the weights come from, in words. Regular grids go from south to north and from 0 to 360
    degrees east, however the file had them.
    """

    lat: np.ndarray
    lon: np.ndarray
    weight: np.ndarray
    shape: tuple[int, int]
    by: str

    @property
    def is_regular(self) -> bool:
        """Whether all cells of a row have one latitude, and of a column one longitude."""
        lat, lon = self.lat.reshape(self.shape), self.lon.reshape(self.shape)
        return bool((lat == lat[:, :1]).all() and (lon == lon[:1]).all())

    def mean(self, field: np.ndarray) -> np.ndarray:
        """(...,) area means of (..., cells) fields, over the cells that have a value; NaN where none has."""
        there = np.isfinite(field)
        area = there @ self.weight
        total = np.where(there, field, 0.0) @ self.weight
        return np.divide(total, area, out=np.full(np.shape(total), np.nan), where=area > 0)

    def is_like(self, other: "Grid") -> bool:
        """Whether it has the same cells."""
        return self.shape == other.shape and all(
            np.allclose(mine, its, rtol=0, atol=_CLOSE) for mine, its in ((self.lat, other.lat), (self.lon, other.lon))
        )

    def plain(self) -> dict[str, Any]:
        """As JSON holds it: of a regular grid its axes, and a weight per row where a row has one."""
        lat, lon, weight = (one.reshape(self.shape) for one in (self.lat, self.lon, self.weight))
        if self.is_regular:
            lat, lon = lat[:, 0], lon[0]
            weight = weight[:, 0] if (weight == weight[:, :1]).all() else weight
        said = {name: one.ravel().tolist() for name, one in (("lat", lat), ("lon", lon), ("weight", weight))}
        return {**said, "shape": list(self.shape), "weights": self.by}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Grid":
        """From `plain`."""
        rows, columns = said["shape"]
        lat, lon, weight = (np.array(said[name], np.float64) for name in ("lat", "lon", "weight"))
        if len(lat) == rows and len(lon) == columns and rows * columns not in (rows, columns):
            lat, lon = np.repeat(lat, columns), np.tile(lon, rows)
        if len(weight) == rows and rows * columns != rows:
            weight = np.repeat(weight, columns)
        return cls(lat, lon, weight, (rows, columns), said["weights"])

    def hash(self) -> str:
        """Of where its cells are and what they weigh."""
        digest = hashlib.sha256(repr(self.shape).encode())
        for one in (self.lat, self.lon, self.weight):
            digest.update(np.ascontiguousarray(one, "<f8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Layout:
    """A grid, and how a file has it. dims: names of the two axes of its fields, rows first. order: (cells,) where each
    cell of the grid stands in the file's own order. turned: what was turned, in words.
    """

    grid: Grid
    dims: tuple[str, str]
    order: np.ndarray
    turned: tuple[str, ...] = ()


def layout_of(data: "xr.Dataset", variable: str, file: str, area: np.ndarray | None = None) -> Layout:
    """The grid of a variable. area: (rows, columns) of the cells, where another file has it. Raises BadInput, naming
    the grid, where its fields have no global mean.
    """
    field = data[variable]
    lat, lon = (_coordinate(data, variable, names, about) for names, about in ((_LAT, "north"), (_LON, "east")))
    if _is_rotated(data, variable):
        raise BadInput(
            f"{file}: {variable} lies on a rotated-pole grid, which covers a region; remap it to a regular grid of the "
            "whole Earth first."
        )
    if lat is None or lon is None:
        raise BadInput(f"{file}: {variable} has no latitudes and longitudes; its dimensions are {_named(field.dims)}.")
    if lat.ndim == lon.ndim == 1 and lat.dims == lon.dims:
        raise BadInput(
            f"{file}: {variable} lies on an unstructured grid ({lat.sizes[lat.dims[0]]:,} cells in one row); remap it "
            "to a regular grid first."
        )
    own = _own_area(data, variable)
    if lat.ndim == 2:
        return _curvilinear(lat, lon, area if own is None else own, variable, file)
    if not (lat.ndim == lon.ndim == 1):
        raise BadInput(f"{file}: latitudes have {lat.ndim} dimensions and longitudes {lon.ndim}; both must have one.")
    return _regular(data, lat, lon, area if own is None else own, file)


def _regular(
    data: "xr.Dataset", lat: "xr.DataArray", lon: "xr.DataArray", area: np.ndarray | None, file: str
) -> Layout:
    south, east = np.asarray(lat, np.float64), np.asarray(lon, np.float64) % 360
    _check_latitudes(south, file)
    rows, columns = np.argsort(south, kind="stable"), np.argsort(east, kind="stable")
    turned = []
    if (rows[1:] < rows[:-1]).any():
        turned.append("latitudes from north to south")
    if (columns[1:] < columns[:-1]).any():
        turned.append("longitudes from -180 on")
    south, east = south[rows], east[columns]
    for name, one in (("latitude", south), ("longitude", east)):
        if len(one) > 1 and (np.diff(one) < _CLOSE).any():
            raise BadInput(f"{file}: a {name} stands twice ({one[np.argmin(np.diff(one))]:g}); keep one of them.")
    _check_whole(south, east, file)
    bands, by = _bands(data, lat, south, rows)
    shape = (len(south), len(east))
    weight = np.repeat(bands, len(east)) / (bands.sum() * len(east))
    order = (rows[:, None] * len(east) + columns).ravel()
    if area is not None and area.shape == shape:
        found = area.ravel()[order]
        found, off = found / found.sum(), _ROUGHLY if by == _GUESSED else _LIKE
        if np.isfinite(found).all() and np.allclose(found, weight, rtol=off, atol=off / weight.size):
            weight, by = found, "the areas of the cells"
        else:
            turned.append("areas that do not fit the latitudes, passed over")
    grid = Grid(np.repeat(south, len(east)), np.tile(east, len(south)), weight, shape, by)
    return Layout(grid, (str(lat.dims[0]), str(lon.dims[0])), order, tuple(turned))


def _curvilinear(lat: "xr.DataArray", lon: "xr.DataArray", area: np.ndarray | None, variable: str, file: str) -> Layout:
    south, east = np.asarray(lat, np.float64), np.asarray(lon.transpose(*lat.dims), np.float64) % 360
    _check_latitudes(south, file)
    if area is None or area.shape != south.shape:
        raise BadInput(
            f"{file}: {variable} lies on a curvilinear grid of {south.shape[0]} x {south.shape[1]} cells, whose areas "
            "are not there; put their areacello or areacella beside it, or remap it to a regular grid first."
        )
    weight = np.where(np.isfinite(area) & (area > 0), area, 0.0).ravel()
    if not weight.sum() > 0:
        raise BadInput(f"{file}: the areas of its cells are all empty.")
    grid = Grid(south.ravel(), east.ravel(), weight / weight.sum(), south.shape, "the areas of the cells")
    return Layout(grid, (str(lat.dims[0]), str(lat.dims[1])), np.arange(south.size))


def _bands(data: "xr.Dataset", lat: "xr.DataArray", south: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, str]:
    """(rows,) what the cells of each row weigh: exactly, by the sines of their bounds, where these are known; the
    cosine of the latitude where rows are equally far apart; else by bounds in the middle.
    """
    bounds = lat.attrs.get("bounds", lat.encoding.get("bounds", "lat_bnds"))
    if bounds in data and data[bounds].ndim == 2 and data[bounds].shape == (len(south), 2):
        edges = np.deg2rad(np.clip(np.asarray(data[bounds], np.float64), -90, 90))[rows]
        found = np.abs(np.sin(edges[:, 1]) - np.sin(edges[:, 0]))
        if np.isfinite(found).all() and (found > 0).all():
            return found, "bounds of latitude"
    steps = np.diff(south)
    if len(south) < 3 or np.allclose(steps, steps.mean(), rtol=0, atol=10 * _CLOSE):
        return np.maximum(np.cos(np.deg2rad(south)), 0.0), "cos(latitude)"
    middle = (south[1:] + south[:-1]) / 2
    return np.diff(np.sin(np.deg2rad(np.concatenate([[-90.0], middle, [90.0]])))), _GUESSED


def _check_latitudes(lat: np.ndarray, file: str) -> None:
    if not (np.isfinite(lat).all() and np.abs(lat).max() <= 90 + _CLOSE):
        raise BadInput(f"{file}: latitudes must lie from -90 to 90 degrees; they go to {np.abs(lat).max():g}.")


def _check_whole(lat: np.ndarray, lon: np.ndarray, file: str) -> None:
    """Raises BadInput where a regular grid is a region: its mean is no global mean."""
    high = np.diff(lat).max() if len(lat) > 1 else 180.0
    wide = max(np.diff(lon, append=lon[0] + 360))
    usual = np.median(np.diff(lon)) if len(lon) > 1 else 360.0
    if lat[0] - 1.5 * high > -90 or lat[-1] + 1.5 * high < 90 or wide > 1.5 * usual:
        raise BadInput(
            f"{file} covers latitudes {lat[0]:g} to {lat[-1]:g} and longitudes {lon[0]:g} to {lon[-1]:g}, a region; a "
            "global mean needs the whole Earth."
        )


def _coordinate(data: "xr.Dataset", variable: str, names: tuple[str, ...], about: str) -> "xr.DataArray | None":
    """Latitudes or longitudes of a variable, by their units, standard name or usual name. about: north or east."""
    dims = set(data[variable].dims)
    known = [data[str(name)] for name in data.variables if set(data[str(name)].dims) <= dims and data[str(name)].ndim]
    standard = "latitude" if about == "north" else "longitude"

    def is_it(one: "xr.DataArray") -> bool:
        said = one.attrs.get("standard_name", ""), str(one.attrs.get("units", "")).lower()
        return said[0] == standard or said[1] in (f"degrees_{about}", f"degree_{about}")

    found = [one for one in known if is_it(one)] or [one for one in known if str(one.name).lower() in names]
    return max(found, key=lambda one: str(one.name).lower() in names, default=None)


def _is_rotated(data: "xr.Dataset", variable: str) -> bool:
    mapping = data[variable].attrs.get("grid_mapping", data[variable].encoding.get("grid_mapping", ""))
    said = data[mapping].attrs.get("grid_mapping_name", "") if mapping in data.variables else ""
    standard = {data[dim].attrs.get("standard_name") for dim in data[variable].dims if dim in data.variables}
    return said == "rotated_latitude_longitude" or "grid_latitude" in standard


def _own_area(data: "xr.Dataset", variable: str) -> np.ndarray | None:
    """(rows, columns) areas of the cells, where the file has them."""
    named = str(data[variable].attrs.get("cell_measures", "")).replace("area:", " ").split()
    for name in (*named, *AREAS, "area", "cell_area"):
        if name in data.variables and data[name].ndim == 2:
            return np.asarray(data[name], np.float64)
    return None


def _named(dims: tuple) -> str:
    return ", ".join(map(str, dims))
