"""The cheap form of a judgement: a short run to the end from a checkpoint, in which the rate falls to nothing."""

import dataclasses
from pathlib import Path

from datasel_core.base.progress import Progress
from datasel_core.features.influence.checkpoint import Checkpoint
from datasel_core.features.influence.training import Stage, train_on
from datasel_core.features.language.tokens import Tokens


def decayed(
    start: Checkpoint, tokens: Tokens, stage: Stage, folder: Path, device: str, progress: Progress, label: str
) -> Checkpoint:
    """`start` after the steps of this stage, of which the first has the rate that its schedule has reached and each
    next one less, down to nothing. As `train_on`, which goes on in the folder where it was killed.

    DATE-LM, https://arxiv.org/abs/2507.09424: one fixed checkpoint, choose, a short run.
    """
    schedule = start.schedule.decaying(start.step, stage.steps)
    return train_on(dataclasses.replace(start, schedule=schedule), tokens, stage, folder, device, progress, label)
