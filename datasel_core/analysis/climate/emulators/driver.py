"""What an emulator is told of the years that it emulates: no score means anything unless this is named beside it."""

from dataclasses import dataclass, replace

import numpy as np

from datasel_core.analysis.climate.emulators.kinds import Emulator
from datasel_core.analysis.climate.forcing import HOW_TO_BRING, TIME_SCALES, Forcing, Response
from datasel_core.errors import BadRequest, UnknownName

TRUE, EMULATED, FORCING = "gmst", "emulated", "forcing"
DRIVERS = {
    TRUE: "true GMST of the target, which an emulator in use does not have",
    EMULATED: "GMST emulated from forcing by an energy balance with time scales of "
    f"{' and '.join(f'{one:g}' for one in TIME_SCALES)} years, fitted to the years that were kept",
    FORCING: "radiative forcing of each agent",
}
"""In words, as they stand beside scores."""
_OF_AGENT = " forcing"


@dataclass(frozen=True)
class Years:
    """Some years of simulations. fields: (n, cells) anomalies; gmst: (n,) K; scenario, member: (n,) names; year: (n,)
    calendar years.
    """

    fields: np.ndarray
    gmst: np.ndarray
    scenario: np.ndarray
    member: np.ndarray
    year: np.ndarray

    def __len__(self) -> int:
        return len(self.year)

    def part(self, rows: np.ndarray) -> "Years":
        """rows: positions, or (n,) bool."""
        names = ("fields", "gmst", "scenario", "member", "year")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def run(self) -> np.ndarray:
        """(n,) scenario/member."""
        return np.char.add(np.char.add(self.scenario.astype(str), "/"), self.member.astype(str))


@dataclass(frozen=True)
class Driver:
    """training: (years, drivers), target: (target years, drivers). names, units: of the drivers. gmst: (target years,)
    K, what is known of the target's global mean by the same means; for baselines.
    """

    name: str
    training: np.ndarray
    target: np.ndarray
    names: tuple[str, ...]
    units: tuple[str, ...]
    gmst: np.ndarray

    @property
    def words(self) -> str:
        agents = ", ".join(one.removesuffix(_OF_AGENT) for one in self.names)
        return DRIVERS[self.name] + (f": {agents}" if self.name == FORCING else "")

    @property
    def gmst_words(self) -> str:
        """What baselines are told."""
        return DRIVERS[TRUE if self.name == TRUE else EMULATED]


def driver(name: str, training: Years, target: Years, forcing: Forcing | None = None) -> Driver:
    """name: one of DRIVERS. forcing: of all scenarios, where the driver is made of it. Emulators are trained on the
    true temperature of the years that were kept, and emulate from what is known. Raises BadRequest, BadInput.
    """
    if name not in DRIVERS:
        raise UnknownName("driver", name, DRIVERS)
    if name == TRUE:
        return Driver(name, training.gmst[:, None], target.gmst[:, None], ("GMST",), ("K",), target.gmst)
    if forcing is None:
        raise BadRequest(f"The driver {name} needs a table of forcing; name one with --forcing: {HOW_TO_BRING}.")
    response = Response.fit(forcing, training.scenario, training.year, training.gmst)
    gmst = response.gmst(forcing, target.scenario, target.year)
    if name == EMULATED:
        return Driver(name, training.gmst[:, None], gmst[:, None], ("GMST",), ("K",), gmst)
    own, asked = (forcing.at(one.scenario, one.year) for one in (training, target))
    units = ("W m-2",) * len(forcing.agents)
    return Driver(name, own, asked, tuple(one + _OF_AGENT for one in forcing.agents), units, gmst)


def predicted(emulator: Emulator, driver: np.ndarray, run: np.ndarray, year: np.ndarray) -> np.ndarray:
    """(years, cells) of several runs, each by itself and in the order of its years: some emulators smooth the driver.

    driver: (years, drivers). run: (years,) names. year: (years,).
    """
    parts, order = [], []
    for name in np.unique(run):
        rows = np.flatnonzero(run == name)
        rows = rows[np.argsort(year[rows], kind="stable")]
        parts.append(emulator.predict(driver[rows]))
        order.append(rows)
    whole = np.concatenate(parts)
    found = np.empty_like(whole)
    found[np.concatenate(order)] = whole
    return found
