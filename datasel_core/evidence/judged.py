"""What a choice is worth on samples of other pools, after the training that its own held-out samples judge."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.evidence.measures import Measure, Probed
from datasel_core.features.roles import Roles
from datasel_core.pools.pool import Pool
from datasel_core.probes.evaluate import given_to, of_models


@dataclass(frozen=True)
class Judged(Probed):
    """The same probe, tested on samples of another pool. there: of that pool. is_reference: whether methods chose
    towards it, so that what they gain on it is no proof.
    """

    there: Roles | None = None
    is_reference: bool = False

    id: ClassVar = "judged"

    @property
    def pool(self) -> Pool:
        return self.there.pool

    @property
    def name(self) -> str:
        return f"{self.probe.id} on {self.pool.name}"

    @property
    def title(self) -> str:
        said = "what methods chose towards, no proof of anything" if self.is_reference else "a pool of its own"
        return f"{self.probe.each_is}; held out is {self.pool.name}, {said}"

    def each(self, kept: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        return after_one_training({self.name: self}, kept, progress)[self.name]

    def what(self) -> dict[str, Any]:
        return {"measure": self.id, "probe": self.probe.what(), "judge": self.pool.fingerprint}


def after_one_training(
    measures: Mapping[str, Probed], kept: np.ndarray, progress: Progress | None = None
) -> dict[str, np.ndarray]:
    """What each of these measures, which differ in whom they test, by the same name. measures: of one probe, which can
    test elsewhere. kept: rows of the pool.
    """
    first = next(iter(measures.values()))
    kept = np.setdiff1d(kept, first.roles.missing_rows(first.probe.needs))
    judges = [
        (given_to(one.probe, one.pool, one.there if isinstance(one, Judged) else one.roles), one.held.rows)
        for one in measures.values()
    ]
    with of_models(first.probe):
        found = first.probe.judged(given_to(first.probe, first.roles.pool, first.roles), kept, judges, progress)
    return dict(zip(measures, found, strict=True))


def each_of(
    measures: Mapping[str, Measure], kept: np.ndarray, progress: Progress | None = None
) -> dict[str, np.ndarray]:
    """What every measure says of a choice, by the same name; a probe that has several judges is trained once."""
    judged = [one.probe for one in measures.values() if isinstance(one, Judged)]
    together = {name: one for name, one in measures.items() if isinstance(one, Probed) and one.probe in judged}
    found = {name: one.each(kept, progress) for name, one in measures.items() if name not in together}
    return found | (after_one_training(together, kept, progress) if together else {})
