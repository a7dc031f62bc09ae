"""What a reliability card says in numbers: errors beside baselines and the noise floor, and where they lie."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from datasel_core.analysis.climate.area import area_mean
from datasel_core.analysis.climate.emulators import pattern_scaling
from datasel_core.analysis.climate.emulators.driver import TRUE, Years
from datasel_core.analysis.climate.scores import baselines as baseline
from datasel_core.analysis.climate.scores import ensembles, trends
from datasel_core.analysis.climate.scores.curve import over_members
from datasel_core.analysis.climate.scores.errors import (
    Errors,
    Floor,
    driver_parts,
    errors,
    errors_by_region,
    noise_floor,
    parts,
    within,
)
from datasel_core.analysis.climate.scores.verdict import RULE, Verdict, verdict
from datasel_core.evidence.emulators.asked import Asked
from datasel_core.evidence.emulators.fits import Fitted
from datasel_core.pools.readers.climate.names import natural

PAST, UNIFORM, KELVIN = "historical", "uniform GMST", "K"
_NUMBERS = ("rmse_s", "rmse_g", "nrmse_s", "nrmse_g", "total")


def inside(run: Years, period: tuple[int, int]) -> np.ndarray:
    """(years,) bool."""
    return within(run.year, period)


def plain(value: Any) -> Any:
    """The same as JSON has it: a number that is none, or has no end, is null."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(one) for one in (value.tolist() if isinstance(value, np.ndarray) else value)]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def baselines_of(fitted: Fitted) -> tuple[dict[str, baseline.Baseline], dict[str, str]]:
    """Name -> baseline on the target's period; and why others are not among them."""
    asked, run = fitted.asked, fitted.asked.of_run(fitted.asked.target)
    rows, years = inside(run, asked.wanted.period), asked.training
    persisted, why = _persisted(asked)
    told = baseline.Training(years.fields, years.gmst, years.year, np.zeros(len(years), bool))
    given = fitted.driver
    found = baseline.baselines(told, run.fields[rows], given.gmst[rows], given.gmst_words, asked.grid.weight, persisted)
    lacking = {"persistence": why} if why else {}
    if asked.grid.units != KELVIN:
        del found[UNIFORM]
        lacking[UNIFORM] = f"A temperature is no guess of {asked.grid.variable}, which is in {asked.grid.units}."
    return found, lacking


def _persisted(asked: Asked) -> tuple[np.ndarray | None, str]:
    """The mean of recent years of the past of the target's member, else of all members; it is known without a
    purchase.
    """
    member = asked.target.split("/", 1)[1]
    first, last = baseline.RECENT
    past = asked.every.part(asked.every.scenario == PAST)
    recent = past.part((past.year >= first) & (past.year <= last))
    own = recent.part(recent.member == member)
    for years in (own, recent):
        if set(years.year.tolist()) == set(range(first, last + 1)):
            return years.fields.mean(axis=0), ""
    return None, f"The pool lacks years of {first}-{last} of {PAST}, of which persistence is the mean."


def error_table(fitted: Fitted, others: Mapping[str, baseline.Baseline]) -> dict[str, dict[str, Any]]:
    """The emulator first: of several seeds the mean, with RMSE_s of each."""
    asked, run = fitted.asked, fitted.asked.of_run(fitted.asked.target)
    rows = inside(run, asked.wanted.period)
    found = [
        errors(run.fields[rows], fitted.told(run, at)[rows], asked.grid.weight) for at in range(len(fitted.emulators))
    ]
    mean = {name: float(np.mean([getattr(one, name) for one in found])) for name in _NUMBERS}
    seeds = [one.rmse_s for one in found] if len(found) > 1 else None
    mine = {"emulator": {"title": asked.title, **mean, "seeds": seeds, "driver": fitted.driver.words}}
    return mine | {
        name: {"title": name[0].upper() + name[1:], **_numbers(one.found), "seeds": None, "driver": one.driver}
        for name, one in others.items()
    }


def _numbers(found: Errors) -> dict[str, float]:
    return {name: getattr(found, name) for name in _NUMBERS}


