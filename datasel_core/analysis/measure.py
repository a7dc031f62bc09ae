"""All metrics of a selection that the pool has the features for."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from datasel_core.analysis.metrics.metric import KeptRows
from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.features.roles import Roles
from datasel_core.pools.pool import Pool


def measure(
    pool: Pool, roles: Roles, rows: np.ndarray, used: Sequence[str], progress: Progress | None = None
) -> dict[str, Any]:
    """Metric id -> its numbers. rows: kept rows of the pool. used: roles the method used.

    Rows without a value in some role are left out of what is measured there.
    """
    readable = measured(pool, roles, used)
    kept = KeptRows(pool.n, rows[readable[rows]], roles.array, readable, progress or Progress())
    found = {}
    for id, metric in registry.every("metric").items():
        numbers = metric().measure(kept)
        if numbers:
            found[id] = dict(numbers)
    return found


def measured(pool: Pool, roles: Roles, used: Sequence[str]) -> np.ndarray:
    """(n,) bool: rows that have a value in every role that was used and in those that distances are taken in."""
    spaces = [role for role in ("embedding", "patterns", "image") if role in roles.features]
    there = np.ones(pool.n, dtype=bool)
    there[roles.missing_rows([*used, *spaces])] = False
    return there
