"""What models say of facts, in numbers: of one model, and over several seeds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.features.facts_training import knowledge
from datasel_core.features.facts_training.asking import Exposures, nats
from datasel_core.features.language.tokens import Tokens
from datasel_core.features.language.vocabulary import Vocabulary
from datasel_core.probes.numbers.seeds import SHARE, of_seeds

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BESIDE = "beside"
"""Questions about facts that were learned here, and are dropped in another training."""
DROPPED = ("dropped_right", "dropped_wrong", "dropped_other")
"""Shares of what is said of dropped facts: right, the answer of another fact, neither."""
_COUNTED = ("memorised", "stored_bits")
"""Numbers that are no shares."""


@dataclass(frozen=True)
class Part:
    """Questions of one kind. at: (m,) positions among the exposures, and their tokens. facts: all that the kind has,
    those about which nothing is asked among them.
    """

    at: np.ndarray
    tokens: Tokens
    facts: np.ndarray


@dataclass(frozen=True)
class World:
    """All that is the same for every seed. parts: `trained`, each wording that is learned, once; `rephrased`, wordings
    of those facts that are not; `dropped`, questions about facts of which nothing is learned; `beside` where another
    training is named. answers, relation: of each fact.
    """

    there: Exposures
    vocabulary: Vocabulary
    learned: Tokens
    parts: Mapping[str, Part]
    answers: list[str]
    relation: np.ndarray
    longest: int

    @property
    def gone(self) -> str:
        """The part of which it is told what is said of dropped facts."""
        return BESIDE if BESIDE in self.parts else "dropped"


def numbers_of(
    world: World,
    model: "PreTrainedModel",
    said: Mapping[str, list[str]],
    bits: np.ndarray,
    guess: np.ndarray,
) -> dict[str, Any]:
    """What one model knows. said: its answers to each part. bits: (facts,) of each answer. guess: (R,) of each
    relation, what guessing gets right.
    """
    there, found = world.there, {}
    for name, part in world.parts.items():
        found[name] = knowledge.per_fact(there.fact[part.at], right_answers(there, part.at, said[name]))
    facts, right = found["trained"]
    trained, dropped = world.parts["trained"], world.parts[world.gone].at
    scale = len(trained.facts) / max(1, len(facts))  # where only some were asked about
    _, loss = knowledge.per_fact(there.fact[trained.at], nats(model, trained.tokens))
    of = world.relation[facts]
    numbers = {
        "memorised": knowledge.beyond_guessing(right, of, guess) * scale,
        "exact_match": _mean(right),
        "rephrased_match": _mean(found["rephrased"][1]),
        "stored_bits": knowledge.stored_bits(bits[facts], loss, of) * scale,
        **_by_frequency(there, found, {name: len(one.facts) for name, one in world.parts.items()}),
    }
    words = knowledge.verdicts(
        said[world.gone],
        [there.answer[at] for at in dropped.tolist()],
        there.relation[dropped],
        knowledge.answers_of(world.relation, world.answers),
    )
    for name in DROPPED:
        numbers[name] = words.count(name.removeprefix("dropped_")) / len(words) if words else None
    every = world.relation[trained.facts]
    by_relation = {  # those that were asked about stand for all of them
        str(one): {"facts": int((every == one).sum()), "exact_match": _mean(right[of == one])}
        for one in np.unique(every).tolist()
    }
    return {"numbers": numbers, "by_relation": by_relation}


def right_answers(there: Exposures, at: np.ndarray, said: list[str]) -> np.ndarray:
    """(m,) 1 where an answer is the right one, letter by letter, else 0. at: (m,) positions among the exposures."""
    answers = (there.answer[one] for one in at.tolist())
    return np.array([one == answer for one, answer in zip(said, answers, strict=True)], dtype=np.float64)


def _mean(values: np.ndarray, weights: np.ndarray | None = None) -> float | None:
    return float(np.average(values, weights=weights)) if len(values) else None


def _by_frequency(
    there: Exposures, found: Mapping[str, tuple[np.ndarray, np.ndarray]], among: Mapping[str, int]
) -> dict[str, float | None]:
    """Of kept and dropped facts together: right answers weighted by how often the whole pool says a fact, and those of
    the half that it says most often and of the other. among: of how many facts those of a part were drawn, for which
    they stand.
    """
    both = ("trained", "dropped")
    facts, right = (np.concatenate([found[name][which] for name in both]) for which in (0, 1))
    stands = np.concatenate([np.full(len(found[one][0]), among[one] / max(1, len(found[one][0]))) for one in both])
    often = np.bincount(there.fact)[facts]
    head = knowledge.halves_by(often)
    numbers = {"weighted_accuracy": _mean(right, often * stands)}
    if head is None:
        return numbers
    halves = {"head": head, "tail": ~head}
    return numbers | {name: _mean(right[half], stands[half]) for name, half in halves.items()}


def over_seeds(found: list[dict[str, Any]], parameters: int) -> dict[str, Any]:
    """Means over the seeds with their intervals."""
    numbers: dict[str, Any] = {}
    for name in found[0]["numbers"]:
        values = [one["numbers"][name] for one in found]
        if None not in values:
            ends = (-math.inf, math.inf) if name in _COUNTED else SHARE
            numbers |= of_seeds(name, np.array(values)[:, None], ends)
            if name == "stored_bits":
                numbers |= of_seeds("bits_a_parameter", np.array(values)[:, None] / parameters)
    relations = {}
    for name, said in found[0]["by_relation"].items():
        right = [one["by_relation"][name]["exact_match"] for one in found]
        relations[name] = {**said, "exact_match": None if None in right else round(float(np.mean(right)), 6)}
    return {**numbers, "by_relation": relations} if len(relations) > 1 else numbers
