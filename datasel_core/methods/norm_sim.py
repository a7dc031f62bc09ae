"""NormSim: how much a pool image lies in the directions of target images."""

from typing import ClassVar, Literal

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.methods.algorithms.contrastive.device import DEVICE, exact_products, pick, tile
from datasel_core.methods.method import Scorer, method
from datasel_core.methods.selection import Inputs
from datasel_core.vectors.directions import blocks, lengths, matrix, same_width, second_moment, unit_rows


@method("norm_sim", version=1, title="NormSim to a target")
class NormSim(Scorer):
    """Keeps images that resemble the target's: the norm of their cosines to all target images. Steers a pool to a task;
    blind to the captions.

    p = inf is the largest absolute cosine, p = 2 the root of the sum of squared cosines.
    CLIPLoss and Norm-Based Data Selection Methods for Multimodal Contrastive Learning, Wang et al., NeurIPS 2024,
    https://arxiv.org/abs/2405.19547

    A zero vector in the pool has no score and is never kept; one in the target adds nothing.
    """

    needs: ClassVar = ("image",)
    needs_target: ClassVar = ("image",)
    promise: ClassVar = "target"
    cost: ClassVar = (
        "p = 2: one pass over the embeddings, seconds for a million. p = inf: compares each image with each target "
        "image."
    )
    avoid: ClassVar = (
        "When the target is narrower than what the model must do: what is unlike it is dropped, however good."
    )
    paper: ClassVar = "https://arxiv.org/abs/2405.19547"
    because: ClassVar = "its likeness to the target's images is {score:.3g}"

    p: Literal["2", "inf"] = Field(
        "2",
        title="Norm (p)",
        description="2 counts likeness to all target images, inf only to the most alike.",
        json_schema_extra=spoken({"2": "all target images", "inf": "the most alike"}),
    )
    device: str = DEVICE

    def score(self, inputs: Inputs) -> np.ndarray:
        """(n,) float64, at least 0; NaN for a zero vector. p = 2 sums in float64; p = inf is within 1e-6."""
        image, target = (
            matrix(inputs.pool["image"], "pool role image"),
            matrix(inputs.target["image"], "target role image"),
        )
        same_width(image, "pool role image", target, "target role image")
        inputs.progress.check()
        length, target_length = lengths(image), lengths(target)
        if not target_length.any():
            raise BadInput("The target role image has no vector other than zero; give at least one image to resemble.")
        if self.p == "2":
            found = _all_together(image, length, second_moment(target, target_length), inputs.progress)
        else:
            found = _largest(
                unit_rows(image, length, slice(None)),
                unit_rows(target, target_length, slice(None)),
                pick(self.device),
                inputs.progress,
            )
        found[length == 0] = np.nan
        return found


def _all_together(vectors: np.ndarray, length: np.ndarray, moment: np.ndarray, progress: Progress) -> np.ndarray:
    """(n,) float64 root of u' moment u: the 2-norm of u's cosines to the vectors that the moment was summed over."""
    squared = np.empty(len(vectors))
    parts = list(blocks(len(vectors)))
    for part in progress.over(parts, len(parts), "comparing with the target"):
        some = unit_rows(vectors, length, part, np.float64)
        squared[part] = np.einsum("ij,ij->i", some @ moment, some)
    return np.sqrt(np.maximum(squared, 0))


def _largest(image: np.ndarray, target: np.ndarray, device: str, progress: Progress) -> np.ndarray:
    """(n,) float64 largest absolute cosine of each unit image to the unit targets."""
    import torch

    side = tile(device)
    targets = torch.from_numpy(target).to(device)
    found = np.empty(len(image))
    parts = list(blocks(len(image), side))
    track = progress.track(len(parts) * -(-len(target) // side), "comparing with the target")
    with exact_products():
        for part in parts:
            mine = torch.from_numpy(image[part]).to(device)
            best = torch.zeros(len(mine), device=device)
            for columns in blocks(len(target), side):
                cosine = mine @ targets[columns].T
                best = torch.maximum(best, torch.maximum(cosine.amax(dim=1), -cosine.amin(dim=1)))
                track.advance()
            found[part] = best.cpu().numpy()
    track.finish()
    return found
