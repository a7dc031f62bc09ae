"""What a method is given, what it answers, and the two shapes a method can have."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from datasel_core.declare import Declared
from datasel_core.errors import BadInput, BadParameter
from datasel_core.progress import Progress
from datasel_core.ragged import Ragged
from datasel_core.registry import declares

Array = np.ndarray | Ragged
_BLOCK = 1 << 16
_VECTORS = ("embedding", "image", "text", "loss_trajectory")
_NUMBERS = ("loss", "learnability", "error", "forgetting")
_RAGGED = ("patterns", "ngrams")
POSITIONS = ("cluster", "pattern", "target")
"""Names in `why` that hold positions, from 0. People count from 1: a sentence for them says one more."""


@dataclass(frozen=True)
class Inputs:
    """Arrays only: no files, no ids.

    pool, target: role -> (n, d) or (n,) array, or Ragged of n samples; every role of a pool has the same n.
    rng: the only source of randomness. already: rows chosen earlier; never chosen again, but counted for coverage.
    """

    pool: Mapping[str, Array]
    rng: np.random.Generator
    target: Mapping[str, Array] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    already: Sequence[int] | np.ndarray = ()

    def __post_init__(self):
        if not isinstance(self.rng, np.random.Generator):
            raise BadInput("Inputs needs rng, a numpy Generator such as numpy.random.default_rng(0).")
        for side, roles in (("pool", self.pool), ("target", self.target)):
            lengths = {role: len(array) for role, array in roles.items()}
            if len(set(lengths.values())) > 1:
                raise BadInput(f"The {side}'s roles differ in length: {', '.join(f'{r} {n}' for r, n in lengths.items())}; they must be equal.")
        already = np.asarray(self.already, dtype=np.int64)
        if len(already) and (already.min() < 0 or already.max() >= self.n or len(np.unique(already)) < len(already)):
            raise BadInput(f"already must hold distinct rows from 0 to {self.n - 1}.")
        object.__setattr__(self, "already", already)

    @property
    def n(self) -> int:
        """How many samples may be chosen among, `already` included."""
        return len(next(iter(self.pool.values()))) if self.pool else 0


@dataclass(frozen=True)
class Selection:
    """rows: (b,) positions in the pool that was given, best first, each at most once. counts: (b,) how often each is to be used.

    scores: (n,) over the whole pool, NaN where none. why: name -> (b,) array, what brought each pick in.
    clusters: (n,) int, the cluster of every row that was given, for methods that choose by clusters; -1 where none.
    facts: name -> number or text, what is to be known of the run as a whole; `note` is a sentence for people.
    """

    rows: np.ndarray
    counts: np.ndarray | None = None
    scores: np.ndarray | None = None
    why: Mapping[str, np.ndarray] = field(default_factory=dict)
    clusters: np.ndarray | None = None
    facts: Mapping[str, float | int | str] = field(default_factory=dict)

    def __post_init__(self):
        rows = np.asarray(self.rows, dtype=np.int64)
        counts = np.ones(len(rows), dtype=np.int64) if self.counts is None else np.asarray(self.counts, dtype=np.int64)
        if len(np.unique(rows)) < len(rows):
            raise BadInput("A selection names each row at most once; use counts for repeats.")
        if counts.shape != rows.shape or any(len(values) != len(rows) for values in self.why.values()):
            raise BadInput(f"counts and why must have one value for each of the {len(rows)} rows.")
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "counts", counts)

    def __len__(self) -> int:
        return len(self.rows)

    def head(self, budget: int) -> "Selection":
        """The first `budget` picks."""
        why = {name: values[:budget] for name, values in self.why.items()}
        return Selection(self.rows[:budget], self.counts[:budget], self.scores, why, self.clusters, self.facts)


method = declares("method")

MAY_BE_UNKNOWN = frozenset({"distance"})
"""Names of `why` that may lack a value (NaN): nothing was kept before, or the pick repeats what is kept."""


class Method(Declared):
    """A pure function of arrays. Subclasses declare parameters as fields and implement `choose`."""

    needs: ClassVar[tuple[str, ...]] = ()
    may_need: ClassVar[tuple[str, ...]] = ()
    """Roles that only some of its parameters ask for; `roles` says whether these do."""
    needs_target: ClassVar[tuple[str, ...]] = ()
    scores_all: ClassVar[bool] = False
    """True when every sample gets a score; one that gets none cannot be kept, and the manifest names it."""
    prefix: ClassVar[bool] = False
    """True when the answer for a smaller budget is the beginning of the answer for a larger one."""
    cost: ClassVar[str] = ""
    """What it costs, in words: passes over the data."""
    avoid: ClassVar[str] = ""
    """When not to use it, in one sentence."""
    paper: ClassVar[str] = ""
    because: ClassVar[str] = ""
    """A sentence with names of `why` in braces, all of which its answers have: how a pick is explained to a person."""

    def roles(self) -> tuple[str, ...]:
        """The roles of the pool that it reads with these parameters: `needs`, and what it asks for of `may_need`."""
        return self.needs

    def select(self, inputs: Inputs, budget: int | str) -> Selection:
        """Chooses `budget` rows (a count, or a share such as "10%" of the rows given).

        Raises BadInput when a role is missing or its values are not finite, BadParameter when the budget does not fit.
        """
        self.check(inputs)
        budget = granted(budget, inputs.n, inputs.n - len(inputs.already))
        return self.choose(inputs, budget)

    def choose(self, inputs: Inputs, budget: int) -> Selection:
        """The method itself: 1 <= budget <= n - len(already), roles are there."""
        raise TypeError(f"{type(self).__name__} must implement choose.")

    def check(self, inputs: Inputs) -> None:
        if not inputs.pool:
            raise BadInput("The pool has no roles at all; give at least one array.")
        for side, roles, needs in (("pool", inputs.pool, self.roles()), ("target", inputs.target, self.needs_target)):
            for role in needs:
                if role not in roles:
                    raise BadInput(f"{self.id} needs the {side} role {role}; given: {', '.join(roles) or 'none'}.")
                check_array(f"{side} role {role}", roles[role], ragged=role in _RAGGED)
                if role in _VECTORS and (np.ndim(roles[role]) != 2 or not np.shape(roles[role])[1]):
                    raise BadInput(f"The {side} role {role} has the shape {np.shape(roles[role])}; it must be one vector per sample, (n, d).")
                if role in _NUMBERS and np.ndim(roles[role]) != 1:
                    raise BadInput(f"The {side} role {role} has the shape {np.shape(roles[role])}; it must be one number per sample, (n,).")


class Scorer(Method):
    """One number per sample, higher is kept; the budget keeps the best."""

    prefix: ClassVar[bool] = True
    scores_all: ClassVar[bool] = True

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64, higher is kept, NaN where a sample cannot be scored."""
        raise TypeError(f"{type(self).__name__} must implement score.")

    def choose(self, inputs: Inputs, budget: int) -> Selection:
        return self.best(np.asarray(self.score(inputs), dtype=np.float64), budget, inputs.rng, inputs.already)

    def best(self, scores: np.ndarray, budget: int, rng: np.random.Generator, already: Sequence[int] | np.ndarray = ()) -> Selection:
        """What to keep, once every sample has its score. scores: (n,) float64. already: rows that are never kept. rng: for methods that draw."""
        open_scores = scores.copy()
        open_scores[np.asarray(already, dtype=np.int64)] = np.nan
        rows = top(open_scores, budget)
        return Selection(rows, scores=scores, why={"score": scores[rows]})


