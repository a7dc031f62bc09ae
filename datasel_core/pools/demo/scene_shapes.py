"""Outlines of the object classes as inked polygons.

A shape is a list of (ink, points): points is (m, 2) in object units (x right, y down, about -1..1); later parts cover
earlier ones; ink HOLE cuts through to the background.
"""

from __future__ import annotations

import numpy as np

HOLE, BODY, TRIM, DARK, LIGHT = range(5)
"""Inks: nothing, the class texture in the body colour, the second colour, near black, cream."""


def shape(name: str, rng: np.random.Generator) -> list[tuple[int, np.ndarray]]:
    """Parts of one object of class `name`; `rng` varies what may vary, such as a clock's hands."""
    return [(ink, np.asarray(points, dtype=float)) for ink, points in _SHAPES[name](rng)]


def _oval(x, y, across, down=None, start=0.0, stop=360.0, points=48):
    angle = np.radians(np.linspace(start, stop, points))
    return np.column_stack([x + across * np.cos(angle), y + (down or across) * np.sin(angle)])


def _box(left, top, right, bottom):
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _round(points, passes=3):
    """Corners cut again and again (Chaikin): a smooth closed outline from a few control points."""
    points = np.asarray(points, dtype=float)
    for _ in range(passes):
        after = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1).reshape(-1, 2)
    return points


def _bar(x0, y0, x1, y1, width):
    along = np.array([x1 - x0, y1 - y0], dtype=float)
    side = np.array([-along[1], along[0]]) / np.hypot(*along) * width / 2
    start, stop = np.array([x0, y0]), np.array([x1, y1])
    return [start + side, stop + side, stop - side, start - side]


def _mirror(points):
    return np.asarray(points, dtype=float) * (-1, 1)


def _spokes(count, inner, outer, turn=-90.0):
    radius = np.where(np.arange(2 * count) % 2 == 0, outer, inner)
    angle = np.radians(turn) + np.arange(2 * count) * np.pi / count
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _ball(rng):
    return [(BODY, _oval(0, 0, 0.92, points=72)), (LIGHT, _oval(0, -0.04, 0.13))]


def _leaf(rng):
    blade = _round(
        [(0, -1.05), (0.35, -0.7), (0.66, -0.05), (0.45, 0.5), (0, 0.75)]
        + [(-0.45, 0.5), (-0.66, -0.05), (-0.35, -0.7)]
    )
    return [(DARK, _bar(0, 0.5, 0.06, 1.1, 0.09)), (BODY, blade)]


def _flower(rng):
    petals = int(rng.integers(5, 8))
    angles = 2 * np.pi * np.arange(petals) / petals
    wide = 1.5 / petals + 0.08
    parts = []
    for angle in angles:
        petal = _oval(0.58, 0, 0.4, wide)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        parts.append((BODY, petal @ turn))
    return [*parts, (DARK, _oval(0, 0, 0.29)), (LIGHT, _oval(0, 0, 0.23))]


def _star(rng):
    return [(BODY, _round(_spokes(5, 0.46, 1.08), passes=2))]


def _house(rng):
    parts = [(DARK, _box(0.34, -0.86, 0.56, -0.3)), (BODY, _box(-0.72, -0.2, 0.72, 0.82))]
    parts += [(DARK, [(-0.95, -0.12), (0, -0.98), (0.95, -0.12)]), (TRIM, [(-0.72, -0.2), (0, -0.84), (0.72, -0.2)])]
    parts += [(DARK, _box(-0.17, 0.26, 0.19, 0.82)), (LIGHT, _oval(0.1, 0.56, 0.04))]
    for x in (-0.46, 0.47):
        parts += [
            (DARK, _box(x - 0.17, 0.04, x + 0.17, 0.42)),
            (LIGHT, _box(x - 0.13, 0.08, x - 0.015, 0.38)),
            (LIGHT, _box(x + 0.015, 0.08, x + 0.13, 0.38)),
        ]
    return parts


