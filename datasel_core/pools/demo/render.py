"""Draws one demo picture: objects with texture, light and shadow, laid on a backdrop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from datasel_core.pools.demo.scene_backdrops import backdrop
from datasel_core.pools.demo.scene_classes import CLASSES, COLOURS, MASK_VALUE, SIDE
from datasel_core.pools.demo.scene_shapes import BODY, DARK, LIGHT, TRIM, shape
from datasel_core.pools.demo.scene_textures import Surface, texture

CREAM = np.array([250, 244, 230], dtype=np.float32)
INK = np.array([58, 44, 52], dtype=np.float32)
FINE = 4  # outlines are drawn this many times larger and then averaged, which makes their edges smooth
_ONLY = {ink: [255 * (value == ink) for value in range(256)] for ink in (BODY, TRIM, DARK, LIGHT)}
_SECOND = {kind.name: kind.second for kind in CLASSES}


@dataclass(frozen=True)
class Thing:
    """One object in a picture: class, colour word, centre and diameter in pixels, rotation in radians."""

    name: str
    colour: str
    x: float
    y: float
    size: float
    turn: float
    mirrored: bool
    look: int
    """Seed of everything else about it: texture scale, colour shade, small variations of the shape."""


def draw(setting: str, things: tuple[Thing, ...], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Picture (256, 256, 3) uint8 and mask (256, 256) uint8: 0 background, else the top object's class index + 1."""
    canvas = backdrop(setting, rng)
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for thing in things:
        _lay(canvas, mask, thing)
    canvas += rng.standard_normal((SIDE, SIDE, 1), dtype=np.float32) * 2.2
    canvas *= _VIGNETTE
    return np.clip(canvas, 0, 255, out=canvas).astype(np.uint8), mask


def retake(pixels: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same picture taken again: slightly shifted crop (at most 6 pixels a side) and other brightness and warmth."""
    left, top = rng.integers(0, 7, 2)
    right, bottom = SIDE - rng.integers(0, 7, 2)
    box = (int(left), int(top), int(right), int(bottom))
    picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box)
    mask = np.asarray(Image.fromarray(mask).resize((SIDE, SIDE), Image.Resampling.NEAREST, box))
    light = rng.uniform(0.92, 1.08) * (1 + rng.uniform(-0.02, 0.02) * np.array([1, 0, -1]))
    return np.clip(np.asarray(picture) * light, 0, 255).astype(np.uint8), mask


def _lay(canvas: np.ndarray, mask: np.ndarray, thing: Thing) -> None:
    """Put one object, with its shadow, onto the canvas and into the mask."""
    rng = np.random.default_rng(thing.look)
    reach = int(thing.size * 0.66) + 8
    left, top = round(thing.x) - reach, round(thing.y) - reach
    inks = _inks(thing, left, top, 2 * reach, rng)
    alpha = sum(inks.values())
    colour = _coloured(thing, inks, alpha, left, top, rng)

    whole = Image.fromarray((alpha * 255).astype(np.uint8))
    soft = np.asarray(whole.filter(ImageFilter.GaussianBlur(thing.size * 0.05 + 1.5)), dtype=np.float32) / 255
    drop = max(2, round(thing.size * 0.05))
    colour *= (1 + 0.5 * (_moved(soft, -drop // 2) - _moved(soft, drop // 2)) * alpha)[:, :, None]
    rim = np.asarray(whole.filter(ImageFilter.GaussianBlur(1.6)), dtype=np.float32) / 255
    rim = np.clip(rim * 5 - 0.4, 0, 1)

    here, there = _window(left, top, 2 * reach)
    under = canvas[here]
    under *= 1 - 0.42 * _moved(soft, drop)[there][:, :, None]
    under += (CREAM - under) * rim[there][:, :, None]
    under += (colour[there] - under) * alpha[there][:, :, None]
    mask[here][alpha[there] > 0.5] = MASK_VALUE[thing.name]


def _inks(thing: Thing, left: int, top: int, side: int, rng: np.random.Generator) -> dict[int, np.ndarray]:
    """Coverage of each ink on the window whose corner is (left, top): (side, side) float32 in 0..1."""
    sheet = Image.new("L", (side * FINE, side * FINE), 0)
    pen = ImageDraw.Draw(sheet)
    c, s = np.cos(thing.turn), np.sin(thing.turn)
    flip = -1 if thing.mirrored else 1
    turn = np.array([[c * flip, s * flip], [-s, c]]) * thing.size / 2
    centre = np.array([thing.x - left, thing.y - top])
    for ink, points in shape(thing.name, rng):
        pen.polygon([tuple(p) for p in ((points @ turn + centre) * FINE).tolist()], fill=ink)
    area = sheet.histogram()
    used = [ink for ink in (BODY, TRIM, DARK, LIGHT) if area[ink]]
    return {ink: np.asarray(sheet.point(_ONLY[ink]).reduce(FINE), dtype=np.float32) / 255 for ink in used}


def _coloured(
    thing: Thing, inks: dict[int, np.ndarray], alpha: np.ndarray, left: int, top: int, rng: np.random.Generator
) -> np.ndarray:
    """Colour of every pixel of the window, (side, side, 3) float32; meaningless where no ink is."""
    side = inks[BODY].shape[0]
    across = (np.arange(side, dtype=np.float32) + left - thing.x + 0.5) * (2 / thing.size)
    down = ((np.arange(side, dtype=np.float32) + top - thing.y + 0.5) * (2 / thing.size))[:, None]
    c, s = np.float32(np.cos(thing.turn)), np.float32(np.sin(thing.turn))
    u = (c * across + s * down) * (-1 if thing.mirrored else 1)
    surface = Surface(u, c * down - s * across, 2 / thing.size)

    body = np.array(COLOURS[thing.colour], dtype=np.float32) * rng.uniform(0.92, 1.07)
    body = body * (1 + rng.uniform(-0.04, 0.04, 3).astype(np.float32))
    second = {"cream": 0.2 * body + 0.8 * CREAM, "deep": 0.62 * body, "pale": 0.5 * body + 0.5 * CREAM}
    second = second[_SECOND[thing.name]]
    blend = texture(thing.name, surface, rng).astype(np.float32)[:, :, None]
    trim = 0.7 * body if _SECOND[thing.name] == "cream" else second
    flat = {TRIM: trim, DARK: 0.75 * INK + 0.125 * body, LIGHT: CREAM}
    mixed = (body + (second - body) * blend) * inks[BODY][:, :, None]
    for ink, cover in inks.items():
        if ink != BODY:
            mixed += flat[ink] * cover[:, :, None]
    light = 1.03 - 0.1 * (across + down)  # it falls from the upper left
    mixed *= (light / np.maximum(alpha, 1 / 255))[:, :, None]
    return mixed


def _moved(field: np.ndarray, by: int) -> np.ndarray:
    """The field moved right and down by `by` pixels (left and up when negative); its empty margin wraps round."""
    return np.roll(field, (by, by), axis=(0, 1))


def _window(left: int, top: int, side: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The part of the canvas that a window covers, and the part of the window that lies on the canvas."""
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, SIDE), min(top + side, SIDE)
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


def _vignette() -> np.ndarray:
    away = np.linspace(-1, 1, SIDE, dtype=np.float32) ** 2
    return (1.02 - 0.07 * (away[:, None] + away))[:, :, None]


_VIGNETTE = _vignette()
