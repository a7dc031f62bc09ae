"""Parts of a training, each kept under a key of where it began and what it learned: what two arms share is done once,
and what was finished before a kill is found again.
"""

import dataclasses
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, Failed
from datasel_core.features.feature import Source
from datasel_core.features.flops import of_training
from datasel_core.features.influence.checkpoint import Checkpoint, begun, is_there, read_checkpoint, write_checkpoint
from datasel_core.features.influence.decay import decayed
from datasel_core.features.influence.references import Reference, check_ready, unigram
from datasel_core.features.influence.schedule import Schedule
from datasel_core.features.influence.training import Stage, clear, train_on
from datasel_core.features.language.batches import training_order
from datasel_core.features.language.loss_log import read_log
from datasel_core.features.language.proxy import RATES, Build
from datasel_core.features.language.scoring import per_sample, score
from datasel_core.features.language.tokens import Tokens, read_tokens
from datasel_core.features.models.weights import choose_device
from datasel_core.pools.pool import Pool
from datasel_core.probes.turns import source_of
from datasel_core.stages.asked import REFERENCE, Asked
from datasel_core.workspace.arrays import read_arrays, write_arrays
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import ids_sha256, key_of

_SAID, _LOSSES, _CHECKPOINT, _MAKING = "training.json", "losses.npz", "checkpoint", "making"
_LET_GO = "let_go"
_CHARACTERS = 1 << 16
"""Of a text, so many are looked at for a vocabulary: one book must not decide it, nor take all the time."""
_WARM_UP = 0.1
"""Share of the warm-up's steps in which the rate rises."""


@dataclass(frozen=True)
class Trained:
    """said: samples, steps, step (the last), tokens, parameters, seconds, flops. losses: what (of a judge) -> (n,) mean
    loss of each text, NaN of what cannot be read. folder: its checkpoint's; of a run to the end none was kept.
    """

    key: str
    said: Mapping[str, Any]
    losses: Mapping[str, np.ndarray]
    folder: Path


