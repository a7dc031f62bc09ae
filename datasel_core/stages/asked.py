"""What a run in stages is asked: pools, sizes, models, arms. Plain values that decide every number of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.features.encoders.influence import Influence
from datasel_core.features.encoders.influence_probe import InfluenceProbe
from datasel_core.features.influence.checkpoint import has_state
from datasel_core.features.models.clip_weights import is_folder
from datasel_core.pools.pool import Pool
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

STAGED, STATIC, RANDOM = "staged", "static", "random"
ARMS = {
    STAGED: "influence measured anew at every stage",
    STATIC: "influence measured once, after the warm-up",
    RANDOM: "chosen at random",
}
"""What is trained side by side, each from the same warm-up on as many samples."""
REFERENCE, JUDGE, OTHER = "reference", "judge", "other"
WHAT = {
    REFERENCE: "what influence is measured on, no proof of anything",
    JUDGE: "of the same kind, unused",
    OTHER: "of another kind, unused",
}


@dataclass(frozen=True)
class Judge:
    """what: one of WHAT. rows: of the pool, that are measured: none that is chosen from."""

    what: str
    pool: Pool
    rows: np.ndarray

    @property
    def name(self) -> str:
        return self.pool.name


@dataclass(frozen=True)
class Asked:
    """judges: the reference first. warm_up, chosen: samples of the warm-up, and of each stage. passes: how often each
    is seen. decay: samples of the last stage that are learned while the rate falls. epochs: how many stages may have
    one sample, the warm-up among them. probe, model: with all that decides how influence is measured and predicted.
    mates: parameters of the method. notes: what is to be known before it begins.
    """

    workspace: Workspace
    pool: Pool
    judges: tuple[Judge, ...]
    stages: int
    warm_up: int
    chosen: int
    passes: int
    decay: int
    epochs: int
    seeds: int
    arms: tuple[str, ...]
    probe: InfluenceProbe
    model: Influence
    mates: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> Judge:
        return self.judges[0]

    @property
    def folder(self) -> Path:
        return self.workspace.staged(key_of(self.what()))

    def what(self) -> dict[str, Any]:
        """All that decides what is trained and measured under each seed."""
        return {
            "stages": self.stages,
            "pool": [self.pool.fingerprint, self.pool.table_sha256],
            "judges": {one.what: [one.pool.fingerprint, one.rows.tolist()] for one in self.judges},
            "samples": [self.warm_up, self.chosen, self.passes, self.decay, self.epochs],
            "probe": [self.probe.what(), self.probe.depends()],
            "model": [self.model.what(), self.model.depends()],
            "mates": dict(self.mates),
        }

    @property
    def is_begun(self) -> bool:
        """Whether the model comes with what its optimiser remembers."""
        return is_folder(self.probe.model) and has_state(Path(self.probe.model).expanduser())

    def steps(self, samples: int) -> int:
        """Of a training on so many samples."""
        return max(1, -(-samples * self.passes // self.probe.batch))

    def drawn(self, seed: int, stage: int) -> int:
        """The seed of what is drawn in a stage; 0 is the warm-up."""
        return 1000 * seed + stage
