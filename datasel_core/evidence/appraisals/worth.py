"""Worth in random samples: the one number that people compare selections by."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from datasel_core.analysis.curve import Curve, curve
from datasel_core.base.progress import Progress
from datasel_core.evidence.appraisals.appraisal import Appraisal, appraisal
from datasel_core.evidence.measures import Distance
from datasel_core.evidence.worth import Worth, said, worth_of_means
from datasel_core.evidence.yardstick import Yardstick, yardsticks
from datasel_core.runs.measures import HELD_OUT
from datasel_core.runs.question import Question
from datasel_core.runs.run import Run


@appraisal("worth", version=2, title="Worth in random samples")
class WorthInRandom(Appraisal):
    """How many samples drawn at random would do as well on the held-out samples: by a probe where the pool has groups,
    else by the distance of held-out samples to the nearest kept.

    {n, low, high: random samples and their interval, null where more than `most`, 0 where fewer than `least`; kept: how
    many were measured, earlier ones too; measure; features: their fingerprints; least, most: sizes that were drawn;
    held_out: how many it was measured on, held_out_of: of how many}.
    """

    def appraise(self, asked: Question, rows: np.ndarray, progress: Progress) -> Mapping[str, Any] | None:
        """A yardstick of distance is made where it is missing; one of a probe takes up to a minute, and is not."""
        main = main_yardstick(asked)
        if main is None:
            return None
        random = main.make(progress) if isinstance(main.measure, Distance) else main.read()
        return None if random is None else measured(main, random, kept_rows(asked, rows), progress)

    def curves(self, asked: Question, rows: np.ndarray, progress: Progress) -> Mapping[str, Curve]:
        """Mean distance of the held-out to the nearest kept, pick by pick; with it comes what random does."""
        if (by := distance_yardstick(asked)) is None:
            return {}
        by.make(progress)
        values, held = by.measure.roles.array(by.measure.role), by.measure.held.rows
        readable = np.setdiff1d(np.arange(asked.pool.n), by.measure.roles.missing_rows((by.measure.role,)))
        if not np.isin(rows, readable).any():
            return {}
        already = np.setdiff1d(asked.candidates.already, asked.unseen)
        return {HELD_OUT: curve(values, readable, rows, already, progress, held)}


def main_yardstick(asked: Question) -> Yardstick | None:
    """By the one measure of the pool."""
    return next(iter(yardsticks(asked.workspace, asked.pool, asked.aside)), None)


def distance_yardstick(asked: Question) -> Yardstick | None:
    """By distance: what the curve is drawn in."""
    found = yardsticks(asked.workspace, asked.pool, asked.aside)
    return next((one for one in found if isinstance(one.measure, Distance)), None)


def now(asked: Question, rows: np.ndarray) -> Mapping[str, Any] | None:
    """As the manifest says it, of any rows; None where the yardstick is not there yet. For a selection that was made
    before it, and for the first picks of a longer one.
    """
    main = main_yardstick(asked)
    random = None if main is None else main.read()
    return None if random is None else measured(main, random, kept_rows(asked, rows), Progress())


def of_run(asked: Question, run: Run) -> Mapping[str, Any] | None:
    """What its manifest says, else what can be said now."""
    if said := run.manifest["result"].get(WorthInRandom.id):
        return said
    return None if asked.aside is None else now(asked, run.table["row"].to_numpy())


def told(asked: Question, run: Run) -> tuple[list[str], list[str]]:
    """Lines: what a person is told of it. Notes: how to get the number, where it can be had and is not there."""
    if (found := of_run(asked, run)) is not None:
        return [sentence(found)], []
    if asked.aside is None or main_yardstick(asked) is None:
        return [], []
    return [], [f"how many random samples this is worth: python -m datasel_core yardstick {asked.pool.name}, once"]


def kept_rows(asked: Question, rows: np.ndarray) -> np.ndarray:
    """All that is kept, new or earlier; a held-out sample that was chosen before it was held out cannot count."""
    return np.setdiff1d(np.union1d(asked.candidates.already, rows), asked.unseen)


def measured(by: Yardstick, random: np.ndarray, kept: np.ndarray, progress: Progress) -> Mapping[str, Any] | None:
    """random: of this yardstick. kept: rows; None where none of them can be measured."""
    measure = by.measure
    kept = np.setdiff1d(kept, measure.roles.missing_rows(tuple(measure.what()["features"])))
    if not len(kept):
        return None
    chosen = measure.each(kept, progress)[None]
    found = worth_of_means(by.sizes, random, chosen, measure.higher_is_better, measure.held.parts)
    return {
        **{name: _finite(getattr(found, name)) for name in ("n", "low", "high")},
        "kept": len(kept),
        "measure": measure.id,
        "features": dict(measure.what()["features"]),
        "least": found.least,
        "most": found.most,
        "held_out": len(measure.held.rows),
        "held_out_of": measure.held.of,
    }


def _finite(n: float) -> float | None:
    """JSON has no infinity."""
    return round(n, 1) if np.isfinite(n) else None


def in_random(worth: Mapping[str, Any]) -> str:
    """`83 random ones (76 to 92)`, of what a manifest says."""
    n, low, high = (float("inf") if worth[name] is None else worth[name] for name in ("n", "low", "high"))
    return said(Worth(n, low, high, worth["least"], worth["most"]))


def sentence(worth: Mapping[str, Any], ones: str = "samples") -> str:
    """What a selection is worth, naming the measure. ones: what the samples are called, such as `photos`."""
    return ": ".join(parts(worth, ones)) + "."


def parts(worth: Mapping[str, Any], ones: str = "samples") -> tuple[str, str]:
    """The sentence up to its colon, and what was measured."""
    kept, random, of = f"{worth['kept']:,}", in_random(worth), worth["held_out_of"]
    held = f"{worth['held_out']:,}" + (f" of {of:,}" if of > worth["held_out"] else "")
    less = worth["n"] is not None and worth["n"] < worth["kept"]
    if worth["measure"] == Distance.id:
        how = f"mean distance of the {held} held-out {ones} to the nearest kept"
        first = f"{kept} kept do as well as" if less else f"These {kept} cover the held-out {ones} like"
        return f"{first} {random}", how
    how = f"share of the {held} held-out {ones} that a linear classifier names rightly, trained on them alone"
    first = f"{kept} kept do as well as" if less else f"These {kept} teach as much as"
    return f"{first} {random}", how
