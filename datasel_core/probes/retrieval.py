"""Retrieval probe: how well a small CLIP model, trained from nothing on the kept pairs, finds captions for pictures it
has never seen.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.features.models.clip_weights import small_tokenizer
from datasel_core.features.models.photos import squashed
from datasel_core.probes.probe import Probe, probe

if TYPE_CHECKING:
    import torch
    from torch import nn

_TEXT = {"context_length": 48, "width": 96, "heads": 4, "layers": 2, "mlp_ratio": 2.0}
_VISION = {"layers": [1, 1, 1, 1], "width": 16, "head_width": 64}
_WARM_UP = 50
_ROWS = 128


@probe("retrieval", version=1, title="Retrieval probe")
class Retrieval(Probe):
    """A small open_clip model (a ResNet and a two-layer transformer) sees a fixed number of pairs; then it ranks
    held-out captions by picture, and the other way round. The same number of steps for every training set, so that a
    smaller one is seen more often (as in DataComp, arXiv 2304.14108).
    """

    opens: ClassVar = ("image", "text")
    each_is: ClassVar = (
        "mean reciprocal rank of the right caption and picture among all held-out ones, by a small CLIP model trained "
        "on the kept alone"
    )

    steps: int = Field(400, ge=1, description="Training steps, whatever the number of pairs.")
    batch: int = Field(64, ge=2, description="Pairs per step.")
    px: int = Field(64, ge=32, multiple_of=32, description="Side of the pictures the model sees, in pixels.")
    rate: float = Field(1e-3, gt=0, description="Highest learning rate (AdamW, cosine decay).")
    seed: int = Field(0, ge=0, description="Start of the weights and of the order of pairs.")
    most: int = Field(1000, ge=2, description="Held-out pairs to rank, drawn where there are more.")

    def measure(
        self,
        roles: Mapping[str, Callable[[int], Any]],
        train: np.ndarray,
        test: np.ndarray,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """roles: image, row -> RGB picture; text, row -> captions; picture, where several rows share one: (n,) equal
        for those.

        Recall at 1 and 10, and mean reciprocal rank, averaged over both directions.
        """
        rng = np.random.default_rng(self.seed)
        test = np.sort(rng.choice(test, min(len(test), self.most), replace=False))
        similarity, texts, pictures = self._seen(roles, train, test, rng, progress)
        found = ranked(similarity, texts, pictures)
        return {**found, "trained_on": len(train), "tested_on": len(test), "steps": self.steps}

    def each(
        self, roles: Mapping[str, Any], train: np.ndarray, test: np.ndarray, progress: Progress | None = None
    ) -> np.ndarray:
        """(len(test),) the mean of both reciprocal ranks of each pair, among all that are tested."""
        similarity, texts, pictures = self._seen(roles, train, test, np.random.default_rng(self.seed), progress)
        right = _right(texts, pictures)
        return (1 / _ranks(similarity, right) + 1 / _ranks(similarity.T, right.T)) / 2

    def _seen(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        test: np.ndarray,
        rng: np.random.Generator,
        progress: Progress | None,
    ) -> tuple[np.ndarray, list[str], np.ndarray]:
        """(m, m) similarity of test pictures with test captions, by a model that was trained; the captions, and which
        picture each is of.
        """
        if len(train) < 2 or len(test) < 2:
            raise BadRequest("A retrieval probe needs at least two pairs to train on and two held out.")
        import torch

        tokenizer = small_tokenizer(_TEXT["context_length"])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = _model(self.px, tokenizer.vocab_size)
            self._train(
                model,
                self._pictures(roles["image"], train),
                [roles["text"](int(row)) for row in train],
                tokenizer,
                rng,
                progress or Progress(),
            )
        model.eval()
        with torch.inference_mode():
            pictures = self._pictures(roles["image"], test).split(_ROWS)
            images = torch.cat([model.encode_image(_floats(part), normalize=True) for part in pictures])
            texts = [roles["text"](int(row))[0] for row in test]
            parts = (tokenizer(texts[at : at + _ROWS]) for at in range(0, len(texts), _ROWS))
            captions = torch.cat([model.encode_text(part, normalize=True) for part in parts])
        pictures = np.asarray(roles["picture"])[test] if "picture" in roles else test
        return (images @ captions.T).numpy().astype(np.float64), texts, pictures

    def _pictures(self, image: Callable[[int], Any], rows: np.ndarray) -> "torch.Tensor":
        """(b, 3, px, px) uint8."""
        import torch

        return torch.from_numpy(np.stack([squashed(image(int(row)), self.px, "BICUBIC") for row in rows])).permute(
            0, 3, 1, 2
        )

    def _train(
        self,
        model: "nn.Module",
        pictures: "torch.Tensor",
        said: Sequence[Sequence[str]],
        tokenizer: Any,
        rng: np.random.Generator,
        progress: Progress,
    ) -> None:
        import torch
        from torch.nn import functional

        optimizer = torch.optim.AdamW(model.parameters(), lr=self.rate, betas=(0.9, 0.98), weight_decay=0.05)
        order = np.empty(0, np.int64)
        for step in progress.over(range(self.steps), self.steps, "training"):
            while len(order) < self.batch:
                order = np.concatenate([order, rng.permutation(len(pictures))])
            rows, order = order[: self.batch], order[self.batch :]
            for group in optimizer.param_groups:
                group["lr"] = self.rate * min((step + 1) / _WARM_UP, 0.5 * (1 + np.cos(np.pi * step / self.steps)))
            images = model.encode_image(_floats(pictures[rows]), normalize=True)
            captions = model.encode_text(
                tokenizer([said[row][rng.integers(len(said[row]))] for row in rows]), normalize=True
            )
            logits, right = model.logit_scale.exp() * images @ captions.T, torch.arange(len(rows))
            loss = (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right)) / 2
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, np.log(100))


def ranked(similarity: np.ndarray, texts: Sequence[str], pictures: Sequence[int] | np.ndarray) -> dict[str, float]:
    """similarity: (m, m), pictures by captions. Right are all captions of the same picture, and those that say the
    same; ties count against them.
    """
    right = _right(texts, pictures)
    ranks = np.concatenate([_ranks(similarity, right), _ranks(similarity.T, right.T)])
    return {
        "recall_at_1": round(float((ranks <= 1).mean()), 6),
        "recall_at_10": round(float((ranks <= 10).mean()), 6),
        "mean_reciprocal_rank": round(float((1 / ranks).mean()), 6),
    }


def _right(texts: Sequence[str], pictures: Sequence[int] | np.ndarray) -> np.ndarray:
    """(m, m) bool: which captions are right for which picture."""
    _, same = np.unique(np.array(texts, dtype=object).astype(str), return_inverse=True)
    pictures = np.asarray(pictures)
    return (same[:, None] == same[None, :]) | (pictures[:, None] == pictures[None, :])


def _ranks(similarity: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(m,) rank, from 1, of the best right answer of each row among the wrong ones."""
    best = np.where(right, similarity, -np.inf).max(axis=1)
    return 1 + ((similarity >= best[:, None]) & ~right).sum(axis=1)


def _model(px: int, n_tokens: int) -> "nn.Module":
    import open_clip

    return open_clip.model.CLIP(
        embed_dim=96, vision_cfg={**_VISION, "image_size": px}, text_cfg={**_TEXT, "vocab_size": n_tokens}
    )


def _floats(pictures: "torch.Tensor") -> "torch.Tensor":
    return (pictures.float() / 255 - 0.5) / 0.25
