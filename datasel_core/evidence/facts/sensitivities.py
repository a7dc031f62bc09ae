"""How far pruning by the loss hangs on the length of the warm-up and on beta, of a pool whose losses were measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.analysis.facts.sensitivity import over_beta, over_warm_up, warm_up
from datasel_core.base.role import ANSWER_LOSS
from datasel_core.errors import MissingFeature
from datasel_core.evidence.facts.counts import frequency_rank, loss_of
from datasel_core.features.encoders.loss_trajectory import LOSS_TRAJECTORY
from datasel_core.features.roles import Roles, how_to_get
from datasel_core.features.stored import StoredFeature, kept_features
from datasel_core.workspace.layout import Workspace

STEPS = "steps"


@dataclass(frozen=True)
class Losses:
    """lengths: whose losses were measured after warm-ups of several lengths: losses of answers that differ in nothing
    else, or the trajectory; the one loss there is where there is no other. by: what pruning by the loss goes by.
    """

    lengths: tuple[StoredFeature, ...]
    by: StoredFeature

    def are_whole(self) -> bool:
        """Whether warm-ups are told apart by losses of whole answers."""
        return self.lengths[0].role == ANSWER_LOSS.name


def sources(workspace: Workspace, roles: Roles) -> Losses:
    """Losses of whole answers where they were measured after several lengths, for pruning goes by these; else the
    trajectory, else the loss that fills their role. Raises MissingFeature.
    """
    loss, trajectory = loss_of(roles), roles.features.get(LOSS_TRAJECTORY.name)
    if loss is not None and len(alike := _other_lengths(workspace, loss)) > 1:
        return Losses(tuple(alike.values()), loss)
    if trajectory is not None:
        return Losses((trajectory,), loss or trajectory)
    if loss is not None:
        return Losses((loss,), loss)
    raise MissingFeature(
        f"{roles.pool.name} has no losses yet, so nothing can be pruned by them. "
        f"{how_to_get(roles.pool, ANSWER_LOSS.name)}"
    )


def _other_lengths(workspace: Workspace, loss: StoredFeature) -> dict[int, StoredFeature]:
    """Steps of the warm-up -> losses of answers, the newest of each, that differ from these in their steps alone."""
    if loss.role != ANSWER_LOSS.name:
        return {}
    kept = [one for one in kept_features(workspace, loss.meta["pool"]["fingerprint"]) if one.role == loss.role]
    alike = [one for one in kept if one.id == loss.id and _but_steps(one) == _but_steps(loss)]
    found = {one.meta.get("facts", {}).get(STEPS): one for one in alike}
    return {steps: found[steps] for steps in sorted(one for one in found if isinstance(one, int))}


def _but_steps(one: StoredFeature) -> dict[str, Any]:
    return {name: value for name, value in one.meta["params"].items() if name != STEPS}


def _steps(one: StoredFeature, columns: int) -> list[int]:
    """At which step each loss was measured; where nobody said, they are numbered from 1."""
    said = one.meta.get("facts", {}).get(STEPS)
    steps = said if isinstance(said, list) else [said]
    if len(steps) != columns or not all(isinstance(step, int) for step in steps):
        return list(range(1, columns + 1))
    return steps


def losses(found: Losses, rows: np.ndarray) -> tuple[dict[int, np.ndarray], np.ndarray, np.ndarray]:
    """Steps of the warm-up -> (m,) nats; (m,) nats by which pruning goes; and (m,) the rows of which all are known."""
    columns, steps = [], []
    for one in (*found.lengths, found.by):
        values = np.asarray(one.values(), dtype=np.float64)[rows].reshape(len(rows), -1)
        columns.append(values)
        steps += _steps(one, values.shape[1])
    every = np.concatenate(columns, axis=1)
    known = np.isfinite(every).all(axis=1)
    lengths = every.shape[1] - columns[-1].shape[1]
    of = {int(step): every[known, at] for at, step in enumerate(steps[:lengths])}
    return of, every[known, -1], rows[known]


def measured(
    of: Mapping[int, np.ndarray],
    loss: np.ndarray,
    fact: np.ndarray,
    bits: np.ndarray,
    capacity: float,
    is_named: bool,
) -> dict[str, Any]:
    """warm_ups: per length steps, spearman and overlap with the longest, with_frequency (None where nobody knows how
    often a fact is stated); betas: what each keeps by the loss that pruning goes by, beside beta 1. loss: (m,) that.
    """
    alike = {one["steps"]: one for one in warm_up(of)}
    kept = {one["steps"]: one for one in over_warm_up(of, fact, bits, capacity)}
    lines = [
        {**alike[steps], **kept[steps], "with_frequency": frequency_rank(of[steps], fact) if is_named else None}
        for steps in sorted(of)
    ]
    rows = over_beta(loss, fact, bits, capacity)
    betas = [{**one, "highest_loss": one["highest_loss"] if one["samples"] else None} for one in rows]
    return {"warm_ups": lines, "betas": betas, "samples": len(fact), "facts": len(np.unique(fact))}
