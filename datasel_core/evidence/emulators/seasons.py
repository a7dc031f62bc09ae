"""Seasons and the cycle of the year, where a pool was made of monthly files: it keeps means of years, so the months are
read again. A season is the same question as the year, about other fields: the same kind of emulator is fitted anew to
the season's means of the same years, told the same driver, and stands beside the same baselines and noise floor.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from datasel_core.analysis.climate.emulators.driver import Years
from datasel_core.analysis.climate.scores import trends
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.evidence.emulators import numbers
from datasel_core.evidence.emulators.asked import Asked
from datasel_core.evidence.emulators.fits import fit
from datasel_core.evidence.emulators.origin import read_as
from datasel_core.pools.readers.climate.anomalies import anomalies
from datasel_core.pools.readers.climate.months import Months, read_months, since_december
from datasel_core.pools.readers.climate.runs import Run

WINTER, PLAIN = "DJF", "pattern_scaling"
_FEW = 10
"""Years of training below which a season is not emulated."""
_NO_MONTHS = "The pool was made of annual means, which have no seasons."
_CHANGED = (
    "The files are others than those that the pool was made of: {run} has another mean of {year}. Add the pool again."
)


def seasons_of(asked: Asked, progress: Progress) -> tuple[dict[str, Any] | None, str]:
    """As `cards` describes it; and why there is none."""
    try:
        pool, how = asked.pool, read_as(asked.pool, asked.grid, asked.grid.variable)
        months = read_months(pool.source, how, pool.workspace, progress)
        if asked.target not in months:
            gone = f"The files of {asked.target} are annual means, which have no seasons."
            return None, gone if months else _NO_MONTHS
        _check_same(asked, months)
        means = []
        for name in progress.over(list(trends.SEASONS), len(trends.SEASONS), "fitting seasons"):
            means.append(_season(asked, name, months, progress))
        return {"means": means, "cycle": _cycle(asked, months, progress), "by": _by(asked)}, ""
    except BadRequest as error:
        return None, f"{str(error).rstrip('.')}."


def _by(asked: Asked) -> str:
    first, last = asked.grid.baseline.split("-")
    return (
        f"{asked.kind.title} fitted anew to each season's means of the same years, months weighted by their days, told "
        f"the same driver of whole years. {WINTER} has the December of the year before; its anomalies are to winters "
        f"from {int(first) + 1} to {last}, of others to those of {asked.grid.baseline}. The cycle is told by pattern "
        "scaling of each month."
    )


def _check_same(asked: Asked, months: Mapping[str, Months]) -> None:
    """Whether the months still make the years of the pool. Raises BadInput."""
    found = anomalies({name: one.run for name, one in months.items()}, _baseline(asked)).values
    every = asked.every
    for row, (name, year) in enumerate(zip(every.run.tolist(), every.year.tolist(), strict=True)):
        if name in found:
            at = np.flatnonzero(months[name].run.years == year)
            here = found[name][at[0]] if len(at) else np.full(every.fields.shape[1], np.nan)
            scale = 1e-6 * np.nanmax(np.abs(months[name].run.values))  # anomalies are kept with seven digits
            if not np.allclose(here, every.fields[row], rtol=1e-5, atol=scale, equal_nan=True):
                raise BadInput(_CHANGED.format(run=name, year=year))


def _baseline(asked: Asked) -> tuple[int, int]:
    first, last = map(int, asked.grid.baseline.split("-"))
    return first, last


def _season(asked: Asked, name: str, months: Mapping[str, Months], progress: Progress) -> dict[str, Any]:
    runs = {}
    for run, one in months.items():
        whole = since_december(one, months) if name == WINTER else one
        years, values = trends.season(whole.values, whole.year, whole.month, whole.days, name)
        runs[run] = replace(one.run, years=years, values=values)
    first, last = _baseline(asked)
    own = _about(asked, runs, (first + (name == WINTER), last), name)
    fitted = fit(own, progress)
    others, _ = numbers.baselines_of(fitted)
    table, (floor, between) = numbers.error_table(fitted, others), numbers.floor_of(own)
    return {
        "name": name,
        "trained_on": len(own.kept),
        "errors": {
            key: {what: one[what] for what in ("title", "rmse_s", "rmse_g", "driver")} for key, one in table.items()
        },
        "floor": floor and {"s": floor.s, "g": floor.g, "between": between},
    }


def _about(asked: Asked, runs: Mapping[str, Run], baseline: tuple[int, int], what: str) -> Asked:
    """The same question about other fields of the years; global means, and so the driver, stay those of whole years.
    Raises BadRequest where too few of them are there.
    """
    found = anomalies(runs, baseline)
    place = {(name, year): at for name in found.values for at, year in enumerate(runs[name].years.tolist())}
    every = asked.every
    keys = list(zip(every.run.tolist(), every.year.tolist(), strict=True))
    rows = np.array([at for at, key in enumerate(keys) if key in place], np.int64)
    to = np.full(len(keys), -1)
    to[rows] = np.arange(len(rows))
    kept, could = (to[one][to[one] >= 0] for one in (asked.kept, asked.could))
    if asked.target not in found.values:
        raise BadRequest(f"{what} of {asked.target} has no baseline: {found.uncovered.get(asked.target, 'none')}")
    if len(kept) < _FEW:
        raise BadRequest(f"{len(kept)} of the years that are trained on have months; {what} takes {_FEW}")
    fields = np.array([found.values[keys[at][0]][place[keys[at]]] for at in rows])
    first, last = asked.wanted.period
    whole = set(range(first, last + 1))
    judges = tuple(one for one in asked.judges if whole <= {year for name, year in place if name == one})
    wanted = replace(asked.wanted, seeds=1)
    return replace(
        asked, wanted=wanted, every=replace(every.part(rows), fields=fields), kept=kept, could=could, judges=judges
    )


def _cycle(asked: Asked, months: Mapping[str, Months], progress: Progress) -> dict[str, Any]:
    """Of the period, as simulated, as emulated, and as it was in the baseline, which is the guess to beat; all as
    `trends.seasonal_cycle` has it.
    """
    past, told, truths = [], [], []
    for month in progress.over(list(range(1, 13)), 12, "fitting months"):
        runs = {}
        for name, one in months.items():
            mine = (one.month == month) & np.isin(one.year, one.run.years)
            runs[name] = replace(one.run, years=one.year[mine], values=one.values[mine])
        own = _about(asked, runs, _baseline(asked), f"month {month}")
        run, whole = own.of_run(asked.target), runs[asked.target]
        past.append(whole.values[whole.years == run.year[0]][0] - run.fields[0])
        told.append(_mean(run, fit(own, progress, PLAIN).told(run), asked))
        truths.append([_mean(one, one.fields, asked) for one in map(own.of_run, own.judges)])
    month, weight, base = np.arange(1, 13), asked.grid.weight, np.array(past)
    members = [np.array(one) for one in zip(*truths, strict=True)]
    truth = base + members[0]
    found, unchanged = (trends.seasonal_cycle(truth, one, month, weight) for one in (base + np.array(told), base))
    apart = [trends.seasonal_cycle(a, b, month, weight).rmse for a, b in itertools.combinations(members, 2)]
    return {
        **vars(found),
        "unchanged": {name: getattr(unchanged, name) for name in ("rmse", "amplitude", "amplitude_rmse", "phase")},
        "floor": math.sqrt(np.mean(np.square(apart)) / 2) if apart else None,
    }


def _mean(run: Years, fields: np.ndarray, asked: Asked) -> np.ndarray:
    """(cells,) over the period."""
    return fields[numbers.inside(run, asked.wanted.period)].mean(axis=0)
