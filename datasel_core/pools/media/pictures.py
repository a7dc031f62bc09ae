"""Pictures of pairs: a file, or a stretch of bytes inside a tar shard; what is found when one is read for the first
time.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.errors import BadRequest
from datasel_core.pools.media import photos
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
        """Raises OSError; UnreadablePhoto when the shard is no longer what it was."""
        with open(self.shard, "rb") as file:
            file.seek(self.offset)
            data = file.read(self.size)
        if len(data) < self.size:
            raise photos.UnreadablePhoto(f"{self.shard.name} is shorter than it was; add the pool again")
        if self.content and content_of(hash_of(data), self.captions) != self.content:
            raise photos.UnreadablePhoto(f"{self.shard.name} changed since it was read; add the pool again")
        return data

    def __str__(self) -> str:
        return f"{self.shard}, {self.size:,} bytes from byte {self.offset:,}"


@dataclass(frozen=True)
class Look:
    """width, height: pixels, upright. bytes: of the file. hash: of its bytes."""

    width: int
    height: int
    bytes: int
    hash: str

    def columns(self) -> dict[str, Any]:
        return {"width": self.width, "height": self.height, "bytes": self.bytes}


def look_at(picture: Path | Member) -> Look | str:
    """What a picture is, or the reason why it cannot be used. Its bytes are read once."""
    try:
        size = picture.size if isinstance(picture, Member) else photos.file_size(picture)
        if size > MOST_BYTES:
            return f"the file has {size / 1e6:,.0f} MB; the limit is {MOST_BYTES / 1e6:,.0f} MB"
        data = picture.read() if isinstance(picture, Member) else picture.read_bytes()
        facts = photos.inspect(io.BytesIO(data))
    except (photos.UnreadablePhoto, OSError) as error:
        return photos.reason(error)
    return Look(facts.width, facts.height, facts.bytes, hash_of(data))


def hash_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def look_at_file(workspace: Workspace, root: Path, path: str) -> Look | str:
    """The same for a path that a table gives, relative to `root`; it must lie under an allowed root, links followed."""
    try:
        path.encode()
        real = workspace.allowed(root / path)
    except UnicodeEncodeError:
        return "its path is not valid Unicode"
    except BadRequest as error:
        return str(error)
    except OSError as error:  # a name longer than file systems take, a circle of links
        return photos.reason(error)
    return look_at(real)
