"""What a choice is worth on the held-out samples, sample by sample: how near it comes to them, or what a probe that
learns from it gets right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING, GROUP, IMAGE
from datasel_core.features.roles import Roles
from datasel_core.pools.holdout import SetAside
from datasel_core.pools.pool import Pool
from datasel_core.probes.linear import Linear
from datasel_core.probes.probe import Probe
from datasel_core.vectors import neighbors

MOST = 2000
"""Held-out samples that are measured; where there are more, so many are drawn once."""


@dataclass(frozen=True)
class HeldOut:
    """rows: (m,) held-out rows of the pool that are measured. parts: (m,) what each was drawn with. of: how many are
    held out.
    """

    rows: np.ndarray
    parts: np.ndarray
    of: int

    @classmethod
    def among(cls, pool: Pool, aside: SetAside, missing: np.ndarray, most: int = MOST) -> "HeldOut":
        """missing: rows without a value in what is measured. Where there are more than `most`, the same ones are drawn
        every time.
        """
        rows = np.setdiff1d(aside.rows(pool), missing)
        of = len(rows)
        if of > most:
            rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
        return cls(rows, aside.parts_of(pool, rows), of)


@dataclass(frozen=True)
class Measure:
    """One number per held-out sample for any choice; its mean is what is compared. held: whom it is measured on."""

    roles: Roles
    held: HeldOut

    id: ClassVar[str] = ""
    title: ClassVar[str] = ""
    """As a sentence says it: `distance to the nearest kept`."""
    higher_is_better: ClassVar[bool] = False

    def each(self, kept: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """(m,) float64. kept: rows of the pool. Raises BadRequest where nothing can be learned from them."""
        raise TypeError(f"{type(self).__name__} must implement each.")

    def what(self) -> dict[str, Any]:
        """All that decides its numbers, apart from the choice."""
        raise TypeError(f"{type(self).__name__} must implement what.")


@dataclass(frozen=True)
class Distance(Measure):
    """1 - cosine of a held-out sample to the nearest kept, in the pool's embedding."""

    id: ClassVar = "distance"
    title: ClassVar = "mean distance of a held-out sample to the nearest kept (1 - cosine)"

    @property
    def role(self) -> str:
        return EMBEDDING.name if EMBEDDING.name in self.roles.features else IMAGE.name

    def each(self, kept: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        kept = np.setdiff1d(kept, self.roles.missing_rows((self.role,)))
        points, anchors = (np.asarray(self.roles.array(self.role, rows)) for rows in (self.held.rows, kept))
        return neighbors.nearest(points, anchors, progress=progress)[0].astype(np.float64)

    def what(self) -> dict[str, Any]:
        return {"measure": self.id, "features": self.roles.keys((self.role,))}


@dataclass(frozen=True)
class Probed(Measure):
    """Whether a probe that was trained on the kept alone is right about a held-out sample."""

    probe: Probe = Linear()

    id: ClassVar = "probe"
    title: ClassVar = "share of held-out samples that a linear classifier names rightly, trained on the kept alone"
    higher_is_better: ClassVar = True

    def each(self, kept: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        kept = np.setdiff1d(kept, self.roles.missing_rows(self.probe.needs))
        train, test = np.arange(len(kept)), np.arange(len(kept), len(kept) + len(self.held.rows))
        given: Mapping[str, Any] = {
            role: self.roles.array(role, np.concatenate([kept, self.held.rows])) for role in self.probe.needs
        }
        return self.probe.each(given, train, test, progress)

    def what(self) -> dict[str, Any]:
        return {"measure": self.id, "probe": self.probe.what(), "features": self.roles.keys(self.probe.needs)}


def main_measure(roles: Roles, aside: SetAside) -> Measure | None:
    """The one measure by which all methods of a pool are compared: a linear probe where there are groups, else the mean
    distance of held-out samples; None where there are no vectors.
    """
    has = {role for role in (EMBEDDING.name, IMAGE.name) if role in roles.features}
    if not has:
        return None
    by_probe = EMBEDDING.name in has and roles.group is not None
    needs = (EMBEDDING.name,) if EMBEDDING.name in has else (IMAGE.name,)
    held = HeldOut.among(roles.pool, aside, roles.missing_rows(needs))
    if by_probe and len(np.unique(roles.array(GROUP.name, held.rows))) > 1:
        return Probed(roles, held)
    return Distance(roles, held)
