"""Phonebooks that are small enough for tests."""

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.features.facts_training.asking import Exposures, exposures
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
