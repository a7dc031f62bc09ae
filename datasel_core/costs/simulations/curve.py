"""The error of pattern scaling against the years that are bought, by method, with what random choices do beside it.

Chosen among years of the training runs, judged on a target that nothing has seen, by RMSE_s over a period
(`analysis/climate/scores`). What a choice costs as whole runs stands beside each error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.analysis.climate.overfit import Change, overfitted
from datasel_core.analysis.climate.scores import baselines, draws
from datasel_core.analysis.climate.scores.errors import noise_floor, within
from datasel_core.analysis.climate.scores.verdict import noise_interval
from datasel_core.base.progress import Progress
from datasel_core.base.role import FIELD, GMST
from datasel_core.costs.simulations.sides import Runs, Side, Sides, scenario_of
from datasel_core.errors import BadInput, BadRequest
from datasel_core.methods.method import Method
from datasel_core.methods.selection import Inputs

DRIVER = "true GMST of the target"
"""Which an emulator in use does not have."""
BAND = (5, 95)
"""Percentiles of random choices between which the band lies."""
UPPER = 97.5
"""Percentile at which the 95 % interval of errors ends, over draws or seeds."""
SEEDS, SOME = 20, 0.8
"""Choices of a method by which its interval is known; each among this share of the years, where it has no chance."""
RULE = (
    "Enough: the upper end of the 95 % interval of the error over random draws, or over seeds of a method that draws, "
    "is above the error of all years by no more than the upper end of the noise floor's interval (from the lowest pair "
    "of members to the highest), at this number of years and at every larger one that was measured. Otherwise it is "
    f"not shown. A method without chance chooses {SEEDS} times, among {100 * SOME:.0f} % of the years, drawn at random."
)
NO_FLOOR = "No scenario has a second member with these years, so nobody knows how large noise is."


@dataclass(frozen=True)
class Fields:
    """arrays: role -> (n, ...) of all samples of the pool, `gmst` and `field` among them. weight: (cells,) shares of
    the area. facts: role -> what is known of its values.
    """

    arrays: Mapping[str, Any]
    weight: np.ndarray
    facts: Mapping[str, Mapping[str, Any]]

    def field(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.arrays[FIELD.name][rows], np.float64)

    def gmst(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.arrays[GMST.name][rows], np.float64)


@dataclass(frozen=True)
class Asked:
    """budgets: years, rising; 0 stands for all. draws: random choices of each. seed: of them, and of methods that
    draw. period: whose mean pattern is judged.
    """

    budgets: tuple[int, ...]
    draws: int
    seed: int
    period: tuple[int, int]


class Judge:
    """Errors of choices among the training years on one side, mean over its runs."""

    def __init__(self, fields: Fields, runs: Runs, learned: np.ndarray, side: Side, period: tuple[int, int]):
        self._x, self._y, self._weight = fields.gmst(learned), fields.field(learned), fields.weight
        self._truths = []
        for one in side.runs:
            rows = side.rows[runs.name[side.rows] == one]
            rows = rows[within(runs.year[rows], period)]
            self._truths.append((fields.field(rows), fields.gmst(rows), runs.year[rows]))

    def errors(self, choices: np.ndarray) -> np.ndarray:
        """(choices,) RMSE_s. choices: (choices, k) positions among the training years. Raises BadInput."""
        found = [draws.rmse_s(self._y, self._x, choices, truth, at, self._weight) for truth, at, _ in self._truths]
        return np.mean(found, axis=0)

    def baselines(self, year: np.ndarray, past: np.ndarray) -> dict[str, float]:
        """Name -> RMSE_s of what needs no choice. year, past: (training years,), and which are historical."""
        try:
            recent = baselines.recent_years(year, past)
        except BadInput:  # not all of them are there: then it is left out
            recent = np.zeros(len(year), bool)
        known = baselines.Training(self._y, self._x, year, recent if recent.any() else ~recent)
        each = [baselines.baselines(known, truth, at, DRIVER, self._weight) for truth, at, _ in self._truths]
        names = [one for one in each[0] if one != baselines.PATTERN_SCALING and (recent.any() or one != "persistence")]
        return {name: float(np.mean([one[name].found.rmse_s for one in each])) for name in names}


def check(runs: Runs, sides: Sides, period: tuple[int, int]) -> None:
    """Raises BadInput where a run that judges does not have all years of the period, or not all is known of them."""
    for side in filter(None, (sides.target, sides.reference)):
        for one in side.runs:
            rows = side.rows[runs.name[side.rows] == one]
            if runs.unknown[rows[within(runs.year[rows], period)]].any():
                raise BadInput(f"No global-mean temperature of {one} in {period[0]}-{period[1]}; judge by another run.")


def measured(
    fields: Fields, runs: Runs, sides: Sides, methods: Sequence[Method], asked: Asked, progress: Progress
) -> dict[str, Any]:
    """Plain values. Raises BadRequest."""
    learned = sides.training.rows
    budgets = _budgets(asked.budgets, len(learned))
    judge = Judge(fields, runs, learned, sides.target, asked.period)
    other = None if sides.reference is None else Judge(fields, runs, learned, sides.reference, asked.period)
    rng, everything = np.random.default_rng([18, asked.seed]), np.arange(len(learned))[None]
    random, lines = [], []
    steps = [*(("random", n) for n in budgets), *((one, 0) for one in methods)]
    for what, n in progress.over(iter(steps), len(steps), "scoring choices"):
        if isinstance(what, str):
            some = n < len(learned)
            choices = draws.at_random(len(learned), n, asked.draws, rng) if some else everything
            random.append((judge.errors(choices), simulated(runs, learned, choices)))
        else:
            lines.append(_line(what, fields, runs, sides, budgets, judge, other, asked.seed))
    past = np.array([scenario_of(one) == "historical" for one in runs.name[learned]])
    found = {
        "years": len(learned),
        "budgets": budgets,
        "random": {
            "mean": [float(errors.mean()) for errors, _ in random],
            "low": [float(np.percentile(errors, BAND[0])) for errors, _ in random],
            "high": [float(np.percentile(errors, BAND[1])) for errors, _ in random],
            "upper": [float(np.percentile(errors, UPPER)) for errors, _ in random],
            "simulated": [float(years.mean()) for _, years in random],
        },
        "lines": lines,
        "all": float(judge.errors(everything)[0]),
        "baselines": judge.baselines(runs.year[learned], past),
        "floor": floor(fields, runs, sides.target, asked.period),
        "driver": DRIVER,
    }
    return {**found, "rule": RULE, "enough": _words(found)}


def simulated(runs: Runs, learned: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """(choices,) years to simulate where whole runs are bought, each from its first year in the pool to the last one
    that is chosen of it; the same as `purchase.bought` says of one choice.
    """
    year, total = runs.year[learned][choices], np.zeros(len(choices), np.int64)
    for run in runs.names:
        mine = runs.name[learned][choices] == run
        begin = int(runs.year[runs.name == run].min())
        total += np.where(mine, year, begin - 1).max(axis=1) - begin + 1
    return total


def floor(fields: Fields, runs: Runs, target: Side, period: tuple[int, int]) -> dict[str, Any] | None:
    """Of two members or more of the target's scenario, else of the one with most; None where no scenario has two."""
    members: dict[str, list[np.ndarray]] = {}
    for run in runs.names:
        rows = np.flatnonzero(runs.name == run)
        if set(range(period[0], period[1] + 1)) <= set(runs.year[rows].tolist()):
            members.setdefault(scenario_of(run), []).append(rows[within(runs.year[rows], period)])
    several = {name: rows for name, rows in members.items() if len(rows) > 1}
    if not several:
        return None
    own = sorted(target.scenarios & several.keys())
    name = own[0] if own else max(several, key=lambda one: len(several[one]))
    found = noise_floor(np.stack([fields.field(rows) for rows in several[name]]), fields.weight)
    noise = noise_interval(found.pairs_s)
    interval = {"low": noise.low, "high": noise.high}
    return {"s": found.s, **interval, "scenario": name, "members": len(several[name]), "own": bool(own)}


