"""A small convolutional network that draws, from the driver, what pattern scaling leaves over.

After the decoder of Watson-Parris et al. 2022, ClimateBench v1.0, Journal of Advances in Modeling Earth Systems 14,
https://doi.org/10.1029/2021MS002954, made small: there are hundreds of years, not millions, and a driver
of few numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.analysis.climate.emulators import pattern_scaling
from datasel_core.analysis.climate.emulators.pattern_scaling import PatternScaling
from datasel_core.analysis.climate.emulators.training import Training, Weighting, columns
from datasel_core.base.parallel import side_by_side
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter

HELP = (
    "A small network that learns what pattern scaling leaves over, such as bends and what hangs on a second driver. "
    "Where it does not beat pattern scaling on your target, the card says so, and pattern scaling is the better "
    "choice. Beyond the drivers it has seen it adds what it added at their end."
)
_CHANNELS = 16
_SHRUNK = 4
"""How many times fewer rows and columns of the grid the first layer draws."""
_RATE, _DECAY = 3e-3, 1e-2
_LEAST_YEARS = 10


@dataclass(frozen=True)
class Network:
    """line: the pattern scaling beneath. shape: rows (latitudes) and columns (longitudes) of the grid. centre, scale:
    (drivers,) what is taken off a driver, and what it is divided by. low, high: (drivers,) the range it was trained in:
    beyond, the line goes on and the network is held: left alone it was 1.6 to 4 K wrong on ssp585 after ssp126, where
    the line was 0.8. unit: (cells,) standard deviation of what pattern scaling leaves, the network's unit. network:
    the torch module.
    """

    line: PatternScaling
    shape: tuple[int, int]
    centre: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unit: np.ndarray
    network: Any

    def predict(self, driver: np.ndarray) -> np.ndarray:
        """(years, cells) for a driver of shape (years,) or (years, drivers). Raises BadInput."""
        import torch

        given = columns(driver, drivers=len(self.centre))
        inside = (np.clip(given, self.low, self.high) - self.centre) / self.scale
        with torch.inference_mode():
            drawn = self.network(torch.from_numpy(inside.astype(np.float32)))
        return self.line.predict(given) + self.unit * drawn.numpy().reshape(len(given), -1).astype(np.float64)


def fit(
    fields: np.ndarray,
    driver: np.ndarray,
    weight: np.ndarray,
    scenario: Sequence[str] | None = None,
    member: Sequence[str] | None = None,
    year: Sequence[int] | None = None,
    weighting: Weighting = "years",
    *,
    shape: tuple[int, int],
    steps: int = 100,
    seed: int = 0,
    progress: Progress | None = None,
) -> Network:
    """fields: (years, cells) of a grid of `shape` (latitudes, longitudes), row by row, whose longitudes go round the
    globe; driver: (years,) or (years, drivers); weight: (cells,) areas, by which errors of cells are weighed. steps: of
    the optimiser, each over all years. seed: of the weights that training begins with.

    Trained on the processor, so that the same seed gives the same network on one machine. Raises BadInput,
    BadParameter.
    """
    import torch

    training = Training.of(fields, driver, weight, scenario, member, year)
    _check(training, shape, steps)
    line = pattern_scaling.fitted(training, weighting)
    known, shares = training.known, training.years_weight(weighting)
    left = (training.fields - line.predict(training.driver))[:, known]
    deviation = left.std(axis=0)
    unit = training.filled(np.where(deviation > 0, deviation, 1.0))
    centre, scale = training.driver.mean(axis=0), training.driver.std(axis=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _decoder(len(scale), shape)
    arrays = (training.driver - centre) / scale, left / unit[known], training.weight[known], shares
    inputs, goal, area, years = (torch.from_numpy(one.astype(np.float32)) for one in arrays)
    there = torch.from_numpy(known)

    def loss() -> Any:
        return years @ ((network(inputs).flatten(1)[:, there] - goal).square() @ area)

    def train(steps: int) -> None:
        _minimise(loss, network, steps, progress or Progress())

    list(side_by_side(train, [steps]))  # on one thread: small sums, whose last digits hang on how many there are
    low, high = training.driver.min(axis=0), training.driver.max(axis=0)
    return Network(line, shape, centre, scale, low, high, unit, network.eval())


def _minimise(loss: Callable[[], Any], network: Any, steps: int, progress: Progress) -> None:
    import torch

    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in progress.over(range(steps), steps, "training the network"):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
        schedule.step()


def _decoder(drivers: int, shape: tuple[int, int]) -> Any:
    """A module from (years, drivers) to (years, rows, columns). It begins by drawing nothing."""
    from torch import nn

    class Enlarged(nn.Module):
        """A convolution of 3 x 3 of a field that is enlarged first, each cell to its nearest; it goes round the globe,
        and at the poles the last row stands for what is beyond.

        By products of matrices on the small field, so that the large one never has more channels than are drawn: 2.7
        times as fast to train as enlarging, padding and convolving (tests/benchmarks/climate_speed.py), the same but
        for the order of sums.
        """

        def __init__(self, into: int, out: int, small: tuple[int, int], large: tuple[int, int]):
            super().__init__()
            self.convolution = nn.Conv2d(into, out, 3)
            self.register_buffer("down", _neighbours(small[0], large[0], round_globe=False))
            self.register_buffer("across", _neighbours(small[1], large[1], round_globe=True))

        def forward(self, field):
            years, into, rows, columns = field.shape
            weight = self.convolution.weight
            out = len(weight)
            taps = weight.permute(0, 2, 3, 1).reshape(out * 9, into) @ field.flatten(2)
            taps = taps.view(years, out, 3, 3, rows, columns).transpose(3, 4)
            wide = taps.reshape(years, out, 3 * rows, 3 * columns) @ self.across
            return (wide.transpose(2, 3) @ self.down).transpose(2, 3) + self.convolution.bias[:, None, None]

    small = tuple(max(1, -(-size // _SHRUNK)) for size in shape)
    half = tuple(max(1, -(-size // 2)) for size in shape)
    last = Enlarged(_CHANNELS, 1, half, shape)
    nn.init.zeros_(last.convolution.weight)
    nn.init.zeros_(last.convolution.bias)
    return nn.Sequential(
        nn.Linear(drivers, 32),
        nn.GELU(),
        nn.Linear(32, _CHANNELS * small[0] * small[1]),
        nn.Unflatten(1, (_CHANNELS, *small)),
        Enlarged(_CHANNELS, _CHANNELS, small, half),
        nn.GELU(),
        last,
        nn.Flatten(1),
        nn.Unflatten(1, tuple(shape)),
    )


def _neighbours(small: int, large: int, *, round_globe: bool) -> Any:
    """(3 * small, large) of 0 and 1: which of the small cells stands before, at and behind each large one."""
    import torch

    found = torch.zeros(3, small, large)
    for tap in range(3):
        beside = torch.arange(large) + tap - 1
        beside = beside % large if round_globe else beside.clamp(0, large - 1)
        found[tap, beside * small // large, torch.arange(large)] = 1
    return found.reshape(3 * small, large)


def _check(training: Training, shape: tuple[int, int], steps: int) -> None:
    cells, years = len(training.known), len(training.year)
    if len(shape) != 2 or shape[0] * shape[1] != cells:
        raise BadInput(f"The grid is {shape} and there are {cells:,} cells; the network needs latitudes by longitudes.")
    if years < _LEAST_YEARS:
        raise BadInput(f"There are {years} years; the network needs at least {_LEAST_YEARS}.")
    if steps < 1:
        raise BadParameter(f"steps is {steps}; it must be at least 1.")
