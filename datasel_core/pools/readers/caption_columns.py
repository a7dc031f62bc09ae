"""Captions: which are usable, how a picture with several becomes samples, and the hash of what a pair is."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from datasel_core.errors import BadInput
from datasel_core.workspace.hashing import canonical

LONGEST = 1_000_000
"""Characters. An encoder's tokenizer cuts a caption where it likes; beyond this it is a broken file, not a caption."""

Choice = Literal["each", "mean"]


class UnusableCaption(BadInput):
    """The text is the reason."""


@dataclass(frozen=True)
class Said:
    """One sample: its id and its captions; or, where it cannot be one, the reason. part: which of the picture's
    captions it begins with, from 0.
    """

    id: str
    captions: tuple[str, ...]
    reason: str = ""
    part: int = 0


def cleaned(caption: Any) -> str:
    """The caption without space around it, which files add and tokenizers drop. Raises UnusableCaption."""
    if caption is None:
        raise UnusableCaption("it has no caption")
    if not isinstance(caption, str):
        raise UnusableCaption(f"its caption is {_shortened(repr(caption))}; it must be text")
    text = caption.strip()
    if not text:
        raise UnusableCaption("its caption is empty")
    if len(text) > LONGEST:
        raise UnusableCaption(f"its caption has {len(text):,} characters; the limit is {LONGEST:,}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnusableCaption("its caption is not valid Unicode") from None
    return text


def samples(id: str, captions: Sequence[Any], choice: Choice) -> Iterator[Said]:
    """The samples that one picture becomes.

    each: one per caption, called `id`, or `id#1`, `id#2`, ... where there are several; numbers are places in the
    source, so that an empty caption renames no other. mean: one, called `id`, with all captions that are usable; the
    others are listed by their places.
    """
    if not len(captions):
        yield Said(id, (), "it has no caption")
        return
    usable: list[str] = []
    for part, caption in enumerate(captions):
        own = id if len(captions) == 1 else f"{id}#{part + 1}"
        try:
            text = cleaned(caption)
        except UnusableCaption as error:
            yield Said(own, (), str(error), part)
            continue
        usable.append(text)
        if choice == "each":
            yield Said(own, (text,), part=part)
    if choice == "mean" and usable:
        yield Said(id, tuple(usable))


def content_of(picture: str, captions: Sequence[str]) -> str:
    """Hash of a pair: of the picture's own hash and its captions, in order."""
    return hashlib.blake2b(canonical([picture, *captions]).encode(), digest_size=16).hexdigest()


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
