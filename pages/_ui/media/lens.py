"""A photo with the patches of its patterns lit: what a pattern looks at."""

import base64
import functools
import io

import numpy as np
from PIL import Image, ImageColor

from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, palette
from pages._ui.media import photos

_DARK, _GREY, _TINT = 0.42, 0.6, 0.30


def lit(pool: Pool, patterns: StoredFeature | None, row: int, pattern: int | None = None, px: int = 256) -> str:
    """A data URL. pattern: only its patches are lit; None tints every pattern in its colour. Without a patch grid it is
    the photo as it is.
    """
    labels = None if patterns is None else grid(patterns, row)
    src = photos.thumbnail(pool, row, px)
    return src if labels is None else _lit(src, labels.tobytes(), len(labels), -1 if pattern is None else pattern)


def grid(patterns: StoredFeature, row: int) -> np.ndarray | None:
    """(g, g) int8: the pattern of each patch, -1 where it was filtered out; None where that was not kept."""
    labels, size = disk.extra(patterns, "patch_labels"), patterns.meta.get("facts", {}).get("grid")
    if labels is None or not size or labels.shape[1] != size * size:
        return None
    return np.asarray(labels[row], np.int8).reshape(size, size)


def patch(pool: Pool, patterns: StoredFeature | None, row: int, pattern: int, px: int = 64) -> str:
    """A data URL: the part of the photo that one pattern looks at, the rest of it dark; without a patch grid the photo
    as it is. At most px high.
    """
    labels = None if patterns is None else grid(patterns, row)
    large = photos.thumbnail(pool, row, 192)
    where = np.empty((0, 2)) if labels is None else np.argwhere(labels == pattern)
    box = None if labels is None or not len(where) else (*where.min(axis=0), *(where.max(axis=0) + 1))
    photo = _open(large if box is None else lit(pool, patterns, row, pattern, 192))
    if labels is not None and box is not None:
        top, left, low, right = (int(side) for side in box)
        wide, tall = photo.width / len(labels), photo.height / len(labels)
        photo = photo.crop((round(left * wide), round(top * tall), round(right * wide), round(low * tall)))
    photo.thumbnail((2 * px, px))
    return _url(photo)


def colour(pattern: int) -> str:
    """The colour of a pattern within its photo."""
    return palette.COLOURS[pattern % len(palette.COLOURS)]


@functools.lru_cache(maxsize=1024)
def _lit(src: str, labels: bytes, size: int, pattern: int) -> str:
    photo = np.asarray(_open(src), np.float32)
    tall, wide = photo.shape[:2]
    cells = np.frombuffer(labels, np.int8).reshape(size, size)
    cells = cells[np.arange(tall) * size // tall][:, np.arange(wide) * size // wide]
    grey = photo.mean(axis=2, keepdims=True) * _GREY + photo * (1 - _GREY)
    out = grey * _DARK
    for number in [pattern] if pattern >= 0 else range(int(cells.max(initial=-1)) + 1):
        mask = cells == number
        tint = np.array(ImageColor.getrgb(colour(number)), np.float32)
        out[mask] = photo[mask] if pattern >= 0 else photo[mask] * (1 - _TINT) + tint * _TINT
        out[_edge(mask, max(1, wide // 160))] = 255 if pattern >= 0 else tint
    return _url(Image.fromarray(out.clip(0, 255).astype(np.uint8)))


def _open(src: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(src.partition(",")[2]))).convert("RGB")


def _url(photo: Image.Image) -> str:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _edge(mask: np.ndarray, width: int) -> np.ndarray:
    """The rim of a mask, inside it."""
    inner = np.pad(mask, width, constant_values=False)
    inside = mask.copy()
    for down, right in ((0, width), (2 * width, width), (width, 0), (width, 2 * width)):
        inside &= inner[down : down + mask.shape[0], right : right + mask.shape[1]]
    return mask & ~inside
