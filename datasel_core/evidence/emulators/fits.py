"""The emulator that a card is of, fitted to the kept years, and what it tells of any run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasel_core.analysis.climate.emulators.driver import EMULATED, TRUE, Driver, Years, driver, predicted
from datasel_core.analysis.climate.emulators.kinds import Emulator, Question, kind
from datasel_core.analysis.climate.emulators.training import Training
from datasel_core.analysis.climate.forcing import PER_DEPTH, VOLCANIC, read
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput
from datasel_core.evidence.emulators import origin
from datasel_core.evidence.emulators.asked import Asked
from datasel_core.pools.demo.mini_climate import FORCING
from datasel_core.workspace.files import read_text


@dataclass(frozen=True)
class Fitted:
    """emulators: one per seed. driver: what it was told of the target. shares: (cells,) of area, 0 without data."""

    asked: Asked
    emulators: Sequence[Emulator]
    driver: Driver
    shares: np.ndarray

    @property
    def first(self) -> Emulator:
        return self.emulators[0]

    def told(self, run: Years, at: int = 0) -> np.ndarray:
        """(years, cells) of a run, from the driver that was asked for. at: which of the seeds."""
        return predicted(self.emulators[at], self.given(run).target, run.run, run.year)

    def given(self, run: Years) -> Driver:
        return driver(self.asked.wanted.driver, self.asked.training, run, self.asked.forcing)

    def from_truth(self, run: Years) -> np.ndarray | None:
        """The same from the true global mean; None where that is what it is told, or where it goes by forcing."""
        if self.asked.wanted.driver != EMULATED:
            return None
        given = driver(TRUE, self.asked.training, run)
        return predicted(self.first, given.target, run.run, run.year)


def fit(asked: Asked, progress: Progress, name: str | None = None, rows: np.ndarray | None = None) -> Fitted:
    """name: of the emulator, and rows: trained on; as asked where they are not given. Only a network begins at random,
    so only of that there are several. Raises BadRequest, BadInput, Stopped.
    """
    wanted, grid = asked.wanted, asked.grid
    chosen, name = kind(name or wanted.kind), name or wanted.kind
    years = asked.training if rows is None else asked.every.part(rows)
    told = driver(wanted.driver, years, asked.of_run(asked.target), asked.forcing)
    who = years.scenario, years.member, years.year
    training = Training.of(years.fields, told.training, grid.weight, *who)
    shape = grid.shape if grid.is_regular else None
    depth = volcanoes(asked, years)[0] if chosen.runs else None
    made = []
    for at in range(wanted.seeds if name == "cnn" else 1):
        progress.check()
        question = Question(training, grid.lat, grid.lon, shape, depth, wanted.weighting, wanted.seed + at, progress)
        made.append(chosen.fit(question))
    return Fitted(asked, made, told, training.weight)


def volcanoes(asked: Asked, years: Years) -> tuple[np.ndarray | None, str]:
    """(years,) aerosol depth, where a table of forcing was named or lies beside the files; and what is to be said."""
    beside = origin.forcing_beside(asked.pool)
    try:
        if (table := asked.forcing) is None:
            if beside is None:
                raise BadInput(f"No table of forcing with a column {VOLCANIC} was named (--forcing)")
            table = read(read_text(asked.pool.workspace.allowed(beside)))
        depth = table.depth(years.scenario, years.year)
    except BadInput as error:
        return None, f"Volcanic eruptions are left out, as weather like any other. {str(error).rstrip('.')}."
    name = Path(asked.wanted.forcing).name if asked.wanted.forcing else FORCING
    return depth, (
        f"Volcanic eruptions of the years that are trained on are told by aerosol depth, made of {VOLCANIC} forcing in "
        f"{name} at {PER_DEPTH:g} W m-2 per unit; the target is told of none."
    )
