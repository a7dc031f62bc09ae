"""The files that a card rests on: those that its pool was made of, and other variables beside them."""

from datasel_core.features.fields.grid import FieldGrid
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.climate.parts import Asked


def read_as(pool: Pool, grid: FieldGrid, variable: str) -> Asked:
    """How files of a variable are read as those of the pool were."""
    how = pool.how
    return Asked(variable, getattr(how, "frequency", "ann"), grid.model or None, getattr(how, "units", None))
