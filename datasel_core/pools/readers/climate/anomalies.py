"""Anomalies: each run less the mean of its own member over the baseline; and whether runs go on where they branch.

Years of an experiment apart (4 x CO2 from the first year, a control run, single forcings) are no years of the past,
whatever the calendar says: its anomalies are to the historical run of its member, else to all of its control run, and
never to its own first years, in which it has warmed already.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from datasel_core.pools.readers.climate.grid import Grid
from datasel_core.pools.readers.climate.names import listed, natural
from datasel_core.pools.readers.climate.runs import Run

_STEP = 1.5
"""So many times the largest step of a run from year to year is still a usual one where another run goes on."""
_FUTURES = ("ssp", "rcp")
_CONTROL = re.compile(r"(esm-)?piControl.*")
_APART = re.compile(r"(esm-)?(piControl|1pct|abrupt|hist-(?!ext)).*|historical[A-Z].*")
"""Experiments of CMIP5, CMIP6 and DAMIP whose years are no years of the past."""
_DEEPEST = 8
"""Runs that branched from one another."""


@dataclass(frozen=True)
class Anomalies:
    """values: run -> (y, cells) of its years. base: run -> from which runs its baseline is. uncovered: run -> why it
    has none, in words.
    """

    values: Mapping[str, np.ndarray]
    base: Mapping[str, tuple[str, ...]]
    uncovered: Mapping[str, str]


def parent_of(run: Run, runs: Mapping[str, Run]) -> Run | None:
    """The run that it goes on from: as its files say, else the historical run of the same member; None where that is
    not there.
    """
    for name in (run.parent, f"historical/{run.member}"):
        if name is not None and name in runs and name != run.name:
            return runs[name]
    return None


def anomalies(runs: Mapping[str, Run], baseline: tuple[int, int]) -> Anomalies:
    """baseline: first and last year, both counted. Before a run begins, the years of the one it goes on from count."""
    values, base, uncovered = {}, {}, {}
    for name, run in runs.items():
        line = _past(run, runs)
        if not line:
            if (control := control_of(run, runs)) is None:
                uncovered[name] = _unreferred(run)
                continue
            values[name], base[name] = run.values - _mean(control.values), (control.name,)
            continue
        there = {
            year: (one, at)
            for one in line
            for at, year in enumerate(one.years.tolist())
            if baseline[0] <= year <= baseline[1] and _before(one, line, year)
        }
        missing = baseline[1] - baseline[0] + 1 - len(there)
        if missing:
            uncovered[name] = _uncovered(run, line, baseline, missing)
            continue
        values[name] = run.values - _mean(np.array([one.values[at] for _, (one, at) in sorted(there.items())]))
        base[name] = tuple(dict.fromkeys(one.name for one, _ in there.values()))
    return Anomalies(values, base, uncovered)


def _mean(values: np.ndarray) -> np.ndarray:
    """(cells,) over the years that a cell has: a gap in one of them is a fault of that year, not of all others."""
    there = np.isfinite(values)
    total, n = np.where(there, values, 0.0).sum(axis=0), there.sum(axis=0)
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)


def is_apart(run: Run) -> bool:
    """Whether its years are no years of the past."""
    return _APART.fullmatch(run.scenario) is not None


def control_of(run: Run, runs: Mapping[str, Run]) -> Run | None:
    """The control run that it branched from, as its files say, else that of its member; of a control run itself."""
    names = (run.name, run.parent, f"piControl/{run.member}", f"esm-piControl/{run.member}")
    there = [runs[name] for name in names if name in runs and _CONTROL.fullmatch(runs[name].scenario)]
    return there[0] if there else None


def _past(run: Run, runs: Mapping[str, Run]) -> list[Run]:
    """The run and those that it goes back to, as far as their years are years of the past; of an experiment apart, and
    what goes on from one, the historical run of its member.
    """
    line = lineage(run, runs)
    if any(is_apart(one) and not _CONTROL.fullmatch(one.scenario) for one in line):
        past = runs.get(f"historical/{run.member}")
        return [] if past is None else [past]
    return [one for one in line if not is_apart(one)]


def lineage(run: Run, runs: Mapping[str, Run]) -> list[Run]:
    """The run and those that it goes back to, itself first."""
    line = [run]
    while len(line) < _DEEPEST and (parent := parent_of(line[-1], runs)) is not None and parent not in line:
        line.append(parent)
    return line


def _before(one: Run, line: list[Run], year: int) -> bool:
    """Whether a year of a run in this line counts: from where the next one begins, that one does."""
    at = line.index(one)
    return all(year < later.years[0] for later in line[:at])


def _uncovered(run: Run, line: list[Run], baseline: tuple[int, int], missing: int) -> str:
    spans = [f"{one.name} {one.years[0]}-{one.years[-1]}" for one in reversed(line)]
    gone = "" if len(line) > 1 or run.scenario == "historical" else f", and no historical/{run.member}"
    return (
        f"its baseline {baseline[0]}-{baseline[1]} lacks {missing} years: there is {listed(spans)}{gone}; name another "
        f"with --option baseline, or add the missing run"
    )


def _unreferred(run: Run) -> str:
    return (
        f"its own first years are no baseline, and there is neither historical/{run.member} nor "
        f"piControl/{run.member}; add one of them"
    )


def continuity(runs: Mapping[str, Run], grid: Grid) -> list[str]:
    """What is to be known of where runs go on from others, and of runs that have gaps or end early."""
    notes, smooth, largest, usual, joints = [], 0, 0.0, 0.0, set()
    for run in runs.values():
        parent = parent_of(run, runs)
        if parent is None or is_apart(run) or is_apart(parent) or run.years[0] <= parent.years[0]:
            continue
        between = int(run.years[0] - parent.years[-1]) - 1
        if between:
            what = f"{between} years are missing in between" if between > 0 else f"{-between} years stand in both"
            notes.append(f"{run.name} begins in {run.years[0]}, {parent.name} ends in {parent.years[-1]}: {what}.")
            continue
        before = grid.mean(parent.values)
        step, most = abs(float(grid.mean(run.values[0]) - before[-1])), _largest_step(parent.years, before)
        if step > _STEP * most:
            notes.append(
                f"{run.name} does not go on from {parent.name}: from {parent.years[-1]} to {run.years[0]} its mean "
                f"over the Earth steps by {step:.2g}, within {parent.name} by {most:.2g} at most."
            )
            continue
        joints.add(f"{parent.years[-1]}/{run.years[0]}")
        smooth, largest, usual = smooth + 1, max(largest, step), max(usual, most)
    if smooth:
        notes.insert(
            0,
            f"{smooth} {'run goes' if smooth == 1 else 'runs go'} on at {listed(sorted(joints))}: the mean over the "
            f"Earth steps by {largest:.2g} at most, within runs by {usual:.2g}.",
        )
    return notes + _to_control(runs) + _gaps(runs) + _early(runs)


def _to_control(runs: Mapping[str, Run]) -> list[str]:
    found: dict[str, list[str]] = {}
    for name, run in runs.items():
        if not _past(run, runs) and (control := control_of(run, runs)) is not None:
            found.setdefault(control.name, []).append(name)
    return [f"{listed(names)}: anomalies to the mean of all years of {one}." for one, names in found.items()]


def _largest_step(years: np.ndarray, mean: np.ndarray) -> float:
    steps = np.abs(np.diff(mean))[np.diff(years) == 1]
    return float(steps.max()) if len(steps) else np.inf


def _gaps(runs: Mapping[str, Run]) -> list[str]:
    notes = []
    for run in runs.values():
        missing = np.setdiff1d(np.arange(run.years[0], run.years[-1] + 1), run.years)
        if len(missing):
            notes.append(f"{run.name} lacks {len(missing)} years: {listed(map(str, missing.tolist()))}.")
    return notes


def _early(runs: Mapping[str, Run]) -> list[str]:
    ends: dict[str, int] = {}
    for run in runs.values():
        ends[_kind(run)] = max(ends.get(_kind(run), 0), int(run.years[-1]))
    return [
        f"{run.name} ends in {run.years[-1]}, {ends[_kind(run)] - run.years[-1]} years before others of its kind."
        for run in sorted(runs.values(), key=lambda one: natural(one.name))
        if run.years[-1] < ends[_kind(run)]
    ]


def _kind(run: Run) -> str:
    """Runs that should end in one year: of one scenario, or all that tell futures."""
    return next((one for one in _FUTURES if run.scenario.startswith(one)), run.scenario)
