"""Net benefit: what choosing costs, beside the labels that it saves."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from datasel_core.evidence.tables.choices import RANDOM
from datasel_core.evidence.tables.costs import counted, duration
from datasel_core.evidence.tables.table import Table
from datasel_core.evidence.worth import FEWEST_DRAWS, Worth, said, worth_of_means
from datasel_core.features.stored import StoredFeature
from datasel_core.runs.question import Question


@dataclass(frozen=True)
class Benefit:
    """kept: how many it kept, the mean over seeds. seconds: of choosing. features: seconds of computing the features
    that the method reads, by id; NaN where nobody knows, as of brought ones. worth: in random samples, by the main
    measure; None where random was drawn too seldom. flops: of the features, floating-point operations; None where they
    were not counted.
    """

    method: str
    budget: int
    kept: float
    seconds: float
    features: Mapping[str, float]
    worth: Worth | None
    flops: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def saved(self) -> float | None:
        """Labels that need not be bought; at least so many where the choice is worth more than the largest budget."""
        if self.worth is None:
            return None
        n = self.worth.most if self.worth.n == float("inf") else self.worth.n
        return max(0.0, n - self.kept)

    @property
    def pays_from(self) -> float | None:
        """Seconds per label from which choosing, with its features, costs less than the labels it saves."""
        return self._cost / self.saved if self.saved else None

    @property
    def _cost(self) -> float:
        return self.seconds + sum(seconds for seconds in self.features.values() if seconds == seconds)

    def line(self) -> str:
        """For people."""
        cost = f"choosing {self.budget:,} by {self.method} took {duration(self.seconds)}"
        known = {name: seconds for name, seconds in self.features.items() if seconds == seconds}
        took = f"{duration(sum(known.values()))} ({self._operations(list(known))})" if known else ""
        cost += f", computing {' and '.join(known)} {took}" if known else ""
        unknown = [name for name in self.features if name not in known]
        cost += f" (what {' and '.join(unknown)} cost is not known)" if unknown else ""
        if self.worth is None:
            return f"{cost}."
        words = f"{cost}; it is worth {said(self.worth)}"
        if self.worth.n == float("inf") and not self.saved:
            return f"{words}, the most that were drawn here: a larger budget beside it says how many labels it saves."
        if self.pays_from is None:
            return f"{words}: it saves no labels."
        least = "at least " if self.worth.n == float("inf") else ""
        pays = f"pays from {duration(self.pays_from)} per label"
        if self.worth.low <= self.kept:
            return f"{words}: it may save {least}{self.saved:,.0f} labels, or none; where it does it {pays}."
        return f"{words}: it saves {least}{self.saved:,.0f} labels and {pays}."

    def _operations(self, names: list[str]) -> str:
        """Of features of which the seconds are known: `1.2 TFLOP`, and of which they were not counted."""
        known = [name for name in names if self.flops.get(name) is not None]
        rest = [name for name in names if name not in known]
        if not known:
            return counted(None)
        said = counted(sum(self.flops[name] or 0 for name in known))
        return f"{said}; those of {' and '.join(rest)} not counted" if rest else said


def benefits(table: Table) -> list[Benefit]:
    """Of every method and budget; worth where at least two budgets were measured, with enough random draws of each."""
    asked, found = table.asked, []
    main = next(name for name, one in asked.named().items() if one is asked.main)
    random = [table.samples[RANDOM, budget].values[main] for budget in asked.budgets]
    can = len(asked.budgets) > 1 and asked.draws >= FEWEST_DRAWS
    sound = np.isfinite(np.concatenate(random)).all(axis=0)
    drawn = np.stack([one[:, sound] for one in random]) if can else None
    for entry in asked.entries:
        for budget in asked.budgets:
            sample, worth = table.samples[entry.name, budget], None
            if drawn is not None:
                chosen = sample.values[main] if sample.draws else sample.values[main][:1]
                higher, groups = asked.main.higher_is_better, asked.main.held.parts[sound]
                worth = worth_of_means(asked.budgets, drawn, chosen[:, sound], higher, groups)
            seconds = float(np.mean([one.seconds for one in sample.choices]))
            kept = float(np.mean([len(one.rows) for one in sample.choices]))
            spent = _features(entry.asked)
            took = {one.id: float(one.meta.get("seconds", "nan")) for one in spent}
            operations = {one.id: one.meta.get("flops") for one in spent}
            found.append(Benefit(entry.name, budget, kept, seconds, took, worth, operations))
    return found


def _features(asked: Question) -> list[StoredFeature]:
    """Those that its method reads."""
    return [asked.roles.features[role] for role in asked.method.roles() if role in asked.roles.features]
