"""What the simulated years of a selection cost, as whole runs, in slices, or from an archive."""

from typing import Any, ClassVar, Literal

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field, spoken
from datasel_core.costs import amounts
from datasel_core.costs.rates import Rate
from datasel_core.costs.simulations import document, examples
from datasel_core.costs.simulations.price import Price, Rates, price
from datasel_core.costs.simulations.purchase import Year, bought
from datasel_core.errors import BadRequest
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog.names import find_folder
from datasel_core.workspace.layout import Workspace

EXAMPLE = "example"
"""What stands for the rate of the literature."""
_COLUMNS = ("scenario", "member", "year")


@task("simulations", version=1, title="Price simulations")
class PriceSimulations(Task):
    """Simulated years, core-hours, storage and money of the years that a selection keeps. Scattered years are priced as
    whole runs, unless slices or an archive are said to be had.
    """

    cost: ClassVar[str] = "A moment."

    run: str = Field(description="A kept selection of simulated years: folder, key, name.", json_schema_extra=ARGUMENT)
    purchase: Literal["run", "time_slice", "archive"] = Field(
        "run",
        description="What can be bought: whole runs from where they branch, slices of time, or years of an archive.",
        json_schema_extra=spoken(
            {"run": "whole runs", "time_slice": "slices of time", "archive": "years of an archive"}
        ),
    )
    core_hours: str | None = Field(
        None, description="Core-hours of a year, or a range such as 1500-2500; `example` takes one from the literature."
    )
    storage: str | None = Field(None, description="Terabytes of a stored year, or a range; `example` as above.")
    core_hour_price: str | None = Field(None, description="Price of a core-hour, or a range.")
    terabyte_price: str | None = Field(None, description="Price of a stored terabyte, or a range.")
    currency: str = Field("", description="What money is called, such as EUR.")
    spin_up: int = Field(0, ge=0, description="Years simulated before each start from nothing, and thrown away.")
    restarts: Literal["there", "none"] = Field(
        "there",
        description="Whether there are restart files at the branch points; else past runs are simulated, too.",
        json_schema_extra=spoken({"there": "restart files are there", "none": "no restart files"}),
    )

    def prepare(self, workspace: Workspace) -> Work:
        folder = find_folder(workspace, self.run)
        said = manifest.signed(folder)
        pool = load_pool(workspace, said["pool"]["name"])
        if said["pool"]["fingerprint"] != pool.fingerprint:
            raise BadRequest(f"{self.run} was chosen from {pool.name} as it was once; choose anew from what it is now.")
        found = self.price_of(pool, manifest.kept_table(folder)["id"].to_pylist())
        return Work(self.own_folder(workspace), lambda _: _outcome(found, pool))

    def headline(self) -> str:
        return f"Pricing the simulations of {self.run}"

    def price_of(self, pool: Pool, ids: list[str]) -> Price:
        """Of these samples of a pool of simulations. Raises BadRequest."""
        begins, parents = branches(pool)
        found = bought(years_of(pool, ids), self.purchase, begins, self.spin_up, self.restarts, parents)
        return price(found, self.rates())

    def rates(self) -> Rates:
        return rates_of(self.core_hours, self.storage, self.core_hour_price, self.terabyte_price, self.currency)


def rates_of(
    core_hours: str | None, storage: str | None, core_hour_price: str | None, terabyte_price: str | None, currency: str
) -> Rates:
    """As the options say them. Raises BadParameter."""
    return Rates(
        _rate("number of core-hours", core_hours, examples.CORE_HOURS),
        _rate("number of terabytes", storage, examples.TERABYTES),
        _rate("price of a core-hour", core_hour_price),
        _rate("price of a terabyte", terabyte_price),
        currency.strip(),
    )


def years_of(pool: Pool, ids: list[str]) -> list[Year]:
    """Scenario, member and year of these samples. Raises BadRequest where the pool has no simulated years."""
    missing = [name for name in _COLUMNS if name not in pool.columns]
    if missing:
        raise BadRequest(
            f"{pool.name} has no column {missing[0]}, so its samples are no simulated years; `plan` prices labels."
        )
    columns = [pool.column(name)[pool.rows(ids)].tolist() for name in _COLUMNS]
    return [(scenario, member, int(year)) for scenario, member, year in zip(*columns, strict=True)]


def branches(pool: Pool) -> tuple[dict[str, int], dict[str, str]]:
    """Run -> its first year in the pool, where it branched; and run -> the historical run of its member, for those that
    begin later than that one.
    """
    begins: dict[str, int] = {}
    for scenario, member, year in years_of(pool, pool.ids.tolist()):
        begins[f"{scenario}/{member}"] = min(year, begins.get(f"{scenario}/{member}", year))
    past = {run: f"historical/{run.split('/', 1)[1]}" for run in begins}
    return begins, {run: one for run, one in past.items() if one in begins and begins[one] < begins[run]}


def _rate(what: str, said: str | None, example: Rate | None = None) -> Rate | None:
    if said is None or (said == EXAMPLE and example is not None):
        return None if said is None else example
    low, high = amounts.span(what, said)
    ends: dict[str, Any] = {} if low == high else {"low": low, "high": high}
    return Rate((low + high) / 2, **ends, source="as given")


def _outcome(found: Price, pool: Pool) -> Outcome:
    said = {"pool": pool.name, **document.plain(found)}
    return Outcome(said, lines=document.lines(found), notes=document.notes(found))
