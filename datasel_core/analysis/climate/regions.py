"""Parts of the Earth that scores are shown of: bands of latitude, regions from a user's file, land and ocean.

The regions of the IPCC's sixth assessment (Iturbide et al. 2020, https://doi.org/10.5194/essd-12-2959-2020) are read
from their published table of coordinates, or any GeoJSON. They are not shipped, and nothing is downloaded.
"""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from datasel_core.errors import BadInput

BANDS = {
    "Antarctic": (-90.0, -60.0),
    "southern mid-latitudes": (-60.0, -30.0),
    "tropics": (-30.0, 30.0),
    "northern mid-latitudes": (30.0, 60.0),
    "Arctic": (60.0, 90.0),
}
"""Name -> degrees north, from and to; a cell belongs to the band that its centre lies in."""
HOW_TO_BRING = (
    "The AR6 regions are not on this machine, and nothing is downloaded. Bring a file: GeoJSON, or the table of "
    "Iturbide et al. 2020, IPCC-WGI-reference-regions-v4_coordinates.csv (GitHub, SantanderMetGroup/ATLAS)."
)
_PACKED = "IPCC-WGI-reference-regions-v4.zip"
_NAMES = ("Acronym", "acronym", "abbrev", "Name", "name", "NAME")


@dataclass(frozen=True)
class Land:
    """share: (cells,) of each cell that is land, 0 to 1. words: where it is known from."""

    share: np.ndarray
    words: str

    def ocean(self, weight: np.ndarray) -> float:
        """Share of the Earth that is ocean. weight: (cells,) that sum to 1."""
        return float((1 - self.share) @ weight)


def bands(lat: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> (cells,) bool, each cell in one band. lat: (cells,) degrees north; a border belongs to the band north of
    it, and the pole to the last.
    """
    lat = np.asarray(lat, np.float64)
    return {name: (low <= lat) & ((lat < high) | ((high == 90) & (lat == 90))) for name, (low, high) in BANDS.items()}


def regions_in(text: str) -> dict[str, BaseGeometry]:
    """Name -> polygon, of the text of a file: GeoJSON, or the published table, one line per region with its acronym and
    `longitude|latitude` of each vertex. A line whose acronym ends in * is the rest of a region beyond the date line.
    Raises BadInput.
    """
    found = _geojson(text) if text.lstrip("\ufeff \n\r\t").startswith("{") else _table(text)
    if not found:
        raise BadInput(
            "No region is in this file; give GeoJSON, or a table with lines such as POLAR,Land,Name,GIC,-10|62,-38|62."
        )
    return found


def regions_cached() -> dict[str, BaseGeometry]:
    """The AR6 regions from the file that regionmask keeps on this machine once it was used with a network; it is read
    as it lies there, so that nothing is asked of the network. Raises BadInput, which says how to bring them.
    """
    try:
        import geopandas
        import pooch
        import regionmask
    except ImportError:
        raise BadInput(HOW_TO_BRING) from None
    folder = Path(regionmask.get_options().get("cache_dir") or pooch.os_cache("regionmask")).expanduser()
    kept = sorted(folder.rglob(_PACKED))
    if not kept:
        raise BadInput(HOW_TO_BRING)
    table = geopandas.read_file(f"zip://{kept[-1]}")
    return _joined(zip(table["Acronym"], table.geometry, strict=True))


def cells_of(regions: dict[str, BaseGeometry], lat: np.ndarray, lon: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> (cells,) bool: whose centre lies in the region; a centre on a border lies in the regions on both sides.
    lat, lon: (cells,) degrees; longitudes go from -180 or from 0. Raises BadInput where no region has a cell.
    """
    lat, lon = np.asarray(lat, np.float64), np.asarray(lon, np.float64) % 360
    found = {}
    for name, region in regions.items():
        turns = [shapely.intersects_xy(region, lon + turn, lat) for turn in (-360, 0, 360)]
        found[name] = np.any(turns, axis=0)
    if not any(one.any() for one in found.values()):
        raise BadInput("No cell of the grid lies in a region; longitudes and latitudes of the file must be degrees.")
    return found


def land_fraction(sftlf: np.ndarray) -> Land:
    """sftlf: (cells,) land share as CMIP has it, in % or from 0 to 1; NaN counts as ocean. Raises BadInput."""
    share = np.nan_to_num(np.asarray(sftlf, np.float64), nan=0.0)
    if share.min(initial=0) < 0 or share.max(initial=0) > 100 + 1e-6:
        raise BadInput("sftlf goes beyond 0 to 100; it must be the share of land in %, or from 0 to 1.")
    in_percent = share.max(initial=0) > 1
    return Land(np.clip(share / 100 if in_percent else share, 0, 1), "Land is known from sftlf.")


def land_from_gaps(fields: np.ndarray, name: str = "hfds") -> Land:
    """Land where a variable of the ocean has no value in any year. fields: (years, cells). Raises BadInput where it has
    no gap, or no value.
    """
    gap = np.isnan(np.asarray(fields)).all(axis=0)
    if gap.all() or not gap.any():
        raise BadInput(f"{name} has {'no value' if gap.all() else 'no gap'}; land cannot be told from its gaps.")
    said = f"Land is where {name} has no value: whole cells, coasts are one or the other."
    return Land(gap.astype(np.float64), said)


def _geojson(text: str) -> dict[str, BaseGeometry]:
    try:
        read = json.loads(text.lstrip("\ufeff"))
        features = read["features"] if read.get("type") == "FeatureCollection" else [read]
        named = []
        for at, one in enumerate(features):
            known = one.get("properties") or {}
            name = next((str(known[key]) for key in _NAMES if known.get(key)), f"region {at + 1}")
            named.append((name, shape(one.get("geometry", one))))
    except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError):
        raise BadInput("This is no GeoJSON; give a FeatureCollection of polygons.") from None
    return _joined(named)


def _table(text: str) -> dict[str, BaseGeometry]:
    named = []
    for at, line in enumerate(csv.reader(io.StringIO(text.lstrip("\ufeff"))), 1):
        corners = [cell.strip() for cell in line[4:] if cell.strip()]
        if len(line) < 5 or not any("|" in corner for corner in corners):
            continue
        try:
            named.append((line[3].strip(), shapely.Polygon([tuple(map(float, one.split("|"))) for one in corners])))
        except (ValueError, shapely.errors.ShapelyError):
            raise BadInput(f"Line {at} is no polygon; vertices must be longitude|latitude, three at least.") from None
    return _joined([(name.removesuffix("*"), one) for name, one in named])


def _joined(named: Iterable[tuple[str, BaseGeometry]]) -> dict[str, BaseGeometry]:
    """Parts of one name together, in the order of the file."""
    found: dict[str, list[BaseGeometry]] = {}
    for name, one in named:
        if one.is_empty or one.geom_type not in ("Polygon", "MultiPolygon"):
            raise BadInput(f"Region {name} is no polygon but {one.geom_type}; regions must be areas.")
        found.setdefault(name, []).append(one if one.is_valid else shapely.make_valid(one))
    return {name: shapely.union_all(parts) for name, parts in found.items()}
