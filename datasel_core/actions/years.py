"""How many simulated years are enough, chosen by which method."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.base.registry import every, find
from datasel_core.base.role import FIELD, GMST
from datasel_core.costs import amounts
from datasel_core.costs.simulations import curve
from datasel_core.costs.simulations.sides import Runs, Sides, runs_of, sides
from datasel_core.errors import BadParameter, BadRequest
from datasel_core.evidence import answers
from datasel_core.features.fields.grid import grid_of
from datasel_core.features.roles import Roles
from datasel_core.methods.method import Method
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.hashing import ids_sha256
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

TOPIC, KIND = "climate", "years"
ALL = "all"
METHODS = ("gmst_stratified", "extremes", "contiguous", "influence_loo")


@task("years", version=1, title="Compare years bought")
class Years(Task):
    """The error of pattern scaling on a scenario that nothing has seen, against the years that are bought, for each
    method beside random choices; and what these years cost as whole runs.
    """

    cost: ClassVar[str] = "Seconds: every choice is a line per cell."

    pool: str = Field(description="The pool of simulations.", json_schema_extra=ARGUMENT)
    target: str = Field(description="A scenario, or one of its runs as scenario/member: it judges, and nothing saw it.")
    reference: str | None = Field(
        None, description="A scenario or run by whose error influence chooses; it is not trained on."
    )
    training: str = Field(
        "", description="Scenarios and runs to choose among, with commas between; by default all others."
    )
    methods: str = Field("", description="Methods, with commas between; by default those made for simulated years.")
    budgets: str = Field("5,10,20,40,80,all", description="Years to buy, with commas between; `all` is every one.")
    draws: int = Field(200, ge=20, le=5000, description="Random choices of each budget, for the band.")
    seed: int = Field(0, ge=0, description="Another seed, other random choices.")
    period: str = Field("2080-2100", description="First and last year of what is judged.")

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        methods, runs = self._methods(), runs_of(pool)
        needs = list(dict.fromkeys([GMST.name, FIELD.name, *(role for one in methods for role in one.roles())]))
        roles = Roles.of(workspace, pool, needs=needs)
        runs = replace(runs, unknown=np.isin(np.arange(pool.n), roles.missing_rows(needs)))
        chosen = sides(runs, self.target, self.reference, self.training)
        asked = curve.Asked(self._budgets(), self.draws, self.seed, period(self.period))
        curve.check(runs, chosen, asked.period)
        return Work(
            self.own_folder(workspace),
            lambda progress: self._said(workspace, pool, roles, runs, chosen, methods, asked, progress),
        )

    def headline(self) -> str:
        return f"Comparing years bought of {self.pool} on {self.target}"

    def _methods(self) -> list[Method]:
        named = [one.strip() for one in self.methods.split(",") if one.strip()]
        found = [find("method", one)() for one in dict.fromkeys(named or METHODS)]
        if not named:
            return [one for one in found if self.reference or not one.needs_target]
        if (lacking := next((one for one in found if one.needs_target), None)) is not None and not self.reference:
            raise BadRequest(f"{lacking.title} goes by a reference; name one with --reference, a scenario or a run.")
        return found

    def _budgets(self) -> tuple[int, ...]:
        said = [one.strip() for one in self.budgets.split(",") if one.strip()]
        found = [0 if one == ALL else int(amounts.positive("number of years", one)) for one in said]
        if not found or 1 in found:
            raise BadParameter(f"The budgets are {self.budgets!r}; give numbers of 2 years or more, or `all`.")
        return tuple(found)

    def _said(
        self,
        workspace: Workspace,
        pool: Pool,
        roles: Roles,
        runs: Runs,
        chosen: Sides,
        methods: list[Method],
        asked: curve.Asked,
        progress: Progress,
    ) -> Outcome:
        decides = {
            "rule": curve.RULE,
            **self.model_dump(mode="json"),
            "pool": pool.fingerprint,
            "aside": ids_sha256(pool.ids[runs.aside].tolist()),
            "methods": [one.what() for one in methods],
            "features": roles.keys([one for one in roles.features if one in _used(methods)]),
        }
        folder = answers.place(workspace, TOPIC, KIND, decides)
        with Lock(folder).hold(progress.check):
            said = answers.read(folder)
            if said is None:
                said = answers.keep(folder, self._measured(pool, roles, runs, chosen, methods, asked, progress))
        document = {name: value for name, value in said.items() if name != "order"}
        return Outcome({"folder": str(folder)}, {**document, "folder": str(folder)}, _lines(said), _notes(said))

    def _measured(
        self,
        pool: Pool,
        roles: Roles,
        runs: Runs,
        chosen: Sides,
        methods: list[Method],
        asked: curve.Asked,
        progress: Progress,
    ) -> dict[str, Any]:
        grid, names = grid_of(pool), [one for one in roles.features if one in _used(methods)]
        arrays = {one: roles.features[one].values() for one in names}
        fields = curve.Fields(arrays, grid.weight, roles.facts(names))
        reference = chosen.reference
        about = {
            "pool": pool.name,
            "fingerprint": pool.fingerprint,
            "variable": grid.variable,
            "units": grid.units,
            "baseline": grid.baseline,
            "target": {"said": chosen.target.said, "runs": list(chosen.target.runs)},
            "reference": None if reference is None else {"said": reference.said, "runs": list(reference.runs)},
            "training": list(chosen.training.runs),
            "asked": {name: getattr(self, name) for name in ("reference", "training", "methods", "budgets")},
            "period": list(asked.period),
            "draws": asked.draws,
            "seed": asked.seed,
            "unknown": int((runs.unknown & np.isin(runs.name, chosen.training.runs)).sum()),
        }
        return {**about, **curve.measured(fields, runs, chosen, methods, asked, progress)}


def period(said: str) -> tuple[int, int]:
    """`2080-2100` as its two years. Raises BadParameter."""
    first, last = (int(one) for one in amounts.span("period", said))
    return first, last


def _used(methods: list[Method]) -> set[str]:
    known = every("method")
    return {GMST.name, FIELD.name, *(role for one in methods if one.id in known for role in one.roles())}


def warnings(said: dict[str, Any]) -> list[tuple[int, str]]:
    """(years, sentence) wherever a choice by influence fits its reference more than the climate."""
    return [
        (n, sentence)
        for line in said["lines"]
        for n, sentence in zip(said["budgets"], line["over_fit"], strict=False)
        if sentence
    ]


def _lines(said: dict[str, Any]) -> list[str]:
    unit, band = said["units"], said["random"]
    first, last = said["period"]
    lines = [
        f"Error (RMSE of the mean pattern of {first}-{last}, {unit}) of pattern scaling on {said['target']['said']}: "
        f"{said['all']:.3f} {unit} of all {said['years']:,} years; driver: {said['driver']}.",
        f"  years bought: {', '.join(map(str, said['budgets']))}",
        "  random: "
        + ", ".join(
            f"{mid:.3f} ({low:.3f} to {high:.3f})"
            for mid, low, high in zip(band["mean"], band["low"], band["high"], strict=True)
        ),
    ]
    lines += [f"  {one['method']}: {', '.join(f'{error:.3f}' for error in one['rmse_s'])}" for one in said["lines"]]
    lines += [f"  {name}: {error:.3f}" for name, error in said["baselines"].items()]
    if (found := said["floor"]) is not None:
        lines.append(f"  noise floor, by {found['members']} members of {found['scenario']}: {found['s']:.3f}")
    return [*lines, said["enough"], said["rule"]]


def _notes(said: dict[str, Any]) -> list[str]:
    notes = [f"With {n} years: {sentence}" for n, sentence in warnings(said)]
    if n := said.get("unknown", 0):
        notes.append(f"{n:,} years are left out, as their field or global-mean temperature is not known.")
    return notes if said["floor"] is not None else [*notes, curve.NO_FLOOR]
