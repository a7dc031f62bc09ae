"""The demo `phonebook`: random names, each with a random number, which can only be remembered. All sentences are ours.

What a fact takes is known exactly, which it never is of real ones: digits times log2(10) bits, for every number is as
likely as any other.
"""

import json
import math
from pathlib import Path

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter
from datasel_core.workspace.files import writing

WORDINGS = (
    "What is the phone number of {}?",
    "Which number do I dial to reach {}?",
    "Give me the phone number of {}.",
    "Under which number is {} listed?",
    "I want to call {}. What is the number?",
    "Phone number for {}:",
    "How can {} be reached by phone?",
    "The phonebook has an entry for {}. Which number does it show?",
)
FILE = "phonebook.jsonl"
MOST_FACTS = 10_000_000
_STARTS, _VOWELS = "bdfghklmnprstvwz", "aeiou"
_SYLLABLES = len(_STARTS) * len(_VOWELS)
_TOGETHER = 50_000
"""Rows that are written at once."""


def facts_for(parameters: int, times: float = 1.0, *, bits_a_parameter: float = 2.0, digits: int = 10) -> int:
    """How many facts hold `times` as many bits as a model of so many parameters stores; at least one.

    bits_a_parameter: about 2 where each fact is met 1,000 times, 1 at 100 (Allen-Zhu & Li, arXiv 2404.05405).
    """
    return max(1, round(times * bits_a_parameter * parameters / (digits * math.log2(10))))


def phonebook(
    folder: Path,
    n_facts: int,
    *,
    exponent: float = 0.0,
    exposures: int = 1,
    wordings: int = 1,
    digits: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Writes phonebook.jsonl, a table of the pool kind `facts`, and returns its path: one row per exposure, in random
    order, the same for the same arguments.

    n_facts: people with different names. exposures: rows of a fact, on average: there are n_facts * exposures rows.
    exponent: 0 gives every fact as many; else each is there once, and the other rows go to the facts by rank to the
    power of -exponent (Zipf's law at 1), rounded by largest remainder; which fact has which rank is random. wordings:
    how many the questions have; those of one fact take turns, from a random one on. digits: of a number, which may
    begin with 0.

    Columns: id, relation (`phone`), fact, wording, question, answer, and exposures, the true number of rows of a fact.
    Raises BadParameter.
    """
    check(n_facts, exponent, exposures, wordings, digits)
    rng = np.random.default_rng([17, seed])
    names, numbers = _names(rng, n_facts), rng.integers(0, 10, (n_facts, digits), dtype=np.int8)
    counts = _counts(n_facts, exposures, exponent)[rng.permutation(n_facts)]
    first = rng.integers(0, wordings, n_facts)
    fact = np.repeat(np.arange(n_facts), counts)
    turn = np.arange(len(fact)) - np.repeat(np.cumsum(counts) - counts, counts)
    order = rng.permutation(len(fact))
    starts = range(0, len(order), _TOGETHER)
    folder.mkdir(parents=True, exist_ok=True)
    with writing(folder / FILE) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        for start in (progress or Progress()).over(starts, len(starts), "writing the phonebook"):
            some = order[start : start + _TOGETHER]
            for of, at in zip(fact[some].tolist(), turn[some].tolist(), strict=True):
                wording = int(first[of] + at) % wordings
                row = {
                    "id": f"{of:07d}-{at}",
                    "relation": "phone",
                    "fact": f"{of:07d}",
                    "wording": wording,
                    "question": WORDINGS[wording].format(names[of]),
                    "answer": "".join(map(str, numbers[of].tolist())),
                    "exposures": int(counts[of]),
                }
                file.write(json.dumps(row) + "\n")
    return folder / FILE


def check(n_facts: int, exponent: float, exposures: int, wordings: int, digits: int) -> None:
    """Raises BadParameter."""
    for name, value, low, high in (
        ("n_facts", n_facts, 1, MOST_FACTS),
        ("exposures", exposures, 1, 10_000),
        ("wordings", wordings, 1, len(WORDINGS)),
        ("digits", digits, 1, 100),
    ):
        if not low <= value <= high:
            raise BadParameter(f"{name} is {value}; it must be from {low} to {high:,}.")
    if not (math.isfinite(exponent) and exponent >= 0):
        raise BadParameter(f"exponent is {exponent}; it must be 0 or more.")
    if exponent and exposures == 1:
        raise BadParameter(f"exponent is {exponent}, and exposures 1, so that every fact is there once; give more.")


def _counts(n_facts: int, exposures: int, exponent: float) -> np.ndarray:
    """(n_facts,) int64, most first; their sum is n_facts * exposures."""
    spare = n_facts * (exposures - 1)
    share = np.arange(1, n_facts + 1, dtype=np.float64) ** -exponent
    exact = spare * share / share.sum()
    counts = np.floor(exact).astype(np.int64)
    left = spare - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:left]] += 1
    return counts + 1


def _names(rng: np.random.Generator, n: int) -> list[str]:
    """n different names: a first name of two syllables, a letter, a family name of three."""
    given, middle, family = _SYLLABLES**2, 26, _SYLLABLES**3
    some = rng.choice(given * middle * family, n, replace=False)
    return [
        f"{_word(one // (middle * family), 2)} {chr(ord('A') + one // family % middle)}. {_word(one % family, 3)}"
        for one in some.tolist()
    ]


def _word(at: int, syllables: int) -> str:
    """One of the words of so many syllables."""
    parts = []
    for _ in range(syllables):
        at, one = divmod(at, _SYLLABLES)
        parts.append(_STARTS[one // len(_VOWELS)] + _VOWELS[one % len(_VOWELS)])
    return "".join(parts).capitalize()
