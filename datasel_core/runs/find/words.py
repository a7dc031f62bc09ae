"""What somebody types in order to find samples: words that all must occur, "phrases", and -words that must not.

Nothing of it is a pattern, nor SQL: each word is looked for as it is written, but for capitals and accents.
"""

import functools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasel_core.errors import BadRequest

LONGEST, MOST = 1000, 32
"""Characters of all that is typed, and how many words."""
_PART = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_BLANKS = re.compile(r"[ \t\n\r\f\v]+")
_BETWEEN = "\0"


@dataclass(frozen=True)
class Words:
    """wanted: all of them must occur. without: none of them may. Both are folded. typed: as it was written."""

    wanted: tuple[str, ...]
    without: tuple[str, ...]
    typed: str

    @property
    def has_blanks(self) -> bool:
        """Whether a phrase spans words: then any blanks of a text count as one."""
        return any(" " in word for word in (*self.wanted, *self.without))


def read(typed: str) -> Words:
    """Raises BadRequest, in one line, when it is empty, too long, or a quote has no end."""
    text = _checked(typed)
    parts, end = [], 0
    for found in _PART.finditer(text):
        if text[end : found.start()].strip():
            break
        parts.append(found)
        end = found.end()
    if text[end:].strip():
        raise BadRequest('A quote has no end; write "red dress" for a phrase, or leave the quote out.')
    said = [(one["minus"] == "-", one["word"] if one["phrase"] is None else one["phrase"]) for one in parts]
    said = [(minus, folded) for minus, word in said if (folded := _BLANKS.sub(" ", fold(word)).strip())]
    if not said:
        raise BadRequest("There is no word to look for; write one, such as dress.")
    if len(said) > MOST:
        raise BadRequest(f"There are {len(said):,} words; at most {MOST} are looked for at once.")
    wanted, without = ([word for minus, word in said if minus is which] for which in (False, True))
    return Words(tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(without)), text.strip())


def _checked(typed: str) -> str:
    if len(typed) > LONGEST:
        raise BadRequest(f"What is looked for has {len(typed):,} characters; it may have at most {LONGEST:,}.")
    if "\0" in typed or any(unicodedata.category(letter) == "Cs" for letter in typed):
        raise BadRequest("What is looked for holds a character that is no text; leave it out.")
    return typed


def fold(text: str) -> str:
    """The same without capitals and accents: `Éclair` as `eclair`, `Straße` as `strasse`, full width as narrow.

    Only marks that stand over or under letters go: vowels of Indic scripts and the voicing of kana stay.
    """
    if text.isascii():
        return text.lower()
    return "".join(map(_letter, unicodedata.normalize("NFKC", text)))


def folded(texts: Sequence[str]) -> list[str]:
    """`fold` of each, all at once: letters are looked up in one table. A NUL becomes a blank.

    `tests/benchmarks/find_speed.py` prints the ratio: in Cyrillic 4 to 5 times as fast as one by one.
    """
    joined = _BETWEEN.join(_normal(text.replace(_BETWEEN, " ")) for text in texts)
    if joined.isascii():
        return joined.lower().split(_BETWEEN) if texts else []
    letters = _codes(joined)
    for code in _learn(letters):
        joined = joined.replace(chr(code), _letter(chr(code)))
    found = _TABLE[_codes(joined)]
    if (gone := found == _NOTHING).any():
        found = found[~gone]
    return str(found.astype("<u4", copy=False).data, "utf-32-le").split(_BETWEEN)


def one_blank(text: str) -> str:
    """Any run of blanks as one."""
    return _BLANKS.sub(" ", text)


@functools.lru_cache(maxsize=1 << 16)
def _letter(letter: str) -> str:
    """One letter, folded; nothing of a mark that stands over or under letters."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", letter).casefold())
    kept = (one for one in apart if not (10 <= (way := unicodedata.combining(one)) <= 36 or way >= 200))
    return unicodedata.normalize("NFC", "".join(kept))


def _normal(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _codes(text: str) -> np.ndarray:
    """(letters,) uint32: their places in Unicode."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


_LETTERS, _NEW, _MANY, _NOTHING = 0x110000, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_TABLE = np.full(_LETTERS, _NEW, np.uint32)
"""Letter -> the one that it is folded to; filled as letters are met. _MANY: to several, such as \u00df to ss."""


def _learn(letters: np.ndarray) -> list[int]:
    """Fills the table for these letters. Returns those that are folded to several."""
    there = np.zeros(_LETTERS, bool)
    there[letters] = True
    codes = np.flatnonzero(there)
    for code in codes[_TABLE[codes] == _NEW].tolist():
        one = _letter(chr(code))
        _TABLE[code] = ord(one) if len(one) == 1 else _MANY if one else _NOTHING
        for inner in one:
            if _TABLE[ord(inner)] == _NEW:
                _TABLE[ord(inner)] = ord(inner)
    return codes[_TABLE[codes] == _MANY].tolist()
