"""What a method promises, in its own measure, on held-out samples that it never saw, beside what random does.

Methods say it as `promise`: `farthest` (how far the farthest is from the nearest kept), `mean` (how far on average),
`missed_patterns` (which share of them has no kept one within a radius). The rest promise what held-out samples alone
cannot show: scores, balance, losses after training.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING, PATTERNS
from datasel_core.evidence.appraisals.appraisal import Appraisal, appraisal
from datasel_core.evidence.measures import HeldOut
from datasel_core.evidence.yardstick import DRAWS, drawn
from datasel_core.pools.holdout import HOLDOUT
from datasel_core.runs.question import Question
from datasel_core.vectors import neighbors

_PATTERNS = 4000
"""Held-out patterns that are measured; where there are more, so many are drawn once."""
_PICKS = 20
"""Random picks that say what near means for a pattern."""


@dataclass(frozen=True)
class Kind:
    """role: what it is measured in. of: distances (m,) of the held-out to the nearest kept, and the radius -> the
    number. words: a sentence with `value`, `random` and `radius`.
    """

    role: str
    of: Callable[[np.ndarray, float], float]
    words: str


KINDS = {
    "farthest": Kind(
        EMBEDDING.name,
        lambda gaps, radius: float(gaps.max()),
        "The farthest held-out sample is {value:.3f} from the nearest kept; with random ones {random:.3f}.",
    ),
    "mean": Kind(
        EMBEDDING.name,
        lambda gaps, radius: float(gaps.mean(dtype=np.float64)),
        "Held-out samples are on average {value:.3f} from the nearest kept; with random ones {random:.3f}.",
    ),
    "missed_patterns": Kind(
        PATTERNS.name,
        lambda gaps, radius: float((gaps > radius).mean()),
        "{value:.1%} of the patterns of held-out photos have no kept one within {radius:.3f}; with random ones "
        "{random:.1%}.",
    ),
}


@appraisal("promise", version=1, title="What the method promises")
class Promised(Appraisal):
    """{measure: one of `KINDS`; value: of the selection; random: mean of 20 random choices of as many; radius: of
    patterns, the median distance of a held-out one to the nearest of 20 random picks; metric; measured_on: how many
    held-out samples or patterns}.
    """

    def appraise(self, asked: Question, rows: np.ndarray, progress: Progress) -> Mapping[str, Any] | None:
        name, aside = asked.method.promise, asked.aside
        kind = KINDS.get(name)
        if kind is None or aside is None or HOLDOUT not in aside.sets or kind.role not in asked.roles.features:
            return None
        missing = asked.roles.missing_rows((kind.role,))
        held = HeldOut.among(asked.pool, aside.sets[HOLDOUT], missing)
        free = np.setdiff1d(np.arange(asked.pool.n), np.union1d(missing, asked.unseen))
        kept = np.intersect1d(np.union1d(asked.candidates.already, rows), free)
        points = _vectors(asked, kind.role, held.rows, _PATTERNS)
        if not len(kept) or not len(points):
            return None
        metric = getattr(asked.method, "metric", "cosine")

        def gaps(those: np.ndarray) -> np.ndarray:
            return neighbors.nearest(points, _vectors(asked, kind.role, those), metric, progress)[0]

        orders = [drawn(free, draw) for draw in range(DRAWS)]
        near = [gaps(order[:_PICKS]) for order in orders] if kind.role == PATTERNS.name else []
        radius = float(np.median(near)) if near else 0.0
        of_random = [kind.of(gaps(order[: len(kept)]), radius) for order in orders]
        return {
            "measure": name,
            "value": round(kind.of(gaps(kept), radius), 6),
            "random": round(float(np.mean(of_random)), 6),
            **({"radius": round(radius, 6)} if near else {}),
            "metric": metric,
            "kept": len(kept),
            "measured_on": len(points),
        }


def sentence(promise: Mapping[str, Any]) -> str:
    """What a manifest says of it, for people; empty for a measure that this version does not know."""
    kind = KINDS.get(promise["measure"])
    return "" if kind is None else kind.words.format(**{"radius": 0.0, **promise})


def _vectors(asked: Question, role: str, rows: np.ndarray, most: int | None = None) -> np.ndarray:
    """(m, d) those of these rows, of patterns all; at most so many, the same ones every time."""
    found = asked.roles.array(role, rows)
    values = np.asarray(found.values if role == PATTERNS.name else found)
    if most is None or role != PATTERNS.name or len(values) <= most:
        return values
    return values[np.sort(np.random.default_rng(0).choice(len(values), most, replace=False))]