def enough(said: Mapping[str, Any]) -> tuple[int, str, float] | None:
    """(years, what chose them, error) of the fewest years that are enough by RULE; of those that need as few, the
    lowest upper end. None where it is not shown: noise is not known, or no number of years is enough. said: what
    `measured` gave.
    """
    if said["floor"] is None or "upper" not in said["random"]:
        return None
    most = said["all"] + said["floor"]["high"]
    band = said["random"]
    lines = [("random choice", band["mean"], band["upper"])]
    lines += [(one["title"], one["rmse_s"], one["upper"]) for one in said["lines"]]
    found = []
    for name, errors, upper in lines:
        too_high = [at for at, one in enumerate(upper) if one > most]
        at = max(too_high, default=-1) + 1
        if at < len(upper):
            found.append((said["budgets"][at], upper[at], name, errors[at]))
    if not found:
        return None
    n, _, name, error = min(found)
    return n, name, error


def _words(said: Mapping[str, Any]) -> str:
    """Whether fewer years than all are enough, in one sentence."""
    if said["floor"] is None:
        return f"Not shown that fewer years are enough: {NO_FLOOR[0].lower()}{NO_FLOOR[1:]}"
    found = enough(said)
    if found is None or found[0] == said["years"]:
        return "Not shown that fewer years than all are enough."
    return f"{found[0]:,} years are enough, chosen by {found[1][0].lower()}{found[1][1:]}."


