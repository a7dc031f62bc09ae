"""What a method is given; what it picked, in positions among what it was given; what is chosen, in rows of a pool;
budgets.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Array
from datasel_core.errors import BadInput, BadParameter

_LONGEST = 40
"""Characters of a budget: no pool has more samples than so many digits say."""


@dataclass(frozen=True)
class Inputs:
    """Arrays only: no files, no ids.

    pool, target: role -> (n, d) or (n,) array, or Ragged of n samples; every role of a pool has the same n.
    rng: the only source of randomness. already: rows chosen earlier; never chosen again, but counted for coverage.
    facts: role of the pool -> what is known of its values beside them, such as how much area a cell of a field is.
    """

    pool: Mapping[str, Array]
    rng: np.random.Generator
    target: Mapping[str, Array] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    already: Sequence[int] | np.ndarray = ()
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self):
        if not isinstance(self.rng, np.random.Generator):
            raise BadInput("Inputs needs rng, a numpy Generator such as numpy.random.default_rng(0).")
        for side, roles in (("pool", self.pool), ("target", self.target)):
            lengths = {role: len(array) for role, array in roles.items()}
            if len(set(lengths.values())) > 1:
                raise BadInput(
                    f"The {side}'s roles differ in length: {', '.join(f'{r} {n}' for r, n in lengths.items())}; they "
                    "must be equal."
                )
        already = np.asarray(self.already, dtype=np.int64)
        if len(already) and (already.min() < 0 or already.max() >= self.n or len(np.unique(already)) < len(already)):
            raise BadInput(f"already must hold distinct rows from 0 to {self.n - 1}.")
        object.__setattr__(self, "already", already)

    @property
    def n(self) -> int:
        """How many samples may be chosen among, `already` included."""
        return len(next(iter(self.pool.values()))) if self.pool else 0


@dataclass(frozen=True)
class Picks:
    """What a method picked among the rows that it was given.

    places: (b,) positions among these rows, best first, each at most once. counts: (b,) how often each is to be used.
    scores: (n,) of every row that was given, NaN where none. why: name -> (b,) array, what brought each pick in.
    clusters: (n,) int, the cluster of every row that was given, for methods that choose by clusters; -1 where none.
    facts: name -> number or text, what is to be known of the choice as a whole; `note` is a sentence for people. An
    array holds positions of target examples.
    """

    places: np.ndarray
    counts: np.ndarray | None = None
    scores: np.ndarray | None = None
    why: Mapping[str, np.ndarray] = field(default_factory=dict)
    clusters: np.ndarray | None = None
    facts: Mapping[str, float | int | str | np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        places, counts = _checked(self.places, self.counts, self.why)
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "counts", counts)

    def __len__(self) -> int:
        return len(self.places)

    def among(self, rows: np.ndarray, n: int) -> "Selection":
        """The same in rows of a pool of n samples. rows: (m,) of the pool, those that the method was given."""
        scores, clusters = np.full(n, np.nan), None
        if self.scores is not None:
            scores[rows] = self.scores
        if self.clusters is not None:
            clusters = np.full(n, -1)
            clusters[rows] = self.clusters
        return Selection(rows[self.places], self.counts, scores, self.why, clusters, self.facts)


@dataclass(frozen=True)
class Selection:
    """What was chosen of a pool.

    rows: (b,) of the pool, best first, each at most once. counts: (b,) how often each is to be used. scores: (n,) over
    the whole pool, NaN where none. why: name -> (b,) array. clusters: (n,) int, -1 where none. facts: as in `Picks`.
    """

    rows: np.ndarray
    counts: np.ndarray | None = None
    scores: np.ndarray | None = None
    why: Mapping[str, np.ndarray] = field(default_factory=dict)
    clusters: np.ndarray | None = None
    facts: Mapping[str, float | int | str | np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        rows, counts = _checked(self.rows, self.counts, self.why)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "counts", counts)

    def __len__(self) -> int:
        return len(self.rows)

    def head(self, budget: int) -> "Selection":
        """The first `budget` picks."""
        why = {name: values[:budget] for name, values in self.why.items()}
        return Selection(self.rows[:budget], self.counts[:budget], self.scores, why, self.clusters, self.facts)


def _checked(
    rows: np.ndarray, counts: np.ndarray | None, why: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Both as whole numbers; counts are 1 where none were given. Raises BadInput."""
    rows = np.asarray(rows, dtype=np.int64)
    counts = np.ones(len(rows), dtype=np.int64) if counts is None else np.asarray(counts, dtype=np.int64)
    if len(np.unique(rows)) < len(rows):
        raise BadInput("A selection names each row at most once; use counts for repeats.")
    if counts.shape != rows.shape or any(len(values) != len(rows) for values in why.values()):
        raise BadInput(f"counts and why must have one value for each of the {len(rows)} rows.")
    return rows, counts


def top(scores: np.ndarray, budget: int) -> np.ndarray:
    """The rows of the `budget` highest scores, best first. Rows without a score (NaN) are never kept."""
    order = np.argsort(-scores, kind="stable")  # equal scores keep pool order, so runs repeat; NaN sorts last
    scored = np.count_nonzero(~np.isnan(scores))
    if budget > scored:
        raise BadParameter(
            f"The budget is {budget}, but only {scored} samples have a score; it must be at most {scored}."
        )
    return order[:budget]


def granted(budget: int | str, n: int, free: int | None = None) -> int:
    """A budget as a count: `25` or `"25"` samples, or `"10%"` of n (rounded to the nearest, at least 1).

    free: how many may be chosen, when it is less than n. Raises BadParameter.
    """
    free = n if free is None else free
    text = str(budget).strip()
    if len(text) > _LONGEST:
        raise BadParameter(
            f"The budget has {len(text):,} characters; it must be a count such as 100 or a share such as 10%."
        )
    if isinstance(budget, bool) or not re.fullmatch(r"[+-]?\d+|[+-]?\d+(\.\d+)?\s*%", text):
        raise BadParameter(f"The budget is {text!r}; it must be a count such as 100 or a share such as 10%.")
    if text.endswith("%"):
        share = float(text[:-1])
        if not 0 < share <= 100:
            raise BadParameter(f"The budget is {text}; a share must be above 0% and at most 100%.")
        count = max(1, math.floor(share * n / 100 + 0.5))
        if count > free:
            raise BadParameter(
                f"The budget {text} of {n} samples is {count}, but only {free} can be chosen; ask for at most {free}."
            )
        return count
    count = int(text)
    if not 1 <= count <= free:
        raise BadParameter(
            f"The budget is {count}; it must be from 1 to {free}, the number of samples that can be chosen."
        )
    return count
