"""Commands at the same moment on one workspace: what is left is what they would have left one after the other."""

import itertools
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harm import stage as world
from tests.harm.apart import Ended
from tests.harm.stage import Stage, answers, differences, snapshot, taken_for_answers

_LATE = 0.3
"""Seconds by which a command may begin later than the first, so that they meet at other points each time."""
_TROUBLE = re.compile(r"It broke|Traceback|It hung|damaged")


@dataclass(frozen=True)
class Meeting:
    """lines: what is asked at once. refused: what a line may be refused with, where it comes too late or too early."""

    lines: tuple[str, ...]
    refused: str = "$^"
    before: Callable[[Path], Any] = lambda place: None


def _regrouped(place: Path) -> None:
    world.table(place, "abab")


def _lines(*lines: str, refused: str = "$^", before: Callable[[Path], Any] = lambda place: None) -> Meeting:
    return Meeting(lines, refused, before)


_SELECT = "select arrows k_center --budget 30 --json"
_AGAIN = "pool add shop @/in/table.csv"
_CHANGED = "was changed while it was exported, so it was not replaced; export again|is there already"
MEETINGS = {
    "a selection while the pool is read again": _lines(
        "select shop stratified --budget 4", _AGAIN, "select shop random --budget 3", before=_regrouped
    ),
    "two selections to one folder": _lines(
        "select arrows random --budget 11 --out @/out/x",
        "select arrows random --budget 12 --out @/out/x",
        refused=_CHANGED,
    ),
    "one name for two sources": _lines(
        "pool add new @/in/photos", "pool add new @/in/arrows.npz", refused="There is a pool called new already"
    ),
    "the same feature": _lines(*["feature compute chat hashed_ngrams"] * 3),
    "different things": _lines(
        _SELECT,
        "feature compute chat tfidf_svd --set n_dims=4",
        "pool add talk @/in/chat.jsonl",
        "export run:photos --format files --out @/out/x",
    ),
    "the same selection": _lines(*[_SELECT] * 3),
    "the same pool": _lines(*["pool add more @/in/photos"] * 3),
    "the same scores": _lines(*["score arrows by_score --set role=loss"] * 3),
    "the same map": _lines(*["map key:embedding --set n_neighbors=60"] * 2),
    "the same file": _lines(*["export run:nine --format csv --out @/out/x.csv"] * 3),
    "the same folder": _lines(*["export run:photos --format files --out @/out/x"] * 3),
    "the demo": _lines("demo", "demo"),
    "two selections to one file": _lines(
        "export run:nine --format csv --out @/out/x.csv",
        "export run:five --format csv --out @/out/x.csv",
        refused=_CHANGED,
    ),
    "a file while the pool is read again": _lines(
        "export run:shop --format csv --out @/out/x.csv", _AGAIN, before=_regrouped
    ),
    "a folder while the pool is read again": _lines(
        "export run:shop --format files --out @/out/x", _AGAIN, before=_regrouped
    ),
    "a feature while the pool is read again": _lines(
        "feature compute shop dictionary_embedding", _AGAIN, before=_regrouped
    ),
    "a selection while a role is filled": _lines(
        "feature import arrows loss @/in/other.npz", "select arrows least_confidence --budget 6"
    ),
    "a selection while its pool is removed": _lines(
        "select shop random --budget 3", "pool remove shop", refused="There is no pool called shop"
    ),
    "a pool that is removed and read again": _lines(
        "pool remove shop", _AGAIN, refused="There is no pool called shop", before=_regrouped
    ),
    "different questions": _lines(
        "select arrows random --budget 11 --out @/out/a",
        "select arrows random --budget 12 --out @/out/b",
        "combine union run:nine run:five --out @/out/c",
        "export run:five --format jsonl --out @/out/five.jsonl",
    ),
}


@dataclass(frozen=True)
class Round:
    """refused: how many ended with one clear line instead of an answer."""

    seed: int
    meeting: str
    refused: int
    harm: tuple[str, ...]


class Rivals:
    """Rounds on one stage; what lines leave one after the other is seen once for each order."""

    def __init__(self, stage: Stage):
        self._stage, self._serial = stage, {}

    def round(self, seed: int) -> Round:
        """The meeting goes round with the seed; who begins how late is drawn."""
        draw, name = random.Random(seed), list(MEETINGS)[seed % len(MEETINGS)]
        meeting = MEETINGS[name]
        late = [draw.choice((0.0, draw.uniform(0, _LATE))) for _ in meeting.lines]
        meeting.before(self._stage.reset())
        ended = self._stage.ask_at_once([self._stage.words(line) for line in meeting.lines], late)
        left = answers(snapshot(self._stage.place))
        harm = [said for line, one in zip(meeting.lines, ended, strict=True) for said in _trouble(line, one, meeting)]
        harm += taken_for_answers(self._stage.place)
        done = [at for at, one in enumerate(ended) if one.code == 0]
        harm += self._no_order(name, done, ended, left)
        return Round(seed, name, len(ended) - len(done), tuple(harm))

    def _no_order(self, name: str, done: Sequence[int], ended: Sequence[Ended], left: dict[str, Any]) -> list[str]:
        """Says what differs when no order of the lines that were answered leaves the same and says the same."""
        lines, nearest = MEETINGS[name].lines, None
        tried = set()
        for order in itertools.permutations(done):
            asked = tuple(lines[at] for at in order)
            if asked in tried:
                continue
            tried.add(asked)
            after, said = self._one_by_one(name, asked)
            found = [f"{file} is as no order leaves it" for file in differences(left, after)]
            found += [
                f"{lines[at]} said what it says in no order"
                for at, out in zip(order, said, strict=True)
                if _without_times(ended[at].out) != _without_times(out)
            ]
            if not found:
                return []
            nearest = found if nearest is None or len(found) < len(nearest) else nearest
        return nearest or []

    def _one_by_one(self, name: str, lines: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
        if (name, lines) not in self._serial:
            MEETINGS[name].before(self._stage.reset())
            said = []
            for words in [self._stage.words(line) for line in lines]:
                said.append(self._stage.ask(words).out)
            self._serial[name, lines] = answers(snapshot(self._stage.place)), said
        return self._serial[name, lines]


def _trouble(line: str, one: Ended, meeting: Meeting) -> list[str]:
    """An answer, or one clear line."""
    said = one.err.strip().splitlines()
    if _TROUBLE.search(one.err):
        return [f"{line}: {said[-1]}"]
    if one.code == 0:
        return []
    if one.code not in (1, 2) or not said or not re.search(meeting.refused, said[-1]):
        return [f"{line} ended with {one.code}: {said[-1:]}"]
    return []


def _without_times(out: str) -> str:
    return re.sub(r'"(created_utc|sha256)": "[^"]*"', "", out)
