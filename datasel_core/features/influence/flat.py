"""The weights of a model as one long vector, and their gradient as another: copied, changed and restored at once."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Flat:
    """values, gradient: (p,) tensors. The parameters are views of them from here on: what is written to `values` is
    what the model computes with, and `backward` adds to `gradient`.
    """

    def __init__(self, parameters: Iterable["torch.nn.Parameter"]):
        import torch

        self._parameters = list(parameters)
        if len({(one.dtype, one.device) for one in self._parameters}) != 1:
            raise ValueError("parameters of one kind of numbers on one device can be laid end to end")
        self.values = torch.cat([one.detach().reshape(-1) for one in self._parameters])
        self.gradient = torch.zeros_like(self.values)
        for one, values, gradient in zip(
            self._parameters, self.parts(self.values), self.parts(self.gradient), strict=True
        ):
            one.data, one.grad = values, gradient
            one.requires_grad_(True)

    def parts(self, vector: "torch.Tensor") -> list["torch.Tensor"]:
        """Views of a (p,) vector in the shapes of the parameters."""
        sizes = [one.numel() for one in self._parameters]
        return [part.view(one.shape) for part, one in zip(vector.split(sizes), self._parameters, strict=True)]

    def laid(self, state: Mapping[int, "torch.Tensor"]) -> "torch.Tensor":
        """(p,) one tensor per parameter, in their order, end to end."""
        import torch

        made = torch.empty_like(self.values)
        for at, part in enumerate(self.parts(made)):
            part.copy_(state[at])
        return made
