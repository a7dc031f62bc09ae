"""The gradient of each sample apart, from one pass there and back over a batch; and its projection at random.

What a matrix learns of a sample is a sum over tokens: what came out, pulled by the loss, times what went in. Both are
seen in passing, so no sample needs a pass of its own, and no gradient of a batch is ever kept. Beside a loop of single
backward passes on one core: 2.5 times as fast for texts of 16 tokens, 1.6 for 68, as fast for 200, where a pass of its
own is no loss (`tests/benchmarks/rivals_speed.py`).
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from datasel_core.errors import BadInput
from datasel_core.features.language.halves import halves

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_LOGITS = 1 << 21
_FEWEST = 128
Take = Callable[[int, int, np.ndarray], None]
"""Takes a part of the gradient of one sample: its position in the batch, where the part begins, float32."""


@dataclass(frozen=True)
class Blocks:
    """The last blocks of a model, and their matrices in order, each with where it begins in one long gradient."""

    first: "torch.nn.Module"
    matrices: Sequence["torch.nn.Module"]

    @classmethod
    def last(cls, model: "PreTrainedModel", n: int | None) -> "Blocks":
        """The last n blocks, or all. Raises BadInput for a model without blocks."""
        from torch import nn

        many = getattr(model.config, "num_hidden_layers", None)
        lists = (one for one in model.base_model.modules() if isinstance(one, nn.ModuleList) and len(one) == many)
        blocks = list(next(lists, ()))[-(n or many or 1) :]
        found = [one for block in blocks for one in block.modules() if isinstance(one, nn.Linear) or _is_turned(one)]
        if not found:
            raise BadInput(f"A {type(model).__name__} has no blocks of matrices whose gradients could be told apart.")
        return cls(blocks[0], found)

    @cached_property
    def starts(self) -> list[int]:
        return np.cumsum([0, *(one.weight.numel() for one in self.matrices)]).tolist()

    @property
    def size(self) -> int:
        """How many weights they have."""
        return self.starts[-1]


@dataclass(frozen=True)
class Sketch:
    """A count sketch of vectors of `size` numbers in `dims`: each number is added to one place, with a random sign. The
    inner product of two sketches is that of the vectors, on average over seeds.
    """

    size: int
    dims: int
    seed: int

    def add(self, into: np.ndarray, start: int, part: np.ndarray) -> None:
        """into: (dims,). part: numbers from `start` on, as many as the matrix that begins there has."""
        into += self._matrix(start, len(part)) @ part

    def _matrix(self, start: int, n: int) -> Any:
        """(dims, n) sparse, one number a column; made once for each start."""
        from scipy.sparse import csc_array

        if start not in self._made:
            rng = np.random.default_rng([self.seed, start])
            signs = 2 * rng.integers(0, 2, n, dtype=np.int8) - 1
            places = rng.integers(0, self.dims, n, dtype=np.int32)
            parts = (signs.astype(np.float32), places, np.arange(n + 1, dtype=np.int32))
            self._made[start] = csc_array(parts, shape=(self.dims, n))
        return self._made[start]

    @cached_property
    def _made(self) -> dict[int, Any]:
        return {}


@dataclass(frozen=True)
class Gradients:
    """Of the mean loss over each sample's learned tokens, in the matrices of some blocks. model: in eval mode, of which
    no weight asks for a gradient.
    """

    model: "PreTrainedModel"
    blocks: Blocks
    bf16: bool = False

    @cached_property
    def _halves(self) -> Any:
        return halves(self.model)

    def of(self, padded: np.ndarray, learned: np.ndarray, take: Take) -> None:
        """padded: (b, l) ids. learned: (b, l) bool, at least one in each row. Gives `take` the gradient of each sample,
        matrix by matrix.
        """
        import torch

        device, two = next(self.model.parameters()).device, self._halves
        ids, mask = torch.from_numpy(padded).to(device), torch.from_numpy(learned).to(device)
        with self._seen(ids.shape, take), torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
            before = torch.nn.functional.pad(mask[:, 1:], (0, 1))
            states = two.body(ids)[before]
            weights = (mask / mask.sum(dim=1, keepdim=True))[mask]
            states.backward(self._pull(states, ids[mask], weights))

    def _pull(self, states: "torch.Tensor", wanted: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
        """The gradient of the weighted loss in the states, a part of them at a time, for logits are large."""
        import torch

        n, found = max(_FEWEST, _LOGITS // self._halves.n_tokens), []
        parts = zip(states.detach().split(n), wanted.split(n), weights.split(n), strict=True)
        for part, right, weight in parts:
            part = part.requires_grad_()
            loss = torch.nn.functional.cross_entropy(self._halves.head(part).float(), right, reduction="none")
            found += torch.autograd.grad((loss * weight).sum(), part)
        return torch.cat(found)

    @contextlib.contextmanager
    def _seen(self, shape: tuple[int, int], take: Take) -> Iterator[None]:
        """Watches what goes into each matrix, and the pull on what comes out."""
        kept = [self.blocks.first.register_forward_pre_hook(_begin, with_kwargs=True)]
        for start, one in zip(self.blocks.starts, self.blocks.matrices, strict=False):
            kept.append(one.register_forward_hook(_watch(shape, start, _is_turned(one), take)))
        try:
            yield
        finally:
            for hook in kept:
                hook.remove()


def _begin(block: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What lies before the first block needs no gradient; from its input on, everything is followed."""
    if given:
        return (given[0].detach().requires_grad_(), *given[1:]), named
    return given, {**named, "hidden_states": named["hidden_states"].detach().requires_grad_()}


def _watch(shape: tuple[int, int], start: int, turned: bool, take: Take) -> Callable[..., None]:
    def forward(matrix: Any, given: tuple["torch.Tensor", ...], came: "torch.Tensor") -> None:
        went = _by_sample(given[0].detach(), shape)

        def backward(pull: "torch.Tensor") -> None:
            for at, (one, other) in enumerate(zip(_by_sample(pull, shape), went, strict=True)):
                pair = (other.float().T @ one.float()) if turned else (one.float().T @ other.float())
                take(at, start, pair.reshape(-1).cpu().numpy())

        came.register_hook(backward)

    return forward


def _by_sample(values: "torch.Tensor", shape: tuple[int, int]) -> "torch.Tensor":
    """(b, l, width). Raises BadInput where tokens of samples are mixed, as by experts."""
    if values.shape[:-1].numel() != shape[0] * shape[1]:
        raise BadInput(
            "The blocks of this model send tokens different ways (experts), so gradients cannot be told apart."
        )
    return values.reshape(*shape, -1)


def _is_turned(module: Any) -> bool:
    """Whether it is a matrix that is kept the other way round, as GPT-2 keeps them."""
    return type(module).__name__ == "Conv1D" and getattr(module, "weight", None) is not None
