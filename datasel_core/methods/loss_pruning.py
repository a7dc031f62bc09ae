"""Pruning by the loss, so that the facts that are kept fit into the model that will learn them."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.errors import BadInput, BadParameter
from datasel_core.methods.algorithms.fitting import bits_met, exposure, fitting
from datasel_core.methods.method import Method, method
from datasel_core.methods.selection import Inputs, Picks

_LOSS = "answer_loss"
_HALF = float(np.log(2))
"""Nats: below it the answer has a probability of more than a half, so each of its tokens has, and a greedy reading
gives it.
"""


@method("loss_pruning", version=1, title="Loss pruning")
class LossPruning(Method):
    """Keeps what a short warm-up taught best, until the facts are as many as the model can hold. Frees room in a small
    model; what is dropped it will not know. A reconstruction: the thresholds of the paper are not public.

    Cram Less to Fit More, 2026, https://arxiv.org/abs/2604.08519, names two rules: one limits the number of facts by
    the loss, the other also flattens how often each occurs. Here samples are taken in ascending loss of the answer
    (summed cross-entropy over its tokens, in nats), of equal losses in pool order, until the distinct facts would take
    more than beta times `capacity_bits`, or the budget is spent. A fact counts once, with the same bits for all
    (`bits_per_fact`), else with those of the role `answer_bits`: the entropy of its relation in the whole pool, which
    is a little too much where what is kept has commoner answers. Without a capacity the budget alone decides: a
    quantile of the loss.

    Flattened, a fact keeps at most as many samples as the middle fact of what is kept (static), or what was learned is
    passed over but for a share, anew for each seed (dynamic): one refresh of a training in stages. The other reading
    found in public, which drops what was learned and keeps the rest, is `already_learned`.
    """

    needs: ClassVar = (_LOSS,)
    may_need: ClassVar = ("fact", "answer_bits")
    cost: ClassVar = "A short warm-up on everything, for the losses; the choice itself sorts them."
    avoid: ClassVar = (
        "When all facts fit: whatever is dropped is then lost for nothing. `capacity` says whether they do."
    )
    paper: ClassVar = "https://arxiv.org/abs/2604.08519"
    because: ClassVar = "its loss after the warm-up is {loss:.3g} nats, {reading}"

    mode: Literal["head", "head_flatten", "already_learned"] = Field(
        "head",
        description="What is kept: what was learned first, the same with each fact less often, or what was not.",
        json_schema_extra=spoken(
            {
                "head": "what was learned first",
                "head_flatten": "the same, flattened",
                "already_learned": "what is not learned yet",
            }
        ),
    )
    capacity_bits: float | None = Field(
        None,
        gt=0,
        title="Capacity in bits",
        description=(
            "How many bits of facts the model can hold: its parameters times 1 to 3.6. Move it down for a smaller "
            "model or a shorter training, up for a larger one. Near 0 nothing fits; left empty, the budget alone "
            "decides."
        ),
        json_schema_extra=spoken({"none": "no limit"}),
    )
    beta: float = Field(
        1.0,
        gt=0,
        le=100,
        description=(
            "Which part of the capacity is filled. Move it down when a trained model does not reach its capacity, up "
            "when it holds all that was kept. Near 0 almost nothing is kept; far above 1 nothing is pruned."
        ),
    )
    bits_per_fact: float | None = Field(
        None,
        gt=0,
        title="Bits of a fact",
        description=(
            "What one distinct fact takes: the logarithm to base 2 of how many answers are as likely. Move it up when "
            "answers are more various than was thought. At 1 each is a yes or no; left empty, each sample has its own, "
            "as `capacity` keeps them."
        ),
        json_schema_extra=spoken({"none": "of each sample its own"}),
    )
    exposures: float | None = Field(
        None,
        ge=1,
        title="Samples of a fact",
        description=(
            "How many samples state one fact, on average, where nobody knows which do: each then counts as that part "
            "of a fact. Move it up when facts are often repeated. At 1 all samples differ; left empty, the pool says "
            "which state the same."
        ),
        json_schema_extra=spoken({"none": "as the pool says"}),
    )
    flatten: Literal["static", "dynamic"] = Field(
        "static",
        description="How it is flattened: at most so many samples of a fact; or passing over what was learned, which "
        "is for the next stage of a training that goes on, never for one that begins anew.",
        json_schema_extra=spoken({"static": "a limit a fact", "dynamic": "passing over the learned"}),
    )
    limit: int | None = Field(
        None,
        ge=1,
        title="Limit a fact",
        description=(
            "How many samples a fact keeps at most, where that is flattened by a limit. Move it up when facts must be "
            "seen often to be learned. At 1 each stands once; left empty, it is the median of what would be kept."
        ),
        json_schema_extra=spoken({"none": "the median"}),
    )
    learned_below: float | None = Field(
        None,
        ge=0,
        title="Learned below",
        description=(
            "Below which loss, in nats, a sample counts as learned. Move it up when a warm-up was short, down when it "
            "was long. At 0 nothing is learned; left empty, it is 0.69, a probability of a half, where the learned are "
            "passed over, and the budget decides where they are dropped."
        ),
        json_schema_extra=spoken({"none": "as it comes"}),
    )
    q: float = Field(
        0.05,
        ge=0,
        le=1,
        title="Still kept",
        description=(
            "Which share of the learned is kept all the same, where they are passed over. Move it up when facts are "
            "forgotten again. At 0 none is kept; at 1 nothing is flattened."
        ),
    )

    def roles(self) -> tuple[str, ...]:
        limited = self.capacity_bits is not None and self.mode != "already_learned"
        named = limited and self.exposures is None
        flat = self.mode == "head_flatten" and self.flatten == "static"
        return (
            *self.needs,
            *(["fact"] if named or flat else []),
            *(["answer_bits"] if limited and self.bits_per_fact is None else []),
        )

    def trust(self, facts: Mapping[str, Mapping[str, Any]]) -> str:
        is_sum = facts.get(_LOSS, {}).get("summed")
        if is_sum is None:
            return "Nobody said whether this loss is the sum over the tokens of an answer; it is taken as one."
        if is_sum:
            return ""
        if self.learned_below is not None or (self.mode == "head_flatten" and self.flatten == "dynamic"):
            raise BadInput(
                "What counts as learned is a loss of a whole answer, and this one is a mean over tokens; compute "
                "another: python -m datasel_core feature compute POOL answer_loss"
            )
        return "This loss is a mean over tokens, so that long answers pass for better known than they are."

    def check(self, inputs: Inputs) -> None:
        super().check(inputs)
        if self.mode == "already_learned" and self.capacity_bits is not None:
            raise BadParameter(
                "capacity_bits limits what was learned first; with mode=already_learned give a budget or learned_below."
            )

    def pick(self, inputs: Inputs, budget: int) -> Picks:
        loss = np.asarray(inputs.pool[_LOSS], dtype=np.float64)
        free = np.setdiff1d(np.arange(inputs.n), inputs.already)
        if self.mode == "already_learned":
            return self._rest(loss, free, budget)
        order = free[np.argsort(loss[free], kind="stable")]
        order, said = self._head(inputs, order)
        reading: str | np.ndarray = "among the lowest"
        if self.mode == "head_flatten" and self.flatten == "static":
            order, reading, more = self._limited(inputs, order, budget)
            said |= more
        elif self.mode == "head_flatten":
            order, reading, more = self._passed_over(inputs, loss, order)
            said |= more
        rows = order[:budget]
        return Picks(rows, scores=-loss, why=_why(loss, rows, reading), facts=self._told(inputs, loss, rows) | said)

    def _rest(self, loss: np.ndarray, free: np.ndarray, budget: int) -> Picks:
        """The highest losses; none that counts as learned."""
        order = free[np.argsort(-loss[free], kind="stable")]
        learned = loss[order] < (self.learned_below or 0)
        rows = order[~learned][:budget]
        if not len(rows):
            raise BadParameter(f"learned_below is {self.learned_below}; every loss is below it, so nothing is kept.")
        why = _why(loss, rows, "not learned yet")
        return Picks(rows, scores=loss, why=why, facts={"learned": int(learned.sum())})

    def _head(self, inputs: Inputs, order: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        """The front of the order that fits the capacity."""
        if self.capacity_bits is None:
            return order, {}
        room = self.beta * self.capacity_bits
        fact, bits = self._fact(inputs), self._bits(inputs)
        fits = fitting(order, fact, bits, room, inputs.already)
        if not fits:
            raise BadParameter(
                f"The capacity is {room:,.6g} bits, less than the first fact takes together with what was chosen "
                f"earlier ({bits_met(order[:1], fact, bits, inputs.already)[0]:,.6g}); give a larger capacity_bits."
            )
        return order[:fits], {"room_bits": room}

    def _limited(self, inputs: Inputs, order: np.ndarray, budget: int) -> tuple[np.ndarray, str, dict[str, float]]:
        """At most so many samples of each fact, those of the lowest loss; what that frees goes to further facts."""
        fact = np.asarray(inputs.pool["fact"])
        _, many = np.unique(fact[order[:budget]], return_counts=True)
        limit = self.limit or max(1, int(np.median(many)))
        kept = exposure(order, fact, inputs.already) <= limit
        if not kept.any():
            raise BadParameter(f"Every fact was chosen {limit} times or more earlier; give a larger limit.")
        return order[kept], f"among the lowest {limit} of its fact", {"limit": limit}

    def _passed_over(
        self, inputs: Inputs, loss: np.ndarray, order: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
        """Less the learned, but for a share of them. A number is drawn for every sample, so that what may be chosen
        moves none.
        """
        learned = loss < (_HALF if self.learned_below is None else self.learned_below)
        spared = inputs.rng.random(inputs.n) < self.q
        kept = order[~learned[order] | spared[order]]
        if not len(kept):
            raise BadParameter("All that fits was learned already, and none of it is still kept; give a larger q.")
        words = np.array(["among the lowest that are not learned", "learned, and still kept"], dtype=object)
        return (
            kept,
            words[learned[kept].astype(np.int64)],
            {"learned": int(learned[order].sum()), "passed_over": len(order) - len(kept)},
        )

    def _told(self, inputs: Inputs, loss: np.ndarray, rows: np.ndarray) -> dict[str, float]:
        """What is to be known of the choice: its threshold, and what it holds where that is known."""
        said: dict[str, float] = {"highest_loss": float(loss[rows].max())}
        if "fact" in self.roles():
            said["facts"] = len(np.unique(np.asarray(inputs.pool["fact"])[rows]))
        if self.capacity_bits is not None:
            met = bits_met(rows, self._fact(inputs), self._bits(inputs), inputs.already)
            said["bits"] = float(met[-1])
        return said

    def _fact(self, inputs: Inputs) -> np.ndarray:
        """(n,) equal where samples state one fact; where nobody knows, each stands for itself."""
        return np.arange(inputs.n) if self.exposures is not None else np.asarray(inputs.pool["fact"])

    def _bits(self, inputs: Inputs) -> np.ndarray:
        """(n,) what the fact of each sample takes, or the part of it that a sample stands for."""
        if self.bits_per_fact is not None:
            bits = np.full(inputs.n, self.bits_per_fact)
        else:
            bits = np.asarray(inputs.pool["answer_bits"], dtype=np.float64)
            if (bits < 0).any():
                raise BadParameter("The pool role answer_bits has values below 0; an entropy never is.")
        return bits / (self.exposures or 1)


def _why(loss: np.ndarray, rows: np.ndarray, reading: str | np.ndarray) -> dict[str, np.ndarray]:
    """reading: one for all, or of each of at least so many; as objects, for a million copies of a sentence are long."""
    each = np.full(len(rows), reading, dtype=object) if isinstance(reading, str) else reading[: len(rows)]
    return {"loss": loss[rows], "reading": each}
