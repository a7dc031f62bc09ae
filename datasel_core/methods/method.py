"""The two shapes a method can have: one that scores, and one that chooses a set."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.declare import Declared
from datasel_core.base.ragged import Array, Ragged
from datasel_core.base.registry import declares
from datasel_core.base.role import Role, find_role
from datasel_core.errors import BadInput
from datasel_core.methods.selection import Inputs, Picks, Selection, granted, top

_BLOCK = 1 << 16
POSITIONS = ("cluster", "pattern", "target")
"""Names in `why` that hold positions, from 0. People count from 1: a sentence for them says one more."""

method = declares("method")

MAY_BE_UNKNOWN = frozenset({"distance"})
"""Names of `why` that may lack a value (NaN): nothing was kept before, or the pick repeats what is kept."""


class Method(Declared):
    """A pure function of arrays. Subclasses declare parameters as fields and implement `choose`."""

    needs: ClassVar[tuple[str, ...]] = ()
    may_need: ClassVar[tuple[str, ...]] = ()
    """Roles that only some of its parameters ask for; `roles` says whether these do."""
    needs_one_of: ClassVar[str] = ""
    """A shape of roles of which it needs one, named by its parameter `role`."""
    needs_target: ClassVar[tuple[str, ...]] = ()
    scores_all: ClassVar[bool] = False
    """True when every sample gets a score; one that gets none cannot be kept, and the manifest names it."""
    prefix: ClassVar[bool] = False
    """True when the answer for a smaller budget is the beginning of the answer for a larger one."""
    cost: ClassVar[str] = ""
    """What it costs, in words: passes over the data."""
    avoid: ClassVar[str] = ""
    """When not to use it, in one sentence."""
    promise: ClassVar[str] = ""
    """What it is meant to do, as the appraisal `promise` measures it: `farthest`, `mean` or `missed_patterns` of
    samples that it never saw, `target`, `mismatches` or `loss`; empty where none of these can show it.
    """
    paper: ClassVar[str] = ""
    because: ClassVar[str] = ""
    """A sentence with names of `why` in braces, all of which its answers have: how a pick is explained to a person."""

    def roles(self) -> tuple[str, ...]:
        """The roles of the pool that it reads with these parameters: `needs`, and what it asks for of `may_need`."""
        return self.needs

    def trust(self, facts: Mapping[str, Mapping[str, Any]]) -> str:
        """What a reader of the answer is to know of how far the features it goes by can be believed; empty where there
        is nothing to say. facts: role -> what is known of the feature that fills it. Raises BadInput where nobody
        should choose by them.
        """
        return ""

    def select(self, inputs: Inputs, budget: int | str) -> Selection:
        """Chooses `budget` rows (a count, or a share such as "10%") of arrays that are a pool of their own.

        Raises BadInput when a role is missing or its values are not finite, BadParameter when the budget does not fit.
        """
        self.check(inputs)
        budget = granted(budget, inputs.n, inputs.n - len(inputs.already))
        return self.pick(inputs, budget).among(np.arange(inputs.n), inputs.n)

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        """The method itself, on inputs that were checked: 1 <= budget <= n - len(already)."""
        raise TypeError(f"{type(self).__name__} must implement pick.")

    def check(self, inputs: Inputs) -> None:
        if not inputs.pool:
            raise BadInput("The pool has no roles at all; give at least one array.")
        for side, roles, needs in (("pool", inputs.pool, self.roles()), ("target", inputs.target, self.needs_target)):
            for role in needs:
                if role not in roles:
                    raise BadInput(f"{self.id} needs the {side} role {role}; given: {', '.join(roles) or 'none'}.")
                check_role(f"{side} role {role}", roles[role], find_role(role))


class Scorer(Method):
    """One number per sample, higher is kept; the budget keeps the best."""

    prefix: ClassVar[bool] = True
    scores_all: ClassVar[bool] = True

    def by_scores_alone(self) -> bool:
        """Whether `best` knows all that it needs; where it does not, `pick` is asked."""
        return True

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64, higher is kept, NaN where a sample cannot be scored."""
        raise TypeError(f"{type(self).__name__} must implement score.")

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        return self.best(np.asarray(self.score(inputs), dtype=np.float64), budget, inputs.rng, inputs.already)

    def best(
        self, scores: np.ndarray, budget: int, rng: np.random.Generator, already: Sequence[int] | np.ndarray = ()
    ) -> Picks:
        """What to keep, once every sample has its score. scores: (n,) float64. already: rows that are never kept. rng:
        for methods that draw.
        """
        open_scores = scores.copy()
        open_scores[np.asarray(already, dtype=np.int64)] = np.nan
        rows = top(open_scores, budget)
        return Picks(rows, scores=scores, why={"score": scores[rows]})


def check_role(name: str, array: Array, role: Role) -> None:
    """Raises BadInput unless the array is finite and of the shape that the role has."""
    check_array(name, array, ragged=isinstance(array, Ragged) if role.shape == "any" else role.shape == "ragged")
    if role.shape in ("vector", "series") and (np.ndim(array) != 2 or not np.shape(array)[1]):
        raise BadInput(f"The {name} has the shape {np.shape(array)}; it must be one vector per sample, (n, d).")
    if role.shape == "number" and np.ndim(array) != 1:
        raise BadInput(f"The {name} has the shape {np.shape(array)}; it must be one number per sample, (n,).")


def check_array(name: str, array: Array, ragged: bool) -> None:
    """Raises BadInput unless the array is of the right shape and finite."""
    if ragged != isinstance(array, Ragged):
        raise BadInput(
            f"The {name} must be {'Ragged(values, offsets)' if ragged else 'an array with one row per sample'}."
        )
    values = array.values if ragged else np.asarray(array)
    if values.dtype == object:
        raise BadInput(f"The {name} holds Python objects; it must hold numbers or text.")
    if values.dtype.kind == "f" and not _finite(values):
        raise BadInput(f"The {name} holds NaN or infinite values; leave those samples out.")
    if ragged and (array.lengths() == 0).any():
        raise BadInput(
            f"The {name} has a sample without any value (row {int(np.argmin(array.lengths()))}); leave it out."
        )


def _finite(values: np.ndarray) -> bool:
    return all(np.isfinite(values[start : start + _BLOCK]).all() for start in range(0, len(values), _BLOCK))
