"""Backgrounds of the demo pictures, one function per setting: gradients and procedural noise, never flat."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from datasel_core.pools.demo.scene_classes import SIDE
from datasel_core.pools.demo.scene_textures import cloud

_ROW = np.arange(SIDE, dtype=np.float32)[:, None]
_COLUMN = np.arange(SIDE, dtype=np.float32)[None, :]


def backdrop(setting: str, rng: np.random.Generator) -> np.ndarray:
    """Background of a setting: (256, 256, 3) float32, 0..255."""
    return np.ascontiguousarray(_BACKDROPS[setting](rng), dtype=np.float32)


def _noise(rng, cells, across=None):
    """Three octaves of `cloud`, about -1..1."""
    across = across or cells
    field = cloud(rng, (SIDE, SIDE), (cells, across)) * 4
    field = field + 2 * cloud(rng, (SIDE, SIDE), (2 * cells, 2 * across))
    return (field + cloud(rng, (SIDE, SIDE), (4 * cells, 4 * across)) - 3.5) / 2


def _ramp(t, *colours):
    """Colours at even steps of t = 0..1: (..., 3) float32."""
    stops = np.linspace(0, 1, len(colours))
    table = np.column_stack([np.interp(np.linspace(0, 1, 256), stops, band) for band in zip(*colours, strict=True)])
    return table.astype(np.float32)[np.clip(t * 255, 0, 255).astype(np.uint8)]


def _ridge(rng, height, swing, lumps):
    """A rolling line across the picture: (256,) heights in rows, around `height`."""
    return height + swing * (2 * cloud(rng, (1, SIDE), (2, lumps))[0] - 1)


def _below(canvas, line, over, softness=1.0):
    """Cover the canvas below a line, (256,) heights or one height, by `over`; the edge is soft over some pixels."""
    top = max(0, int(np.min(line) - softness))
    cover = np.clip((_ROW[top:] - np.float32(line)) / np.float32(softness) + 0.5, 0, 1)[:, :, None]
    _mix(canvas[top:], over if over.ndim == 1 else over[top:], cover)


def _mix(under, over, cover):
    """Lay `over` on `under`, in place; cover: how opaque, 0..1."""
    under += (over - under) * cover


def _edging(canvas, row, colour):
    """A soft line across the picture: a kerb, the front of a table."""
    near = slice(int(row) - 7, int(row) + 8)
    _mix(canvas[near], np.float32(colour), 0.85 * np.exp(-(((_ROW[near] - row) / 2.4) ** 2))[:, :, None])


def _sprinkle(rng, count, top, sizes, inks):
    """Dots from row `top` down, larger towards the front: an RGBA layer at twice the size; sizes: radii on it."""
    layer = Image.new("RGBA", (2 * SIDE, 2 * SIDE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    for _ in range(count):
        x, depth = 2 * SIDE * rng.random(), rng.random() ** 0.7
        y, r = 2 * (top + depth * (SIDE - top)), rng.uniform(*sizes) * (0.4 + 0.6 * depth)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(*inks[rng.integers(len(inks))], 255))
    return layer


def _overlaid(canvas, layer):
    layer = np.asarray(layer.reduce(2), dtype=np.float32)
    _mix(canvas, layer[:, :, :3], layer[:, :, 3:] / 255)
    return canvas


def _sky(rng, high, low, clouds=0.7):
    sky = np.repeat(_ramp(_ROW / 140, high, low), SIDE, axis=1)
    above = slice(0, 160)  # the ground covers the rest in every setting
    puffs = np.clip(_noise(rng, 5, 3)[above] * 1.4 - 0.1, 0, 1)[:, :, None]
    _mix(sky[above], np.float32([255, 252, 246]), clouds * puffs)
    return sky


def _meadow(rng):
    horizon = rng.uniform(60, 110)
    canvas = _sky(rng, (112, 176, 220), (214, 232, 232))
    _below(canvas, _ridge(rng, horizon - 14, 16, 6), np.float32([132, 172, 140]), 2)
    blades = _noise(rng, 40, 110) * 0.55 + 0.3 * _noise(rng, 4, 3)
    depth = (_ROW - horizon) / (SIDE - horizon)
    grass = _ramp(0.15 + 0.55 * depth + 0.34 * blades, (164, 196, 108), (112, 166, 74), (70, 128, 58), (42, 92, 48))
    _below(canvas, _ridge(rng, horizon, 8, 4), grass, 2)
    petals = ((252, 248, 240), (250, 214, 90), (236, 150, 176))
    return _overlaid(canvas, _sprinkle(rng, int(rng.integers(30, 70)), horizon + 12, (3, 6), petals))


def _street(rng):
    canvas = _sky(rng, (158, 186, 210), (232, 224, 214), 0.4)
    kerb = rng.uniform(118, 150)
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8)).resize((2 * SIDE, 2 * SIDE))
    pen = ImageDraw.Draw(image)
    walls = ((196, 158, 132), (170, 148, 150), (214, 192, 158), (150, 160, 168), (190, 136, 120))
    x = -int(rng.integers(0, 60))
    while x < 2 * SIDE:
        wide, top = int(rng.integers(80, 150)), int(rng.integers(10, 130))
        wall = np.array(walls[rng.integers(0, len(walls))]) + int(rng.integers(-10, 10))
        pen.rectangle((x, top, x + wide, 2 * SIDE), fill=tuple(wall.tolist()))
        pen.rectangle((x, top, x + wide, top + 6), fill=tuple((wall - 40).tolist()))
        for left in range(x + 14, x + wide - 20, 30):
            for up in range(top + 22, int(2 * kerb) - 20, 42):
                glass = (250, 226, 160) if rng.random() < 0.25 else (108, 124, 142)
                pen.rectangle((left - 2, up - 2, left + 18, up + 26), fill=tuple((wall + 22).tolist()))
                pen.rectangle((left, up, left + 16, up + 24), fill=glass)
        x += wide + 2
    canvas = np.asarray(image.reduce(2), dtype=np.float32) * (1 + 0.04 * _noise(rng, 24))[:, :, None]
    depth = np.clip((_ROW - kerb) / (SIDE - kerb), 0, 1)
    ground = _ramp(0.45 + 0.25 * _noise(rng, 60, 50) - 0.25 * depth, (92, 94, 104), (134, 134, 142), (176, 172, 172))
    joints = np.abs(np.mod((_COLUMN - SIDE / 2) / (0.3 + depth) / 44, 1) - 0.5) > 0.485
    rows = np.abs(np.mod(np.log1p(3 * depth) * 5, 1) - 0.5) > 0.47
    ground = ground * (1 - 0.22 * (joints | rows))[:, :, None]
    _below(canvas, kerb, ground)
    _edging(canvas, kerb + 3, (206, 202, 196))
    return canvas


def _beach(rng):
    horizon = rng.uniform(48, 80)
    shore = _ridge(rng, horizon + rng.uniform(40, 66), 14, 4)
    canvas = _sky(rng, (104, 184, 222), (222, 238, 236))
    depth = (_ROW - horizon) / 60
    ripples = np.sin(_ROW / (1.2 + depth.clip(0, 2) * 1.6) + 5 * _noise(rng, 6, 4))
    sea = _ramp(0.25 + 0.55 * depth + 0.12 * ripples, (30, 104, 150), (48, 150, 176), (128, 206, 204))
    _below(canvas, horizon, sea)
    grains = 0.5 + 0.3 * _noise(rng, 5, 3) + 0.2 * _noise(rng, 60)
    sand = _ramp(grains, (214, 180, 128), (236, 208, 158), (248, 230, 190))
    _below(canvas, shore, sand * 0.9, 3)
    _below(canvas, shore + 12, sand, 10)
    foam = np.exp(-(((_ROW - shore) / 2.6) ** 2)) + 0.6 * np.exp(-(((_ROW - shore + 12) / 1.6) ** 2))
    _mix(canvas, np.float32([252, 252, 248]), np.clip(foam * (0.7 + 0.5 * _noise(rng, 20)), 0, 1)[:, :, None])
    shells = ((250, 240, 226), (226, 160, 140), (190, 150, 110))
    return _overlaid(canvas, _sprinkle(rng, int(rng.integers(10, 26)), float(shore.max()) + 20, (3, 6), shells))


def _table(rng):
    beige, aqua, rose = (226, 214, 196), (176, 198, 196), (226, 190, 178)
    light = (beige, aqua, rose)[rng.integers(3)]
    dark = tuple(band - 20 for band in light)
    edge = rng.uniform(70, 110)
    period = rng.uniform(20, 30)
    motif = np.cos(2 * np.pi * _COLUMN / period) + np.cos(2 * np.pi * _ROW / period)
    wall = _ramp(np.clip(motif - 0.4, 0, 1) * 0.8 + 0.1 * _noise(rng, 30), light, dark)
    wall = wall * (1.08 - 0.0012 * np.hypot(_COLUMN - 60, _ROW - 20))[:, :, None]
    board = rng.uniform(30, 46)
    bow = _ROW - edge
    plank = np.floor(bow / board)
    fibre = np.sin(0.35 * _ROW + 9 * _noise(rng, 8, 2)) * 0.16 + 0.22 * _noise(rng, 70, 5)
    wood = _ramp(0.5 + fibre + 0.16 * np.sin(plank * 9.1), (122, 78, 48), (172, 118, 74), (206, 154, 104))
    seam = np.exp(-((np.mod(bow, board) / 1.3) ** 2))
    wood = wood * (1 - 0.45 * seam)[:, :, None]
    _below(wall, edge, wood)
    _edging(wall, edge + 2, (226, 178, 128))
    return wall


def _forest(rng):
    ground = _noise(rng, 14) * 0.5 + 0.4 * _noise(rng, 60)
    canvas = _ramp(0.5 + 0.4 * ground, (44, 36, 30), (78, 60, 44), (96, 82, 52), (112, 110, 66))
    layer = Image.new("RGBA", (2 * SIDE, 2 * SIDE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    litter = ((126, 84, 46), (150, 104, 52), (104, 68, 42), (94, 96, 50), (134, 72, 44), (70, 84, 48), (88, 58, 40))
    blade = np.array([1.3, 0.5 + 0.45j, -0.4 + 0.45j, -1.2, -0.4 - 0.45j, 0.5 - 0.45j])  # the plane as complex numbers
    for _ in range(170):
        turned = blade * rng.uniform(8, 20) * np.exp(1j * rng.uniform(0, 2 * np.pi))
        x, y = 2 * SIDE * rng.random(2)
        outline = [(x + point.real, y + point.imag) for point in turned.tolist()]
        pen.polygon([(across + 3, down + 3) for across, down in outline], fill=(30, 24, 20, 150))
        pen.polygon(outline, fill=(*litter[rng.integers(len(litter))], 255))
        pen.line([outline[0], outline[3]], fill=(60, 44, 30, 255), width=2)
    canvas = _overlaid(canvas, layer) * (1 + 0.12 * _noise(rng, 50))[:, :, None]
    light = np.clip(_noise(rng, 3) * 1.2, -0.6, 1)[:, :, None]
    return canvas * (1.16 + 0.34 * light) + np.float32([16, 18, 4]) * np.clip(light, 0, 1)


def _snow(rng):
    horizon = rng.uniform(80, 120)
    canvas = _sky(rng, (150, 178, 208), (226, 226, 236), 0.5)
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8)).resize((2 * SIDE, 2 * SIDE))
    pen = ImageDraw.Draw(image)
    foot = 2 * horizon + 10
    for _ in range(16):
        x, tall, shade = rng.uniform(-10, 522), rng.uniform(40, 110), int(36 * rng.random())
        ink = (112 + shade, 138 + shade, 158 + shade)
        for level in (0, 0.3, 0.6):
            top, half = foot - tall * (1 - level * 0.8), tall * (0.12 + 0.24 * level)
            pen.polygon([(x, top), (x - half, top + tall * 0.45), (x + half, top + tall * 0.45)], fill=ink)
    canvas = np.asarray(image.reduce(2), dtype=np.float32)
    drifts = _noise(rng, 6, 2) * 0.6 + 0.14 * _noise(rng, 60)
    snow = _ramp(0.55 + 0.45 * drifts, (176, 196, 222), (222, 231, 242), (250, 251, 252))
    _below(canvas, _ridge(rng, horizon, 9, 4), snow, 2)
    return _overlaid(canvas, _sprinkle(rng, int(rng.integers(90, 160)), 0, (2, 5), ((255, 255, 255),)))


def _desert(rng):
    sunset = rng.random()
    canvas = _sky(rng, (126 + 60 * sunset, 172 - 20 * sunset, 206 - 50 * sunset), (250, 222, 178), 0.25)
    sun = np.hypot(_COLUMN - rng.uniform(40, 216), _ROW - rng.uniform(24, 50))[:, :, None]
    _mix(canvas, np.float32([255, 244, 206]), np.clip(1.4 - sun / 20, 0, 1))
    canvas += 26 * np.exp(-sun / 40)
    base = rng.uniform(70, 100)
    for layer, drop in enumerate((0, 34, 76, 124)):
        line = _ridge(rng, base + drop, 18, 4)
        ripple = np.sin((_ROW - line) / (1.2 + 0.5 * layer) + 0.05 * _COLUMN + 4 * _noise(rng, 4, 3))
        lit = 0.62 - (_ROW - line) / 150 + 0.09 * ripple + 0.12 * _noise(rng, 50)
        dune = _ramp(lit, (150, 88, 56), (206, 138, 84), (238, 186, 120))
        _below(canvas, line, dune, 1.5)
    return canvas


def _night(rng):
    glow = _noise(rng, 4) + 0.5 * _noise(rng, 20)
    tilt = rng.uniform(-0.8, 0.8)
    band = np.exp(-(((_ROW - 110 - tilt * (_COLUMN - 128)) / 52) ** 2))
    light = _ROW / 300 + 0.32 * band * (0.8 + glow) + 0.04 * glow
    canvas = _ramp(light, (14, 18, 48), (36, 42, 92), (92, 84, 148), (176, 150, 190))
    inks = ((255, 255, 255), (255, 238, 204), (204, 222, 255))
    canvas = _overlaid(canvas, _sprinkle(rng, 190, -120, (1, 4), inks).filter(ImageFilter.GaussianBlur(0.8)))
    _below(canvas, _ridge(rng, 214, 16, 7), np.float32([22, 26, 50]), 1.5)
    _below(canvas, _ridge(rng, 236, 10, 12), np.float32([12, 16, 30]), 1.5)
    return canvas


_BACKDROPS = {
    "meadow": _meadow,
    "street": _street,
    "beach": _beach,
    "indoor table": _table,
    "forest floor": _forest,
    "snow": _snow,
    "desert": _desert,
    "night sky": _night,
}
