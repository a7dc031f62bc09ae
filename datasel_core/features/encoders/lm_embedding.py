"""Vectors of texts from what a given language model thinks while it reads them: RepSim's."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from datasel_core.base.role import EMBEDDING
from datasel_core.features.feature import feature
from datasel_core.features.language.batches import scoring_batches
from datasel_core.features.language.given import OfModel
from datasel_core.features.language.tokens import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@feature("lm_embedding", version=1, title="Text embedding by the states of a language model")
class LmEmbedding(OfModel):
    """One vector per sample: the last hidden states of a language model that you give, the mean over learned tokens.
    Near each other are samples that this very model reads alike.

    The representation of RepSim, one of the rivals of influence in DATE-LM, https://arxiv.org/abs/2507.09424. Learned
    are all tokens of a text but the first, of a conversation the responses.
    """

    role: ClassVar[str] = EMBEDDING.name
    is_forward: ClassVar[bool] = True
    suits: ClassVar[str] = "Compares texts as a language model that is to be trained sees them; wants that model."
    speed: ClassVar[float] = 30
    cost: ClassVar[str] = "one pass: with 70 million parameters some 30 texts of 200 tokens a second on two cores"
    avoid: ClassVar[str] = "For meaning alone: a model made for sentence vectors places texts better."
    paper: ClassVar[str] = "https://arxiv.org/abs/2507.09424"

    def measuring(self, model: "PreTrainedModel", check: Callable[[], None]) -> Callable[[Tokens], np.ndarray]:
        """(m, width)."""
        import torch

        device, bf16 = next(model.parameters()).device, self.precision == "bf16"

        def means(tokens: Tokens) -> np.ndarray:
            found: list[tuple[np.ndarray, np.ndarray]] = []
            for at in scoring_batches(tokens.lengths(), self.batch_tokens):
                check()
                padded, learned = tokens.padded(at)
                ids, mask = torch.from_numpy(padded).to(device), torch.from_numpy(learned).to(device)
                with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                    states = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
                weights = (mask / mask.sum(dim=1, keepdim=True)).float()
                found.append((at, torch.einsum("blw,bl->bw", states.float(), weights).cpu().numpy()))
            order = np.argsort(np.concatenate([at for at, _ in found]))
            return np.concatenate([values for _, values in found])[order]

        return means
