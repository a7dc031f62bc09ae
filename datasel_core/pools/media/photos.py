"""Opening photos: header check, decoding at the size that is needed, and one clear reason when it does not work."""

import io
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from datasel_core.errors import BadInput
from datasel_core.pools.media import formats, masks, whole

SUFFIXES = formats.SUFFIXES

# A photo above the limit is refused by `_checked`, with its size; Pillow's own limit stays on for what lies far above.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")  # broken EXIF: see `_upright`


class UnreadablePhoto(BadInput):
    """A photo cannot be opened; the text is the reason."""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """Size in pixels as shown (after the camera's rotation), bytes on disk. grey, sign: what tells label masks, where
    that was asked.
    """

    width: int
    height: int
    bytes: int
    grey: bool = False
    sign: masks.Sign | None = None


class Bytes(Protocol):
    """A photo that is no file of its own, or one that must still be what it was."""

    def read(self) -> bytes: ...


_NOT_READ = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, MemoryError)


def open_photo(path: Path | Bytes, at_least: int | None = None) -> Image.Image:
    """An RGB image, turned upright. at_least: decode no larger than needed for a shorter side of so many pixels (where
    the format allows that).

    Raises UnreadablePhoto with the reason.
    """
    head = b""
    try:
        if isinstance(path, Path):
            file_size(path)
        with open(path, "rb") if isinstance(path, Path) else io.BytesIO(path.read()) as stream:
            head = _head(stream)
            with formats.opened(stream) as photo:
                _checked(photo)
                if at_least:
                    scale = min(photo.size) / at_least
                    photo.draft("RGB", (int(photo.width / scale), int(photo.height / scale)))
                photo.load()
                return _rgb(_upright(photo))
    except _NOT_READ as error:
        raise UnreadablePhoto(reason(error, head)) from None


def inspect(data: bytes, mask_name: str | None = None) -> PhotoFacts:
    """What the bytes of a file are as a photo; cut-off files are found: see `whole`. Raises UnreadablePhoto.

    mask_name: by which to judge whether it is a label mask; None judges nothing.
    """
    try:
        with formats.opened(io.BytesIO(data)) as photo:
            _checked(photo)
            width, height = photo.size
            if _held(photo, data) in (5, 6, 7, 8):  # the camera was held sideways
                width, height = height, width
            sign = None if mask_name is None else masks.sign(photo, len(data), mask_name)  # it is decoded for one
            grey = mask_name is not None and masks.is_grey(photo)
            if sign is None and not whole.is_whole(photo, data):
                photo.draft("RGB", (max(1, photo.width // 8), max(1, photo.height // 8)))
                photo.load()
            return PhotoFacts(width, height, len(data), grey, sign)
    except _NOT_READ as error:
        raise UnreadablePhoto(reason(error, data[:12])) from None


def _head(stream: BinaryIO) -> bytes:
    head = stream.read(12)
    stream.seek(0)
    return head


_SAYS_HELD = frozenset({"exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp"})


def _held(photo: Image.Image, data: bytes) -> int:
    """How the camera was held; a PNG is not decoded for that where it has said all before its picture."""
    silent = photo.format in ("JPEG", "PNG") and not _SAYS_HELD & photo.info.keys()
    if silent and not (photo.format == "PNG" and whole.says_late_how_it_was_held(data)):
        return 1
    return _orientation(photo)


def file_size(path: Path) -> int:
    """Bytes of the file. Raises OSError, UnreadablePhoto."""
    return regular(path).st_size


def regular(path: Path) -> os.stat_result:
    """What is known of a file without reading it. Raises OSError, and UnreadablePhoto where it is no file."""
    return _checked_file(os.stat(path))


def read_file(path: str | Path, most: int | None = None) -> tuple[bytes, os.stat_result]:
    """All bytes of a file, and what was known of it when it was opened. most: bytes that it may have.

    Raises OSError, UnreadablePhoto.
    """
    file = os.open(path, _READING)
    try:
        state = _checked_file(os.fstat(file))
        if most is not None and state.st_size > most:
            raise UnreadablePhoto(f"the file has {state.st_size / 1e6:,.0f} MB; the limit is {most / 1e6:,.0f} MB")
        data = os.read(file, state.st_size + 1)
        if len(data) != state.st_size:  # more than one call may give, or a file that grows
            data += b"".join(iter(lambda: os.read(file, _PART), b""))
    finally:
        os.close(file)
    return data, state


_PART = 64 << 20
_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A pipe is opened without waiting for who writes into it: it is refused at once."""


def _checked_file(found: os.stat_result) -> os.stat_result:
    """A pipe or a device is no file, and reading it might never end."""
    if not stat.S_ISREG(found.st_mode):
        raise UnreadablePhoto("it is a folder" if stat.S_ISDIR(found.st_mode) else "it is not a regular file")
    return found


def _orientation(photo: Image.Image) -> int:
    """How the camera was held, as EXIF says; 1 where it says nothing that can be read."""
    try:
        return int(photo.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001  (broken EXIF raises errors of every kind, and the picture is good without it)
        return 1


def _upright(photo: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(photo)
    except Exception:  # noqa: BLE001  (as above)
        turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}.get(
            _orientation(photo)
        )
        return photo if turn is None else photo.transpose(turn)


def _checked(photo: Image.Image) -> None:
    width, height = photo.size
    limit = Image.MAX_IMAGE_PIXELS
    if limit and width * height > limit:
        raise UnreadablePhoto(f"{width} x {height} pixels is more than the limit of {limit // 1_000_000} megapixels")


def _rgb(photo: Image.Image) -> Image.Image:
    if photo.mode in ("I;16", "I;16B", "I", "F"):  # deep greyscale: scale what is there to 8 bits
        photo = Image.fromarray(_eight_bits(np.asarray(photo, dtype=np.float64)))
    if photo.mode in ("RGBA", "LA", "PA") or "transparency" in photo.info:
        photo = photo.convert("RGBA")
        white = Image.new("RGBA", photo.size, "white")
        return Image.alpha_composite(white, photo).convert("RGB")
    return photo.convert("RGB")


def _eight_bits(deep: np.ndarray) -> np.ndarray:
    """uint8 of the same shape: the lowest finite value black, the highest white. NaN is black; an infinite value is as
    black or as white as the finite ones go.
    """
    finite = deep[np.isfinite(deep)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return np.nan_to_num(np.clip((deep - low) / (high - low or 1) * 255, 0, 255)).astype(np.uint8)


def reason(error: BaseException, head: bytes = b"") -> str:
    """Why a photo could not be read, in words. head: the first 12 bytes of the file."""
    if isinstance(error, UnreadablePhoto):
        return str(error)
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, UnidentifiedImageError) and formats.is_heif(head):
        return "the HEIC photo is damaged" if formats.heif_is_known() else formats.NEEDS_HEIF
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or a format that is not known"
    if isinstance(error, Image.DecompressionBombError):
        return f"more pixels than the limit of {(Image.MAX_IMAGE_PIXELS or 0) // 1_000_000} megapixels"
    text = str(error).split("\n")[0]
    return "the file is cut off" if "truncated" in text or "Truncated" in text else text or type(error).__name__