def _line(
    method: Method,
    fields: Fields,
    runs: Runs,
    sides: Sides,
    budgets: list[int],
    judge: Judge,
    other: Judge | None,
    seed,
) -> dict[str, Any]:
    """Errors of one method's choices, and where a choice that went by the reference fits it more than the target."""
    learned, towards = sides.training.rows, sides.reference
    found: dict[str, Any] = {"method": method.id, "title": method.title}
    found |= {name: [] for name in ("rmse_s", "upper", "simulated", "over_fit")}
    everything = np.arange(len(learned))[None]
    before = None if other is None else (float(other.errors(everything)[0]), float(judge.errors(everything)[0]))
    target = {} if towards is None else {one: fields.arrays[one][towards.rows] for one in method.needs_target}

    def choose(n: int, seed: int, among: np.ndarray = everything[0]) -> np.ndarray:
        """(1, n) positions among the training years. among: those that may be chosen."""
        inputs = Inputs(
            {role: fields.arrays[role][learned[among]] for role in (GMST.name, *method.roles())},  # one at least
            np.random.default_rng([18, seed]),
            target=target,
            facts={role: fields.facts.get(role, {}) for role in method.roles()},
        )
        return among[np.asarray(method.select(inputs, n).rows)][None]

    def again(n: int, choice: np.ndarray) -> list[np.ndarray]:
        """Other choices that could have been: by other seeds, else where other years had been there."""
        seeds, some = range(seed + 1, seed + SEEDS), int(SOME * len(learned))
        if not np.array_equal(np.sort(choose(n, seed + 1)), np.sort(choice)):
            return [choose(n, one) for one in seeds]
        parts = [np.sort(np.random.default_rng([18, one, 5]).permutation(len(learned))[:some]) for one in seeds]
        return [choose(n, seed, one) for one in parts] if n <= some else []

    for n in budgets:
        choice = choose(n, seed)
        error = float(judge.errors(choice)[0])
        found["rmse_s"].append(error)
        others = [float(judge.errors(one)[0]) for one in again(n, choice)]
        found["upper"].append(float(np.percentile([error, *others], UPPER)))
        found["simulated"].append(int(simulated(runs, learned, choice)[0]))
        if before is not None and method.needs_target and towards is not None and other is not None:
            after = float(other.errors(choice)[0])
            risen = [Change(sides.target.said, before[1], error)]
            found["over_fit"].append(overfitted(Change(towards.said, before[0], after), risen))
    return found


def _budgets(asked: Sequence[int], most: int) -> list[int]:
    """Those that there are years for, all of them in place of more."""
    if most < 2:
        raise BadRequest("One year is left to train on; a line needs two.")
    return sorted({most if n == 0 else min(n, most) for n in asked})
