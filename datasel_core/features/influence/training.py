"""Training that goes on from a checkpoint, on given samples, for so many steps; killed, it goes on to the same bits.

A warm-up, a stage of a longer run and a short decay to the end are the same: another start, samples and schedule.
"""

import dataclasses
import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.base.progress import Progress, Track
from datasel_core.errors import BadInput, Failed, Stopped
from datasel_core.features.influence.checkpoint import SCHEDULE, Checkpoint, read_checkpoint, write_checkpoint
from datasel_core.features.language.batches import training_order
from datasel_core.features.language.halves import halves
from datasel_core.features.language.loss_log import LossLog
from datasel_core.features.language.tokens import Tokens
from datasel_core.workspace.hashing import key_of

if TYPE_CHECKING:
    import torch

_SAFE_EVERY = 60.0
"""Seconds after which a checkpoint is left to go on from."""
_LINES = 200
_OF = "of"


@dataclass(frozen=True)
class Stage:
    """A part of a training. steps: how many more. batch: samples a step. seed: of their order; each is seen equally
    often, but for the last pass.
    """

    steps: int
    batch: int
    seed: int
    bf16: bool = False


def train_on(
    start: Checkpoint, tokens: Tokens, stage: Stage, folder: Path, device: str, progress: Progress, label: str
) -> Checkpoint:
    """`start` after the steps of this stage; its model is trained in place, and stays on the device. folder: where
    checkpoints are left on the way, `loss.jsonl` for good; an interrupted attempt goes on from there.

    Raises Stopped, BadInput when the folder holds another training, Failed when the loss is no number any more.
    """
    order = training_order(tokens.lengths(), stage.batch, stage.steps, stage.seed).reshape(stage.steps, stage.batch)
    identity = _identity(start, tokens, order, stage)
    begin = start.step
    now = _resumed(folder, identity) or start
    run = _Run(now, tokens, stage, device)
    track = progress.track(stage.steps, label)
    track.start_at(now.step - begin)
    seen = np.cumsum(tokens.lengths()[order].sum(axis=1))
    log = _Log(folder, now.step, begin + stage.steps, begin, seen)
    saved, every = time.monotonic(), max(1, stage.steps // _LINES)
    for at in range(now.step - begin, stage.steps):
        log.losses.append(run.step(order[at]))
        stopped = _stopped(track)
        due = stopped is not None or time.monotonic() - saved > _SAFE_EVERY
        if due or (at + 1) % every == 0 or at + 1 == stage.steps:
            log.line(run.taken, run.rate)
        if due:
            _leave(run.checkpoint(), folder, identity)
            saved = time.monotonic()
        if stopped is not None:
            raise stopped  # it comes out when this step is kept
    track.finish()
    return run.checkpoint()


def _stopped(track: Track) -> Stopped | None:
    """Announces a step; what somebody who wants to stop it says."""
    try:
        track.advance()
    except Stopped as stop:
        return stop
    return None


def clear(folder: Path) -> None:
    """Removes what was only left to go on from; once the end is kept elsewhere."""
    for place in folder.glob("step-*"):
        shutil.rmtree(place, ignore_errors=True)


class _Run:
    """A checkpoint with torch's own optimiser, step after step."""

    def __init__(self, now: Checkpoint, tokens: Tokens, stage: Stage, device: str):
        import torch

        self.now, self.tokens, self.stage, self.device, self.taken = now, tokens, stage, device, now.step
        self.model = now.model.to(device).train()
        self.halves, self.rate = halves(self.model), 0.0
        self.parameters = dict(self.model.named_parameters())
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), now.schedule.rate, now.adamw.betas, now.adamw.eps, now.adamw.decay, fused=True
        )
        for name, one in self.parameters.items():
            self.optimizer.state[one] = {
                "step": torch.tensor(float(now.step), device=device),
                "exp_avg": now.first[name].to(device).clone(),
                "exp_avg_sq": now.second[name].to(device).clone(),
            }

    def step(self, at: np.ndarray) -> float:
        """One step on these samples; returns their mean loss."""
        import torch

        self.rate = self.now.schedule.at(self.taken)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        with torch.random.fork_rng():
            torch.manual_seed(self.stage.seed * 1_000_003 + self.taken)  # dropout after a kill is as without one
            loss = self._loss(at)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.now.adamw.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.taken += 1
        found = float(loss.detach())
        if not np.isfinite(found):
            raise Failed(f"The loss is no number after {self.taken} steps; take a lower rate (--set rate=...).")
        return found

    def _loss(self, at: np.ndarray) -> "torch.Tensor":
        import torch

        ids, learned = (torch.from_numpy(one).to(self.device) for one in self.tokens.padded(at))
        with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=self.stage.bf16):
            states = self.halves.body(ids)[torch.nn.functional.pad(learned[:, 1:], (0, 1))]
            logits = self.halves.head(states)
        return torch.nn.functional.cross_entropy(logits.float(), ids[learned])

    def checkpoint(self) -> Checkpoint:
        now, state = self.now, self.optimizer.state
        first, second = (
            {name: state[one][what] for name, one in self.parameters.items()} for what in ("exp_avg", "exp_avg_sq")
        )
        return Checkpoint(
            self.model, now.vocabulary, first, second, self.taken, now.schedule, now.adamw, dict(now.about)
        )


