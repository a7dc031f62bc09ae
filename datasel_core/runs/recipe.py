"""Recipes: several selections, one within the other."""

from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.runs.engine import answer, select
from datasel_core.runs.question import Question, resolve
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace


def two_stages(
    workspace: Workspace,
    pool: str,
    target: str,
    first: str = "30%",
    then: str = "20%",
    progress: Progress | None = None,
) -> Run:
    """The best `first` of the pool by negCLIPLoss, and of those the best `then`, also of the pool, by NormSim-inf to a
    target.

    Wang et al., NeurIPS 2024, https://arxiv.org/abs/2405.19547, with the shares published for DataComp-medium. Raises
    BadRequest, Stopped.
    """
    return both_stages(check_stages(workspace, pool, target, first, then), target, then, progress)


def both_stages(first: Question, target: str, then: str, progress: Progress | None = None) -> Run:
    """The same from a first stage that was checked."""
    stage = answer(first, progress)
    return select(first.workspace, _second(first.pool.name, target, then, str(stage.folder)), progress)


def check_stages(workspace: Workspace, pool: str, target: str, first: str, then: str) -> Question:
    """The first stage. Raises BadRequest, before anything is computed, when one of the stages cannot work."""
    one = resolve(workspace, Spec(pool=pool, method="neg_clip_loss", budget=first))
    other = resolve(workspace, _second(pool, target, then, None))
    if other.budget > one.budget:
        raise BadRequest(
            f"The second stage keeps {other.budget:,}, the first only {one.budget:,}; the second must be the smaller."
        )
    return one


def _second(pool: str, target: str, then: str, within: str | None) -> Spec:
    return Spec(pool=pool, method="norm_sim", params={"p": "inf"}, budget=then, target=target, within=within)
