"""What a source holds beside what was read: said by suffix and count, with what can be done about it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

_MOST = 8
"""Suffixes that are named; there may be one for every file."""


def passed_over(names: Iterable[str], remedies: Mapping[str, str]) -> list[str]:
    """A note for a person, or none where nothing was passed over: `3 files were passed over: 2 .txt, 1 .cr2 (export
    them as JPEG)`.

    names: of the files. remedies: suffix, in small letters with its dot, empty for a file without one -> what to do.
    """
    counts = Counter(PurePosixPath(name).suffix.lower() for name in names)
    if not counts:
        return []
    n = counts.total()
    order = sorted(counts, key=lambda suffix: (suffix not in remedies, -counts[suffix], suffix))
    parts = [_part(suffix, counts[suffix], remedies.get(suffix)) for suffix in order[:_MOST]]
    if more := order[_MOST:]:
        parts.append(f"{sum(counts[suffix] for suffix in more):,} with {len(more):,} other endings")
    return [f"{n:,} {'file was' if n == 1 else 'files were'} passed over: {', '.join(parts)}."]


def _part(suffix: str, n: int, remedy: str | None) -> str:
    suffix = suffix.encode("utf-8", "backslashreplace").decode()
    return f"{n:,} {suffix or 'without an ending'}" + (f" ({remedy})" if remedy else "")
