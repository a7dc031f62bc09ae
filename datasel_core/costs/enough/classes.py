"""Classes: the chance to have at least m samples of one among n that are drawn at random.

Where all labels are known the law is exact: hypergeometric. Where a random part is labelled, what is labelled counts,
and what is still to come follows the beta-binomial law: the share of the class is unknown, before any label by
Jeffreys' prior Beta(1/2, 1/2), and each label that was seen adds one to its side. It is the law of the next n draws of
a random order, whatever the size of the pool.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadParameter

HYPERGEOMETRIC, BETA_BINOMIAL = "hypergeometric", "beta-binomial"
CHANCE = 0.95
_PRIOR = 0.5


@dataclass(frozen=True)
class Class:
    """seen: samples of it that are labelled. labelled: how many are at all. of: how many samples there are, labelled or
    not. Where all are labelled it is drawn among all of them; else among those that are not.
    """

    name: str
    seen: int
    labelled: int
    of: int

    @property
    def is_known(self) -> bool:
        return self.labelled == self.of

    @property
    def law(self) -> str:
        return HYPERGEOMETRIC if self.is_known else BETA_BINOMIAL

    @property
    def most(self) -> int:
        """How many can be drawn."""
        return self.of if self.is_known else self.of - self.labelled

    @property
    def already(self) -> int:
        """Of those that are wanted, how many are there before anything is drawn."""
        return 0 if self.is_known else self.seen


def chance(of: Class, wanted: int, n: int | np.ndarray) -> float | np.ndarray:
    """Of at least `wanted`, with n drawn: a number, or (k,) of them. Raises BadParameter."""
    from scipy import stats

    check(wanted)
    more = wanted - of.already
    drawn = np.asarray(n)
    if more <= 0:
        return np.ones(drawn.shape)[()]
    if of.is_known:
        return stats.hypergeom.sf(more - 1, of.of, of.seen, drawn)[()]
    return stats.betabinom.sf(more - 1, drawn, of.seen + _PRIOR, of.labelled - of.seen + _PRIOR)[()]


def smallest(of: Class, wanted: int, sure: float = CHANCE) -> int | None:
    """The fewest that must be drawn for this chance; None where all are not enough. Raises BadParameter."""
    check(wanted)
    if not 0 < sure < 1:
        raise BadParameter(f"The chance is {sure:g}; it must be above 0 and below 1, such as 0.95.")
    return _first(lambda n: float(chance(of, wanted, n)) >= sure - 1e-12, of.most)


def check(wanted: int) -> None:
    """Raises BadParameter."""
    if isinstance(wanted, bool) or wanted < 1:
        raise BadParameter(f"At least {wanted} of a class is no wish; ask for 1 or more.")


def _first(holds: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 0 to `most` from which on it holds, by halving; None where it never does."""
    if not holds(most):
        return None
    low, high = -1, most
    for _ in range(most.bit_length() + 1):
        middle = (low + high) // 2
        if high - low <= 1:
            break
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
