"""From neighbours of targets to a plan: how much of each target's mass goes to which candidate.

Optimal transport of TSDS (Liu et al. 2024, https://arxiv.org/abs/2410.11303): from each target outward, a mass of 1 /
(M s rho) to each neighbour until the target's 1 / M is spent, the remainder on the next. One level s for all targets;
the larger, the wider the mass is spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

_USUAL = 0.22  # distances over C where vectors have length 1: 1.1 of 5

_EQUAL = 1e-12  # a total that should meet the threshold exactly may miss it by rounding


@dataclass(frozen=True)
class Neighbours:
    """What plans are made from, for any alpha, c and for the widths that are here.

    n: candidates. rows: (u,) those that any target retrieved, ascending. places: (m, k) int32, positions in `rows` of
    each target's nearest, nearest first. distances: (m, k) float64. widths: (b,) of sigma, above 0. crowding: (u, b)
    float64 rho of each retrieved candidate at each width; NaN where it is not known yet. recall: share of true
    neighbours found, 1 for an exact search.
    """

    n: int
    rows: np.ndarray
    places: np.ndarray
    distances: np.ndarray
    widths: np.ndarray
    crowding: np.ndarray
    kde_k: int
    recall: float = 1.0

    @property
    def max_k(self) -> int:
        return self.places.shape[1]

    def rho(self, sigma: float) -> np.ndarray:
        """(u,) float64: how crowded it is around each retrieved candidate; 1 everywhere at sigma 0."""
        if sigma == 0:
            return np.ones(len(self.rows))
        at = np.flatnonzero(np.isclose(self.widths, sigma, rtol=1e-9, atol=0))
        if not len(at):
            raise ValueError(f"There is no crowding for the width {sigma}; there is for {self.widths.tolist()}.")
        return self.crowding[:, at[0]]


@dataclass(frozen=True)
class TransportPlan:
    """level: s; at sigma 0 it is K, the same number of neighbours for all. last: (m,) the last neighbour that was
    passed before the stop, -1 for none.

    mass: (m, w) float64, what each target gives to each of its w nearest; every row sums to 1 / m. probability: (n,)
    float64, sums to 1.
    ran_out: (m,) bool, targets that used up all their neighbours. unknown: (m,) bool, those that ran into candidates
    whose crowding is not known yet.
    """

    neighbours: Neighbours
    level: float
    last: np.ndarray
    mass: np.ndarray
    probability: np.ndarray
    ran_out: np.ndarray
    unknown: np.ndarray

    @property
    def support(self) -> int:
        """Candidates with any mass."""
        return int(np.count_nonzero(self.probability))

    @property
    def effective(self) -> float:
        """1 / sum p^2: how many equally likely candidates would be as spread out."""
        return float(1 / np.square(self.probability).sum())

    @property
    def cost(self) -> float:
        """Sum of mass times distance."""
        return float((self.mass * self.neighbours.distances[:, : self.mass.shape[1]]).sum())


def make_plan(neighbours: Neighbours, alpha: float, c: float, sigma: float) -> TransportPlan:
    """The optimal plan. A few hundredths of a second for a million breakpoints, so sliders may call it."""
    m, k = neighbours.places.shape
    share = 1 / neighbours.rho(sigma)[neighbours.places]
    spent = np.cumsum(share, axis=1)
    known = np.isfinite(spent).sum(axis=1)
    if k == 1:
        level, last = 1.0, np.full(m, -1)
    else:
        worth = neighbours.distances[:, 1:] * spent[:, :-1] - np.cumsum(neighbours.distances * share, axis=1)[:, :-1]
        level, last = _level(spent[:, :-1], worth, alpha, c)
    mass = share[:, : int(last.max()) + 2] * (1 / m / level)
    mass[np.arange(mass.shape[1]) > last[:, None]] = 0
    # Added up one by one, as published: what rounding leaves over, some 1e-16, goes to the next neighbour too, and
    # counts in the support.
    mass[np.arange(m), last + 1] = np.maximum(1 / m - np.cumsum(mass, axis=1)[:, -1], 0)
    weights = np.bincount(neighbours.places[:, : mass.shape[1]].ravel(), mass.ravel(), len(neighbours.rows))
    probability = np.zeros(neighbours.n)
    probability[neighbours.rows] = weights / weights.sum()
    used_up = (last + 1 >= np.minimum(known, k - 1)) & (k > 1)
    return TransportPlan(
        neighbours, level, last, mass, probability, used_up & (known >= k - 1), used_up & (known < k - 1)
    )


def _level(spent: np.ndarray, worth: np.ndarray, alpha: float, c: float) -> tuple[float, np.ndarray]:
    """s: the lowest breakpoint at which (alpha / c) sum_i cost_i >= (1 - alpha) m, or the highest of all. last: (m,)
    how far each target is by then.

    spent: (m, k - 1) rising breakpoints of each target. worth: what it costs to go on from each, rising too. So the
    total rises with s, and s is found by halving, over the bits of a double, which are ordered as the numbers are.
    """
    enough, each = (1 - alpha) * len(spent) * (1 - _EQUAL), np.arange(len(spent))

    def reached(passed: np.ndarray) -> np.ndarray:
        return alpha / c * np.where(passed > 0, worth[each, passed - 1], 0)

    low, high = (int(one.view(np.int64)) for one in (spent[:, 0].min(), np.nanmax(spent)))
    while low < high:
        middle = (low + high) // 2
        if reached(_passed(spent, np.int64(middle).view(np.float64), right=True)).sum() >= enough:
            high = middle
        else:
            low = middle + 1
    level = np.int64(high).view(np.float64)
    below, passed = (_passed(spent, level, right) for right in (False, True))
    tied = np.flatnonzero(passed > below)
    tied = tied[
        np.argsort(passed[tied], kind="stable")
    ]  # breakpoints of one height come by neighbour, then by target, until it is enough
    so_far = reached(below).sum() + np.cumsum(reached(passed)[tied] - reached(below)[tied])
    stop = int(np.argmax(so_far >= enough)) if (so_far >= enough).any() else len(tied)
    below[tied[:stop]] = passed[tied[:stop]]
    return float(level), below - 1


def _passed(spent: np.ndarray, s: float, right: bool) -> np.ndarray:
    """(m,) how many breakpoints of each row are below s (right: or at s); NaN, at the end, is above everything."""
    low, high = np.zeros(len(spent), np.int64), np.full(len(spent), spent.shape[1])
    each = np.arange(len(spent))
    while (open_rows := low < high).any():
        middle = (low + high) // 2
        at = spent[each, np.minimum(middle, spent.shape[1] - 1)]
        below = (at <= s if right else at < s) & open_rows
        low, high = np.where(below, middle + 1, low), np.where(below | ~open_rows, high, middle)
    return low


def served_by(plan: TransportPlan, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """rows, mass, distances: the candidates that stand for one target, nearest first. The mass of all of them is 1 / m,
    but for what rounding left over.
    """
    there = np.flatnonzero(plan.mass[target] > _EQUAL * plan.mass[target].max())
    return (
        plan.neighbours.rows[plan.neighbours.places[target, there]],
        plan.mass[target, there],
        plan.neighbours.distances[target, there],
    )


def serves(plan: TransportPlan, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """targets, mass, distances: whom one candidate stands for, most mass first. Their mass together is its
    probability.
    """
    neighbours, width = plan.neighbours, plan.mass.shape[1]
    at = np.searchsorted(neighbours.rows, row)
    if at == len(neighbours.rows) or neighbours.rows[at] != row:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    target, place = np.nonzero((neighbours.places[:, :width] == at) & (plan.mass > _EQUAL / len(plan.mass)))
    order = np.argsort(-plan.mass[target, place], kind="stable")
    target, place = target[order], place[order]
    return target, plan.mass[target, place], neighbours.distances[target, place]


def weights(plan: TransportPlan, already: Sequence[int] | np.ndarray) -> np.ndarray:
    """(n,) in proportion to the chance of each; rounded, so that the last digits of a sum, which may differ between
    machines, never decide between equals.
    """
    probability = plan.probability.copy()
    probability[np.asarray(already, np.int64)] = 0
    return np.round(probability / max(probability.max(), np.finfo(float).tiny), 12)


def reasons(plan: TransportPlan, rows: np.ndarray) -> dict[str, np.ndarray]:
    """For each row with a chance: its probability, the target it serves most, and how far that is."""
    found, width = plan.neighbours, plan.mass.shape[1]
    best, target, distance = (
        np.zeros(len(found.rows)),
        np.zeros(len(found.rows), np.int64),
        np.full(len(found.rows), np.nan),
    )
    for one, (places, mass) in enumerate(zip(found.places[:, :width], plan.mass, strict=True)):
        better = mass > best[places] * (1 + 1e-9)
        best[places[better]], target[places[better]], distance[places[better]] = (
            mass[better],
            one,
            found.distances[one, :width][better],
        )
    at = np.searchsorted(found.rows, rows)
    return {"probability": plan.probability[rows], "target": target[at], "distance": distance[at]}


def with_crowding(neighbours: Neighbours, at: np.ndarray, found: np.ndarray) -> Neighbours:
    """The same, with the crowding of some more places."""
    crowding = neighbours.crowding.copy()
    crowding[at] = found
    return replace(neighbours, crowding=crowding)


def guessed(neighbours: Neighbours, sigma: float) -> Neighbours:
    """The same, with a guess where crowding is not known: as it is, on the whole, around what is known of the targets
    that list the candidate.
    """
    rho, places = neighbours.rho(sigma), neighbours.places
    unknown = np.isnan(rho)
    shares = np.where(unknown, 0, 1 / np.where(unknown, 1, rho))[places].sum(axis=1) / np.maximum(
        1, (~unknown)[places].sum(axis=1)
    )
    totals, listed = (
        np.bincount(places.ravel(), weights, len(rho))[unknown]
        for weights in (np.repeat(shares, places.shape[1]), None)
    )
    return with_crowding(
        neighbours,
        np.flatnonzero(unknown),
        np.repeat(listed / totals, len(neighbours.widths)).reshape(-1, len(neighbours.widths)),
    )


def out_of_scale(distances: np.ndarray, alpha: float, c: float, more: bool = False) -> str | None:
    """What to say where C and the distances (m, k) to the nearest candidates are far apart: the published C suits
    vectors of length about 1.

    more: only where the proposed C reaches more candidates. At alpha 0 or 1 C decides nothing.
    """
    usual = float(np.median(distances))
    if usual == 0 or alpha in (0, 1) or 1 / 10 <= _USUAL * c / usual <= 10 or (more and usual < c * _USUAL):
        return None
    end = "nearly all mass goes to the nearest candidate" if usual > c * _USUAL else "mass is spread nearly evenly"
    return (
        f"The distances are about {usual:.2g}, which C = {c:g} does not suit: {end}. A C of about "
        f"{usual / _USUAL:.2g} would be in proportion."
    )
