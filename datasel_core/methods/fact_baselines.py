"""What any pruning of facts must beat: facts at random, the most frequent by truth, and each fact once."""

from typing import ClassVar

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.methods.algorithms.fitting import exposure
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks


class WholeFacts(Method):
    """Fact after fact, each with all its samples in pool order; the last one as far as the budget reaches."""

    needs: ClassVar = ("fact",)
    prefix: ClassVar = True

    n_facts: int | None = Field(
        None,
        ge=1,
        title="Facts",
        description=(
            "How many facts are kept at most. Move it to the number that another choice keeps, to compare equal "
            "numbers of facts. At 1 a single fact is kept; left empty, the budget of samples alone decides."
        ),
        json_schema_extra=spoken({"none": "as the budget allows"}),
    )

    def order(self, many: np.ndarray, first: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(F,) the facts, best first. many: (F,) samples of each. first: (F,) where each occurs first."""
        raise TypeError(f"{type(self).__name__} must implement order.")

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        _, first, of, many = np.unique(
            np.asarray(inputs.pool["fact"]), return_index=True, return_inverse=True, return_counts=True
        )
        order = self.order(many, first, inputs.rng)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        free = np.setdiff1d(np.arange(inputs.n), inputs.already)
        free = free[np.argsort(place[of[free]], kind="stable")]
        if self.n_facts is not None:
            with_some = np.unique(place[of[free]])[: self.n_facts]
            free = free[place[of[free]] <= with_some[-1]]
        rows = free[:budget]
        return Picks(rows, why={"size": many[of[rows]]})


@method("random_facts", version=1, title="Random facts")
class RandomFacts(WholeFacts):
    """Facts drawn at random, each with all its samples. The control of every choice of facts: as often repeated, chosen
    blindly.
    """

    cost: ClassVar = "Nothing beyond knowing which fact a sample states."
    avoid: ClassVar = "When facts are read from single samples: random samples are then the same, and simpler."
    because: ClassVar = "its fact was drawn, with all its {size} samples"

    def order(self, many: np.ndarray, first: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.argsort(first)[rng.permutation(len(many))]  # whatever facts are called, the seed draws the same


@method("most_frequent_facts", version=1, title="Most frequent facts")
class MostFrequentFacts(WholeFacts):
    """The facts with most samples, each with all of them. An oracle: it counts what a loss can only guess; rare facts
    are lost.
    """

    cost: ClassVar = "Nothing beyond knowing which fact a sample states."
    avoid: ClassVar = "When rare facts are asked for: none of them is kept."
    because: ClassVar = "its fact has {size} samples, and those with most come first"

    def order(self, many: np.ndarray, first: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.lexsort((first, -many))  # of equally frequent ones, the first in the pool


@method("once_each", version=1, title="Each fact once")
class OnceEach(Method):
    """One sample of every fact, the first in pool order. Removes repetition and nothing else; a fact that is seen once
    is learned slowly.

    A budget above the number of facts is filled with second samples, then third ones; with fill off it keeps fewer.
    """

    needs: ClassVar = ("fact",)
    prefix: ClassVar = True
    cost: ClassVar = "Nothing beyond knowing which fact a sample states."
    avoid: ClassVar = "With a budget below the number of facts: it then keeps the beginning of the pool."
    because: ClassVar = "{turn} of the samples of its fact"

    fill: bool = Field(True, description="Fill a budget above the number of facts with second samples, then third.")

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        free = np.setdiff1d(np.arange(inputs.n), inputs.already)
        turn = exposure(free, np.asarray(inputs.pool["fact"]), inputs.already)
        order = np.argsort(turn, kind="stable")
        order = order if self.fill else order[turn[order] == 1]
        rows, turns = free[order][:budget], turn[order][:budget]
        words = np.array(["", "the first", "the second", "the third", "a further one"])
        return Picks(rows, why={"turn": words[np.minimum(turns, 4)]})
