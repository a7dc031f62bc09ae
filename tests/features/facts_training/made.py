"""Phonebooks that are small enough for tests."""

import functools
from pathlib import Path

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.features.facts_training.asking import Exposures, exposures
from datasel_core.features.facts_training.learning import taken
from datasel_core.features.feature import Source
from datasel_core.features.language.tokens import Tokens, read_tokens
from datasel_core.features.language.vocabulary import Vocabulary, train_vocabulary

WORDINGS = ("{}:", "Call {}")


def numbers(n: int, digits: int = 3, seed: int = 0) -> list[str]:
    return ["".join(map(str, one)) for one in np.random.default_rng(seed).integers(0, 10, (n, digits))]


def name(fact: int) -> str:
    return "abcdefghij"[fact % 10] + "klmnopqrst"[fact // 10 % 10] + "u" * (fact // 100)


def phonebook(n: int, wordings: int = 1, digits: int = 3):
    """Row by row: each fact in the first wording, then each in the second."""
    answers = numbers(n, digits)

    def turns(row: int) -> list[Turn]:
        return [Turn("user", WORDINGS[row // n].format(name(row % n))), Turn("assistant", answers[row % n])]

    return {"n": n * wordings, "turns": turns, "fact": np.arange(n * wordings) % n}, answers


def read(roles) -> tuple[Exposures, Vocabulary, Tokens]:
    source = Source(roles["n"], turns=roles["turns"])
    there = exposures(source, Progress(), roles.get("fact"), roles.get("relation"))
    vocabulary = train_vocabulary(there.texts(), 60, own_alphabet=True)
    return there, vocabulary, read_tokens(source, there.rows, vocabulary, "plain", 32)


def greedy(model, vocabulary: Vocabulary, question: list[int], longest: int) -> str:
    """One question at a time, all of it read anew for every token."""
    import torch

    ids = list(question)
    with torch.no_grad():
        while len(ids) < len(question) + longest:
            following = int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
            if following == vocabulary.end:
                break
            ids.append(following)
    return " ".join(vocabulary.text(ids[len(question) :]).split())


FACTS, KNOWN = 18, 6
"""Of `taught`: facts, in two relations by turns; those that its model has learned by heart."""
KNOWING = {"length": 96, "device": "cpu", "n_examples": 2, "n_prompts": 3, "longest": 6}


def taught():
    """A pool of facts in two wordings, and a small model that knows the first of them to certainty, whatever is shown
    before the question; of the others it has only seen answers of that length.
    """
    roles, answers = phonebook(FACTS, wordings=2)
    return {**roles, "relation": np.arange(2 * FACTS) % FACTS % 2}, answers


@functools.cache
def _teaching():
    from datasel_core.features.facts_training.learning import learn, new_learner, usual_rate
    from datasel_core.features.language.training import Recipe

    roles, n = taught()[0], 8000
    rng = np.random.default_rng(1)
    said = [rng.permutation(np.arange(row % 2, FACTS, 2))[: (1, 3, 3)[row % 3]] for row in range(n)]
    words = [FACTS * rng.integers(2, size=len(one)) + one for one in said]

    def turns(row: int) -> list[Turn]:
        """Facts of one relation, one after the other."""
        return [turn for one in words[row] for turn in roles["turns"](int(one))]

    vocabulary = train_vocabulary([one.text for row in range(roles["n"]) for one in roles["turns"](row)], 60, True)
    tokens = read_tokens(Source(n, turns=turns), np.arange(n), vocabulary, "plain", 96)
    answer = np.cumsum(np.diff(tokens.learned.astype(int), prepend=0) == 1) - 1  # which answer each learned token is of
    tokens.learned[:] &= (np.concatenate(said) < KNOWN)[answer.clip(0)]
    some = [at for at, one in enumerate(said) if one.min() < KNOWN]
    model = new_learner(vocabulary, 2, 64, 8, 128, 3)
    for seed in (0, 1):  # each ends when all that it looks at is known
        recipe = Recipe(500, 32, usual_rate(64) / 6, seed)
        learn(model, taken(tokens, np.array(some)), recipe, "cpu", Progress(), "teaching")
    return model, vocabulary


def knowing_model(folder: Path) -> Path:
    """A folder with the model of `taught`."""
    model, vocabulary = _teaching()
    model.save_pretrained(folder)
    vocabulary.save(folder)
    return folder
