"""Which simulation to buy next."""

from typing import Any, ClassVar, Literal

from datasel_core.actions.facts import selection_of
from datasel_core.actions.simulations import rates_of
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.actions.years import TOPIC, period
from datasel_core.base.declare import ARGUMENT, Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.costs.simulations import following
from datasel_core.costs.simulations.price import Rates
from datasel_core.costs.simulations.sides import runs_of, scenario_of
from datasel_core.errors import BadRequest, UnknownName
from datasel_core.evidence import answers
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

KIND = "next_run"
RATES = ("core_hours", "storage", "core_hour_price", "terabyte_price", "currency")
"""Fields that price what is ranked."""


@task("next_run", version=1, title="Rank the next run")
class NextRun(Task):
    """Scenarios ranked by how much another run of each is expected to lower the error of pattern scaling, with its
    price. By the patterns of the synthetic energy balance demo: a guess about a real model.
    """

    words: ClassVar[tuple[str, ...]] = ("next-run",)
    cost: ClassVar[str] = "Seconds."

    pool: str = Field(description="The pool of simulations.", json_schema_extra=ARGUMENT)
    target: str = Field(description="The scenario that the emulator is for, such as ssp245; it ranks nothing.")
    reference: str = Field(description="The scenario by whose expected error runs are ranked, such as ssp370.")
    run: str | None = Field(
        None, description="A kept selection: the runs that it takes years of are those that are there already."
    )
    candidates: str = Field("", description="Scenarios to choose among, with commas between; by default all others.")
    size: int = Field(1, ge=1, le=3, description="How many runs are bought together.")
    measure: Literal["error", "variance"] = Field(
        "error",
        description="What is to fall: the whole expected error, or only what chance adds to it.",
        json_schema_extra=spoken({"error": "the whole error", "variance": "what chance adds"}),
    )
    period: str = Field("2080-2100", description="First and last year of what is judged.")
    core_hours: str | None = Field(None, description="Core-hours of a year, or a range; `example` is the literature's.")
    storage: str | None = Field(None, description="Terabytes of a stored year, or a range; `example` as above.")
    core_hour_price: str | None = Field(None, description="Price of a core-hour, or a range.")
    terabyte_price: str | None = Field(None, description="Price of a stored terabyte, or a range.")
    currency: str = Field("", description="What money is called, such as EUR.")

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        rates = rates_of(self.core_hours, self.storage, self.core_hour_price, self.terabyte_price, self.currency)
        known = following.SCENARIOS
        for one in (self.target, self.reference):
            if one not in known:
                raise UnknownName("scenario of the demo", one, known)
        owned, strange = following.split(self._owned(workspace, pool))
        if not owned:
            raise BadRequest(f"No run of {pool.name} is left but those of {self.target} and {self.reference}.")
        only = [one.strip() for one in self.candidates.split(",") if one.strip()]
        judges = (self.target, self.reference)
        offered = following.candidates(owned, runs_of(pool).names, judges, only)
        period(self.period)
        return Work(
            self.own_folder(workspace),
            lambda progress: self._said(workspace, pool, owned, strange, offered, rates, progress),
        )

    def headline(self) -> str:
        return f"Ranking which run of {self.pool} comes next"

    def _owned(self, workspace: Workspace, pool: Pool) -> list[str]:
        """Runs that are there already, but for those that judge."""
        runs = runs_of(pool)
        if self.run is None:
            names = runs.names
        else:
            folder = selection_of(workspace, pool, self.run, "ranked").folder
            before = manifest.earlier_ids(folder, manifest.read(folder))
            kept = [*manifest.kept_table(folder)["id"].to_pylist(), *before]
            taken = set(runs.name[pool.rows(kept)].tolist())
            names = [one for one in runs.names if one in taken]
        return [one for one in names if scenario_of(one) not in (self.target, self.reference)]

    def _said(
        self,
        workspace: Workspace,
        pool: Pool,
        owned: list[str],
        strange: list[str],
        offered: list[str],
        rates: Rates,
        progress: Progress,
    ) -> Outcome:
        runs = {"owned": owned, "strange": strange, "offered": offered}  # names of selections are given anew
        asked = {**self.model_dump(mode="json"), "pool": pool.fingerprint, **runs}
        folder = answers.place(workspace, TOPIC, KIND, asked)
        with Lock(folder).hold(progress.check):
            said = answers.read(folder)
            if said is None:
                said = answers.keep(folder, self._ranked(pool, owned, strange, offered, rates))
        document = {name: value for name, value in said.items() if name != "order"}
        return Outcome({"folder": str(folder)}, {**document, "folder": str(folder)}, _lines(said), _notes(said))

    def _ranked(
        self, pool: Pool, owned: list[str], strange: list[str], offered: list[str], rates: Rates
    ) -> dict[str, Any]:
        found = following.ranked(
            owned, offered, self.target, self.reference, self.size, self.measure, period(self.period), rates
        )
        about = {
            "pool": pool.name,
            "fingerprint": pool.fingerprint,
            "target": self.target,
            "reference": self.reference,
            "run": self.run,
            "training": owned,
            "left_out": strange,
            "size": self.size,
            "measure": self.measure,
            "period": list(period(self.period)),
            "priced": {name: getattr(self, name) for name in RATES},
        }
        return {**about, **found}


def _lines(said: dict[str, Any]) -> list[str]:
    before = said["before"]
    lines = [
        f"With {', '.join(said['training'])}: expected error {before['reference']:.3f} K on {said['reference']}, "
        f"{before['target']:.3f} K on {said['target']}."
    ]
    for at, one in enumerate(said["ranks"], 1):
        cost = one["price"]["sentence"].partition("; ")[2]
        lines.append(f"  {at}. {one['words']}{f' {cost}' if cost else ''}")
    return lines


def _notes(said: dict[str, Any]) -> list[str]:
    left = [f"{', '.join(said['left_out'])}: none of the demo's scenarios, so left out."] if said["left_out"] else []
    return [said["guess"], *left]
