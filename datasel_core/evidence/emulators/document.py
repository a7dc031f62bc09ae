"""A reliability card as a plain document: what `cards` says stands in it, all of it reckoned here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.analysis.climate import drivers as ranges
from datasel_core.analysis.climate import overfit, regions
from datasel_core.analysis.climate.area import area_mean
from datasel_core.analysis.climate.emulators import pattern_scaling
from datasel_core.analysis.climate.emulators.pattern_scaling import PatternScaling
from datasel_core.analysis.climate.emulators.training import WEIGHTINGS
from datasel_core.analysis.climate.overfit import Change
from datasel_core.analysis.climate.scores.baselines import PATTERN_SCALING
from datasel_core.analysis.climate.scores.errors import errors
from datasel_core.base.progress import Progress
from datasel_core.evidence.emulators import cards, numbers, origin
from datasel_core.evidence.emulators.asked import AR6, Asked
from datasel_core.evidence.emulators.companions import Physics, physics_of
from datasel_core.evidence.emulators.fits import Fitted, volcanoes
from datasel_core.evidence.emulators.numbers import plain
from datasel_core.evidence.emulators.seasons import seasons_of
from datasel_core.pools.readers.climate.names import listed, natural
from datasel_core.version import VERSION
from datasel_core.workspace.files import read_text
from datasel_core.workspace.hashing import ids_sha256, key_of, known_hash

VERSION_OF_CARD = 1
_BANDS = "bands of latitude"
SYNTHETIC = "SYNTHETIC"
"""In the name of a model that is none."""


def document(asked: Asked, fitted: Fitted, progress: Progress) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A card without its place, and the arrays of its maps. Raises BadRequest, Stopped."""
    run = asked.of_run(asked.target)
    rows = numbers.inside(run, asked.wanted.period)
    whole = fitted.told(run)
    truth, told = run.fields[rows], whole[rows]
    others, lacking = numbers.baselines_of(fitted)
    line = others[PATTERN_SCALING].predicted
    progress.check()
    table, (floor, between) = numbers.error_table(fitted, others), numbers.floor_of(asked)
    members = numbers.members_table(fitted)
    ensemble, no_ensemble = numbers.ensemble_of(fitted, rows, truth, line)
    progress.check()
    curve, no_curve = numbers.curve_of(fitted)
    shares, no_shares = numbers.driver_parts_of(fitted, rows, truth, told)
    checked = physics_of(fitted, whole, progress)
    progress.check()
    seasons, no_seasons = seasons_of(asked, progress)
    cells, regions_by = _cells(asked, checked)
    said, no_drivers = _drivers(fitted)
    warned, no_warning = over_fit(asked, progress)
    came, question = _provenance(asked), key_of(asked.question())
    reasons = {
        "provenance.files": "" if came["files"] else "The files that the pool was read from are not there any more.",
        **{f"errors.{name}": why for name, why in lacking.items()},
        "floor": "" if floor else between,
        "ensemble": no_ensemble,
        "curve": no_curve,
        "driver_parts": no_shares,
        "seasons": no_seasons,
        "over_fit": no_warning,
        **no_drivers,
        **{f"physics.{name}": why for name, why in checked.reasons.items()},
    }
    card = {
        "version": VERSION_OF_CARD,
        "question": question,
        "pool": asked.pool.name,
        "run": asked.run and asked.run["name"],
        "task": _task(asked, fitted, seasons is not None),
        "errors": table,
        "floor": floor and {"s": floor.s, "g": floor.g, "pairs_s": floor.pairs_s, "between": between},
        "members": members,
        "parts": numbers.parts_of(fitted, truth, told),
        "driver_parts": shares,
        "regions": numbers.regions_table(asked, cells, truth, told, line),
        "regions_by": regions_by,
        "ensemble": ensemble,
        "curve": curve,
        "trend": numbers.trend_of(asked, run, whole),
        "seasons": seasons,
        "physics": [{"name": one.name, "holds": one.passed, "sentence": one.words} for one in checked.checks],
        "drivers": said,
        "over_fit": warned,
        "series": {
            "year": run.year,
            "driver": fitted.driver.gmst,
            "truth": area_mean(run.fields, asked.grid.weight),
            "emulated": area_mean(whole, asked.grid.weight),
        },
        "provenance": came,
        "verdict": numbers.verdict_of(fitted, table, members, floor),
        "reasons": {name: why for name, why in reasons.items() if why},
        "notes": [*_notes(asked, fitted), *_changed(asked, question)],
    }
    maps = {
        "lat": asked.grid.lat,
        "lon": asked.grid.lon,
        "weight": asked.grid.weight,
        "shape": np.array(asked.grid.shape),
        "truth": truth.mean(axis=0),
        "emulated": told.mean(axis=0),
        "difference": (told - truth).mean(axis=0),
        "pattern_scaling": line.mean(axis=0),
    }
    return plain(card), maps


