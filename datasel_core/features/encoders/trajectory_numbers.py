"""Numbers that follow from loss trajectories at no cost: computed as soon as these arrive."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from datasel_core.base.declare import Field, spoken
from datasel_core.base.role import Role, declare
from datasel_core.errors import BadInput
from datasel_core.features.encoders.loss_trajectory import LOSS_TRAJECTORY
from datasel_core.features.feature import Block, Feature, Source, feature

LOSS = declare(Role("loss", "number", "The loss of a sample when training ends.", unit="nats"))
LEARNABILITY = declare(Role("learnability", "number", "How far the loss of a sample fell in training.", unit="nats"))
ERROR = declare(Role("error", "number", "How far the predictions for a sample are from its tokens, early in training."))
FORGETTING = declare(
    Role("forgetting", "number", "How often what was learned of a sample was lost again.", unit="times a token")
)
_BLOCK = 1 << 14


class _Follows(Feature):
    """One number per sample; none where there is no trajectory."""

    reads: ClassVar[str] = LOSS_TRAJECTORY.name
    at_once: ClassVar[bool] = True
    learns: ClassVar[bool] = True
    cost: ClassVar[str] = "nothing"

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        values = source.roles[LOSS_TRAJECTORY.name]
        if not isinstance(values, np.ndarray) or values.ndim != 2:
            raise BadInput("A loss trajectory must be one row of losses per sample, (n, checkpoints).")
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            measured = np.isfinite(values[part]).all(axis=1)
            found = self.follow(
                values[part[measured]],
                {name: array[part[measured]] for name, array in source.extras.get(LOSS_TRAJECTORY.name, {}).items()},
            )
            yield Block(
                part[measured],
                found.astype(np.float32),
                [(int(row), "it has no loss trajectory") for row in part[~measured]],
            )

    def follow(self, values: np.ndarray, extras: Mapping[str, np.ndarray]) -> np.ndarray:
        """(b,) of (b, T) losses and what was kept beside them."""
        raise TypeError(f"{type(self).__name__} must implement follow.")


@feature("loss", version=1, title="Loss")
class Loss(_Follows):
    """The loss of a sample when training ends: high for what is hard, rare or wrong; low for what is easy or often
    repeated.
    """

    role: ClassVar[str] = LOSS.name

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        """summed: whether it is a sum over the tokens of a sample; it is their mean."""
        return {"summed": False}

    def follow(self, values: np.ndarray, extras: Mapping[str, np.ndarray]) -> np.ndarray:
        return values[:, -1]


@feature("learnability", version=1, title="Learnability")
class Learnability(_Follows):
    """How far the loss of a sample fell from the first checkpoint to the last: high for what was learned, near nothing
    for what was known, or is noise.
    """

    role: ClassVar[str] = LEARNABILITY.name

    def follow(self, values: np.ndarray, extras: Mapping[str, np.ndarray]) -> np.ndarray:
        return values[:, 0] - values[:, -1]


@feature("el2n", version=1, title="Error early in training (EL2N)")
class EL2N(_Follows):
    """How far the predictions for a sample are from its tokens, early in training: length of softmax less one-hot, mean
    over tokens and first checkpoints.

    Paul et al. 2021, https://arxiv.org/abs/2107.07075; there the mean is over several trainings, here over checkpoints
    of one.
    """

    role: ClassVar[str] = ERROR.name
    reads_extras: ClassVar[tuple[str, ...]] = ("error",)
    paper: ClassVar[str] = "https://arxiv.org/abs/2107.07075"

    first: int | None = Field(
        None,
        ge=1,
        description=(
            "Over how many of the first checkpoints the error is averaged. Move it down when what is hard "
            "shows early, up when the first checkpoints are noise. At 1 only the first counts; left empty, "
            "the first quarter does."
        ),
        json_schema_extra=spoken({"none": "the first quarter"}),
    )

    def follow(self, values: np.ndarray, extras: Mapping[str, np.ndarray]) -> np.ndarray:
        first = self.first or max(1, values.shape[1] // 4)
        return extras["error"][:, :first].mean(axis=1)


@feature("forgetting", version=1, title="Forgetting")
class Forgetting(_Follows):
    """How often a token of a sample was predicted at one checkpoint and no longer at the next, mean over its tokens:
    near nothing for what is easy.

    Toneva et al. 2019, https://arxiv.org/abs/1812.05159; there whole images are forgotten, here tokens.
    """

    role: ClassVar[str] = FORGETTING.name
    reads_extras: ClassVar[tuple[str, ...]] = ("forgotten",)
    paper: ClassVar[str] = "https://arxiv.org/abs/1812.05159"

    def follow(self, values: np.ndarray, extras: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.asarray(extras["forgotten"])
