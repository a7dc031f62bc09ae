"""Whether vectors know what they are trusted to know: right captions from wrong ones, and which samples are of one
group.
"""

import functools
from dataclasses import dataclass

import numpy as np

from datasel_core.vectors.directions import unit
from datasel_core.vectors.neighbors import nearest_k

LEAST_AUC = 0.7
"""Below, an encoder is not to be trusted with captions."""
MOST_PAIRS, MOST_SAMPLES = 20_000, 5_000
"""More are not measured: so many are drawn."""
_RELABELLINGS = 99


@dataclass(frozen=True)
class Captions:
    """own: (m,) float64 cosines of pictures and their captions. dealt: (m,) of the same pictures and captions that were
    dealt anew among them. n: pairs that there are; m is less where some were drawn, or had no other picture to go to.
    """

    own: np.ndarray
    dealt: np.ndarray
    n: int

    @functools.cached_property
    def auc(self) -> float:
        """How often a right caption scores higher than one dealt anew: 1 always, .5 as a coin would."""
        return auc(self.own, self.dealt)

    def beaten(self, cosine: float) -> float:
        """Share of the captions dealt anew that fit their picture worse than a pair of this cosine."""
        return float(np.searchsorted(self._rising, cosine, side="left") / len(self._rising))

    @functools.cached_property
    def _rising(self) -> np.ndarray:
        return np.sort(self.dealt)

    @property
    def is_useless(self) -> bool:
        return self.auc < LEAST_AUC

    @property
    def words(self) -> str:
        """One sentence for people."""
        m = len(self.own)
        on = f"{m:,} pairs" if m == self.n else f"{m:,} of {self.n:,} pairs"
        return (
            f"A right caption scores higher than one dealt anew in {100 * self.auc:.0f} % of comparisons "
            f"(AUC {short(self.auc)}, on {on}; .50 would be chance)."
        )

    @property
    def warning(self) -> str:
        """The sentence that says so where the encoder is useless; empty where it is not."""
        if not self.is_useless:
            return ""
        return f"this encoder cannot tell right captions from wrong ones here: AUC {short(self.auc)}"


@dataclass(frozen=True)
class Groups:
    """share: of the k nearest neighbours of a sample, how many are of its group. chance: the same, expected where the
    groups' names are dealt among the samples at random. highest: of 99 such deals. m: samples measured, of n that have
    a group and a vector. unit: what they are called.
    """

    share: float
    chance: float
    highest: float
    k: int
    m: int
    n: int
    unit: str = "samples"

    @property
    def is_chance(self) -> bool:
        """Whether one deal in a hundred does as well."""
        return self.share <= self.highest

    @property
    def words(self) -> str:
        """One sentence for people."""
        on = f"{self.m:,} {self.unit}" if self.m == self.n else f"{self.m:,} of {self.n:,} {self.unit}, drawn"
        said = (
            f"{_percent(self.share)} of the {self.k} nearest neighbours are of the same group; groups of these sizes, "
            f"dealt at random, would give {_percent(self.chance)} (on {on})"
        )
        return f"{said}: no more than chance, these vectors do not know the groups." if self.is_chance else f"{said}."


def short(value: float) -> str:
    """`.52`, `1.00`."""
    return f"{value:.2f}".removeprefix("0")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"


def auc(high: np.ndarray, low: np.ndarray) -> float:
    """Of all comparisons of one of `high` (m,) with one of `low` (k,), the share that the first wins; ties count half.
    Mann and Whitney's U over m k, exactly.
    """
    rising = np.sort(low)
    beaten = np.searchsorted(rising, high, "left") + np.searchsorted(rising, high, "right")
    return float(beaten.sum() / (2 * len(high) * len(low)))


def deal(picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(m,) places of pictures, and (m,) places of the captions that they are dealt: each caption once, never one of the
    same picture.

    picture: (n,) int, equal where samples show the same. m < n only where one picture has more than half of all
    captions: those that have no other to go to are left out, at random.
    """
    order = rng.permutation(len(picture))
    _, code, size = np.unique(picture[order], return_inverse=True, return_counts=True)
    if not len(size):
        return order, order
    surplus = max(0, 2 * int(size.max()) - len(order))
    out = np.flatnonzero(code == size.argmax())[:surplus]
    order, code = np.delete(order, out), np.delete(code, out)
    if not len(order):
        return order, order
    # Picture by picture, and every caption moves on by at least as many as the largest has: it leaves its own.
    order = order[np.argsort(rng.permutation(len(size))[code], kind="stable")]
    most = int(np.bincount(code).max())
    return order, np.roll(order, int(rng.integers(most, len(order) - most + 1)))


def captions(
    image: np.ndarray, text: np.ndarray, picture: np.ndarray, rows: np.ndarray | None = None
) -> Captions | None:
    """How pairs score beside captions dealt anew, always the same. image, text: (n, d). picture: (n,) int, equal where
    pairs show the same. rows: those to look at, all by default; a zero vector has no direction, and is left out.

    None where no caption has another picture to go to.
    """
    rng = np.random.default_rng(0)
    rows = np.arange(len(image)) if rows is None else rows
    n, drawn = len(rows), np.sort(rng.permutation(rows)[:MOST_PAIRS])
    images, texts = unit(image[drawn]), unit(text[drawn])
    there = images.any(axis=1) & texts.any(axis=1)
    if n == len(drawn):
        n = int(there.sum())
    places, dealt = deal(picture[drawn[there]], rng)
    if not len(places):
        return None
    images, texts = images[there], texts[there]
    return Captions(_cosines(images, texts, places, places), _cosines(images, texts, places, dealt), n)


def _cosines(images: np.ndarray, texts: np.ndarray, places: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", images[places], texts[others], dtype=np.float64)


def groups(
    vectors: np.ndarray, group: np.ndarray, rows: np.ndarray | None = None, k: int = 10, unit: str = "samples"
) -> Groups | None:
    """How far the nearest neighbours (by cosine) of samples are of their group, always the same. vectors: (n, d).
    group: (n,) int or text. rows: those to look at, all by default.

    None where there is only one group, or every sample is its own.
    """
    rng = np.random.default_rng(0)
    rows = np.arange(len(vectors)) if rows is None else rows
    drawn = rng.permutation(rows)[:MOST_SAMPLES]  # in no order: among equal vectors none is nearer for its group
    _, of, size = np.unique(group[drawn], return_inverse=True, return_counts=True)
    m = len(drawn)
    if len(size) < 2 or size.max() < 2:
        return None
    near = _others(np.asarray(vectors[drawn], np.float32), min(k, m - 1))

    def share(of: np.ndarray) -> float:
        return float((of[near] == of[:, None]).mean())

    chance = float((size * (size - 1)).sum() / (m * (m - 1)))
    highest = max(share(rng.permutation(of)) for _ in range(_RELABELLINGS))
    return Groups(share(of), chance, highest, near.shape[1], m, len(rows), unit)


def _others(vectors: np.ndarray, k: int) -> np.ndarray:
    """(n, k) places of the nearest others. In float32: which of near-equals comes first is of no account here."""
    found = np.concatenate([places for _, places, _ in nearest_k(vectors, vectors, k + 1)])
    itself = found == np.arange(len(vectors))[:, None]
    itself[~itself.any(axis=1), -1] = True  # among many equals it may not be named: then the last is one too many
    return found[~itself].reshape(len(vectors), k)
