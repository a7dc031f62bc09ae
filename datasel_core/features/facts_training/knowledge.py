"""What a model knows, in numbers: facts beyond guessing, and bits that it must hold. Arrays in, numbers out."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

HIGHLY_KNOWN, MAYBE_KNOWN, WEAKLY_KNOWN, UNKNOWN = "highly known", "maybe known", "weakly known", "unknown"
CATEGORIES = (HIGHLY_KNOWN, MAYBE_KNOWN, WEAKLY_KNOWN, UNKNOWN)


def guesses(relation: np.ndarray, answers: Sequence[str]) -> np.ndarray:
    """(R,) the share of the commonest answer of each relation: what guessing gets right. relation: (F,) from 0."""
    return np.array([max(found.values()) / found.total() for found in _counted(relation, answers)])


def beyond_guessing(right: np.ndarray, relation: np.ndarray, guess: np.ndarray) -> float:
    """Facts known: the sum over relations of (c - N p) / (1 - p). right: (F,) from 0 to 1. A relation with one answer
    holds nothing to know.
    """
    n = np.bincount(relation, minlength=len(guess))
    found = np.bincount(relation, weights=right, minlength=len(guess))
    is_open = guess < 1
    return float(((found - n * guess)[is_open] / (1 - guess[is_open])).sum())


def stored_bits(bits: np.ndarray, nats: np.ndarray, relation: np.ndarray) -> float:
    """Bits that a model must hold at least: the sum over facts of H - CE / ln 2, relation by relation, each at least 0;
    Allen-Zhu & Li 2024, https://arxiv.org/abs/2404.05405. bits, nats: (F,) of each fact. A fact that is believed
    wrongly counts against its relation.
    """
    of = np.bincount(relation, weights=bits - nats / math.log(2))
    return float(np.maximum(of, 0).sum())


def verdicts(said: Sequence[str], answers: Sequence[str], relation: np.ndarray, known: Sequence[set[str]]) -> list[str]:
    """`right`, `wrong` (an answer of another fact of the relation) or `other` of each. known: of each relation, all
    answers.
    """
    return [
        "right" if one == answer else "wrong" if one in known[of] else "other"
        for one, answer, of in zip(said, answers, relation.tolist(), strict=True)
    ]


def answers_of(relation: np.ndarray, answers: Sequence[str]) -> list[set[str]]:
    """Of each relation, the answers of its facts."""
    return [set(found) for found in _counted(relation, answers)]


def categories(greedy: np.ndarray, drawn: np.ndarray | None = None) -> np.ndarray:
    """(m,) text, how well a model knows a fact, by the shares of its answers that are right over several sets of
    examples: `highly known` where every greedy answer is, `maybe known` where some are; where none is, `weakly known`
    if some answer that was drawn is right, else `unknown`. Empty where nothing was asked. greedy, drawn: (m,) from 0
    to 1 or NaN; without `drawn`, the weakly known are among the unknown.

    Gekhman et al. 2024, https://arxiv.org/abs/2405.05904, there with ten sets of four examples and sixteen drawn
    answers to each.
    """
    lucky = np.zeros(len(greedy), bool) if drawn is None else np.asarray(drawn) > 0
    of = [greedy >= 1, greedy > 0, (greedy == 0) & lucky, greedy == 0]
    return np.select(of, CATEGORIES, default="")


def per_fact(fact: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The facts that were asked about, ascending, and the mean over the questions of each. fact, values: (m,)."""
    facts, of = np.unique(fact, return_inverse=True)
    return facts, np.bincount(of.reshape(-1), weights=values) / np.bincount(of.reshape(-1))


def halves_by(exposures: np.ndarray) -> np.ndarray | None:
    """(F,) whether a fact is of the half that is met most often, ties in order; None where all are met as often."""
    if not len(exposures) or exposures.min() == exposures.max():
        return None
    head = np.zeros(len(exposures), bool)
    head[np.argsort(-exposures, kind="stable")[: -(-len(exposures) // 2)]] = True
    return head


def _counted(relation: np.ndarray, answers: Sequence[str]) -> list[Counter]:
    found: dict[int, Counter] = defaultdict(Counter)
    for of, answer in zip(relation.tolist(), answers, strict=True):
        found[of][answer] += 1
    return [found[of] for of in range(int(relation.max(initial=-1)) + 1)]
