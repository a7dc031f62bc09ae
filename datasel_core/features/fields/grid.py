"""The grid of a climate pool's fields, for whoever computes with them or draws them."""

from dataclasses import dataclass, fields

from datasel_core.base.role import FIELD
from datasel_core.errors import MissingFeature
from datasel_core.features.stored import kept_features
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.climate.grid import GRID, Grid


@dataclass(frozen=True)
class FieldGrid(Grid):
    """lat, lon: (cells,) degrees. weight: (cells,) share of the Earth's area, sums to 1. shape: rows and columns, so
    that `values.reshape(shape)` is a map, from south to north and from 0 to 360 degrees east where `is_regular`. units:
    of the anomalies. baseline: as in 1850-1900. variable: as CMIP calls it. calendar: as CF names it.

    `mean(values)` is the mean over the Earth, over the cells that have a value.
    """

    units: str
    baseline: str
    variable: str
    calendar: str
    model: str


def grid_of(pool: Pool) -> FieldGrid:
    """The grid on which the role `field` of a climate pool lies: column j of its array is cell j here. Raises
    MissingFeature where the pool brought no fields.
    """
    kept = kept_features(pool.workspace, pool.fingerprint)
    said = [one.meta["facts"][GRID] for one in kept if one.role == FIELD.name and GRID in one.meta.get("facts", {})]
    if not said:
        raise MissingFeature(f"The pool {pool.name} has no fields on a grid; add NetCDF files with --kind climate.")
    grid = Grid.of(said[-1])
    more = {one.name for one in fields(FieldGrid)} - {one.name for one in fields(Grid)}
    return FieldGrid(
        grid.lat, grid.lon, grid.weight, grid.shape, grid.by, **{name: said[-1][name] for name in sorted(more)}
    )
