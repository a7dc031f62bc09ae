"""The most, or the least, of one number per sample; and the methods that are just that, by their own names."""

from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.ragged import Ragged
from datasel_core.errors import BadInput
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs


@method("by_score", version=1, title="By a score")
class ByScore(Scorer):
    """The highest, the lowest or the middle values of any number that features gave the samples. As good as that
    number.

    Any number role will do: one that a feature computes, or one that was imported. The middle is the nearest to the
    median of every sample that has the number, whether it may be chosen or not.
    """

    needs_one_of: ClassVar = "number"
    cost: ClassVar = "Nothing beyond the number."
    avoid: ClassVar = "When nobody has looked at both ends of the number: the extremes are often broken samples."
    because: ClassVar = "by {score:.3g}"

    role: str = Field("loss", description="Which number to go by.", json_schema_extra={"role": "number"})
    keep: Literal["high", "low", "middle"] = Field(
        "high",
        description="Which end to keep, or the middle.",
        json_schema_extra=spoken({"high": "highest", "low": "lowest"}),
    )

    def roles(self) -> tuple[str, ...]:
        return (self.role,)

    def check(self, inputs: Inputs) -> None:
        super().check(inputs)
        values = inputs.pool[self.role]
        if isinstance(values, Ragged) or np.ndim(values) != 1 or np.asarray(values).dtype.kind not in "biuf":
            raise BadInput(f"by_score goes by one number per sample; the role {self.role} holds something else.")

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: the number, minus the number, or minus its distance to the median."""
        values = np.asarray(inputs.pool[self.role], dtype=np.float64)
        if self.keep == "middle":
            return -np.abs(values - np.median(values))
        return values if self.keep == "high" else -values


class Highest(Scorer):
    """The highest values of the one role in `needs`."""

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: the number itself."""
        return np.asarray(inputs.pool[self.needs[0]], dtype=np.float64)


class Lowest(Scorer):
    """The lowest values of the one role in `needs`."""

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64: minus the number."""
        return -np.asarray(inputs.pool[self.needs[0]], dtype=np.float64)


@method("lowest_perplexity", version=1, title="Lowest perplexity")
class LowestPerplexity(Lowest):
    """What a given language model finds least surprising. Passes over noise and broken text; loves what is repeated and
    bland.

    After the filter by perplexity of CCNet, Wenzek et al. 2020, https://arxiv.org/abs/1911.00359; there by buckets.
    """

    needs: ClassVar = ("perplexity",)
    cost: ClassVar = "Nothing beyond the losses."
    avoid: ClassVar = "When variety counts: boilerplate and lists have the lowest perplexity of all."
    paper: ClassVar = "https://arxiv.org/abs/1911.00359"
    because: ClassVar = "minus its loss a token is {score:.3g}"


@method("least_confidence", version=1, title="Least confidence")
class LeastConfidence(Highest):
    """The highest last loss: what the model still finds hardest. Simple; cannot tell what is hard from what is
    wrong.
    """

    needs: ClassVar = ("loss",)
    cost: ClassVar = "Nothing beyond the losses."
    avoid: ClassVar = "When samples may be broken or mislabelled: they have the highest losses and are kept first."
    because: ClassVar = "its last loss is {score:.3g}"


@method("high_learnability", version=1, title="High learnability")
class HighLearnability(Highest):
    """The largest fall of the loss in training: what can be learned and was not known. Passes over noise; also what
    needs longer training.

    Zhou et al. 2023, https://arxiv.org/abs/2310.13008
    """

    needs: ClassVar = ("learnability",)
    cost: ClassVar = "Nothing beyond the losses."
    avoid: ClassVar = "When the proxy model was trained briefly: what is hard has not begun to fall."
    paper: ClassVar = "https://arxiv.org/abs/2310.13008"
    because: ClassVar = "its loss fell by {score:.3g}"


@method("high_error", version=1, title="High error (EL2N)")
class HighError(Highest):
    """The largest error early in training, EL2N: the length of prediction minus truth. Finds what shapes a model; loves
    wrong labels.

    Deep Learning on a Data Diet, Paul et al., NeurIPS 2021, https://arxiv.org/abs/2107.07075
    """

    needs: ClassVar = ("error",)
    cost: ClassVar = "Nothing beyond the errors."
    avoid: ClassVar = "When labels are noisy, or the budget is small: the hardest samples alone teach little."
    paper: ClassVar = "https://arxiv.org/abs/2107.07075"
    because: ClassVar = "its error is {score:.3g}"


@method("most_forgotten", version=1, title="Most forgotten")
class MostForgotten(Highest):
    """What was learned and lost again most often. What is never forgotten can be left out; what is forgotten most may
    be mislabelled.

    An Empirical Study of Example Forgetting, Toneva et al., ICLR 2019, https://arxiv.org/abs/1812.05159. Of a response
    its tokens are counted, and the number is their mean; of what is forgotten as a whole it is a small whole number.
    Among equal ones pool order decides.
    """

    needs: ClassVar = ("forgetting",)
    cost: ClassVar = "Nothing beyond the counts."
    avoid: ClassVar = "With few checkpoints: there is little to count, and among equal counts pool order decides."
    paper: ClassVar = "https://arxiv.org/abs/1812.05159"
    because: ClassVar = "it was forgotten {score:.3g} times, on average over its tokens"
