"""Computing a feature of every sample."""

from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task, titled
from datasel_core.base.declare import ARGUMENT, Field, called
from datasel_core.base.phases import Phase
from datasel_core.base.progress import Progress
from datasel_core.base.registry import find
from datasel_core.features.computation import COMPUTING, LEARNING, compute_feature, feature_key
from datasel_core.features.feature import Feature
from datasel_core.features.stored import about_feature
from datasel_core.pools.changed import Changes, changes_of
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace

LOOKING = "looking whether photos changed"


@task("feature", version=1, title="Compute a feature")
class ComputeFeature(Task):
    """Computes a feature once and keeps it; goes on where an interrupted run was."""

    part: ClassVar[str] = "features"
    heavy: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True
    words: ClassVar[tuple[str, ...]] = ("feature", "compute")
    cost: ClassVar[str] = "What the feature costs."

    pool: str = Field(description="The pool.", title="name", json_schema_extra=ARGUMENT)
    feature: str = Field(
        description="One of {feature}; feature list NAME says which of them the pool can have.",
        json_schema_extra=ARGUMENT,
    )
    params: dict[str, Any] = Field({}, description="Its parameters.", json_schema_extra=called("set"))

    def prepare(self, workspace: Workspace) -> Work:
        pool, feature = load_pool(workspace, self.pool), find("feature", self.feature).of(self.params)
        folder = workspace.feature(feature_key(workspace, pool, feature))
        learns = [Phase(LEARNING)] if type(feature).fit is not Feature.fit else []
        looks = [Phase(LOOKING, 0.1)] if feature.reads == "image" else []
        return Work(
            folder,
            lambda progress: self._computed(workspace, pool, feature, progress),
            phases=[*learns, Phase(COMPUTING, 2), *looks],
            size=pool.n,
            kind=key_of(feature.what()),
        )

    def headline(self) -> str:
        return f"Computing “{titled('feature', self.feature)}” for {self.pool}"

    def _computed(self, workspace: Workspace, pool: Pool, feature: Feature, progress: Progress) -> Outcome:
        kept = compute_feature(workspace, pool, feature, progress)
        progress.enter(LOOKING)
        known = {entry["id"] for entry in kept.unreadable}
        changed = changes_of(pool, progress) if feature.reads == "image" else Changes()
        since = Changes(tuple(one for one in changed.replaced if one[0] not in known))
        many = f"{kept.meta['values']} values, {len(kept.unreadable)} samples left out"
        some = {"unmeasured": n} if (n := kept.n_unmeasured) else {}
        many += f", {n:,} not measured" if n else ""
        return Outcome(
            {"feature": kept.key, "unreadable": len(kept.unreadable), **some},
            {**about_feature(kept), "left_out": kept.unreadable},
            [f"{kept.id} fills the role {kept.role}: {many}. Key {kept.key}."],
            [
                *(f"left out: {entry['id']}: {entry['reason']}" for entry in kept.unreadable[:20]),
                *([f"The values are of photos that are no longer there: {since.summary()}."] if since.replaced else []),
            ],
        )
