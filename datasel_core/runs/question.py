"""A question, resolved once: everything that decides the answer is known, nothing was computed.

Command line, worker, pages and reproduction ask the same object; how many are kept is the last thing to be said (`at`).
"""

import dataclasses
import functools
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
from datasel_core.runs.candidates import Candidates, Earlier, Filter, find_candidates, find_earlier
from datasel_core.runs.spec import Spec, command_line
from datasel_core.runs.target import Target, find_target
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

_TARGET = "target."
"""`use` names the target's features as `target.image`."""


@dataclass(frozen=True)
class Question:
    """spec: as it was asked. The rest is what its names stand for. within, already: earlier selections."""

    workspace: Workspace
    spec: Spec
    pool: Pool
    method: Method
    roles: Roles
    target: Target | None
    within: Earlier | None
    already: Earlier | None
    filter: Filter | None

    @functools.cached_property
    def candidates(self) -> Candidates:
        """Which rows may be chosen; the filter is asked when this is first looked at, and never again."""
        missing = self.roles.missing_rows(self.method.roles())
        return find_candidates(self.pool, missing, self.within, self.already, self.filter)

    @functools.cached_property
    def budget(self) -> int:
        """How many are to be kept. Raises BadParameter when so many cannot be."""
        granted(self.spec.budget, self.pool.n)  # what is no budget at all is said before the filter is asked
        return granted(self.spec.budget, self.pool.n, len(self.candidates.free))

    @property
    def key(self) -> str:
        """The name of the run that answers it."""
        return key_of(self.what())

    def what(self) -> dict[str, Any]:
        """All that decides the answer."""
        return {**self.open(), "budget": self.budget}

    def open(self) -> dict[str, Any]:
        """The same without the budget."""
        return {
            "pool": self.pool.name,
            "table": self.pool.table_sha256,
            "method": self.method.what(),
            "features": self.roles.keys(self.method.roles()),
            "target": self.target and self.target.what(),
            "seed": self.spec.seed,
            "within": self.within and self.within.about["ids_sha256"],
            "already": self.already and self.already.about["ids_sha256"],
            "where": self.spec.where,
            **({"where_features": self.filter.features} if self.filter and self.filter.features else {}),
        }

    def command(self) -> str:
        """The command that asks the same; earlier selections by their keys, so that it names nobody's folders."""
        earlier = {"within": self.within, "already": self.already}
        named = {name: one.called for name, one in earlier.items() if one is not None}
        return command_line(self.spec.model_copy(update=named))

    def at(self, budget: int | str) -> "Question":
        """The same question with another budget; nothing is looked up again. Raises BadParameter."""
        other = dataclasses.replace(self, spec=self.spec.model_copy(update={"budget": str(budget)}))
        other.__dict__["candidates"] = self.candidates
        return other.check()

    def tuned(self, **params: Any) -> "Question":
        """The same question with some parameters of the method set otherwise; nothing is looked up again."""
        method = type(self.method)(**{**self.method.model_dump(), **params})
        spec = self.spec.model_copy(update={"params": method.model_dump(mode="json")})
        other = dataclasses.replace(self, method=method, spec=spec)
        if method.roles() == self.method.roles():
            other.__dict__["candidates"] = self.candidates
        return other

    def check(self) -> "Question":
        """Itself, once its budget fits and the method can be given these candidates. Raises BadRequest."""
        assert self.budget > 0
        to_local(self.method, self.candidates.given)
        return self


def resolve(workspace: Workspace, spec: Spec, pool: Pool | None = None) -> Question:
    """What a spec stands for, checked. pool: the one it names, where it is open already.

    Raises BadRequest, with one clear line, before anything is written.
    """
    pool = load_pool(workspace, spec.pool) if pool is None else pool
    method = declared_method(spec)
    if not 0 <= spec.seed < 2**63:
        raise BadParameter(f"The seed is {spec.seed}; it must be a whole number from 0 up.")
    use = {role: name for role, name in spec.use.items() if not role.startswith(_TARGET)}
    roles = Roles.of(workspace, pool, use, method.roles())
    theirs = {role[len(_TARGET) :]: name for role, name in spec.use.items() if role not in use}
    target = find_target(workspace, method, roles, spec.target, theirs)
    within, already = (
        find_earlier(workspace, pool, folder, flag)
        for folder, flag in ((spec.within, "within"), (spec.already, "already"))
    )
    filter = None if spec.where is None else Filter.of(pool, spec.where, roles)
    return Question(workspace, spec, pool, method, roles, target, within, already, filter).check()


def declared_method(spec: Spec) -> Method:
    """The method with its parameters, text ones as a command line gives them. Raises UnknownName, BadParameter."""
    return find("method", spec.method).of(spec.params)


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