def over_fit(asked: Asked, progress: Progress) -> tuple[str | None, str]:
    """Whether the choice fits its reference more than the climate: pattern scaling on all that could be trained on,
    beside what was kept; and why nothing is said.
    """
    if asked.run is None:
        return None, "All years of the training scenarios are trained on: nothing was chosen, so nothing can over-fit."
    if asked.reference is None:
        return None, "No reference is known: the selection has no target of the same grid, and none was named."
    before, after = (_line(asked, rows, progress) for rows in (asked.could, asked.kept))
    weight, target = asked.grid.weight, asked.of_run(asked.target)
    rows = numbers.inside(target, asked.wanted.period)
    there, name = asked.reference, sorted(set(asked.reference.scenario.tolist()), key=natural)[0]

    def change(fields: np.ndarray, gmst: np.ndarray, called: str) -> Change:
        both = [errors(fields, one.predict(gmst), weight).rmse_s for one in (before, after)]
        return Change(called, *both)

    reference = change(there.fields, there.gmst, name)
    judge = change(target.fields[rows], target.gmst[rows], asked.target)
    if warned := overfit.overfitted(reference, [judge], asked.grid.units):
        return warned, ""
    said = "It did not even lower the error there" if reference.worse else "No sign of it"
    return None, (
        f"{said}: with the kept years the error goes from {reference.before:.3f} to {reference.after:.3f} "
        f"{asked.grid.units} on the reference {name}, and from {judge.before:.3f} to {judge.after:.3f} on the target."
    )


def _line(asked: Asked, rows: np.ndarray, progress: Progress) -> PatternScaling:
    progress.check()
    years = asked.every.part(rows)
    return pattern_scaling.fit(years.fields, years.gmst, asked.grid.weight)


def _cells(asked: Asked, checked: Physics) -> tuple[dict[str, np.ndarray], str]:
    """Name -> cells of parts of the Earth, and where these are from."""
    lat, lon = asked.grid.lat, asked.grid.lon
    if asked.wanted.regions == AR6:
        found, said = regions.cells_of(regions.regions_cached(), lat, lon), "the AR6 regions"
    elif asked.regions is not None:
        found = regions.cells_of(regions.regions_in(read_text(asked.regions)), lat, lon)
        said = f"the regions of {asked.regions.name}"
    else:
        found, said = regions.bands(lat), f"{_BANDS}; AR6 regions or others: --regions"
    if checked.land is not None:
        found |= {"land": checked.land.share, "ocean": 1 - checked.land.share}
        said += f". {checked.land.words}"
    return {name: one for name, one in found.items() if np.any(one)}, said


def _drivers(fitted: Fitted) -> tuple[dict[str, Any], dict[str, str]]:
    given, asked = fitted.driver, fitted.asked
    rows = numbers.inside(asked.of_run(asked.target), asked.wanted.period)
    told = [
        ranges.extrapolation(given.training[:, at], given.target[rows][:, at], name, unit)
        for at, (name, unit) in enumerate(zip(given.names, given.units, strict=True))
    ]
    warmer = ranges.extrapolation(asked.training.gmst, given.gmst[rows], "GMST")
    around = ranges.hull(given.training, given.target[rows])
    sentences, reasons, inflation = [one.words for one in told] + [around.words], {}, None
    if len(given.names) > 1:
        found = ranges.collinearity(given.training, given.names)
        sentences.append(found.words)
        inflation = float(found.inflation.max())
        if not np.isfinite(inflation):
            reasons["drivers.collinearity"] = "Infinite: one driver follows from the others."
    else:
        reasons["drivers.collinearity"] = "There is one driver, which no other can be mistaken for."
    return {
        "extrapolation_k": warmer.above + warmer.below,
        "hull": float(around.outside.mean()),
        "collinearity": inflation,
        "sentences": sentences,
    }, reasons


