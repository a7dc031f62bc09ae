"""What takes the places of those that people left out: for a swap the nearest sample, else the next best of the method.

The next best: of a mixed recipe, that of the share which had brought what stood there (`mixtures/places`); of a method
whose smaller answers are the beginning of larger ones, scorers among them, the next picks of the same question; of any
other, what it chooses where all that is kept counts as chosen already and nothing that was left out is among the
candidates.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.analysis import explain
from datasel_core.base.progress import Progress
from datasel_core.features.roles import Roles
from datasel_core.methods.method import Scorer
from datasel_core.methods.selection import Selection
from datasel_core.pools.pool import Pool
from datasel_core.review.lineage import Origin
from datasel_core.runs.candidates import Earlier
from datasel_core.runs.engine import choose, longer_answer
from datasel_core.runs.measures import covered
from datasel_core.runs.mixtures.asking import Asked
from datasel_core.runs.mixtures.places import alike, fill_places
from datasel_core.runs.question import Question
from datasel_core.runs.scores import kept_scores

NEXT, NEAREST, NONE = "next best", "nearest", ""
"""By what a place was filled again."""


@dataclass(frozen=True)
class Fill:
    """One place of the reviewed selection that was left. place: from 1. row: what stands there now, -1 where nothing
    does. by: NEXT, NEAREST or NONE. why: what the method says of the pick. method: the title of the one whose next best
    it is.
    """

    place: int
    row: int
    by: str
    count: int = 1
    score: float = float("nan")
    why: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    method: str = ""


def refill(origin: Origin, before: Selection, out: Mapping[int, str], progress: Progress) -> list[Fill]:
    """before: the reviewed selection. out: place, from 0 -> drop or swap. In the order of the places; swaps are filled
    before. Raises BadRequest.
    """
    rows, counts = before.rows, before.counts
    kept = np.delete(rows, list(out))
    never = np.union1d(rows, origin.gone)  # what is kept already, and what somebody left out, now or before
    fills = _nearest(origin, never, [place for place, what in sorted(out.items()) if what == "swap"], rows, counts)
    taken = np.array([one.row for one in fills.values()], np.int64)
    left = [place for place in sorted(out) if place not in fills]
    if left and origin.asked is not None:
        wanted = int(counts[left].sum())
        found = _next(origin.asked, np.union1d(kept, taken), np.union1d(never, taken), wanted, progress)
        title = origin.asked.method.title
        fills |= {place: _fill(place, found, at, title) for at, place in enumerate(left) if at < len(found)}
    if left and origin.mixed is not None:
        fills |= _mixed(origin.mixed, before, np.union1d(kept, taken), never, left, progress)
    return [fills.get(place) or Fill(place + 1, -1, NONE, 0) for place in sorted(out)]


def _mixed(
    mixed: Asked, before: Selection, kept: np.ndarray, never: np.ndarray, left: Sequence[int], progress: Progress
) -> dict[int, Fill]:
    """Each place by the share that had brought what stood there; the others where that share has no more."""
    shares = [int(share) - 1 for share in before.why["share"][list(left)]]
    rest, fills = fill_places(mixed, kept, never, shares, progress), {}
    for own in (True, False):
        for place, share in zip(left, shares, strict=True):
            at = next((at for at, one in enumerate(rest) if one.share == share or not own), None)
            if place not in fills and at is not None:
                one = rest.pop(at)
                title = mixed.questions[one.share].method.title
                fills[place] = Fill(place + 1, one.row, NEXT, why=one.why, method=title)
    return fills


def _fill(place: int, found: Selection, at: int, title: str) -> Fill:
    row = int(found.rows[at])
    score = float("nan") if found.scores is None else float(found.scores[row])
    why = {name: values[at] for name, values in found.why.items()}
    return Fill(place + 1, row, NEXT, int(found.counts[at]), score, why, title)


def _nearest(
    origin: Origin, never: np.ndarray, places: Sequence[int], rows: np.ndarray, counts: np.ndarray
) -> dict[int, Fill]:
    """The nearest to each, of those that may be chosen and are not taken; of places without one, nothing. Of a mixed
    recipe one of the same group, so that every quota is met as it was.
    """
    among = space_of(origin.pool, origin.roles, origin.asked) if places else None
    free, fills = np.setdiff1d(origin.free, never), {}
    for place in places if among is not None else ():
        mine = free if origin.mixed is None else alike(origin.mixed, int(rows[place]), free)
        gaps = among.distances(int(rows[place]))[mine]
        if len(gaps) and np.isfinite(gaps.min()):
            row = int(mine[gaps.argmin()])
            fills[place] = Fill(place + 1, row, NEAREST, int(counts[place]))
            free = np.setdiff1d(free, row)
    return fills


def space_of(pool: Pool, roles: Roles, asked: Question | None) -> explain.Space | None:
    """In what distances are taken: what the method looks at, else what the pool has; None where it has nothing."""
    there = covered(roles)
    mine = [] if asked is None else [role for role in asked.method.roles() if role in there]
    values = None if not there else (asked.roles if mine else roles).array((mine or there)[0])
    return None if values is None else explain.space(values)


def _next(asked: Question, kept: np.ndarray, never: np.ndarray, wanted: int, progress: Progress) -> Selection:
    """The next best of a question, beside what is kept; fewer where no more can be chosen. never: what may not be
    chosen again, rows that rise.
    """
    if not asked.method.prefix:
        return _anew(asked, kept, never, wanted, progress)
    most = len(asked.candidates.free)
    scores = None
    if isinstance(asked.method, Scorer):
        scores = kept_scores(asked, progress).values
        most = int(np.isfinite(scores[asked.candidates.free]).sum())
    more = asked.at(min(most, len(never) + wanted))  # of so many at least `wanted` are none of these
    known = None if scores is not None else longer_answer(more)
    found = choose(more, progress, scores) if known is None else known.selection.head(more.budget)
    at = np.flatnonzero(~np.isin(found.rows, never))[:wanted]
    return _some(found, at)


def _anew(asked: Question, kept: np.ndarray, never: np.ndarray, wanted: int, progress: Progress) -> Selection:
    free = np.setdiff1d(asked.candidates.free, never)
    wanted = min(wanted, len(free))
    if not wanted:
        return Selection(free[:0])
    already = np.union1d(kept, asked.earlier)
    asked = dataclasses.replace(
        asked,
        spec=asked.spec.model_copy(update={"budget": str(wanted)}),
        within=_listed(asked.pool, free),
        already=_listed(asked.pool, already),
        method=_without_first(asked, np.union1d(free, kept)),
    )
    return choose(asked, progress)


def _without_first(asked: Question, rows: np.ndarray) -> Any:
    """A method that is to begin at a sample that was left out begins by itself."""
    first = getattr(asked.method, "first", None)
    return asked.method if first is None or first in rows else asked.tuned(first=None).method


def _listed(pool: Pool, rows: np.ndarray) -> Earlier:
    return Earlier([str(id) for id in pool.ids[rows]], {"ids_sha256": "", "n": len(rows)}, "")


def _some(found: Selection, at: np.ndarray) -> Selection:
    why = {name: values[at] for name, values in found.why.items()}
    return Selection(found.rows[at], found.counts[at], found.scores, why)
