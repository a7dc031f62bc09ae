"""Checking a question before anything is computed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.base.registry import find
from datasel_core.errors import BadParameter
from datasel_core.features.roles import Roles
from datasel_core.methods.method import Method
from datasel_core.methods.selection import granted
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs.candidates import Candidates, find_candidates
from datasel_core.runs.spec import Spec
from datasel_core.runs.target import Target, find_target
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

_TARGET = "target."
"""`use` names the target's features as `target.image`."""


@dataclass(frozen=True)
class Question:
    """A checked question: everything that decides the answer is known, nothing was computed."""

    spec: Spec
    pool: Pool
    method: Method
    roles: Roles
    target: Target | None
    candidates: Candidates
    budget: int

    @property
    def key(self) -> str:
        return key_of(self.what())

    def what(self) -> dict[str, Any]:
        """All that decides the answer."""
        return {
            "pool": self.pool.name,
            "table": self.pool.table_sha256,
            "method": self.method.what(),
            "features": self.roles.keys(self.method.roles()),
            "target": self.target and self.target.what(),
            "budget": self.budget,
            "seed": self.spec.seed,
            "within": self.candidates.within and self.candidates.within["ids_sha256"],
            "already": self.candidates.earlier and self.candidates.earlier["ids_sha256"],
            "where": self.spec.where,
        }


def resolve(workspace: Workspace, spec: Spec) -> Question:
    """Checks a question. Raises BadRequest, with one clear line, before anything is written."""
    pool = load_pool(workspace, spec.pool)
    method = declared_method(spec)
    if not 0 <= spec.seed < 2**63:
        raise BadParameter(f"The seed is {spec.seed}; it must be a whole number from 0 up.")
    use = {role: name for role, name in spec.use.items() if not role.startswith(_TARGET)}
    roles = Roles.of(workspace, pool, use, method.roles())
    target = find_target(
        workspace,
        method,
        roles,
        spec.target,
        {role[len(_TARGET) :]: name for role, name in spec.use.items() if role not in use},
    )
    granted(spec.budget, pool.n)
    candidates = find_candidates(
        workspace, pool, roles.missing_rows(method.roles()), spec.within, spec.already, spec.where
    )
    budget = granted(spec.budget, pool.n, len(candidates.free))
    to_local(method, candidates.given)
    return Question(spec, pool, method, roles, target, candidates, budget)


def declared_method(spec: Spec) -> Method:
    """The method with its parameters, text ones as a command line gives them. Raises UnknownName, BadParameter."""
    words = {name: value for name, value in spec.params.items() if isinstance(value, str)}
    return find("method", spec.method).parse(
        words, **{name: value for name, value in spec.params.items() if not isinstance(value, str)}
    )


def to_local(method: Method, rows: np.ndarray) -> Method:
    """Parameters that name a row of the pool (`first`) become positions among the rows the method is given. Raises
    BadParameter.
    """
    first = getattr(method, "first", None)
    if first is None:
        return method
    at = int(np.searchsorted(rows, first))
    if at == len(rows) or rows[at] != first:
        raise BadParameter(f"first is {first}; that row is not among the {len(rows)} that can be chosen.")
    return type(method)(**{**method.model_dump(), "first": at})
