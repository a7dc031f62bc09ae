"""How surprising each sample is to a given language model."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from datasel_core.base.role import Role, declare
from datasel_core.features.feature import feature
from datasel_core.features.language.given import OfModel
from datasel_core.features.language.scoring import per_sample, score
from datasel_core.features.language.tokens import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PERPLEXITY = declare(
    Role(
        "perplexity",
        "number",
        "How surprising a sample is to a given language model: mean loss, the logarithm of its perplexity.",
        unit="nats a token",
    )
)


@feature("perplexity", version=1, title="Perplexity")
class Perplexity(OfModel):
    """The mean loss of each sample under a language model that you give, in nats a token: low for what the model
    expects, high for what is rare, foreign or broken. The logarithm of perplexity.

    Cross-entropy over learned tokens: all of a text but the first, of a conversation the responses. Nothing is trained.
    What is too long is cut off.
    """

    role: ClassVar[str] = PERPLEXITY.name
    is_forward: ClassVar[bool] = True
    suits: ClassVar[str] = "Finds what is broken or foreign; wants a language model."
    speed: ClassVar[float] = 30
    cost: ClassVar[str] = "one pass: with 70 million parameters some 30 texts of 200 tokens a second on two cores"
    avoid: ClassVar[str] = "As a measure of worth: what is repeated and bland has the lowest."

    def measuring(self, model: "PreTrainedModel", check: Callable[[], None]) -> Callable[[Tokens], np.ndarray]:
        """(m,): mean loss of each sample's learned tokens."""
        bf16 = self.precision == "bf16"
        return lambda tokens: per_sample(score(model, tokens, self.batch_tokens, bf16).loss, tokens)
