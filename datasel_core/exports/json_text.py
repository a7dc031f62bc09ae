"""A JSON object as text: where its members stand, and the elements of those that are lists, so that parts of a large
file can leave as they stand there.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SPACE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True)
class Member:
    """text: of the whole object. start, end: of the value in it. spans: where each element of a list begins and ends;
    nothing where the value is no list.
    """

    text: str
    start: int
    end: int
    spans: list[tuple[int, int]]

    def __str__(self) -> str:
        return self.text[self.start : self.end]

    def elements(self) -> Iterator[str]:
        """The text of each element of a list."""
        return (self.text[start:end] for start, end in self.spans)


def members(text: str) -> dict[str, Member]:
    """Key -> member of a JSON object. One value at a time becomes objects. Raises ValueError, also where the text is no
    JSON object.
    """
    try:
        return _members(text)
    except (IndexError, RecursionError) as error:
        raise ValueError(f"it is cut off or too deep ({error})") from None


def _members(text: str) -> dict[str, Member]:
    at, found = _behind(text, 0, "{"), {}
    while text[at] != "}":
        key, at = _decode(text, at)
        start = _behind(text, at, ":")
        spans, end = _spans(text, start) if text[start] == "[" else ([], _decode(text, start)[1])
        found[key] = Member(text, start, end, spans)
        at = _next(text, end)
    return found


def _spans(text: str, at: int) -> tuple[list[tuple[int, int]], int]:
    """Where each element of a list stands, and where the list ends."""
    at, found = _behind(text, at, "["), []
    while text[at] != "]":
        _, end = _decode(text, at)
        found.append((at, end))
        at = _next(text, end)
    return found, at + 1


def _behind(text: str, at: int, mark: str) -> int:
    """Where something begins behind a mark that must stand here."""
    at = _begin(text, at)
    if text[at] != mark:
        raise ValueError(f"there is {text[at]!r} where {mark!r} must be")
    return _begin(text, at + 1)


def _next(text: str, at: int) -> int:
    """Where the next element begins, or the mark stands that ends them."""
    at = _begin(text, at)
    return _behind(text, at, ",") if text[at] == "," else at


def _begin(text: str, at: int) -> int:
    found: Any = _SPACE.match(text, at)
    return found.end()
