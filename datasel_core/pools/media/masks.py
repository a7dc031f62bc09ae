"""Label masks: pictures whose pixels name classes, which lie beside the photographs that they belong to.

Flat areas of few values are the sign of one; drawings, icons and binary digits have it too. So it takes a second sign:
a name (`labels/`, `trainannot/`, `001_mask.png`), or a photograph in colours of the same name and size. Only
class numbers drawn as nearly black, and the palette that PASCAL VOC began, speak for themselves.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath

import numpy as np
from PIL import Image


class Sign(IntEnum):
    """What the pixels of a picture say. DRAWN: flat areas of few values. LABELS: class numbers beyond doubt."""

    NONE = 0
    DRAWN = 1
    LABELS = 2


_WORDS = frozenset(
    (
        *("mask", "masks", "annot", "annots", "anno", "annotation", "annotations", "label", "labels", "labeled"),
        *("labelled", "seg", "segs", "segmentation", "segmentations", "gt", "groundtruth", "semantic", "panoptic"),
    )
)
_ENDINGS = ("annot", "labels", "masks", "mask")
"""Of words: `trainannot`, `trainmasks`."""
_ROWS = 256
"""Rows of a picture that are looked at."""
_FEW, _COVER, _FLAT = 64, 0.98, 0.8
"""So many values make up so much of a mask; so many of its pixels equal their left neighbour."""
_GRADUAL, _SPECKS = 0.7, 0.08
"""Of all places where a value changes: shares that are one step, and that are one pixel wide. Real photographs in 7 to
26 greys have at least 0.73 and 0.09; no real mask of more than 4 classes has both.
"""
_CLASSES = 40
"""Class numbers below this are nearly black when they are drawn as grey."""
_THIN = 0.5
"""Bytes per pixel: a picture in colours above this is no drawing, and is not decoded to see."""
_VOC = bytes((0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0))
_DEEP = ("I", "I;16", "I;16B", "I;16L")


_MAY_BE_NAMED = re.compile(r"mask|anno|label|seg|gt|groundtruth|semantic|panoptic", re.IGNORECASE)


def is_named(name: str) -> bool:
    """Whether a file or one of its folders is called as masks are. name: relative to the source."""
    if not _MAY_BE_NAMED.search(name):
        return False
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", str(PurePosixPath(name).with_suffix("")))
    return any(word.lower() in _WORDS or word.lower().endswith(_ENDINGS) for word in words)


def is_grey(photo: Image.Image) -> bool:
    return photo.mode in ("1", "L", "P", *_DEEP)


def sign(photo: Image.Image, size: int, name: str) -> Sign | None:
    """What the pixels say; None where the photo was not decoded, because it is not worth it. size: bytes of the file.
    name: relative to the source.

    Raises what Pillow raises when the photo cannot be decoded.
    """
    if photo.format in ("JPEG", "MPO"):
        return _lossy_sign(photo) if is_named(name) else None
    if not (
        is_grey(photo)
        or (photo.mode in ("RGB", "RGBA") and (is_named(name) or size < _THIN * photo.width * photo.height))
    ):
        return None
    photo.load()
    pixels = _pixels(photo)
    drawn = _is_drawn(pixels)
    if drawn and photo.mode == "P" and bytes((photo.getpalette() or [])[: len(_VOC)]) == _VOC:
        return Sign.LABELS
    if drawn and photo.mode in ("L", *_DEEP) and _are_classes(pixels):
        return Sign.LABELS
    return Sign.DRAWN if drawn else Sign.NONE


def _pixels(photo: Image.Image) -> np.ndarray:
    """(rows, width) whole numbers that stand for what each pixel shows; some rows of a large picture."""
    pixels = np.asarray(photo)
    pixels = pixels[:: max(1, len(pixels) // _ROWS)]
    if pixels.ndim == 2:
        return pixels.astype(np.int64)
    weights = 256 ** np.arange(pixels.shape[2], dtype=np.int64)
    return pixels @ weights


def _is_drawn(pixels: np.ndarray) -> bool:
    if pixels.shape[1] < 2 or np.mean(pixels[:, 1:] == pixels[:, :-1]) < _FLAT:
        return False
    _, ranks, counts = np.unique(pixels, return_inverse=True, return_counts=True)
    if len(counts) < 2 or np.sort(counts)[-_FEW:].sum() < _COVER * counts.sum():
        return False
    return len(counts) <= 4 or not _is_shaded(ranks.reshape(pixels.shape))


def _is_shaded(ranks: np.ndarray) -> bool:
    """Whether values go over into their neighbours, with specks in between, as in a photograph of few greys: a dark
    one, say. ranks: of the values, in their order.
    """
    steps = np.abs(np.diff(ranks, axis=1))
    specks = (steps[:, :-1] > 0) & (ranks[:, 2:] == ranks[:, :-2])
    changes = np.count_nonzero(steps)
    return np.count_nonzero(steps == 1) >= _GRADUAL * changes and np.count_nonzero(specks) >= _SPECKS * changes


def _are_classes(pixels: np.ndarray) -> bool:
    """Several small numbers, and at most 255 beside them, which stands for no class."""
    values = np.unique(pixels)
    values = values[values != 255]
    return len(values) >= 2 and values.max() < _CLASSES


def _lossy_sign(photo: Image.Image) -> Sign | None:
    """Of a JPEG that is called as masks are: black and white, blurred a little where they meet."""
    photo.draft("RGB", (_ROWS, _ROWS))
    photo.load()
    pixels = np.asarray(photo)
    pixels = pixels[:: max(1, len(pixels) // _ROWS)]
    if pixels.ndim == 3 and (pixels.shape[2] != 3 or np.ptp(pixels.astype(np.int16), axis=2).max() > 8):
        return Sign.NONE
    grey = pixels if pixels.ndim == 2 else pixels[:, :, 1]
    dark, light = np.mean(grey < 24), np.mean(grey >= 232)
    return Sign.DRAWN if dark + light >= 0.97 and dark and light else Sign.NONE


@dataclass(frozen=True)
class Seen:
    """One picture of a source. name: relative to it. grey: whether it has one channel, or a palette."""

    name: str
    width: int
    height: int
    grey: bool
    sign: Sign | None


def masks_among(seen: Sequence[Seen]) -> list[bool]:
    """(n,) which of the pictures are label masks."""
    if not any(one.sign for one in seen):
        return [False] * len(seen)
    photographs = {_twin(one) for one in seen if not one.sign and not one.grey}
    return [
        one.sign is Sign.LABELS
        or (one.sign is Sign.DRAWN and (is_named(one.name) or (one.grey and _twin(one) in photographs)))
        for one in seen
    ]


def _twin(one: Seen) -> tuple[str, int, int]:
    """What a mask and its photograph have in common. Digits have it, too, from folder to folder, but in grey."""
    return PurePosixPath(one.name).stem, one.width, one.height


def folders_of(names: Iterable[str]) -> list[str]:
    """The folders that these files lie in, each once, in order; the source itself is called `.`"""
    return sorted({name.rpartition("/")[0] or "." for name in names})
