"""A demo pool of facts that can only be remembered, of the size that a model needs."""

from pathlib import Path
from typing import ClassVar

from datasel_core.actions.add_pool import about_pool, add_pool
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.pools.demo.phonebook import FILE, MOST_FACTS, WORDINGS, check, facts_for, phonebook
from datasel_core.pools.persistence import pool_names
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace, checked_name
from datasel_core.workspace.locks import Lock


@task("phonebook", version=1, title="Make a phonebook")
class Phonebook(Task):
    """Makes a demo pool of random names and numbers, so many as are named or as a model of some size can hold."""

    cost: ClassVar[str] = "Seconds; half a minute for a million rows."

    name: str = Field("phonebook", description="What the pool is called.")
    facts: int | None = Field(None, ge=1, le=MOST_FACTS, description="How many people it has; none goes by parameters.")
    parameters: int | None = Field(
        None, ge=1, description="The parameters of a model, at 2 bits each, which the facts are to fill."
    )
    times: float = Field(3.0, gt=0, description="How many times as many bits as fit, where parameters are given.")
    exposures: int = Field(1, ge=1, le=10_000, description="Rows of a fact, on average.")
    exponent: float = Field(
        0.0, ge=0, description="0: every fact has as many rows; 1: as the words of a language, few have most."
    )
    wordings: int = Field(1, ge=1, le=len(WORDINGS), description="In how many wordings the questions stand.")
    digits: int = Field(10, ge=1, le=100, description="Of a number; each takes 3.32 bits.")
    seed: int = Field(0, ge=0, description="Another seed, other names and numbers.")

    def prepare(self, workspace: Workspace) -> Work:
        if (self.facts is None) is (self.parameters is None):
            raise BadRequest("Say how many --facts the phonebook has, or --parameters of a model that it is to fill.")
        n = self.facts or facts_for(self.parameters or 0, self.times, digits=self.digits)
        check(n, self.exponent, self.exposures, self.wordings, self.digits)
        folder = workspace.demo(f"{checked_name('pool', self.name)[:40]}-{key_of(self.spec())}")
        if self.name in pool_names(workspace) and not (folder / FILE).exists():
            raise BadRequest(f"There is a pool called {self.name} already; choose another --name, or remove that one.")
        return Work(self.own_folder(workspace), lambda progress: self._made(workspace, folder, n, progress))

    def headline(self) -> str:
        return f"Making the phonebook {self.name}"

    def _made(self, workspace: Workspace, folder: Path, n: int, progress: Progress) -> Outcome:
        how = {name: getattr(self, name) for name in ("exponent", "exposures", "wordings", "digits", "seed")}
        with Lock(folder).hold(progress.check):
            if not (folder / FILE).exists():
                phonebook(folder, n, **how, progress=progress)
        pool = add_pool(workspace, self.name, str(folder / FILE), "facts", progress=progress)
        return Outcome(
            {"pool": pool.name},
            about_pool(workspace, pool),
            [f"{pool.name}: {n:,} facts in {pool.n:,} rows."],
            pool.about["notes"],
        )
