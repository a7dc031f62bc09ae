"""The record of a project: what was planned, and one file per round, each written at once or not at all.

`projects/NAME/project.json` never changes after it was made; `round-1.json`, `round-2.json`, ... say what was asked,
which run answered it, and, once it is done, what it took. Each closes with its own hash.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from datasel_core.errors import BadInput, BadRequest, UnknownName
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.rounds.effort import Effort, Price
from datasel_core.rounds.stop import Stop
from datasel_core.runs.mixtures.recipe import Recipe
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import is_own, own_hash
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

SCHEMA = "datasel rounds 1"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def written(self, path: Path) -> Self:
        said = self.model_dump(mode="json")
        write_json(path, {**said, "sha256": own_hash(said)})
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises BadInput where it is missing, damaged, or was changed by hand."""
        said = read_json(path)
        if not isinstance(said, dict) or not is_own(said):
            raise BadInput(f"{path} is damaged: it was changed after it was written.")
        try:
            return cls(**{name: value for name, value in said.items() if name != "sha256"})
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"]))
            raise BadInput(f"{path} is damaged: {place} is not what it must be.") from None


class Plan(_Record):
    """What a project is to do. budgets: samples of each round, as many as there are rounds."""

    name: str
    pool: str
    fingerprint: str
    budgets: list[int] = Field(min_length=1)
    recipe: Recipe
    price: Price = Price()
    stop: Stop = Stop()
    seed: int = 0
    form: str = SCHEMA


class Round(_Record):
    """One round. at: from 1. run: the key of the selection. failures: the pool of what failed before it. value: of the
    measure of the stop rule, with all rounds up to this one. actual: None until it is done. failed: how many fail now;
    disputed: per cent of them on which labellers disagree.
    """

    at: int = Field(ge=1)
    recipe: Recipe
    budget: int = Field(ge=1)
    run: str
    ids_sha256: str
    planned: Effort
    value: float | None = None
    failures: str | None = None
    actual: Effort | None = None
    failed: int | None = None
    disputed: float | None = None

    @property
    def is_done(self) -> bool:
        return self.actual is not None


@dataclass(frozen=True)
class Project:
    """rounds: those that were begun, in order."""

    workspace: Workspace
    plan: Plan
    rounds: Sequence[Round]

    @property
    def folder(self) -> Path:
        return self.workspace.project(self.plan.name)

    @property
    def budget(self) -> int:
        """Samples of all rounds."""
        return sum(self.plan.budgets)

    @property
    def bought(self) -> int:
        """Samples so far: of rounds that are done, as it was."""
        return sum((one.actual or one.planned).items for one in self.rounds)

    @property
    def left(self) -> int:
        return self.budget - self.bought

    @property
    def is_open(self) -> bool:
        """Whether the last round is not done yet."""
        return bool(self.rounds) and not self.rounds[-1].is_done

    def pool(self) -> Pool:
        """Raises BadRequest where it is gone, or holds other samples than at the start."""
        pool = load_pool(self.workspace, self.plan.pool)
        if pool.fingerprint != self.plan.fingerprint:
            raise BadRequest(
                f"The pool {pool.name} was replaced since {self.plan.name} was started; its rounds stay as they are. "
                "Start another project for the new one."
            )
        return pool

    def keep(self, one: Round) -> None:
        one.written(self.folder / f"round-{one.at}.json")


def projects(workspace: Workspace) -> list[str]:
    """Their names."""
    return [folder.name for folder in workspace.folders("projects") if (folder / "project.json").is_file()]


def find_project(workspace: Workspace, name: str) -> Project:
    """Raises UnknownName, naming the nearest; BadInput where a record is damaged."""
    if name not in (known := projects(workspace)):
        raise UnknownName("project of rounds", name, known)
    folder = workspace.project(name)
    plan = Plan.read(folder / "project.json")
    rounds: list[Round] = []
    for at in range(1, 10_000):
        if not (folder / f"round-{at}.json").is_file():
            break
        rounds.append(Round.read(folder / f"round-{at}.json"))
    return Project(workspace, plan, rounds)


def begin(workspace: Workspace, plan: Mapping[str, Any]) -> Project:
    """Makes the project; a name is given once. Raises BadRequest."""
    try:
        made = Plan(**plan)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"{'.'.join(map(str, first['loc']))} is {first['input']!r}: {first['msg']}.") from None
    folder = workspace.project(made.name)
    with Lock(folder).hold():
        if (folder / "project.json").exists():
            raise BadRequest(f"There is a project called {made.name} already; choose another name.")
        made.written(folder / "project.json")
    return Project(workspace, made, [])


def of_pool(workspace: Workspace, pool: Pool) -> list[Project]:
    """Those of the pool as it is now, by name; one that is damaged is passed over here: `find_project` says why."""
    found = []
    for name in projects(workspace):
        with contextlib.suppress(BadInput):
            one = find_project(workspace, name)
            if one.plan.fingerprint == pool.fingerprint:
                found.append(one)
    return found
