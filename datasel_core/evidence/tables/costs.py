"""What choosing costs, as a table beside those of evidence: seconds of each choice, and of the features that a method
reads, which are computed once, with their floating-point operations.
"""

from collections.abc import Mapping
from typing import Any

from datasel_core.features import flops

HEADING = "cost: seconds of choosing, and time and operations of the features that a method reads, computed once"
_LAST = "features"


def cost_rows(said: Mapping[str, Any]) -> list[list[str]]:
    """A head, and a row per method; none where a document of an older version says nothing of cost."""
    cells = [one for one in said["cells"] if "feature_seconds" in one]
    rows = [["method", *(f"{budget:,}" for budget in said["budgets"]), _LAST]] if cells else []
    for name in dict.fromkeys(one["method"] for one in cells):
        mine = [one for one in cells if one["method"] == name]
        rows.append([name, *(duration(one["seconds"]) for one in mine), _features(mine[0])])
    return rows


def flat(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The same as numbers: of all features of a method together, empty where one is not known."""
    return {
        column: sum(values) if values and None not in values else ""
        for column, name in (("feature_seconds", "feature_seconds"), ("feature_flop", "feature_flops"))
        for values in [list(cell.get(name, {}).values())]
    }


def _features(cell: Mapping[str, Any]) -> str:
    operations = cell.get("feature_flops", {})
    return "; ".join(
        f"{name} {'time not known' if seconds is None else duration(seconds)}, {counted(operations.get(name))}"
        for name, seconds in cell["feature_seconds"].items()
    )


def counted(operations: float | None) -> str:
    """`1.2 TFLOP`; of a feature of an older version, a brought one, or one without a model, that nobody counted."""
    return "FLOPs not counted" if operations is None else flops.said(operations)


def duration(seconds: float) -> str:
    """`under 0.01 s`, `0.02 s`, `3.4 s`, `2 min`, `1.5 h`."""
    if seconds < 0.01:
        return "under 0.01 s"
    for most, size, unit in ((90, 1, "s"), (5400, 60, "min"), (float("inf"), 3600, "h")):
        if seconds < most:
            return f"{seconds / size:.2g} {unit}" if seconds < 10 * size else f"{seconds / size:.0f} {unit}"
    return ""
