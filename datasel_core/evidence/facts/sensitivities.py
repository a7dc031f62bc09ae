"""How far pruning by the loss hangs on the length of the warm-up and on beta, of a pool whose losses were measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from datasel_core.analysis.facts.sensitivity import over_beta, over_warm_up, warm_up
from datasel_core.errors import MissingFeature
from datasel_core.evidence.facts.counts import frequency_rank, loss_of
from datasel_core.features.encoders.loss_trajectory import LOSS_TRAJECTORY
from datasel_core.features.roles import Roles, how_to_get
from datasel_core.features.stored import StoredFeature

STEPS = "steps"


def source(roles: Roles) -> tuple[StoredFeature, bool]:
    """Where warm-ups of several lengths come from, and whether it has several. Raises MissingFeature."""
    if (found := roles.features.get(LOSS_TRAJECTORY.name)) is not None:
        return found, True
    if (found := loss_of(roles)) is not None:
        return found, False
    raise MissingFeature(
        f"{roles.pool.name} has no losses yet, so nothing can be pruned by them. "
        f"{how_to_get(roles.pool, LOSS_TRAJECTORY.name)}"
    )


def losses(found: StoredFeature, rows: np.ndarray) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Steps of the warm-up -> (m,) nats, and (m,) the rows of which all are known. Where nobody said at which step a
    checkpoint was, they are numbered from 1.
    """
    values = np.asarray(found.values(), dtype=np.float64)[rows].reshape(len(rows), -1)
    known = np.isfinite(values).all(axis=1)
    steps = found.meta.get("facts", {}).get(STEPS)
    if not isinstance(steps, list) or len(steps) != values.shape[1]:
        steps = list(range(1, values.shape[1] + 1))
    return {int(step): values[known, at] for at, step in enumerate(steps)}, rows[known]


def measured(
    of: Mapping[int, np.ndarray], fact: np.ndarray, bits: np.ndarray, capacity: float, is_named: bool
) -> dict[str, Any]:
    """warm_ups: per length steps, spearman and overlap with the longest, with_frequency (None where nobody knows how
    often a fact is stated); betas: what each keeps after the longest, beside beta 1.
    """
    alike = {one["steps"]: one for one in warm_up(of)}
    kept = {one["steps"]: one for one in over_warm_up(of, fact, bits, capacity)}
    lines = [
        {**alike[steps], **kept[steps], "with_frequency": frequency_rank(of[steps], fact) if is_named else None}
        for steps in sorted(of)
    ]
    rows = over_beta(of[max(of)], fact, bits, capacity)
    betas = [{**one, "highest_loss": one["highest_loss"] if one["samples"] else None} for one in rows]
    return {"warm_ups": lines, "betas": betas, "samples": len(fact), "facts": len(np.unique(fact))}
