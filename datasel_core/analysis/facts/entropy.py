"""Entropy of the answers of each relation, in bits, from how many answers stand in how many facts; plain and corrected
for what a small sample does not show. All there is about entropies of answers stands here.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MANY = 0.5
"""More than this share of the facts has an answer of its own: then counting answers tells little."""


@dataclass(frozen=True)
class Profile:
    """How often the answers of each relation occur: all that entropies and bounds hang on, in few numbers.

    relation: (L,) int, position of the relation, ascending. count: (L,) int, in how many facts of it an answer stands,
    descending inside a relation. many: (L,) int, how many answers stand in so many. n: how many relations there are;
    each has at least one fact. digits: (n,) bits a fact of relations whose answers are numbers of which no count shows
    how many there are, all of them as likely; 0 where answers are counted.
    """

    relation: np.ndarray
    count: np.ndarray
    many: np.ndarray
    n: int
    digits: np.ndarray

    def total(self, values: np.ndarray) -> np.ndarray:
        """(n,) float64: per relation, the sum over its answers of a number that each level has. values: (L,)."""
        return np.bincount(self.relation, weights=self.many * values, minlength=self.n)

    def facts(self) -> np.ndarray:
        """(n,) int64: N_r, the facts of each relation."""
        return self.total(self.count).astype(np.int64)

    def answers(self) -> np.ndarray:
        """(n,) int64: V_r, the distinct answers of each relation."""
        return np.bincount(self.relation, weights=self.many, minlength=self.n).astype(np.int64)

    def shares(self) -> np.ndarray:
        """(L,) float64: the share of the facts of its relation that an answer of each level has."""
        return self.count / self.facts()[self.relation]

    def commonest(self) -> np.ndarray:
        """(n,) float64: p_r, the share of the commonest answer of each relation: what guessing gets right."""
        counted = self.shares()[np.searchsorted(self.relation, np.arange(self.n))]
        return np.where(self.digits > 0, 2.0**-self.digits, counted)


def profile(relation: np.ndarray, answer: np.ndarray, names: Sequence[str] | None = None) -> Profile:
    """Of distinct facts. relation, answer: (n,) int codes from 0, every relation below the largest used. names: what
    each answer is, so that numbers are seen digit by digit; without them all are counted.

    A million facts take about half a second: two sorts.
    """
    relation, answer = np.asarray(relation, dtype=np.int64), np.asarray(answer, dtype=np.int64)
    n = int(relation.max()) + 1 if len(relation) else 0
    pairs, count = np.unique(relation * (int(answer.max(initial=0)) + 1) + answer, return_counts=True)
    of = pairs // (int(answer.max(initial=0)) + 1)
    largest = int(count.max(initial=0))
    levels, many = np.unique(of * (largest + 1) + (largest - count), return_counts=True)
    found = Profile(levels // (largest + 1), largest - levels % (largest + 1), many, n, np.zeros(n))
    if names is None:
        return found
    digits = of_digits(found, relation, answer, names)
    return dataclasses.replace(found, digits=np.where(digits > plug_in(found), digits, 0.0))


def plug_in(given: Profile) -> np.ndarray:
    """(n,) bits a fact: the entropy of the shares as they were counted. Too low where answers are many, facts few."""
    return np.maximum(-given.total(_bits(given.shares())), 0)  # one answer: 0, not -0


def miller_madow(given: Profile) -> np.ndarray:
    """(n,) bits a fact: the plug-in plus (V - 1) / (2 N) nats, the first term of its bias; Miller 1955, Note on the
    bias of information estimates. Still too low where most answers were seen once.
    """
    return plug_in(given) + (given.answers() - 1) / (2 * given.facts() * np.log(2))


def coverage(given: Profile) -> np.ndarray:
    """(n,) 1 - f1 / N: the estimated probability of the answers that were seen, f1 being those seen once; Good 1953,
    https://doi.org/10.1093/biomet/40.3-4.237. 0 where every answer was seen once.
    """
    return 1 - given.total(given.count == 1) / given.facts()


def chao_shen(given: Profile) -> np.ndarray:
    """(n,) bits a fact: each answer weighed by one over the chance that so many facts show it at all, with shares
    shrunk by the coverage; Chao & Shen 2003, https://doi.org/10.1023/A:1026096204727.

    Where every answer was seen once the coverage is taken as 1 / N: the number then says little, but that it is high.
    """
    facts = given.facts()
    covered = np.maximum(coverage(given), 1 / facts)[given.relation]
    share = covered * given.shares()
    with np.errstate(divide="ignore"):  # a share of 1 is shown for certain
        shown = -np.expm1(facts[given.relation] * np.log1p(-share))
    return np.maximum(-given.total(_bits(share) / shown), 0)


def of_digits(given: Profile, relation: np.ndarray, answer: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(R,) bits a fact where all answers of a relation are numbers of one length, and most stand in one fact: the
    entropies of their digits together. Exact for random numbers, of which no sample shows the whole; else 0.

    given: the profile of relation and answer, counted. names: what each answer is.
    """
    length = np.array([len(one) if one.__class__ is str and one.isascii() and one.isdigit() else 0 for one in names])
    order = np.argsort(relation, kind="stable")
    starts = np.searchsorted(relation[order], np.arange(given.n + 1))
    alone, found = given.total(given.count == 1) > _MANY * given.facts(), np.zeros(given.n)
    for at in np.flatnonzero(alone):
        own = answer[order[starts[at] : starts[at + 1]]]
        if length[own].min() == length[own].max() > 0:
            digits = np.frombuffer("".join([names[one] for one in own]).encode(), np.uint8).reshape(len(own), -1)
            shares = [np.bincount(digits[:, place] - ord("0")) / len(own) for place in range(digits.shape[1])]
            found[at] = sum(max(0.0, -_bits(share[share > 0]).sum()) for share in shares)
    return found


def from_below(relation: np.ndarray, answer: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(R,) bits a fact: the plug-in, or what the digits take where that is more; no less is there to know, but where
    digits hang together. As `profile`.
    """
    return bits_a_fact(profile(relation, answer, names))["plug_in"]


_ESTIMATORS = {"plug_in": plug_in, "miller_madow": miller_madow, "chao_shen": chao_shen}


def bits_a_fact(given: Profile) -> dict[str, np.ndarray]:
    """Estimator -> (n,) float64 bits of a fact of each relation, by all of them those of the digits where these count:
    the one place that decides what a fact takes. In single precision, as they are kept of each sample, so that sums of
    them agree to the last digit wherever they are made.
    """
    found = {name: np.where(given.digits > 0, given.digits, entropy(given)) for name, entropy in _ESTIMATORS.items()}
    return {name: bits.astype(np.float32).astype(np.float64) for name, bits in found.items()}


def _bits(share: np.ndarray) -> np.ndarray:
    """p log2 p; shares are above 0."""
    return share * np.log2(share)
