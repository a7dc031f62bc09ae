"""Facility location: keep the samples that best stand for all the others."""

import heapq
from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks
from datasel_core.vectors import neighbors


@method("facility_location", version=1, title="Facility location")
class FacilityLocation(Method):
    """Keeps typical samples, one for every crowd: each kept sample stands for its neighbours. Robust to outliers.

    Maximises the sum over the pool of the similarity to the nearest kept sample, on a sparse graph of nearest
    neighbours, by lazy greedy (Minoux 1978; at least 1 - 1/e of the best value, Nemhauser, Wolsey & Fisher 1978).
    Similarity is the cosine, or, Euclidean, 1 less the distance as a share of the largest distance in the graph.
    Similarities outside the graph, and below 0, count 0.
    """

    needs: ClassVar = ("embedding",)
    prefix: ClassVar = True
    cost: ClassVar = (
        "Exact nearest neighbours of the whole pool: grows with the square of its size (about a minute for 100,000)."
    )
    avoid: ClassVar = "When you look for rare cases: it takes the typical first."
    promise: ClassVar = "mean"
    because: ClassVar = "it stands for as much as {gain:.3g} samples that nothing chosen before was like"

    metric: Literal["cosine", "euclidean"] = Field(
        "cosine",
        description="How far apart two samples are; euclidean for loss trajectories.",
        json_schema_extra=spoken({"cosine": "by direction (cosine)", "euclidean": "by distance (Euclidean)"}),
    )
    n_neighbors: int = Field(
        50,
        title="Neighbours per sample",
        ge=1,
        description=(
            "How many of its nearest neighbours each sample is compared with. Move it up when a small budget "
            "is to stand for a large pool. At 1 only a sample's single nearest counts; at the size of the "
            "pool the answer is the exact one, and takes the longest."
        ),
    )

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        embedding = np.asarray(inputs.pool["embedding"])
        n = len(embedding)
        rows, similarity = np.empty((n, 0), np.int64), np.empty((n, 0))
        if n > 1:
            rows, similarity = self._graph(embedding, inputs.progress)
        served = _by_facility(rows, similarity, n)
        best = np.zeros(n)  # similarity of each sample to its nearest kept one
        for row in inputs.already:
            _keep(best, served, row)
        return _lazy_greedy(inputs, budget, best, served)

    def _graph(self, embedding: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """(n, k) rows of the nearest neighbours, and (n, k) how similar they are, from 0 to 1."""
        if self.metric == "euclidean":  # centred, because small differences between large numbers are lost in float32
            middle = embedding.mean(axis=0, dtype=np.float64).astype(np.result_type(embedding, np.float32))
            embedding = (embedding - middle).astype(np.float32)
        rows, distance = neighbors.knn(embedding, self.n_neighbors, self.metric, progress)
        if self.metric == "euclidean":
            distance = distance / (distance.max() or 1)
        return rows, np.maximum(1 - distance, 0)


def _by_facility(rows: np.ndarray, similarity: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each sample, whom it would serve: those that count it among their neighbours, and itself with similarity
    1.
    """
    facility = np.concatenate([rows.ravel(), np.arange(n)])
    served = np.concatenate([np.repeat(np.arange(n), rows.shape[1]), np.arange(n)])
    values = np.concatenate([similarity.ravel(), np.ones(n)])
    order = np.lexsort((served, facility))
    return np.searchsorted(facility[order], np.arange(n + 1)), served[order], values[order]


def _gain(best: np.ndarray, served: tuple[np.ndarray, np.ndarray, np.ndarray], row: int) -> float:
    mine = slice(served[0][row], served[0][row + 1])
    return float(np.maximum(served[2][mine] - best[served[1][mine]], 0).sum())


def _keep(best: np.ndarray, served: tuple[np.ndarray, np.ndarray, np.ndarray], row: int) -> None:
    mine = slice(served[0][row], served[0][row + 1])
    best[served[1][mine]] = np.maximum(best[served[1][mine]], served[2][mine])


def _lazy_greedy(
    inputs: Inputs, budget: int, best: np.ndarray, served: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> Picks:
    open_rows = np.setdiff1d(np.arange(len(best)), inputs.already)
    # A gain never grows, so an old one is an upper bound; among equals the heap gives the lowest row.
    queue = [(-_gain(best, served, row), int(row), 0) for row in open_rows]
    heapq.heapify(queue)
    rows, gains = [], []
    track = inputs.progress.track(budget, "choosing")
    while len(rows) < budget:
        gain, row, when = heapq.heappop(queue)
        if when < len(rows):
            heapq.heappush(queue, (-_gain(best, served, row), row, len(rows)))
            continue
        _keep(best, served, row)
        rows.append(row)
        gains.append(-gain)
        track.advance()
    track.finish()
    return Picks(np.array(rows), why={"gain": np.array(gains)})
