"""Other variables that lie beside those of a pool, emulated from the same years by pattern scaling: physics binds them
together, and the ocean's shows where land is.
"""

from dataclasses import dataclass, replace

import numpy as np

from datasel_core.analysis.climate import physics, regions
from datasel_core.analysis.climate.area import area_mean
from datasel_core.analysis.climate.emulators import pattern_scaling
from datasel_core.analysis.climate.emulators.driver import FORCING
from datasel_core.analysis.climate.physics import Check
from datasel_core.analysis.climate.regions import Land
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.evidence.emulators.fits import Fitted
from datasel_core.evidence.emulators.origin import BESIDE, FLUXES, HEAT, MAXIMUM, RAIN, TEMPERATURE, read_as
from datasel_core.pools.readers.climate.anomalies import anomalies
from datasel_core.pools.readers.climate.runs import read_runs

_HINT = " (--option"
"""Where an error of the reader begins to say how a pool of another variable is opened, which nobody asked for here."""
_CLOSURE = (
    f"Whether energy is conserved takes fluxes at the top of the atmosphere ({', '.join(FLUXES)}) and {HEAT} beside "
    "the files."
)
_FEW = 10
"""Years of training below which another variable is not emulated."""


@dataclass(frozen=True)
class Companion:
    """Of another variable, on the grid of the pool. every: (years, cells) of all runs. rows: (m,) positions among the
    target's years that it has. truth, told: (m, cells) totals of these years, as simulated and as emulated; `base` is
    what totals are above anomalies.
    """

    every: np.ndarray
    rows: np.ndarray
    truth: np.ndarray
    told: np.ndarray
    base: np.ndarray


def companion(fitted: Fitted, variable: str, progress: Progress) -> Companion:
    """From the files of the pool's source. Raises BadRequest where there are none that fit."""
    asked = fitted.asked
    files = read_as(asked.pool, asked.grid, variable)
    read = read_runs(asked.pool.source, files, asked.pool.workspace, progress)
    if not read.grid.is_like(asked.grid):
        raise BadRequest(f"The files of {variable} lie on another grid.")
    first, last = map(int, asked.grid.baseline.split("-"))
    found = anomalies(read.runs, (first, last)).values
    if asked.target not in found:
        raise BadRequest(f"There is no {variable} of {asked.target} with its baseline.")
    years = asked.training
    place = {(name, year): at for name, one in read.runs.items() for at, year in enumerate(one.years.tolist())}
    keys = list(zip(years.run.tolist(), years.year.tolist(), strict=True))
    there = np.array([key in place and key[0] in found for key in keys])
    if there.sum() < _FEW:
        raise BadRequest(f"Of {variable} {int(there.sum())} of the years that are trained on are there.")
    learned = np.array([found[key[0]][place[key]] for key, has in zip(keys, there, strict=True) if has])
    line = pattern_scaling.fit(learned, years.gmst[there], asked.grid.weight)
    run, its = asked.of_run(asked.target), read.runs[asked.target]
    both, rows, others = np.intersect1d(run.year, its.years, return_indices=True)
    base = its.values[0] - found[asked.target][0]
    told = base + line.predict(fitted.driver.gmst[rows])
    return Companion(np.concatenate([one.values for one in read.runs.values()]), rows, its.values[others], told, base)


@dataclass(frozen=True)
class Physics:
    """checks: what was tested. reasons: name of a check -> why it was not. land: where it is known."""

    checks: list[Check]
    reasons: dict[str, str]
    land: Land | None


def physics_of(fitted: Fitted, told: np.ndarray, progress: Progress) -> Physics:
    """told: (years, cells) anomalies of the whole target."""
    asked, found, reasons = fitted.asked, [], {}
    variable = asked.grid.variable
    run = asked.of_run(asked.target)
    if variable == TEMPERATURE and fitted.driver.name != FORCING:
        found.append(physics.mean_is_driver(told, fitted.driver.gmst, asked.grid.weight))
    elif variable == TEMPERATURE:
        reasons["area mean = driver"] = "The driver is forcing, no temperature."
    own = _tried(fitted, variable, progress, reasons, f"totals of {variable}")
    if variable == RAIN and own is not None:
        found.append(physics.not_negative(told[own.rows] + own.base))
    other = BESIDE.get(variable)
    if other is not None and own is not None:
        beside = _tried(fitted, other, progress, reasons, "tasmax at least tas")
        if beside is not None:
            rows, mine, its = np.intersect1d(own.rows, beside.rows, return_indices=True)
            ours, theirs = told[rows] + own.base, beside.told[its]
            most, least = (ours, theirs) if variable == MAXIMUM else (theirs, ours)
            check = physics.maximum_above_mean(most, least)
            said = f"{check.words} {other} is emulated by pattern scaling from the same years."
            found.append(replace(check, words=said))
    land = None
    heat = _tried(fitted, HEAT, progress, reasons, "heat uptake against warming")
    if heat is not None:
        try:
            land = regions.land_from_gaps(heat.every)
            gmst, ocean = run.gmst[heat.rows], land.ocean(asked.grid.weight)
            found.append(physics.heat_uptake(heat.told, heat.truth, gmst, asked.grid.weight, ocean))
        except BadRequest as error:
            reasons["heat uptake against warming"] = str(error)
    try:
        found.append(_closure(fitted, heat, land, progress))
    except BadRequest as error:
        reasons["closure"] = f"{_CLOSURE} {_plain(error)}"
    return Physics(found, reasons, land)


def _closure(fitted: Fitted, heat: Companion | None, land: Land | None, progress: Progress) -> Check:
    """Over the last ten years of the period. Raises BadRequest."""
    if heat is None or land is None:
        raise BadRequest(f"There is no {HEAT} that can be read and shows where land is.")
    fluxes = [companion(fitted, one, progress) for one in FLUXES]
    asked = fitted.asked
    run, last = asked.of_run(asked.target), asked.wanted.period[1]
    rows = np.flatnonzero((run.year > last - physics.DECADE) & (run.year <= last))
    for one, name in zip((heat, *fluxes), (HEAT, *FLUXES), strict=True):
        if not np.isin(rows, one.rows).all():
            raise BadRequest(f"Years of {name} are missing in the last {physics.DECADE} of the period.")

    def means(which: str) -> tuple[np.ndarray, np.ndarray]:
        """(years,) of the net flux, and of what the ocean takes up, W m-2 of the whole Earth."""
        here = [getattr(one, which)[np.isin(one.rows, rows)] for one in (heat, *fluxes)]
        uptake, down, up, out = (area_mean(one, asked.grid.weight) for one in here)
        return down - up - out, land.ocean(asked.grid.weight) * uptake

    return physics.closure(*means("truth"), *means("told"), run.year[rows])


def _tried(fitted: Fitted, variable: str, progress: Progress, reasons: dict[str, str], what: str) -> Companion | None:
    try:
        return companion(fitted, variable, progress)
    except BadRequest as error:
        reasons[what] = _plain(error)
        return None


def _plain(error: BadRequest) -> str:
    return f"{str(error).split(_HINT)[0].rstrip('.')}."
