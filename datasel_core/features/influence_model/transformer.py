"""A small transformer that reads the text itself: the mean of its last states, and one number from that."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.base.rank_correlation import spearman
from datasel_core.features.feature import Source
from datasel_core.features.influence_model.probed import Prediction, Probed, split
from datasel_core.features.language.batches import scoring_batches, training_order
from datasel_core.features.language.proxy import Build
from datasel_core.features.language.tokens import Tokens, read_tokens
from datasel_core.features.language.vocabulary import Vocabulary
from datasel_core.features.models.weights import choose_device

if TYPE_CHECKING:
    import torch

RATES = {True: 1e-3, False: 5e-5}
"""Learning rates, from scratch or not: what small models bear, and what was published."""
_ROWS = 4096
_BATCH_TOKENS = 4096


@dataclass(frozen=True)
class Recipe:
    """What decides the regression beside the model's build. rate: None for what suits the model."""

    epochs: int
    batch: int
    rate: float | None
    seed: int


def predict(
    source: Source, after: np.ndarray, build: Build, recipe: Recipe, device: str, progress: Progress
) -> tuple[Prediction, Probed]:
    """Learns for some epochs and keeps the one that ranks the samples to check with best: their correlation is then a
    little too good. after: (n,) loss of the reference after a step on each sample, NaN where nobody probed.

    Raises BadInput, Failed, Stopped.
    """
    vocabulary = build.spelling(source, progress, source.folder)
    read = _read(source, np.flatnonzero(np.isfinite(after)), vocabulary, build)
    probed = split(after, np.isin(np.arange(len(after)), read.rows), recipe.seed)
    model = _Model(build, vocabulary, recipe.seed, choose_device(device))
    steps = model.learn(read, probed, recipe, progress)
    values, lacking, tokens = np.full(source.n, np.nan), [], 0
    starts = range(0, source.n, _ROWS)
    for start in progress.over(starts, len(starts), "predicting influence"):
        part = _read(source, np.arange(start, min(start + _ROWS, source.n)), vocabulary, build)
        values[part.rows] = model.say(part, np.arange(len(part.rows)), progress)
        lacking += part.unreadable
        tokens += len(part.ids)
    flops = {"fit": 6 * model.n_weights * steps, "predict": 2 * model.n_weights * tokens}
    return Prediction(values, lacking, {"flops": flops, "parameters": model.n_weights}), probed


def _read(source: Source, rows: np.ndarray, vocabulary: Vocabulary, build: Build) -> Tokens:
    return read_tokens(source, rows, vocabulary, "plain", build.length)


class _Model:
    """Body and head on a device; what it says is in standard deviations of the losses that it learned from."""

    def __init__(self, build: Build, vocabulary: Vocabulary, seed: int, device: str):
        import torch

        self.device, self.is_new = device, build.is_new
        self.body = build.built(vocabulary, seed).base_model.to(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = torch.nn.Linear(self.body.config.hidden_size, 1).to(device)
        self.n_weights = sum(weight.numel() for weight in self.body.parameters())

    def learn(self, read: Tokens, probed: Probed, recipe: Recipe, progress: Progress) -> int:
        """Returns how many tokens it learned from, repeats included."""
        import torch

        at = {int(row): place for place, row in enumerate(read.rows)}
        train, check = (np.array([at[int(row)] for row in rows]) for rows in (probed.train, probed.check))
        goals = torch.from_numpy(probed.goals().astype(np.float32)).to(self.device)
        batch = min(recipe.batch, len(train))
        steps = -(-len(train) // batch)
        order = training_order(read.lengths()[train], batch, steps * recipe.epochs, recipe.seed)
        weights = [*self.body.parameters(), *self.head.parameters()]
        optimiser = torch.optim.AdamW(weights, lr=recipe.rate or RATES[self.is_new], weight_decay=0.0)
        best, kept = -np.inf, None
        track = progress.track(steps * recipe.epochs, "learning to predict influence")
        for step in range(steps * recipe.epochs):
            mine = order[step * batch : (step + 1) * batch]
            self.body.train()
            loss = torch.nn.functional.mse_loss(self._values(read, train[mine]), goals[mine])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            if (step + 1) % steps == 0:
                found = float(spearman(self.say(read, check, progress), probed.check_loss))
                if found > best:
                    best, kept = found, copy.deepcopy((self.body.state_dict(), self.head.state_dict()))
            track.advance()
        track.finish()
        self.body.load_state_dict(kept[0])
        self.head.load_state_dict(kept[1])
        return int(read.lengths()[train[order]].sum())

    def say(self, read: Tokens, places: np.ndarray, progress: Progress) -> np.ndarray:
        """(m,) float64 of the samples at these places."""
        import torch

        self.body.eval()
        found = np.empty(len(places))
        with torch.inference_mode():
            for at in scoring_batches(read.lengths()[places], _BATCH_TOKENS):
                progress.check()
                found[at] = self._values(read, places[at]).float().cpu().numpy()
        return found

    def _values(self, read: Tokens, places: np.ndarray) -> "torch.Tensor":
        import torch

        ids = torch.from_numpy(read.padded(places)[0]).to(self.device)
        lengths = torch.from_numpy(read.lengths()[places]).to(self.device)
        states = self.body(input_ids=ids).last_hidden_state
        inside: Any = torch.arange(ids.shape[1], device=self.device)[None] < lengths[:, None]
        pooled = (states * inside[..., None]).sum(dim=1) / lengths[:, None]
        return self.head(pooled.float()).squeeze(1)
