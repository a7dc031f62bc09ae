"""Questions with examples before them: other facts of the same relation, never the one that is asked about."""

from collections.abc import Sequence

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.features.facts_training.asking import Exposures, plain
from datasel_core.features.language.answers import spelt_question
from datasel_core.features.language.tokens import Template
from datasel_core.features.language.vocabulary import Vocabulary

NONE = -1
"""In place of examples, where a relation has too few other facts."""


def examples_of(there: Exposures, at: np.ndarray, draws: int, n: int, seed: int) -> np.ndarray:
    """(m, draws, n) positions among the exposures: what is shown before each question, NONE where the relation has
    fewer than n other facts. at: (m,) positions of the questions.

    Each fact is shown in the words in which the pool says it first. Neither the fact that is asked about is shown, in
    whatever words, nor another that answers the same question. What is drawn for a question hangs on the seed and on
    where the pool asks it first, not on what else is asked.
    """
    first, same = there.first(), numbered([plain(one).casefold() for one in there.question])
    of = {one: first[there.relation[first] == one] for one in np.unique(there.relation[at]).tolist()}
    found = np.full((len(at), draws, n), NONE, np.int64)
    for place, (one, begin) in enumerate(zip(at.tolist(), asked_first(there)[at].tolist(), strict=True)):
        others = of[int(there.relation[one])]
        others = others[(there.fact[others] != there.fact[one]) & (same[others] != same[one])]
        for draw in range(draws if len(others) >= n else 0):
            rng = np.random.default_rng([17, seed, int(there.rows[begin]), draw])
            found[place, draw] = rng.choice(others, n, replace=False)
    return found


def asked_first(there: Exposures) -> np.ndarray:
    """(m,) for each exposure the position of the first that asks the same question about the same fact."""
    seen: dict[tuple[int, str], int] = {}
    said = enumerate(zip(there.fact.tolist(), there.question, strict=True))
    return np.array([seen.setdefault(one, at) for at, one in said], dtype=np.int64)


def numbered(texts: Sequence[str]) -> np.ndarray:
    """(m,) ints: equal numbers are equal texts."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(one, len(seen)) for one in texts], dtype=np.int64)


def prompt(examples: Sequence[tuple[str, str]], question: str, vocabulary: Vocabulary, template: Template) -> list[int]:
    """Ids of the examples, question and answer each, and of the question: a conversation such as one that is
    learned.
    """
    turns = []
    for asked, answer in examples:
        turns += [Turn("user", asked), Turn("assistant", answer)]
    return spelt_question([*turns, Turn("user", question)], vocabulary, template)


def prompts_of(
    there: Exposures,
    at: np.ndarray,
    draws: int,
    n: int,
    seed: int,
    vocabulary: Vocabulary,
    template: Template,
) -> list[list[list[int]]]:
    """Of each question its prompts, as many as there are draws; none where its relation has too few other facts."""
    found = []
    for one, sets in zip(at.tolist(), examples_of(there, at, draws, n, seed).tolist(), strict=True):
        said = [
            [(there.question[other], there.answer[other]) for other in shown] for shown in sets if NONE not in shown
        ]
        found.append([prompt(examples, there.question[one], vocabulary, template) for examples in said])
    return found
