"""Times that a pilot brought back, and what they say: seconds per item as a log-normal, objects per item as counts."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasel_core.costs import amounts
from datasel_core.costs.cells import cells
from datasel_core.costs.rates import Rate
from datasel_core.errors import BadInput, BadParameter
from datasel_core.pools.pool import Pool

COLUMNS = ("id", "person", "seconds", "objects")
FEWEST = 10
"""Items with a time, below which an interval says nothing anybody could plan by."""
_LONGEST_DAY, _MOST_OBJECTS = 86_400, 100_000


@dataclass(frozen=True)
class Timing:
    """One item by one person. person: empty where nobody said. objects: None where nobody counted."""

    id: str
    person: str
    seconds: float
    objects: int | None = None


@dataclass(frozen=True)
class Timed:
    """What times say. seconds: per item, log-normal. objects: per item; None where not each item has a count, or none
    has an object. n: items with a time. notes: what else is to be known.
    """

    seconds: Rate
    objects: Rate | None
    n: int
    people: int
    notes: Sequence[str]

    def plain(self) -> dict[str, Any]:
        objects = None if self.objects is None else self.objects.plain()
        said = {"items": self.n, "people": self.people, "seconds": self.seconds.plain(), "objects": objects}
        return {**said, "notes": list(self.notes)}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Timed":
        """From `plain`."""
        objects = None if said["objects"] is None else Rate(**said["objects"])
        return cls(Rate(**said["seconds"]), objects, said["items"], said["people"], said["notes"])


def read(file: str, text: str, pool: Pool) -> tuple[list[Timing], list[str]]:
    """The times in a CSV of id, person, seconds, objects, and notes on what was passed over. file: what it is called in
    messages. Raises BadInput, naming the line; then nothing is taken.
    """
    known = set(map(str, pool.ids))
    found: list[Timing] = []
    lines: dict[tuple[str, str], int] = {}
    strangers: list[tuple[int, str]] = []
    without = 0
    for at, row in cells(file, text, ("id", "seconds"), COLUMNS):
        id, person = _own(row.get("id", ""), known), row.get("person", "")
        if id not in known:
            strangers.append((at, id))
            continue
        if (id, person) in lines:
            raise BadInput(_twice(file, at, id, person, lines[id, person]))
        lines[id, person] = at
        if not row.get("seconds"):
            without += 1
            continue
        try:
            found.append(Timing(id, person, _seconds(row["seconds"]), _objects(row.get("objects", ""))))
        except BadParameter as error:
            raise BadInput(f"Line {at} of {file}: {str(error)[:1].lower()}{str(error)[1:]}") from None
    if strangers:
        at, id = strangers[0]
        many = "one id" if len(strangers) == 1 else f"{len(strangers):,} ids"
        raise BadInput(f"{file} has {many} that {pool.name} does not have, the first in line {at}: {id[:80]!r}.")
    return found, [f"{without:,} {'line has' if without == 1 else 'lines have'} no time yet."] if without else []


def fit(timings: Sequence[Timing], source: str, notes: Sequence[str] = ()) -> Timed:
    """source: what the rates will say where they come from. Raises BadInput where there are too few."""
    by_item: dict[str, list[Timing]] = defaultdict(list)
    for one in timings:
        by_item[one.id].append(one)
    if len(by_item) < FEWEST:
        many = "1 item has" if len(by_item) == 1 else f"{len(by_item):,} items have"
        raise BadInput(f"{many} a time; a pilot takes at least {FEWEST}, better 30 or more.")
    seconds = np.array([np.mean([one.seconds for one in same]) for same in by_item.values()])
    people = {one.person for one in timings}
    notes = [*notes, *_about_people(people)]
    objects, said = _counted(list(by_item.values()), source)
    return Timed(_log_normal(seconds, source), objects, len(by_item), len(people), [*notes, *said])


def _log_normal(seconds: np.ndarray, source: str) -> Rate:
    logs = np.log(seconds)
    mean, variance = float(logs.mean()), float(logs.var(ddof=1))
    mid = math.exp(mean + variance / 2)
    return Rate(mid, mid * math.sqrt(math.expm1(variance)), len(seconds), source=source)


def _counted(items: Sequence[Sequence[Timing]], source: str) -> tuple[Rate | None, list[str]]:
    counts = [[one.objects for one in same if one.objects is not None] for same in items]
    lacking = sum(not same for same in counts)
    if lacking:
        return None, [] if lacking == len(items) else [
            f"{lacking:,} of {len(items):,} items have no count of objects; none is used."
        ]
    means = np.array([np.mean(same) for same in counts])
    if not means.any():
        return None, ["No item has an object; a price per label cannot be planned from this pilot."]
    return Rate(float(means.mean()), float(means.std(ddof=1)), len(means), source=source), []


def _about_people(people: set[str]) -> list[str]:
    if len(people) > 1:
        return ["People differ: others may be faster or slower than the interval says, which is of these people."]
    return ["One person was timed; others may be faster or slower than the interval says."]


def _own(id: str, known: set[str]) -> str:
    """The id as the pool has it: a sheet for spreadsheets puts an apostrophe before what could be run."""
    return id[1:] if id not in known and id.startswith("'") and id[1:] in known else id


def _seconds(said: str) -> float:
    found = float(amounts.positive("time in seconds", said))
    if found > _LONGEST_DAY:
        raise BadParameter(f"The seconds are {said}; more than a day for one item is no time of labelling.")
    return found


def _objects(said: str) -> int | None:
    if not said:
        return None
    if not said.isascii() or not said.isdigit() or int(said[:9]) > _MOST_OBJECTS:
        raise BadParameter(f"The objects are {said[:40]!r}; write a whole number, 0 or more.")
    return int(said)


def _twice(file: str, at: int, id: str, person: str, before: int) -> str:
    who = f"by {person[:40]} " if person else ""
    return (
        f"Line {at} of {file}: {id[:80]!r} was timed {who}in line {before} already; keep one line for each item and "
        "person."
    )
