"""Rows of uneven length in two flat arrays: sample i owns `values[offsets[i]:offsets[i + 1]]`."""

from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadInput


@dataclass(frozen=True)
class Ragged:
    """values: (t, d) all local vectors, sample after sample. offsets: (n + 1,) int, from 0 to t, never falling."""

    values: np.ndarray
    offsets: np.ndarray

    def __post_init__(self):
        offsets = np.asarray(self.offsets, dtype=np.int64)
        object.__setattr__(self, "offsets", offsets)
        if (
            offsets.ndim != 1
            or len(offsets) == 0
            or offsets[0] != 0
            or offsets[-1] != len(self.values)
            or (np.diff(offsets) < 0).any()
        ):
            raise BadInput(
                f"Ragged offsets must rise from 0 to {len(self.values)}, the number of values, one more than there "
                "are samples."
            )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def span(self, row: int) -> np.ndarray:
        """Positions in `values` of what one sample owns."""
        return np.arange(self.offsets[row], self.offsets[row + 1])

    def lengths(self) -> np.ndarray:
        """(n,) int: how many values each sample owns."""
        return np.diff(self.offsets)

    def owners(self) -> np.ndarray:
        """(t,) int: the sample that owns each value."""
        return np.repeat(np.arange(len(self)), self.lengths())

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Positions in `values` of everything these samples own, sample after sample."""
        rows = np.asarray(rows, dtype=np.int64)
        first = self.offsets[rows]
        ends = np.cumsum(self.offsets[rows + 1] - first)
        lengths = np.diff(ends, prepend=0)
        return np.repeat(first - ends + lengths, lengths) + np.arange(ends[-1] if len(ends) else 0)

    def take(self, rows: np.ndarray) -> "Ragged":
        """The same for a choice of samples, in the order given."""
        rows = np.asarray(rows, dtype=np.int64)
        return Ragged(
            self.values[self.places(rows)],
            np.concatenate([[0], np.cumsum(self.offsets[rows + 1] - self.offsets[rows])]),
        )


Array = np.ndarray | Ragged
"""What fills a role: one row per sample, or several values per sample."""


def sums(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(m,) float64: the sum of the values of each sample, 0 of one that has none. values: (k,). offsets: (m + 1,) from
    0 to k.
    """
    found, full = np.zeros(len(offsets) - 1), np.diff(offsets) > 0
    if full.any():
        found[full] = np.add.reduceat(values, offsets[:-1][full])
    return found