class Trainings:
    """All of a run in stages. The vocabulary is one for all seeds, so that losses compare: it is learned from the whole
    pool, or that of the given model.

    Raises Failed where the reference is empty, or in another language than the pool.
    """

    def __init__(self, asked: Asked, progress: Progress):
        probe = asked.probe
        self.asked, self.device = asked, choose_device(probe.device)
        self.source = _source(asked.pool)
        begins = Source(asked.pool.n, turns=_beginnings(asked.pool))
        self.vocabulary = self._build(0).spelling(begins, progress, asked.folder)
        self.judges = {one.what: self._tokens(_source(one.pool), one.rows) for one in asked.judges}
        for one in asked.judges:
            tokens = self.judges[one.what]
            if not len(tokens.rows):
                why = tokens.unreadable[0][1]
                raise Failed(f"Nothing of the {one.what} {one.name} can be measured: {why}; name another pool.")
        self._check_language()

    def begin(self, seed: int, rows: np.ndarray, progress: Progress, label: str) -> Trained:
        """The warm-up of a seed on these rows of the pool; on none, the given checkpoint is measured as it is."""
        steps = self.asked.probe.steps if len(rows) else 0

        def start() -> Checkpoint:
            if self.asked.is_begun:
                return read_checkpoint(Path(self.asked.probe.model).expanduser().resolve())
            build = self._build(seed)
            rate = self.asked.probe.rate or RATES[build.is_new]
            schedule = Schedule(rate, max(1, round(_WARM_UP * steps)))
            return begun(build.built(self.vocabulary, seed), self.vocabulary, schedule)

        return self._done(start, {"seed": seed}, rows, steps, self.asked.drawn(seed, 0), False, progress, label)

    def go_on(
        self, before: Trained, rows: np.ndarray, seed: int, decays: bool, progress: Progress, label: str
    ) -> Trained:
        """`before`, which then learns these rows. decays: while the rate falls to nothing; then no checkpoint is
        kept.
        """

        def start() -> Checkpoint:
            if before.said.get(_LET_GO):
                raise Failed(
                    f"What followed {before.folder.parent} is gone or damaged, and its checkpoint was not kept; remove "
                    f"{before.folder.parent} and start again."
                )
            return read_checkpoint(before.folder)

        return self._done(
            start, {"after": before.key}, rows, self.asked.steps(len(rows)), seed, decays, progress, label
        )

    def let_go(self, trained: Trained) -> None:
        """Its checkpoint goes from the disk: nothing goes on from it any more."""
        write_json(trained.folder.parent / _SAID, {**trained.said, _LET_GO: True})
        shutil.rmtree(trained.folder, ignore_errors=True)

    def _done(
        self,
        start: Callable[[], Checkpoint],
        begins: Mapping[str, Any],
        rows: np.ndarray,
        steps: int,
        seed: int,
        decays: bool,
        progress: Progress,
        label: str,
    ) -> Trained:
        ids = self.asked.pool.ids[rows].tolist()
        key = key_of({**begins, "ids": ids_sha256(ids), "steps": steps, "order": seed, "decays": decays})
        folder = self.asked.folder / "trainings" / key
        if (known := self._known(folder, decays)) is not None:
            return known
        first = start()
        tokens, said = self._tokens(self.source, rows), {"samples": len(rows), "steps": steps}
        if steps and not len(tokens.rows):
            raise Failed(f"Nothing of what was chosen can be learned: {tokens.unreadable[0][1]}.")
        end, making = first, folder / _MAKING
        if steps:
            stage = Stage(steps, min(self.asked.probe.batch, len(tokens.rows)), seed, self._bf16)
            train = decayed if decays else train_on
            end = train(first, tokens, stage, making, self.device, progress, label)
            order = training_order(tokens.lengths(), stage.batch, steps, seed)
        seen = int(tokens.lengths()[order].sum()) if steps else 0
        parameters = end.parameters()
        said |= {"step": end.step, "tokens": seen, "parameters": parameters, "flops": of_training(parameters, seen)}
        said["unreadable"] = len(tokens.unreadable)
        said["seconds"] = log[-1]["seconds"] if (log := read_log(making / "loss.jsonl")) else 0.0
        losses = self._measured(end, progress)
        if not decays:
            write_checkpoint(end, folder / _CHECKPOINT)
        write_arrays(folder / _LOSSES, losses)
        write_json(folder / _SAID, said)  # last: what comes before it may be half
        clear(making)
        return Trained(key, said, losses, folder / _CHECKPOINT)

    def _known(self, folder: Path, decays: bool) -> Trained | None:
        """What was finished before; None where anything of it is missing or damaged: then it is done once more."""
        try:
            said, losses = read_json(folder / _SAID), read_arrays(folder / _LOSSES)
        except (BadInput, FileNotFoundError):
            return None
        whole = isinstance(said, dict) and set(losses) == set(self.judges)
        if not whole or not (decays or said.get(_LET_GO) or is_there(folder / _CHECKPOINT)):
            return None
        return Trained(folder.name, said, losses, folder / _CHECKPOINT)

    def _measured(self, end: Checkpoint, progress: Progress) -> dict[str, np.ndarray]:
        """What -> (n,) float32 mean loss of each text that judges."""
        found, model = {}, end.model.eval()
        for one in self.asked.judges:
            progress.check()
            tokens = self.judges[one.what]
            losses = np.full(len(one.rows), np.nan, np.float32)
            scores = score(model, tokens, self.asked.probe.batch_tokens, self._bf16)
            losses[np.isin(one.rows, tokens.rows)] = per_sample(scores.loss, tokens)
            found[one.what] = losses
        return found

    @property
    def _bf16(self) -> bool:
        return self.asked.probe.precision == "bf16"

    def _build(self, seed: int) -> Build:
        probe = self.asked.probe
        return Build(probe.model, probe.vocabulary, probe.layers, probe.width, probe.heads, probe.length, seed)

    def _tokens(self, source: Source, rows: np.ndarray) -> Tokens:
        probe = self.asked.probe
        return read_tokens(source, np.sort(rows), self.vocabulary, probe.template, probe.length)

    def _check_language(self) -> None:
        """Whether words of the reference occur in the pool at all; what the model knows of it, each probing asks."""
        reference, tokens = self.asked.reference, self.judges[REFERENCE]
        some = np.random.default_rng(0).permutation(self.asked.pool.n)[:MOST_READ]
        plain = unigram(self._tokens(self.source, some), tokens, self.vocabulary.size)
        no_loss = np.array([-np.inf])
        check_ready([Reference(reference.name, reference.pool.n, tokens)], no_loss, [plain])


MOST_READ = 2000
"""Samples of the pool that are read in order to tell its language."""


def _source(pool: Pool) -> Source:
    return source_of({"turns": pool.turns, "n": pool.n})


def _beginnings(pool: Pool) -> Callable[[int], list[Turn]]:
    read = _source(pool).turns

    def turns(row: int) -> list[Turn]:
        return [dataclasses.replace(turn, text=turn.text[:_CHARACTERS]) for turn in read(row)]

    return turns
