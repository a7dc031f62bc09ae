"""The map of a pool in one piece of work: the embedding it is drawn of, where there is none yet, then the map."""

from collections.abc import Sequence
from typing import ClassVar

from datasel_core.actions.draw_map import make_map
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.analysis import projection
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.progress import Progress
from datasel_core.errors import MissingFeature
from datasel_core.features.computation import compute_feature
from datasel_core.features.feature import Feature
from datasel_core.features.likely import mapped, seconds
from datasel_core.features.stored import StoredFeature, kept_features
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.layout import Workspace


@task("pool_map", version=1, title="Map of a pool")
class PoolMap(Task):
    """Draws the map of a pool's samples: of its newest embedding, or of the likely one, which is computed first; goes
    on where it was.
    """

    heavy: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True
    words: ClassVar[tuple[str, ...]] = ("pool", "map")
    cost: ClassVar[str] = "What the embedding costs, then half a minute for 100,000 samples."

    pool: str = Field(description="The pool.", title="name", json_schema_extra=ARGUMENT)

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        source = map_source(pool, kept_features(workspace, pool.fingerprint))
        return Work(self.own_folder(workspace), lambda progress: self._drawn(workspace, pool, source, progress))

    def headline(self) -> str:
        return f"Map of {self.pool}"

    def _drawn(self, workspace: Workspace, pool: Pool, source: StoredFeature | Feature, progress: Progress) -> Outcome:
        if isinstance(source, Feature):
            projection.get_ready()
            source = compute_feature(workspace, pool, source, progress)
        folder = make_map(workspace, source.key, progress=progress)
        return Outcome({"feature": source.key, "map": folder.name}, lines=[str(folder)])


def map_source(pool: Pool, kept: Sequence[StoredFeature]) -> StoredFeature | Feature:
    """The embedding a pool's map is drawn of, or how it is to be computed. Raises MissingFeature where neither is.

    kept: features of the pool, oldest first.
    """
    found = mapped(pool, kept)
    if found is None:
        raise MissingFeature(
            f"A map of {pool.name} takes an embedding, and none can be computed here. Import one: python -m "
            f"datasel_core feature import {pool.name} embedding FILE.npz"
        )
    return found if isinstance(found, StoredFeature) else found()


def expected(pool: Pool, source: StoredFeature | Feature, measured: Sequence[StoredFeature] = ()) -> float | None:
    """About how many seconds the map takes, its embedding included. measured: features of any pool of the workspace."""
    drawing = projection.expected(pool.n)
    if isinstance(source, StoredFeature):
        return drawing
    computing = seconds(source, pool.n, measured)
    return None if computing is None else computing + drawing
