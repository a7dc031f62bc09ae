"""The emulators that there are, by name, fitted to one and the same question."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from datasel_core.analysis.climate.emulators import cnn, covariance, gaussian_process, pattern_scaling, variability
from datasel_core.analysis.climate.emulators.training import Training, Weighting
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, UnknownName


class Emulator(Protocol):
    """What every emulator does. Those with an ensemble have `draw(driver, members, rng)` -> (members, years, cells)
    too.
    """

    def predict(self, driver: np.ndarray) -> np.ndarray:
        """(years, cells) for a driver of shape (years,) or (years, drivers)."""
        ...


@dataclass(frozen=True)
class Question:
    """training: years that were bought, checked. shape: (latitudes, longitudes) of the grid, None where the cells form
    none. latitude, longitude: (cells,) degrees. depth: (years,) aerosol depth, where it is known. weighting: of
    scenarios. seed: of what begins at random.
    """

    training: Training
    latitude: np.ndarray
    longitude: np.ndarray
    shape: tuple[int, int] | None = None
    depth: np.ndarray | None = None
    weighting: Weighting = "years"
    seed: int = 0
    progress: Progress = field(default_factory=Progress)

    def given(self) -> tuple[np.ndarray, ...]:
        one = self.training
        return one.fields, one.driver, one.weight, one.scenario, one.member, one.year


@dataclass(frozen=True)
class Kind:
    """title, help: words for people. ensemble: whether it draws years that could have been. runs: whether it needs
    whole runs, not scattered years. weighs: whether the weighting of scenarios means anything to it.
    """

    title: str
    help: str
    ensemble: bool
    runs: bool
    weighs: bool
    fit: Callable[[Question], Emulator]


def _pattern_scaling(asked: Question) -> Emulator:
    return pattern_scaling.fitted(asked.training, asked.weighting)


def _gaussian_process(asked: Question) -> Emulator:
    return gaussian_process.fit(*asked.given(), progress=asked.progress)


def _network(asked: Question) -> Emulator:
    if asked.shape is None:
        raise BadInput("The network needs a grid of latitudes by longitudes; these cells form none: take another.")
    return cnn.fit(
        *asked.given(), weighting=asked.weighting, shape=asked.shape, seed=asked.seed, progress=asked.progress
    )


def _variability(asked: Question) -> Emulator:
    variability.check_cells(int(asked.training.known.sum()))
    distance = covariance.distances(asked.latitude, asked.longitude)
    return variability.fit(*asked.given(), distance=distance, depth=asked.depth, weighting=asked.weighting)


KINDS = {
    "pattern_scaling": Kind("Pattern scaling", pattern_scaling.HELP, False, False, True, _pattern_scaling),
    "gaussian_process": Kind("Gaussian process", gaussian_process.HELP, True, False, False, _gaussian_process),
    "cnn": Kind("Small convolutional network", cnn.HELP, False, False, True, _network),
    "variability": Kind("Pattern scaling with variability", variability.HELP, True, True, True, _variability),
}


def kind(name: str) -> Kind:
    """Raises UnknownName."""
    if name not in KINDS:
        raise UnknownName("emulator", name, KINDS)
    return KINDS[name]
