"""S2L: cluster loss trajectories of a small model, and take equally many from every cluster."""

from typing import ClassVar

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.parallel import one_thread
from datasel_core.errors import BadParameter
from datasel_core.methods.algorithms.water_filling import in_turn
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks
from datasel_core.vectors.grid_kmeans import Grid, cluster


@method("s2l", version=1, title="S2L")
class S2L(Method):
    """Takes equally many samples from every way of being learned: clusters of loss trajectories of a small proxy model.

    k-means on the trajectories (Euclidean, as they are); from the smallest cluster to the largest, each gives min(its
    size, an even share of what remains), drawn at random. Samples in one cluster have similar gradients along the
    directions the proxy moved. SmallToLarge (S2L): Scalable Data Selection for Fine-tuning Large Language Models by
    Summarizing Training Trajectories of Small Models, Yang et al., NeurIPS 2024, https://arxiv.org/abs/2403.07384

    Shares grow with the budget and never shrink, so a smaller budget is the beginning of a larger one. Samples chosen
    earlier count as drawn from their clusters. Above 50,000 samples the centres are fitted on a random sample (50,000,
    or 100 per cluster if that is more); every sample then goes to its nearest centre. Clusters are numbered by size,
    the largest 0; per group, the groups come one after the other, by name.
    """

    needs: ClassVar = ("loss_trajectory",)
    may_need: ClassVar = ("group",)
    prefix: ClassVar = True
    promise: ClassVar = "loss"
    cost: ClassVar = (
        "Training a small proxy model once, for the trajectories; the choice itself takes seconds for a million "
        "samples."
    )
    avoid: ClassVar = (
        "When many samples are broken or mislabelled: they are learned in odd ways, fill the small clusters, and "
        "those are taken whole."
    )
    paper: ClassVar = "https://arxiv.org/abs/2403.07384"
    because: ClassVar = "drawn from cluster {cluster}, {size} samples whose losses fell alike"

    n_clusters: int = Field(
        100,
        ge=1,
        title="Clusters",
        description=(
            "Into how many clusters the trajectories are parted; per group, in each. Move it up for a pool of "
            "many kinds, down when clusters hold a handful each. At 1 the choice is random; with as many as "
            "samples it is random again. Fewer where fewer samples differ."
        ),
    )
    per_group: bool = Field(
        False,
        title="Per group",
        description="Share the budget among groups first, in the same way, and cluster inside each.",
    )
    n_checkpoints: int | None = Field(
        None,
        ge=1,
        title="Checkpoints",
        description=(
            "How many points of each trajectory are compared, evenly spaced, always with the last. Move it "
            "down to see whether fewer would do. At 1 only the last loss counts; left empty, all are used."
        ),
        json_schema_extra=spoken({"none": "all"}),
    )

    def roles(self) -> tuple[str, ...]:
        return self.needs + self.may_need if self.per_group else self.needs

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        losses = np.asarray(inputs.pool["loss_trajectory"])
        grid = Grid(losses, self._columns(losses.shape[1]), inputs.progress)
        names, group = (
            np.unique(np.asarray(inputs.pool["group"]), return_inverse=True)
            if self.per_group
            else ([], np.zeros(inputs.n, np.int64))
        )
        with one_thread():
            clusters = self._clusters(grid, group, inputs)
        free = np.ones(inputs.n, dtype=bool)
        free[inputs.already] = False
        order = inputs.rng.permutation(np.flatnonzero(free))
        for part in (clusters, group):  # each group's samples keep the order in which its clusters gave them
            sizes = np.bincount(part)
            order = order[in_turn(part[order], sizes, np.bincount(part[inputs.already], minlength=len(sizes)))]
        rows = order[:budget]
        why = {"cluster": clusters[rows], "size": np.bincount(clusters)[clusters[rows]]}
        if self.per_group:
            why["group"] = names[group[rows]]
        return Picks(rows, why=why, clusters=clusters)

    def _clusters(self, grid: Grid, group: np.ndarray, inputs: Inputs) -> np.ndarray:
        """(n,) cluster numbers, unique over groups."""
        clusters, found = np.empty(inputs.n, np.int64), 0
        by_group = np.argsort(group, kind="stable")
        for rows in np.split(by_group, np.cumsum(np.bincount(group))[:-1]):
            clusters[rows] = cluster(grid, rows, self.n_clusters, inputs.rng, inputs.progress) + found
            found = int(clusters[rows].max()) + 1
        return clusters

    def _columns(self, there: int) -> np.ndarray:
        """Which checkpoints: the last of each of n_checkpoints equal stretches."""
        many = there if self.n_checkpoints is None else self.n_checkpoints
        if many > there:
            raise BadParameter(
                f"n_checkpoints is {many}; the loss trajectories have {there}, so it must be at most {there}."
            )
        return -(-np.arange(1, many + 1) * there // many) - 1
