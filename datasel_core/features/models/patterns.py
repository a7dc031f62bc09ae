"""From the patches of one photo to its patterns: the attention filter, then a few cluster means (FreeSel,
https://arxiv.org/abs/2309.17342).
"""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.ragged import Ragged
from datasel_core.base.role import PATTERNS
from datasel_core.errors import BadInput
from datasel_core.features.feature import Block, Feature
from datasel_core.features.models.patch_clusters import kmeans, spectral

Clusterer = Literal["kmeans", "spectral"]
ROUNDING = 1e-12
"""Sums of saliencies are compared with tau up to this share, so that .3 reached as .1 + .1 + .1 counts as reached."""


def attention_filter(a: np.ndarray, tau: float) -> np.ndarray:
    """(p,) bool: the smallest set of patches with the highest saliency whose mass reaches the share tau; the patch that
    crosses tau is kept.

    a: (p,) saliency, zero or more, of any sum. A patch is kept iff the mass ranked strictly above it is less than tau;
    equal saliencies rank by position. So a patch without saliency is never kept, unless none has any: then all count
    alike. Raises BadInput where a is negative or not finite.
    """
    a = np.asarray(a, dtype=np.float64)
    if not np.isfinite(a).all() or (a < 0).any():
        raise BadInput("Saliency holds negative or non-finite values; it must be zero or more.")
    if not a.any():
        a = np.ones_like(a)
    order = np.argsort(-a, kind="stable")
    reached = np.cumsum(a[order])
    above = np.concatenate([[0.0], reached[:-1]])
    kept = np.zeros(len(a), dtype=bool)
    kept[order] = (a[order] > 0) if tau >= 1 else above < tau * reached[-1] * (1 - ROUNDING)
    return kept


def image_patterns(
    patches: np.ndarray, saliency: np.ndarray, tau: float, k: int, clusterer: Clusterer, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The patterns of one photo, (<= k, d) float32, and the pattern of each patch, (p,) int8, -1 where filtered out.

    patches: (p, d). saliency: (p,). A pattern is the plain mean of its patches, in float64; no more than k kept patches
    are patterns themselves, and k = 1 is the mean of all that are kept. Patterns come in order of the saliency they
    hold, most first. Deterministic: the random start of the clustering is drawn from `seed` alone.
    """
    saliency = np.asarray(saliency, dtype=np.float64)
    kept = np.flatnonzero(attention_filter(saliency, tau))
    chosen = np.asarray(patches)[kept]
    if len(kept) <= k:
        clusters = np.arange(len(kept))
    elif k == 1:
        clusters = np.zeros(len(kept), dtype=np.int64)
    else:
        clusters = kmeans(chosen, k, seed) if clusterer == "kmeans" else spectral(chosen, saliency[kept], k, seed)
    mass = np.bincount(clusters, weights=saliency[kept])
    order = np.argsort(-mass, kind="stable")
    patterns = np.stack([chosen[clusters == c].mean(axis=0, dtype=np.float64) for c in order]).astype(np.float32)
    labels = np.full(len(saliency), -1, dtype=np.int8)
    labels[kept] = np.argsort(order)[clusters]
    return patterns, labels


def saliency_without_attention(patches: np.ndarray, kind: Literal["norm", "uniform"]) -> np.ndarray:
    """(p,) float64 of sum 1 (0 where all vectors are 0): the L2 norm of each patch vector, or the same for each."""
    patches = np.asarray(patches, dtype=np.float64)
    norms = np.linalg.norm(patches, axis=1) if kind == "norm" else np.ones(len(patches))
    with np.errstate(invalid="ignore"):  # infinite vectors give NaN, which `Patterns.block` lists
        return norms / (norms.sum() or 1.0)


class Patterns(Feature):
    """What every pattern feature shares: how patches are filtered and grouped, and what is kept beside the patterns.

    Block.values is Ragged, one sample's patterns after another's. Block.extra has `patch_labels` (b, p) int8, the
    pattern of each patch or -1 where it was filtered out, and `saliency` (b, p) float16 of sum 1.
    """

    role: ClassVar[str] = PATTERNS.name
    paper: ClassVar[str] = "https://arxiv.org/abs/2309.17342"

    tau: float = Field(
        0.5,
        title="Share of attention kept (tau)",
        gt=0,
        le=1,
        description=(
            "Which share of the attention the kept patches must hold together. Move it down when backgrounds "
            "come through, up when small things are missed. Near 0 only the strongest patch stays; at 1 every "
            "patch that has any attention does."
        ),
    )
    k: int = Field(
        5,
        title="Patterns per photo (K)",
        ge=1,
        le=127,
        description=(
            "How many patterns stand for a photo. 5 suits scenes of several objects, 1 suits photos of one "
            "thing. At 1 a photo is the mean of what is kept; high numbers split one thing into its parts."
        ),
    )
    clusterer: Clusterer = Field(
        "kmeans",
        title="Grouping",
        description="How kept patches are grouped; spectral is a variant, since the published affinity is not public.",
        json_schema_extra=spoken({"kmeans": "k-means"}),
    )
    seed: int = Field(0, ge=0, description="Where random starts come from.")

    def block(
        self, rows: Sequence[int], patches: np.ndarray, saliency: np.ndarray, unreadable: Sequence[tuple[int, str]] = ()
    ) -> Block:
        """Patterns of these rows: patches (b, p, d), saliency (b, p). Rows whose patches are not finite join the
        unreadable.
        """
        sound = np.array(
            [bool(np.isfinite(one).all() and np.isfinite(a).all()) for one, a in zip(patches, saliency, strict=True)],
            dtype=bool,
        )
        unreadable = [
            *unreadable,
            *(
                (int(row), "Its patch vectors hold NaN or infinite values.")
                for row, good in zip(rows, sound, strict=True)
                if not good
            ),
        ]
        rows, patches, saliency = np.asarray(rows, dtype=np.int64)[sound], patches[sound], saliency[sound]
        pairs = [
            image_patterns(one, a, self.tau, self.k, self.clusterer, self.seed)
            for one, a in zip(patches, saliency, strict=True)
        ]
        values = (
            np.concatenate([patterns for patterns, _ in pairs])
            if pairs
            else np.empty((0, patches.shape[2]), dtype=np.float32)
        )
        labels = np.stack([labels for _, labels in pairs]) if pairs else np.empty(patches.shape[:2], dtype=np.int8)
        offsets = np.concatenate([[0], np.cumsum([len(patterns) for patterns, _ in pairs], dtype=np.int64)])
        return Block(
            rows,
            Ragged(values, offsets),
            sorted(unreadable),
            {"patch_labels": labels, "saliency": saliency.astype(np.float16)},
        )


def grid_of(p: int) -> dict[str, int]:
    """{"grid": g} for p = g x g patches; empty where they form no square."""
    g = math.isqrt(p)
    return {"grid": g} if g * g == p else {}
