"""Which vectors can be compared: features that learn their space from a pool, and how another pool is placed in it; and
what somebody said of vectors that were brought.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, DamagedFeature
from datasel_core.features.feature import Feature, Source
from datasel_core.features.stored import StoredFeature, load
from datasel_core.workspace.layout import Workspace


class Learned(Feature):
    """Vectors of two pools can be compared only when both were made with what was learned from one of them."""

    learns: ClassVar[bool] = True

    like: str | None = Field(
        None,
        title="In the space of",
        description=(
            "Key of this feature of another pool: nothing is learned, and the vectors can be compared with that pool's."
        ),
        json_schema_extra=spoken({"none": "learned from this pool"}),
    )

    def what(self) -> dict[str, Any]:
        what = super().what()
        if self.like is None:  # as if there were no such parameter
            what["params"].pop("like")
        return what


def encoder_of(kept: StoredFeature) -> str | None:
    """The encoder of vectors that were brought, as somebody named it; None where nobody did, or they were computed."""
    return kept.meta["params"].get("encoder") if kept.id == "imported" else None


def are_unlike(one: StoredFeature, other: StoredFeature) -> bool:
    """Whether somebody named two different encoders; capitals do not make a difference."""
    names = encoder_of(one), encoder_of(other)
    return None not in names and names[0].casefold() != names[1].casefold()


def check_like(workspace: Workspace, feature: Feature) -> StoredFeature | None:
    """The feature of another pool whose space is asked for, if any. Raises BadRequest when it is not there, or has
    other parameters.
    """
    key = getattr(feature, "like", None)
    if key is None:
        return None
    kept = load(workspace.feature(key))
    if kept is None:
        raise BadRequest(f"like is {key}; there is no finished feature with that key.")
    theirs = {"id": kept.id, "version": kept.meta["version"], "params": kept.meta["params"]}
    if not _same(feature.what(), theirs):
        raise BadRequest(
            f"like is {key}, which is {kept.id} with other parameters; take the same: "
            f"{_words(theirs['params']) or 'none'}."
        )
    return kept


def _same(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    def bare(what: Mapping[str, Any]) -> dict[str, Any]:
        return {**what, "params": {name: value for name, value in what["params"].items() if name != "like"}}

    return bare(mine) == bare(theirs)


def _words(params: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in params.items() if name != "like")


def learn(workspace: Workspace, feature: Feature, source: Source, progress: Progress) -> dict[str, np.ndarray]:
    """What the feature goes by: learned from the pool, or for the feature that `like` names. Raises DamagedFeature."""
    kept = check_like(workspace, feature)
    if kept is None:
        return feature.fit(source, progress)
    if not knows_its_space(kept):
        raise kept.damaged()
    return kept.fitted()


def knows_its_space(kept: StoredFeature) -> bool:
    """Whether what was learned for a feature is still there, and is what its vectors were made with."""
    try:
        fitted = kept.fitted()
    except DamagedFeature:
        return False
    return bool(fitted) and kept.meta.get("facts", {}).get("space") in (None, _hash(fitted))


def space_of(feature: Feature, fitted: Mapping[str, np.ndarray]) -> dict[str, str]:
    """A fact about the values: equal hashes mean one space. Nothing where no space was learned."""
    return {"space": _hash(fitted)} if isinstance(feature, Learned) else {}


def _hash(fitted: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(fitted):
        digest.update(
            f"{name} {fitted[name].dtype.str} {fitted[name].shape} ".encode()
            + np.ascontiguousarray(fitted[name]).tobytes()
        )
    return digest.hexdigest()
