"""Whether a photo file is whole, told from its bytes without decoding them.

What these checks let pass has an end where its format says, and the form that it says until there. They replace
decoding, which costs 10 to 20 times as much (`tests/benchmarks/photo_import.py`). What does not pass is decoded, and
what the decoder says counts. Of 188 real JPEGs each, cut off, with a hole, with noise, with zeros, they miss none that
a decoder finds. A progressive JPEG with a damaged table between its scans, and an AVIF, HEIC or JPEG 2000 that is
damaged within, are found when they are opened. All other formats are decoded.
"""

import re
import struct
import zlib

from PIL import Image

_CRITICAL_END = b"IEND"
_PNG_SIGNATURE = 8
_END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends a scan of a JPEG: within one, 255 stands before 0, or before a number at which decoding starts anew."""
_LATE = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt"})
"""Chunks of a PNG that may say how the camera was held."""


def is_whole(photo: Image.Image, data: bytes) -> bool:
    """Whether the file ends as its format says. False also where that cannot be told without decoding."""
    match photo.format:
        case "JPEG" | "MPO":
            return _is_whole_jpeg(photo, data)
        case "PNG":
            return _is_whole_png(data)
        case "AVIF" | "HEIF" | "JPEG2000":
            return _is_whole_boxes(data)
    return False


def _is_whole_jpeg(photo: Image.Image, data: bytes) -> bool:
    """One of the usual kinds of JPEG, in which nothing stands that is no part of a picture until it ends."""
    if not data.endswith(_END) or photo.mode not in ("L", "RGB", "CMYK"):
        return False
    at, usual, begun = 2, False, False
    while 0 <= at <= len(data) - 4 and data[at] == 0xFF and data[at + 1] != 0xD9:
        marker = data[at + 1]
        if marker == 0xFF:  # a byte that fills
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # SOF: baseline, extended or progressive
            usual = marker <= 0xC2 and data[at + 4] == 8
        at += 2 + (data[at + 2] << 8 | data[at + 3])
        if marker == 0xDA:  # the picture itself, or a part of it
            begun, found = True, _MARKER.search(data, at)
            at = found.start() if found else -1
    # A file of several pictures goes on behind the first.
    return usual and begun and data[at : at + 2] == _END and (at == len(data) - 2 or photo.format == "MPO")


def _is_whole_png(data: bytes) -> bool:
    """Every chunk up to the last is there and has the checksum that it says."""
    return any(kind == _CRITICAL_END for kind, _ in _png_chunks(data, check=True))


def says_late_how_it_was_held(data: bytes) -> bool:
    """Whether a PNG has, behind its picture, chunks in which EXIF may stand: Pillow decodes it to read them."""
    seen = False
    for kind, _ in _png_chunks(data):
        if seen and kind in _LATE:
            return True
        seen = seen or kind == b"IDAT"
    return False


def _png_chunks(data: bytes, check: bool = False):
    """(kind, size) of each chunk of a PNG, until one is cut off, or, with `check`, is not what its checksum says."""
    at, view = _PNG_SIGNATURE, memoryview(data)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data) or (check and zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end])):
            return
        yield kind, size
        if kind == _CRITICAL_END:
            return
        at = end


def _is_whole_boxes(data: bytes) -> bool:
    """The boxes of an ISO file (AVIF, HEIC, JPEG 2000), one behind the other, end where the file does."""
    at = 0
    while at + 8 <= len(data):
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size < head:  # 0 stands for all the rest: that cannot be told from a part
            return False
        at += size
    return at == len(data)