def floor_of(asked: Asked) -> tuple[Floor | None, str]:
    """The noise floor, and between which runs: of the target's scenario, else of one that has two members in the
    period. Each member is an anomaly to its own past.
    """
    first, last = asked.wanted.period
    candidates: dict[str, list[str]] = {asked.scenario: []}
    for name in sorted(set(asked.every.run.tolist()), key=natural):
        scenario = name.split("/", 1)[0]
        years = asked.every.year[asked.every.run == name]
        if set(range(first, last + 1)) <= set(years.tolist()):
            candidates.setdefault(scenario, []).append(name)
    for scenario, names in candidates.items():
        if len(names) > 1:
            runs = [asked.of_run(name) for name in names]
            members = np.stack([run.fields[inside(run, asked.wanted.period)] for run in runs])
            return noise_floor(members, asked.grid.weight), _between(scenario, len(names), asked)
    return None, f"No scenario of the pool has a second member with the years {first}-{last}."


def _between(scenario: str, n: int, asked: Asked) -> str:
    said = f"{n} members of {scenario}"
    return said if scenario == asked.scenario else f"{said}, as {asked.scenario} has one"


def members_table(fitted: Fitted) -> list[dict[str, Any]]:
    """Each member of the target's scenario as truth, told from its own driver: the emulator beside pattern scaling."""
    asked, found = fitted.asked, []
    years = asked.training
    line = pattern_scaling.fit(years.fields, years.gmst, asked.grid.weight)
    for name in asked.judges:
        run = asked.of_run(name)
        rows, truth = inside(run, asked.wanted.period), run.fields
        mine = errors(truth[rows], fitted.told(run)[rows], asked.grid.weight)
        other = errors(truth[rows], line.predict(fitted.given(run).gmst)[rows], asked.grid.weight)
        found.append({"name": name, "rmse_s": mine.rmse_s, "pattern_scaling": other.rmse_s, "total": mine.total})
    return found


def parts_of(fitted: Fitted, truth: np.ndarray, told: np.ndarray) -> dict[str, float]:
    return vars(parts(truth, told, fitted.asked.grid.weight))


def driver_parts_of(fitted: Fitted, rows: np.ndarray, truth: np.ndarray, told: np.ndarray) -> tuple[Any, str]:
    """What an emulated driver adds to the error; and why it is not said."""
    given = fitted.from_truth(fitted.asked.of_run(fitted.asked.target))
    if given is None:
        name = fitted.asked.wanted.driver
        return None, {
            TRUE: "The driver is the true GMST of the target: an emulator in use must be told it by something else, "
            "which adds an error that is not in these numbers.",
        }.get(name, "The emulator goes by forcing, so there is no true global mean that it could be told instead.")
    return vars(driver_parts(truth, given[rows], told, fitted.asked.grid.weight)), ""


def regions_table(
    asked: Asked, cells: Mapping[str, np.ndarray], truth: np.ndarray, told: np.ndarray, other: np.ndarray
) -> list[dict[str, Any]]:
    """cells: name -> (cells,) bool or shares."""
    weight, found = asked.grid.weight, []
    mine, its = (errors_by_region(truth, one, weight, cells) for one in (told, other))
    known = ~np.isnan(truth).all(axis=0)
    for name, share in cells.items():
        if (error := mine[name]) is None:
            continue
        part = np.asarray(share, np.float64) * weight
        bias = float(area_mean((told - truth).mean(axis=0), part))
        area = float(part[known].sum())
        found.append(
            {"name": name, "rmse": error.rmse_s, "bias": bias, "pattern_scaling": its[name].rmse_s, "share": area}
        )
    return found


def ensemble_of(fitted: Fitted, rows: np.ndarray, truth: np.ndarray, other: np.ndarray) -> tuple[Any, str]:
    """Of an emulator that draws years which could have been; and why there is none. other: of pattern scaling."""
    asked, run = fitted.asked, fitted.asked.of_run(fitted.asked.target)
    if not asked.kind.ensemble:
        return None, f"{asked.kind.title} draws no ensemble: one field per year, without a spread that could be judged."
    rng = np.random.default_rng(asked.wanted.seed)
    whole = asked.kind.runs  # what remembers the year before needs all of them
    driver = fitted.driver.target if whole else fitted.driver.target[rows]
    drawn = fitted.first.draw(driver, asked.wanted.members, rng)
    drawn, weight = drawn[:, rows] if whole else drawn, asked.grid.weight
    ranks = ensembles.rank_histogram(truth, drawn, rng)
    return {
        "members": asked.wanted.members,
        "by": f"years {asked.wanted.period[0]}-{asked.wanted.period[1]} of {run.run[0]}, all cells by their area",
        "coverage": [vars(one) for one in ensembles.coverage_ensemble(truth, drawn, weight)],
        "crps": float(area_mean(ensembles.crps_ensemble(truth, drawn), weight).mean()),
        "crps_pattern_scaling": float(area_mean(np.abs(other - truth), weight).mean()),
        "spread_skill": ensembles.spread_skill(truth, drawn, weight),
        "rank_histogram": ranks.counts,
        "expected": ranks.expected,
    }, ""


