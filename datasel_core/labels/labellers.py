"""Labellers: how many samples, how long, how often with the others and with what is known; and who stands out.

Nobody is called slow or off by a few samples: a test says it (see `LEAST`), at 5 % for all labellers together (Holm).
"""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.labels.consensus import Item, Labels
from datasel_core.pools import holdout
from datasel_core.pools.holdout import GOLD
from datasel_core.pools.pool import Pool

LEAST = 20
"""Samples of a labeller, and of the others together, below which nothing is said of one's speed or errors."""
LEVEL = 0.05


@dataclass(frozen=True)
class Labeller:
    """seconds: median of one sample; spread: its quartiles. with_others: share of pairs with others, on the same
    samples, that agree. gold: samples of which the right answer is known; errors: those answered otherwise.

    is_slow: one-sided rank test of seconds against all others. is_off: one-sided exact test of errors (known answers;
    without enough of them, the majority of the others) against all others.
    """

    person: str
    items: int
    seconds: float | None
    spread: tuple[float, float] | None
    with_others: float | None
    gold: int
    errors: int
    is_slow: bool = False
    is_off: bool = False


def labellers(labels: Labels, known: Mapping[int, str], everywhere: Sequence[Item]) -> list[Labeller]:
    """By the number of their samples. known: row -> what is right, among all items of the pool: a gold set lies outside
    of what was chosen.
    """
    people = labels.people
    seconds = {person: _seconds(labels.items, person) for person in people}
    gold = {person: _against(everywhere, person, known) for person in people}
    others = {person: _against(labels.items, person, None) for person in people}
    slow = _holm({person: _slower(seconds, person) for person in people})
    enough = sum(n >= LEAST for n, _ in gold.values()) > 1
    off = _holm({person: _more_errors(gold if enough else others, person) for person in people})
    found = []
    for person in people:
        own = seconds[person]
        found.append(
            Labeller(
                person,
                sum(one.person == person for item in labels.items for one in item.own),
                statistics.median(own) if own else None,
                tuple(np.percentile(own, [25, 75]).tolist()) if len(own) > 1 else None,
                _with_others(labels.items, person),
                *gold[person],
                person in slow,
                person in off,
            )
        )
    return sorted(found, key=lambda one: (-one.items, one.person))


def _seconds(items: Sequence[Item], person: str) -> list[float]:
    return [one.seconds for item in items for one in item.own if one.person == person and one.seconds is not None]


def _with_others(items: Sequence[Item], person: str) -> float | None:
    alike = [
        one.value == other.value
        for item in items
        for one in item.own
        for other in item.own
        if one.person == person != other.person
    ]
    return statistics.fmean(alike) if alike else None


def _against(items: Sequence[Item], person: str, known: Mapping[int, str] | None) -> tuple[int, int]:
    """(samples, errors) against what is known; with None, against the majority of the others, of whom there must be
    two.
    """
    n = errors = 0
    for item in items:
        mine = next((one.value for one in item.own if one.person == person), None)
        right = known.get(item.row) if known is not None else _majority(item, person)
        if mine is not None and right is not None:
            n, errors = n + 1, errors + (mine != right)
    return n, errors


def _majority(item: Item, person: str) -> str | None:
    ranked = Counter(one.value for one in item.own if one.person != person).most_common(2)
    if not ranked or ranked[0][1] < 2 or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


def _slower(seconds: Mapping[str, list[float]], person: str) -> float | None:
    """p that one is no slower than the others; None where there is too little to say."""
    from scipy.stats import mannwhitneyu

    own, rest = seconds[person], [one for other, own in seconds.items() if other != person for one in own]
    if min(len(own), len(rest)) < LEAST:
        return None
    return float(mannwhitneyu(own, rest, alternative="greater", method="asymptotic").pvalue)


def _more_errors(counts: Mapping[str, tuple[int, int]], person: str) -> float | None:
    """p that one errs no more often than the others."""
    from scipy.stats import fisher_exact

    n, errors = counts[person]
    rest, wrong = (sum(one[at] for other, one in counts.items() if other != person) for at in (0, 1))
    if min(n, rest) < LEAST:
        return None
    return float(fisher_exact([[errors, n - errors], [wrong, rest - wrong]], alternative="greater").pvalue)


def _holm(found: Mapping[str, float | None]) -> set[str]:
    """Who is below the level when all are looked at together (Holm 1979)."""
    ranked = sorted((p, person) for person, p in found.items() if p is not None)
    below = []
    for at, (p, person) in enumerate(ranked):
        if p * (len(ranked) - at) > LEVEL:
            break
        below.append(person)
    return set(below)


@dataclass(frozen=True)
class Known:
    """answers: row -> what is right, as `Judgement.value` says it. source: where it is known from, in words."""

    answers: Mapping[int, str]
    source: str


def known_of(labels: Labels, column: str | None = None) -> Known:
    """What was brought as right counts everywhere; for the gold set also a column of the pool that is named, else the
    labels that the pool came with. Raises UnknownName, or BadInput where the gold set is damaged.
    """
    pool, found, sources = labels.pool, dict(labels.right), ["answers that were brought"] if labels.right else []
    if column is not None:
        pool.column(column)
    rows = _gold_rows(pool)
    for row in rows.tolist():
        said = _said(pool, row, column)
        if said is not None:
            found.setdefault(row, said)
    if len(found) > len(labels.right):
        sources.append(f"the column {column} of the gold set" if column else "the pool's own labels of the gold set")
    return Known(found, " and ".join(sources))


def _gold_rows(pool: Pool) -> np.ndarray:
    gold = holdout.read(pool, GOLD)
    return np.empty(0, np.int64) if gold is None else gold.rows(pool)


def _said(pool: Pool, row: int, column: str | None) -> str | None:
    if column is not None:
        value = pool.value(column, row)
        return None if value is None else str(value)
    return ", ".join(sorted({label.name for label in pool.labels(row)})) if pool.has_labels else None
