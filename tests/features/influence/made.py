"""A tiny language model in the midst of its training, and texts to probe it with."""

from pathlib import Path

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.features.feature import Source
from datasel_core.features.influence.checkpoint import Checkpoint, begun
from datasel_core.features.influence.schedule import Schedule
from datasel_core.features.influence.training import Stage, train_on
from datasel_core.features.language.models import new_model
from datasel_core.features.language.tokens import Tokens, read_tokens
from datasel_core.features.language.vocabulary import Vocabulary, train_vocabulary

SAYING = "the old man of the sea had a small boat and a long line to catch a great fish at dawn"
LENGTH, SCHEDULE = 48, Schedule(3e-3, warm_up=5)


def text(row: int) -> list[Turn]:
    """Running text of known words, of uneven length: no two rows are the same."""
    rng = np.random.default_rng(row)
    return [Turn("text", f"{row}: " + " ".join(rng.choice(SAYING.split(), 4 + row % 9)) + ".")]


def noise(row: int) -> list[Turn]:
    rng = np.random.default_rng(10_000 + row)
    return [Turn("text", "".join(map(chr, rng.integers(33, 126, 30))))]


def vocabulary() -> Vocabulary:
    return train_vocabulary([turn.text for row in range(60) for turn in text(row)], 300)


def tokens_of(rows: list[int], spelling: Vocabulary, turns=text) -> Tokens:
    return read_tokens(Source(10**6, turns=turns), np.array(rows), spelling, "plain", LENGTH)


def fresh(spelling: Vocabulary, schedule: Schedule = SCHEDULE, seed: int = 5) -> Checkpoint:
    return begun(new_model(spelling, 2, 16, 2, LENGTH, seed), spelling, schedule)


def trained(folder: Path, steps: int = 40, progress: Progress | None = None) -> Checkpoint:
    """After so many steps on the first forty texts."""
    spelling = vocabulary()
    learned = tokens_of(list(range(40)), spelling)
    return train_on(
        fresh(spelling), learned, Stage(steps, 4, 1), folder, "cpu", progress or Progress(), "training the model"
    )


def weights(checkpoint: Checkpoint) -> dict:
    """Copies of all that a checkpoint holds, by name."""
    named = {name: one.detach().clone() for name, one in checkpoint.model.named_parameters()}
    named |= {f"first {name}": one.clone() for name, one in checkpoint.first.items()}
    return named | {f"second {name}": one.clone() for name, one in checkpoint.second.items()}
