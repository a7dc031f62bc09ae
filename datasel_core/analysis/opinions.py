"""What people said of samples, folded: decisions in the order in which they came. None is ever erased: who takes one
back says so, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datasel_core.errors import BadParameter

WHATS = ("keep", "drop", "swap", "note", "undo")
"""keep, drop; swap: drop it and take the nearest instead. note: only what is noted. undo: takes back what this person
said last of this sample.
"""
DECIDED = ("keep", "drop", "swap")
RULES = {
    "latest": "what was decided last",
    "any": "left out when anybody leaves it out",
    "all": "left out only when everybody does who decided",
}
"""What counts where people differ, in words."""


@dataclass(frozen=True)
class Decision:
    """id: made by whoever decides, so that what is sent twice counts once. run: the review that it belongs to. blind:
    decided without seeing what others did. time: UTC, when it was written down; empty before.
    """

    id: str
    run: str
    sample: str
    reviewer: str
    what: str
    note: str = ""
    blind: bool = False
    time: str = ""


@dataclass(frozen=True)
class Opinion:
    """What one person says of one sample by now. what: keep, drop, swap, or empty where only a note stands. at: the
    place of the decision in the order of all, -1 where there is none.
    """

    what: str
    note: str
    at: int
    blind: bool = False
    time: str = ""


Opinions = Mapping[str, Mapping[str, Opinion]]
"""Sample -> reviewer -> what they say; only those who say anything."""


def opinions(log: Iterable[Decision]) -> dict[str, dict[str, Opinion]]:
    """The latest of each person about each sample. An undo takes back what the same person said last of the sample and
    has not taken back.
    """
    said: dict[tuple[str, str], list[tuple[int, Decision]]] = {}
    for at, one in enumerate(log):
        mine = said.setdefault((one.sample, one.reviewer), [])
        if one.what != "undo":
            mine.append((at, one))
        elif mine:
            mine.pop()
    found: dict[str, dict[str, Opinion]] = {}
    for (sample, reviewer), mine in said.items():
        if mine:
            found.setdefault(sample, {})[reviewer] = _opinion(mine)
    return found


def _opinion(mine: Sequence[tuple[int, Decision]]) -> Opinion:
    note = next((one.note for _, one in reversed(mine) if one.note), "")
    at, last = next(((at, one) for at, one in reversed(mine) if one.what in DECIDED), (-1, None))
    if last is None:
        return Opinion("", note, -1, time=mine[-1][1].time)
    return Opinion(last.what, note, at, last.blind, last.time)


def counted(said: Mapping[str, Opinion], rule: str = "latest") -> str:
    """What counts of one sample: keep, drop, swap, or empty where nobody decided. said: reviewer -> opinion. Raises
    BadParameter.
    """
    if rule not in RULES:
        raise BadParameter(f"What counts where people differ is one of {', '.join(RULES)}, not {rule}.")
    decided = sorted((one.at, one.what) for one in said.values() if one.what)
    out = [what for _, what in decided if what != "keep"]
    if not decided:
        return ""
    if rule == "latest":
        return decided[-1][1]
    return out[-1] if out and (rule == "any" or len(out) == len(decided)) else "keep"


def differ(said: Mapping[str, Opinion]) -> bool:
    """Whether people do not say the same of a sample."""
    return len({one.what for one in said.values() if one.what}) > 1
