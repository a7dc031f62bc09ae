"""Exposures of facts, and the questions that a model is asked about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.features.facts_training.learning import one_torch_thread
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.language.answers import generate
from datasel_core.features.language.scoring import score
from datasel_core.features.language.tokens import Tokens
from datasel_core.features.language.vocabulary import Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOGETHER = 1024
_BATCH_TOKENS = 16384


@dataclass(frozen=True)
class Exposures:
    """Samples that ask something and say the answer, in the order of the pool.

    rows: (m,). question, answer: (m,) text. fact: (m,) from 0, relation: (m,) from 0: equal numbers mean the same.
    facts: how many there are.
    """

    rows: np.ndarray
    question: list[str]
    answer: list[str]
    fact: np.ndarray
    relation: np.ndarray

    @property
    def facts(self) -> int:
        return int(self.fact.max()) + 1

    def texts(self) -> Iterator[str]:
        for question, answer in zip(self.question, self.answer, strict=True):
            yield question
            yield answer

    def first(self) -> np.ndarray:
        """(facts,) position of the sample that says each fact first: whose answer and relation it has."""
        return np.unique(self.fact, return_index=True)[1]

    def different(self, at: np.ndarray) -> np.ndarray:
        """Of these positions, the first of each question of a fact: equal exposures are asked about once."""
        seen = {(self.fact[one], self.question[one], self.answer[one]): one for one in reversed(at.tolist())}
        return np.array(sorted(seen.values()), dtype=np.int64)

    def parts(self, train: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
        """Positions of the exposures that are learned (`trained`), of other wordings of their facts (`rephrased`) and
        of facts of which nothing is learned (`dropped`). train, test: rows; none of `test` that is learned counts.
        """
        kept = np.flatnonzero(np.isin(self.rows, train))
        said, others = self.said_by(kept), np.setdiff1d(np.flatnonzero(np.isin(self.rows, test)), kept)
        is_known = np.isin(self.fact[others], self.fact[kept])
        new = np.array([(int(self.fact[at]), self.question[at]) not in said for at in others.tolist()], dtype=bool)
        return {"trained": kept, "rephrased": others[is_known & new], "dropped": others[~is_known]}

    def some(self, at: np.ndarray, most: int, seed: int) -> np.ndarray:
        """Of these positions, those that are asked about: different questions, drawn where there are more."""
        return np.sort(np.random.default_rng([5, seed]).permutation(self.different(at))[:most])

    def said_by(self, at: np.ndarray) -> set[tuple[int, str]]:
        """Fact and question of each of these positions."""
        return {(int(self.fact[one]), self.question[one]) for one in at.tolist()}


def exposures(
    source: Source, progress: Progress, fact: np.ndarray | None = None, relation: np.ndarray | None = None
) -> Exposures:
    """Every sample of the source that has one response which is learned, and something before it. fact, relation: (n,)
    ints, below 0 where unknown, which leaves a sample out; without `fact` equal questions are one fact, without
    `relation` there is one.
    """
    rows, questions, answers = [], [], []
    for row in progress.over(range(source.n), source.n, "reading facts"):
        try:
            turns = source.turns(row)
        except Unreadable:
            continue
        learned = [at for at, turn in enumerate(turns) if turn.learned and turn.role == "assistant"]
        if learned != [len(turns) - 1] or len(turns) < 2 or not turns[-1].text.strip():
            continue
        if any(known is not None and known[row] < 0 for known in (fact, relation)):
            continue
        rows.append(row)
        question, answer = said_in(turns)
        questions.append(question)
        answers.append(answer)
    at = np.array(rows, dtype=np.int64)
    named = np.array(questions, dtype=object) if fact is None else np.asarray(fact)[at]
    of = np.unique(named, return_inverse=True)[1].reshape(-1).astype(np.int64)
    kinds = np.zeros(len(at), np.int64) if relation is None else np.asarray(relation)[at]
    return Exposures(at, questions, answers, of, np.unique(kinds, return_inverse=True)[1].reshape(-1).astype(np.int64))


def said_in(turns: Sequence[Turn]) -> tuple[str, str]:
    """Question and answer of an exposure."""
    return "\n".join(turn.text for turn in turns[:-1]), plain(turns[-1].text)


def plain(text: str) -> str:
    """An answer as it is compared: single spaces, none around it."""
    return " ".join(text.split())


def questions_in(tokens: Tokens) -> list[list[int]]:
    """Of each sample with one response, the ids that come before it."""
    begins = [
        int(np.argmax(tokens.learned[start:end]))
        for start, end in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)
    ]
    return [
        tokens.ids[start : start + length].tolist() for start, length in zip(tokens.offsets[:-1], begins, strict=True)
    ]


def answered(
    model: "PreTrainedModel", vocabulary: Vocabulary, tokens: Tokens, longest: int, progress: Progress, label: str
) -> list[str]:
    """What the model says to the question of each sample, the likeliest token again and again, many at a time."""
    track = progress.track(len(tokens.rows), label)
    with one_torch_thread():
        said = generate(model, vocabulary, questions_in(tokens), longest, progress, track, _TOGETHER)
    track.finish()
    return [plain(text) for text in said]


def nats(model: "PreTrainedModel", tokens: Tokens) -> np.ndarray:
    """(m,) float64: cross-entropy of each whole answer, its end included."""
    with one_torch_thread():
        loss = score(model, tokens, _BATCH_TOKENS).loss.astype(np.float64)
    first = np.concatenate([[0], np.cumsum(tokens.learned)])[tokens.offsets]
    return np.add.reduceat(loss, first[:-1]) if len(tokens.rows) else np.empty(0)


def longest_answer(tokens: Tokens) -> int:
    """Most learned tokens of a sample, the end of its answer among them."""
    first = np.concatenate([[0], np.cumsum(tokens.learned)])[tokens.offsets]
    return int(np.diff(first).max(initial=1))
