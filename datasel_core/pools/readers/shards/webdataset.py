"""Samples in one tar shard, by the conventions of WebDataset: files that share a name up to its first dot and stand
together are one sample.

https://github.com/webdataset/webdataset#the-webdataset-format
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from datasel_core.pools.media.photos import reason
from datasel_core.pools.media.pictures import Member
from datasel_core.pools.readers.caption_columns import LONGEST
from datasel_core.pools.readers.shards.tar import File, Refused, files
from datasel_core.pools.readers.table_columns import gives_way

PICTURES = ("jpg", "jpeg", "png", "webp")
TEXTS = ("txt", "caption")
SAID = ("caption", "captions", "text")
"""Fields of a .json that hold the caption, or a list of captions, where there is no .txt or .caption."""

_WANTED = frozenset({*PICTURES, *TEXTS, "json"})
_LARGEST_TEXT = 4 * LONGEST
_MOST_FIELDS = 64
_LONGEST_FIELD = 10_000


@dataclass(frozen=True)
class Found:
    """One sample. key: its `__key__`. captions: as they stand there, unchecked. fields: other plain values of its
    .json. end: byte after its last file.
    """

    key: str
    picture: Member
    captions: list[Any]
    fields: dict[str, Any]
    end: int


@dataclass
class Passed:
    """What a shard held beside samples, counted and named. others: files that belong to no sample. fields: of .json
    that became no column.
    """

    others: int = 0
    fields: set[str] = field(default_factory=set)


def key_and_suffix(name: str) -> tuple[str, str] | None:
    """`a/b.c/0001.seg.png` is `a/b.c/0001` and `seg.png`; None for names without a dot, and for those that begin with
    one.
    """
    folder, slash, base = name.rpartition("/")
    stem, dot, suffix = base.partition(".")
    return (folder + slash + stem, suffix.lower()) if stem and dot else None


def samples(shard: Path, passed: Passed) -> Iterator[Found | Refused]:
    """The samples of a shard in order. Refused: a sample or file that cannot be used, or, without a name, the rest of
    the shard.
    """
    try:
        with open(shard, "rb") as walking, open(shard, "rb") as reading:
            for group in _groups(walking, passed):
                yield group if isinstance(group, Refused) else _sample(shard, *group, reading, passed)
    except OSError as error:
        yield Refused("", reason(error))


def _groups(walking: BinaryIO, passed: Passed) -> Iterator[tuple[str, dict[str, File]] | Refused]:
    """(key, suffix -> file) of each sample. A key that comes again, apart from its first files, is refused."""
    key, group, done = "", {}, set()
    for entry in files(walking):
        named = key_and_suffix(entry.name) if isinstance(entry, File) else None
        if named is None:
            if isinstance(entry, Refused):
                yield entry
            passed.others += isinstance(entry, File)
            continue
        if named[0] != key:
            if group:
                yield key, group
            done.add(key)
            key, group = named[0], {}
            if key in done:
                yield Refused(
                    key,
                    "its key stands in the shard a second time, apart from the first; files of one sample must stand "
                    "together",
                )
        if named[1] in group:
            yield Refused(entry.name, "a second file of this name; the first is used")
        elif key not in done and (named[1] in _WANTED or len(group) < _MOST_FIELDS):
            group[named[1]] = entry
    if group:
        yield key, group


def _sample(shard: Path, key: str, group: dict[str, File], reading: BinaryIO, passed: Passed) -> Found | Refused:
    picture = next((group[suffix] for suffix in PICTURES if suffix in group), None)
    if picture is None:
        return Refused(key, f"it has no picture (.{', .'.join(PICTURES)}); it has: .{', .'.join(list(group)[:5])}")
    try:
        fields = _fields(reading, group.get("json"))
        text = next((group[suffix] for suffix in TEXTS if suffix in group), None)
        said = _text(reading, text) if text else next((fields[name] for name in SAID if name in fields), None)
    except _BadText as error:
        return Refused(key, str(error))
    captions = said if isinstance(said, list) else [] if said is None else [said]
    end = max(file.offset + file.size for file in group.values())
    return Found(key, Member(shard, picture.offset, picture.size), captions, _plain(fields, passed), end)


class _BadText(Exception):
    """The text is the reason."""


def _text(reading: BinaryIO, file: File) -> str:
    if file.size > _LARGEST_TEXT:
        raise _BadText(
            f"{file.name.rpartition('/')[2]} has {file.size:,} bytes; the limit for text is {_LARGEST_TEXT:,}"
        )
    reading.seek(file.offset)
    try:
        return reading.read(file.size).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _BadText(f"{file.name.rpartition('/')[2]} is not UTF-8 text") from None


def _fields(reading: BinaryIO, file: File | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = json.loads(_text(reading, file))
    except (ValueError, RecursionError):
        raise _BadText(f"{file.name.rpartition('/')[2]} is not JSON") from None
    return found if isinstance(found, dict) else {}


def _plain(fields: dict[str, Any], passed: Passed) -> dict[str, Any]:
    """The fields that can be columns; the names of the others are noted."""
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if name in SAID:
            continue
        if not _is_plain(value) or not _is_plain(name) or not name or gives_way(name) or len(kept) == _MOST_FIELDS:
            if len(passed.fields) < _MOST_FIELDS:
                passed.fields.add(name[:60].encode("utf-8", "backslashreplace").decode())
            continue
        kept[name] = None if isinstance(value, float) and not math.isfinite(value) else value
    return kept


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_FIELD and "\0" not in value and _is_unicode(value)
    return value is None or isinstance(value, int | float)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
