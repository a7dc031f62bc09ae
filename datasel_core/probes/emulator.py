"""Emulator probe: how well an emulator of climate, fitted to the kept years, tells a scenario that it never saw."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from datasel_core.analysis.climate import forcing
from datasel_core.analysis.climate.emulators.driver import DRIVERS, TRUE, Years, driver, predicted
from datasel_core.analysis.climate.emulators.kinds import KINDS, Question, kind
from datasel_core.analysis.climate.emulators.training import WEIGHTINGS, Training
from datasel_core.analysis.climate.forcing import Forcing
from datasel_core.analysis.climate.scores.errors import errors
from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.readers.climate.grid import GRID, Grid
from datasel_core.pools.readers.climate.scan import TEMPERATURE
from datasel_core.probes.probe import Probe, probe
from datasel_core.workspace.files import read_text
from datasel_core.workspace.hashing import hash_file

_FIELD, _GMST, _RUN, _YEAR, _GROUP = "field", "gmst", "run", "year", "group"


@probe("emulator", version=1, title="Emulator probe")
class EmulatorProbe(Probe):
    """An emulator is fitted to the kept years and tells the fields of held-out ones, which must be of scenarios that
    are not trained on: whole scenarios are held out, or the target is a pool of its own. What methods chose towards is
    the reference, a third scenario: the error on it proves nothing.

    Errors are means over the area (Watson-Parris et al. 2022, https://doi.org/10.1029/2021MS002954).
    """

    needs: ClassVar = (_FIELD, _GMST, _RUN, _YEAR)
    wants: ClassVar = (_GROUP,)
    knows: ClassVar = (_FIELD,)
    elsewhere: ClassVar = True
    higher_is_better: ClassVar = False

    kind: Literal["pattern_scaling", "gaussian_process", "cnn", "variability"] = Field(
        "pattern_scaling",
        description="Which emulator is fitted to the kept years.",
        json_schema_extra=spoken({name: one.title for name, one in KINDS.items()}),
    )
    driver: Literal["gmst", "emulated", "forcing"] = Field(
        TRUE,
        description="What it is told of the years that it tells.",
        json_schema_extra=spoken(DRIVERS),
    )
    forcing: str = Field("", description=f"Table of forcing, where the driver is made of it: {forcing.HOW_TO_BRING}.")
    weighting: Literal["years", "scenarios", "scenario_years"] = Field(
        "years",
        description="How scenarios are weighed against one another.",
        json_schema_extra=spoken(WEIGHTINGS),
    )
    seed: int = Field(0, ge=0, description="Of what begins at random, which is the network alone.")

    @property
    def each_is(self) -> str:
        return (
            f"mean squared error over the area of held-out years, by {KINDS[self.kind].title.lower()} fitted to the "
            f"kept years alone; driver: {DRIVERS[self.driver]}"
        )

    def files(self) -> tuple[str, ...]:
        return (self.forcing,) if self.forcing else ()

    def what(self) -> dict[str, Any]:
        """The table of forcing is what it holds, wherever it lies."""
        said, path = super().what(), Path(self.forcing).expanduser()
        return {**said, "forcing": hash_file(path)} if self.forcing and path.is_file() else said

    def judged(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        judges: Sequence[tuple[Mapping[str, Any], np.ndarray]],
        progress: Progress | None = None,
    ) -> list[np.ndarray]:
        """Of each judge (len(rows),) the mean over the area of the squared error of each year, in the square of the
        field's unit. The emulator is fitted once where its driver does not hang on the judge; the same fit serves all
        of them.
        """
        found = self._told(roles, train, judges, progress)
        return [_over_area((told - truth) ** 2, area) for truth, told, area, _ in found]

    def measure(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        test: np.ndarray,
        progress: Progress | None = None,
        elsewhere: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """RMSE and NRMSE of every run that is tested, over all of its years that are held out, and their means."""
        there = roles if elsewhere is None else elsewhere
        [(truth, told, area, run)] = self._told(roles, train, [(there, test)], progress)
        found = {str(one): errors(truth[run == one], told[run == one], area) for one in np.unique(run)}
        about = {"volcanoes": self._volcanoes(years(roles, train))} if kind(self.kind).runs else {}
        return {
            **about,
            "rmse": round(float(np.sqrt(_over_area((told - truth) ** 2, area).mean())), 6),
            "rmse_s": round(float(np.mean([one.rmse_s for one in found.values()])), 6),
            "rmse_g": round(float(np.mean([one.rmse_g for one in found.values()])), 6),
            "by_run": {name: {"rmse_s": one.rmse_s, "rmse_g": one.rmse_g} for name, one in found.items()},
            "driver": DRIVERS[self.driver],
            "weighting": WEIGHTINGS[self.weighting],
            "trained_on": len(train),
            "tested_on": len(test),
        }

    def _table(self) -> Forcing | None:
        return forcing.read(read_text(Path(self.forcing).expanduser())) if self.forcing else None

    def _volcanoes(self, learned: Years) -> str:
        return _depth(self._table(), learned)[1]

    def _told(
        self,
        roles: Mapping[str, Any],
        train: np.ndarray,
        judges: Sequence[tuple[Mapping[str, Any], np.ndarray]],
        progress: Progress | None,
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Of each judge: truth and what was told, (years, cells), shares of area, and scenario/run of each year."""
        if not len(train):
            raise BadRequest("Nothing was kept; an emulator is fitted to some years at least.")
        if not all(len(test) for _, test in judges):
            raise BadRequest("Nothing is held out: the whole pool was kept.")
        learned, grid, chosen = years(roles, train), _grid(roles), kind(self.kind)
        targets = [years(there, test) for there, test in judges]
        for (there, _), target in zip(judges, targets, strict=True):
            _check_alike(roles, there)
            _check_apart(learned, target)
        table = self._table()
        given = [driver(self.driver, learned, target, table) for target in targets]
        who = learned.scenario, learned.member, learned.year
        training = Training.of(learned.fields, given[0].training, grid.weight, *who)
        shape = grid.shape if grid.is_regular else None
        how = progress or Progress()
        depth = _depth(table, learned)[0] if chosen.runs else None
        emulator = chosen.fit(Question(training, grid.lat, grid.lon, shape, depth, self.weighting, self.seed, how))
        return [
            (target.fields, predicted(emulator, told.target, target.run, target.year), training.weight, target.run)
            for target, told in zip(targets, given, strict=True)
        ]


def years(roles: Mapping[str, Any], rows: np.ndarray) -> Years:
    """Rows of a pool, as an emulator takes them. The driver of temperature is the area mean of its own fields, so that
    what is exact stays exact: `gmst` is kept with fewer digits. Raises BadRequest.
    """
    if _GROUP not in roles:
        raise BadRequest("Nothing says which scenario a year is of; name that column with --use group=scenario.")
    grid, fields = _grid(roles), np.asarray(roles[_FIELD][rows], np.float64)
    by_field = _said(roles)["variable"] == TEMPERATURE
    gmst = grid.mean(fields) if by_field else np.asarray(roles[_GMST][rows], np.float64)
    scenario = np.asarray(roles[_GROUP])[rows].astype(str)
    run, year = (np.asarray(roles[role])[rows].astype(np.int64) for role in (_RUN, _YEAR))
    return Years(fields, gmst, scenario, run.astype(str), year)


def _depth(table: Forcing | None, learned: Years) -> tuple[np.ndarray | None, str]:
    """(years,) aerosol depth of eruptions, where the table of forcing has them; and what is to be said."""
    try:
        if table is None:
            raise BadInput("no table of forcing was given")
        return table.depth(learned.scenario, learned.year), "told by the volcanic forcing of the table"
    except BadInput as error:
        return None, f"left out: {error}"


def _over_area(values: np.ndarray, area: np.ndarray) -> np.ndarray:
    """(years,) means. values: (years, cells), NaN where a cell has no data, and no area."""
    return values[:, area > 0] @ area[area > 0]


def _said(roles: Mapping[str, Any]) -> Mapping[str, Any]:
    return roles["facts"][_FIELD][GRID]


def _grid(roles: Mapping[str, Any]) -> Grid:
    return Grid.of(_said(roles))


def _check_alike(roles: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    mine, its = _said(roles), _said(there)
    for what in ("variable", "baseline", "units"):
        if mine[what] != its[what]:
            raise BadRequest(
                f"The {what} of what is kept is {mine[what]}, of the target {its[what]}; both must be one."
            )
    if not _grid(roles).is_like(_grid(there)):
        raise BadRequest("What is kept and the target lie on different grids; remap the files to one first.")


def _check_apart(learned: Years, target: Years) -> None:
    """A scenario is no judge of what was fitted to it, whatever the member."""
    both = np.intersect1d(learned.scenario, target.scenario)
    if len(both):
        raise BadRequest(
            f"{both[0]} is both trained on and tested on, so the test proves nothing: hold out whole scenarios "
            "(holdout POOL --share 40% --by scenario), or test on a pool that was cut of one that is not kept."
        )