def _task(asked: Asked, fitted: Fitted, has_seasons: bool) -> dict[str, Any]:
    wanted, years = asked.wanted, asked.training
    reference = None
    if asked.reference is not None:
        reference = ", ".join(sorted(set(asked.reference.scenario.tolist()), key=natural))
    weighs = asked.kind.weighs
    return {
        "target": asked.target,
        "reference": reference,
        "training": sorted(set(years.scenario.tolist()), key=natural),
        "training_runs": sorted(set(years.run.tolist()), key=natural),
        "years": len(asked.kept),
        "of_years": len(asked.could),
        "period": list(wanted.period),
        "variable": asked.grid.variable,
        "units": asked.grid.units,
        "driver": fitted.driver.words,
        "weighting": WEIGHTINGS[wanted.weighting] if weighs else "each year of each member counts once",
        "kind": wanted.kind,
        "title": asked.title,
        "seeds": len(fitted.emulators),
        "out_of_scope": _out_of_scope(asked, has_seasons),
    }


def _out_of_scope(asked: Asked, has_seasons: bool) -> list[str]:
    first, last = asked.wanted.period
    model = asked.grid.model or "this model"
    shorter, means = ("single months", "years and of seasons") if has_seasons else ("months, seasons", "years")
    said = [
        f"Other scenarios than {asked.scenario}, other years than {first} to {last}, and other climate models than "
        f"{model}: nothing here was tested on them.",
        f"Other variables than {asked.grid.variable}, days, {shorter} and extremes of weather: these are means of "
        f"{means}.",
    ]
    if not asked.kind.ensemble:
        said.append("How far single years scatter: this emulator has no spread.")
    return said


def _notes(asked: Asked, fitted: Fitted) -> list[str]:
    said = [*asked.notes]
    if SYNTHETIC in asked.grid.model.upper():
        said.insert(0, "Synthetic: these fields were made by formulas from random numbers, of no climate model.")
    if asked.wanted.weighting != "years":
        weighed = WEIGHTINGS[asked.wanted.weighting]
        own = f"In the emulator {weighed}" if asked.kind.weighs else f"{asked.kind.title} ignores weighting"
        said.append(f"{own}; in baselines each year of each member counts once.")
    if len(fitted.emulators) > 1:
        said.append("Maps, parts, regions and series are of the first seed; errors are means over all seeds.")
    elif asked.wanted.seeds > 1:
        said.append(f"{asked.kind.title} begins with no chance, so there is one fit whatever the seeds.")
    if asked.kind.runs:
        said.append(volcanoes(asked, asked.training)[1])
    if asked.wanted.kind == "variability":
        said.append("All cells are fitted, those of the ocean too; as published, land alone is.")
    return said


def _provenance(asked: Asked) -> dict[str, Any]:
    grid, pool = asked.grid, asked.pool
    return {
        "pool_fingerprint": pool.fingerprint,
        "kept_sha256": ids_sha256(pool.ids[asked.kept].tolist()),
        "manifest_sha256": asked.run and asked.run["sha256"],
        "files": _files(asked),
        "baseline": grid.baseline,
        "model": grid.model,
        "calendar": grid.calendar,
        "grid": " x ".join(map(str, grid.shape)),
        "weights": grid.by,
        "version": VERSION,
    }


def _files(asked: Asked) -> Mapping[str, str]:
    """Name -> SHA-256 of all files that the card rests on, where they still lie where the pool was read from."""
    more = {"forcing": asked.wanted.forcing, "regions": asked.regions}
    return asked.files | {
        f"{what}: {Path(path).name}": known_hash(asked.pool.workspace.allowed(path))
        for what, path in more.items()
        if path is not None
    }


def _changed(asked: Asked, question: str) -> list[str]:
    """What is to be said where the newest card of the same question was made of other files."""
    same = [one for one in cards.cards(asked.pool.workspace, asked.pool) if one.get("question") == question]
    if not same or not (other := origin.changed(same[0]["provenance"]["files"], dict(_files(asked)))):
        return []
    return [f"Not the files of the card {same[0]['key']}, which was made before of the same question: {listed(other)}."]