def _tree(rng):
    crown = [_oval(-0.42, -0.12, 0.44), _oval(0.42, -0.12, 0.44), _oval(0, -0.5, 0.5), _oval(0, -0.02, 0.5)]
    trunk = [(-0.12, 0.2), (0.12, 0.2), (0.15, 0.85), (0.28, 1.0), (-0.28, 1.0), (-0.15, 0.85)]
    return [(DARK, trunk), *((BODY, lobe) for lobe in crown)]


def _fish(rng):
    body = _round([(-0.98, 0), (-0.5, -0.42), (0.05, -0.5), (0.6, -0.14), (0.6, 0.14), (0.05, 0.5), (-0.5, 0.42)])
    tail = _round([(0.45, 0), (1.02, -0.55), (0.9, 0), (1.02, 0.55)], passes=2)
    fin = _round([(-0.25, -0.3), (0.1, -0.82), (0.42, -0.66), (0.35, -0.2)], passes=2)
    eye = [(LIGHT, _oval(-0.55, -0.1, 0.13)), (DARK, _oval(-0.57, -0.1, 0.075))]
    return [(TRIM, tail), (TRIM, fin), (BODY, body), *eye]


def _heart(rng):
    t = np.linspace(0, 2 * np.pi, 80)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [(BODY, np.column_stack([x / 17, -(y + 2) / 16]))]


def _cup(rng):
    handle = [(TRIM, _oval(0.62, 0.05, 0.4, 0.42)), (HOLE, _oval(0.62, 0.05, 0.24, 0.26))]
    wall = _round(
        [(-0.72, -0.62), (-0.72, -0.62), (0.62, -0.62), (0.62, -0.62), (0.5, 0.82), (0.4, 0.86)]
        + [(-0.5, 0.86), (-0.6, 0.82)],
        passes=2,
    )
    return [*handle, (BODY, wall), (TRIM, _oval(-0.05, -0.62, 0.67, 0.2)), (DARK, _oval(-0.05, -0.6, 0.57, 0.14))]


def _mushroom(rng):
    stem = _round([(-0.22, -0.1), (0.22, -0.1), (0.24, 0.5), (0.38, 0.95), (-0.38, 0.95), (-0.24, 0.5)], passes=2)
    cap = np.vstack([_oval(0, 0.06, 0.98, 0.98, 180, 360), _oval(0, 0.06, 0.98, 0.2, 0, 180)])
    return [(LIGHT, stem), (TRIM, _oval(0, 0.12, 0.5, 0.2)), (BODY, cap)]


def _butterfly(rng):
    upper = _round([(0.02, -0.1), (0.3, -0.75), (0.9, -0.98), (1.08, -0.55), (0.75, 0.0), (0.1, 0.1)])
    lower = _round([(0.04, 0.0), (0.7, 0.02), (0.9, 0.42), (0.6, 0.95), (0.25, 0.7)])
    wings = [(BODY, wing) for wing in (lower, _mirror(lower), upper, _mirror(upper))]
    feelers = [(DARK, _bar(0, -0.4, x, -0.88, 0.05)) for x in (-0.24, 0.24)]
    spots = [(LIGHT, _oval(x, -0.55, 0.1)) for x in (-0.68, 0.68)]
    return [*wings, *spots, *feelers, (DARK, _oval(0, 0.06, 0.085, 0.58)), (DARK, _oval(0, -0.46, 0.12))]


def _boat(rng):
    hull = _round([(-1.0, 0.32), (-1.0, 0.32), (1.0, 0.32), (1.0, 0.32), (0.62, 0.88), (-0.6, 0.88)], passes=2)
    sails = [(LIGHT, [(0.08, -0.98), (0.08, 0.2), (0.8, 0.2)]), (TRIM, [(-0.06, -0.8), (-0.06, 0.2), (-0.66, 0.2)])]
    return [(DARK, _box(-0.04, -1.02, 0.05, 0.36)), *sails, (BODY, hull)]


