"""Formats of photos: by what endings they are known, what reads them, and what a person does about the others."""

import functools
import os
import threading
from types import MappingProxyType

from PIL import Image, UnidentifiedImageError

SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
        *(".avif", ".jp2", ".heic", ".heif"),
    )
)
_ENDINGS = MappingProxyType(
    {
        "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
        "MPO": (".jpg", ".jpeg", ".jpe", ".jfif"),
        "TIFF": (".tif", ".tiff"),
        "JPEG2000": (".jp2",),
        "HEIF": (".heic", ".heif"),
    }
)
_READ = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000", "HEIF")
"""Formats of Pillow that a file without an ending may have; others are told by too little to be sure."""

_RAW = "raw photos are not read: export them as JPEG or TIFF"
_VIDEO = "videos are not read: save frames of it as JPEG"
_TABLE = "a table: open the file itself"
_PACKED = "unpack it"
REMEDIES = MappingProxyType(
    dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf"), _RAW)
    | dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm"), _VIDEO)
    | dict.fromkeys((".csv", ".tsv", ".jsonl", ".parquet"), _TABLE)
    | dict.fromkeys((".zip", ".gz", ".tgz", ".7z", ".rar"), _PACKED)
    | {
        "": "none of a known picture format",
        ".tar": "unpack it, or open the folder with --kind pairs",
        ".svg": "drawings are not read: save them as PNG",
        ".pdf": "save its pages as PNG",
        ".psd": "save it as PNG or TIFF",
        ".dcm": "save it as PNG or TIFF",
        ".exr": "save it as TIFF",
        ".jxl": "save it as PNG or JPEG",
    }
)
"""Suffix of a file that is passed over in a folder of photos -> what to do."""

NEEDS_HEIF = "it is a HEIC photo, and pillow-heif is not installed: pip install pillow-heif"
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_JPEG = b"\xff\xd8\xff"
_registering = threading.Lock()


def has_photo_suffix(name: str) -> bool:
    return suffix(name) in SUFFIXES


def suffix(name: str) -> str:
    """In small letters, with its dot; empty where there is none."""
    return os.path.splitext(name)[1].lower().rstrip(".")


def endings(format: str) -> tuple[str, ...]:
    """How files of one of Pillow's formats end, the usual one first."""
    return _ENDINGS.get(format, (f".{format.lower()}",))


def opened(stream, formats: tuple[str, ...] | None = None) -> Image.Image:
    """The photo of a stream that can be sought in, its header read. Raises what Pillow raises."""
    if formats is None and stream.read(3) == _JPEG:
        stream.seek(0)
        try:  # to ask all readers takes half as long again
            return Image.open(stream, formats=("JPEG",))
        except UnidentifiedImageError:
            pass
    stream.seek(0)
    try:
        return Image.open(stream, formats=formats)
    except UnidentifiedImageError:
        stream.seek(0)
        if not is_heif(stream.read(12)) or not heif_is_known():
            raise
        stream.seek(0)
        return Image.open(stream, formats=("HEIF",))


def is_heif(head: bytes) -> bool:
    """Whether a file that begins like this is HEIC or HEIF. head: 12 bytes."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def is_photo(stream) -> bool:
    """Whether a stream begins as a photo does, whatever its name says."""
    try:
        with opened(stream, tuple(format for format in _READ if format in Image.OPEN)):
            return True
    except Exception:  # noqa: BLE001  (a file of any kind may upset a reader of pictures in any way)
        return False


@functools.cache
def heif_is_known() -> bool:
    """Registers the reader of HEIC with Pillow, when the first such photo comes; False where it is not installed."""
    with _registering:
        try:
            import pillow_heif
        except ImportError:
            return False
        pillow_heif.register_heif_opener()
        return True
