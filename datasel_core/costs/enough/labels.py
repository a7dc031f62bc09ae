"""Labels of a part of a pool: a column of it, in which a gap is a sample that nobody labelled."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import LABEL
from datasel_core.errors import BadRequest, MissingFeature
from datasel_core.evidence import holdout
from datasel_core.evidence.measures import MOST, HeldOut
from datasel_core.evidence.parts import parts
from datasel_core.features.roles import Roles
from datasel_core.pools.holdout import HOLDOUT, Aside
from datasel_core.pools.pool import Pool

FEWEST, PER_CLASS = 30, 5
"""Labelled samples that a learning curve needs, in all and for each class on average."""
_HELD = 1 / 3
_STREAM = 0x1ABE1


@dataclass(frozen=True)
class Labels:
    """column: its name. of: (n,) text, empty where nobody labelled. free: rows that can be labelled. train: rows with a
    label that are learned from. held: those that it is tested on. is_aside: whether these are the pool's held-out set.
    """

    column: str
    of: np.ndarray
    free: np.ndarray
    train: np.ndarray
    held: HeldOut
    is_aside: bool


def class_counts(of: np.ndarray, rows: np.ndarray) -> Mapping[str, int]:
    """Class -> how many of these rows, the rarest first; of equally many by name. of: (n,) text, empty for none."""
    names, many = np.unique(of[rows][of[rows] != ""], return_counts=True)
    order = np.lexsort((names, many))
    return {str(names[at]): int(many[at]) for at in order}


def column(roles: Roles, name: str | None) -> str:
    """The column that says it, or the role of words; where none is named, what labellers said once that came back, else
    the pool's groups. Raises BadRequest.
    """
    pool, words = roles.pool, roles.words()
    usual = LABEL.name if LABEL.name in words else pool.group_column
    if name is None and usual is None:
        has = ", ".join(one for one in pool.columns if one != "id")
        raise MissingFeature(f"The pool {pool.name} has no column of labels; name one with --labels (it has: {has}).")
    name = name or usual
    if name not in words:
        pool.column(name)
    return name


def columns(roles: Roles) -> list[str]:
    """All that may be labels, what labellers said first."""
    pool, words = roles.pool, [name for name in roles.words() if name not in roles.pool.columns]
    own = [one for one in pool.columns if one != "id" and one not in pool.long_columns]
    return [*sorted(words, key=lambda name: name != LABEL.name), *own]


def free_rows(pool: Pool, aside: Aside | None) -> np.ndarray:
    """Rows that can be chosen at all."""
    return np.arange(pool.n) if aside is None else np.setdiff1d(np.arange(pool.n), aside.rows(pool))


def check(pool: Pool, name: str, of: np.ndarray, rows: np.ndarray) -> None:
    """Raises BadRequest where a learning curve cannot be made of the labels of these rows."""
    counts = class_counts(of, rows)
    n, classes = sum(counts.values()), len(counts)
    if not n:
        raise BadRequest(f"No sample of {pool.name} that can be learned from has a label in the column {name}.")
    if classes < 2:
        raise BadRequest(
            f"All {n:,} labels of {pool.name} in the column {name} are {next(iter(counts))}; a learning curve needs "
            "two classes."
        )
    if n < (needed := max(FEWEST, PER_CLASS * classes)):
        raise BadRequest(
            f"{pool.name} has {n:,} labels of {classes} classes in the column {name}; a learning curve needs "
            f"{needed:,}: {PER_CLASS} for each class on average, and {FEWEST} in all."
        )


def split(roles: Roles, aside: Aside | None, missing: np.ndarray, progress: Progress) -> Labels:
    """roles: of the pool, with the column as its group. missing: rows that a probe cannot read. The pool's held-out set
    tests where it has enough labels; else a third of the labelled ones is drawn, with all that are the same. Raises
    BadRequest, Stopped.
    """
    pool, of = roles.pool, roles.groups
    free = free_rows(pool, aside)
    known = np.setdiff1d(np.flatnonzero(of != ""), missing)
    mine = np.intersect1d(known, free)
    check(pool, str(roles.group), of, mine)
    held = None if aside is None else aside.sets.get(HOLDOUT)
    if held is not None:
        found = HeldOut.among(pool, held, np.setdiff1d(np.arange(pool.n), known))
        if len(found.rows) >= FEWEST:
            return Labels(str(roles.group), of, free, mine, found, True)
    _, part = np.unique(parts(pool, None, None, progress)[mine], return_inverse=True)
    none = np.empty(0, np.int64)
    at = holdout.drawn(part, none, round(_HELD * len(mine)), np.random.default_rng(_STREAM))
    train, of_held = np.delete(mine, at), len(at)
    if of_held > MOST:
        at = np.sort(np.random.default_rng(0).choice(at, MOST, replace=False))
    return Labels(str(roles.group), of, free, train, HeldOut(mine[at], part[at], of_held), False)
