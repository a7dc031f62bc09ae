"""Turns become tokens, and a mask of those that are learned."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress, Track
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.language.vocabulary import Vocabulary

Template = Literal["plain", "alpaca"]

_ALPACA = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
_ROWS = 256
_LONGEST = 1 << 16


@dataclass(frozen=True)
class Spelt:
    """One sample. ids: (l,) int32. learned: (l,) bool. cut: whether something of it did not fit."""

    ids: np.ndarray
    learned: np.ndarray
    cut: bool


@dataclass(frozen=True)
class Tokens:
    """Samples end to end. rows: (m,) pool rows. offsets: (m + 1,) where each begins. unreadable: (row, reason) of the
    others. cut: how many did not fit.
    """

    rows: np.ndarray
    ids: np.ndarray
    learned: np.ndarray
    offsets: np.ndarray
    unreadable: tuple[tuple[int, str], ...]
    cut: int

    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def padded(self, at: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(b, longest) int64 ids and bool mask of learned tokens. Padding comes after, where no causal model looks; its
        ids mean nothing.
        """
        lengths = self.offsets[np.asarray(at) + 1] - self.offsets[at]
        ids, learned = np.zeros((len(at), lengths.max()), np.int64), np.zeros((len(at), lengths.max()), bool)
        for row, (one, length) in enumerate(zip(at, lengths, strict=True)):
            start = self.offsets[one]
            ids[row, :length], learned[row, :length] = (
                self.ids[start : start + length],
                self.learned[start : start + length],
            )
        return ids, learned


def read_tokens(
    source: Source,
    rows: np.ndarray,
    vocabulary: Vocabulary,
    template: Template,
    length: int,
    track: Track | None = None,
) -> Tokens:
    """All these samples as tokens, those without a learned token apart."""
    found, read, unreadable = [], [], []
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS].tolist()
        for row, spelt in zip(part, _spelt(source, part, vocabulary, template, length), strict=True):
            if isinstance(spelt, str):
                unreadable.append((row, spelt))
            else:
                found.append(spelt)
                read.append(row)
        if track is not None:
            track.advance(len(part))
    ids = np.concatenate([one.ids for one in found]) if found else np.empty(0, np.int32)
    learned = np.concatenate([one.learned for one in found]) if found else np.empty(0, bool)
    offsets = np.concatenate([[0], np.cumsum([len(one.ids) for one in found])]).astype(np.int64)
    return Tokens(
        np.array(read, dtype=np.int64), ids, learned, offsets, tuple(unreadable), sum(one.cut for one in found)
    )


def texts_of(source: Source, progress: Progress) -> Iterator[str]:
    """Everything that can be read, for training a vocabulary: prompts are read by the model too."""
    for row in progress.over(range(source.n), source.n, "reading texts"):
        try:
            turns = source.turns(row)
        except Unreadable:
            continue
        for turn in turns:
            yield turn.text.encode("utf-8", "replace").decode("utf-8")


def pieces(turns: Sequence[Turn], template: Template) -> list[tuple[str, bool]]:
    """(text, learned) in order: what a model reads. After every learned piece comes the end-of-text token."""
    if template == "plain":
        return [(turn.text if turn.learned else f"{turn.text}\n", turn.learned) for turn in turns]
    found: list[tuple[str, bool]] = []
    before = f"{_ALPACA}\n\n"
    for at, turn in enumerate(turns):
        if turn.learned or turn.role == "assistant":  # one that is not learned is read as what it is
            found.append((turn.text, turn.learned))
            before = "\n\n"
        elif turn.role == "tool":
            ends = at + 1 < len(turns) and turns[at + 1].role == "assistant"
            found.append((f"{before}### Tool:\n{turn.text}" + ("\n\n### Response:\n" if ends else ""), False))
            before = "\n\n"
        elif turn.role == "system" and at + 1 < len(turns) and turns[at + 1].role == "user":
            before = f"{turn.text}\n\n"
        else:
            found.append((f"{before}### Instruction:\n{turn.text}\n\n### Response:\n", False))
            before = "\n\n"
    return found


def _spelt(
    source: Source, rows: Sequence[int], vocabulary: Vocabulary, template: Template, length: int
) -> list[Spelt | str]:
    """Of each row its tokens, or the reason why there are none."""
    most = max(
        _LONGEST, (length + 1) * vocabulary.longest
    )  # more characters never fit; a book in a field must not be spelt out
    reasons: dict[int, str] = {}
    samples: dict[int, list[tuple[str, bool, bool]]] = {}
    for row in rows:
        try:
            parts = pieces(source.turns(row), template)
        except Unreadable as error:
            reasons[row] = str(error)
            continue
        if not any(learned and text.strip() for text, learned in parts):
            reasons[row] = "it has no response to learn"
            continue
        samples[row] = [(text[:most], learned, len(text) > most) for text, learned in parts]
    ids = iter(vocabulary.spell([text for parts in samples.values() for text, _, _ in parts]))
    found = {
        row: _joined([(next(ids), learned, cut) for _, learned, cut in parts], vocabulary, length)
        for row, parts in samples.items()
    }
    return [reasons[row] if row in reasons else found[row] for row in rows]


def _joined(parts: Sequence[tuple[list[int], bool, bool]], vocabulary: Vocabulary, length: int) -> Spelt | str:
    ids, learned, any_cut = list(vocabulary.start), [False] * len(vocabulary.start), False
    for piece, is_learned, cut in parts:
        ends = [vocabulary.end] if is_learned and not cut else []
        if is_learned and piece and len(ids) >= length and not any(learned):
            return f"the prompt alone has {'more than ' if any_cut else ''}{len(ids)} tokens; the limit is {length}"
        ids += piece + ends
        learned += [is_learned] * (len(piece) + len(ends))
        any_cut |= cut
    learned[0] = False  # nothing comes before the first token, so nothing predicts it
    kept = np.array(learned[:length], dtype=bool)
    if not kept.any():
        return "it has no response to learn"
    return Spelt(np.array(ids[:length], dtype=np.int32), kept, any_cut or len(ids) > length)
