"""The items of a JSON list, one by one: the list is never in memory as a whole."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from datasel_core.pools.readers.tables.streams import UNPACKING, Position, Trouble, trouble_of

_BLOCK = 1 << 20
_SPACE = " \t\r\n"
_NEAR = 32
"""Characters. An error this near to what has been read so far may be only its end."""


def items(stream: TextIO, longest: int, position: Position | None = None) -> Iterator[tuple[int, Any]]:
    """(number from 1, item), or Trouble where the list is broken; nothing after it can be read. position: is told the
    text of each item.
    """
    reading, at = _Reading(stream, longest), 0
    try:
        if reading.next() != "[":
            yield 1, Trouble("it is no JSON list")
            return
        reading.at += 1
        mark, at = "," if reading.next() != "]" else "]", 0
        while mark == ",":
            at += 1
            item = reading.item()
            if position is not None:
                position.text = reading.taken
            yield at, item
            mark = reading.next()
            reading.at += mark == ","
        if mark != "]":
            said = f"there is {mark!r} where , or ] should be" if mark else "it is cut off"
            yield at + 1, Trouble(f"from here on it is no JSON list ({said})")
    except (ValueError, RecursionError) as error:
        yield at, Trouble(f"from here on it is no JSON ({getattr(error, 'msg', error)})")
    except UNPACKING as error:
        yield at, Trouble(f"from here on it cannot be read ({trouble_of(error)})")


class _Reading:
    """A window of the text that grows while an item does not end in it. at: how far it was read. taken: the text of the
    item that was read last.
    """

    def __init__(self, stream: TextIO, longest: int):
        self.stream, self.longest = stream, longest
        self.text, self.at, self.ended, self.taken = "", 0, False, ""
        self.decode = json.JSONDecoder().raw_decode

    def next(self) -> str:
        """The next character that is no space, without taking it; none at the end."""
        self._pass_space()
        while self.at == len(self.text) and not self.ended:
            self.more()
            self._pass_space()
        return self.text[self.at : self.at + 1]

    def _pass_space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1

    def item(self) -> Any:
        """The next item, however far it goes on. Raises ValueError where it is no JSON, or too long."""
        self.next()
        while not (found := self._decoded()):
            self.more()
        item, end = found
        self.taken, self.at = self.text[self.at : end], end
        return item

    def _decoded(self) -> tuple[Any, int] | None:
        """The item and where it ends; None while more of the text is needed to tell."""
        try:
            item, end = self.decode(self.text, self.at)
        except json.JSONDecodeError as error:
            may_go_on = error.pos > len(self.text) - _NEAR or error.msg.startswith("Unterminated")
            if self.ended or not may_go_on:
                raise
            if len(self.text) - self.at > self.longest:
                raise ValueError(f"an item is longer than {self.longest:,} characters") from None
            return None
        # A number at the edge may have more digits.
        return (item, end) if end < len(self.text) or self.ended else None

    def more(self) -> None:
        """Twice as much each time, so that a large item is not tried a thousand times."""
        self.text = self.text[self.at :]
        self.at = 0
        read = self.stream.read(max(_BLOCK, len(self.text)))
        self.ended = not read
        self.text += read
