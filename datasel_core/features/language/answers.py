"""What a model answers, word for word, and whether the final answer is the right one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress, Track
from datasel_core.features.language.models import quiet
from datasel_core.features.language.tokens import Template, pieces
from datasel_core.features.language.vocabulary import Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_MARK = "####"
_SHORT = 60
_ROWS = 32


def final_answer(text: str) -> str | None:
    """What stands after the last ####, as in GSM8K, without thousands' commas; else all of a short response; None where
    there is no telling.
    """
    if _MARK in text:
        return " ".join(text.rpartition(_MARK)[2].replace(",", "").split())
    plain = " ".join(text.split())
    return plain if plain and len(plain) <= _SHORT else None


def question(turns: Sequence[Turn]) -> tuple[list[Turn], str] | None:
    """What comes before the last response, and the response; None where nobody is asked anything."""
    last = next((at for at in reversed(range(len(turns))) if turns[at].role == "assistant" and turns[at].learned), 0)
    return (list(turns[:last]), turns[last].text) if last else None


def spelt_question(turns: Sequence[Turn], vocabulary: Vocabulary, template: Template) -> list[int]:
    parts = pieces(turns, template)
    spelt = vocabulary.spell([text for text, _ in parts])
    return list(vocabulary.start) + [
        id
        for ids, (_, learned) in zip(spelt, parts, strict=True)
        for id in (ids + [vocabulary.end] if learned else ids)
    ]


def generate(
    model: "PreTrainedModel",
    vocabulary: Vocabulary,
    questions: Sequence[Sequence[int]],
    longest: int,
    progress: Progress,
    track: Track,
    together: int | None = None,
) -> list[str]:
    """The likeliest next token, again and again, up to the end of the text, `longest` tokens or what the model can
    read. The model must be in eval mode. together: questions that are answered at a time, by
    default a few.
    """
    together = together or _ROWS
    found = [""] * len(questions)
    order = np.argsort([len(one) for one in questions], kind="stable")
    for start in range(0, len(order), together):
        part = order[start : start + together]
        for at, ids in zip(
            part, _greedy(model, vocabulary.end, [questions[at] for at in part], longest, progress), strict=True
        ):
            found[at] = vocabulary.text(ids)
        track.advance(len(part))
    return found


def _greedy(
    model: "PreTrainedModel", end: int, questions: Sequence[Sequence[int]], longest: int, progress: Progress
) -> list[list[int]]:
    import torch

    def check(ids: Any, scores: Any, **_: Any) -> torch.Tensor:
        progress.check()
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

    width, device = max(map(len, questions)), next(model.parameters()).device
    longest = min(
        longest, (getattr(model.config, "max_position_embeddings", None) or width + longest) - width
    )  # some have no place for more
    ids = torch.tensor([[end] * (width - len(one)) + list(one) for one in questions], device=device)
    seen = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in questions], device=device)
    with torch.inference_mode(), quiet():
        made = model.generate(
            input_ids=ids,
            attention_mask=seen,
            do_sample=False,
            num_beams=1,
            max_new_tokens=longest,
            eos_token_id=end,
            pad_token_id=end,
            use_cache=True,
            stopping_criteria=[check],
        )[:, width:].tolist()
    return [one[: one.index(end)] if end in one else one for one in made]
