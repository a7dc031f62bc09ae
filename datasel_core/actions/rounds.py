"""Rounds: a project of them begun, the next one chosen, one done, and what there is."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.csv as csv

from datasel_core.actions.mix import told
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.methods.selection import granted
from datasel_core.pools.persistence import load_pool
from datasel_core.rounds.effort import Effort, Price, typed
from datasel_core.rounds.project import Project, begin, find_project
from datasel_core.rounds.proposal import Proposal, document, propose, stops
from datasel_core.rounds.stop import Stop
from datasel_core.rounds.turn import ask_next, begin_round, finish, run_of, took_of_labels, with_budget
from datasel_core.runs.mixtures.asking import Asked
from datasel_core.runs.mixtures.options import Options
from datasel_core.runs.mixtures.shares import deal
from datasel_core.workspace.layout import Workspace

_DEFAULT = ("70%=facility_location", "30%=random")
_MOST_ROUNDS = 100


class _Named(Task):
    name: str = Field(description="The project.", json_schema_extra=ARGUMENT)

    def headline(self) -> str:
        return f"{type(self).title}: {self.name}"


@task("rounds_start", version=1, title="Start a project of rounds")
class StartRounds(Options, _Named):
    """Plans a project: a budget over some rounds, what each costs, and when to stop. Nothing is chosen yet."""

    words: ClassVar[tuple[str, ...]] = ("rounds", "start")
    cost: ClassVar[str] = "Nothing."

    pool: str = Field(description="The pool.")
    budget: str = Field(description="Samples of all rounds together: a count, or a share such as 10%.")
    rounds: int = Field(5, ge=1, le=_MOST_ROUNDS, description="How many rounds.")
    split: str | None = Field(None, description="Samples of each round, such as 50,100,100; even by default.")
    seconds: float = Field(0.0, ge=0, description="Seconds of work per sample.")
    wage: float = Field(0.0, ge=0, description="Wage per hour.")
    each: float = Field(0.0, ge=0, description="Money per sample, beside the wage.")
    currency: str = Field("", description="What money is called, such as EUR.")
    measure: Literal["coverage", "worth", "accuracy"] = Field(
        "coverage", description="What a round is to gain: coverage, worth (in random samples), accuracy (typed)."
    )
    least_gain: float | None = Field(None, ge=0, description="Stop when 100 of money bring less of the measure.")
    reach: float | None = Field(None, ge=0, description="Stop when the measure is reached, such as 90.")
    disputed: float | None = Field(None, description="Stop when labellers disagree on so many per cent of failures.")
    seed: int = Field(0, ge=0, description="Start of the random numbers.")

    def prepare(self, workspace: Workspace) -> Work:
        plan = self._plan(workspace)
        return Work(self.own_folder(workspace), lambda _: _shown(begin(workspace, plan)))

    def _plan(self, workspace: Workspace) -> dict[str, Any]:
        workspace.project(self.name)
        pool = load_pool(workspace, self.pool)
        options = self if self.share or self.recipe else self.model_copy(update={"share": list(_DEFAULT)})
        return {
            "name": self.name,
            "pool": pool.name,
            "fingerprint": pool.fingerprint,
            "budgets": self._budgets(granted(self.budget, pool.n)),
            "recipe": options.made(workspace),
            "price": Price(seconds=self.seconds, wage=self.wage, each=self.each, currency=self.currency),
            "stop": Stop(measure=self.measure, gain=self.least_gain, reach=self.reach, disputed=self._disputed()),
            "seed": self.seed,
        }

    def _disputed(self) -> float | None:
        if self.disputed is not None and not 0 < self.disputed <= 100:
            raise BadRequest(f"--disputed is {self.disputed:g}; it must be above 0 and at most 100 per cent.")
        return self.disputed

    def _budgets(self, budget: int) -> list[int]:
        if self.split is None:
            if budget < self.rounds:
                raise BadRequest(f"The budget is {budget:,} for {self.rounds} rounds; each needs one sample at least.")
            return deal(budget, [1] * self.rounds)
        parts = [part.strip() for part in self.split.split(",")]
        if not all(part.isdigit() and int(part) for part in parts):
            raise BadRequest(f"--split {self.split!r} must be counts from 1 up, such as 50,100,100.")
        found = [int(part) for part in parts]
        if sum(found) != budget:
            raise BadRequest(f"--split sums to {sum(found):,}; the budget is {budget:,}: they must be equal.")
        return found


@task("rounds_next", version=1, title="Choose the next round")
class NextRound(Options, _Named):
    """Chooses the next round as it proposes itself; all earlier rounds count as chosen."""

    words: ClassVar[tuple[str, ...]] = ("rounds", "next")
    heavy: ClassVar[bool] = True
    cost: ClassVar[str] = "What the methods cost."

    budget: int | None = Field(None, ge=1, description="Samples of this round; by default as planned.")
    failures: str | None = Field(None, description="A pool of what fails now: the shares with a target follow it.")

    def prepare(self, workspace: Workspace) -> Work:
        project, proposed, asked = self._asked(workspace)
        return Work(self.own_folder(workspace), lambda progress: self._chosen(project, proposed, asked, progress),
                    [proposed.words(), *stops(project)])  # fmt: skip

    def _asked(self, workspace: Workspace) -> tuple[Project, Proposal, Asked]:
        project = find_project(workspace, self.name)
        if project.is_open:
            raise BadRequest(
                f"Round {len(project.rounds)} of {self.name} is not done yet; say what it took: "
                f"python -m datasel_core rounds done {self.name}"
            )
        n = load_pool(workspace, self.failures).n if self.failures else 0
        proposed = propose(project, self.failures, n)
        if proposed is None:
            raise BadRequest(f"The budget of {self.name} is spent: {project.bought:,} of {project.budget:,} samples.")
        proposed = with_budget(proposed, project, self.budget)
        if self.share or self.recipe:
            options = self.model_copy(update={"target": self.target or proposed.failures})
            recipe = options.made(workspace)
            proposed = Proposal(**{**proposed.__dict__, "recipe": recipe})
        return project, proposed, ask_next(project, proposed)

    def _chosen(self, project: Project, proposed: Proposal, asked: Asked, progress: Progress) -> Outcome:
        made, run = begin_round(project, proposed, asked, progress)
        said = {"name": self.name, "round": made.at, "run": run.key, "n": len(run.ids)}
        return Outcome(said, {**said, "folder": str(run.folder)}, [proposed.words(), *told(run), str(run.folder)])


@task("rounds_done", version=1, title="Say what a round took")
class RoundDone(_Named):
    """Closes the open round: what it took, typed or from the labels that came back, and what fails now."""

    words: ClassVar[tuple[str, ...]] = ("rounds", "done")
    cost: ClassVar[str] = "Nothing."

    items: int | None = Field(None, ge=0, description="Samples that were labelled; by default all of the round.")
    hours: float | None = Field(None, description="Hours that it took.")
    money: float | None = Field(None, description="Money that it took; by default by wage and price.")
    labels: str | None = Field(
        None, description="A CSV of labels with the column id and, where known, seconds, failed, disputed."
    )
    failures: str | None = Field(None, description="A pool of what fails now, which the next round follows.")
    failed: int | None = Field(None, description="How many fail now; by default the size of that pool.")
    disputed: float | None = Field(None, description="Per cent of them on which labellers disagree.")
    accuracy: float | None = Field(None, description="Per cent that the model now names rightly.")

    def prepare(self, workspace: Workspace) -> Work:
        project = find_project(workspace, self.name)
        took, failed, disputed = self._took(workspace, project)
        given = (self.failures, failed, disputed, self.accuracy)
        return Work(self.own_folder(workspace), lambda _: self._done(project, took, given))

    def _took(self, workspace: Workspace, project: Project) -> tuple[Effort, int | None, float | None]:
        if self.labels is None:
            planned = project.rounds[-1].planned if project.rounds else Effort(items=0)
            items = planned.items if self.items is None else self.items
            hours = planned.hours if self.hours is None and self.items is None else self.hours
            return typed(project.plan.price, items, hours, self.money), self.failed, self.disputed
        if self.items is not None or self.hours is not None:
            raise BadRequest("--labels says how many and how long; give no --items or --hours beside it.")
        took, failed, disputed = took_of_labels(project, read_labels(workspace, self.labels))
        if self.money is not None:
            took = typed(project.plan.price, took.items, took.hours, self.money)
        return took, self.failed if failed is None else failed, self.disputed if disputed is None else disputed

    def _done(self, project: Project, took: Effort, given: tuple) -> Outcome:
        finish(project, took, *given)
        return _shown(find_project(project.workspace, self.name))


@task("rounds_show", version=1, title="Show a project of rounds")
class ShowRounds(_Named):
    """Rounds planned against what they took, the rule that ends them, and what the next one is to be."""

    words: ClassVar[tuple[str, ...]] = ("rounds", "show")
    cost: ClassVar[str] = "Nothing."

    def prepare(self, workspace: Workspace) -> Work:
        project = find_project(workspace, self.name)
        return Work(self.own_folder(workspace), lambda _: _shown(project, _troubles(project)))


def _troubles(project: Project) -> list[str]:
    """What is wrong by now with the pool or the selections, a line each."""
    found = []
    try:
        project.pool()
    except (BadRequest, BadInput) as error:
        found.append(str(error))
    for one in project.rounds:
        try:
            run_of(project, one)
        except BadInput as error:
            found.append(str(error))
    return found


def read_labels(workspace: Workspace, path: str) -> Mapping[str, list[Any]]:
    """The columns of a CSV, as text. Raises BadInput."""
    file = workspace.allowed(path)
    try:
        table = csv.read_csv(file, convert_options=csv.ConvertOptions(strings_can_be_null=False))
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path} is no CSV that can be read: {str(error).splitlines()[0]}.") from None
    return {name: table[name].cast(pa.string()).to_pylist() for name in table.column_names}


def _shown(project: Project, troubles: list[str] | None = None) -> Outcome:
    said = document(project)
    unit = project.plan.price.currency
    lines = [
        f"{project.plan.name}: {project.bought:,} of {project.budget:,} samples of {project.plan.pool}; {said['rule']}"
    ]
    for one in project.rounds:
        took = _words(one.actual, unit) if one.actual else "not done yet"
        value = "" if one.value is None else f"; {project.plan.stop.measure} {one.value:.3g}"
        lines.append(f"round {one.at}: planned {_words(one.planned, unit)}; {took}{value}; run {one.run}")
    lines += said["stop"]
    lines += [said["next"]["words"]] if said["next"] else []
    return Outcome({"name": project.plan.name}, said, lines, troubles or [])


def _words(one: Effort, currency: str) -> str:
    said = [f"{one.items:,} samples"]
    said += [f"{one.hours:.1f} h"] if one.hours is not None else []
    said += [f"{one.money:,.2f} {currency}".strip()] if one.money is not None else []
    return ", ".join(said)
