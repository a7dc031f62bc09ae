"""How the review of one selection stands."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasel_core.analysis.opinions import DECIDED, Decision, Opinions, counted, differ, opinions


@dataclass(frozen=True)
class Standing:
    """A review of the samples `ids`, in pick order. outcome: sample -> what counts, of those that were decided."""

    ids: Sequence[str]
    said: Opinions
    outcome: Mapping[str, str]

    @classmethod
    def of(cls, ids: Sequence[str], log: Iterable[Decision], rule: str = "latest") -> "Standing":
        said, mine = opinions(log), set(ids)
        said = {sample: one for sample, one in said.items() if sample in mine}
        outcome = {sample: what for sample in said if (what := counted(said[sample], rule))}
        return cls(ids, said, outcome)

    @property
    def decided(self) -> int:
        return len(self.outcome)

    @property
    def out(self) -> dict[str, str]:
        """Sample -> drop or swap, of those that are left out, in pick order."""
        return {id: self.outcome[id] for id in self.ids if self.outcome.get(id, "keep") != "keep"}

    @property
    def conflicts(self) -> list[str]:
        """Samples of which people do not say the same, in pick order."""
        return [id for id in self.ids if id in self.said and differ(self.said[id])]

    @property
    def words(self) -> str:
        """`11 of 50 decided, 3 dropped`."""
        return f"{self.decided:,} of {len(self.ids):,} decided, {len(self.out):,} dropped"

    def reviewers(self) -> dict[str, Counter]:
        """Who said something -> how often which, notes among them; in the order of the alphabet."""
        found: dict[str, Counter] = {}
        for ones in self.said.values():
            for name, one in ones.items():
                mine = found.setdefault(name, Counter())
                mine.update(filter(None, [one.what, "note" if one.note else ""]))
        return dict(sorted(found.items()))

    def document(self) -> dict[str, Any]:
        """All of it as plain data."""
        counts = Counter(self.outcome.values())
        return {
            "n": len(self.ids),
            "decided": self.decided,
            "undecided": len(self.ids) - self.decided,
            **{name: counts[what] for name, what in (("kept", "keep"), ("dropped", "drop"), ("swapped", "swap"))},
            "reviewers": [
                {
                    "name": name,
                    "decided": sum(one[what] for what in DECIDED),
                    **{what: one[what] for what in (*DECIDED, "note")},
                }
                for name, one in self.reviewers().items()
            ],
            "conflicts": [{"sample": id, "decisions": self._whats(id)} for id in self.conflicts],
            "decisions": [
                {"sample": id, "decision": self.outcome.get(id, ""), "by": self._whats(id), "notes": self._notes(id)}
                for id in self.ids
                if id in self.said
            ],
        }

    def _whats(self, id: str) -> dict[str, str]:
        return {name: one.what for name, one in sorted(self.said[id].items()) if one.what}

    def _notes(self, id: str) -> dict[str, str]:
        return {name: one.note for name, one in sorted(self.said[id].items()) if one.note}
