"""The texture of each object class: how its two colours alternate over its surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image


def cloud(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float]) -> np.ndarray:
    """Smooth random field, (height, width) float32 in about 0..1; cells: how many lumps down and across."""
    height, width = shape
    grid = rng.random((max(2, round(cells[0])), max(2, round(cells[1]))), dtype=np.float32)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Surface:
    """Where the pixels of an object lie on it.

    u, v: (h, w) float32 in object units (radius 1), turned with the object.  pixel: size of a pixel in these units.
    """

    u: np.ndarray
    v: np.ndarray
    pixel: float

    def step(self, distance: np.ndarray) -> np.ndarray:
        """1 where distance (object units) is positive, 0 where negative, soft over one pixel: no jagged edges."""
        return np.clip(distance / self.pixel + 0.5, 0, 1)

    def turned(self, angle: float) -> tuple[np.ndarray, np.ndarray]:
        c, s = np.cos(angle), np.sin(angle)
        return c * self.u + s * self.v, c * self.v - s * self.u


def texture(name: str, surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """How much of the second colour each pixel of an object of class `name` takes: (h, w) in 0..1."""
    return np.clip(_TEXTURES[name](surface, rng), 0, 1)


def _wave(x):
    """Distance to the nearest whole number, 0..0.5."""
    return np.abs(x - np.round(x))


def _stripes(s, rng):
    u, _ = s.turned(rng.uniform(0, np.pi))
    period = rng.uniform(0.45, 0.62)
    return s.step((_wave(u / period) - 0.25) * period)


def _dots(s, rng):
    u, v = s.turned(rng.uniform(0, np.pi))
    period = rng.uniform(0.3, 0.42)
    row = np.round(v / period)
    across = _wave(u / period + 0.5 * (row % 2)) * period
    return s.step(0.27 * period - np.hypot(across, v - row * period))


def _veins(s, rng):
    period = rng.uniform(0.24, 0.32)
    ribs = s.step(0.022 - _wave((s.v + 0.75 * np.abs(s.u)) / period) * period)
    return np.maximum(0.75 * ribs, s.step(0.05 - np.abs(s.u))) + 0.16 * (s.u > 0)


def _rays(s, rng):
    radius, angle = np.hypot(s.u, s.v), np.arctan2(s.v, s.u)
    streaks = 0.5 + 0.5 * np.cos(angle * int(rng.integers(26, 40)))
    return np.clip(1.15 - 1.1 * radius, 0, 1) * (0.5 + 0.5 * streaks) + 0.25 * (radius > 0.82)


def _bricks(s, rng):
    tall = rng.uniform(0.17, 0.22)
    wide = 2.1 * tall
    row = np.floor(s.v / tall)
    across = s.u / wide + 0.5 * (row % 2)
    tone = np.abs(np.sin(row * 12.9 + np.floor(across) * 78.2)) * 0.22
    joint = np.minimum(_wave(s.v / tall) * tall, _wave(across) * wide)
    return np.maximum(tone, 0.8 * s.step(0.022 - joint))


def _leafy(s, rng):
    lumps = cloud(rng, s.u.shape, _cells(s, 0.2)) + 0.5 * cloud(rng, s.u.shape, _cells(s, 0.1))
    return 0.75 * np.clip((lumps - 0.62) * 5, 0, 1) + 0.25 * np.clip((lumps - 0.85) * 6, 0, 1)


def _scales(s, rng):
    size = rng.uniform(0.2, 0.26)
    shade = np.zeros_like(s.u)
    for row in (1, 0):
        column = np.floor(s.u / size) + row
        across = _wave(s.v / size + 0.5 * (column % 2)) * size
        along = s.u - column * size
        inside = np.hypot(across, along * 0.62) < 0.52 * size
        shade = np.where(inside, np.clip(1 - np.abs(along) / size, 0, 1) ** 1.5, shade)
    return 0.85 * shade


def _gingham(s, rng):
    u, v = s.turned(rng.uniform(0, np.pi / 2))
    period = rng.uniform(0.36, 0.48)
    return 0.45 * sum(s.step((_wave(w / period) - 0.25) * period) for w in (u, v))


def _zigzag(s, rng):
    period, wide = rng.uniform(0.34, 0.44), rng.uniform(0.28, 0.36)
    height = s.v + 0.75 * wide * _wave(s.u / wide)
    return s.step((_wave(height / period) - 0.27) * period * 0.8)


def _spots(s, rng):
    spread = np.full_like(s.u, -1.0)
    golden = np.pi * (3 - np.sqrt(5)) * np.arange(16) + rng.uniform(0, 6)
    for angle, radius, size in zip(golden, np.sqrt(np.arange(16) / 13), rng.uniform(0.08, 0.16, 16), strict=True):
        spread = np.maximum(spread, size - np.hypot(s.u - radius * np.cos(angle), s.v + 0.3 - radius * np.sin(angle)))
    return s.step(spread)


def _mosaic(s, rng):
    nearest, second, tone = np.full_like(s.u, 9.0), np.full_like(s.u, 9.0), np.zeros_like(s.u)
    for x, y, shade in zip(*rng.uniform([[0], [-1], [0]], [[1], [1], [0.7]], (3, 14)), strict=True):
        away = np.hypot(np.abs(s.u) - x, s.v - y)
        closer = away < nearest
        second = np.where(closer, nearest, np.minimum(second, away))
        tone = np.where(closer, shade, tone)
        nearest = np.minimum(nearest, away)
    return np.maximum(tone, s.step(0.05 - (second - nearest)))


def _planks(s, rng):
    tall = rng.uniform(0.13, 0.17)
    tone = 0.35 * np.abs(np.sin(np.floor(s.v / tall) * 7.7))
    fibre = 0.25 * cloud(rng, s.u.shape, (_cells(s, 0.05)[0], _cells(s, 0.8)[1]))
    return np.maximum(tone + fibre, s.step(0.02 - _wave(s.v / tall) * tall))


def _panels(s, rng):
    angle = np.arctan2(s.u, s.v + 1.3)
    count = int(rng.integers(3, 5))
    return s.step((_wave(angle * count + 0.25) - 0.25) * np.hypot(s.u, s.v + 1.3) / count)


def _gloss(s, rng):
    shine = np.exp(-(((s.u + 0.2) / 0.07) ** 2)) + 0.5 * np.exp(-(((s.u - 0.26) / 0.05) ** 2))
    return 0.9 * shine + 0.3 * np.clip(-s.v, 0, 1)


def _brushed(s, rng):
    fibre = cloud(rng, s.u.shape, (s.u.shape[0] / 1.5, _cells(s, 0.9)[1]))
    return 0.3 + 0.9 * (fibre - 0.4)


def _hatch(s, rng):
    u, v = s.turned(np.pi / 4)
    period = rng.uniform(0.2, 0.26)
    lines = [s.step(0.03 - _wave(w / period) * period) for w in (u, v)]
    return 0.85 * np.maximum(*lines)


def _diamonds(s, rng):
    period = rng.uniform(0.3, 0.4)
    a, b = (0.6 * s.v + s.u) / period, (0.6 * s.v - s.u) / period
    tile = s.step((_wave(a) - 0.25) * period) != s.step((_wave(b) - 0.25) * period)
    return np.where(tile, 0.85, 0.1)


def _rings(s, rng):
    period = rng.uniform(0.09, 0.12)
    return 0.8 * s.step((_wave(np.hypot(s.u, s.v - 0.06) / period) - 0.25) * period)


def _ribs(s, rng):
    period = rng.uniform(0.13, 0.17)
    ribs = 0.5 + 0.5 * np.cos(2 * np.pi * s.u / period)
    spine = np.hypot(_wave(s.u / period + 0.5) * period, _wave(s.v / 0.2) * 0.2)
    return 0.8 * ribs * (1 - s.step(0.035 - spine))


def _speckle(s, rng):
    grain = cloud(rng, s.u.shape, (s.u.shape[0] / 2, s.u.shape[1] / 2))
    return 0.9 * np.clip((grain - 0.55) * 5, 0, 1) + 0.1 * (s.u + s.v)


def _marble(s, rng):
    u, v = s.turned(rng.uniform(0, np.pi))
    warp = cloud(rng, s.u.shape, _cells(s, 0.3)) + 0.5 * cloud(rng, s.u.shape, _cells(s, 0.12))
    return 0.8 * np.abs(np.sin(3 * u + 5 * warp)) ** 6 + 0.25 * warp


def _grain(s, rng):
    warp = cloud(rng, s.u.shape, _cells(s, 0.5))
    return 0.35 + 0.45 * np.sin(26 * (s.u + 0.3 * s.v * s.u + 0.16 * warp))


def _spiral(s, rng):
    u, v = s.u - 0.16, s.v + 0.06
    turn = np.arctan2(v, u) / (2 * np.pi)
    period = rng.uniform(0.23, 0.28)
    return s.step((_wave(np.hypot(u, v) / period - turn) - 0.28) * period)


def _bands(s, rng):
    period = rng.uniform(0.5, 0.6)
    return s.step((_wave((s.v + 0.1) / period) - 0.25) * period)


def _cells(surface: Surface, size: float) -> tuple[float, float]:
    """How many lumps of `size` object units fit the surface down and across."""
    height, width = surface.u.shape
    return height * surface.pixel / size, width * surface.pixel / size


_TEXTURES = {
    "ball": _stripes,
    "leaf": _veins,
    "flower": _rays,
    "star": _dots,
    "house": _bricks,
    "tree": _leafy,
    "fish": _scales,
    "heart": _gingham,
    "cup": _zigzag,
    "mushroom": _spots,
    "butterfly": _mosaic,
    "boat": _planks,
    "umbrella": _panels,
    "bottle": _gloss,
    "key": _brushed,
    "arrow": _hatch,
    "kite": _diamonds,
    "clock": _rings,
    "cactus": _ribs,
    "gear": _speckle,
    "crescent": _marble,
    "ladder": _grain,
    "snail": _spiral,
    "lighthouse": _bands,
}
