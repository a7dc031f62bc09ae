"""Where each sample would move a given language model: its gradient, projected at random."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.role import Role, declare
from datasel_core.features.feature import feature
from datasel_core.features.language.batches import scoring_batches
from datasel_core.features.language.given import OfModel
from datasel_core.features.language.gradients import Blocks, Gradients, Sketch
from datasel_core.features.language.tokens import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GRADIENT = declare(
    Role("gradient", "vector", "Where a sample would move a language model: the direction of its loss, projected.")
)


@feature("lm_gradient", version=1, title="Gradients of a language model, projected")
class LmGradient(OfModel):
    """One vector of length 1 per sample: the gradient of its loss in the weights of a language model that you give,
    projected at random to a few numbers. Near each other are samples that would move the model the same way.

    The gradient similarity of LESS, https://arxiv.org/abs/2402.04333, and TRAK, https://arxiv.org/abs/2303.14186, as
    DATE-LM compares it (GradSim, https://arxiv.org/abs/2507.09424), without the moments of an optimiser. The loss is
    the mean over learned tokens; the weights are the matrices of the last blocks. The projection is a count sketch
    (Charikar et al. 2002): every weight is added, with a random sign, to one of the numbers, so that inner products are
    right on average over seeds, within about one over the root of how many numbers there are. To choose by it:
    --use embedding=lm_gradient.
    """

    role: ClassVar[str] = GRADIENT.name
    suits: ClassVar[str] = "Compares samples by what they would teach a language model; wants that model."
    speed: ClassVar[float] = 10
    cost: ClassVar[str] = "one pass there and back: with 70 million parameters some 10 texts of 200 tokens a second"
    avoid: ClassVar[str] = (
        "When lengths differ a lot: short texts have the largest gradients, and directions alone are kept."
    )
    paper: ClassVar[str] = "https://arxiv.org/abs/2402.04333"

    dims: int = Field(
        1024,
        ge=8,
        le=1 << 16,
        title="Numbers per sample",
        description=(
            "To how many numbers a gradient is projected. Move it up where alike samples must be told apart finely. "
            "With 8 chance decides who is near; many cost room on the disk, not time."
        ),
    )
    layers: int | None = Field(
        2,
        ge=1,
        title="Last blocks",
        description=(
            "Of how many of the model's last blocks the weights count. Move it up where there is time: earlier blocks "
            "see words and grammar. At 1 it is quick; left empty, all blocks count, with 12 bytes of memory a weight."
        ),
        json_schema_extra=spoken({"none": "all"}),
    )
    seed: int = Field(0, ge=0, description="Start of the projection; both sides of a comparison need the same.")

    def measuring(self, model: "PreTrainedModel", check: Callable[[], None]) -> Callable[[Tokens], np.ndarray]:
        """(m, dims) of length 1; NaN where a gradient is zero."""
        blocks = Blocks.last(model, self.layers)
        sketch, gradients = (
            Sketch(blocks.size, self.dims, self.seed),
            Gradients(model, blocks, self.precision == "bf16"),
        )

        def projected(tokens: Tokens) -> np.ndarray:
            found = np.zeros((len(tokens.rows), self.dims))
            for at in scoring_batches(tokens.lengths(), self.batch_tokens):
                check()
                gradients.of(*tokens.padded(at), lambda one, *part, at=at: sketch.add(found[at[one]], *part))
            lengths = np.linalg.norm(found, axis=1, keepdims=True)
            return np.divide(found, lengths, out=np.full_like(found, np.nan), where=lengths > 0).astype(np.float32)

        return projected
