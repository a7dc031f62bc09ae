"""A synthetic climate in which everything is known: three layers of ocean, fixed patterns, random weather.

None of its numbers is of a real model or a real scenario. Its scenarios bear the names of those that they resemble:
forcing is by lines through a few points of ours, near what the scenarios are named after in 2100. Anomalies are

    T_1 warming + T_3 slow + A aerosol + (T_1' - T_1) variability + local weather,

T_1 and T_3 forced temperatures of the top and bottom layer, T_1' with noise, A forcing by aerosol. `warming` and
`variability` have area mean 1, `slow` and `aerosol` 0, and local weather has 0 each year: the area mean is T_1'
exactly. Because of `slow` and `aerosol`, no single pattern is right for all scenarios.

Months are the year plus a cycle that weakens by SHRINK per K of T_1, plus weather of months; cycle and weather have
mean 0 over the days of a year. The ocean takes up what the layers gain together, shared out by a fixed pattern.
"""

import functools
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from datasel_core.analysis.climate.area import latitude_weight
from datasel_core.analysis.climate.energy_balance import EnergyBalance
from datasel_core.errors import BadParameter, UnknownName

LAYERS = EnergyBalance((5.0, 12.0, 90.0), (1.1, 2.2, 0.8), 1.25, 2.0, 0.6, 0.45, 7.6)
"""Round numbers of ours, among those that fits to models give."""
HISTORICAL = "historical"
FIRST, BRANCH, LAST = 1850, 2015, 2100
IDEALISED_YEARS = 150
_THEN = (1850, 1900, 1950, 1980, 2000, 2014)
_THEN_GAS, _THEN_AEROSOL = (0.0, 0.5, 1.0, 1.8, 2.5, 3.0), (0.0, -0.15, -0.5, -1.1, -1.15, -1.1)
_LATER = (2030, 2050, 2075, 2100)
_SCENARIOS = {
    "ssp126": ((3.5, 3.6, 3.3, 3.0), (-0.75, -0.45, -0.3, -0.25)),
    "ssp245": ((3.7, 4.4, 4.8, 4.9), (-0.95, -0.75, -0.55, -0.4)),
    "ssp370": ((3.9, 5.1, 6.7, 8.2), (-1.15, -1.25, -1.25, -1.15)),
    "ssp585": ((4.0, 5.6, 7.7, 9.0), (-1.0, -0.8, -0.6, -0.5)),
}
_IDEALISED = ("1pctCO2", "abrupt-4xCO2")
_ERUPTIONS = {1883: -2.0, 1902: -0.9, 1963: -1.1, 1982: -1.4, 1991: -2.2}
"""Year -> W m-2 in it; e times less each year after. Made up, in years that people expect them in."""
SCENARIOS = (HISTORICAL, *_SCENARIOS, *_IDEALISED)
SHRINK = 0.03
"""Of the cycle of the year, per K of forced warming: winters warm more than summers."""
DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""Of months, without leap days."""
_MEMORY = 0.25
"""Of local weather, from one year to the next."""
_REACH = 2500.0
"""km over which local weather is alike."""
_EARTH = 6371.0


@dataclass(frozen=True)
class Forcing:
    """year: (years,). gas, aerosol, volcanic: (years,) W m-2."""

    year: np.ndarray
    gas: np.ndarray
    aerosol: np.ndarray
    volcanic: np.ndarray

    @property
    def total(self) -> np.ndarray:
        return self.gas + self.aerosol + self.volcanic


@dataclass(frozen=True)
class MiniRun:
    """One simulation: scenario, member (from 1), year (years,), fields (years, cells) K, and gmst (years,) K above the
    climate without forcing. heat: (years, cells) W m-2 down into the ocean, NaN on land. months: (12 years, cells) K,
    whose means over days are the fields; None where they were not asked for.
    """

    scenario: str
    member: int
    year: np.ndarray
    fields: np.ndarray
    gmst: np.ndarray
    heat: np.ndarray
    months: np.ndarray | None = None


@dataclass(frozen=True)
class MiniClimate:
    """rows, columns: of its grid, all of one size in degrees; at least 4 and 4."""

    rows: int = 12
    columns: int = 24

    def __post_init__(self):
        if not (4 <= self.rows <= 90 and 4 <= self.columns <= 180):
            raise BadParameter(f"The grid is {self.rows} x {self.columns}; it must be from 4 x 4 to 90 x 180.")

    @property
    def latitudes(self) -> np.ndarray:
        """(rows,) degrees north of the centres."""
        return -90 + 180 / self.rows * (np.arange(self.rows) + 0.5)

    @property
    def longitudes(self) -> np.ndarray:
        """(columns,) degrees east of the centres."""
        return 360 / self.columns * (np.arange(self.columns) + 0.5)

    @functools.cached_property
    def lat(self) -> np.ndarray:
        return np.repeat(self.latitudes, self.columns)

    @functools.cached_property
    def lon(self) -> np.ndarray:
        return np.tile(self.longitudes, self.rows)

    @functools.cached_property
    def weight(self) -> np.ndarray:
        """(cells,) shares of the area."""
        return latitude_weight(self.lat)

    @functools.cached_property
    def patterns(self) -> dict[str, np.ndarray]:
        """Name -> (cells,): warming, slow (K per K), aerosol (K per W m-2), variability (K per K)."""
        land = self._land
        warming = 1 + 1.3 * self._hill(85, 22) + 0.35 * land - 0.4 * self._hill(-58, 14)
        slow = 0.9 * self._hill(-60, 18) - 0.3 * land
        aerosol = 0.45 * self._hill(35, 18) * (0.5 + land)
        sea = np.exp(-(((self.lon - 220) / 45) ** 2)) * self._hill(0, 12)
        variability = 1 + 2.5 * sea + 0.5 * self._hill(75, 20)
        return {
            "warming": warming / (warming @ self.weight),
            "slow": slow - slow @ self.weight,
            "aerosol": aerosol - aerosol @ self.weight,
            "variability": variability / (variability @ self.weight),
        }

    @functools.cached_property
    def mean_state(self) -> np.ndarray:
        """(cells,) K, without forcing."""
        return 300 - 48 * np.sin(np.deg2rad(self.lat)) ** 2 - 2 * self._land

    @functools.cached_property
    def cycle(self) -> np.ndarray:
        """(12, cells) K of months above the year, without forcing: warmest in July in the north, in January in the
        south, more so on land.
        """
        size = 14 * np.sin(np.deg2rad(self.lat)) * (0.6 + 0.8 * self._land)
        found = np.outer(np.cos(2 * np.pi * (np.arange(12) - 6) / 12), size)
        return found - DAYS @ found / DAYS.sum()

    @functools.cached_property
    def ocean(self) -> np.ndarray:
        """(cells,) bool."""
        return self._land < 0.5

    def forced(self, scenario: str) -> tuple[np.ndarray, np.ndarray]:
        """(years, cells) K of anomalies without noise, and (years,) their area mean. Raises UnknownName."""
        given = forcing(scenario)
        state = _forced_state(scenario)
        made = self.patterns
        fields = np.outer(state[:, 1], made["warming"]) + np.outer(state[:, -1], made["slow"])
        return fields + np.outer(given.aerosol, made["aerosol"]), state[:, 1]

    def run(self, scenario: str, member: int, seed: int = 0, monthly: bool = False) -> MiniRun:
        """The same for the same arguments. A scenario goes on from the historical run of its member. monthly: whether
        months are made too. Raises UnknownName, BadParameter.
        """
        if member < 1:
            raise BadParameter(f"member is {member}; members are counted from 1.")
        forced, gmst = self.forced(scenario)
        state, local = self._noise(scenario, member, seed)
        anomaly = forced + np.outer(state[:, 1], self.patterns["variability"]) + local
        fields, year = self.mean_state + anomaly, forcing(scenario).year
        heat = self._heat(LAYERS.uptake(_forced_state(scenario) + state))
        months = self._months(scenario, member, seed, fields) if monthly else None
        return MiniRun(scenario, member, year, fields, gmst + state[:, 1], heat, months)

    def _heat(self, uptake: np.ndarray) -> np.ndarray:
        """(years, cells): what the whole Earth takes up, W m-2, all of it in the ocean, most in the cold parts."""
        share = np.where(self.ocean, 0.6 + 1.2 * self._hill(-55, 15) + 0.8 * self._hill(60, 12), 0.0)
        return np.outer(uptake, np.where(self.ocean, share / (share @ self.weight), np.nan))

    def _months(self, scenario: str, member: int, seed: int, fields: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng([18, seed, member, SCENARIOS.index(scenario), 12])
        years = len(fields)
        weather = 1.5 * self._weather(12 * years, rng).reshape(years, 12, -1)
        weather -= (np.einsum("m,ymc->yc", DAYS, weather) / DAYS.sum())[:, None]
        left = 1 - SHRINK * self.forced(scenario)[1]
        return (fields[:, None] + left[:, None, None] * self.cycle + weather).reshape(12 * years, -1)

    def noise(self, scenario: str, member: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """(years,) K of the global mean around what is forced, and (years, cells) K of local weather. A scenario goes
        on from the last year of its member's historical run.
        """
        state, local = self._noise(scenario, member, seed)
        return state[:, 1], local

    def _noise(self, scenario: str, member: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([18, seed, member, SCENARIOS.index(scenario)])
        if scenario in _SCENARIOS:
            state, local = (past[-1] for past in self._noise(HISTORICAL, member, seed))
        else:
            state, local = LAYERS.draw_start(rng), self._weather(1, rng)[0]
        years = len(forcing(scenario).year)
        states = LAYERS.run(np.zeros(years), LAYERS.draw(years, rng), state)[1:]
        weather = np.sqrt(1 - _MEMORY**2) * self._weather(years, rng)
        for year in range(years):
            local = weather[year] = weather[year] + _MEMORY * local
        return states, weather

    def autocovariance(self, lags: int) -> np.ndarray:
        """(lags,) K^2 of a cell's noise by years apart, mean over the area."""
        globally = (self.patterns["variability"] ** 2) @ self.weight * LAYERS.autocovariance(lags)
        root = self._weather_root
        return globally + ((root**2).sum(axis=1) @ self.weight) * _MEMORY ** np.arange(lags)

    @functools.cached_property
    def _land(self) -> np.ndarray:
        """(cells,) 0 to 1: two round continents and a cap in the south, like no real ones."""
        away = [_apart(self.lat, self.lon, lat, lon) / _EARTH for lat, lon in ((45, 90), (10, 290), (-90, 0))]
        return sum(1 / (1 + np.exp((one - size) / 0.12)) for one, size in zip(away, (0.75, 0.55, 0.35), strict=True))

    @functools.cached_property
    def _weather_root(self) -> np.ndarray:
        """(cells, cells) a root of the covariance of local weather, whose area mean is 0."""
        apart = _apart(self.lat[:, None], self.lon[:, None], self.lat, self.lon)
        values, vectors = np.linalg.eigh(np.exp(-apart / _REACH))
        size = 0.3 + 0.8 * np.sin(np.deg2rad(self.lat)) ** 2 + 0.15 * self._land
        root = size[:, None] * vectors * np.sqrt(np.maximum(values, 0))
        return root - self.weight @ root

    def _weather(self, years: int, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal((years, len(self.lat))) @ self._weather_root.T

    def _hill(self, at: float, wide: float) -> np.ndarray:
        return np.exp(-(((self.lat - at) / wide) ** 2))


def forcing(scenario: str) -> Forcing:
    """What drives a scenario: historical 1850-2014, those named ssp 2015-2100, idealised ones 150 years from 1850.
    Raises UnknownName.
    """
    if scenario not in SCENARIOS:
        raise UnknownName("scenario", scenario, SCENARIOS)
    if scenario in _IDEALISED:
        year = FIRST + np.arange(IDEALISED_YEARS)
        doublings = (
            np.log2(1.01) * np.arange(1, IDEALISED_YEARS + 1) if scenario == "1pctCO2" else np.full(len(year), 2.0)
        )
        return Forcing(year, LAYERS.forcing_4co2 / 2 * doublings, np.zeros(len(year)), np.zeros(len(year)))
    year = np.arange(FIRST, BRANCH) if scenario == HISTORICAL else np.arange(BRANCH, LAST + 1)
    later = _SCENARIOS.get(scenario, ((), ()))
    points = _THEN if scenario == HISTORICAL else (*_THEN, *_LATER)
    gas = PchipInterpolator(points, (*_THEN_GAS, *later[0]))(year)
    aerosol = PchipInterpolator(points, (*_THEN_AEROSOL, *later[1]))(year)
    ashes = sum(np.where(year >= at, size * np.exp(-(year - float(at))), 0.0) for at, size in _ERUPTIONS.items())
    return Forcing(year, gas, aerosol, ashes)


@functools.cache
def _forced_state(scenario: str) -> np.ndarray:
    """(years, layers + 1) without noise, at the end of each year."""
    start = _forced_state(HISTORICAL)[-1] if scenario in _SCENARIOS else None
    return LAYERS.run(forcing(scenario).total, start=start)[1:]


def _apart(lat: np.ndarray, lon: np.ndarray, at_lat: np.ndarray, at_lon: np.ndarray) -> np.ndarray:
    """km along the surface."""
    a, b, turn = np.deg2rad(lat), np.deg2rad(at_lat), np.deg2rad(lon) - np.deg2rad(at_lon)
    half = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(turn / 2) ** 2
    return 2 * _EARTH * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
