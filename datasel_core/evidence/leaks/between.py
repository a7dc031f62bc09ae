"""Whether samples of one pool are in another: what is chosen must not be what it is tested on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING
from datasel_core.errors import BadRequest
from datasel_core.evidence.leaks.limits import Limits
from datasel_core.evidence.leaks.pairs import Collected, Pairs
from datasel_core.evidence.leaks.picture_overlap import picture_overlap, unread_words
from datasel_core.evidence.leaks.text_overlap import text_overlap
from datasel_core.features.roles import Roles
from datasel_core.features.stored import kept_features
from datasel_core.methods.nearest_targets import NearestTargets
from datasel_core.pools.pool import Pool
from datasel_core.runs.candidates import NOTHING_ASIDE
from datasel_core.runs.target import find_target
from datasel_core.vectors.alike import alike

KINDS = {
    "same_text": "the same text",
    "near_text": "nearly the same text",
    "shared_words": "a run of words in common",
    "same_picture": "the same picture",
    "near_picture": "nearly the same picture",
    "near_vector": "nearly the same embedding",
    "same_group": "the same group",
}


@dataclass(frozen=True)
class Overlap:
    """Pairs of one kind. beside: name -> (k,) more of each listed pair."""

    kind: str
    pairs: Pairs
    beside: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """rows, other_rows: of the pools, those that were compared; positions in `overlaps` are among these. only_common:
    how many samples on either side share only runs of words that many have; they are no overlap. same_ids: how many ids
    are on both sides, which by itself is none. notes: what was not compared, and why.
    """

    one: Pool
    rows: np.ndarray
    other: Pool
    other_rows: np.ndarray
    limits: Limits
    overlaps: tuple[Overlap, ...]
    only_common: tuple[int, int]
    same_ids: int
    notes: tuple[str, ...]

    @property
    def touched(self) -> np.ndarray:
        """Ascending rows of the pool that overlap with the other."""
        return np.unique(np.concatenate([self.rows[:0], *(self.rows[o.pairs.touched] for o in self.overlaps)]))

    @property
    def touched_others(self) -> np.ndarray:
        """Ascending rows of the other pool that overlap with the pool."""
        found = (self.other_rows[one.pairs.touched_others] for one in self.overlaps)
        return np.unique(np.concatenate([self.other_rows[:0], *found]))


def comparable(one: Pool, other: Pool, by: str | None) -> list[str]:
    """What the two can be compared by: any of `texts`, `pictures`, `embeddings`, `groups`. Raises BadRequest when there
    is nothing, UnknownName when one has no such column.
    """
    ways = ["texts"] if {"text", "turns"} & one.opens and {"text", "turns"} & other.opens else []
    ways += ["pictures"] if "image" in one.opens and "image" in other.opens else []
    if ways != ["texts"] and not isinstance(_vectors(one, other), str):
        ways.append("embeddings")
    if by is not None:
        one.column(by), other.column(by)
        ways.append("groups")
    if not ways:
        why = "" if one.opens and other.opens else f" {_vectors(one, other)}"
        raise BadRequest(
            f"{one.name} ({one.how.title.lower()}) and {other.name} ({other.how.title.lower()}) have nothing in common "
            f"to compare: neither texts, nor pictures, nor vectors from one encoder.{why}"
        )
    return ways


def between(
    one: Pool,
    rows: np.ndarray,
    other: Pool,
    other_rows: np.ndarray,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Found:
    """Which of these rows of a pool overlap with which of those of another, or of the same, where no row is on both
    sides. A pair may stand under several kinds: by its text, its picture, its embedding, its group.

    Raises BadRequest when there is nothing to compare by; Stopped.
    """
    progress, limits = progress or Progress(), limits or Limits()
    rows, other_rows = np.asarray(rows, np.int64), np.asarray(other_rows, np.int64)
    ways, sides = comparable(one, other, limits.by), (one, rows, other, other_rows)
    overlaps, notes, only_common = [], [], (0, 0)
    if "texts" in ways:
        found, only_common = _texts(*sides, limits, progress)
        overlaps += found
    if "pictures" in ways:
        found, notes, unread = _pictures(*sides, limits, progress)
        overlaps += found
        if unread and ways == ["pictures"]:
            raise BadRequest(f"Nothing could be compared. {' '.join(notes)}")
    if "embeddings" in ways:
        overlaps.append(Overlap("near_vector", _near_vectors(*sides, limits.cosine, progress)))
    elif "pictures" in ways:
        notes.append(f"Embeddings were not compared: {_vectors(one, other)}")
    if "groups" in ways:
        overlaps.append(_same_group(*sides, limits.by))
    same_ids = len(np.intersect1d(one.ids[rows].astype(str), other.ids[other_rows].astype(str)))
    return Found(*sides, limits, tuple(overlaps), only_common, same_ids, tuple(notes))


def _texts(
    one: Pool, rows: np.ndarray, other: Pool, other_rows: np.ndarray, limits: Limits, progress: Progress
) -> tuple[list[Overlap], tuple[int, int]]:
    found = text_overlap(one, rows, other, other_rows, limits, progress)
    runs = found.runs
    beside = {
        "shared": runs.shared,
        "share": runs.shared / found.sizes[runs.rows],
        "share_other": runs.shared / found.other_sizes[runs.others],
    }
    overlaps = [
        Overlap("same_text", found.same),
        Overlap("near_text", found.near),
        Overlap("shared_words", runs, beside),
    ]
    return overlaps, (len(found.only_common), len(found.only_common_others))


def _pictures(
    one: Pool, rows: np.ndarray, other: Pool, other_rows: np.ndarray, limits: Limits, progress: Progress
) -> tuple[list[Overlap], list[str], bool]:
    """Also whether of either pool no picture could be opened."""
    found = picture_overlap(one, rows, other, other_rows, limits.picture, progress)
    unread = zip((one, other), found.unread, strict=True)
    notes = [line for pool, reasons in unread for line in unread_words(pool, reasons)]
    return [Overlap("same_picture", found.same), Overlap("near_picture", found.near)], notes, not all(found.some)


def _vectors(one: Pool, other: Pool) -> tuple[Roles, Roles, np.ndarray] | str:
    """The newest embedding of the pool that the other has from the same encoder, on both sides, and the rows of the
    other that have one; why there is none.
    """
    kept = [feature.key for feature in kept_features(one.workspace, one.fingerprint) if feature.role == EMBEDDING.name]
    why = ""
    for key in reversed(kept or [None]):
        try:
            use = {EMBEDDING.name: key} if key else None
            roles = Roles.of(one.workspace, one, use, needs=(EMBEDDING.name,))
            target = find_target(one.workspace, NearestTargets(), roles, other.name, {}, NOTHING_ASIDE)
        except BadRequest as error:
            why = why or str(error)
        else:
            return roles, target.roles, target.rows
    return why


def _near_vectors(
    one: Pool, rows: np.ndarray, other: Pool, other_rows: np.ndarray, least: float, progress: Progress
) -> Pairs:
    roles, their_roles, there = _vectors(one, other)
    at = np.flatnonzero(~np.isin(rows, roles.missing_rows((EMBEDDING.name,))))
    other_at = np.flatnonzero(np.isin(other_rows, there))
    vectors = roles.array(EMBEDDING.name, rows[at])
    others = their_roles.array(EMBEDDING.name, other_rows[other_at])
    found = Collected(len(rows), len(other_rows))
    for row, partner, cosine in alike(vectors, others, least, progress, "comparing embeddings"):
        found.add(at[row], other_at[partner], cosine)
    return found.pairs()


def _same_group(one: Pool, rows: np.ndarray, other: Pool, other_rows: np.ndarray, by: str) -> Overlap:
    mine, theirs = (
        [_group(value) for value in pool.column(by)[some].tolist()] for pool, some in ((one, rows), (other, other_rows))
    )
    found = Collected(len(rows), len(other_rows))
    found.add_equal(mine, theirs)
    pairs = found.pairs()
    return Overlap("same_group", pairs, {"value": [mine[at] for at in pairs.rows.tolist()]})


def _group(value: Any) -> str | None:
    """A value as text; none where there is none: samples without a group are no group."""
    return None if value is None or value != value or value == "" else str(value)
