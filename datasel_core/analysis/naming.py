"""What the samples of a part of a pool share that the others do not: words to call the part by.

Words are weighed by log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, Fightin' Words,
equations 16 to 22), over samples that hold a word rather than over its uses: one long text must not name a part.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.pools.pool import Pool

_WORD = re.compile(r"[^\W\d_][\w'’]*")
_LETTERS = 4000
"""Of each text: what stands behind does not change what it is about."""
_LEAST_SHARE, _LEAST_Z, _MOST_ELSEWHERE = 0.15, 3.0, 0.2
_COMMON_ANSWER, _LONGEST_ANSWER = 1 / 3, 40
_PRIOR = 50.0
"""Samples of the whole pool that each part is thought to hold beforehand."""
_READ = 60
"""Samples of each part that are read; more would not change what it is called."""


@dataclass(frozen=True)
class Shared:
    """answer, share: the commonest short answer and how many of the part give it, where at least a third do and more
    often than elsewhere. words: that tell the part from the others, the most telling first; none where nothing does.
    """

    answer: str
    share: float
    words: tuple[str, ...]


def of_parts(pool: Pool, parts: Sequence[np.ndarray]) -> list[Shared]:
    """What the samples of each part share, told from at most 60 of each, evenly over it. parts: rows of each. Of a pool
    without texts nothing. Raises BadInput, where a text cannot be read any more.
    """
    if "turns" not in pool.opens:
        return [Shared("", 0.0, ()) for _ in parts]
    some = [rows[np.unique(np.linspace(0, len(rows) - 1, _READ).astype(np.int64))] for rows in parts]
    rows = np.concatenate([np.empty(0, np.int64), *some])
    pool.fetch(rows.tolist())
    turns = [pool.turns(row) for row in rows.tolist()]
    asked = [" ".join(turn.text for turn in one if turn.role != "assistant") for one in turns]
    answers = [next((turn.text for turn in reversed(one) if turn.role == "assistant"), "") for one in turns]
    return shared(asked, answers, np.repeat(np.arange(len(parts)), [len(one) for one in some]))


def shared(texts: Sequence[str], answers: Sequence[str], of: np.ndarray, most: int = 3) -> list[Shared]:
    """What the samples of each part share.

    texts: (n,) what is asked, or all there is. answers: (n,) what is answered; empty where nothing is. of: (n,) the
    part of each sample, from 0; a list over the parts comes back. most: words to call a part by.
    """
    k = int(of.max(initial=-1)) + 1
    held = [frozenset(_words(text)) for text in texts]
    whole, sizes = Counter(word for one in held for word in one), np.bincount(of, minlength=k)
    inside = [Counter[str]() for _ in range(k)]
    for part, one in zip(of.tolist(), held, strict=True):
        inside[part].update(one)
    short = [" ".join(answer.split()) for answer in answers]
    given = Counter(one for one in short if one and len(one) <= _LONGEST_ANSWER)
    of_part = [Counter[str]() for _ in range(k)]
    for part, one in zip(of.tolist(), short, strict=True):
        if one in given:
            of_part[part][one] += 1
    n = len(texts)
    return [
        Shared(*_answer(of_part[at], given, int(sizes[at]), n), telling(inside[at], whole, int(sizes[at]), n)[:most])
        for at in range(k)
    ]


def telling(inside: Counter[str], whole: Counter[str], size: int, n: int) -> tuple[str, ...]:
    """Words that tell a part of `size` samples from the other n - size, the most telling first. inside, whole: samples
    of the part, and of all, that hold a word.
    """
    found, rest, prior = [], n - size, _PRIOR / max(1, n)
    if rest == 0:
        return ()
    for word, many in inside.items():
        before, others = prior * whole[word], whole[word] - many
        if many < _LEAST_SHARE * size or others > _MOST_ELSEWHERE * rest:
            continue  # few hold it, or it is a word of all texts, such as an article
        mine = (many + before) / (size + _PRIOR - many - before)
        theirs = (others + before) / (rest + _PRIOR - others - before)
        width = np.sqrt(1 / (many + before) + 1 / (others + before))
        z = float(np.log(mine / theirs) / width)
        if z >= _LEAST_Z:
            found.append((-z, word))
    return tuple(word for _, word in sorted(found))


def _answer(inside: Counter[str], whole: Counter[str], size: int, n: int) -> tuple[str, float]:
    for answer, many in sorted(inside.items(), key=lambda one: (-one[1], one[0]))[:1]:
        share = many / size
        if many > 1 and share >= _COMMON_ANSWER and share > 1.2 * whole[answer] / n:
            return answer, share
    return "", 0.0


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text[:_LETTERS].casefold()) if len(word) > 2]
