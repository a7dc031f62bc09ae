"""How near a choice comes to held-out samples that its method never saw, of the pool or of the target, beside what 20
random choices of as many come to.
"""

import functools
import shlex
from collections.abc import Callable

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING, PATTERNS
from datasel_core.evidence.measures import HeldOut
from datasel_core.evidence.promises.kind import Kind, Lack, Said
from datasel_core.evidence.tables.paper import number
from datasel_core.evidence.yardstick import DRAWS, drawn
from datasel_core.features.roles import Roles
from datasel_core.pools.holdout import HOLDOUT
from datasel_core.runs.question import Question
from datasel_core.vectors import neighbors

_PATTERNS = 4000
"""Held-out patterns that are measured; where there are more, so many are drawn once."""
_PICKS = 20
"""Random picks that say what near means for a pattern."""

Measured = Callable[[np.ndarray, float], float]
"""Distances (m,) of the held-out to the nearest kept, and the radius -> the number."""


def _mean(gaps: np.ndarray, radius: float) -> float:
    return float(gaps.mean(dtype=np.float64))


def _of_pool(role: str, how: Measured, name: str, asked: Question, rows: np.ndarray, progress: Progress) -> Said | None:
    aside = asked.aside
    if aside is None or HOLDOUT not in aside.sets or role not in asked.roles.features:
        return None
    held = HeldOut.among(asked.pool, aside.sets[HOLDOUT], asked.roles.missing_rows((role,)))
    points = _vectors(asked.roles, role, held.rows, _PATTERNS)
    return _measured(asked, rows, role, points, how, name, progress)


def _of_target(asked: Question, rows: np.ndarray, progress: Progress) -> Said | None:
    """Of the samples of the target that are held out of it."""
    target = asked.target
    if target is None or target.aside is None:
        return None
    role = target.needs[0]
    held = HeldOut.among(target.pool, target.aside.sets[HOLDOUT], target.roles.missing_rows(target.needs))
    points = _vectors(target.roles, role, held.rows)
    said = _measured(asked, rows, role, points, _mean, "target", progress)
    return said and {**said, "target": target.pool.name}


def _measured(
    asked: Question,
    rows: np.ndarray,
    role: str,
    points: np.ndarray,
    how: Measured,
    name: str,
    progress: Progress,
) -> Said | None:
    """points: (m, d) vectors that nobody chose from."""
    missing = asked.roles.missing_rows((role,))
    free = np.setdiff1d(np.arange(asked.pool.n), np.union1d(missing, asked.unseen))
    kept = np.intersect1d(np.union1d(asked.candidates.already, rows), free)
    if not len(kept) or not len(points):
        return None
    metric = getattr(asked.method, "metric", "cosine")

    def gaps(those: np.ndarray) -> np.ndarray:
        return neighbors.nearest(points, _vectors(asked.roles, role, those), metric, progress)[0]

    orders = [drawn(free, draw) for draw in range(DRAWS)]
    near = [gaps(order[:_PICKS]) for order in orders] if role == PATTERNS.name else []
    radius = float(np.median(near)) if near else 0.0
    of_random = [how(gaps(order[: len(kept)]), radius) for order in orders]
    return {
        "measure": name,
        "value": round(how(gaps(kept), radius), 6),
        "random": round(float(np.mean(of_random)), 6),
        **({"radius": round(radius, 6)} if near else {}),
        "metric": metric,
        "kept": len(kept),
        "measured_on": len(points),
    }


def _vectors(roles: Roles, role: str, rows: np.ndarray, most: int | None = None) -> np.ndarray:
    """(m, d) those of these rows, of patterns all; at most so many, the same ones every time."""
    found = roles.array(role, rows)
    values = np.asarray(found.values if role == PATTERNS.name else found)
    if most is None or role != PATTERNS.name or len(values) <= most:
        return values
    return values[np.sort(np.random.default_rng(0).choice(len(values), most, replace=False))]


def _of_target_words(said: Said) -> str:
    """How much nearer than random, which needs no unit; both distances behind it."""
    value, random = said["value"], said["random"]
    share = abs(value / random - 1) if random else 0.0
    if share < 0.005:
        how, than = "as near to", "as to"
    else:
        how, than = ("nearer to", "than to") if value < random else ("farther from", "than from")
        how = f"{share:.0%} {how}"
    return (
        f"{said['measured_on']:,} held-out samples of the target are on average {how} the kept {than} as many "
        f"random ones ({number(value)} against {number(random)})."
    )


def _lacks_target(asked: Question) -> Lack | None:
    if asked.target is None or asked.target.aside is not None:
        return None
    what = "how near this comes to samples of the target that it never saw (hold some out, then choose again)"
    return what, shlex.join(["python", "-m", "datasel_core", "holdout", asked.target.pool.name, "--share", "20%"])


def _kind(name: str, role: str, how: Measured, words: str) -> Kind:
    return Kind(functools.partial(_of_pool, role, how, name), lambda said: words.format(**{"radius": 0.0, **said}))


KINDS = {
    "farthest": _kind(
        "farthest",
        EMBEDDING.name,
        lambda gaps, radius: float(gaps.max()),
        "The farthest held-out sample is {value:.3f} from the nearest kept; with random ones {random:.3f}.",
    ),
    "mean": _kind(
        "mean",
        EMBEDDING.name,
        _mean,
        "Held-out samples are on average {value:.3f} from the nearest kept; with random ones {random:.3f}.",
    ),
    "missed_patterns": _kind(
        "missed_patterns",
        PATTERNS.name,
        lambda gaps, radius: float((gaps > radius).mean()),
        "{value:.1%} of the patterns of held-out photos have no kept one within {radius:.3f}; with random ones "
        "{random:.1%}.",
    ),
    "target": Kind(
        _of_target,
        _of_target_words,
        _lacks_target,
    ),
}
