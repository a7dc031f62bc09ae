"""The months of runs whose files are monthly: a pool keeps means of years, seasons take what these were made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.pools.readers.climate.anomalies import is_apart, parent_of
from datasel_core.pools.readers.climate.names import natural
from datasel_core.pools.readers.climate.parts import Asked, Part
from datasel_core.pools.readers.climate.runs import Run, picked_parts, values_of
from datasel_core.pools.readers.climate.steps import MONTHLY, Steps, annual
from datasel_core.workspace.layout import Workspace

_MOST = 250_000_000
"""Values of all months together, 2 GB: more are refused."""


@dataclass(frozen=True)
class Months:
    """run: its whole years, as `read_runs` reads them. year, month, days: (t,) of each month in order, the days by the
    calendar of the file. values: (t, cells) in the unit that is kept, no anomalies.
    """

    run: Run
    year: np.ndarray
    month: np.ndarray
    days: np.ndarray
    values: np.ndarray


def read_months(source: Path, asked: Asked, workspace: Workspace, progress: Progress) -> dict[str, Months]:
    """By name of a run: of those that a pool of the same source is made of, all whose files are monthly; none where all
    are annual. Raises BadInput, as `read_runs` does, and where they are too many to hold.
    """
    parts = [part for part in picked_parts(source, asked, workspace, progress).parts if part.steps.every == MONTHLY]
    n = sum(len(part.steps.year) * part.layout.grid.weight.size for part in parts)
    if n > _MOST:
        raise BadInput(f"The months hold {n:,} values; seasons are of at most {_MOST:,}: take a coarser grid.")
    keys = sorted({part.name.run for part in parts}, key=natural)
    found = {}
    for key in progress.over(keys, len(keys), "reading months"):
        found[key] = _joined([part for part in parts if part.name.run == key], asked)
    return found


def since_december(one: Months, every: Mapping[str, Months]) -> Months:
    """The same with the December before its first year, where the run that it goes on from has it: a winter begins in
    the year before.
    """
    runs = {name: months.run for name, months in every.items()}
    parent = parent_of(one.run, runs)
    if parent is None or is_apart(one.run) or is_apart(parent):
        return one
    before = every[parent.name]
    row = np.flatnonzero((before.year == one.year[0] - 1) & (before.month == 12))
    names = ("year", "month", "days", "values")
    return Months(one.run, *(np.concatenate([getattr(before, name)[row], getattr(one, name)]) for name in names))


def _joined(parts: list[Part], asked: Asked) -> Months:
    """From several files; what stands in two of them was found equal when the pool was made, and is taken once."""
    steps = [part.steps for part in parts]
    year, month, days = (np.concatenate([getattr(one, name) for one in steps]) for name in ("year", "month", "days"))
    values = np.concatenate([values_of(part, asked) for part in parts])
    _, rows = np.unique(year * 13 + month, return_index=True)
    year, month, days, values = year[rows], month[rows], days[rows], values[rows]
    first = parts[0]
    whole = annual(Steps(year, month, days, MONTHLY, first.steps.calendar, first.steps.dim), values)
    parent = "/".join(first.name.parent) if first.name.parent else None
    run = Run(first.name.scenario, first.name.member, whole.year, whole.values, parent, monthly=True)
    return Months(run, year, month, days, values)
