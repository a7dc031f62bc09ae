"""Whether the rows of a source still say what the pool that was read from it holds."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from datasel_core.errors import BadInput
from datasel_core.exports.export import SelectionRecord
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.tables.origins import Origin

OWN = frozenset(
    ("id", "row", "rank", "score", "count", "why", "content", "as_written", "path", "shard", "cell", "offset", "split")
    + (
        "text",
        "prompt",
        "response",
        "messages",
        "rejected",
        "source",
        "group",
        "caption",
        "captions",
        "width",
        "height",
        "bytes",
    )
)
"""Columns of a selection that are ours, or that may stand for another column of the source."""
_MEASURED = frozenset(("width", "height", "bytes"))
"""Columns of the source that gave way to ours; they hold numbers, too."""
_PLAIN = (str, int, float, date, Decimal)


class Still:
    """Compares what was kept with rows of the source, as far as both have plain values under one name."""

    def __init__(self, kept: SelectionRecord):
        table = kept.table
        self._all = {name: table[name] for name in table.column_names}
        self._beside = {name for name in table.column_names if name.lower() not in OWN.union(kept.kind.own)}

    def numbers(self) -> frozenset[str]:
        """Columns of a CSV that are kept as numbers or truth values, as the source calls them."""
        found = {name for name in self._beside if _is_number(self._all[name].type)}
        return frozenset(found | {name.rstrip("_") for name in found if name.rstrip("_").lower() in OWN} | _MEASURED)

    def check(self, pick: int, origin: Origin, row: Mapping[str, Any]) -> None:
        """Raises BadInput for the first that is another."""
        for name, value in origin.said.items():
            if name in self._all and self._all[name][pick].as_py() != value:
                raise BadInput(f"{origin.file.place(origin.at)} is another row by now")
        for name in self._beside & row.keys():
            if not _same(row[name], self._all[name][pick].as_py()):
                raise BadInput(f"{origin.file.place(origin.at)} has another {name} by now")


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _same(now: Any, was: Any) -> bool:
    """Whether a pool would keep the one as the other. What is no plain value is not compared, nor are numbers of
    classes with their names.
    """
    if now is None or _is_none(now):
        return was is None or _is_none(was)
    if not isinstance(now, _PLAIN) or (isinstance(was, str) and isinstance(now, int)):
        return True
    if isinstance(now, str) and isinstance(was, str):
        return now == was
    if was is None or _is_none(was):
        return now == "" or _is_none(_number(now))
    if isinstance(was, datetime) and getattr(now, "nanosecond", 0):  # a pool keeps microseconds
        now = now.replace(nanosecond=0)
    return now == was or table_columns.as_text(now) == table_columns.as_text(was) or _number(now) == _number(was)


def _number(value: Any) -> Any:
    """As a number, if it is one in any notation; TRUE and false are 1 and 0."""
    if (word := str(value).lower()) in ("true", "false"):
        return float(word == "true")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return value


def _is_none(value: Any) -> bool:
    """NaN and infinity, of which pools of texts keep nothing."""
    return isinstance(value, float) and not math.isfinite(value)
