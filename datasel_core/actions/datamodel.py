"""A second yardstick for influence: tiny trainings on random halves, and whether sums of influence rank them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.analysis.datamodel import datamodel_score, half
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.progress import Progress
from datasel_core.base.role import find_role
from datasel_core.base.trouble import in_words
from datasel_core.errors import BadRequest
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.probes.datamodel import TinyModel, TinyTraining, reference_losses
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_FEWEST_SAMPLES = 8
Direction = Literal["low", "high"]


@dataclass(frozen=True)
class _Asked:
    """rows: (n,) of the pool that have an influence. influence: (n,) of these. folder: where losses are kept."""

    pool: Pool
    reference: Pool
    how: TinyModel
    rows: np.ndarray
    influence: np.ndarray
    good: Direction
    folder: Path


@task("datamodel", version=1, title="Check influence by retraining")
class Datamodel(Task):
    """Trains a tiny language model on each of some random halves of a pool, and says how well sums of influence over
    the halves rank their losses on a reference: the linear datamodelling score (Park et al. 2023).
    """

    heavy: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True
    cost: ClassVar[str] = "A tiny training for each half, about 20 seconds of a processor: 5 to 10 minutes for 24."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    reference: str = Field(description="Pool of samples on which losses are measured.")
    halves: int = Field(24, ge=8, le=1000, description="Random halves; more make the interval narrower.")
    role: str = Field("influence", description="The number that is checked.")
    good: Direction | None = Field(None, description="Which direction of it is good, low or high; by default its own.")
    use: dict[str, str] = Field({}, description="role=feature, where the newest is not meant.")
    seed: int = Field(0, ge=0, description="Which halves are drawn.")
    params: dict[str, Any] = Field(
        {},
        description="Of the tiny model: steps, batch, rate, length, vocabulary, layers, width, heads, seed, device.",
        json_schema_extra=called("set"),
    )

    def prepare(self, workspace: Workspace) -> Work:
        pool, reference = load_pool(workspace, self.pool), load_pool(workspace, self.reference)
        how = TinyModel.of(self.params)
        for one in (pool, reference):
            if "turns" not in one.opens:
                raise BadRequest(f"A language model learns texts; the pool {one.name} (of kind {one.kind}) has none.")
        if reference.fingerprint == pool.fingerprint:
            raise BadRequest(f"The reference {reference.name} is the pool itself; name samples that it does not have.")
        rows, influence = self._influence(workspace, pool)
        good = self.good or find_role(self.role).good
        if not good:
            raise BadRequest(f"Nobody said which direction of {self.role} is good; say it: --good low or --good high.")
        what = {
            "datamodel": 1,
            "pool": pool.fingerprint,
            "reference": reference.fingerprint,
            "rows": hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest(),
            "model": how.what(),
            "seed": self.seed,
        }
        asked = _Asked(pool, reference, how, rows, influence, good, workspace.evidence(key_of(what)))
        return Work(self.own_folder(workspace), lambda progress: self._measured(asked, progress))

    def headline(self) -> str:
        return f"Checking {self.role} of {self.pool} by trainings on random halves"

    def _influence(self, workspace: Workspace, pool: Pool) -> tuple[np.ndarray, np.ndarray]:
        """Rows that have a value, and the values. Raises BadRequest."""
        values = Roles.of(workspace, pool, self.use, (self.role,)).array(self.role)
        if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "biuf":
            raise BadRequest(f"{self.role} is no number per sample; name a role that is, such as influence.")
        values = np.asarray(values, dtype=np.float64)
        rows = np.flatnonzero(np.isfinite(values))
        if len(rows) < _FEWEST_SAMPLES:
            raise BadRequest(
                f"Only {len(rows):,} samples of {pool.name} have a value of {self.role}; halves want at least "
                f"{_FEWEST_SAMPLES}."
            )
        return rows, values[rows]

    def _measured(self, asked: _Asked, progress: Progress) -> Outcome:
        drawn = [half(len(asked.rows), at, self.seed) for at in range(self.halves)]
        with (
            Lock(asked.folder).hold(progress.check),
            in_words(
                f"No tiny model could be trained on {self.pool}",
                "Take other parameters (--set name=value).",
                "Take a smaller model (--set width=48), or close other programs; what was finished is kept.",
            ),
        ):
            learn = TinyTraining.of(asked.how, asked.pool, asked.reference, asked.folder, progress)
            losses = reference_losses([asked.rows[one] for one in drawn], learn, asked.folder, progress)
        members = np.zeros((len(asked.rows), self.halves), bool)
        for at, one in enumerate(drawn):
            members[one, at] = True
        found = datamodel_score(members, losses, asked.influence, asked.good, self.seed)
        said = {
            "spearman": found,
            "halves": self.halves,
            "samples": len(asked.rows),
            "losses": losses.tolist(),
            "role": self.role,
            "good": asked.good,
            "reference": self.reference,
        }
        return Outcome({"spearman": found}, said, [self._line(found, len(asked.rows))])

    def _line(self, found: dict[str, float], n: int) -> str:
        ranks = "ranks" if found["low"] > 0 else "was not shown to rank"
        return (
            f"The sum of {self.role} over a random half of {n:,} samples {ranks} the losses on {self.reference} of "
            f"{self.halves} models that learned one each: Spearman {found['mid']:.2f}, 95 % interval "
            f"{found['low']:.2f} to {found['high']:.2f}."
        )
