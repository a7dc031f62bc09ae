"""What a fine-tuned model says of facts, in numbers, by what it knew of them before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.features.facts_training import knowledge
from datasel_core.features.facts_training.asking import Exposures
from datasel_core.features.facts_training.learning import taken
from datasel_core.features.language.tokens import Tokens
from datasel_core.probes.numbers.facts import right_answers

_WORDS = ("right", "wrong", "other")
_EXAMPLES = 20


@dataclass(frozen=True)
class Questions:
    """at: (m,) positions among the exposures, with their tokens. shown: of each, its prompts with examples; none where
    its relation has too few others, or they are too long.
    """

    at: np.ndarray
    tokens: Tokens
    shown: Sequence[list[list[int]]]

    def of(self, places: np.ndarray) -> "Questions":
        """These of them."""
        return Questions(self.at[places], taken(self.tokens, places), [self.shown[place] for place in places.tolist()])


@dataclass(frozen=True)
class Answers:
    """What was said to each of m questions. before: after each set of examples, before fine-tuning. alone: after it, to
    the question alone, as it is trained. again: as before, after it; empty where nobody asked.
    """

    at: np.ndarray
    before: Sequence[Sequence[str]]
    alone: Sequence[str]
    again: Sequence[Sequence[str]]


def shares(there: Exposures, at: np.ndarray, said: Sequence[Sequence[str]]) -> np.ndarray:
    """(m,) how often each question was answered rightly; NaN where it was not asked."""
    answers = (there.answer[one] for one in at.tolist())
    found = [[one == answer for one in group] for group, answer in zip(said, answers, strict=True)]
    return np.array([np.mean(group) if group else np.nan for group in found], dtype=np.float64)


def numbers_of(
    there: Exposures, asked: Mapping[str, Answers], answers: Sequence[str], relation: np.ndarray
) -> dict[str, Any]:
    """What one model knows after fine-tuning; shares are means over facts. answers, relation: of each fact."""
    trained, dropped = asked["trained"], asked["dropped"]
    right = {name: right_answers(there, one.at, list(one.alone)) for name, one in asked.items()}
    known = {name: shares(there, one.at, one.before) for name, one in asked.items()}
    again = shares(there, dropped.at, dropped.again)
    old, new, reworded = known["dropped"] == 1, known["trained"] == 0, known["rephrased"] == 0
    facts, of_new = knowledge.per_fact(there.fact[trained.at[new]], right["trained"][new])
    numbers = {
        "exact_match": _share(there, trained.at, right["trained"]),
        "rephrased_match": _share(there, asked["rephrased"].at, right["rephrased"]),
        "new_match": _share(there, trained.at[new], right["trained"][new]),
        "new_rephrased_match": _share(there, asked["rephrased"].at[reworded], right["rephrased"][reworded]),
        "memorised": knowledge.beyond_guessing(of_new, relation[facts], knowledge.guesses(relation, answers)),
        "old_match": _share(there, dropped.at[old], right["dropped"][old]),
        "old_match_shown": _share(there, dropped.at[old], again[old]),
        "forgotten": _share(there, dropped.at[old], 1 - again[old]),
    }
    unknown = np.flatnonzero(known["dropped"] == 0)
    alone = [[dropped.alone[place]] for place in range(len(dropped.at))]
    numbers |= _verdicts(there, dropped.at, alone, unknown, answers, relation, "unknown_{}")
    numbers |= _verdicts(there, dropped.at, dropped.again, unknown, answers, relation, "unknown_{}_shown")
    facts, found = knowledge.per_fact(there.fact[trained.at], right["trained"])
    of = relation[facts]
    by_relation = {
        str(one): {"facts": int((of == one).sum()), "exact_match": float(found[of == one].mean())}
        for one in np.unique(of).tolist()
    }
    return {"numbers": numbers, "by_relation": by_relation}


def before_of(
    there: Exposures, asked: Mapping[str, Answers], answers: Sequence[str], relation: np.ndarray
) -> dict[str, Any]:
    """The same before fine-tuning, always after examples, as `before_...`; and how many questions of each kind were how
    well known.
    """
    known = {name: shares(there, one.at, one.before) for name, one in asked.items()}
    dropped = asked["dropped"]
    numbers = {
        "exact_match": _share(there, asked["trained"].at, known["trained"]),
        "rephrased_match": _share(there, asked["rephrased"].at, known["rephrased"]),
        "dropped_match": _share(there, dropped.at, known["dropped"]),
    }
    unknown = np.flatnonzero(known["dropped"] == 0)
    numbers |= _verdicts(there, dropped.at, dropped.before, unknown, answers, relation, "unknown_{}_shown")
    counted = {name: _counted(knowledge.categories(one)) for name, one in known.items()}
    return {f"before_{name}": _rounded(one) for name, one in numbers.items()} | {"knowledge": counted}


def by_knowledge(there: Exposures, seeds: Sequence[Mapping[str, Answers]]) -> dict[str, dict[str, Any]]:
    """Of each category before: right answers afterwards, over all seeds: of facts that were trained on, and of others,
    alone and after the same examples.
    """
    trained, dropped = seeds[0]["trained"], seeds[0]["dropped"]
    of = {name: knowledge.categories(shares(there, one.at, one.before)) for name, one in seeds[0].items()}
    learned = np.mean([right_answers(there, trained.at, list(one["trained"].alone)) for one in seeds], axis=0)
    alone = np.mean([right_answers(there, dropped.at, list(one["dropped"].alone)) for one in seeds], axis=0)
    again = np.mean([shares(there, dropped.at, one["dropped"].again) for one in seeds], axis=0)
    found: dict[str, dict[str, Any]] = {}
    for name in knowledge.CATEGORIES:
        mine, other = of["trained"] == name, of["dropped"] == name
        if mine.any() or other.any():
            found[name] = {
                "trained": int(mine.sum()),
                "trained_match": _rounded(_share(there, trained.at[mine], learned[mine])),
                "dropped": int(other.sum()),
                "dropped_match": _rounded(_share(there, dropped.at[other], alone[other])),
                "dropped_match_shown": _rounded(_share(there, dropped.at[other], again[other])),
            }
    return found


def examples_in(there: Exposures, dropped: Answers) -> list[dict[str, Any]]:
    """What the first model says to some questions that it was not trained on, before and after."""
    said = zip(dropped.at.tolist(), dropped.before, dropped.alone, strict=True)
    return [
        {
            "row": int(there.rows[at]),
            "answer": there.answer[at],
            "before": before[0] if before else None,
            "after": after,
        }
        for at, before, after in list(said)[:_EXAMPLES]
    ]


def _verdicts(
    there: Exposures,
    at: np.ndarray,
    said: Sequence[Sequence[str]],
    places: np.ndarray,
    answers: Sequence[str],
    relation: np.ndarray,
    called: str,
) -> dict[str, float | None]:
    """Shares of what was said at these places that is right, another fact's answer (`wrong`) or neither (`other`)."""
    pairs = [(int(at[place]), text) for place in places.tolist() for text in said[place]]
    right, known = [there.answer[one] for one, _ in pairs], knowledge.answers_of(relation, answers)
    of = there.relation[[one for one, _ in pairs]] if pairs else np.empty(0, np.int64)
    words = knowledge.verdicts([text for _, text in pairs], right, of, known)
    return {called.format(word): words.count(word) / len(words) if words else None for word in _WORDS}


def _share(there: Exposures, at: np.ndarray, values: np.ndarray) -> float | None:
    """The mean over facts of the mean over their questions, of those that were asked."""
    asked = np.isfinite(values)
    found = knowledge.per_fact(there.fact[at[asked]], values[asked])[1]
    return float(found.mean()) if len(found) else None


def _counted(words: np.ndarray) -> dict[str, int]:
    return {name: int((words == name).sum()) for name in knowledge.CATEGORIES if (words == name).any()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
