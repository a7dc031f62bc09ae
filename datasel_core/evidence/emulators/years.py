"""The years of a pool as emulators take them, and those towards which a selection was chosen."""

from collections.abc import Mapping

import numpy as np

from datasel_core.analysis.climate.emulators.driver import Years
from datasel_core.base.role import FIELD, GMST, YEAR
from datasel_core.errors import BadRequest, UnknownName
from datasel_core.features.fields.grid import FieldGrid, grid_of
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import load_pool, pool_names
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.climate.scan import TEMPERATURE
from datasel_core.workspace.layout import Workspace

_COLUMNS = ("scenario", "member", YEAR.name)


def simulated(pool: Pool, roles: Roles, grid: FieldGrid) -> Years:
    """All years of a pool. Of temperature the global mean is that of the fields themselves, so that what is exact stays
    exact: `gmst` is kept with fewer digits. Raises BadRequest where the pool has no simulated years.
    """
    lacking = [name for name in _COLUMNS if name not in pool.columns]
    if lacking:
        raise BadRequest(f"{pool.name} has no column {lacking[0]}, so its samples are no simulated years.")
    fields = np.asarray(roles.array(FIELD.name), np.float64)
    own = grid.variable == TEMPERATURE
    gmst = grid.mean(fields) if own else np.asarray(roles.array(GMST.name), np.float64)
    scenario, member = (pool.column(name).astype(str) for name in _COLUMNS[:2])
    return Years(fields, gmst, scenario, member, pool.column(YEAR.name).astype(np.int64))


def rows_of(every: Years, runs: np.ndarray, said: str) -> np.ndarray:
    """Rows of a scenario, or of SCENARIO/MEMBER. Raises UnknownName."""
    found = np.flatnonzero((every.scenario == said) | (runs == said))
    if not len(found):
        raise UnknownName("scenario or run", said, {*every.scenario.tolist(), *runs.tolist()})
    return found


def reference(
    workspace: Workspace, asked: str | None, every: Years, run: Mapping[str, str] | None, grid: FieldGrid
) -> tuple[Years | None, list[str]]:
    """Years towards which was chosen, as asked, else of the target pool of the selection; and the scenarios of both:
    what the selection went by cannot judge, whatever reference is named. run: of `Asked`. Raises BadRequest.
    """
    years, chosen = _went_by(workspace, run, grid, asked is not None)
    if asked is not None:
        years = every.part(rows_of(every, every.run, asked))
        chosen = chosen | set(years.scenario.tolist())
    return years, sorted(chosen)


def _went_by(
    workspace: Workspace, run: Mapping[str, str] | None, grid: FieldGrid, named: bool
) -> tuple[Years | None, set[str]]:
    """The target pool of a selection, where its fields are like those of the pool, and its scenarios. named: whether
    somebody says which scenario it was; else, where that pool is not there any more, nobody knows.
    """
    if run is None or not run["target"]:
        return None, set()
    there = run["target"] in pool_names(workspace)
    pool = load_pool(workspace, run["target"]) if there else None
    if pool is None or pool.fingerprint != run["target_fingerprint"]:
        if named:
            return None, set()
        raise BadRequest(
            f"{run['name']} was chosen towards the pool {run['target']}, which is not there any more as it was; name "
            "the scenario that it held with --reference."
        )
    roles = Roles.of(workspace, pool)
    if FIELD.name not in roles.features:
        return None, set()
    its = grid_of(pool)
    years = simulated(pool, roles, its)
    same = its.is_like(grid) and (its.variable, its.baseline) == (grid.variable, grid.baseline)
    return (years if same else None), set(years.scenario.tolist())
