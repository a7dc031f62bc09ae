"""Which tokens of a sample say its facts: those of its answer, or of the spans that are marked in a running text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.language.vocabulary import Vocabulary


@dataclass(frozen=True)
class AnswerTokens:
    """tokens: m samples, of which `learned` are the tokens of facts. fact: (k,) of each of these tokens the fact that
    it says, numbered from 0 through all samples. counts: (m,) facts of each sample.
    """

    tokens: Tokens
    fact: np.ndarray
    counts: np.ndarray

    def per_fact(self, loss: np.ndarray) -> np.ndarray:
        """(counts.sum(),) float64: the sum over the tokens of each fact. loss: (k,)."""
        return np.bincount(self.fact, weights=loss, minlength=int(self.counts.sum()))


def answers(source: Source, rows: np.ndarray, vocabulary: Vocabulary, template: Template, length: int) -> AnswerTokens:
    """Each sample has one fact: its responses, the end of each included; of running text all tokens. One of more than
    `length` tokens is unreadable: the loss of half an answer would be too low.
    """
    found = read_tokens(source, rows, vocabulary, template, length + 1)
    fits = found.lengths() <= length
    long = [(int(row), _too_long(length)) for row in found.rows[~fits]]
    at = np.flatnonzero(fits)
    lengths = found.lengths()[at]
    places = np.concatenate([np.empty(0, np.int64), *(np.arange(*found.offsets[[one, one + 1]]) for one in at)])
    learned = found.learned[places]
    owners = np.repeat(np.arange(len(at)), lengths)
    unreadable = tuple(sorted([*found.unreadable, *long]))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    tokens = Tokens(found.rows[at], found.ids[places], learned, offsets, unreadable, 0)
    return AnswerTokens(tokens, owners[learned], np.ones(len(at), np.int64))


def spans(source: Source, rows: np.ndarray, vocabulary: Vocabulary, length: int) -> AnswerTokens:
    """The facts of a text are the spans that are marked in it, in their order. A token that only part of a span lies in
    belongs to it whole; one that two spans share belongs to the first. A text of which a span ends after `length`
    tokens is unreadable, and so is one in which nothing is marked.
    """
    turns, unreadable = {}, []
    for row in rows.tolist():
        try:
            said = source.turns(row)
        except Unreadable as error:
            unreadable.append((row, str(error)))
            continue
        if len(said) == 1 and said[0].spans:
            turns[row] = said[0]
        else:
            unreadable.append((row, "no fact is marked in it"))
    spelt = vocabulary.tokenizer.encode_batch([one.text for one in turns.values()], add_special_tokens=False)
    kept, ids, facts, counts = [], [], [], []
    for (row, turn), one in zip(turns.items(), spelt, strict=True):
        fact = np.concatenate([np.full(len(vocabulary.start), -1), span_of(one.offsets, turn.spans)])
        if (fact[length:] >= 0).any():
            unreadable.append((row, _too_long(length)))
            continue
        kept.append(row)
        ids.append(np.array([*vocabulary.start, *one.ids][:length], np.int32))
        facts.append(fact[:length])
        counts.append(len(turn.spans))
    counts = np.array(counts, np.int64)
    before = np.repeat(np.cumsum(counts) - counts, list(map(len, facts)))
    fact = np.concatenate([np.empty(0, np.int64), *facts])
    offsets = np.concatenate([[0], np.cumsum(list(map(len, ids)))]).astype(np.int64)
    learned = fact >= 0
    learned[offsets[:-1]] = False  # nothing comes before the first token, so nothing predicts it
    tokens = Tokens(
        np.array(kept, np.int64),
        np.concatenate([np.empty(0, np.int32), *ids]),
        learned,
        offsets,
        tuple(sorted(unreadable)),
        0,
    )
    return AnswerTokens(tokens, (fact + before)[learned], counts)


def span_of(offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """(tokens,) int64: the first span that each token shares a character with, -1 where none. offsets: (start, end) of
    each token in characters. spans: ascending, apart from each other.
    """
    starts, ends = np.array(offsets, np.int64).reshape(-1, 2).T
    begin, end = np.array(spans, np.int64).reshape(-1, 2).T
    at = np.searchsorted(end, starts, side="right")
    inside = np.minimum(at, len(end) - 1)
    return np.where((at < len(end)) & (begin[inside] < ends), at, -1)


def _too_long(length: int) -> str:
    return f"what is asked of it ends after {length} tokens, the most that are read; move length up"
