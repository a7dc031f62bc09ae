"""Where a training of facts rests: one file, from which it goes on to the same weights, to the bit."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.errors import BadInput
from datasel_core.workspace.arrays import read_arrays, write_arrays

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_MODEL, _OPTIMIZER = "model", "optimizer"


@dataclass(frozen=True)
class Rest:
    """path: of the file, which is replaced as a whole. One that is damaged, or of another shape of model, counts as
    none.
    """

    path: Path

    def save(self, model: "PreTrainedModel", optimizer: "torch.optim.Optimizer", steps: int, saturated: int) -> None:
        """steps: how many were taken. saturated: how many looks in a row found all known."""
        state = {f"{_MODEL}/{name}": value for name, value in model.state_dict().items()}
        for at, moments in optimizer.state_dict()["state"].items():
            state |= {f"{_OPTIMIZER}/{at}/{name}": value for name, value in moments.items()}
        arrays = {name: value.detach().cpu().numpy() for name, value in state.items()}
        write_arrays(self.path, {**arrays, "done": np.array([steps, saturated])})

    def load(self, model: "PreTrainedModel", optimizer: "torch.optim.Optimizer") -> tuple[int, int]:
        """Puts weights and moments in place; (steps, saturated), both 0 where there is nothing to go on from."""
        import torch

        try:
            arrays = read_arrays(self.path) if self.path.exists() else {}
        except BadInput:
            return 0, 0
        weights, moments = {}, {}
        for name, array in arrays.items():
            kind, _, rest = name.partition("/")
            if kind == _MODEL:
                weights[rest] = torch.from_numpy(array)
            elif kind == _OPTIMIZER:
                at, what = rest.split("/")
                moments.setdefault(int(at), {})[what] = torch.from_numpy(array)
        if {name: value.shape for name, value in weights.items()} != {
            name: value.shape for name, value in model.state_dict().items()
        }:
            return 0, 0
        model.load_state_dict(weights)
        optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
        steps, saturated = arrays["done"].tolist()
        return steps, saturated
