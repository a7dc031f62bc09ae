"""negCLIPLoss: the cosine of a pair, less what other pairs of random batches make of it."""

from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Track
from datasel_core.methods.algorithms.contrastive.batches import Group, one_by_one, partitions, together
from datasel_core.methods.algorithms.contrastive.device import DEVICE, exact_products, pick, tile
from datasel_core.methods.algorithms.contrastive.pairs import Pairs
from datasel_core.methods.algorithms.contrastive.rivals import Membership, n_tiles, rivals
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs


@method("neg_clip_loss", version=1, title="negCLIPLoss")
class NegClipLoss(Scorer):
    """CLIPScore less how easily the image goes with other captions, and the caption with other images. Drops captions
    that fit everything.

    Minus the temperature times the contrastive loss of the pair, averaged over random batches of the whole pool: always
    at most 0. CLIPLoss and Norm-Based Data Selection Methods for Multimodal Contrastive Learning, Wang et al., NeurIPS
    2024, https://arxiv.org/abs/2405.19547

    Each partition deals the pool into batches of equal size. A short last batch borrows from the first, so every pair
    is compared exactly once per partition and always with batch_size - 1 others; a borrowed pair is compared in its own
    batch only. A pool of at most batch_size pairs is one batch: exact, without randomness. A pair with a zero vector
    has no score, is never kept and is in no batch. Where siblings are left out, a pair that meets no other picture in
    its batch has no rival there, and loses nothing.
    """

    needs: ClassVar = ("image", "text")
    may_need: ClassVar = ("picture",)
    promise: ClassVar = "mismatches"
    cost: ClassVar = (
        "Compares each pair with the others of its batches, or with all when they are fewer: about a minute for "
        "100,000 on two cores."
    )
    avoid: ClassVar = "When near-duplicates should survive: a pair that comes twice in a batch rivals itself."
    paper: ClassVar = "https://arxiv.org/abs/2405.19547"
    because: ClassVar = "its cosine, less what its image and caption share with others of its batches, is {score:.3g}"

    temperature: float = Field(
        0.01,
        ge=1e-4,
        le=100,
        description=(
            "How sharply a pair is compared with its rivals. Set it to what the model was trained with: CLIP "
            "models end at 0.01. Towards 0 only the hardest rival counts; towards 1 all rivals count alike, "
            "and the score becomes nearly CLIPScore's."
        ),
    )
    batch_size: int = Field(
        32768,
        ge=2,
        title="Batch size",
        description=(
            "How many pairs are each other's rivals at a time. Set it to that of the model's training where "
            "you know it. With few, hard rivals are met by luck only; with the whole pool there is one batch, "
            "and chance has no part in it."
        ),
    )
    n_batches: int = Field(
        10,
        ge=1,
        title="Batches per pair",
        description=(
            "Over how many random batches each pair's score is averaged. Move it up when two seeds disagree "
            "about pairs near the cut. At 1 scores scatter most; every further batch costs one more pass."
        ),
    )
    siblings: Literal["rivals", "left_out"] = Field(
        "rivals",
        title="Captions of one picture",
        description=(
            "In pools with several captions a picture. rivals: they count as each other's rivals, the published law. "
            "left out: a pair is compared with those of other pictures only."
        ),
        json_schema_extra=spoken({"rivals": "count as rivals", "left_out": "left out"}),
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description=(
            "Of the products: bfloat16 takes less time where the processor knows it, and may swap pairs of nearly "
            "equal score."
        ),
    )
    device: str = DEVICE

    def roles(self) -> tuple[str, ...]:
        return self.needs if self.siblings == "rivals" else self.needs + self.may_need

    def what(self) -> dict[str, Any]:
        what = super().what()
        if self.siblings == "rivals":  # the published law, as if there were no such parameter
            what["params"].pop("siblings")
        return what

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64, at most 0; NaN for a zero vector. In float32 within 2e-6 of exact sums, on any device."""
        pairs = Pairs.of(inputs)
        n, side = len(pairs.rows), tile(pick(self.device))
        times = self.n_batches if n > self.batch_size else 1
        dealt = partitions(n, self.batch_size, times, inputs.rng)
        if self._is_cheaper_together(n, pairs.image.shape[1]):
            groups, total = [together(dealt)], n_tiles(n, n, side)
        else:
            groups = one_by_one(dealt)
            whole, last = (n - 1) // self.batch_size, (n - 1) % self.batch_size + 1
            total = times * (
                whole * n_tiles(self.batch_size, self.batch_size, side) + n_tiles(self.batch_size, last, side)
            )
        track = inputs.progress.track(total, "comparing pairs with each other")
        picture = None if self.siblings == "rivals" else _codes(inputs.pool["picture"])[pairs.rows]
        loss = np.zeros(n)
        with exact_products():
            for group in groups:
                loss[group.places[: group.n_own]] += self._loss(pairs, picture, group, track)
        track.finish()
        return pairs.spread(-self.temperature / times * loss)

    def _is_cheaper_together(self, n: int, d: int) -> bool:
        """Whether all n x n similarities, each summed for every partition, cost less than those of each batch on its
        own.

        A product is d multiply-adds; a column of membership costs 3 both ways, an exponential 60 (measured on a CPU: it
        only decides which is faster).
        """
        if n <= self.batch_size:
            return True
        parts = -(-n // self.batch_size)
        return n * (d + 60 + 3 * self.n_batches * parts) < self.n_batches * self.batch_size * (d + 60)

    def _loss(self, pairs: Pairs, picture: np.ndarray | None, group: Group, track: Track) -> np.ndarray:
        """(n_own,) float64: the contrastive loss of each pair that is scored, of its image and of its caption averaged,
        summed over partitions. picture: (n,) int, equal for pairs that are no rivals; None where all are.
        """
        import torch

        device, kind = pick(self.device), torch.bfloat16 if self.precision == "bfloat16" else torch.float32

        def images(part: slice) -> torch.Tensor:
            return torch.from_numpy(pairs.unit_images(group.places[part])).div_(self.temperature).to(device, kind)

        text = torch.from_numpy(pairs.unit_texts(group.places)).to(device, kind)
        own = pairs.cosine[group.places] / self.temperature
        member = Membership(
            torch.from_numpy(group.home).to(device), torch.from_numpy(group.guest).to(device), group.n_columns
        )
        shown = None if picture is None else torch.from_numpy(picture[group.places]).to(device)
        others = rivals(images, text, torch.from_numpy(own).to(device), member, tile(device), track, shown)
        others = others[:, : group.n_own]
        # -log(e^own / (e^own + others)), written so that it is never below 0 and keeps its digits where there are
        # hardly any others
        return np.logaddexp(0, others - own[: group.n_own, None]).mean(axis=0).sum(axis=1)


def _codes(picture: np.ndarray) -> np.ndarray:
    """(n,) int64, equal where the pictures are. picture: (n,) names or numbers."""
    return np.unique(np.asarray(picture), return_inverse=True)[1].astype(np.int64)
