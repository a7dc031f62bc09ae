"""Selections beside one another: sizes, metrics, and what each two of them share."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.analysis.metrics.overlap import overlap
from datasel_core.errors import BadRequest
from datasel_core.runs import manifest


@dataclass(frozen=True)
class Comparison:
    """runs: of each selection its folder, method, pool, size and metrics. pairs: of each two, how many ids they share
    (see `overlap`), and whether they are of the same pool.
    """

    runs: Sequence[Mapping[str, Any]]
    pairs: Sequence[Mapping[str, Any]]

    def lines(self) -> list[str]:
        """The same for people: a line per selection, metrics side by side, a line per pair."""
        sizes = [f"{run['run']}: {run['method']['id']}, {run['n']} kept of {run['pool']['name']}" for run in self.runs]
        return [*sizes, *self._metrics(), *map(_in_words, self.pairs)]

    def _metrics(self) -> list[str]:
        names = {(id, name): None for run in self.runs for id, one in run["metrics"].items() for name in one}
        found = []
        for id, name in names:
            values = [run["metrics"].get(id, {}).get(name) for run in self.runs]
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
            "metrics": one["result"]["metrics"],
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
    return Comparison(runs, pairs)


def _in_words(pair: Mapping[str, Any]) -> str:
    other = "" if pair["same_pool"] else "; they are of different pools, and equal ids may be different samples"
    return (
        f"{pair['a']} and {pair['b']}: {pair['both']} in both, {pair['only_a']} only in the first, "
        f"{pair['only_b']} only in the second (Jaccard {pair['jaccard']}){other}"
    )
