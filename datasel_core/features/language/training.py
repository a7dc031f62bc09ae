"""Training by the Trainer of transformers: responses alone are learned, every step is announced, and it goes on where
it was interrupted.
"""

import contextlib
import functools
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import Failed, Stopped
from datasel_core.features.language.batches import training_order
from datasel_core.features.language.checkpoints import Checkpoints
from datasel_core.features.language.halves import halves
from datasel_core.features.language.loss_log import LossLog
from datasel_core.features.language.models import quiet, read_model
from datasel_core.features.language.tokens import Tokens
from datasel_core.features.models.weights import first_line

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_WARM_UP = 0.03
_LINES = 200
_SAFE_EVERY = 300.0
"""Seconds after which a checkpoint is left even if none is due: with a large model the next may be hours away."""


@dataclass(frozen=True)
class Recipe:
    """What decides a training, besides model and samples."""

    steps: int
    batch: int
    rate: float
    seed: int
    bf16: bool = False


def train(
    model: "PreTrainedModel",
    tokens: Tokens,
    recipe: Recipe,
    device: str,
    folder: Path,
    progress: Progress,
    label: str,
    kept: Checkpoints | None = None,
) -> None:
    """Trains the model in place: AdamW, cosine with 3 % warm-up, clipped at 1. kept: where it leaves checkpoints, and
    goes on from; None for none.

    Raises Stopped.
    """
    from transformers import TrainingArguments
    from transformers.trainer_callback import PrinterCallback

    start = kept.resume() if kept else 0
    order = training_order(tokens.lengths(), recipe.batch, recipe.steps, recipe.seed)
    seen = np.cumsum(tokens.lengths()[order].reshape(-1, recipe.batch).sum(axis=1))
    track = progress.track(recipe.steps, label)
    track.start_at(start)
    with quiet(), _same_randomness():
        asked = TrainingArguments(
            output_dir=str(folder),
            max_steps=recipe.steps,
            per_device_train_batch_size=recipe.batch,
            learning_rate=recipe.rate,
            lr_scheduler_type="cosine",
            warmup_steps=_WARM_UP if recipe.steps > 1 else 0,
            weight_decay=0.0,
            max_grad_norm=1.0,
            seed=recipe.seed,
            logging_steps=max(1, recipe.steps // _LINES),
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            log_level="critical",
            train_sampling_strategy="sequential",
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            use_cpu=device == "cpu",
            logging_nan_inf_filter=False,
        )
        if asked.n_gpu > 1:
            asked._n_gpu = 1  # several would split each batch, and give another answer than one
        trainer = _trainer()(
            recipe.bf16,
            model=model,
            args=asked,
            train_dataset=order.tolist(),
            data_collator=lambda at: _padded(tokens, at),
        )
        trainer.remove_callback(PrinterCallback)  # standard output belongs to whoever asked
        trainer.add_callback(
            _watch()(kept, LossLog(folder / "loss.jsonl", start) if kept else None, seen, track.advance)
        )
        trainer.train(resume_from_checkpoint=str(kept.path(start)) if start else None)
    track.finish()


def _padded(tokens: Tokens, at: list[int]) -> dict[str, "torch.Tensor"]:
    import torch

    ids, learned = tokens.padded(np.array(at))
    return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(np.where(learned, ids, -100))}


@functools.cache
def _trainer() -> type:
    import torch
    from transformers import Trainer

    class ResponseTrainer(Trainer):
        """Multiplies by the output matrix only where something is learned; prompts are most of the text."""

        def __init__(self, bf16: bool, **how: Any):
            super().__init__(**how)
            self.bf16, self.halves = bf16, halves(self.model)

        def compute_loss(
            self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            labels = inputs["labels"][:, 1:]
            learned = torch.nn.functional.pad(labels != -100, (0, 1))
            with torch.autocast(labels.device.type, torch.bfloat16, enabled=self.bf16):
                logits = self.halves.head(self.halves.body(inputs["input_ids"])[learned])
            return (
                torch.nn.functional.cross_entropy(logits.float(), labels[labels != -100], reduction="sum")
                / num_items_in_batch
            )

        def _save_checkpoint(self, *given: Any, **how: Any) -> None:
            from safetensors import SafetensorError

            try:
                super()._save_checkpoint(*given, **how)
            except (
                OSError,
                RuntimeError,
                SafetensorError,
            ) as error:  # as torch and safetensors say that the disk is full
                said = f"A checkpoint could not be written to {self.args.output_dir}: {first_line(error)}"
                raise Failed(f"{said}. Free some space and start again; what was finished is kept.") from error

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
            """Some models are saved under other names than they have (GPT-NeoX is one), and the Trainer passes over
            those weights without a word.
            """
            (model or self.model).load_state_dict(read_model(Path(resume_from_checkpoint)).state_dict())

    return ResponseTrainer


@functools.cache
def _watch() -> type:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        """Announces every step, writes the loss log, and asks for the checkpoints that are due."""

        def __init__(
            self, kept: Checkpoints | None, log: LossLog | None, seen: np.ndarray, advance: Callable[[], None]
        ):
            self.kept, self.losses, self.seen, self.advance = kept, log, seen, advance
            self.began = self.saved = time.monotonic()
            self.stopped: Stopped | None = None

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            try:
                self.advance()
            except Stopped as stop:
                if not self.kept:
                    raise
                self.stopped = stop  # it comes out when this step is kept
            due = self.kept and (state.global_step in self.kept.steps or time.monotonic() - self.saved > _SAFE_EVERY)
            if due or self.stopped:
                control.should_save = control.should_log = (
                    True  # a line ends here, so that one who goes on writes the same lines
                )

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.kept.seal(state.global_step)
            self.saved = time.monotonic()
            if self.stopped:
                raise self.stopped

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
            if self.losses and logs and "loss" in logs:
                spent = round(self.losses.seconds + time.monotonic() - self.began, 2)
                loss = round(logs["loss"], 6) if math.isfinite(logs["loss"]) else None
                self.losses.add(
                    {
                        "step": state.global_step,
                        "of": state.max_steps,
                        "loss": loss,
                        "rate": logs["learning_rate"],
                        "seconds": spent,
                        "tokens": int(self.seen[state.global_step - 1]),
                    }
                )

    return Watch


@contextlib.contextmanager
def _same_randomness() -> Iterator[None]:
    """The Trainer seeds everything that draws at random; afterwards it draws as if nothing had been."""
    import torch

    before = random.getstate(), np.random.get_state()  # noqa: NPY002  (theirs, not ours)
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
