"""Opening photos: header check, decoding at the size that is needed, and one clear reason when it does not work."""

import io
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from datasel_core.errors import BadInput

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

# A photo above the limit is refused by `_checked`, with its size; Pillow's own limit stays on for what lies far above.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")  # broken EXIF: see `_upright`


class UnreadablePhoto(BadInput):
    """A photo cannot be opened; the text is the reason."""


@dataclass(frozen=True)
class PhotoFacts:
    """Size in pixels as shown (after the camera's rotation), bytes on disk."""

    width: int
    height: int
    bytes: int


class Bytes(Protocol):
    """A photo that is no file of its own."""

    def read(self) -> bytes: ...


def open_photo(path: Path | Bytes, at_least: int | None = None) -> Image.Image:
    """An RGB image, turned upright. at_least: decode no larger than needed for a shorter side of so many pixels (JPEG
    only).

    Raises UnreadablePhoto with the reason.
    """
    try:
        if isinstance(path, Path):
            file_size(path)
        with Image.open(path if isinstance(path, Path) else io.BytesIO(path.read())) as photo:
            _checked(photo)
            if at_least:
                scale = min(photo.size) / at_least
                photo.draft("RGB", (int(photo.width / scale), int(photo.height / scale)))
            photo.load()
            return _rgb(_upright(photo))
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, MemoryError) as error:
        raise UnreadablePhoto(reason(error)) from None


def inspect(path: Path | io.BytesIO) -> PhotoFacts:
    """Reads the whole file once, at the coarsest decoding, so that cut-off files are found. Raises UnreadablePhoto."""
    try:
        size = file_size(path) if isinstance(path, Path) else path.getbuffer().nbytes
        with Image.open(path) as photo:
            _checked(photo)
            width, height = photo.size
            if _orientation(photo) in (5, 6, 7, 8):  # the camera was held sideways
                width, height = height, width
            photo.draft("RGB", (max(1, photo.width // 8), max(1, photo.height // 8)))
            photo.load()
            return PhotoFacts(width, height, size)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, MemoryError) as error:
        raise UnreadablePhoto(reason(error)) from None


def file_size(path: Path) -> int:
    """Bytes of the file. Raises OSError, and UnreadablePhoto: a pipe or a device is no file, and reading it might never
    end.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadablePhoto("it is a folder" if stat.S_ISDIR(found.st_mode) else "it is not a regular file")
    return found.st_size


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
        deep = np.asarray(photo, dtype=np.float64)
        low, high = float(deep.min()), float(deep.max())
        photo = Image.fromarray(((deep - low) / (high - low or 1) * 255).astype(np.uint8))
    if photo.mode in ("RGBA", "LA", "PA") or "transparency" in photo.info:
        photo = photo.convert("RGBA")
        white = Image.new("RGBA", photo.size, "white")
        return Image.alpha_composite(white, photo).convert("RGB")
    return photo.convert("RGB")


def reason(error: BaseException) -> str:
    """Why a photo could not be read, in words."""
    if isinstance(error, UnreadablePhoto):
        return str(error)
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or a format that is not known"
    if isinstance(error, Image.DecompressionBombError):
        return f"more pixels than the limit of {(Image.MAX_IMAGE_PIXELS or 0) // 1_000_000} megapixels"
    text = str(error).split("\n")[0]
    return "the file is cut off" if "truncated" in text or "Truncated" in text else text or type(error).__name__
