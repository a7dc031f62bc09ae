"""A model that was trained elsewhere learns facts: all of its weights, or low-rank additions to them (LoRA)."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from datasel_core.base.progress import Progress
from datasel_core.features.language.models import quiet
from datasel_core.features.language.tokens import Tokens
from datasel_core.features.language.training import Recipe, train

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

Kind = Literal["lora", "full"]
RATES: dict[Kind, float] = {"lora": 2e-4, "full": 2e-5}
"""Highest rates by default: Dettmers et al. 2023, https://arxiv.org/abs/2305.14314, and a tenth of it."""


@dataclass(frozen=True)
class Adapter:
    """Every linear layer W but the output becomes W + (alpha / rank) B A, and only A and B learn: Hu et al. 2021,
    https://arxiv.org/abs/2106.09685.
    """

    rank: int
    alpha: float


def tuned(
    model: "PreTrainedModel",
    tokens: Tokens,
    recipe: Recipe,
    adapter: Adapter | None,
    device: str,
    progress: Progress,
    label: str,
) -> "PreTrainedModel":
    """The model after it learned these samples, in eval mode: with its adapters merged into its weights, or without
    any all of it. The one that is given is used up. Raises Failed, Stopped.
    """
    whole = adapted(model, adapter, recipe.seed) if adapter else None
    learner = whole.get_base_model() if whole else model
    with tempfile.TemporaryDirectory() as scratch:
        train(learner, tokens, recipe, device, Path(scratch), progress, label)
    return (whole.merge_and_unload() if whole else learner).eval()


def adapted(model: "PreTrainedModel", adapter: Adapter, seed: int) -> "PeftModel":
    """The model with adapters in place, the same for the same seed; they change nothing before they learn."""
    import torch
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=0.0,
        bias="none",
        target_modules="all-linear",
    )
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_peft_model(model, config)
