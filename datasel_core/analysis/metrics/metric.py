"""What a metric is: a cheap number about a selection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.declare import Declared
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.base.registry import declares
from datasel_core.base.role import EMBEDDING, IMAGE

metric = declares("metric")

SAMPLE = 200_000
"""Above so many rows a metric is measured on a fixed random sample of the pool, and says so."""
MOST_WORK = 10_000_000_000
"""So many products of two numbers may one measure take, half a second of one core: to measure a choice never takes much
longer than to make it. Where all rows take more, a fixed sample is measured, and its size said.
"""
_DRAWN_BY = (0, 1)
"""The seed of samples: no seed of a person, so that a sample is never drawn as a random choice was, which then covers
the sample and little else.
"""
FEWEST = 1_000
"""Rows that are measured whatever they take."""


@dataclass(frozen=True)
class KeptRows:
    """n: size of the pool. rows: (b,) pool rows that were kept. role: name -> array of n rows, or None where the pool
    has none.
    """

    n: int
    rows: np.ndarray
    role: Callable[[str], np.ndarray | Ragged | None]
    readable: np.ndarray
    """(n,) bool: rows that have values in every role used."""
    progress: Progress = field(default_factory=Progress)


class Metric(Declared):
    """`measure` returns name -> number (or a small table of numbers); nothing when the pool lacks what it needs."""

    unit: ClassVar[str] = ""
    better: ClassVar[str] = ""
    """`lower` or `higher`, or empty when neither is better."""

    def measure(self, kept: KeptRows) -> Mapping[str, Any]:
        raise TypeError(f"{type(self).__name__} must implement measure.")


def some_rows(readable: np.ndarray, most: int = SAMPLE) -> np.ndarray:
    """All readable rows, or a fixed random sample of them, in order; a smaller sample is part of a larger one."""
    rows = np.flatnonzero(readable)
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(_DRAWN_BY).permutation(rows)[:most])


def affordable(others: int, length: int) -> int:
    """Of how many vectors of this length the distances to so many others are measured, at most."""
    return min(SAMPLE, max(FEWEST, MOST_WORK // max(1, others * length)))


def vectors(kept: KeptRows) -> np.ndarray | None:
    """(n, d) what distances between samples are taken in: the embedding, else the vectors of the pictures of pairs."""
    embedding = kept.role(EMBEDDING.name)
    return kept.role(IMAGE.name) if embedding is None else embedding