def _umbrella(rng):
    canopy = list(_oval(0, 0.05, 1.0, 0.95, 180, 360))
    for x in (0.75, 0.25, -0.25, -0.75):
        canopy += list(_oval(x, 0.05, 0.25, 0.16, 0, -180, points=14))
    hook = [(DARK, _oval(0.14, 0.78, 0.2)), (HOLE, _oval(0.14, 0.78, 0.11)), (HOLE, _box(-0.1, 0.5, 0.5, 0.78))]
    return [*hook, (DARK, _box(-0.06, -0.1, 0.035, 0.8)), (DARK, _box(-0.04, -1.06, 0.04, -0.8)), (BODY, canopy)]


def _bottle(rng):
    glass = _round(
        [(-0.15, -0.8), (0.15, -0.8), (0.15, -0.3), (0.42, -0.02), (0.42, 0.9), (0.38, 1.0)]
        + [(-0.38, 1.0), (-0.42, 0.9), (-0.42, -0.02), (-0.15, -0.3)],
        passes=2,
    )
    label = [(LIGHT, _box(-0.42, 0.2, 0.42, 0.66)), (TRIM, _oval(0, 0.43, 0.15))]
    return [(BODY, glass), *label, (DARK, _box(-0.19, -1.04, 0.19, -0.76))]


def _key(rng):
    teeth = [(BODY, _box(x, 0.05, x + 0.15, tall)) for x, tall in ((0.52, 0.42), (0.82, 0.5))]
    bow = [(BODY, _oval(-0.58, 0, 0.46)), (HOLE, _oval(-0.62, 0, 0.23))]
    return [*teeth, (BODY, _box(-0.2, -0.1, 1.04, 0.12)), *bow, (TRIM, _box(-0.16, -0.16, -0.06, 0.18))]


def _arrow(rng):
    return [(BODY, [(-1.0, -0.26), (0.12, -0.26), (0.12, -0.7), (1.04, 0), (0.12, 0.7), (0.12, 0.26), (-1.0, 0.26)])]


def _kite(rng):
    sail = [(0, -1.0), (0.62, -0.3), (0, 0.66), (-0.62, -0.3)]
    string = [(DARK, _bar(0, 0.6, 0.16, 0.85, 0.05)), (DARK, _bar(0.16, 0.85, -0.04, 1.1, 0.05))]
    bows = [(TRIM, [(0.0, 0.76), (0.0, 0.96), (0.34, 0.74), (0.34, 0.98)])]
    spars = [(DARK, _bar(0, -1.0, 0, 0.66, 0.05)), (DARK, _bar(-0.62, -0.3, 0.62, -0.3, 0.05))]
    return [*string, *bows, (BODY, sail), *spars]


def _clock(rng):
    hour, minute = rng.uniform(0, 2 * np.pi, 2)
    ticks = [
        (DARK, _bar(0.52 * np.cos(a), 0.52 * np.sin(a), 0.62 * np.cos(a), 0.62 * np.sin(a), 0.07))
        for a in np.arange(12) * np.pi / 6
    ]
    hands = [
        (DARK, _bar(0, 0, 0.34 * np.cos(hour), 0.34 * np.sin(hour), 0.11)),
        (DARK, _bar(0, 0, 0.5 * np.cos(minute), 0.5 * np.sin(minute), 0.07)),
    ]
    bells = [(TRIM, _oval(x, -0.8, 0.26)) for x in (-0.5, 0.5)]
    face = [(BODY, _oval(0, 0.06, 0.92)), (LIGHT, _oval(0, 0, 0.68))]
    return [*bells, *face, *ticks, *hands, (DARK, _oval(0, 0, 0.08))]


