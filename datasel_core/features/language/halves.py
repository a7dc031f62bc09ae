"""A language model in two halves: what it thinks at each place, and which token comes next. Only the first is needed
everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Halves:
    """body: (b, l) ids -> (b, l, width) states. head: (m, width) states -> (m, vocabulary) logits; by far the larger
    part where vocabularies are large.

    Samples are padded on the right and no mask is given: no causal model looks ahead.
    """

    body: Callable[["torch.Tensor"], "torch.Tensor"]
    head: Callable[["torch.Tensor"], "torch.Tensor"]
    n_tokens: int


def halves(model: "PreTrainedModel") -> Halves:
    """Some models bend their logits after the output matrix; those are asked for all logits, so that the values are
    theirs.
    """
    import torch

    matrix = model.get_output_embeddings()
    n_tokens = matrix.weight.shape[0]

    def states(ids: torch.Tensor) -> torch.Tensor:
        return model.base_model(input_ids=ids, use_cache=False).last_hidden_state

    def logits(ids: torch.Tensor) -> torch.Tensor:
        return model(input_ids=ids, use_cache=False).logits

    was_training = model.training
    model.eval()
    with torch.inference_mode():
        ids = torch.arange(4, device=matrix.weight.device)[None] % n_tokens
        plain = torch.allclose(matrix(states(ids)).float(), logits(ids).float(), atol=1e-5)
    model.train(was_training)
    return Halves(states, matrix, n_tokens) if plain else Halves(logits, lambda found: found, n_tokens)