def curve_of(fitted: Fitted) -> tuple[Any, str]:
    """RMSE_s of pattern scaling over how many of the members are trained on, told of the target what baselines are; and
    why there is no curve.
    """
    asked, gmst = fitted.asked, fitted.driver.gmst
    years, run = asked.training, asked.of_run(asked.target)
    names = sorted(set(years.member.tolist()), key=natural)
    if len(names) < 2:
        return None, "One member is trained on; a curve takes two at least."
    rows = inside(run, asked.wanted.period)

    def measure(some: np.ndarray) -> float:
        mine = years.part(np.isin(years.member, [names[at] for at in some]))
        line = pattern_scaling.fit(mine.fields, mine.gmst, asked.grid.weight)
        return errors(run.fields[rows], line.predict(gmst[rows]), asked.grid.weight).rmse_s

    enough = [size for size in range(1, len(names) + 1) if _all_can(years, names, size)]
    if not enough:
        return None, "No member alone has two years that differ, so nothing can be fitted to it."
    points = over_members(len(names), measure, np.random.default_rng(asked.wanted.seed), enough)
    return [vars(one) for one in points], ""


def _all_can(years: Years, names: list[str], size: int) -> bool:
    """Whether any so many members have two years that differ: then a line can be fitted to them."""
    different = {name: set(years.gmst[years.member == name].tolist()) for name in names}
    least = sorted(names, key=lambda name: len(different[name]))[:size]
    return len(set(itertools.chain.from_iterable(different[name] for name in least))) > 1


def trend_of(asked: Asked, run: Years, told: np.ndarray) -> dict[str, Any]:
    """Over all years of the target."""
    found = trends.trends(run.fields, told, run.year, asked.grid.weight)
    years = [int(run.year.min()), int(run.year.max())]
    return {"years": years, "truth": vars(found.truth), "emulated": vars(found.emulated), "rmse": found.rmse}


def verdict_of(
    fitted: Fitted, table: Mapping[str, Mapping[str, Any]], members: list[dict[str, Any]], floor: Floor | None
) -> dict[str, Any]:
    """By the stated rule. A trial is a member of the target, or a seed where there is one member."""
    seeds, line = table["emulator"]["seeds"], table[baseline.PATTERN_SCALING]["rmse_s"]
    if len(members) > 1 or not seeds:
        mine, its = ([one[name] for one in members] for name in ("rmse_s", "pattern_scaling"))
    else:
        mine, its = seeds, [line] * len(seeds)
    others = {name: one["rmse_s"] for name, one in table.items() if name not in ("emulator", baseline.PATTERN_SCALING)}
    asked = fitted.asked
    found = verdict(
        asked.title,
        np.array(mine),
        np.array(its),
        None if floor is None else floor.pairs_s,
        others,
        asked.grid.units,
    )
    return {
        "word": "useful" if found.useful else "pattern scaling recommended",
        "sentence": _sentence(found, asked, others, line, floor),
        "rule": RULE,
        "recommended": found.recommended,
        "trials": "members of the target" if len(members) > 1 else "seeds" if seeds else "one member, one seed",
        "gain": [found.gain.mean, found.gain.low, found.gain.high],
        "noise": found.noise and [found.noise.mean, found.noise.low, found.noise.high],
    }


def _sentence(found: Verdict, asked: Asked, others: Mapping[str, float], line: float, floor: Floor | None) -> str:
    """Of pattern scaling itself there is no gain over it."""
    if asked.title != "Pattern scaling":
        return found.words
    better = [name for name, error in others.items() if error < line]
    noise = "not known" if floor is None else f"{floor.s:.3f} {asked.grid.units}"
    than = f"worse than {better[0]}" if better else f"better than {', '.join(others)}"
    return (
        f"Pattern scaling is what others must beat by more than noise ({noise}); its error is {line:.3f} "
        f"{asked.grid.units}, {than}."
    )
