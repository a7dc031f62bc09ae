"""Which feature is likely the one to begin with, and about how long one takes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from datasel_core.base.role import EMBEDDING
from datasel_core.features.computation import available_features
from datasel_core.features.feature import OPENED, Feature
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace

_FEW = 100
"""Samples below which what was measured says more of loading than of computing."""


def is_demo(pool: Pool) -> bool:
    """Whether its samples were drawn by this program."""
    return Path(pool.about["source"]).is_relative_to(Workspace(pool.folder.parent.parent).path / "demo")


def likely_first(pool: Pool, roles: set[str]) -> list[type[Feature]]:
    """What can be computed for a pool that has these roles, the likely one first: what reads its samples and needs no
    download, an embedding before others; last what knows nothing but the demo, unless the pool is of it. What follows
    at once from another is not asked for.
    """
    found = [one for one in available_features(pool, roles) if not one.at_once]
    return sorted(found, key=lambda one: (*_doubts(one, is_demo(pool)), one.title))


def _doubts(cls: type[Feature], demo: bool) -> tuple[bool, ...]:
    """What speaks against it, the weightiest first."""
    first = bool(cls.demo_only) and demo or cls.role == EMBEDDING.name
    return bool(cls.demo_only) and not demo, cls.downloads, not first, cls.reads not in OPENED


def mapped(pool: Pool, kept: Sequence[StoredFeature]) -> StoredFeature | type[Feature] | None:
    """What the first map of a pool is drawn of: its newest embedding; where it has none, the feature that is to be
    computed for it. None where there is neither. kept: oldest first.
    """
    there = [one for one in kept if one.role == EMBEDDING.name and has_vectors(one)]
    if there:
        return there[-1]
    makers = likely_first(pool, {one.role for one in kept})
    return next((one for one in makers if one.role == EMBEDDING.name and not one.downloads), None)


def has_vectors(kept: StoredFeature) -> bool:
    """Whether it has one vector per sample."""
    shape = kept.meta["values"]
    return kept.meta["shape"] == "rows" and len(shape) == 2 and shape[1] > 1


def seconds(feature: Feature, n: int, measured: Iterable[StoredFeature] = ()) -> float | None:
    """About how long it takes for n samples: as fast as the same was last computed among `measured`, else as it
    declares. None where nobody knows.
    """
    paces = [pace for one in measured if (pace := _measured(feature, one)) is not None]
    pace = paces[-1] if paces else feature.pace()
    return feature.begins + n / pace if pace > 0 else None


def _measured(feature: Feature, kept: StoredFeature) -> float | None:
    """Samples a second after the first, where the same was computed of enough of them."""
    spent, n = kept.meta.get("seconds", 0), kept.meta.get("encoded", 0)
    same = {"id": kept.id, "version": kept.meta["version"], "params": kept.meta["params"]} == feature.what()
    return n / max(spent - feature.begins, 0.1 * spent) if same and n >= _FEW and spent > 0 else None