def _identity(start: Checkpoint, tokens: Tokens, order: np.ndarray, stage: Stage) -> str:
    """Another for another start, samples, order or schedule."""
    digest = hashlib.sha256()
    for array in (tokens.ids, tokens.learned, tokens.offsets, order):
        digest.update(np.ascontiguousarray(array).tobytes())
    for _, one in start.model.named_parameters():
        digest.update(one.detach().cpu().numpy().tobytes())
    return key_of([digest.hexdigest(), start.step, repr(start.schedule), repr(start.adamw), stage.bf16, stage.seed])


def _leave(checkpoint: Checkpoint, folder: Path, identity: str) -> None:
    """Writes one to go on from, and removes those before it once it is whole."""
    about = {**checkpoint.about, _OF: identity}
    place = folder / f"step-{checkpoint.step}"
    write_checkpoint(dataclasses.replace(checkpoint, about=about), place)
    for older in folder.glob("step-*"):
        if older != place:
            shutil.rmtree(older, ignore_errors=True)


def _resumed(folder: Path, identity: str) -> Checkpoint | None:
    """The newest that is whole; half ones are thrown away. Raises BadInput for one of another training."""
    places = [place for place in folder.glob("step-*") if place.name.removeprefix("step-").isdecimal()]
    for place in sorted(places, key=lambda one: -int(one.name.removeprefix("step-"))):
        try:
            found = read_checkpoint(place)
        except BadInput:
            shutil.rmtree(place, ignore_errors=True)
            continue
        about = dict(found.about)
        if about.pop(_OF, None) != identity:
            raise BadInput(f"{place / SCHEDULE} is of another training; remove {folder} and start again.")
        return dataclasses.replace(found, about=about)
    return None


class _Log:
    """One line of `loss.jsonl` for several steps; every line ends where a checkpoint is left, too, so that one who goes
    on writes the same.
    """

    def __init__(self, folder: Path, done: int, of: int, begin: int, seen: np.ndarray):
        self.file, self.of, self.begin, self.seen = LossLog(folder / "loss.jsonl", done), of, begin, seen
        self.since, self.losses = time.monotonic(), []

    def line(self, step: int, rate: float) -> None:
        self.file.add(
            {
                "step": step,
                "of": self.of,
                "loss": round(float(np.mean(self.losses)), 6),
                "rate": rate,
                "seconds": round(self.file.seconds + time.monotonic() - self.since, 2),
                "tokens": int(self.seen[step - self.begin - 1]),
            }
        )
        self.losses = []
