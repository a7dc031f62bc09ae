"""FreeSel: choose images by their semantic patterns, in one pass, without training."""

from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field, spoken
from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadParameter
from datasel_core.methods.algorithms.draw import draw
from datasel_core.methods.algorithms.farthest import farthest
from datasel_core.methods.algorithms.gaps import BLOCK, Gaps
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks


@method("freesel", version=1, title="FreeSel")
class FreeSel(Method):
    """Covers the kinds of things that appear in photos: each new photo shows something unlike all that was kept.

    Sampling among local patterns with probability proportional to squared distance (`prob`), or always the farthest
    (`farthest`). Free Data Selection with General-Purpose Models, Xie et al., NeurIPS 2023,
    https://arxiv.org/abs/2309.17342
    """

    needs: ClassVar = ("patterns",)
    prefix: ClassVar = True
    cost: ClassVar = (
        "One pass over the photos for their patterns; the choice itself takes seconds, even for 16,000 photos."
    )
    avoid: ClassVar = "When rare, odd pictures are noise to you: what looks like nothing else is drawn early."
    promise: ClassVar = "missed_patterns"
    paper: ClassVar = "https://arxiv.org/abs/2309.17342"
    because: ClassVar = "its pattern {pattern} was {distance:.3f} away from every pattern kept before"

    sampler: Literal["prob", "farthest"] = Field(
        "prob",
        description="prob draws by squared distance; farthest always takes the largest.",
        json_schema_extra=spoken({"prob": "by chance, far ones sooner", "farthest": "always the farthest"}),
    )
    metric: Literal["cosine", "euclidean"] = Field(
        "cosine",
        description="How far apart two patterns are.",
        json_schema_extra=spoken({"cosine": "by direction (cosine)", "euclidean": "by distance (Euclidean)"}),
    )
    first: int | None = Field(
        None,
        ge=0,
        description=(
            "Number of the photo, counted from 0, that the choice begins with. Set it to repeat somebody's "
            "experiment. Left empty, the seed draws it; any photo of the pool may be named."
        ),
        json_schema_extra=spoken({"none": "drawn by the seed"}),
    )
    block: int = Field(BLOCK, ge=1, description="Patterns per matrix product.", json_schema_extra=HOW)

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        return pick_by_patterns(
            inputs.pool["patterns"], inputs, budget, self.sampler, self.metric, self.first, self.block
        )


def pick_by_patterns(
    patterns: Ragged, inputs: Inputs, budget: int, sampler: str, metric: str, first: int | None, block: int
) -> Picks:
    """The law of FreeSel; with one pattern per sample and `farthest` it is k-center greedy.

    why: `pattern` (position within its sample, -1 for a pick that no pattern brought in) and `distance` (NaN likewise).
    """
    owners = patterns.owners()
    gaps = Gaps(patterns.values, metric, block)
    chosen = np.zeros(len(patterns), dtype=bool)
    chosen[inputs.already] = True
    gaps.add(patterns.places(inputs.already))
    rows: list[int] = []
    triggers: list[int] = []
    limits: list[int] = []
    track = inputs.progress.track(budget, "choosing")

    def take(row: int, place: int) -> None:
        rows.append(row)
        triggers.append(place)
        limits.append(gaps.n_centres)
        chosen[row] = True
        gaps.add(patterns.span(row))
        track.advance()

    if first is not None and (first >= len(patterns) or chosen[first]):
        raise BadParameter(
            f"first is {first}; it must be a row from 0 to {len(patterns) - 1} that is not chosen already."
        )
    if first is not None or not len(inputs.already):
        take(int(inputs.rng.integers(len(patterns))) if first is None else first, -1)
    if len(rows) < budget:
        if sampler == "farthest":
            next_places = farthest(gaps, patterns, owners, chosen, inputs.progress)
        else:
            next_places = draw(gaps, owners, chosen, inputs.rng, inputs.progress)
        for place in next_places:
            take(int(owners[place]), place)
            if len(rows) == budget:
                break
    if len(rows) < budget:  # only duplicates of what is kept are left
        for row in inputs.rng.permutation(np.flatnonzero(~chosen))[: budget - len(rows)]:
            rows.append(int(row))
            triggers.append(-1)
            limits.append(0)
    track.finish()
    return Picks(np.array(rows), why=_why(gaps, patterns, np.array(triggers), np.array(limits), owners))


def _why(
    gaps: Gaps, patterns: Ragged, triggers: np.ndarray, limits: np.ndarray, owners: np.ndarray
) -> dict[str, np.ndarray]:
    by_pattern = np.flatnonzero(triggers >= 0)
    pattern, distance = np.full(len(triggers), -1), np.full(len(triggers), np.nan)
    places = triggers[by_pattern]
    pattern[by_pattern] = places - patterns.offsets[owners[places]]
    gap = gaps.exact_among(places, limits[by_pattern])
    distance[by_pattern] = gaps.distances(gap)
    return {"pattern": pattern, "distance": distance}
