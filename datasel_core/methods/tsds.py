"""TSDS: candidates that stand for a few target examples, spread by how crowded it is around them."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, Fault
from datasel_core.methods.algorithms.crowding import Crowd
from datasel_core.methods.algorithms.transport import (
    Neighbours,
    TransportPlan,
    guessed,
    make_plan,
    out_of_scale,
    reasons,
    weights,
    with_crowding,
)
from datasel_core.methods.closeness import Closeness, Outlook, beyond, closeness, foresee, lacking, to_target
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks
from datasel_core.vectors import neighbors
from datasel_core.vectors.directions import matrix, same_width

_FIRST_DEPTH, _DEEPER = 64, 4  # what is known of the nearest says little of those much farther off


@method("tsds", version=1, title="TSDS: towards a target, spread out")
class Tsds(Method):
    """Keeps candidates near the target's examples, in the target's own proportions, and spreads the choice;
    near-duplicates share one chance.

    Each target example sends an equal mass to its nearest candidates; alpha weighs closeness against spreading it over
    many, and candidates in a crowd within sigma get less each. A candidate's mass is its chance of being drawn.
    Distances are Euclidean.
    TSDS: Data Selection for Task-Specific Model Finetuning, Liu et al., NeurIPS 2024, https://arxiv.org/abs/2410.11303
    (sampling = multinomial is the published draw; neighbours here are exact).

    Drawn without replacement or taken from the top, a smaller budget is the beginning of a larger one with the same
    seed. Candidates that no target reaches have no chance, and are never used to fill a budget up.
    """

    needs: ClassVar = ("embedding",)
    needs_target: ClassVar = ("embedding",)
    promise: ClassVar = "target"
    metric: ClassVar = "euclidean"
    cost: ClassVar = (
        "Compares every candidate with every target, then those it reaches with one another: a minute or more "
        "for 200,000 and 500 targets."
    )
    avoid: ClassVar = "When the target is a handful of odd examples: the choice repeats their oddities."
    paper: ClassVar = "https://arxiv.org/abs/2410.11303"
    because: ClassVar = (
        "it has the chance {probability:.3g}, most of it for target example {target}, {distance:.3f} away"
    )

    alpha: float = Field(
        0.5,
        ge=0,
        le=1,
        description="How much nearness to the target counts, against spreading the choice. Up: what is kept comes "
        "nearer, out of fewer candidates; at 1 hardly more than each example's nearest has a chance. Down: more "
        "candidates have one, until the choice is nearly random. 0.5 keeps a spread like the target's; 0.9 with "
        "sampling = top is the best for a target.",
    )
    c: float = Field(
        5.0,
        gt=0,
        title="Scale of distances (C)",
        description="What distances are divided by. Up: they count less, and the choice spreads wider, as with a lower "
        "alpha. Down: what is kept comes nearer. 5 suits vectors of length 1, and 50 those ten times as long; once it "
        "suits, move alpha.",
    )
    sigma: float = Field(
        0.75,
        ge=0,
        title="Width of a crowd (sigma)",
        description="Candidates nearer to each other than this are near-duplicates and share one chance. Up: more "
        "count as such, and crowded places are thinned out. Down: only closer copies share; at 0 nobody does, and what "
        "is there ten times has ten times the chance.",
    )
    max_k: int = Field(
        5000,
        ge=2,
        title="Neighbours per target",
        description=(
            "How many of its nearest candidates each target example may be served by. Move it up when "
            "examples used up their neighbours, down when it takes too long. At 2 only the very nearest have "
            "a chance; it never goes beyond a tenth of all."
        ),
    )
    kde_k: int = Field(
        1000,
        ge=1,
        title="Neighbours per crowd",
        description=(
            "How many of the nearest candidates are counted to tell how crowded a place is. Move it up in "
            "pools with large crowds of copies. At 1 no crowd is seen; it never goes beyond a tenth of all."
        ),
    )
    sampling: Literal["without_replacement", "multinomial", "top"] = Field(
        "without_replacement",
        description="Draw each at most once, by chance; draw as published, with repeats (counts); or take the highest "
        "chances, whatever the seed: nearer to the target, less spread.",
        json_schema_extra=spoken(
            {
                "without_replacement": "each at most once",
                "multinomial": "as published, with repeats",
                "top": "the highest chances",
            }
        ),
    )
    neighbors: Literal["exact", "approximate"] = Field(
        "exact",
        title="Neighbours",
        description="Find all neighbours, or most of them, with an inverted file.",
        json_schema_extra=spoken({"approximate": "nearly all"}),
    )

    purposes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "A spread like my target": {"alpha": 0.5, "sampling": "without_replacement"},
        "The best for my target": {"alpha": 0.9, "sampling": "top"},
    }
    """What a person may want, and the setting for it. In fifteen trials of pool, target and budget, alpha .9 taken from
    the top was nearer to held-out samples of the target's source than alpha .5 drawn in all, than alpha .9 drawn in
    fourteen, than alpha .5 taken from the top in thirteen (`tests/benchmarks/tsds_closeness.py`).
    """

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        plan, rng = self.plan(inputs), copy.deepcopy(inputs.rng)
        rows, counts = self.draw(plan, budget, inputs.rng, inputs.already)
        if counts.sum() < budget:
            hint = out_of_scale(plan.neighbours.distances, self.alpha, self.c, more=True)
            hint = hint or "Ask for at most so many, or spread wider: lower alpha, or raise c or max_k."
            possible = np.count_nonzero(weights(plan, inputs.already))
            raise BadParameter(f"The budget is {budget}, but only {possible} candidates have any chance. {hint}")
        pool, target = (np.asanyarray(side["embedding"]) for side in (inputs.pool, inputs.target))
        outlook = self.outlook(plan, to_target(pool, target, inputs.progress), budget, rng, inputs.already)
        foreign = lacking(plan.neighbours, beyond(pool, inputs.progress))
        facts = {**self._facts(plan, inputs.n), **outlook.facts, **foreign}
        return Picks(rows, counts, plan.probability, reasons(plan, rows), facts=facts)

    def plan(self, inputs: Inputs) -> TransportPlan:
        """The transport plan alone, before anything is drawn."""
        pool, target = (
            matrix(inputs.pool["embedding"], "pool role embedding"),
            matrix(inputs.target["embedding"], "target role embedding"),
        )
        same_width(pool, "pool role embedding", target, "target role embedding")
        found = find_neighbours(pool, target, self.max_k, self.kde_k, [self.sigma], self.neighbors, inputs.progress)
        return planned(found, pool, self.alpha, self.c, self.sigma, inputs.progress)[1]

    def draw(
        self, plan: TransportPlan, budget: int, rng: np.random.Generator, already: Sequence[int] | np.ndarray = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """rows, counts: so many draws by a plan, fewer where fewer have any chance. already: rows never drawn."""
        return self._drawn(weights(plan, already), budget, rng)

    def outlook(
        self,
        plan: TransportPlan,
        away: np.ndarray,
        budget: int,
        rng: np.random.Generator,
        already: Sequence[int] | np.ndarray = (),
    ) -> Outlook:
        """How near the draw that this generator is about to make comes to the target, and where it is spread too wide,
        the alpha that is closer with the same draws. Nothing is taken from the generator.

        away: (n,) of `to_target`. A larger alpha reaches less far: its crowding is known, too.
        """

        def at(alpha: float) -> Closeness | None:
            other = plan if alpha == self.alpha else make_plan(plan.neighbours, alpha, self.c, self.sigma)
            rows, counts = self.draw(other, budget, copy.deepcopy(rng), already)
            return closeness(away, plan.neighbours, rows, already) if counts.sum() == budget else None

        return foresee(at, self.alpha)

    def _drawn(self, probability: np.ndarray, budget: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if self.sampling == "multinomial":
            draws = (
                rng.choice(len(probability), budget, p=probability / probability.sum())
                if probability.any()
                else np.empty(0, np.int64)
            )
            rows, first, counts = np.unique(draws, return_index=True, return_counts=True)
            order = np.argsort(first)  # in the order they were drawn
            rows, counts = rows[order], counts[order]
        else:
            with np.errstate(divide="ignore"):
                keys = np.log(probability)
            if self.sampling == "without_replacement":
                keys += rng.gumbel(
                    size=len(keys)
                )  # the highest keys are drawn one after the other, each in proportion to what is left
            rows = np.argsort(-keys, kind="stable")[: min(budget, np.count_nonzero(probability))]
            counts = np.ones(len(rows), np.int64)
        return rows, counts

    def _facts(self, plan: TransportPlan, n: int) -> dict[str, float | int | str]:
        found = plan.neighbours
        facts = {
            "level": plan.level,
            "support": plan.support,
            "effective_size": plan.effective,
            "transport_cost": plan.cost,
            "max_k": found.max_k,
            "kde_k": found.kde_k,
            "ran_out": int(plan.ran_out.sum()),
            "recall": found.recall,
        }
        notes = [
            f"{name} is {used}, not {asked}: at most a tenth of the {n} candidates are looked at, and at least {least}."
            for name, used, asked, least in (
                ("max_k", found.max_k, self.max_k, 2),
                ("kde_k", found.kde_k, self.kde_k, 1),
            )
            if used < asked
        ]
        notes += filter(None, [out_of_scale(found.distances, self.alpha, self.c)])
        if plan.ran_out.any():
            notes.append(
                f"{plan.ran_out.sum()} of {len(plan.last)} targets used up their {found.max_k} neighbours; a larger "
                "max_k lets them reach farther."
            )
        if found.recall < 1:
            notes.append(f"Approximate neighbours: about {found.recall:.1%} of the true ones were found.")
        return {**facts, **({"note": " ".join(notes)} if notes else {})}


def find_neighbours(
    pool: np.ndarray,
    target: np.ndarray,
    max_k: int,
    kde_k: int,
    widths: list[float] | np.ndarray,
    how: str = "exact",
    progress: Progress | None = None,
) -> Neighbours:
    """Each target's nearest candidates, up to max_k and a tenth of the pool; crowding is not measured yet.

    widths: every sigma that plans will be asked for, such as the stops of a slider. how: exact or approximate.
    """
    n, recall = len(pool), 1.0
    k = min(n, max(2, min(max_k, n // 10)))
    if how == "exact":
        rows, distances = neighbors.search(target, pool, k, "euclidean", progress)
    else:
        rows, distances, recall = neighbors.search_roughly(target, pool, k, progress)
    retrieved, places = np.unique(rows, return_inverse=True)
    widths = np.unique([width for width in widths if width > 0])
    unknown = np.full((len(retrieved), len(widths)), np.nan)
    return Neighbours(
        n,
        retrieved,
        places.reshape(rows.shape).astype(np.int32),
        distances,
        widths,
        unknown,
        max(1, min(kde_k, n // 10)),
        recall,
    )


def planned(
    neighbours: Neighbours, pool: np.ndarray, alpha: float, c: float, sigma: float, progress: Progress | None = None
) -> tuple[Neighbours, TransportPlan]:
    """The plan, after measuring crowding wherever it needs it: it goes outward from the targets, and stops long before
    the last neighbour.

    Also the neighbours with what was measured; from then on `make_plan` may be enough: it says whose crowding is
    unknown.
    """
    if sigma == 0:
        return neighbours, make_plan(neighbours, alpha, c, sigma)
    crowd = None
    depth = np.full(len(neighbours.places), _FIRST_DEPTH)
    for again in range(len(neighbours.rows) + 1):  # but for the first time, at least one more is measured each time
        wanted = np.unique(neighbours.places[np.arange(neighbours.max_k) < depth[:, None]])
        new = wanted[np.isnan(neighbours.rho(sigma)[wanted])]
        if again and not len(new):
            break
        if len(new):
            crowd = crowd or Crowd(np.asarray(pool[neighbours.rows]), neighbours.widths, neighbours.kde_k)
            neighbours = with_crowding(neighbours, new, crowd.measure(new, progress))
        plan = make_plan(neighbours, alpha, c, sigma)
        if not plan.unknown.any():
            return neighbours, plan
        likely = np.minimum(make_plan(guessed(neighbours, sigma), alpha, c, sigma).last, _DEEPER * depth)
        depth = np.maximum(likely, plan.last * plan.unknown) + 2
    raise Fault("A plan asks for crowding that is measured already")
