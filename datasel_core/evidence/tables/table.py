"""A table of evidence: methods x budgets, each against random of the same seed and size on the pool's held-out set.

What is a mean over held-out samples has the law of `differences.paired`, classes met their own (`classes`). Words are
said of all cells together (Holm); random under other seeds stands among them as a method, of which nothing may be said.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from datasel_core.base.parallel import one_thread
from datasel_core.base.progress import Progress, Track
from datasel_core.errors import BadRequest
from datasel_core.evidence.classes import Classes, difference
from datasel_core.evidence.differences import Difference, by_group, paired, verdicts
from datasel_core.evidence.measures import Measure
from datasel_core.evidence.tables.choices import RANDOM, Choice, Choices, Entry
from datasel_core.evidence.tables.judges import Reference
from datasel_core.evidence.worth import FEWEST_DRAWS
from datasel_core.pools.holdout import SetAside
from datasel_core.pools.pool import Pool
from datasel_core.runs.question import Question
from datasel_core.workspace.hashing import ids_sha256, key_of

OTHER = 1_000_000
"""From this seed on, random is drawn once more: the negative control."""


@dataclass(frozen=True)
class Asked:
    """A table that was found to be right. entries: the methods, random not among them. random: as a question of the
    same samples. budgets: growing. measures: the main one first. references: what methods choose towards. allow_shared:
    whether these may have samples that are measured on.
    """

    pool: Pool
    aside: SetAside
    entries: Sequence[Entry]
    random: Question
    budgets: Sequence[int]
    seeds: int
    measures: Sequence[Measure]
    classes: Sequence[Classes]
    choices: Choices
    notes: Sequence[str] = ()
    references: Sequence[Reference] = ()
    allow_shared: bool = False

    @property
    def main(self) -> Measure:
        return self.measures[0]

    @property
    def draws(self) -> int:
        """How many random choices of each size are measured: enough for worth in random samples, unless each costs a
        training that opens samples.
        """
        dear = any(getattr(getattr(one, "probe", None), "opens", ()) for one in self.measures)
        return 2 * self.seeds if dear or len(self.budgets) < 2 else max(2 * self.seeds, FEWEST_DRAWS)

    def named(self) -> dict[str, Measure]:
        """Every measure by the name under which its values are kept."""
        found = {}
        for one in self.measures:
            held = ids_sha256(one.pool.ids[one.held.rows].tolist())
            found[f"{one.name}-{key_of({**one.what(), 'held': held})}"] = one
        return found


@dataclass(frozen=True)
class Sample:
    """What a method chose under several seeds. values: name of a measure -> (J, m) of the held-out samples."""

    choices: Sequence[Choice]
    values: Mapping[str, np.ndarray]

    @property
    def draws(self) -> bool:
        return any(one.draws for one in self.choices)

    def part(self, start: int, stop: int) -> "Sample":
        """Of some of the seeds."""
        return Sample(self.choices[start:stop], {name: one[start:stop] for name, one in self.values.items()})


@dataclass(frozen=True)
class Cell:
    """A method at a budget by one measure. kept: how many it kept, the mean over seeds."""

    method: str
    budget: int
    measure: str
    kept: float
    value: float
    random: float
    found: Difference
    verdict: str = ""


@dataclass(frozen=True)
class Table:
    """cells: of the main measure first, then of the others. samples: method, budget -> what was chosen and measured;
    RANDOM: every random choice of that size. unread: held-out samples that a measure could not read.
    """

    asked: Asked
    cells: Sequence[Cell]
    samples: Mapping[tuple[str, int], Sample]
    unread: Mapping[str, int] = field(default_factory=dict)

    def of(self, measure: str) -> list[Cell]:
        return [one for one in self.cells if one.measure == measure]


def compute(asked: Asked, progress: Progress) -> Table:
    """Chooses and measures what is not kept yet. Raises BadRequest, Stopped."""
    steps = len(asked.budgets) * (asked.draws + len(asked.entries) * asked.seeds)
    measured = _Measured(asked, progress, progress.track(steps, "choosing and measuring"))
    samples: dict[tuple[str, int], Sample] = {}
    others = range(OTHER, OTHER + asked.draws - asked.seeds)
    with one_thread():  # many small products
        for budget in asked.budgets:
            samples[RANDOM, budget] = measured.under(asked.random.at(budget), [*range(asked.seeds), *others])
            for entry in asked.entries:
                samples[entry.name, budget] = measured.under(entry.asked.at(budget), range(asked.seeds))
    measured.track.finish()
    cells, unread, names = [], {}, [*(entry.name for entry in asked.entries), RANDOM]
    for measure in (*asked.measures, *asked.classes):
        for name in names:
            for budget in asked.budgets:
                random = samples[RANDOM, budget]
                chosen = samples[name, budget] if name != RANDOM else random.part(asked.seeds, 2 * asked.seeds)
                cell, lost = _cell(asked, measure, name, budget, chosen, measured.rivals(chosen, random, budget))
                cells.append(cell)
                unread[measure.name] = max(unread.get(measure.name, 0), lost)
    return Table(asked, _with_verdicts(asked, cells), samples, {name: n for name, n in unread.items() if n})


@dataclass(frozen=True)
class _Measured:
    """Chooses and measures, step by step."""

    asked: Asked
    progress: Progress
    track: Track

    def under(self, question: Question, seeds: Iterable[int]) -> Sample:
        """One after the other; a method that did not draw under the first seed answers the same under all."""
        choices: list[Choice] = []
        values: list[Mapping[str, np.ndarray]] = []
        for seed in seeds:
            if choices and not choices[0].draws:
                choices.append(choices[0])
                values.append(values[0])
            else:
                choice, found = self._one(question.under(seed))
                choices.append(choice)
                values.append(found)
            self.track.advance()
        return Sample(choices, {name: np.stack([one[name] for one in values]) for name in self.asked.named()})

    def rivals(self, chosen: Sample, random: Sample, budget: int) -> Sample:
        """Random of the same seeds and sizes, where a method kept fewer than it was asked for."""
        mine = random.part(0, len(chosen.choices))
        if all(len(one.rows) == budget for one in chosen.choices):
            return mine
        found = [self._one(self.asked.random.at(len(one.rows)).under(at)) for at, one in enumerate(chosen.choices)]
        values = {name: np.stack([one[name] for _, one in found]) for name in mine.values}
        return Sample([choice for choice, _ in found], values)

    def _one(self, question: Question) -> tuple[Choice, dict[str, np.ndarray]]:
        asked, quiet = self.asked, Progress(should_stop=self.progress.should_stop)
        who = f"{question.method.id}, {question.budget:,} samples, seed {question.spec.seed}"
        try:
            choice = asked.choices.of(question, asked.budgets[-1], quiet)
        except BadRequest as error:
            raise BadRequest(f"{who}: {error}") from None
        try:
            return choice, asked.choices.measured(choice, asked.named(), quiet)
        except BadRequest as error:
            raise BadRequest(f"{who}: {error} Take a larger budget, or leave this one out.") from None


def _cell(
    asked: Asked, measure: Measure | Classes, name: str, budget: int, chosen: Sample, random: Sample
) -> tuple[Cell, int]:
    """The cell, and how many held-out samples the measure could not read."""
    kept = float(np.mean([len(one.rows) for one in chosen.choices]))
    if isinstance(measure, Classes):
        met = [measure.met(one.rows) for one in chosen.choices]
        laws = np.mean([measure.random(len(one.rows)) for one in chosen.choices], axis=0)
        found = difference(met, (float(laws[0]), float(laws[1])), chosen.draws)
        return Cell(name, budget, measure.name, kept, float(np.mean(met)), float(laws[0]), found), 0
    of = next(key for key, one in asked.named().items() if one is measure)
    mine, theirs = chosen.values[of], random.values[of]
    sound = (np.isfinite(mine) & np.isfinite(theirs)).all(axis=0)
    if len(np.unique(measure.held.parts[sound])) < 2:
        raise BadRequest(
            f"Fewer than two held-out samples of {asked.pool.name}, drawn apart, can be measured by {measure.name}."
        )
    mine, theirs = mine[:, sound], theirs[:, sound]
    found = paired(by_group(mine - theirs, measure.held.parts[sound]))
    lost = int((~sound).sum())
    return Cell(name, budget, measure.name, kept, float(mine.mean()), float(theirs.mean()), found), lost


def _with_verdicts(asked: Asked, cells: Sequence[Cell]) -> list[Cell]:
    """Of all cells together, whichever way their measures go."""
    upwards = {one.name: 1 if one.higher_is_better else -1 for one in (*asked.measures, *asked.classes)}
    turned = [dataclasses.replace(one.found, difference=upwards[one.measure] * one.found.difference) for one in cells]
    return [dataclasses.replace(one, verdict=word) for one, word in zip(cells, verdicts(turned), strict=True)]
