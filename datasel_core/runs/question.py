"""A question, resolved once: everything that decides the answer is known, nothing was computed.

Command line, worker, pages and reproduction ask the same object; how many are kept is the last thing to be said (`at`).
"""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.registry import every, find
from datasel_core.base.role import roles as declared_roles
from datasel_core.errors import BadInput, BadParameter, BadRequest
from datasel_core.features.roles import Roles
from datasel_core.methods.method import Method
from datasel_core.methods.selection import granted
from datasel_core.pools.holdout import Aside
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.candidates import (
    NOTHING_ASIDE,
    Candidates,
    Earlier,
    Filter,
    find_aside,
    find_candidates,
    find_earlier,
)
from datasel_core.runs.run import was_made_in
from datasel_core.runs.spec import Spec, command_line, parse_spec
from datasel_core.runs.target import Target, find_target
from datasel_core.workspace.files import read_json
from datasel_core.workspace.hashing import canonical, key_of
from datasel_core.workspace.layout import Workspace

_TARGET = "target."
"""`use` names the target's features as `target.image`."""


@dataclass(frozen=True)
class Question:
    """spec: as it was asked. The rest is what its names stand for. within, already: earlier selections. aside: samples
    that no method may see, such as a held-out set.
    """

    workspace: Workspace
    spec: Spec
    pool: Pool
    method: Method
    roles: Roles
    target: Target | None
    within: Earlier | None
    already: Earlier | None
    filter: Filter | None
    aside: Aside | None = None

    @functools.cached_property
    def candidates(self) -> Candidates:
        """Which rows may be chosen; the filter is asked when this is first looked at, and never again."""
        missing = self.roles.missing_rows(self.method.roles())
        return find_candidates(self.pool, missing, self.within, self.already, self.filter, self.aside)

    @functools.cached_property
    def budget(self) -> int:
        """How many are to be kept. Raises BadParameter when so many cannot be."""
        granted(self.spec.budget, self.n)  # what is no budget at all is said before the filter is asked
        return granted(self.spec.budget, self.n, len(self.candidates.free))

    @functools.cached_property
    def n(self) -> int:
        """Of how many a share such as 10% is one: the samples that are not set aside."""
        return self.pool.n - len(self.unseen)

    @functools.cached_property
    def unseen(self) -> np.ndarray:
        """Rows that are set aside."""
        return np.empty(0, np.int64) if self.aside is None else self.aside.rows(self.pool)

    @functools.cached_property
    def earlier(self) -> np.ndarray:
        """(m,) rows that count as chosen earlier, in their order; also those without a value, which cover nothing."""
        return np.empty(0, np.int64) if self.already is None else self.pool.rows(list(dict.fromkeys(self.already.ids)))

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
            **({"holdout": self.aside.what()} if self.aside else {}),
        }

    def command(self) -> str:
        """The command that asks the same; earlier selections by their keys, so that it names nobody's folders."""
        earlier = {"within": self.within, "already": self.already}
        named = {name: one.called for name, one in earlier.items() if one is not None}
        return command_line(self.spec.model_copy(update=named))

    def at(self, budget: int | str) -> "Question":
        """The same question with another budget; nothing is looked up again. Raises BadParameter."""
        return self._asking(spec=self.spec.model_copy(update={"budget": str(budget)})).check()

    def under(self, seed: int) -> "Question":
        """The same question with another seed; nothing is looked up again."""
        return self._asking(spec=self.spec.model_copy(update={"seed": seed}))

    def tuned(self, **params: Any) -> "Question":
        """The same question with some parameters of the method set otherwise; nothing is looked up again."""
        method = type(self.method)(**{**self.method.model_dump(), **params})
        spec = self.spec.model_copy(update={"params": method.model_dump(mode="json")})
        return self._asking(method=method, spec=spec)

    def _asking(self, **fields: Any) -> "Question":
        """The same with other fields; of what was looked up, all that they do not change goes along."""
        other = dataclasses.replace(self, **fields)
        other.__dict__["unseen"] = self.unseen
        if other.method.roles() == self.method.roles():
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
    method.trust(roles.facts(method.roles()))
    theirs = {role[len(_TARGET) :]: name for role, name in spec.use.items() if role not in use}
    target = find_target(workspace, method, roles, spec.target, theirs, spec.target_holdout)
    within, already = (
        find_earlier(workspace, pool, folder, flag)
        for folder, flag in ((spec.within, "within"), (spec.already, "already"))
    )
    filter = None if spec.where is None else Filter.of(pool, spec.where, roles)
    aside = find_aside(workspace, pool, spec.holdout)
    return Question(workspace, spec, pool, method, roles, target, within, already, filter, aside).check()


def spec_of(said: Mapping[str, Any]) -> Spec:
    """The question that a manifest answers, in the names that it says."""
    return parse_spec(
        pool=said["pool"]["name"],
        method=said["method"]["id"],
        params=said["method"]["params"],
        budget=str(said["budget"]["requested"]),
        seed=said["seed"],
        target=said["target"] and said["target"]["name"],
        use={role: about.get("key") or about.get("column", "") for role, about in _features(said).items()},
        within="within" if said["within"] else None,
        already="already" if said["already"] else None,
        where=said["where"],
        holdout=None if said.get("holdout") else NOTHING_ASIDE,
        target_holdout=None if said["target"] and said["target"].get("holdout") else NOTHING_ASIDE,
    )


def asks_otherwise(folder: Path, said: Mapping[str, Any]) -> str | None:
    """What spec.json asks otherwise than the manifest beside it answers, a sentence; None where it asks the same, or
    there is none. In a folder that no run was made in, one that is no question is somebody else's.
    """
    path = folder / "spec.json"
    if not path.exists():
        return None
    try:
        values = read_json(path)
        if not isinstance(values, dict):
            raise BadInput("it is no question.")
        asked = _plain(parse_spec(**values), said)
    except (BadRequest, OSError) as error:
        return f"spec.json is damaged: {error}" if was_made_in(folder) else None
    answered = _plain(spec_of(said), said)
    for name, value in asked.items():
        if value != answered[name]:
            return f"spec.json asks for another {name} ({value}, not {answered[name]}) than the manifest answers."
    return None


def _plain(spec: Spec, said: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked, however it was put. said: by the manifest, of which the method may be of another version."""
    known = every("method").get(spec.method)
    is_same = known is not None and (known.id, known.version) == (said["method"]["id"], said["method"]["version"])
    return {
        "pool": spec.pool,
        "method": spec.method,
        "parameter": canonical(declared_method(spec).what()["params"]) if is_same else "",
        "budget": granted(spec.budget, said["pool"]["n"] - manifest.n_aside(said)),
        "seed": spec.seed,
        "target": spec.target,
        "filter": spec.where,
        "earlier selection": [name for name in ("within", "already") if getattr(spec, name) is not None],
        "feature": [f"{role}={name}" for role, name in spec.use.items() if _is_other(name, _features(said).get(role))],
    }


def _features(said: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Role, of the target `target.role` -> what a manifest says of the feature that filled it."""
    theirs = said["target"]["features"] if said["target"] else {}
    return {**said["features"], **{f"{_TARGET}{role}": about for role, about in theirs.items()}}


def _is_other(name: str, about: Mapping[str, Any] | None) -> bool:
    """Whether a name surely means another feature or column; of one that stands for a role, nobody can tell."""
    return about is not None and name not in {about["id"], about.get("key"), about.get("column"), *declared_roles()}


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
