"""Reads photos ahead of the encoder, in a few threads; order is kept and a photo that cannot be opened becomes a
reason.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from datasel_core.base.parallel import in_order
from datasel_core.features.feature import Source, Unreadable

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Photos:
    """One batch. rows: (b,) pool rows that opened. pixels: (b, px, px, 3) uint8, or what was prepared. unreadable:
    (row, reason) of the others.
    """

    rows: np.ndarray
    pixels: np.ndarray
    unreadable: list[tuple[int, str]]


def read_ahead(
    source: Source, rows: Iterable[int], px: int, at_least: int, batch: int, threads: int, resample: str = "BICUBIC"
) -> Iterator[Photos]:
    """The photos of these rows in batches, each squashed to px x px pixels; at most two batches wait, so memory stays
    bounded.

    Squashed, not cropped: nothing of a photo is lost, and a patch of the grid covers the same part of every photo.
    at_least: how many pixels the shorter side must keep when the photo is opened. resample: a filter of Pillow, by
    name.
    """
    return prepare_ahead(
        source, rows, lambda photo: squashed(photo, px, resample), (px, px, 3), at_least, batch, threads
    )


def prepare_ahead(
    source: Source,
    rows: Iterable[int],
    prepare: "Callable[[Image], np.ndarray]",
    shape: tuple[int, ...],
    at_least: int,
    batch: int,
    threads: int,
) -> Iterator[Photos]:
    """The same for an encoder that has its own way with photos. prepare: photo -> array of this shape; called from
    several threads.
    """
    opened = in_order(lambda row: _open(source, int(row), prepare, at_least), rows, threads, ahead=2 * batch)
    for part in iter(lambda: list(islice(opened, batch)), []):
        yield _gather(part, shape)


def squashed(photo: "Image", px: int, resample: str) -> np.ndarray:
    """(px, px, 3) uint8."""
    from PIL import Image

    return np.asarray(photo.resize((px, px), Image.Resampling[resample]))


def _open(source: Source, row: int, prepare: "Callable[[Image], np.ndarray]", at_least: int) -> np.ndarray | Unreadable:
    try:
        photo = source.image(row, at_least=at_least)
    except Unreadable as error:
        return error
    return prepare(photo)


def _gather(answers: list[tuple[int, np.ndarray | Unreadable]], shape: tuple[int, ...]) -> Photos:
    good = [(row, pixels) for row, pixels in answers if not isinstance(pixels, Unreadable)]
    return Photos(
        np.array([row for row, _ in good], dtype=np.int64),
        np.stack([pixels for _, pixels in good]) if good else np.empty((0, *shape), dtype=np.uint8),
        [(row, str(error)) for row, error in answers if isinstance(error, Unreadable)],
    )