def _cactus(rng):
    left, right = rng.uniform(-0.1, 0.15, 2)
    arms = []
    for side, low in ((-1, 0.2 + left), (1, 0.0 + right)):
        arms += [
            _box(min(0, side * 0.62), low - 0.13, max(0, side * 0.62), low + 0.13),
            _box(side * 0.62 - 0.14, low - 0.5, side * 0.62 + 0.14, low),
            _oval(side * 0.62, low - 0.5, 0.14),
            _oval(side * 0.62, low, 0.14, 0.13),
        ]
    trunk = [_box(-0.24, -0.7, 0.24, 0.98), _oval(0, -0.7, 0.24)]
    return [(BODY, part) for part in (*arms, *trunk)]


def _gear(rng):
    teeth = int(rng.integers(8, 12))
    step = 2 * np.pi / teeth
    angle = np.concatenate(
        [[k * step, k * step + 0.12 * step, k * step + 0.48 * step, k * step + 0.6 * step] for k in range(teeth)]
    )
    radius = np.tile([0.74, 0.99, 0.99, 0.74], teeth)
    rim = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return [(BODY, rim), (TRIM, _oval(0, 0, 0.42)), (HOLE, _oval(0, 0, 0.28))]


def _crescent(rng):
    outer = _oval(0.25, 0, 0.98, 0.98, 60, 300)
    inner = _oval(0.62, 0, 0.86, 0.86, 279, 81)
    return [(BODY, np.vstack([outer, inner]))]


def _ladder(rng):
    rails = [_bar(x, -1.08, 1.25 * x, 1.08, 0.17) for x in (-0.38, 0.38)]
    rungs = [_box(-0.42, y - 0.075, 0.42, y + 0.075) for y in np.linspace(-0.8, 0.8, 5)]
    return [(BODY, part) for part in (*rungs, *rails)]


def _snail(rng):
    foot = _round([(-1.02, 0.72), (-0.9, 0.1), (-0.62, 0.1), (-0.55, 0.5), (0.3, 0.52), (1.08, 0.86), (-0.9, 0.9)])
    horns = [(LIGHT, _bar(-0.8, 0.25, x, -0.26, 0.07)) for x in (-0.98, -0.66)]
    tips = [(DARK, _oval(x, -0.28, 0.075)) for x in (-0.98, -0.66)]
    return [*horns, *tips, (LIGHT, foot), (DARK, _oval(-0.84, 0.34, 0.05)), (BODY, _oval(0.16, -0.06, 0.68))]


def _lighthouse(rng):
    tower = [(-0.27, -0.5), (0.27, -0.5), (0.42, 0.82), (-0.42, 0.82)]
    lamp = [
        (LIGHT, _box(-0.2, -0.82, 0.2, -0.52)),
        (DARK, _box(-0.025, -0.82, 0.025, -0.52)),
        (DARK, [(-0.3, -0.8), (0, -1.08), (0.3, -0.8)]),
        (DARK, _box(-0.36, -0.54, 0.36, -0.44)),
    ]
    rock = _round([(-0.8, 1.02), (-0.6, 0.72), (0.1, 0.66), (0.62, 0.74), (0.85, 1.02)], passes=2)
    return [(DARK, rock), (BODY, tower), *lamp, (DARK, _box(-0.09, -0.02, 0.09, 0.18)), (DARK, _oval(0, -0.02, 0.09))]


_SHAPES = {
    "ball": _ball,
    "leaf": _leaf,
    "flower": _flower,
    "star": _star,
    "house": _house,
    "tree": _tree,
    "fish": _fish,
    "heart": _heart,
    "cup": _cup,
    "mushroom": _mushroom,
    "butterfly": _butterfly,
    "boat": _boat,
    "umbrella": _umbrella,
    "bottle": _bottle,
    "key": _key,
    "arrow": _arrow,
    "kite": _kite,
    "clock": _clock,
    "cactus": _cactus,
    "gear": _gear,
    "crescent": _crescent,
    "ladder": _ladder,
    "snail": _snail,
    "lighthouse": _lighthouse,
}
