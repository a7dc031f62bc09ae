"""The pools of a workspace as a person comes back to them: what was used last comes first."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from datasel_core.runs.run import Run


@dataclass(frozen=True)
class Recent:
    """about: as pool.json says it. used: when it was opened first, or something was selected from it. selections: how
    many are kept, of the pool as it was, too.
    """

    about: Mapping[str, Any]
    used: datetime
    selections: int


def recent(pools: Iterable[tuple[Mapping[str, Any], float]], runs: Iterable[Run]) -> list[Recent]:
    """pools: what is known of each, and when that was written, in seconds since 1970. runs: kept selections."""
    many, last = Counter[str](), defaultdict[str, datetime](lambda: datetime.min.replace(tzinfo=UTC))
    for run in runs:
        name = run.manifest["pool"]["name"]
        many[name] += 1
        last[name] = max(last[name], datetime.fromisoformat(run.manifest["created_utc"]))
    found = [
        Recent(about, max(datetime.fromtimestamp(written, UTC), last[about["name"]]), many[about["name"]])
        for about, written in pools
    ]
    return sorted(found, key=lambda one: (one.used, one.about["name"]), reverse=True)
