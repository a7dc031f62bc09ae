"""A mixed recipe asked of a pool: each share's picks come from its own method, asked as a normal question.

A share chooses after those that were declared before it; what they took counts as chosen for it. Where a quota stands
against some of its picks, it is asked again, for more, among what it may still take.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, BadRequest, Failed
from datasel_core.methods.selection import granted
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs import manifest
from datasel_core.runs.candidates import Earlier
from datasel_core.runs.engine import answer
from datasel_core.runs.mixtures.ledgers import Count, Purse, ledger
from datasel_core.runs.mixtures.limits import quotas_of, weights_of
from datasel_core.runs.mixtures.mixing import Mixing, Ranked
from datasel_core.runs.mixtures.recipe import Recipe
from datasel_core.runs.mixtures.room import Quotas
from datasel_core.runs.mixtures.things import Things, gather
from datasel_core.runs.question import Question, resolve
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Asked:
    """A recipe, resolved and found possible. questions: one per share, of which only the budget is still to be said.
    budget: in what the recipe counts. requested: as it was asked for.
    """

    workspace: Workspace
    pool: Pool
    recipe: Recipe
    questions: Sequence[Question]
    things: Things
    quotas: Quotas
    budget: int
    requested: str
    seed: int

    def ledger(self) -> Count | Purse:
        groups, bins = self.things.groups.of, self.things.bins.of
        return ledger(groups, bins, self.things.size, self.quotas, self.budget, self.recipe.is_purse)

    def what(self) -> dict[str, Any]:
        """All that decides the answer."""
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "questions": [question.open() for question in self.questions],
            "budget": self.budget,
        }


@dataclass(frozen=True)
class Brought:
    """One turn of one share: its runs, its order of preference as things, and the row that stands for each. short: why
    its method could not bring all that was its own; empty where it did.
    """

    share: int
    runs: list[Run]
    order: Ranked
    rows: np.ndarray
    short: str = ""


def ask(
    workspace: Workspace,
    pool: str,
    recipe: Recipe,
    budget: str,
    seed: int = 0,
    already: str | None = None,
    within: str | None = None,
    where: str | None = None,
) -> Asked:
    """already, within, where: as of a question, for every share. Raises BadRequest, in one line, before anything is
    written; where the recipe is impossible, with the budget that would be possible.
    """
    opened = load_pool(workspace, pool)
    asked = {"pool": pool, "budget": "1", "seed": seed, "already": already, "within": within, "where": where}
    questions = [
        resolve(workspace, Spec(**share.model_dump(exclude={"percent"}), **asked), opened) for share in recipe.shares
    ]
    rows = questions[0].candidates.free
    for question in questions[1:]:
        rows = np.intersect1d(rows, question.candidates.free)
    if not len(rows):
        raise BadRequest(f"No sample of {pool} can be chosen by every share; a method may lack its feature for them.")
    things = gather(opened, recipe, rows, questions[0].earlier)
    n = len(things.size) if recipe.counted == "units" else len(rows)
    count = granted(budget, questions[0].n if recipe.counted == "samples" else n, max(n, _count(budget)))
    quotas = quotas_of(things, recipe, count, weights_of(opened, recipe, things))
    return Asked(workspace, opened, recipe, questions, things, quotas, count, str(budget), seed)


def _count(budget: str) -> int:
    """A budget that is a count may be any: what is possible is said with the quotas."""
    return int(budget) if str(budget).strip().isdigit() and len(str(budget)) < 18 else 0


def bring(asked: Asked, progress: Progress) -> tuple[Mixing, list[Brought]]:
    """Lets each share choose in its turn, and the others where one falls short. Raises BadParameter where all do;
    Stopped, Failed.
    """
    mixing = Mixing(asked.ledger(), [share.exact for share in asked.recipe.shares])
    found = take(asked, mixing, progress)
    left = mixing.missing(len(asked.questions) - 1)
    if left > 0 and not asked.recipe.is_purse:
        short = next(one.short for one in found if one.short)
        raise BadParameter(f"The shares bring {asked.budget - left:,} of {asked.budget:,} and no more: {short}")
    return mixing, found


def take(asked: Asked, mixing: Mixing, progress: Progress) -> list[Brought]:
    """The same in a choice that may have begun; where all fall short, what they could bring."""
    n = len(asked.questions)
    found = [_brought(asked, mixing, at, at, progress) for at in progress.over(range(n), n, "shares")]
    if any(one.short for one in found):
        for share in [at for at in range(n) if not found[at].short]:
            if mixing.missing(n - 1) > 0:
                found.append(_brought(asked, mixing, share, n - 1, progress))
    return found


def _brought(asked: Asked, mixing: Mixing, share: int, within: int, progress: Progress) -> Brought:
    """within: the share up to which may be spent."""
    every, runs, orders, rows = asked.things.of(np.arange(len(asked.things.size))), [], [], []
    many, short = mixing.missing(within), ""
    for _ in range(2 * len(every.thing)):  # each time it takes one thing at least, or asks for half as many
        open = asked.things.rows[mixing.open(within, every)[asked.things.thing]]
        many = min(many, len(open))
        if mixing.missing(within) <= 0 or not many:
            break
        try:
            run = _run(asked, mixing, share, open, many, progress)
        except BadParameter as error:  # the method has no more candidates: as many as it has
            many, short = many // 2, f"{asked.recipe.shares[share].method}: {error}"
            continue
        order, first = asked.things.ranked(run.selection.rows)
        if not len(mixing.walk(share, order, within)):
            raise Failed(f"Share {share + 1} was given what it may take and took nothing; please report it.")
        runs.append(run)
        orders.append(order)
        rows.append(run.selection.rows[first])
        many = many if short else 2 * many
    lacks = short if mixing.missing(within) > 0 else ""
    return Brought(share, runs, _joined(orders), np.concatenate([np.empty(0, np.int64), *rows]), lacks)


def _joined(orders: Sequence[Ranked]) -> Ranked:
    none = np.empty(0, np.int64)
    return Ranked(
        *(np.concatenate([none, *(getattr(one, name) for one in orders)]) for name in ("thing", "cell", "size"))
    )


def _run(asked: Asked, mixing: Mixing, share: int, open: np.ndarray, many: int, progress: Progress) -> Run:
    """The share's method, asked for so many among what it may take, after what was taken."""
    question = asked.questions[share]
    taken = asked.things.rows[np.isin(asked.things.thing, list(mixing.taken))]
    within, already = question.within, question.already
    if len(np.setdiff1d(question.candidates.free, taken)) > len(open):
        within = _listed(asked.pool, open, {})
    if len(taken):
        before = [] if already is None else already.ids
        of = {} if already is None else {"of": already.about.get("of", [already.about["ids_sha256"]])}
        already = _listed(asked.pool, taken, of, before)
    now = {"within": within, "already": already}
    changed = {name: one for name, one in now.items() if one is not getattr(question, name)}
    spec = question.spec.model_copy(update={"budget": str(many), **dict.fromkeys(changed, "")})
    key = dataclasses.replace(question, spec=spec, **now).key
    lists = {name: dataclasses.replace(one, called=f"{key}/{name}.parquet") for name, one in changed.items()}
    spec = spec.model_copy(update={name: one.called for name, one in lists.items()})
    return answer(dataclasses.replace(question, spec=spec, **{**now, **lists}).check(), progress, preview=True)


def _listed(pool: Pool, rows: np.ndarray, more: dict[str, Any], before: Sequence[str] = ()) -> Earlier:
    ids = list(dict.fromkeys([*before, *pool.ids[rows].tolist()]))
    return Earlier(ids, {"ids_sha256": manifest.ids_sha256(ids), "n": len(ids), **more}, "")
