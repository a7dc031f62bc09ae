"""What one checkpoint says of samples: loss, error and right tokens, without ever holding all logits at once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.features.language.batches import scoring_batches
from datasel_core.features.language.halves import Halves, halves
from datasel_core.features.language.tokens import Tokens

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_LOGITS = 1 << 21
"""So many logits at a time: they stay in a processor's cache, where several sweeps over them are cheap."""
_FEWEST = 128


@dataclass(frozen=True)
class Scores:
    """Per learned token, sample after sample. loss: cross-entropy. error: length of softmax less one-hot (EL2N). right:
    no other token is likelier.
    """

    loss: np.ndarray
    error: np.ndarray
    right: np.ndarray


def score(model: "PreTrainedModel", tokens: Tokens, batch_tokens: int, bf16: bool = False) -> Scores:
    """All learned tokens of these samples, in their order. The model must be in eval mode; batches change no more than
    the last digit.
    """
    import torch

    first = _first(tokens)
    found = np.empty((3, first[-1]), np.float32)
    device, two = next(model.parameters()).device, halves(model)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        for at in scoring_batches(tokens.lengths(), batch_tokens):
            padded, learned = tokens.padded(at)
            ids, mask = torch.from_numpy(padded).to(device), torch.from_numpy(learned).to(device)
            hidden = two.body(ids)[torch.nn.functional.pad(mask[:, 1:], (0, 1))]
            n = max(_FEWEST, _LOGITS // two.n_tokens)
            parts = [
                _measured(two, states, wanted)
                for states, wanted in zip(hidden.split(n), ids[mask].split(n), strict=True)
            ]
            places = np.concatenate([np.arange(first[one], first[one + 1]) for one in at])
            found[:, places] = torch.cat(parts, dim=1).cpu().numpy()
    return Scores(found[0], found[1], found[2].astype(bool))


def _measured(two: Halves, states: "torch.Tensor", wanted: "torch.Tensor") -> "torch.Tensor":
    """(3, m): loss, error, right. What is subtracted from one is summed up instead, so that well learned tokens keep
    their digits.
    """
    import torch

    logits = two.head(states).float()
    top = logits.amax(dim=-1, keepdim=True)
    own = logits.gather(1, wanted[:, None]) - top
    others = logits.sub_(top).exp_().scatter_(1, wanted[:, None], 0.0)
    rest, mine = others.sum(dim=-1), own.exp().squeeze(1)
    error = (torch.linalg.vector_norm(others, dim=-1).square() + rest.square()).sqrt() / (rest + mine)
    loss = torch.where(own.squeeze(1) == 0, torch.log1p(rest), (rest + mine).log() - own.squeeze(1))
    return torch.stack([loss, error, (own.squeeze(1) == 0).float()])


def per_sample(values: np.ndarray, tokens: Tokens) -> np.ndarray:
    """(m,) float32: the mean over each sample's learned tokens."""
    first = _first(tokens)
    sums = np.add.reduceat(values, first[:-1], dtype=np.float64) if len(tokens.rows) else np.empty(0)
    return (sums / np.diff(first)).astype(np.float32)


def _first(tokens: Tokens) -> np.ndarray:
    """(m + 1,) where each sample's learned tokens begin among all learned tokens."""
    return np.concatenate([[0], np.cumsum(tokens.learned)])[tokens.offsets]
