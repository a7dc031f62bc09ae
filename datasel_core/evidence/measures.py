"""What a choice is worth on the held-out samples, sample by sample: how near it comes to them, or what a probe that
learns from it gets right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.role import EMBEDDING, GROUP, IMAGE, PATTERNS
from datasel_core.features.roles import Roles
from datasel_core.features.twins import Twins
from datasel_core.pools.holdout import SetAside
from datasel_core.pools.pool import Pool
from datasel_core.probes.evaluate import given_to, of_models, shared
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
        some = _some(rows, most)
        return cls(some, aside.parts_of(pool, some), len(rows))

    @classmethod
    def apart(cls, rows: np.ndarray) -> "HeldOut":
        """Rows of a pool that were not drawn together, at most MOST of them."""
        some = _some(rows, MOST)
        return cls(some, some, len(rows))


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many, the same ones every time."""
    return rows if len(rows) <= most else np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


@dataclass(frozen=True)
class Measure:
    """One number per held-out sample for any choice; its mean is what is compared. held: whom it is measured on."""

    roles: Roles
    held: HeldOut

    id: ClassVar[str] = ""
    unit: ClassVar[str] = ""
    title: ClassVar[str] = ""
    """As a sentence says it: `distance to the nearest kept`."""
    higher_is_better: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """As tables call it."""
        return self.id

    @property
    def pool(self) -> Pool:
        """Whose samples `held.rows` are."""
        return self.roles.pool

    @property
    def reads(self) -> tuple[str, ...]:
        """Roles that it reads."""
        raise TypeError(f"{type(self).__name__} must implement reads.")

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
    unit: ClassVar = "1 - cosine"
    title: ClassVar = "mean distance of a held-out sample to the nearest kept (0 is the same, 1 unrelated)"

    @property
    def role(self) -> str:
        return EMBEDDING.name if EMBEDDING.name in self.roles.features else IMAGE.name

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.role,)

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

    @property
    def name(self) -> str:
        return self.probe.id

    @property
    def reads(self) -> tuple[str, ...]:
        return self.probe.needs

    @property
    def title(self) -> str:
        return self.probe.each_is

    @property
    def higher_is_better(self) -> bool:
        return self.probe.higher_is_better

    def each(self, kept: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        kept = np.setdiff1d(kept, self.roles.missing_rows(self.probe.needs))
        if GROUP.name in self.probe.needs:
            groups = self.roles.groups
            kept = kept[groups[kept] != ""]
            if len(known := np.unique(groups[kept])) < 2:  # it can name nothing else
                return np.isin(groups[self.held.rows], known).astype(np.float64)
        if self.probe.opens or self.probe.knows:
            with of_models(self.probe):
                return self.probe.each(self._opened(), kept, self.held.rows, progress)
        train, test = np.arange(len(kept)), np.arange(len(kept), len(kept) + len(self.held.rows))
        given: Mapping[str, Any] = {
            role: self.roles.array(role, np.concatenate([kept, self.held.rows])) for role in self.probe.needs
        }
        return self.probe.each(given, train, test, progress)

    def _opened(self) -> dict[str, Any]:
        twins = Twins.of(self.roles.pool.picture_keys())
        given = given_to(self.probe, self.roles.pool, self.roles)
        return given if twins is None else given | {"picture": twins.first}

    def what(self) -> dict[str, Any]:
        return {"measure": self.id, "probe": self.probe.what(), "features": self.roles.keys(self.probe.needs)}


@dataclass(frozen=True)
class Patterns(Measure):
    """1 - cosine of the patterns of a held-out sample to the nearest pattern of any kept one, the mean over its own."""

    id: ClassVar = PATTERNS.name
    unit: ClassVar = "1 - cosine"
    title: ClassVar = (
        "mean distance of the patterns of a held-out sample to the nearest kept pattern (0 is the same, 1 unrelated)"
    )

    @property
    def reads(self) -> tuple[str, ...]:
        return (PATTERNS.name,)

    def each(self, kept: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        kept = np.setdiff1d(kept, self.roles.missing_rows((PATTERNS.name,)))
        points, anchors = (self.roles.array(PATTERNS.name, rows) for rows in (self.held.rows, kept))
        distance = neighbors.nearest(points.values, anchors.values, progress=progress)[0].astype(np.float64)
        of = np.repeat(np.arange(len(points)), points.lengths())
        return np.bincount(of, distance, len(points)) / points.lengths()

    def what(self) -> dict[str, Any]:
        return {"measure": self.id, "features": self.roles.keys((PATTERNS.name,))}


@dataclass(frozen=True)
class Farthest(Distance):
    """The distance of the farthest of ten held-out samples, on average over all tens of them. The farthest of all is
    the say of one sample, and no law holds for it; this has one.
    """

    id: ClassVar = "farthest"
    title: ClassVar = "distance of the farthest of ten held-out samples to the nearest kept, the mean of all tens"

    def each(self, kept: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """(m,) what each sample adds, so that the mean is the measure: pseudo-values of the jackknife (Tukey 1958)."""
        return pseudo_values(super().each(kept, progress))

    def what(self) -> dict[str, Any]:
        return {"measure": self.id, "of": OF, "features": self.roles.keys((self.role,))}


OF = 10
"""Samples among which the farthest is looked for: few enough that the law of means holds."""


def pseudo_values(values: np.ndarray, of: int = OF) -> np.ndarray:
    """(n,) with the mean largest of `of` of these values as their mean (a U-statistic: Hoeffding 1948). values: (n,),
    more than `of`.
    """
    n, order = len(values), np.argsort(values, kind="stable")
    ranked = values[order]
    weights, fewer = (_shares(m, of) for m in (n, n - 1))  # of the largest being the one of each rank
    below = np.concatenate([[0], np.cumsum(ranked[:-1] * fewer)])  # of those that keep their rank without it
    above = np.concatenate([np.cumsum((ranked[1:] * fewer)[::-1])[::-1], [0]])  # that move down by one
    found = np.empty(n)
    found[order] = n * (ranked @ weights) - (n - 1) * (below + above)
    return found


def _shares(n: int, of: int) -> np.ndarray:
    """(n,) the share of all choices of `of` of n things in which that of each rank is the largest."""
    from scipy.special import gammaln

    smaller = np.arange(n)
    can = smaller >= of - 1
    logs = gammaln(np.where(can, smaller, of - 1) + 1) - gammaln(of) - gammaln(np.where(can, smaller - of + 2, 1))
    whole = gammaln(n + 1) - gammaln(of + 1) - gammaln(n - of + 1)
    return np.where(can, np.exp(logs - whole), 0)


def main_measure(roles: Roles, aside: SetAside) -> Measure | None:
    """The one measure by which all methods of a pool are compared: a linear probe where there are groups that it can
    learn, else the mean distance of held-out samples; None where there are no vectors.
    """
    has = {role for role in (EMBEDDING.name, IMAGE.name) if role in roles.features}
    if not has:
        return None
    by_probe = EMBEDDING.name in has and roles.group is not None
    needs = (EMBEDDING.name,) if EMBEDDING.name in has else (IMAGE.name,)
    missing = roles.missing_rows(needs)
    if by_probe and len(shared(groups := roles.array(GROUP.name), aside.rows(roles.pool))) > 1:
        unnamed = np.flatnonzero(groups == "")
        return Probed(roles, HeldOut.among(roles.pool, aside, np.union1d(missing, unnamed)))
    return Distance(roles, HeldOut.among(roles.pool, aside, missing))
