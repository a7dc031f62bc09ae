"""Patterns from patch vectors that were computed elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.role import Role, declare
from datasel_core.errors import BadInput
from datasel_core.features.feature import Block, Source, feature
from datasel_core.features.models.patterns import Patterns, grid_of, saliency_without_attention

PATCHES = declare(Role("patches", "grid", "A grid of vectors per photo, from which patterns are made."))


@feature("imported_patterns", version=1, title="Patterns of imported patch vectors")
class ImportedPatterns(Patterns):
    """Patterns from the patch vectors of any encoder, imported as `patches` (samples x patches x numbers). As
    good as that encoder.

    FreeSel, https://arxiv.org/abs/2309.17342; without attention, the length of a patch vector stands for it.
    """

    reads: ClassVar[str] = PATCHES.name
    suits: ClassVar[str] = "Makes patterns of the patches that were brought."
    speed: ClassVar[float] = 500
    cost: ClassVar[str] = "about 2 s for 1,000 photos on one core"

    saliency: Literal["norm", "uniform"] = Field(
        "norm",
        description=(
            "What stands for attention: the length of the patch vector, or uniform (then set tau to 1: ties rank in "
            "reading order)."
        ),
        json_schema_extra=spoken({"norm": "strength of the patch", "uniform": "all alike"}),
    )
    batch: int = Field(256, ge=1, description="Samples per batch.", json_schema_extra=HOW)

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        return grid_of(_patches(source).shape[1]) if source else {}

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        given = _patches(source)
        for start in range(0, len(rows), self.batch):
            part = np.asarray(rows[start : start + self.batch], dtype=np.int64)
            patches = np.asarray(given[part], dtype=np.float32)
            there = ~np.isnan(patches).all(axis=(1, 2))
            absent = [(int(row), "It has no patch vectors.") for row in part[~there]]
            patches = patches[there]
            saliency = np.array([saliency_without_attention(one, self.saliency) for one in patches]).reshape(
                patches.shape[:2]
            )
            yield self.block(part[there], patches, saliency, absent)


def _patches(source: Source) -> np.ndarray:
    patches = source.roles[PATCHES.name]
    if not isinstance(patches, np.ndarray) or patches.ndim != 3 or 0 in patches.shape[1:]:
        raise BadInput(
            f"The role {PATCHES.name} has shape {getattr(patches, 'shape', 'Ragged')}; it must be samples x patches x "
            "numbers."
        )
    return patches
