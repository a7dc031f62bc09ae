"""What labelling will cost and when it is done, before anybody pays for it."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from datasel_core.actions.task import Outcome, Task, Work, task
from datasel_core.base.declare import ARGUMENT, Field
from datasel_core.base.registry import find
from datasel_core.costs import amounts, document, kept, pilot
from datasel_core.costs.campaign import LEVEL, Campaign
from datasel_core.costs.kept import Kept
from datasel_core.costs.plan import Plan, plan
from datasel_core.costs.rates import Rate
from datasel_core.costs.tables import table as tables
from datasel_core.errors import BadParameter, BadRequest
from datasel_core.methods.selection import granted
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog.names import find_folder
from datasel_core.workspace.layout import Workspace

PILOT = "pilot"
"""The rate that stands for the newest pilot of the pool."""


@task("plan", version=1, title="Plan labelling")
class PlanLabels(Task):
    """Hours, money, people and a finish date of labelling, each with an interval; nothing that was not asked for."""

    cost: ClassVar[str] = "A moment."

    pool: str = Field(description="The pool.", json_schema_extra=ARGUMENT)
    method: str | None = Field(None, description="The method that will choose: one of {method}.")
    run: str | None = Field(None, description="A kept selection (folder, key, name), instead of --budget.")
    budget: str | None = Field(None, description="How many are labelled: a count, or a share such as 10%.")
    seconds: str | None = Field(None, description="Seconds for one label, or a range such as 7-35.")
    seconds_spread: str | None = Field(None, description="Standard deviation of the seconds from label to label.")
    labels_per_item: str | None = Field(None, description="Labels for one item, or a range; 1 by default.")
    labels_spread: str | None = Field(None, description="Standard deviation of the labels from item to item.")
    rate: str | None = Field(None, description="A rate of a table (`rates` lists them), or `pilot`: the newest pilot.")
    price: str | None = Field(None, description="Price of one label, or a range, instead of a time and a wage.")
    minimum_order: int = Field(0, description="How many labels are paid at least.")
    wage: str | None = Field(None, description="Wage for an hour.")
    currency: str = Field("", description="What money is called, such as EUR.")
    passes: int = Field(1, description="How often each item is labelled.")
    adjudicated: str = Field("0%", description="Share of items whose labels disagree and that one more person decides.")
    adjudication_seconds: str = Field("0", description="Seconds for one such decision.")
    gold: str = Field("0%", description="Items with known labels put between the others, as a share of these.")
    review: str = Field("0%", description="Share of items that are looked at once more.")
    review_seconds: str = Field("0", description="Seconds for looking at one item once more.")
    people: int = Field(1, description="How many people label.")
    hours_a_day: str = Field("8", description="Hours that each of them labels on a day.")
    days_a_week: int = Field(5, description="Working days of a week, from Monday on.")
    start: str | None = Field(None, description="The first day, year-month-day; without it no finish date is said.")
    deadline: str | None = Field(None, description="The day by which it must be done; says how many people that takes.")
    level: str = Field(str(LEVEL), description="Share of such campaigns that the intervals hold.")

    def prepare(self, workspace: Workspace) -> Work:
        pool = load_pool(workspace, self.pool)
        campaign = self.campaign(workspace, pool)
        if campaign.wage is None and campaign.price is None:
            raise BadParameter("The wage is missing: say it per hour with --wage, or a price per label with --price.")
        found = plan(campaign)
        said = [*kept.damaged(workspace, "plan"), *(kept.damaged(workspace, "pilot") if self.rate == PILOT else [])]
        return Work(
            self.own_folder(workspace),
            lambda _: _outcome(keep(workspace, pool, found, self.asked()), found, pool),
            said,
        )

    def headline(self) -> str:
        return f"Planning labels of {self.pool}"

    def asked(self) -> dict[str, Any]:
        """What it is a plan for."""
        return {name: value for name in ("method", "run", "budget") if (value := getattr(self, name)) is not None}

    def campaign(self, workspace: Workspace, pool: Pool) -> Campaign:
        """All of it as a declaration. Raises BadRequest in one line."""
        if self.method is not None:
            find("method", self.method)
        return Campaign(
            items=self._items(workspace, pool),
            **self._rates(workspace, pool),
            minimum=self.minimum_order,
            wage=None if self.wage is None else amounts.positive("wage", self.wage),
            currency=self.currency.strip(),
            passes=self.passes,
            adjudicated=amounts.share("adjudicated share", self.adjudicated),
            adjudication_seconds=float(amounts.not_negative("adjudication seconds", self.adjudication_seconds)),
            gold=amounts.share("gold share", self.gold),
            review=amounts.share("review share", self.review),
            review_seconds=float(amounts.not_negative("review seconds", self.review_seconds)),
            people=self.people,
            hours_a_day=float(amounts.positive("hours a day", self.hours_a_day)),
            days_a_week=self.days_a_week,
            start=_day("start", self.start),
            deadline=_day("deadline", self.deadline),
            level=amounts.share("level", self.level),
        )

    def _items(self, workspace: Workspace, pool: Pool) -> int:
        if (self.run is None) == (self.budget is None):
            raise BadRequest("Say how many are labelled, once: --budget 100 or 10%, or --run of a kept selection.")
        if self.budget is not None:
            return granted(self.budget, holdout.n_candidates(pool))
        said = manifest.signed(find_folder(workspace, self.run))
        if said["pool"]["fingerprint"] != pool.fingerprint:
            raise BadRequest(f"{self.run} was chosen from {said['pool']['name']}, not from {pool.name} as it is now.")
        return manifest.counts(said).new

    def _rates(self, workspace: Workspace, pool: Pool) -> dict[str, Any]:
        """labels, seconds, per and price of the campaign."""
        labels = _labels(self.labels_per_item, self.labels_spread)
        found = {"labels": labels, "seconds": _given("number of seconds", self.seconds, self.seconds_spread)}
        found["price"] = _given("price", self.price, None)
        if self.rate is not None:
            _take(found, self._rate(workspace, pool), self.labels_per_item is None)
        if found["seconds"] is None and found["price"] is None:
            raise BadRequest(
                "Nothing says how long a label takes: --seconds 10 or 7-35, --price .04, or --rate examples/box "
                "(the command rates lists them)."
            )
        return found

    def _rate(self, workspace: Workspace, pool: Pool) -> dict[str, Any]:
        if self.rate != PILOT:
            line = tables.find(workspace, self.rate)
            return {"price": line.rate()} if line.of == "price" else {"seconds": line.rate(), "per": line.of}
        timed = pilot.newest(workspace, pool)
        if timed is None:
            raise BadRequest(
                f"{pool.name} has no pilot yet; draw one and bring its times back: "
                f"python -m datasel_core pilot {pool.name}"
            )
        return {"seconds": timed.seconds, "per": "item", "labels": timed.objects}


def _take(found: dict[str, Any], rate: Mapping[str, Any], takes_labels: bool) -> None:
    """Fills what a rate says into what was given. Raises BadRequest where both say the same."""
    for name, value in rate.items():
        if name in ("seconds", "price") and found[name] is not None:
            raise BadRequest(f"--{name} and --rate both say what a label takes; give one of them.")
        if value is not None and (name != "labels" or takes_labels):
            found[name] = value


def _labels(said: str | None, spread: str | None) -> Rate:
    """One for each item where nothing else is said."""
    return _given("number of labels per item", said, spread) or Rate(1)


def _given(what: str, said: str | None, spread: str | None) -> Rate | None:
    """A number or a range, as a person typed it."""
    if said is None:
        if spread is not None:
            raise BadRequest(f"Without a {what} its spread says nothing; give both.")
        return None
    low, high = amounts.span(what, said)
    apart = 0.0 if spread is None else float(amounts.not_negative(f"spread of the {what}", spread))
    ends = (None, None) if low == high else (low, high)
    return Rate((low + high) / 2, apart, 0, *ends, source="as given")


def _day(what: str, said: str | None) -> date | None:
    return None if not said else amounts.day(what, said)


def keep(workspace: Workspace, pool: Pool, found: Plan, asked: Mapping[str, Any], before: Kept | None = None) -> Kept:
    """Keeps a plan. asked: what it is for. before: the plan that it was made again from."""
    said = {"asked": dict(asked), "campaign": found.campaign.plain(), "plan": document.plain(found)}
    return kept.keep(workspace, "plan", pool, {**said, "before": None if before is None else before.key})


def again(workspace: Workspace, pool: Pool, changes: Mapping[str, Any], before: Kept) -> tuple[Kept, Plan]:
    """An earlier plan with other rates, kept beside it. changes: seconds and objects, as `Campaign.measured` takes."""
    found = plan(Campaign.of(before.said["campaign"]).measured(**changes))
    return keep(workspace, pool, found, before.said["asked"], before), found


def unit(campaign: Campaign, pool: Pool) -> str:
    """`50 samples of photos`."""
    return f"{campaign.items:,} {'sample' if campaign.items == 1 else 'samples'} of {pool.name}"


def _outcome(one: Kept, found: Plan, pool: Pool) -> Outcome:
    said = {"plan": one.key, "created_utc": one.created, "pool": pool.name, "method": None, **one.said["asked"]}
    said = {**said, **document.plain(found), "budget": found.campaign.items}
    return Outcome(said, lines=document.lines(found, unit(found.campaign, pool)), notes=document.notes(found))
