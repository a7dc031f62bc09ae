"""Words of texts as numbers, and the runs of so many words in them: what texts are compared by."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Kana and Chinese characters: no space stands between words there, so each counts as one."""
_SPACELESS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))
"""Thai and Lao, Burmese, Khmer: no space stands between words there either, and vowels that are marks part them."""
_MARKS = "".join(
    chr(at)
    for at in range(0x0300, 0x1E00)
    if unicodedata.category(chr(at))[0] == "M" and not any(low <= at <= high for low, high in _SPACELESS)
)
"""Vowels and accents written over, under or beside a letter, as in Hindi, Tamil and Arabic: they are of its word."""
_WORD = re.compile(rf"[{_SIGNS}]|[^\W_{_SIGNS}]+(?:[{_MARKS}]+[^\W_{_SIGNS}]*)*")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)

Part = tuple[str, bool]
"""A text, and whether it counts as a whole where it has fewer words than a run."""


def spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Each word, in small letters, and where it stands; signs between words are left out."""
    for found in _WORD.finditer(text):
        yield _small(found[0]), found.start(), found.end()


def words(text: str) -> list[str]:
    """`It's 3 km.` as it, s, 3, km."""
    return _WORD.findall(_small(text))


def _small(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower()


class _Numbers(dict):
    """Word -> 64 bits that stand for it, the same in every process."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = number = int.from_bytes(digest)
        return number


@dataclass(frozen=True)
class Runs:
    """The different runs of some samples. of: (k,) which sample, ascending. runs: (k,) uint64 that stand for a run
    each; two unlike ones are the same with a chance of 1 in 2**64. sizes: (b,) how many different ones each sample has.
    """

    of: np.ndarray
    runs: np.ndarray
    sizes: np.ndarray


class Reader:
    """Texts in, runs out. It knows the words that it has met, so that each is hashed once."""

    def __init__(self) -> None:
        self._numbers = _Numbers()

    def read(self, samples: Sequence[Sequence[Part]]) -> "Read":
        numbers, ends, of, counts = [], [], [], []
        for at, parts in enumerate(samples):
            for text, as_whole in parts:
                numbers += map(self._numbers.__getitem__, words(text))
                ends.append(len(numbers))
                of.append(at)
                counts.append(as_whole)
        return Read(
            np.array(numbers, np.uint64),
            np.array(ends, np.int64),
            np.array(of, np.int64),
            np.array(counts, bool),
            len(samples),
        )


@dataclass(frozen=True)
class Read:
    """numbers: of all words, part after part. ends: of the parts among them. of: the sample of each part."""

    numbers: np.ndarray
    ends: np.ndarray
    of: np.ndarray
    as_whole: np.ndarray
    n: int

    def runs(self, length: int, all_short: bool = False) -> Runs:
        """Runs of so many words within one part. A shorter part counts as a whole where it may. all_short: all may."""
        starts = np.concatenate([[0], self.ends[:-1]]).astype(np.int64)
        sizes = self.ends - starts
        long = np.repeat(np.arange(len(sizes)), np.maximum(sizes - length + 1, 0))
        first = np.cumsum(np.maximum(sizes - length + 1, 0)) - np.maximum(sizes - length + 1, 0)
        at = starts[long] + np.arange(len(long)) - first[long]
        found, of = [self._folded(at, length)], [self.of[long]]
        for short in range(1, length):
            parts = np.flatnonzero((sizes == short) & (self.as_whole | all_short))
            found.append(self._folded(starts[parts], short))
            of.append(self.of[parts])
        return _distinct(np.concatenate(of), np.concatenate(found), self.n)

    def _folded(self, at: np.ndarray, length: int) -> np.ndarray:
        """(k,) uint64 of the runs that begin there; sums wrap around, as they are meant to."""
        folded = np.full(len(at), length, np.uint64)
        for step in range(length):
            folded = folded * _FACTOR + self.numbers[at + step]
        return folded


def _distinct(of: np.ndarray, runs: np.ndarray, n: int) -> Runs:
    order = np.lexsort((runs, of))
    of, runs = of[order], runs[order]
    new = np.ones(len(of), bool)
    new[1:] = (of[1:] != of[:-1]) | (runs[1:] != runs[:-1])
    return Runs(of[new], runs[new], np.bincount(of[new], minlength=n))


def shared(text: str, other: str, length: int) -> list[tuple[int, int]]:
    """Where a text says what another says too, for at least so many words: (start, end) of each stretch."""
    mine, theirs = list(spans(text)), words(other)
    length = min(length, len(mine), len(theirs)) or 1
    known = {tuple(theirs[at : at + length]) for at in range(len(theirs) - length + 1)}
    stretches: list[tuple[int, int]] = []
    for at in range(len(mine) - length + 1):
        if tuple(word for word, _, _ in mine[at : at + length]) in known:
            start, end = mine[at][1], mine[at + length - 1][2]
            if stretches and start <= stretches[-1][1]:
                start = stretches.pop()[0]
            stretches.append((start, end))
    return stretches
