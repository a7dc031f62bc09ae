"""Rivals of a pair: how strongly the other captions of its batches answer its image, and the other images its caption.

Logarithms of sums of exponentials, a tile of similarities at a time, so there is never a batch x batch array. A tile's
exponentials are taken once and summed for every partition, for images and captions alike, by products with 0/1
membership columns. Sums are float32 inside a tile and float64 logarithms across tiles, in a fixed order.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.base.progress import Track
from datasel_core.vectors.directions import blocks

if TYPE_CHECKING:
    import torch

_BAND = 80.0
_LEAST = (
    -85.0
)  # exp(-85) is still a normal float32; below, arithmetic on what cannot be seen anyway becomes ten times slower


@dataclass(frozen=True)
class Membership:
    """home, guest: (m, k), as in `Group`, on the device."""

    home: "torch.Tensor"
    guest: "torch.Tensor"
    n_columns: int

    def columns(self, part: slice) -> "torch.Tensor":
        """(b, n_columns) float32, 1 where a pair belongs to the column."""
        import torch

        made = torch.zeros(part.stop - part.start, self.n_columns + 1, device=self.home.device)
        for belongs in (self.home[part], self.guest[part]):
            made.scatter_(1, torch.where(belongs < 0, self.n_columns, belongs), 1.0)
        return made[:, :-1].contiguous()


def n_tiles(m: int, n_home: int, tile: int) -> int:
    """How many tiles `rivals` goes through when the first n_home of m pairs were dealt here and the rest keep them
    company.
    """
    every, company = -(-m // tile), -(-m // tile) - -(-n_home // tile)
    return every**2 - company**2


def rivals(
    images: Callable[[slice], "torch.Tensor"],
    text: "torch.Tensor",
    own: "torch.Tensor",
    member: Membership,
    tile: int,
    track: Track,
    picture: "torch.Tensor | None" = None,
) -> np.ndarray:
    """(2, m, k) float64: for each pair the log of the sum of exp(logit) over the others of its column: its image with
    their captions, then its caption with their images. -inf where nobody else is in the column; meaningless where home
    is -1. picture: (m,) int, where it is given: pairs of equal ones are no rivals, and count as nobody.

    images: gives the (b, d) images of some rows, over the temperature, so that products are logits; asked once for each
    tile of rows. text: (m, d).
    own: (m,) float64, each pair's own logit. Advances `track` once a tile.
    """
    import torch

    found = torch.full((2, *member.home.shape), -torch.inf, dtype=torch.float64, device=own.device)
    # Every sum will be set beside exp(own): what is smaller by this much cannot be seen even m times.
    slack = math.log(max(len(own), 1)) + 20
    tiles = list(blocks(len(own), tile))
    lowest = [float(own[part].min()) - slack for part in tiles]
    at_home = [bool((member.home[part] >= 0).any()) for part in tiles]
    for i, rows in enumerate(tiles):
        image, mine = images(rows), member.columns(rows)
        for j, columns in enumerate(tiles):
            if not (at_home[i] or at_home[j]):
                continue
            logits = (image @ text[columns].T).float()
            if picture is not None:
                logits.masked_fill_(picture[rows, None] == picture[columns], -torch.inf)
            elif i == j:
                logits.fill_diagonal_(-torch.inf)
            theirs = mine if i == j else member.columns(columns)
            for top, exps in _bands(logits, min(lowest[i], lowest[j])):
                _add(found[0], rows, top, exps @ theirs, member)
                _add(found[1], columns, top, (mine.T @ exps).T, member)
            track.advance()
    return found.cpu().numpy()


def _bands(logits: "torch.Tensor", floor: float) -> Iterator[tuple[float, "torch.Tensor"]]:
    """(top, exp(logits - top)): every logit above `floor` in exactly one band, where float32 can hold its exponential.
    Overwrites the logits.

    One band does at the temperatures in use. At .001 a tile spans hundreds of units, and a sum far below the tile's
    largest term must not vanish.
    """
    first = top = float(logits.max())
    for _ in range(math.ceil(max(0.0, (top - floor) / _BAND - 1))):
        inside = (logits <= top) & (logits > top - _BAND)
        if inside.any():
            yield top, (logits - top).masked_fill_(~inside, -math.inf).exp_()
        top -= _BAND
    if top < first:
        logits.masked_fill_(logits > top, -math.inf)
    if top > -math.inf:
        yield top, logits.sub_(top).clamp_(min=_LEAST).exp_()


def _add(found: "torch.Tensor", part: slice, top: float, sums: "torch.Tensor", member: Membership) -> None:
    import torch

    own = sums.gather(1, member.home[part].clamp(min=0)).double()
    found[part] = torch.logaddexp(found[part], own.log_().add_(top))
