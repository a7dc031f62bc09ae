"""Which runs of a pool are trained on, which one judges and which one is a reference: three choices, kept apart.

A run is named scenario/member, as in ssp126/r1i1p1f1; a scenario stands for all of its runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadRequest, UnknownName
from datasel_core.pools import holdout
from datasel_core.pools.pool import Pool

_COLUMNS = ("scenario", "member", "year")


@dataclass(frozen=True)
class Runs:
    """Of a pool of simulations. name: (n,) text, scenario/member; scenario: (n,) text; year: (n,) int; aside: (n,)
    bool, which samples are set aside; unknown: (n,) bool, of which something that is asked of them is not known.
    """

    name: np.ndarray
    scenario: np.ndarray
    year: np.ndarray
    aside: np.ndarray
    unknown: np.ndarray

    @property
    def names(self) -> list[str]:
        """In the order of the pool."""
        return list(dict.fromkeys(self.name.tolist()))

    @property
    def scenarios(self) -> list[str]:
        return list(dict.fromkeys(self.scenario.tolist()))


@dataclass(frozen=True)
class Side:
    """What one side consists of. said: as it was asked for. runs: names. rows: (m,) of the pool, run after run."""

    said: str
    runs: tuple[str, ...]
    rows: np.ndarray

    @property
    def scenarios(self) -> set[str]:
        return {scenario_of(one) for one in self.runs}


@dataclass(frozen=True)
class Sides:
    training: Side
    target: Side
    reference: Side | None


def scenario_of(run: str) -> str:
    """Of a run; of a scenario, itself."""
    scenario, slash, _ = run.rpartition("/")
    return scenario if slash else run


def runs_of(pool: Pool) -> Runs:
    """Raises BadRequest where the pool holds no simulated years, BadInput where what is set aside is damaged."""
    missing = [one for one in _COLUMNS if one not in pool.columns]
    if missing:
        raise BadRequest(f"{pool.name} has no column {missing[0]}, so its samples are no simulated years.")
    scenario, member, year = (pool.column(one) for one in _COLUMNS)
    name = np.array([f"{one}/{other}" for one, other in zip(scenario, member, strict=True)], object)
    aside = np.zeros(pool.n, bool)
    if (kept := holdout.of(pool)) is not None:
        aside[kept.rows(pool)] = True
    return Runs(name, np.asarray(scenario, object), np.asarray(year, np.int64), aside, np.zeros(pool.n, bool))


def sides(runs: Runs, target: str, reference: str | None = None, training: str = "") -> Sides:
    """target, reference: a scenario, or one of its runs. training: scenarios and runs with commas between; all runs but
    those of the target's scenario and of the reference where nothing is said. Nothing that is set aside is trained on.

    Raises BadRequest where a side is empty or two overlap: the target's scenario must be seen by nothing, and a run
    that is the reference is not trained on.
    """
    aim = _side(runs, target, [target])
    judge = None if not reference else _side(runs, reference, [reference])
    held = set() if judge is None else set(judge.runs)
    said = [one.strip() for one in training.split(",") if one.strip()]
    if not said:
        said = [one for one in runs.names if scenario_of(one) not in aim.scenarios and one not in held]
    if not said:
        raise BadRequest(f"Nothing is left to train on but {target}; open more scenarios, or name another target.")
    learned = _side(runs, ", ".join(said), said, ~(runs.aside | runs.unknown))
    if both := sorted(aim.scenarios & learned.scenarios):
        raise BadRequest(f"{both[0]} is the target and trained on; a target is a scenario that nothing has seen.")
    if judge is not None and (both := sorted(aim.scenarios & judge.scenarios)):
        raise BadRequest(f"{both[0]} is the target and the reference; judge by a scenario that chose nothing.")
    if both := sorted(held & set(learned.runs)):
        raise BadRequest(f"{both[0]} is the reference and trained on; a reference is a run that is not trained on.")
    return Sides(learned, aim, judge)


def _side(runs: Runs, said: str, names: Sequence[str], may: np.ndarray | None = None) -> Side:
    """may: (n,) bool, which samples may be among it."""
    for one in names:
        if one not in runs.names and one not in runs.scenarios:
            raise UnknownName("scenario or run", one, {*runs.names, *runs.scenarios})
    chosen = [run for run in runs.names if run in names or scenario_of(run) in names]
    rows = [np.flatnonzero((runs.name == one) & (True if may is None else may)) for one in chosen]
    found = np.concatenate(rows)
    if not len(found):
        raise BadRequest(f"All years of {said} are set aside, or their fields or temperatures not known; none is left.")
    return Side(said, tuple(chosen), found)
