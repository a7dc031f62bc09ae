"""What a given language model says of each sample, as it is: nothing is trained."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from datasel_core.base.declare import HOW, Field
from datasel_core.errors import BadParameter
from datasel_core.features.feature import Block, Feature, Source
from datasel_core.features.language.models import OFFERED, SCRATCH, given_model, hashes, local_files
from datasel_core.features.language.tokens import Template, Tokens, read_tokens
from datasel_core.features.models.weights import choose_device
from datasel_core.workspace.hashing import key_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_GIVEN = tuple(one for one in OFFERED if one != SCRATCH)
_ROWS = 64


class OfModel(Feature):
    """One value per sample, of its tokens and a language model that was trained before. Subclasses declare `role` and
    say what is measured of some samples.
    """

    reads: ClassVar[str] = "turns"
    downloads: ClassVar[bool] = True
    begins: ClassVar[float] = 10

    model: str = Field(
        _GIVEN[0],
        min_length=1,
        description=(
            f"The language model: one of the hub such as {_GIVEN[0]}, or a folder with config.json, safetensors and "
            "tokenizer.json (as a path), such as the proxy/model that loss_trajectory leaves in its own folder."
        ),
        json_schema_extra={"offered": list(_GIVEN)},
    )
    template: Template = Field(
        "plain", description="How prompt and response are put together: plain, or with the headings of Alpaca."
    )
    length: int = Field(
        512,
        title="Most tokens",
        ge=8,
        description=(
            "How many tokens of a sample are read at most; what is beyond is cut off. Move it up for long texts, as "
            "far as the model reads. At 8 hardly a sentence is seen; long ones cost time and memory."
        ),
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="Numbers to compute in; bf16 is faster where the processor has it, and the third digit changes.",
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda|mps)$",
        description="Where to compute: auto, cpu, cuda or mps.",
        json_schema_extra=HOW,
    )
    batch_tokens: int = Field(4096, ge=1, description="Tokens per batch, padding included.", json_schema_extra=HOW)

    def __init__(self, /, **params: Any):
        super().__init__(**params)
        if self.model == SCRATCH:
            raise BadParameter(
                f"model is {SCRATCH}, which has learned nothing yet; {self.id} asks a trained one: give a folder with "
                f"a model, such as the proxy/model that loss_trajectory leaves in its own folder, or one of the hub "
                f"such as {_GIVEN[0]}."
            )

    def files(self) -> tuple[str, ...]:
        return local_files(self.model)

    def depends(self) -> dict[str, Any]:
        return hashes(self.model)

    def describe(self, source: Source | None = None) -> dict[str, Any]:
        """weights_sha256: of the folder that the model is read from: another in its place is told apart."""
        found = hashes(self.model)
        return {"weights_sha256": key_of(found)} if found else {}

    def blocks(self, source: Source, rows: np.ndarray, fitted: Mapping[str, np.ndarray]) -> Iterator[Block]:
        if not len(rows):
            return
        model, vocabulary = given_model(self.model, self.length)
        measured = self.measuring(model.eval().requires_grad_(False).to(choose_device(self.device)), source.check)
        for start in range(0, len(rows), _ROWS):
            source.check()
            tokens = read_tokens(source, rows[start : start + _ROWS], vocabulary, self.template, self.length)
            yield _sound(tokens, measured(tokens) if len(tokens.rows) else np.empty(0, np.float32))

    def measuring(self, model: "PreTrainedModel", check: Callable[[], None]) -> Callable[[Tokens], np.ndarray]:
        """Of the tokens of m samples, at least one, (m,) or (m, d) float32. model: in eval mode, on its device. check:
        to be called between batches; raises Stopped.
        """
        raise TypeError(f"{type(self).__name__} must implement measuring.")


def _sound(tokens: Tokens, values: np.ndarray) -> Block:
    """Samples of which the values are numbers; the others with the reason."""
    sound = np.isfinite(values.reshape(len(values), -1)).all(axis=1) if len(values) else np.empty(0, bool)
    wrong = [(int(row), "what the model says of it is NaN or infinite") for row in tokens.rows[~sound]]
    return Block(tokens.rows[sound], values[sound], sorted([*tokens.unreadable, *wrong]))
