"""A second look at some of the samples, without the first one's decisions; and how far people agree then."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.analysis.opinions import Opinion, Opinions
from datasel_core.errors import BadParameter

SHARE = 0.2


@dataclass(frozen=True)
class Agreement:
    """Of two people, on the samples that both decided and the later one without seeing what the other said. percent:
    on how many of n they agree whether a sample stays. kappa: Cohen's, 1 as one person, 0 as by chance; None where it
    is not defined, because both always say the same one thing.
    """

    reviewers: tuple[str, str]
    n: int
    percent: float
    kappa: float | None

    def document(self) -> dict[str, Any]:
        return {"reviewers": list(self.reviewers), "n": self.n, "percent": self.percent, "kappa": self.kappa}

    @property
    def words(self) -> str:
        """`ann and ben agree on 90 % of 10 (kappa 0.78)`."""
        kappa = "" if self.kappa is None else f" (kappa {self.kappa:.2f})"
        return f"{' and '.join(self.reviewers)} agree on {self.percent:.0f} % of {self.n:,}{kappa}"


def second(run: str, n: int, share: float = SHARE) -> np.ndarray:
    """Which of n samples are looked at a second time: positions that rise. Drawn by the name of the review, the same
    for everybody; a larger share holds a smaller one. Raises BadParameter.
    """
    if not 0 < share <= 1:
        raise BadParameter(f"The share of a second look is {share:g}; it must be above 0 and at most 1.")
    drawn = np.random.default_rng([ord(letter) for letter in run]).permutation(n)
    return np.sort(drawn[: math.ceil(share * n)])


def agreement(said: Opinions) -> list[Agreement]:
    """Every pair of people who decided the same samples, by their names."""
    names = sorted({name for ones in said.values() for name in ones})
    found = (_pair(said, pair) for pair in itertools.combinations(names, 2))
    return [one for one in found if one is not None]


def _pair(said: Opinions, pair: tuple[str, str]) -> Agreement | None:
    both = [(ones[pair[0]], ones[pair[1]]) for ones in said.values() if pair[0] in ones and pair[1] in ones]
    stays = [(one.what == "keep", other.what == "keep") for one, other in both if _is_blind(one, other)]
    if not stays:
        return None
    percent = 100 * sum(one == other for one, other in stays) / len(stays)
    return Agreement(pair, len(stays), percent, _kappa(stays))


def _is_blind(one: Opinion, other: Opinion) -> bool:
    """Whether both decided, and who came later saw nothing of the other."""
    return bool(one.what and other.what) and max(one, other, key=lambda mine: mine.at).blind


def _kappa(stays: Sequence[tuple[bool, bool]]) -> float | None:
    if len(set(itertools.chain.from_iterable(stays))) < 2:
        return None  # chance alone agrees always
    from sklearn.metrics import cohen_kappa_score

    ones, others = zip(*stays, strict=True)
    return float(cohen_kappa_score(ones, others))
