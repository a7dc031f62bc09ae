"""The most facts that so many bits let anybody answer: Fano's inequality, and for answers of unequal shares the rate at
which a source can be told with a given share of errors.

For uniform answers both are N [log2 V - h(a) - (1 - a) log2(V - 1)] <= bits. For a relation whose answers have the
shares p, Fano's H - h(e) - e log2(V - 1) is what an error rate e takes as long as e <= (V - 1) min p, and less than it
takes beyond. The exact rate (Erokhin 1958, epsilon-entropy of a discrete random variable, Theory of Probability and its
Applications 3; restated by Kostina & Verdu 2012, https://arxiv.org/abs/1102.3944) is 0 at e = 1 - max p: without bits
the commonest answer is all there is to give. It is used throughout.
"""

from dataclasses import dataclass

import numpy as np

from datasel_core.analysis.facts.entropy import Profile, plug_in
from datasel_core.errors import BadParameter

_STEEPEST = 1000.0
"""Bits that one more right answer may cost: there the share of errors is below what a float can say."""
_STEPS = 200
_POINTS = 40


@dataclass(frozen=True)
class Bound:
    """accuracy: the highest share of all facts that can be right. errors: (R,) the share of errors of each relation
    there, and bits: (R,) what it takes of them for a fact.
    """

    accuracy: float
    errors: np.ndarray
    bits: np.ndarray


def uniform_bits(accuracy: float, answers: float) -> float:
    """Bits a fact that an accuracy takes where each of `answers` is as likely: log2 V - h(a) - (1 - a) log2(V - 1); 0
    at and below chance.
    """
    if answers <= 1 or accuracy <= 1 / answers:
        return 0.0
    wrong = 1 - accuracy
    spread = wrong * np.log2((answers - 1) / wrong) if wrong > 0 else 0.0
    return float(max(np.log2(answers) + accuracy * np.log2(accuracy) - spread, 0.0))


def uniform_accuracy(facts: float, answers: float, bits: float) -> float:
    """The highest accuracy on facts with uniform answers: 1 where N log2 V <= bits, 1 / V where there are none, between
    them the root of N times `uniform_bits`. Raises BadParameter.
    """
    _checked(bits)
    if facts <= 0 or answers < 1:
        raise BadParameter(f"{facts} facts with {answers} answers; there must be at least one of each.")
    low, high = 1 / answers, 1.0
    if bits == 0 or facts * np.log2(answers) <= bits:
        return low if bits == 0 else high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if facts * uniform_bits(middle, answers) <= bits else (low, middle)
    return low


def fano_bits(entropy: float, answers: int, error: float) -> float:
    """H - h(e) - e log2(V - 1), at least 0: Fano's bound on the bits a fact where a share e of the answers is wrong.
    Cover & Thomas 2006, Elements of Information Theory, 2.10.
    """
    spread = error * np.log2((answers - 1) / error) if error > 0 and answers > 1 else 0.0
    kept = (1 - error) * np.log2(1 - error) if error < 1 else 0.0
    return float(max(entropy + kept - spread, 0.0))


def at_slope(given: Profile, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """errors, bits: (n,) of each relation, where one more right answer costs so many bits, at least 0.

    Erokhin's solution: with t = 2^-slope, the k commonest answers are told apart, those whose share is above
    theta = t S_k / (1 + (k - 1) t), S_k being their shares together; 1 - e = S_k - (k - 1) theta; bits = sum over them
    of p log2 1/p, less (1 - e) log2 1/(1 - e) and (k - 1) theta log2 1/theta. Of numbers that no count shows, 2^H
    answers are as likely, of which the pool shows few: there 1 - e = 1 / (1 + (2^H - 1) t).
    """
    t, share = 2.0**-slope, given.shares()
    start = np.searchsorted(given.relation, np.arange(given.n))
    told = _running(given, start, given.many)
    mass = _running(given, start, given.many * share)
    information = _running(given, start, -given.many * share * np.log2(share))
    among = share * (1 + (told - 1) * t) > mass * t
    levels = np.bincount(given.relation, weights=among, minlength=given.n).astype(np.int64)
    last = start + np.maximum(levels, 1) - 1
    k, total = told[last], mass[last]
    theta = t * total / (1 + (k - 1) * t)
    right = total / (1 + (k - 1) * t)
    bits = information[last] + _log(right) + (k - 1) * _log(theta)
    guess = levels == 0  # at slope 0 equal shares: nothing is told
    errors = np.where(guess, 1 - share[start], 1 - total + (k - 1) * theta)
    bits = np.where(guess, 0.0, np.maximum(bits, 0.0))
    for at in np.flatnonzero(given.digits):
        answers = 2.0 ** given.digits[at]
        accuracy = 1 / (1 + (answers - 1) * t)
        errors[at], bits[at] = 1 - accuracy, uniform_bits(accuracy, answers)
    return errors, bits


def bound(given: Profile, bits: float, share: float = 1.0) -> Bound:
    """The best use of so many bits on all relations at once: each gets them until one more right answer costs the same
    everywhere, which is best because the bits that a relation takes are convex in its errors. share: of the facts of
    each relation that are kept, drawn blindly. Raises BadParameter.
    """
    _checked(bits)
    weight, entropy = given.facts() * share, np.where(given.digits > 0, given.digits, plug_in(given))
    if weight @ entropy <= bits:
        return Bound(1.0, np.zeros(given.n), entropy)
    if not bits:
        return Bound(float(weight @ given.commonest() / weight.sum()), 1 - given.commonest(), np.zeros(given.n))
    low, high = 0.0, _STEEPEST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if weight @ at_slope(given, middle)[1] <= bits else (low, middle)
    errors, taken = at_slope(given, low)
    return Bound(float(1 - weight @ errors / weight.sum()), errors, taken)


def curve(given: Profile, bits: float, points: int = _POINTS) -> list[dict[str, float]]:
    """Over the number of facts kept, drawn blindly from all relations, in even steps up to all: facts, accuracy (the
    bound) and right (facts times accuracy). The bound itself never falls as facts are added, since a model could pass
    over them; trained models do not.
    """
    total = int(given.facts().sum())
    kept = np.unique(np.round(np.linspace(0, total, points + 1)).astype(np.int64))[1:]
    found = [bound(given, bits, many / total).accuracy for many in kept]
    return [
        {"facts": int(many), "accuracy": accuracy, "right": many * accuracy}
        for many, accuracy in zip(kept.tolist(), found, strict=True)
    ]


def _running(given: Profile, start: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(L,) sums from the first level of the relation up to each level."""
    summed = np.cumsum(values)
    return summed - (summed[start] - values[start])[given.relation]


def _log(value: np.ndarray) -> np.ndarray:
    """x log2 x, 0 at 0."""
    return value * np.log2(np.where(value > 0, value, 1))


def _checked(bits: float) -> None:
    if not (np.isfinite(bits) and bits >= 0):
        raise BadParameter(f"bits is {bits}; it must be a finite number of at least 0.")
