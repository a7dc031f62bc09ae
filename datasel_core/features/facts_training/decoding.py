"""What a model answers to prompts: the likeliest, and others that are drawn; the prompt is read once for all of them.

Prompts of one length go together, so that nothing is padded: many at a time give what each gives alone.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.base.progress import Track
from datasel_core.features.facts_training.asking import plain
from datasel_core.features.language.models import quiet
from datasel_core.features.language.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Drawing:
    """How answers are drawn beside the likeliest one: so many, with softmax(logits / temperature) among the `top`
    likeliest tokens.
    """

    n: int = 0
    temperature: float = 0.5
    top: int = 40


def said(
    model: "PreTrainedModel",
    vocabulary: Vocabulary,
    prompts: Sequence[Sequence[int]],
    keys: Sequence[tuple[int, ...]],
    longest: int,
    drawing: Drawing,
    check: Callable[[], None],
    batch_tokens: int,
    bf16: bool = False,
    track: Track | None = None,
) -> list[list[str]]:
    """Of each prompt the greedy answer first, then `drawing.n` that are drawn: with the numbers of its key, whatever
    else is asked. An answer ends with the end of the text or of its line, or after `longest` tokens. The model must be
    in eval mode and keep its states in a cache, as all transformers do. check: raises Stopped. batch_tokens: of all
    answers at a time, their prompts included.
    """
    found: list[list[str]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
    stops = endings(vocabulary)
    for group in _groups(order, [len(one) for one in prompts], batch_tokens // (1 + drawing.n)):
        chance = np.full((len(group), 1 + drawing.n, longest), np.nan)
        for place, at in enumerate(group):
            chance[place, 1:] = np.random.default_rng([23, *keys[at]]).random((drawing.n, longest))
        rows = _continued(model, [prompts[at] for at in group], chance, stops, drawing, check, bf16)
        texts = [_answer(vocabulary, ids) for ids in rows]
        for place, at in enumerate(group):
            found[at] = texts[place * (1 + drawing.n) : (place + 1) * (1 + drawing.n)]
        if track is not None:
            track.advance(len(group))
    return found


def endings(vocabulary: Vocabulary) -> np.ndarray:
    """(k,) ids after which an answer is over: the end of the text, and all that have the end of a line in them."""
    texts = vocabulary.tokenizer.decode_batch([[id] for id in range(vocabulary.size)], skip_special_tokens=False)
    return np.array(sorted({vocabulary.end, *(id for id, text in enumerate(texts) if "\n" in text)}), dtype=np.int64)


def _groups(order: Sequence[int], lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Positions of one length together, with so many tokens at most."""
    found: list[list[int]] = []
    for at in order:
        fits = found and (len(found[-1]) + 1) * lengths[at] <= tokens
        if fits and lengths[found[-1][0]] == lengths[at]:
            found[-1].append(at)
        else:
            found.append([at])
    return found


def _answer(vocabulary: Vocabulary, ids: list[int]) -> str:
    ids = ids[: ids.index(vocabulary.end)] if vocabulary.end in ids else ids
    return plain(vocabulary.text(ids).partition("\n")[0])


def _continued(
    model: "PreTrainedModel",
    prompts: Sequence[Sequence[int]],
    chance: np.ndarray,
    stops: np.ndarray,
    drawing: Drawing,
    check: Callable[[], None],
    bf16: bool,
) -> list[list[int]]:
    """The ids after each prompt, as often as `chance` has rows for it, the one that ends it among them. chance: (b, k,
    longest) what decides each token, NaN for the likeliest. Who has ended is no longer read.
    """
    import torch
    from transformers import DynamicCache

    device, times = next(model.parameters()).device, chance.shape[1]
    chance, ended = torch.from_numpy(chance.reshape(-1, chance.shape[2])).to(device), torch.from_numpy(stops).to(device)
    found: list[list[int]] = [[] for _ in chance]
    alive, most, width = torch.arange(len(chance), device=device), chance.shape[1], len(prompts[0])
    most = min(most, (getattr(model.config, "max_position_embeddings", None) or width + most) - width)
    with torch.inference_mode(), quiet(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        cache, takes = DynamicCache(config=model.config), inspect.signature(model.forward).parameters
        how = {"use_cache": True, "cache" if "cache" in takes else "past_key_values": cache}  # the older name
        only = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}  # those of whole prompts are many
        logits = model(input_ids=torch.tensor(prompts, device=device), **how, **only).logits[:, -1]
        logits = logits.repeat_interleave(times, dim=0)
        cache.batch_repeat_interleave(times)
        for place in range(most):
            check()
            taken = _taken(logits, chance[alive, place], drawing)
            for row, id in zip(alive.tolist(), taken.tolist(), strict=True):
                found[row].append(id)
            going = torch.nonzero(~torch.isin(taken, ended)).squeeze(1)
            if not len(going) or place + 1 == most:
                break
            if len(going) < len(alive):
                cache.batch_select_indices(going)
            alive = alive[going]
            logits = model(input_ids=taken[going, None], **how).logits[:, -1]
    return found


def _taken(logits: "torch.Tensor", chance: "torch.Tensor", drawing: Drawing) -> "torch.Tensor":
    """(m,) ids: the likeliest where chance is NaN, else the one at which the distribution, summed up in the order of
    ids, passes it.
    """
    import torch

    logits = logits.float()
    likeliest = logits.argmax(dim=-1)
    drawn = torch.nonzero(~chance.isnan()).squeeze(1)
    if len(drawn):
        values, ids = logits[drawn].topk(min(drawing.top, logits.shape[1]), dim=-1)
        ids, order = ids.sort(dim=-1)
        shares = (values.gather(1, order) / drawing.temperature).double().softmax(dim=-1).cumsum(dim=-1)
        at = (shares <= chance[drawn, None] * shares[:, -1:]).sum(dim=-1)
        likeliest[drawn] = ids.gather(1, at.clamp(max=ids.shape[1] - 1)[:, None]).squeeze(1)
    return likeliest
