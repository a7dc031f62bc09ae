"""Selections beside one another: sizes, metrics, and what each two of them share."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.analysis.metrics.overlap import overlap
from datasel_core.errors import BadRequest
from datasel_core.evidence.appraisals import promise
from datasel_core.evidence.appraisals.worth import sentence
from datasel_core.runs import manifest
from datasel_core.runs.measures import ALONE, KEPT, TOGETHER, metrics_of_all, named_metrics, recorded_metrics
from datasel_core.workspace.hashing import key_of


@dataclass(frozen=True)
class Comparison:
    """runs: of each selection its folder, method, pool, size and metrics. pairs: of each two, how many ids they share
    (see `overlap`), and whether they are of the same pool. metrics: of each selection, KEPT of all that is kept in it,
    earlier ones too, and ALONE of the new ones where there are earlier ones. parts: how many are kept in each, new and
    earlier.
    """

    runs: Sequence[Mapping[str, Any]]
    pairs: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Mapping[str, Any]]
    parts: Mapping[str, str]

    def lines(self) -> list[str]:
        """The same for people: a line per selection, metrics side by side, a line per pair."""
        sizes = [
            f"{run['run']}: {run['method']['id']}, {self.parts[run['run']]} kept of {run['pool']['name']}"
            for run in self.runs
        ]
        worth = [f"{run['run']}: {sentence(run['worth'])}" for run in self.runs if "worth" in run]
        by = {key_of([run["worth"]["measure"], run["worth"]["features"]]) for run in self.runs if "worth" in run}
        if len(by) > 1:
            worth.append(
                "What they are worth was measured in different ways or features: these numbers do not compare."
            )
        worth += [f"{run['run']}: {promise.sentence(run['promise'])}" for run in self.runs if "promise" in run]
        alone = self._metrics(ALONE)
        heads = ([f"{TOGETHER}:"], [f"{ALONE}:"]) if alone else ([], [])
        return [*sizes, *worth, *heads[0], *self._metrics(KEPT), *heads[1], *alone, *map(_in_words, self.pairs)]

    def _metrics(self, of: str) -> list[str]:
        beside = [self.metrics[run["run"]].get(of, {}) for run in self.runs]
        found = []
        for id, name in {(id, name): None for one in beside for id, numbers in one.items() for name in numbers}:
            values = [one.get(id, {}).get(name) for one in beside]
            if not any(isinstance(value, dict | list) for value in values):
                found.append(f"  {id} {name}: " + " | ".join("-" if value is None else str(value) for value in values))
        return found


def compare(names: Sequence[str], find: Callable[[str], Path]) -> Comparison:
    """names: what the selections are called. find: where one of them lies. Raises BadRequest when there are fewer than
    two, or one is damaged.
    """
    if len(names) < 2:
        raise BadRequest("compare needs at least two folders of selections.")
    folders = {name: find(name) for name in names}
    said = {name: manifest.intact(folder, "compared") for name, folder in folders.items()}
    ids = {name: manifest.kept_table(folder)["id"].to_numpy(zero_copy_only=False) for name, folder in folders.items()}
    runs = [
        {
            "run": name,
            "method": one["method"],
            "pool": {"name": one["pool"]["name"], "fingerprint": one["pool"]["fingerprint"]},
            "n": one["result"]["n"],
            **recorded_metrics(one),
            **{name: one["result"][name] for name in ("worth", "promise") if name in one["result"]},
        }
        for name, one in said.items()
    ]
    pairs = [
        {
            "a": a,
            "b": b,
            **overlap(ids[a], ids[b]),
            "same_pool": said[a]["pool"]["fingerprint"] == said[b]["pool"]["fingerprint"],
        }
        for a, b in itertools.combinations(names, 2)
    ]
    metrics = {name: _of_whom(one) for name, one in said.items()}
    return Comparison(runs, pairs, metrics, {name: manifest.counts(one).parts for name, one in said.items()})


def _of_whom(said: Mapping[str, Any]) -> dict[str, Any]:
    named = named_metrics(said)
    return {KEPT: metrics_of_all(said) or {}} | ({ALONE: named[ALONE]} if ALONE in named else {})


def _in_words(pair: Mapping[str, Any]) -> str:
    other = "" if pair["same_pool"] else "; they are of different pools, and equal ids may be different samples"
    return (
        f"{pair['a']} and {pair['b']}: {pair['both']} in both, {pair['only_a']} only in the first, "
        f"{pair['only_b']} only in the second (Jaccard {pair['jaccard']}){other}"
    )
