"""A demo pool of a synthetic climate, in which everything is known that can be bought and judged."""

from pathlib import Path
from typing import ClassVar, Literal

from datasel_core.actions.add_pool import about_pool, add_pool
from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest, UnknownName
from datasel_core.pools.demo.mini_climate import HFDS, file_name, write_forcing, write_runs
from datasel_core.pools.persistence import pool_names
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace, checked_name
from datasel_core.workspace.locks import Lock

_KIND = "climate"


@task("mini_climate", version=1, title="Make a synthetic climate")
class MiniClimateDemo(Task):
    """Makes a demo pool of simulations of a synthetic climate: scenarios like the known ones, several members; beside
    temperature the heat that its ocean takes up.
    """

    words: ClassVar[tuple[str, ...]] = ("mini-climate",)
    cost: ClassVar[str] = "Seconds."

    name: str = Field("mini-climate", description="What the pool is called.")
    scenarios: str = Field("", description="Which scenarios, with commas between; all of them by default.")
    members: int = Field(3, ge=1, le=50, description="Simulations of each scenario, which differ in their weather.")
    rows: int = Field(12, ge=4, le=90, description="Of the grid, from pole to pole.")
    columns: int = Field(24, ge=4, le=180, description="Of the grid, around the Earth.")
    resolution: Literal["annual", "monthly"] = Field(
        "annual",
        description="Of temperature, means of years or of months. Months have a synthetic cycle of the year, the same "
        "in all years but that it weakens with warming, so that seasons can be judged; their files are twelve times as "
        "large.",
        json_schema_extra=spoken({"annual": "annual means", "monthly": "monthly means"}),
    )
    seed: int = Field(0, ge=0, description="Another seed, other weather; what is forced stays.")

    def prepare(self, workspace: Workspace) -> Work:
        from datasel_core.analysis.climate.mini_climate import SCENARIOS

        asked = [one.strip() for one in self.scenarios.split(",") if one.strip()] or list(SCENARIOS)
        for one in asked:
            if one not in SCENARIOS:
                raise UnknownName("scenario", one, SCENARIOS)
        folder = workspace.demo(f"{checked_name('pool', self.name)[:40]}-{key_of(self.spec())}")
        if self.name in pool_names(workspace) and not folder.exists():
            raise BadRequest(f"There is a pool called {self.name} already; choose another --name, or remove that one.")
        runs = [(one, member) for one in dict.fromkeys(asked) for member in range(1, self.members + 1)]
        return Work(self.own_folder(workspace), lambda progress: self._made(workspace, folder, runs, progress))

    def headline(self) -> str:
        return f"Making the synthetic climate {self.name}"

    def _made(self, workspace: Workspace, folder: Path, runs: list[tuple[str, int]], progress: Progress) -> Outcome:
        from datasel_core.analysis.climate.mini_climate import MiniClimate, forcing

        climate = MiniClimate(self.rows, self.columns)
        with Lock(folder).hold(progress.check):
            monthly = self.resolution == "monthly"
            lacking = [
                one
                for one in runs
                if not all(
                    (folder / name).exists() for name in (file_name(*one, monthly=monthly), file_name(*one, HFDS))
                )
            ]
            made = (climate.run(*one, self.seed, monthly) for one in lacking)
            write_runs(folder, made, len(lacking), climate.latitudes, climate.longitudes, progress)
            write_forcing(folder, {one: forcing(one) for one, _ in runs})
        pool = add_pool(workspace, self.name, str(folder), _KIND, progress=progress)
        said = f"{pool.name}: {len(runs)} simulations, {pool.n:,} years, all synthetic."
        return Outcome({"pool": pool.name}, about_pool(workspace, pool), [said], pool.about["notes"])
