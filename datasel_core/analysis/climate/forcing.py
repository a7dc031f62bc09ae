"""Radiative forcing of scenarios from a table, and the global-mean temperature that an energy balance makes of it.

The balance is the impulse response of two layers: T(t) = c + sum_k r_k x_k(t), x_k forcing that relaxes with time scale
tau_k, exact for forcing that is constant within a year, and averaged over it (Geoffroy et al. 2013,
https://doi.org/10.1175/JCLI-D-12-00195.1). The time scales are those of Millar et al. 2017,
https://doi.org/10.5194/acp-17-7213-2017, table 1; r_k >= 0 and c follow by least squares from years that are known.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadInput

TIME_SCALES = (4.1, 239.0)
"""Years."""
VOLCANIC, PER_DEPTH = "volcanic", 20.0
"""The agent of eruptions, and W m-2 that one unit of stratospheric aerosol depth takes away: Forster et al. 2021,
https://doi.org/10.1017/9781009157896.009, section 7.3.4.6.
"""
PAST = "historical"
HOW_TO_BRING = "a CSV with the columns scenario, year, and one for each agent in W m-2, such as co2 and aerosol"


@dataclass(frozen=True)
class Forcing:
    """agents: names. of: scenario -> year -> (agents,) W m-2."""

    agents: tuple[str, ...]
    of: Mapping[str, Mapping[int, np.ndarray]]

    def at(self, scenario: Sequence[str], year: Sequence[int]) -> np.ndarray:
        """(n, agents) of these years. Raises BadInput where one is not in the table."""
        found = []
        for name, one in zip(map(str, scenario), map(int, year), strict=True):
            known = self.of.get(name)
            if known is None or one not in known:
                there = ", ".join(sorted(self.of)) if known is None else f"{name} from {min(known)} to {max(known)}"
                raise BadInput(f"The table of forcing has no {name} of {one}; it has {there}.")
            found.append(known[one])
        return np.array(found)

    def depth(self, scenario: Sequence[str], year: Sequence[int]) -> np.ndarray:
        """(n,) stratospheric aerosol depth of these years above that of the clearest year of the table, from the
        forcing by volcanoes. Raises BadInput where there is no column of it, or no eruption in these years.
        """
        if VOLCANIC not in self.agents:
            raise BadInput(f"The table of forcing has no column {VOLCANIC}; it has {', '.join(self.agents)}.")
        at = self.agents.index(VOLCANIC)
        clearest = max(float(one[at]) for years in self.of.values() for one in years.values())
        found = (clearest - self.at(scenario, year)[:, at]) / PER_DEPTH
        if not found.any():
            raise BadInput(f"The table of forcing has no eruption in these years: {VOLCANIC} is the same in all.")
        return found

    def relaxed(self, scenario: Sequence[str], year: Sequence[int]) -> np.ndarray:
        """(n, time scales) W m-2: the sum of all agents, relaxed from the first year of the past on; where a scenario
        begins after it, the past comes first. Raises BadInput.
        """
        names, wanted = np.asarray(scenario).astype(str), np.asarray(year, np.int64)
        self.at(names, wanted)
        found = np.empty((len(wanted), len(TIME_SCALES)))
        for name in np.unique(names):
            years, total = self._whole(name)
            rows = np.flatnonzero(names == name)
            found[rows] = _relaxed(total)[np.searchsorted(years, wanted[rows])]
        return found

    def _whole(self, scenario: str) -> tuple[np.ndarray, np.ndarray]:
        """Consecutive years and the sum of all agents."""
        own = self.of[scenario]
        before = {} if scenario == PAST else {at: one for at, one in self.of.get(PAST, {}).items() if at < min(own)}
        whole = {**before, **own}
        years = np.array(sorted(whole))
        if (np.diff(years) != 1).any():
            gap = years[:-1][np.diff(years) != 1][0] + 1
            raise BadInput(f"The forcing of {scenario} lacks {gap}; an energy balance needs every year.")
        return years, np.array([whole[at].sum() for at in years.tolist()])


@dataclass(frozen=True)
class Response:
    """constant: K. per: (time scales,) K per W m-2, at least 0."""

    constant: float
    per: np.ndarray

    @classmethod
    def fit(cls, forcing: Forcing, scenario: Sequence[str], year: Sequence[int], gmst: np.ndarray) -> "Response":
        """To years whose temperature is known. Raises BadInput."""
        from scipy.optimize import nnls

        relaxed, gmst = forcing.relaxed(scenario, year), np.asarray(gmst, np.float64)
        if len(gmst) < len(TIME_SCALES) + 1:
            raise BadInput(f"{len(gmst)} years are too few to fit an energy balance; it takes {len(TIME_SCALES) + 1}.")
        ones = np.ones((len(gmst), 1))
        found, _ = nnls(np.hstack([ones, -ones, relaxed]), gmst)
        return cls(float(found[0] - found[1]), found[2:])

    def gmst(self, forcing: Forcing, scenario: Sequence[str], year: Sequence[int]) -> np.ndarray:
        """(n,) K, on the baseline of what it was fitted to. Raises BadInput."""
        return self.constant + forcing.relaxed(scenario, year) @ self.per


def read(text: str) -> Forcing:
    """A table of forcing. Raises BadInput, which says what it must be."""
    lines = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    header = [one.strip() for one in next(lines, [])]
    agents = [one for one in header if one not in ("scenario", "year")]
    if not {"scenario", "year"} <= set(header) or not agents or len(set(header)) < len(header):
        raise BadInput(f"The table of forcing has the columns {', '.join(header) or 'none'}; give {HOW_TO_BRING}.")
    of: dict[str, dict[int, np.ndarray]] = {}
    for at, line in enumerate(lines, 2):
        if not any(one.strip() for one in line):
            continue
        try:
            said = dict(zip(header, line, strict=True))
            scenario, year = said["scenario"].strip(), int(said["year"])
            values = np.array([float(said[one]) for one in agents])
        except ValueError:
            raise BadInput(f"Line {at} of the table of forcing is no {', '.join(header)}; give numbers.") from None
        if not (scenario and np.isfinite(values).all()) or year in of.get(scenario, {}):
            raise BadInput(f"Line {at} of the table of forcing repeats {scenario} {year}, or is not finite.")
        of.setdefault(scenario, {})[year] = values
    if not of:
        raise BadInput(f"The table of forcing has no line; give {HOW_TO_BRING}.")
    return Forcing(tuple(agents), of)


def _relaxed(total: np.ndarray) -> np.ndarray:
    """(years, time scales) means of each year. total: (years,) constant within each."""
    found = np.empty((len(total), len(TIME_SCALES)))
    for at, scale in enumerate(TIME_SCALES):
        state, left = 0.0, math.exp(-1 / scale)
        for year, now in enumerate(total):
            found[year, at] = now + (state - now) * scale * (1 - left)
            state = now + (state - now) * left
    return found
