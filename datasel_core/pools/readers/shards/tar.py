"""What a tar holds: names, places and sizes of its files. Nothing is unpacked, and nothing that a tar says is believed
unchecked.
"""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_LONGEST_NAME = 1024
_LARGEST_HEADER = 1 << 20
"""Bytes. A name or its attributes may take this much; a header that claims more is refused before it is read."""

_BLOCK = 512
_PACKERS = (
    (rb"\x1f\x8b", "gzip", "gunzip"),
    (rb"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
    (rb"\xfd7zXZ\x00", "xz", "unxz"),
    (rb"BZh.1AY&SY", "bzip2", "bunzip2"),
)
_TROUBLE = (
    tarfile.TarError,
    ValueError,
    OSError,
    OverflowError,
    EOFError,
    MemoryError,
    LookupError,
    TypeError,
    RecursionError,
)
"""What the standard library's reader raises on broken headers, besides its own errors."""


@dataclass(frozen=True)
class File:
    """A plain file: its bytes are `size` from `offset`."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Refused:
    """What cannot be used, and why. name: empty when it is the rest of the tar."""

    name: str
    reason: str


def files(tar: BinaryIO) -> Iterator[File | Refused]:
    """The files of a tar in order, in constant memory. A broken or cut tar ends with a Refused without a name; what
    stood before has been given.

    tar: opened for reading bytes; its position is the reader's own meanwhile.
    """
    total = tar.seek(0, 2)
    tar.seek(0)
    trouble, reached = _not_a_tar(tar.read(10), total), -1
    tar.seek(0)
    try:
        # the caller owns the file
        reader = None if trouble else tarfile.open(fileobj=_Careful(tar), mode="r:")  # noqa: SIM115
    except _TROUBLE:
        trouble = "it is no tar archive"
    while not trouble:
        try:
            info = reader.next()
        except _TROUBLE:
            trouble = _broken(reader.offset, total)
            break
        reader.members = []  # else the reader remembers every file it has passed
        if info is None:
            trouble = _ending(tar, reader.offset, total)
            break
        if info.size < 0 or reader.offset <= reached:  # a negative size would send the reader round in circles
            trouble = f"the header before byte {info.offset_data:,} gives an impossible size"
            break
        reached = reader.offset
        if not info.isdir():
            yield _file(info, total)
        if info.isreg() and info.offset_data + info.size > total:
            trouble = f"it is cut off at byte {total:,}"
    if trouble:
        yield Refused("", trouble)


class _Careful:
    """The file as the reader sees it: no header may make it read a gigabyte."""

    def __init__(self, file: BinaryIO):
        self.seek, self.tell, self._file = file.seek, file.tell, file

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LARGEST_HEADER:
            raise tarfile.ReadError("a header of impossible size")
        return self._file.read(size)


def _not_a_tar(start: bytes, total: int) -> str:
    if not total:
        return "it is empty"
    for magic, name, remedy in _PACKERS:
        if re.match(magic, start, re.DOTALL):
            return (
                f"it is compressed ({name}), so that no sample could be opened without reading all before it; unpack "
                f"it first: {remedy} FILE"
            )
    return ""


def _file(info: tarfile.TarInfo, total: int) -> File | Refused:
    reason = _refusal(info)
    if not reason and info.offset_data + info.size > total:
        reason = f"it claims {info.size:,} bytes, of which the file holds {max(0, total - info.offset_data):,}"
    return (
        Refused(_printable(info.name), reason)
        if reason
        else File(info.name.removeprefix("./"), info.offset_data, info.size)
    )


def _refusal(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "it is a link, which is not followed"
    if not info.isreg():
        return "it is no plain file"
    if info.sparse is not None:
        return "it is stored with holes (a sparse file); pack it again without --sparse"
    name = info.name
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not valid UTF-8"
    if "\0" in name or not name.strip():
        return "its name is empty or holds a zero byte"
    if len(name) > _LONGEST_NAME:
        return f"its name has {len(name):,} characters; the limit is {_LONGEST_NAME:,}"
    if name[0] in "/\\" or re.match(r"[A-Za-z]:[/\\]", name):
        return "its name is an absolute path, which no sample may have"
    if ".." in re.split(r"[/\\]", name):
        return "its name leads out of the archive with .."
    return ""


def _ending(tar: BinaryIO, offset: int, total: int) -> str:
    """Why a tar ended where the reader found no more; nothing when it ended as it should, with a block of zeros."""
    tar.seek(offset)
    block = tar.read(_BLOCK)
    if block == bytes(_BLOCK):
        return ""
    return _broken(offset, total)


def _broken(offset: int, total: int) -> str:
    if offset + _BLOCK > total:
        return f"it is cut off at byte {total:,}"
    return f"it is broken: from byte {offset:,} on there is no tar header"


def _printable(name: str) -> str:
    name = name if len(name) <= 200 else name[:197] + "..."
    return name.encode("utf-8", "backslashreplace").decode()
