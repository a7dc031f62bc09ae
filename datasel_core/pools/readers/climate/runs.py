"""The runs of a source: each a scenario and a member, with its years on one grid, in one unit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.pools.readers.climate.grid import Grid
from datasel_core.pools.readers.climate.names import listed, natural
from datasel_core.pools.readers.climate.parts import Asked, Found, Part, looked_at, nothing
from datasel_core.pools.readers.climate.sources import members_of, opened, sources
from datasel_core.pools.readers.climate.steps import ANNUAL, MONTHLY, Months, Years, annual
from datasel_core.pools.readers.climate.units import check_cells, check_plausible
from datasel_core.workspace.layout import Workspace

_FILL = 1e15
"""Larger values are gaps that nobody declared: files write 1e20 and 9.97e36."""


@dataclass(frozen=True)
class Run:
    """years: (y,) in order. values: (y, cells) annual means in the unit that is kept, NaN where a cell has none.
    parent: the run that it branched from, where the files say so.
    """

    scenario: str
    member: str
    years: np.ndarray
    values: np.ndarray
    parent: str | None = None
    monthly: bool = False

    @property
    def name(self) -> str:
        return f"{self.scenario}/{self.member}"


@dataclass(frozen=True)
class Runs:
    """What a source holds. runs: by name, in order. calendars: as CF names them. unreadable: files, or years, that were
    left out and why. left_out: how many samples and files these are. notes: what else is to be known.
    """

    runs: Mapping[str, Run]
    grid: Grid
    unit: str
    model: str
    calendars: tuple[str, ...]
    unreadable: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_runs(source: Path, asked: Asked, workspace: Workspace, progress: Progress) -> Runs:
    """All runs of a variable, as the files have it: no anomalies. Raises BadInput where there is none, and where files
    contradict one another: other grids, other models, other values for one year.
    """
    picked = picked_parts(source, asked, workspace, progress)
    chosen, notes = picked.parts, picked.notes
    grid, unreadable = chosen[0].layout.grid, [{"id": file, "reason": reason} for file, reason in picked.wrong]
    runs: dict[str, Run] = {}
    keys = sorted({part.name.run for part in chosen}, key=natural)
    for key in progress.over(keys, len(keys), "reading runs"):
        mine = [part for part in chosen if part.name.run == key]
        run, short, repeated = _joined(mine, asked)
        unreadable += [{"id": f"{key}/{year}", "reason": f"it has {n} of its 12 months"} for year, n in short]
        notes += [repeated] if repeated else []
        if len(run.years):
            runs[key] = run
    if not runs:
        raise BadInput(f"{source.name} has no whole year of {asked.variable}; the first: {unreadable[0]['reason']}.")
    notes += _fills(runs)
    calendars = tuple(dict.fromkeys(part.steps.calendar for part in chosen))
    unit = chosen[0].unit.unit
    return Runs(runs, grid, unit, picked.model, calendars, unreadable, notes + picked.passed)


@dataclass(frozen=True)
class Picked:
    """The parts of files that a pool is made of: of one model, on one grid, of each run one frequency. notes: what is
    to be said of them; passed: what was passed over. wrong: (file, why it cannot be read).
    """

    parts: list[Part]
    model: str
    notes: list[str]
    passed: list[str]
    wrong: list[tuple[str, str]]


def picked_parts(source: Path, asked: Asked, workspace: Workspace, progress: Progress) -> Picked:
    """Raises BadInput, as `read_runs` does."""
    files = sources(source, workspace)
    found = looked_at(files, asked, progress)
    if not found.parts:
        raise BadInput(nothing(source, asked, found, len(files)))
    parts, model = _of_one_model(found.parts, asked)
    _check_one_grid(parts)
    chosen, passed = _of_frequency(parts, asked)
    if not chosen:
        raise BadInput(
            f"{source.name} has no {_FREQUENCY[asked.frequency]} of {asked.variable}; --option frequency=ann takes "
            "annual ones."
        )
    return Picked(chosen, model, _said(parts, found), passed, found.wrong)


_FREQUENCY = {ANNUAL: "annual means", MONTHLY: "monthly means"}


def _of_one_model(parts: list[Part], asked: Asked) -> tuple[list[Part], str]:
    models = sorted({part.name.model for part in parts})
    if asked.model is not None:
        mine = [part for part in parts if part.name.model == asked.model]
        if not mine:
            raise BadInput(f"There is no run of the model {asked.model}; there is {listed(models)}.")
        return mine, asked.model
    if len(models) > 1:
        raise BadInput(f"There are runs of {len(models)} models ({listed(models)}); name one with --option model=NAME.")
    return parts, models[0]


def _check_one_grid(parts: Sequence[Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        if not part.layout.grid.is_like(first.layout.grid):
            ours, theirs = (" x ".join(map(str, one.layout.grid.shape)) for one in (first, part))
            places = "cells" if ours != theirs else "cells at other places"
            raise BadInput(
                f"{first.file} and {part.file} lie on different grids ({ours} and {theirs} {places}); keep the files "
                "of one grid, or remap them to one."
            )


def _of_frequency(parts: list[Part], asked: Asked) -> tuple[list[Part], list[str]]:
    """Those that are read: of a run with annual and monthly files those that were asked for; and what is not."""
    chosen, notes = [], []
    for run in sorted({part.name.run for part in parts}, key=natural):
        mine = [part for part in parts if part.name.run == run]
        wanted = [part for part in mine if part.steps.every == asked.frequency]
        other = [part for part in mine if part.steps.every != asked.frequency]
        if wanted and other:
            notes.append(
                f"{run}: {listed(part.file for part in other)} passed over, as {asked.frequency} is there too."
            )
        elif other and asked.frequency == ANNUAL:
            notes.append(f"{run}: made of monthly means, weighted by the days of each month.")
            wanted = other
        elif other:
            notes.append(f"{run}: left out, as only its annual means are there.")
        chosen += wanted
    return chosen, notes


def _joined(parts: Sequence[Part], asked: Asked) -> tuple[Run, list[tuple[int, int]], str]:
    """A run from its files, years that are not whole, and what stands in two files alike. Raises BadInput where two
    files have other values for one year.
    """
    by_file = [(part, _fields_of(part, asked)) for part in parts]
    halves: dict[int, list[tuple[str, Months]]] = {}
    by_year: dict[int, tuple[str, np.ndarray]] = {}
    twice: list[int] = []
    for part, years in by_file:
        for year, months in years.short.items():
            halves.setdefault(year, []).append((part.file, months))
        for year, values in zip(years.year.tolist(), years.values, strict=True):
            if year not in by_year:
                by_year[year] = part.file, values
            elif np.array_equal(by_year[year][1], values, equal_nan=True):
                twice.append(year)
            else:
                raise BadInput(
                    f"{part.name.run} has the year {year} in {by_year[year][0]} and in {part.file}, with other values; "
                    "keep one of the two."
                )
    first, short = parts[0], {}
    for year in sorted(halves.keys() - by_year.keys()):
        months = _put_together(halves[year], first.name.run, year)
        if len(months.month) == 12:
            by_year[year] = "several files", months.mean
        else:
            short[year] = len(months.month)
    order = sorted(by_year)
    cells = first.layout.grid.weight.size
    values = np.array([by_year[year][1] for year in order]) if order else np.empty((0, cells))
    name = first.name
    parent = "/".join(name.parent) if name.parent else None
    run = Run(name.scenario, name.member, np.array(order, np.int64), values, parent, first.steps.every == MONTHLY)
    said = f"{run.name}: {_span(twice)} in two files with equal values, taken once." if twice else ""
    return run, sorted(short.items()), said


def _put_together(halves: Sequence[tuple[str, Months]], run: str, year: int) -> Months:
    """The months of a year that several files share. Raises BadInput where two have other values for one month."""
    found: dict[int, tuple[str, float, np.ndarray]] = {}
    for file, months in halves:
        for month, days, values in zip(months.month.tolist(), months.days.tolist(), months.values, strict=True):
            if month in found and not np.array_equal(found[month][2], values, equal_nan=True):
                raise BadInput(
                    f"{run} has the month {year}-{month:02d} in {found[month][0]} and in {file}, with other values; "
                    "keep one of the two."
                )
            found[month] = file, days, values
    order = sorted(found)
    days, values = (np.array([found[month][at] for month in order]) for at in (1, 2))
    return Months(np.array(order), days, values)


def _fields_of(part: Part, asked: Asked) -> Years:
    years = annual(part.steps, values_of(part, asked))
    check_plausible(asked.variable, part.unit, part.layout.grid.mean(years.values), part.file)
    return years


def values_of(part: Part, asked: Asked) -> np.ndarray:
    """(steps, cells) in the unit that is kept, NaN where a cell has no value. Raises BadInput."""
    with opened(part.path, part.file) as data:
        members = dict(members_of(data, asked.variable, part.name, part.file))
        field = members[part.name.member]
        axes = (part.steps.dim, *part.layout.dims)
        field = field.isel({dim: 0 for dim in field.dims if dim not in axes}).transpose(*axes)
        try:
            values = np.asarray(field).reshape(len(part.steps.year), -1)[:, part.layout.order]
        except (OSError, RuntimeError, ValueError) as error:
            raise BadInput(f"{part.file} is cut off or damaged: {str(error).splitlines()[0][:120]}.") from None
    written = values.astype(np.float64)
    written[~(np.abs(written) < _FILL)] = np.nan
    values = part.unit.change(written)
    check_cells(asked.variable, part.unit, values, written, part.file)
    return values


def _said(parts: Sequence[Part], found: Found) -> list[str]:
    """What was turned, changed or passed over, each once."""
    notes = []
    if found.others:
        n = found.others.total()
        notes.append(f"{n:,} files hold other variables ({listed(sorted(found.others))}).")
    changed = {(part.unit.written, part.unit.unit) for part in parts if part.unit.is_changed}
    notes += [f"Values in {written} were changed to {unit}." for written, unit in sorted(changed)]
    turned = Counter(word for part in parts for word in part.layout.turned)
    notes += [f"{n:,} files have {word}." for word, n in sorted(turned.items())]
    return notes + [f"{part.name.said}." for part in parts if part.name.said]


def _fills(runs: Mapping[str, Run]) -> list[str]:
    gaps = {name: float(np.isnan(run.values).mean()) for name, run in runs.items()}
    most = max(gaps.values())
    return [f"Cells without a value: {100 * most:.3g} %, such as land or ocean; they stay empty."] if most else []


def _span(years: Sequence[int]) -> str:
    return f"{min(years)} to {max(years)}" if len(years) > 1 else str(years[0])
