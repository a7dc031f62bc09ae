"""Which method to begin with, and why: what was measured on this pool where there is evidence, else a rule for pools
that look like it.

The rule, and what stands behind it (`python -m tests.benchmarks recommendation_rule` and `evidence_speed`):

- Photos of one thing each, little redundancy: facility_location. 929 photos of clothes, none with a near-duplicate: 50
  kept are worth 65 random ones by a linear probe (40 to 110), 150 by mean distance (127 to 181); k-center 47 and 17. At
  8 seeds and 186 held out no method was told from random by the probe, as `evidence` then says.
- Many near-duplicates, as frames of videos: freesel by the farthest; without patterns k_center. Of 110 things among 830
  made frames (90 % with a near-duplicate) they met 79.5 and 80 at 80 kept; facility_location 71.6, freesel by chance
  66.9, random 34.2.
- Several objects a photo: freesel, by its paper (arXiv 2309.17342); not measured here.
- Pairs with vectors of both sides: neg_clip_loss, by its paper (arXiv 2405.19547); loss trajectories: s2l, by its paper
  (arXiv 2403.07384).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datasel_core.analysis.structure import Structure, structure
from datasel_core.base.progress import Progress
from datasel_core.base.registry import every
from datasel_core.base.role import EMBEDDING, IMAGE, PATTERNS, TEXT
from datasel_core.evidence.differences import BETTER, PILOT
from datasel_core.features.encoders.loss_trajectory import LOSS_TRAJECTORY
from datasel_core.features.roles import Roles, how_to_get
from datasel_core.pools import holdout
from datasel_core.pools.labels import LABELS

REDUNDANT = 0.3
"""Share of samples with a near-duplicate from which a pool is one of many like samples."""
SEVERAL = 3.0
"""Labelled objects a photo from which photos show several things."""
EVIDENCE, RULE = "evidence", "rule"


@dataclass(frozen=True)
class Facts:
    """What can be measured of a pool at once. structure: None without an embedding. objects: labelled ones a sample,
    None without such labels.
    """

    n: int
    roles: Sequence[str]
    structure: Structure | None
    objects: float | None


@dataclass(frozen=True)
class Recommendation:
    """basis: EVIDENCE of this pool, or the RULE. reason: sentences for people. params: of the method, where they are
    not its defaults. first: what to do before, where the pool lacks something. use, target: what it was measured with,
    as a question says it.
    """

    method: str
    reason: str
    basis: str
    params: Mapping[str, Any] = field(default_factory=dict)
    first: str = ""
    use: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None


def facts(roles: Roles, progress: Progress | None = None) -> Facts:
    """Of the samples of a pool that may be chosen. Raises Stopped."""
    pool, aside = roles.pool, holdout.of(roles.pool)
    unseen = np.empty(0, np.int64) if aside is None else aside.rows(pool)
    rows = np.setdiff1d(np.arange(pool.n), unseen)
    found, objects = None, None
    if EMBEDDING.name in roles.features:
        there = np.setdiff1d(rows, roles.missing_rows((EMBEDDING.name,)))
        found = structure(roles.array(EMBEDDING.name, there), progress) if len(there) else None
    if pool.has_labels:
        objects = float(np.mean([0 if one is None else len(one) for one in pool.column(LABELS)[rows]]))
    return Facts(len(rows), tuple(roles.features), found, objects)


def recommend(
    roles: Roles, known: Facts, table: Mapping[str, Any] | None = None, budget: int | None = None
) -> Recommendation:
    """table: the last evidence of the pool, as `tables.paper.document` says it. budget: how many are to be kept."""
    return (proven(table, budget) if table else None) or by_rule(roles, known)


def proven(table: Mapping[str, Any], budget: int | None = None) -> Recommendation | None:
    """The best of what was shown to be better than random at the budget nearest to this one; random where nothing was;
    None where the table is only a pilot, or an older one, which does not say what its methods were asked with.
    """
    nearest, cells = _nearest(table, budget)
    if not cells or any(one["verdict"] == PILOT for one in cells):
        return None
    measure = next(one for one in table["measures"] if one["name"] == table["measure"])
    up = 1 if measure["better"] == "higher" else -1
    better = [one for one in cells if one["verdict"] == BETTER]
    where = f"On the held-out samples of this pool, at {nearest:,} kept, {table['seeds']} seeds"
    if not better:
        tried = ", ".join(_titled(one["method"]) for one in cells)
        return Recommendation("random", f"{where}: none of {tried} was shown to be better than random.", EVIDENCE)
    best = max(better, key=lambda one: up * one["difference"])
    name, with_ = best["method"].partition(":")[0], table["methods"][best["method"]]
    reason = f"{where}: {table['measure']} {_against_random(best)}."
    return Recommendation(name, reason, EVIDENCE, with_["params"], use=with_["use"], target=with_["target"])


def verdicts(table: Mapping[str, Any], budget: int | None = None) -> dict[str, tuple[str, str]]:
    """Method -> (verdict, what was measured) at the budget nearest to this one: with its default parameters where that
    was compared, else the first of its settings. Empty where the table is an older one.
    """
    nearest, cells = _nearest(table, budget)
    found: dict[str, tuple[str, str]] = {}
    for one in sorted(cells, key=lambda one: ":" in one["method"]):
        words = f"{_titled(one['method'])}, {nearest:,} kept, {table['seeds']} seeds: {table['measure']} "
        found.setdefault(one["method"].partition(":")[0], (one["verdict"], f"{words}{_against_random(one)}."))
    return found


def _nearest(table: Mapping[str, Any], budget: int | None) -> tuple[int, list[Mapping[str, Any]]]:
    """The budget of the table that is nearest to this one, and its cells by the main measure, but for the control."""
    if "methods" not in table:
        return 0, []
    nearest = min(table["budgets"], key=lambda one: abs(np.log(one / (budget or one))))
    return nearest, [one for one in table["cells"] if one["budget"] == nearest and not one["control"]]


def _against_random(cell: Mapping[str, Any]) -> str:
    return f"{cell['difference']:+.3f} ({cell['low']:+.3f} to {cell['high']:+.3f}) against random"


def _titled(entry: str) -> str:
    """`FreeSel, sampler=farthest` of `freesel:sampler=farthest`."""
    name, *params = entry.split(":")
    known = every("method").get(name)
    return ", ".join([known.title if known else name, *params])


def by_rule(roles: Roles, known: Facts) -> Recommendation:
    """The rule above."""
    there, one = set(known.roles), known.structure
    if {IMAGE.name, TEXT.name} <= there:
        return Recommendation(
            "neg_clip_loss", "Pairs of pictures and captions: keep those whose caption fits its own picture best.", RULE
        )
    if LOSS_TRAJECTORY.name in there:
        return Recommendation(
            "s2l", "Texts with loss trajectories: keep some of everything that is learned alike.", RULE
        )
    if known.objects is not None and known.objects >= SEVERAL and PATTERNS.name in there:
        said = f"{known.objects:.1f} labelled objects a sample: cover the kinds of things that appear in them."
        return Recommendation("freesel", said, RULE)
    if one is None:
        return _without_vectors(roles, there)
    share = f"{one.twins:.0%} of the samples have a near-duplicate"
    if one.twins >= REDUNDANT:
        said = (
            f"{share}; {one.n:,} are worth about {one.kinds:,.0f} different ones: spread out, whatever the crowds are."
        )
        if PATTERNS.name in there:
            return Recommendation("freesel", said, RULE, {"sampler": "farthest"})
        return Recommendation("k_center", said, RULE)
    return Recommendation("facility_location", f"{share}, little is redundant: stand for as many as possible.", RULE)


def _without_vectors(roles: Roles, there: set[str]) -> Recommendation:
    how = how_to_get(roles.pool, EMBEDDING.name)
    if PATTERNS.name in there:
        said = "How redundant the pool is takes an embedding; until there is one, cover the kinds of things in it."
        return Recommendation("freesel", said, RULE, first=how)
    return Recommendation("random", "Nothing tells the samples apart yet; random is honest.", RULE, first=how)
