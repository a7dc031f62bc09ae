"""A small transformer that learns facts by heart, from nothing; it stops early only where all is known."""

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import Failed, Stopped
from datasel_core.features.facts_training.rest import Rest
from datasel_core.features.language.batches import training_order
from datasel_core.features.language.halves import Halves, halves
from datasel_core.features.language.models import new_model
from datasel_core.features.language.scoring import score
from datasel_core.features.language.tokens import Tokens
from datasel_core.features.language.training import Recipe
from datasel_core.features.language.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

HEAD = 8
"""Width of an attention head: at width 48, 6 heads learned 1,000 numbers of 10 digits while 2 learned 2 of them."""
_RATE = 0.48
_BETAS = (0.9, 0.95)
_WARM_UP = 0.03
_CHECKS = 20
_WATCHED = 256
_BATCH_TOKENS = 16384


def usual_rate(width: int) -> float:
    """The highest learning rate for a model that begins with the weights of `new_learner`: .01 at width 48, and less in
    proportion where it is wider, as the rate of matrices goes in Yang et al. 2022, https://arxiv.org/abs/2203.03466.
    """
    return _RATE / width


def new_learner(
    vocabulary: Vocabulary, layers: int, width: int, heads: int, length: int, seed: int
) -> "PreTrainedModel":
    """A GPT-NeoX whose weights begin with a standard deviation of width^-1/2. With the usual .02, which is made for
    wide models, one of width 48 stored 6 kbit of 1,000 numbers after 100 exposures, with this 33. Raises BadParameter.
    """
    return new_model(vocabulary, layers, width, heads, length, seed, spread=width**-0.5)


def learn(
    model: "PreTrainedModel",
    tokens: Tokens,
    recipe: Recipe,
    device: str,
    progress: Progress,
    label: str,
    rest: Rest | None = None,
) -> int:
    """Trains the model in place and returns the steps that it took; it is in eval mode then. AdamW without decay,
    cosine with 3 % warm-up, clipped at 1; a step is a batch, each sample is seen equally often but for the last pass.

    It stops before `recipe.steps` when memorisation is saturated: after each twentieth of the steps, 256 samples, drawn
    once by the seed, are looked at; when twice in a row every learned token of all of them is the likeliest, the rest
    of the steps would change nothing. No other plateau ends it: while the rate is high, what is known often rests, and
    most is learned as it falls, so that a rule of that kind would favour small training sets. rest: where it rests at
    each look and when it is stopped, and from where it goes on, to the same bit. Raises Failed, Stopped.
    """
    import torch

    order = training_order(tokens.lengths(), recipe.batch, recipe.steps, recipe.seed).reshape(recipe.steps, -1)
    watched = _some(tokens, recipe.seed)
    every = max(1, math.ceil(recipe.steps / _CHECKS))
    model.to(device).train()
    two = halves(model)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.rate, _BETAS, weight_decay=0.0, fused=True)
    done, saturated = rest.load(model, optimizer) if rest else (0, 0)
    track, last = progress.track(recipe.steps, label), 0.0
    track.start_at(done)
    with one_torch_thread():
        while done < recipe.steps and saturated < 2:
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate * _share(done, recipe.steps)
            loss = _loss(two, tokens, order[done], device)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            done, last = done + 1, loss.detach()
            if done % every == 0:
                saturated = saturated + 1 if _all_right(model, watched) else 0
                if rest:
                    rest.save(model, optimizer, done, saturated)
            try:
                track.advance()
            except Stopped:
                if rest:
                    rest.save(model, optimizer, done, saturated)
                raise
    track.finish()
    model.eval()
    if not math.isfinite(last := float(last)):
        raise Failed(f"The training went astray: the loss is {last} after {done} steps. Take a lower rate.")
    return done


@contextlib.contextmanager
def one_torch_thread() -> Iterator[None]:
    """Torch on one thread within: models this small gain nothing from more, lose much where cores are shared, and give
    the same last bit wherever they run.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _share(at: int, steps: int) -> float:
    """Of the highest rate, before step `at`."""
    rising = min(1.0, (at + 1) / max(1.0, _WARM_UP * steps))
    return rising * (1 + math.cos(math.pi * at / steps)) / 2


def _loss(two: Halves, tokens: Tokens, samples: np.ndarray, device: str) -> "torch.Tensor":
    """Mean cross-entropy of the learned tokens."""
    import torch

    padded, learned = tokens.padded(samples)
    ids, mask = torch.from_numpy(padded).to(device), torch.from_numpy(learned).to(device)
    before = torch.nn.functional.pad(mask[:, 1:], (0, 1))
    return torch.nn.functional.cross_entropy(two.head(two.body(ids)[before]), ids[mask])


def _some(tokens: Tokens, seed: int) -> Tokens:
    n = len(tokens.rows)
    return taken(tokens, np.sort(np.random.default_rng([3, seed]).permutation(n)[:_WATCHED]))


def taken(tokens: Tokens, at: np.ndarray) -> Tokens:
    """These samples of them, by position, in this order."""
    starts, lengths = tokens.offsets[:-1][at], tokens.lengths()[at]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    return Tokens(tokens.rows[at], tokens.ids[places], tokens.learned[places], offsets, (), 0)


def _all_right(model: "PreTrainedModel", watched: Tokens) -> bool:
    model.eval()
    right = bool(score(model, watched, _BATCH_TOKENS).right.all())
    model.train()
    return right
