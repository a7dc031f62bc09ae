"""What the next round is to be: it proposes itself from the plan, and from what failed in the last."""

from dataclasses import dataclass
from typing import Any

from datasel_core.base.registry import find
from datasel_core.rounds.effort import Effort, planned
from datasel_core.rounds.project import Project
from datasel_core.rounds.stop import State, reasons
from datasel_core.runs.mixtures.recipe import Recipe, Share

_PERCENT, LIKE = 30, "nearest_targets"
"""How much of a round follows failures where the plan names no share for them, and by which method: one that has a
choice for any budget and at any scale of distances.
"""


@dataclass(frozen=True)
class Proposal:
    """at: from 1. failures: the pool that it follows, and how many there are, 0 where nobody said."""

    at: int
    of: int
    budget: int
    recipe: Recipe
    planned: Effort
    failures: str | None = None
    n_failures: int = 0

    def words(self) -> str:
        """`Round 3 of 5: 50 more, 70 % Facility location, 30 % like the 18 failures`."""
        shares = []
        for share in self.recipe.shares:
            like = self.failures is not None and share.target == self.failures
            many = f"{self.n_failures:,} " if self.n_failures else ""
            shares.append(
                f"{share.percent:g} % {f'like the {many}failures' if like else share.words().split(' % ')[1]}"
            )
        more = "more" if self.at > 1 else "to begin with"
        return f"Round {self.at} of {self.of}: {self.budget:,} {more}, {', '.join(shares)}"


def propose(project: Project, failures: str | None = None, n_failures: int = 0) -> Proposal | None:
    """The next round; None where one is open, or the budget is spent. failures: a pool of what fails now; as the last
    round said it, where nothing is said here.
    """
    if project.is_open or project.left <= 0:
        return None
    at = len(project.rounds) + 1
    last = project.rounds[-1] if project.rounds else None
    if failures is None and last is not None:
        failures, n_failures = last.failures, last.failed or 0
    share = project.plan.budgets[at - 1] if at <= len(project.plan.budgets) else project.left
    budget = min(share, project.left)
    recipe = towards(project.plan.recipe, failures)
    of = max(at, len(project.plan.budgets))
    return Proposal(at, of, budget, recipe, planned(project.plan.price, budget), failures, n_failures)


def towards(recipe: Recipe, failures: str | None) -> Recipe:
    """The recipe of a round that follows failures: its shares that choose towards a target take them for it; where it
    has none, the others give a part to `LIKE`. Without failures, shares without a target give theirs to the others.
    """
    needy = [bool(find("method", share.method).needs_target) for share in recipe.shares]
    if failures is None:
        return _without(
            recipe, [not (needs and share.target is None) for needs, share in zip(needy, recipe.shares, strict=True)]
        )
    if any(needy):
        aimed = [_aimed(share, failures) if needs else share for share, needs in zip(recipe.shares, needy, strict=True)]
        return recipe.model_copy(update={"shares": aimed})
    rest = [_scaled(share, share.percent * (100 - _PERCENT) / 100) for share in recipe.shares]
    like = Share(percent=100 - sum(share.percent for share in rest), method=LIKE, target=failures)
    return recipe.model_copy(update={"shares": [*rest, like]})


def _without(recipe: Recipe, stays: list[bool]) -> Recipe:
    """Only these shares, as large to one another as before; all, where none would be left: what lacks is said then."""
    kept = [share for share, stay in zip(recipe.shares, stays, strict=True) if stay]
    if not kept or len(kept) == len(recipe.shares):
        return recipe
    whole = sum(share.percent for share in kept)
    scaled = [_scaled(share, 100 * share.percent / whole) for share in kept[:-1]]
    last = _scaled(kept[-1], 100 - sum(share.percent for share in scaled))
    return recipe.model_copy(update={"shares": [*scaled, last]})


def _scaled(share: Share, percent: float) -> Share:
    return share.model_copy(update={"percent": round(percent, 6)})


def _aimed(share: Share, failures: str) -> Share:
    return share.model_copy(update={"target": failures})


def states(project: Project) -> list[State]:
    """What the stop rule looks at, of each finished round."""
    return [
        State(value=one.value, spent=_spent(project, one.actual), disputed=one.disputed)
        for one in project.rounds
        if one.actual is not None
    ]


def _spent(project: Project, actual: Effort) -> float:
    return float((actual.money or 0) if project.plan.price.is_known else actual.items)


def stops(project: Project) -> list[str]:
    """Why it is time to stop; empty while it goes on."""
    plan = project.plan
    return reasons(plan.stop, states(project), project.left, plan.price.currency, plan.price.is_known)


def document(project: Project) -> dict[str, Any]:
    """All that is known of a project, as plain data."""
    next_one = propose(project)
    return {
        "name": project.plan.name,
        "pool": project.plan.pool,
        "budget": {"items": project.budget, "bought": project.bought, "left": project.left},
        "rule": project.plan.stop.words(project.plan.price.currency, project.plan.price.is_known),
        "stop": stops(project),
        "rounds": [one.model_dump(mode="json") for one in project.rounds],
        "next": next_one
        and {
            "at": next_one.at,
            "budget": next_one.budget,
            "recipe": next_one.recipe.model_dump(mode="json"),
            "planned": next_one.planned.model_dump(mode="json"),
            "words": next_one.words(),
        },
    }
