"""Which of the kept are most like one of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from datasel_core.analysis import explain
from datasel_core.features.roles import Roles
from datasel_core.pools.pool import Pool
from datasel_core.runs.measures import covered
from datasel_core.workspace.layout import Workspace


def among_kept(workspace: Workspace, pool: Pool, said: Mapping[str, Any], rows: np.ndarray) -> explain.Space | None:
    """Distances among the samples of a selection alone, in what its method looked at, else in what the pool has; None
    where it has nothing. said: its manifest. rows: of the pool, in pick order. Raises DamagedFeature.
    """
    roles = Roles.of(workspace, pool)
    there = covered(roles)
    role = next((role for role in [*said["features"], *there] if role in there), None)
    return None if role is None else explain.space(roles.array(role, rows))


def nearest(space: explain.Space, at: int, many: int = 3) -> list[tuple[int, float]]:
    """(place from 0, cosine from 0 to 1) of the kept that are most like the one at this place, the most alike first."""
    return [(one.row, max(0.0, 1 - one.distance)) for one in explain.similar(space, at, many)]
