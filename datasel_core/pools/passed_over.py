"""Files of a source that are no samples, said by what they are: how many, and what would help."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

_PACKINGS = frozenset({".gz", ".zst", ".bz2", ".xz"})
_MOST = 8
"""Sorts that are named; there may be one for every file."""


def passed_over(names: Iterable[str], remedies: Mapping[str, str]) -> list[str]:
    """A line for each sort of file, the most frequent first.

    names: relative to the source. remedies: what helps, or why they are none, by whole name, by name without suffix, or
    by suffix (`readme`, `.heic`), all in lower case. Files that are told by their names are said by these, others by
    their suffixes.
    """
    found: Counter[tuple[str, str]] = Counter()
    for name in names:
        base = PurePosixPath(name).name
        path = PurePosixPath(base.lower())
        if path.name in remedies or path.stem in remedies:
            found[_shown(base), remedies[path.name if path.name in remedies else path.stem]] += 1
            continue
        suffix = path.suffix
        said = PurePosixPath(path.stem).suffix + suffix if suffix in _PACKINGS else suffix
        found[_shown(said) or "without a suffix", remedies.get(said, remedies.get(suffix, ""))] += 1
    order = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    lines = [_line(count, what, why) for (what, why), count in order[:_MOST]]
    if more := order[_MOST:]:
        lines.append(_line(sum(count for _, count in more), f"of {len(more):,} other sorts", ""))
    return lines


def _line(count: int, what: str, why: str) -> str:
    return f"{count:,} {what} {'was' if count == 1 else 'were'} passed over{f': {why}' if why else ''}."


def _shown(name: str) -> str:
    """A stranger's name on one line."""
    return " ".join(name.split()).encode("utf-8", "backslashreplace").decode()[:60]
