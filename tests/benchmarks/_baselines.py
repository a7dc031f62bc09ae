"""Descriptors of photos from before learned features, to measure encoders against."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

CELL, ORIENTATIONS = 8, 9


def pixels(photo: "Image") -> np.ndarray:
    """(64, 64, 3) uint8."""
    from PIL import Image

    return np.asarray(photo.resize((64, 64), Image.Resampling.BICUBIC))


def colours(photo: np.ndarray, bins: int = 4) -> np.ndarray:
    """(bins ** 3,): square root of the share of each colour."""
    red, green, blue = np.moveaxis(photo // (256 // bins), 2, 0).astype(np.int64)
    return np.sqrt(np.bincount(((red * bins + green) * bins + blue).ravel(), minlength=bins**3) / red.size)


def gradients(photo: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients: 8 px cells, 9 unsigned directions, 2 x 2 blocks, clipped at .2, of length 1 all
    together (Dalal & Triggs 2005).
    """
    grey = photo.astype(np.float64).mean(axis=2)
    down, right = np.gradient(grey)
    strength, angle = np.hypot(down, right), np.arctan2(down, right) % np.pi / np.pi * ORIENTATIONS
    low, share = np.floor(angle).astype(np.int64), angle % 1
    n = len(grey) // CELL
    rows, columns = np.mgrid[: len(grey), : len(grey)] // CELL
    cell = (rows * n + columns) * ORIENTATIONS
    histogram = sum(
        np.bincount((cell + direction % ORIENTATIONS).ravel(), (strength * weight).ravel(), n * n * ORIENTATIONS)
        for direction, weight in ((low, 1 - share), (low + 1, share))
    ).reshape(n, n, ORIENTATIONS)
    blocks = np.concatenate([histogram[:-1, :-1], histogram[1:, :-1], histogram[:-1, 1:], histogram[1:, 1:]], axis=2)
    clipped = np.minimum(blocks / np.sqrt((blocks**2).sum(axis=2, keepdims=True) + 1), 0.2)
    blocks = clipped / np.sqrt((clipped**2).sum(axis=2, keepdims=True) + 1e-3)
    return blocks.ravel() / np.linalg.norm(blocks)
