"""Texts of samples, a batch at a time, so that a large pool is never in memory as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasel_core.features.feature import Source, Unreadable


@dataclass(frozen=True)
class Texts:
    """rows: (b,) samples that could be read. texts: one for each, several of one sample on lines of their own.
    unreadable: (row, reason) of the others.
    """

    rows: np.ndarray
    texts: list[str]
    unreadable: list[tuple[int, str]]


def read_texts(source: Source, rows: np.ndarray, batch: int) -> Iterator[Texts]:
    for start in range(0, len(rows), batch):
        read, texts, unreadable = [], [], []
        for row in rows[start : start + batch].tolist():
            try:
                text = "\n".join(one for one in source.text(row) if one and one.strip())
            except Unreadable as error:
                unreadable.append((row, str(error)))
                continue
            if text:
                read.append(row)
                texts.append(text)
            else:
                unreadable.append((row, "it has no text"))
        yield Texts(np.array(read, dtype=np.int64), texts, unreadable)