def top(scores: np.ndarray, budget: int) -> np.ndarray:
    """The rows of the `budget` highest scores, best first. Rows without a score (NaN) are never kept."""
    order = np.argsort(-scores, kind="stable")  # equal scores keep pool order, so runs repeat; NaN sorts last
    scored = np.count_nonzero(~np.isnan(scores))
    if budget > scored:
        raise BadParameter(f"The budget is {budget}, but only {scored} samples have a score; it must be at most {scored}.")
    return order[:budget]


def granted(budget: int | str, n: int, free: int | None = None) -> int:
    """A budget as a count: `25` or `"25"` samples, or `"10%"` of n (rounded to the nearest, at least 1).

    free: how many may be chosen, when it is less than n. Raises BadParameter.
    """
    free = n if free is None else free
    text = str(budget).strip()
    if isinstance(budget, bool) or not re.fullmatch(r"[+-]?\d+|[+-]?\d+(\.\d+)?\s*%", text):
        raise BadParameter(f"The budget is {text!r}; it must be a count such as 100 or a share such as 10%.")
    if text.endswith("%"):
        share = float(text[:-1])
        if not 0 < share <= 100:
            raise BadParameter(f"The budget is {text}; a share must be above 0% and at most 100%.")
        count = max(1, math.floor(share * n / 100 + 0.5))
        if count > free:
            raise BadParameter(f"The budget {text} of {n} samples is {count}, but only {free} can be chosen; ask for at most {free}.")
        return count
    count = int(text)
    if not 1 <= count <= free:
        raise BadParameter(f"The budget is {count}; it must be from 1 to {free}, the number of samples that can be chosen.")
    return count


def check_array(name: str, array: Array, ragged: bool) -> None:
    """Raises BadInput unless the array is of the right shape and finite."""
    if ragged != isinstance(array, Ragged):
        raise BadInput(f"The {name} must be {'Ragged(values, offsets)' if ragged else 'an array with one row per sample'}.")
    values = array.values if ragged else np.asarray(array)
    if values.dtype == object:
        raise BadInput(f"The {name} holds Python objects; it must hold numbers or text.")
    if values.dtype.kind == "f" and not _finite(values):
        raise BadInput(f"The {name} holds NaN or infinite values; leave those samples out.")
    if ragged and (array.lengths() == 0).any():
        raise BadInput(f"The {name} has a sample without any value (row {int(np.argmin(array.lengths()))}); leave it out.")


def _finite(values: np.ndarray) -> bool:
    return all(np.isfinite(values[start : start + _BLOCK]).all() for start in range(0, len(values), _BLOCK))
