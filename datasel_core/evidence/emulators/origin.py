"""The files that a card rests on: those that its pool was made of, and other variables beside them."""

from pathlib import Path

from datasel_core.errors import BadRequest
from datasel_core.features.fields.grid import FieldGrid
from datasel_core.pools.demo.mini_climate import FORCING
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.climate.parts import Asked
from datasel_core.pools.readers.climate.sources import other_variable, sources
from datasel_core.workspace.hashing import ids_sha256, known_hash

TEMPERATURE, MAXIMUM, RAIN, HEAT = "tas", "tasmax", "pr", "hfds"
FLUXES = ("rsdt", "rsut", "rlut")
"""At the top of the atmosphere: sunlight that comes and that is reflected, and heat that leaves."""
BESIDE = {TEMPERATURE: MAXIMUM, MAXIMUM: TEMPERATURE}
"""What physics binds to a variable."""


def read_as(pool: Pool, grid: FieldGrid, variable: str) -> Asked:
    """How files of a variable are read as those of the pool were."""
    how = pool.how
    return Asked(variable, getattr(how, "frequency", "ann"), grid.model or None, getattr(how, "units", None))


def forcing_beside(pool: Pool) -> Path | None:
    """The table of forcing that lies beside the files, as it does in the demo."""
    path = pool.source / FORCING
    return path if path.is_file() else None


def files(pool: Pool, variable: str, forced: bool = False) -> dict[str, str]:
    """Name -> SHA-256 of every file that may be read for a card of a pool of this variable: of the variable, of global
    means, and of what physics binds to it; empty where the source is gone. forced: with the table of forcing beside.
    """
    wanted = {variable, TEMPERATURE, BESIDE.get(variable, variable), HEAT, *FLUXES}
    try:
        there = sources(pool.source, pool.workspace)
        mine = [(name, path) for name, path in there if any(other_variable(name, one) is None for one in wanted)]
        if forced and (table := forcing_beside(pool)) is not None:
            mine.append((table.name, pool.workspace.allowed(table)))
        return {name: _hash(path) for name, path in mine}
    except (BadRequest, OSError):
        return {}


def _hash(path: Path) -> str:
    """Of a store, which is a folder, of the names and hashes of all its files."""
    if path.is_file():
        return known_hash(path)
    inside = [one for one in path.rglob("*") if one.is_file()]
    return ids_sha256(f"{one.relative_to(path).as_posix()} {known_hash(one)}" for one in inside)


def changed(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Names of files that are others, or are there in one of the two alone, in order."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
