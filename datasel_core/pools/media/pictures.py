"""Pictures: a file, or a stretch of bytes inside a tar shard; what is found when one is read for the first time, and
whether it is still the same when it is read again.
"""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.errors import BadRequest
from datasel_core.pools.media import masks, photos
from datasel_core.pools.readers.caption_columns import content_of
from datasel_core.workspace.layout import Workspace

MOST_BYTES = 256 << 20
"""Of one picture file: it is read whole, several at a time."""


@dataclass(frozen=True)
class Member:
    """A file inside an uncompressed tar: where its bytes begin, and how many there are.

    content, captions: of the sample it belongs to, where it is known already; then what is read must still be the same
    picture.
    """

    shard: Path
    offset: int
    size: int
    content: str = ""
    captions: tuple[str, ...] = ()

    def read(self) -> bytes:
        """Raises OSError; ReplacedPhoto when the shard is no longer what it was."""
        with open(self.shard, "rb") as file:
            file.seek(self.offset)
            data = file.read(self.size)
        if len(data) < self.size:
            raise ReplacedPhoto(f"{self.shard.name} is shorter than it was; add the pool again")
        if self.content and content_of(hash_of(data), self.captions) != self.content:
            raise ReplacedPhoto(f"{self.shard.name} changed since it was read; add the pool again")
        return data

    def __str__(self) -> str:
        return f"{self.shard}, {self.size:,} bytes from byte {self.offset:,}"


@dataclass(frozen=True)
class KeptFile:
    """A picture file, which must still be what it was when its pool was read.

    content, captions: of the sample it belongs to. stamp: of the file when it was read, where that was kept.
    """

    path: Path
    content: str
    captions: tuple[str, ...] = ()
    stamp: tuple[int, ...] = ()

    def read(self) -> bytes:
        """Raises OSError; ReplacedPhoto when it is another picture by now."""
        data, state = photos.read_file(self.path)
        if self.stamp != stamp_of(state):
            self._compare(state, lambda: hash_of(data))
        return data

    def check(self) -> None:
        """The same; the file is read only where its size or times are not those that it had."""
        state = photos.regular(self.path)
        if self.stamp != stamp_of(state):
            self._compare(state, lambda: hash_of(self.path.read_bytes()))

    def _compare(self, state: os.stat_result, hashed: Callable[[], str]) -> None:
        key = (state.st_dev, state.st_ino, *stamp_of(state))
        found = _hashes[key] if key in _hashes else hashed()
        if any(kept_stamp(state)):
            _hashes[key] = found
        if found != self.content and content_of(found, self.captions) != self.content:
            raise ReplacedPhoto(REPLACED)

    def __str__(self) -> str:
        return str(self.path)


class ReplacedPhoto(photos.UnreadablePhoto):
    """A file is another picture than the one that was added."""


REPLACED = "it was replaced after the pool was added (its bytes differ); add the pool again"
_TICK = 2_000_000_000
"""Nanoseconds. A file written a moment ago may be written once more without looking younger."""
_hashes: dict[tuple[int, ...], str] = {}
"""Place, size and times of a file -> hash of its bytes: read once by this process."""


def stamp_of(state: os.stat_result) -> tuple[int, int, int]:
    """By what a file that was written since is known: its size and times."""
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


def kept_stamp(state: os.stat_result) -> tuple[int, int, int]:
    """The same, to be kept: zeros, which no file has, where it was written only just now."""
    young = time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) < _TICK
    return (0, 0, 0) if young else stamp_of(state)


@dataclass(frozen=True, slots=True)
class Look:
    """width, height: pixels, upright. bytes: of the file. hash: of its bytes. stamp: see `kept_stamp`.

    grey, sign: what tells label masks, where that was asked.
    """

    width: int
    height: int
    bytes: int
    hash: str
    stamp: tuple[int, ...] = (0, 0, 0)
    grey: bool = False
    sign: masks.Sign | None = None

    def columns(self) -> dict[str, Any]:
        return {"width": self.width, "height": self.height, "bytes": self.bytes}


def look_at(picture: str | Path | Member, *, limited: bool = True, mask_name: str | None = None) -> Look | str:
    """What a picture is, or the reason why it cannot be used. Its bytes are read once.

    limited: it may have `MOST_BYTES`. mask_name: by which to judge whether it is a label mask; None judges nothing.
    """
    try:
        data, stamp = _read(picture, MOST_BYTES if limited else None)
        facts = photos.inspect(data, mask_name)
    except (photos.UnreadablePhoto, OSError) as error:
        return photos.reason(error)
    return Look(facts.width, facts.height, facts.bytes, hash_of(data), stamp, facts.grey, facts.sign)


def _read(picture: str | Path | Member, most: int | None) -> tuple[bytes, tuple[int, ...]]:
    if not isinstance(picture, Member):
        data, state = photos.read_file(picture, most)
        return data, kept_stamp(state)
    if most is not None and picture.size > most:
        raise photos.UnreadablePhoto(f"the file has {picture.size / 1e6:,.0f} MB; the limit is {most / 1e6:,.0f} MB")
    return picture.read(), (0, 0, 0)


def hash_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def real_path(workspace: Workspace, root: Path, path: str, roots: Sequence[Path] | None = None) -> Path | str:
    """Where a file really lies, or why it may not be read."""
    try:
        path.encode()
        return workspace.allowed(root / path, roots)
    except UnicodeEncodeError:
        return "its path is not valid Unicode"
    except BadRequest as error:
        return str(error)
    except OSError as error:  # a name longer than file systems take, a circle of links
        return photos.reason(error)
