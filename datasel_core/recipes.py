"""Recipes: several selections, one within the other."""

from datasel_core import store
from datasel_core.engine import Run, select
from datasel_core.progress import Progress
from datasel_core.question import Spec


def two_stages(workspace: store.Workspace, pool: str, target: str, first: str = "30%", then: str = "20%", progress: Progress | None = None) -> Run:
    """The best `first` of the pool by negCLIPLoss, and of those the best `then`, also of the pool, by NormSim-inf to a target.

    Wang et al., NeurIPS 2024, https://arxiv.org/abs/2405.19547, with the shares published for DataComp-medium. Raises BadRequest, Stopped.
    """
    stage = select(workspace, Spec(pool=pool, method="neg_clip_loss", budget=first), progress)
    asked = Spec(pool=pool, method="norm_sim", params={"p": "inf"}, budget=then, target=target, within=str(stage.folder))
    return select(workspace, asked, progress)
