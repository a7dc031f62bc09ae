"""The answer as plain data: what a script reads, a page draws, and lines are said of."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.analysis.curve import Curve as Coverage
from datasel_core.base.progress import Progress
from datasel_core.costs.enough import labels as labelled
from datasel_core.costs.enough.asking import Asked
from datasel_core.costs.enough.cheapest import Reach, reaches
from datasel_core.costs.enough.choices import Choice
from datasel_core.costs.enough.coverage import Random, marks, random_gaps
from datasel_core.costs.enough.extrapolation import LEVEL, REACH, Extrapolation, extrapolate
from datasel_core.costs.enough.learning import learned
from datasel_core.errors import BadInput
from datasel_core.evidence.differences import LEVEL as BAND
from datasel_core.evidence.measures import Probed
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import is_own, own_hash
from datasel_core.workspace.locks import Lock

_FILE = "enough.json"
COVERAGE, LEARNING = "measuring coverage", "learning from parts of the labels"
_DIGITS = 5


def file(folder: Path) -> Path:
    """What an answer is kept in."""
    return folder / _FILE


def read(folder: Path) -> dict[str, Any] | None:
    """The answer kept there; None where there is none, or it is damaged."""
    with contextlib.suppress(BadInput, OSError):
        said = read_json(file(folder))
        if isinstance(said, dict) and is_own(said):
            return {name: value for name, value in said.items() if name != "sha256"}
    return None


def measured(asked: Asked, progress: Progress) -> dict[str, Any]:
    """The answer; measured where it is not kept, by one of all who ask. Raises BadRequest, Stopped."""
    with Lock(asked.folder).hold(progress.check):
        if (found := read(asked.folder)) is not None:
            return found
        found = {
            "pool": {"name": asked.pool.name, "fingerprint": asked.pool.fingerprint, "n": asked.pool.n},
            "coverage": _coverage(asked, progress) if asked.choices else None,
            "learning": _learning(asked, progress) if asked.column else None,
            "classes": _classes(asked) if asked.column else None,
            "notes": list(asked.notes),
        }
        write_json(file(asked.folder), {**found, "sha256": own_hash(found)})
        return found


def _coverage(asked: Asked, progress: Progress) -> dict[str, Any]:
    progress.enter(COVERAGE)
    ground, n = asked.ground, len(asked.ground.rows)
    sizes = {share: max(1, round(share * n)) for share in asked.shares}
    random = random_gaps(ground, list(sizes.values()))
    means = random.share(random.gaps.mean(2, dtype=np.float64))
    low, high = np.quantile(means, [0.5 - BAND / 2, 0.5 + BAND / 2], axis=1)
    held = ground.measure.held
    return {
        "of": n,
        "measured_on": len(held.rows),
        "measured_of": held.of,
        "held_out": ground.is_aside,
        "random": {"n": random.sizes.tolist(), "low": _round(low), "mid": _round(means.mean(1)), "high": _round(high)},
        "methods": [_method(asked, one, random, sizes, progress) for one in asked.choices],
    }


def _method(
    asked: Asked, choice: Choice, random: Random, sizes: Mapping[float, int], progress: Progress
) -> dict[str, Any]:
    picks = choice.rows
    unread = ~np.isin(picks, asked.ground.rows)
    if unread.all():
        return {"method": choice.method, "title": choice.title, "run": choice.run.key, "picks": len(picks), "n": []}
    able = np.where(unread, picks[~unread][0], picks)  # what has no vector costs a label, and covers nothing
    means, found = reaches(asked.ground, random, able, list(sizes.values()), progress)
    at = marks(len(picks))
    return {
        "method": choice.method,
        "title": choice.title,
        "run": choice.run.key,
        "picks": len(picks),
        "n": at.tolist(),
        "mid": _round(random.share(means[at - 1])),
        "worth": [_finite(random.worth(value)) for value in means[at - 1]],
        "knee": Coverage(np.arange(1, len(means) + 1), means, means, len(asked.ground.points)).knee(),
        "reaches": [_reach(share, one) for share, one in zip(sizes, found, strict=True)],
    }


def _reach(share: float, found: Reach) -> dict[str, Any]:
    return {"share": share, "random": found.random, "n": found.n, "low": found.low, "high": found.high}


def _learning(asked: Asked, progress: Progress) -> dict[str, Any]:
    progress.enter(LEARNING)
    labels = labelled.split(asked.roles, asked.aside, asked.roles.missing_rows(asked.probe.needs), progress)
    curve = learned(Probed(asked.roles, labels.held, asked.probe), labels, asked.folder, progress)
    return {
        "column": labels.column,
        "probe": asked.probe.id,
        "share_is": asked.probe.each_is,
        "labels": curve.labels,
        "labels_of": len(labels.train),
        "held": curve.held,
        "held_out": labels.is_aside,
        "of": len(labels.free),
        **_band(extrapolate(curve)),
    }


def _band(found: Extrapolation) -> dict[str, Any]:
    curve, x = found.curve, found.sizes / found.curve.labels
    return {
        "level": LEVEL,
        "reach": REACH,
        "rises": found.rises,
        "other_held": round(curve.of_held, _DIGITS),
        "measured": {"n": curve.sizes.tolist(), "mid": _round(curve.means), "seeds": [_round(s) for s in curve.shares]},
        "n": found.sizes.tolist(),
        "low": _round(found.low),
        "mid": _round(found.mid),
        "high": _round(found.high),
        "fits": [
            {
                "family": one.family.id,
                "title": one.family.title,
                "formula": one.family.formula,
                "parameters": _round(one.parameters),
                "residual": round(one.residual, _DIGITS),
                "values": _round(one.values(x)),
            }
            for one in found.fits
        ],
    }


def _classes(asked: Asked) -> dict[str, Any]:
    """Among what can be chosen; and what the selections have, of which labels are known."""
    of, free = asked.roles.groups, labelled.free_rows(asked.pool, asked.aside)
    counts = labelled.class_counts(of, free)
    return {
        "column": asked.column,
        "of": len(free),
        "labelled": sum(counts.values()),
        "counts": dict(counts),
        "selections": [_has(of, one) for one in asked.choices],
    }


def _has(of: np.ndarray, choice: Choice) -> dict[str, Any]:
    counts = labelled.class_counts(of, choice.rows)
    return {"method": choice.method, "title": choice.title, "run": choice.run.key, "picks": len(choice.rows)} | {
        "labelled": sum(counts.values()),
        "counts": dict(counts),
    }


def _round(values: np.ndarray) -> list[float]:
    return np.round(np.asarray(values, dtype=np.float64), _DIGITS).tolist()


def _finite(n: float) -> float | None:
    """JSON has no infinity."""
    return round(n, 1) if np.isfinite(n) else None


def reach_of(method: Mapping[str, Any], share: float) -> Mapping[str, Any] | None:
    """What a method of the answer says of a share of full labelling; None where it was not asked."""
    return next((one for one in method.get("reaches", ()) if abs(one["share"] - share) < 1e-9), None)


def cheapest(coverage: Mapping[str, Any], share: float) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """(method, reach) with the fewest picks that cover what this share of full labelling would; None where none do."""
    found = [(one, reach) for one in coverage["methods"] if (reach := reach_of(one, share)) and reach["n"] is not None]
    return min(found, key=lambda pair: pair[1]["n"], default=None)


def largest(coverage: Mapping[str, Any], shares: Sequence[float], most: float) -> float | None:
    """The largest of these shares, up to `most`, that some run reaches."""
    return max((one for one in shares if one <= most and cheapest(coverage, one)), default=None)
