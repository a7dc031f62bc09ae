"""Names in order and in sentences."""

import re
from collections.abc import Iterable

_MOST = 5


def natural(name: str) -> tuple:
    """By which names are put in order: r2 before r10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name))


def listed(names: Iterable[str]) -> str:
    """`a, b and 3 more`: the first of them."""
    every = list(names)
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more
