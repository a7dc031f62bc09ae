"""What is kept of one text sample: its turns as columns, their hash, and the plain values beside them."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from datasel_core.base.conversation import Turn
from datasel_core.pools.readers import table_columns
from datasel_core.pools.readers.tables.typed import unicode_trouble
from datasel_core.pools.readers.texts.preferences import REJECTED
from datasel_core.pools.readers.texts.spans import SPANS, places
from datasel_core.pools.readers.texts.turns import DEFINITIONS, BadRow, Said, dumped, readable, shown, turn_of

TEXTS = ("text", "prompt", "response", "messages")
"""Columns that hold samples."""

_NUL = "\0"
_OWN = frozenset({"source", SPANS, *TEXTS})
_MOST_COLUMNS = 64
_PLAIN = (int, float, date)


def columns_of(turns: Sequence[Said]) -> dict[str, str]:
    """`text`; or `prompt` and `response`, and `messages` where a sample is more than these. Raises BadRow for keys of
    turns that no file could hold.
    """
    if turns[0].role == "text":
        return {"text": turns[0].text}
    plain = all(turn.stored is None for turn in turns)
    if plain and len(turns) == 2 and turns[0].role == "user" and turns[1].role == "assistant":
        return {"prompt": turns[0].text, "response": turns[1].text}
    last = max(at for at, turn in enumerate(turns) if turn.role == "assistant" and turn.learned)
    messages = dumped([turn.message() for turn in turns], separators=(",", ":"))
    if not plain:
        checked("messages", messages)
    return {"prompt": readable(turns[:last]), "response": turns[last].text, "messages": messages}


def turns_of(columns: Mapping[str, str | None]) -> list[Turn]:
    """The turns back from the columns."""
    if columns.get("messages") is not None:
        return [turn_of(message) for message in json.loads(columns["messages"])]
    if columns.get("text") is not None:
        return [Turn("text", columns["text"], spans=places(columns.get(SPANS)))]
    return [Turn("user", columns["prompt"]), Turn("assistant", columns["response"])]


def whole(turns: Sequence[Turn]) -> str:
    """All of a sample as one text: prompt and response, or the conversation with who says what."""
    if [turn.role for turn in turns] == ["user", "assistant"]:
        return f"{turns[0].text}\n\n{turns[1].text}"
    return readable(turns)


def content_of(
    turns: Sequence[Said], rejected: str | None = None, label: bool | None = None, spans: str | None = None
) -> str:
    """Hash of who says what, of what is learned, of a second response or what people said of the first, and of where
    facts are marked: what is measured of them hangs on it. Raises BadRow for text that no file could hold.
    """
    parts = [part for turn in turns for part in (turn.role if turn.weight else "unlearned", turn.text)]
    if rejected is not None:
        checked(REJECTED, rejected)
        parts += [REJECTED, rejected]
    if label is not None:
        parts += ["label", str(label)]
    if spans:
        checked(SPANS, spans)
        parts += [SPANS, spans]
    whole = _NUL.join(parts)  # no text holds the character between them
    if whole.count(_NUL) != len(parts) - 1:
        raise BadRow(f"its {_where(turns, lambda text: _NUL not in text)} holds a NUL character, which is no text")
    try:
        return hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()
    except UnicodeEncodeError as error:
        raise BadRow(f"its {_where(turns, _is_unicode)} {unicode_trouble(whole[error.start])}") from None


def _where(turns: Sequence[Said], good: Callable[[str], bool]) -> str:
    at = next(at for at, turn in enumerate(turns) if not good(turn.text))
    if turns[at].role == "text":
        return "text"
    return {0: "prompt", 1: "response"}[at] if len(turns) == 2 else f"turn {at + 1} ({turns[at].role})"


def checked(name: str, text: str) -> None:
    """Raises BadRow for text that no file could hold."""
    if not text.isascii() and not _is_unicode(text):
        raise BadRow(f"its {shown(name)} {unicode_trouble(_lone(text))}")
    if _NUL in text:
        raise BadRow(f"its {shown(name)} holds a NUL character, which is no text")


def is_sound(text: str) -> bool:
    """Whether a file could hold the text."""
    return (text.isascii() or _is_unicode(text)) and _NUL not in text


def _lone(text: str) -> str:
    return next(one for one in text if "\ud800" <= one <= "\udfff")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Beside:
    """The other values of rows, as columns: those with names of ours get another, those that are no plain values are
    noted.

    ours: names of ours, in lower case.
    """

    def __init__(self, ours: frozenset[str] = _OWN) -> None:
        self._ours = ours
        self.nested: set[str] = set()
        self.over: set[str] = set()
        self.renamed: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, row: Mapping[str, Any], used: Sequence[str]) -> dict[str, Any]:
        """Raises BadRow for text that no file could hold."""
        kept = {}
        for name, value in row.items():
            if value is None or name in used:
                continue
            if name in DEFINITIONS and isinstance(value, list | dict):
                value = dumped(value)
            if isinstance(value, str):
                checked(name, value)
            elif isinstance(value, Decimal):
                value = float(value)
            elif not isinstance(value, _PLAIN):
                self.note([name])
                continue
            if value.__class__ is float and not math.isfinite(value):
                continue
            own = self.own(name)
            if own is not None:
                kept[own] = value
        return kept

    def own(self, name: str) -> str | None:
        """What a column is called; None where it is left out."""
        return self._names[name] if name in self._names else self._name(name)

    def note(self, nested: Sequence[str]) -> None:
        """Columns whose values are not plain."""
        for name in nested:
            if len(self.nested) < _MOST_COLUMNS:
                self.nested.add(shown(name))

    def notes(self) -> list[str]:
        found = []
        if self.nested:
            found.append(f"Values that are no text, number or truth value became no columns: {_some(self.nested)}.")
        if self.over:
            found.append(
                f"There are more than {_MOST_COLUMNS} columns, or they have no name; left out were: {_some(self.over)}."
            )
        if self.renamed:
            found.append(
                "Columns with names that are taken stand under others: "
                f"{_some(f'{shown(old)} as {new}' for old, new in self.renamed.items())}."
            )
        return found

    def _name(self, name: str) -> str | None:
        """The column's own name, from now on; SQL filters do not tell `Level` from `level`."""
        if len(self._taken) >= _MOST_COLUMNS or not name.strip() or _NUL in name or not _is_unicode(name):
            if len(self.over) < _MOST_COLUMNS:
                self.over.add(shown(name))
            return None
        own = name
        while own.lower() in self._taken or table_columns.gives_way(own) or own.lower() in self._ours or _is_near(own):
            own += "_"
        if own != name:
            self.renamed[name] = own
        self._taken.add(own.lower())
        self._names[name] = own
        return own


def _is_near(name: str) -> bool:
    """Whether a filter would not tell a column from the one with second responses; that name itself may stand beside
    samples with one response.
    """
    return name != REJECTED and name.lower() == REJECTED


def _some(names: Any) -> str:
    names = sorted(names)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
