"""Colours: one for each class, each method and each step of a number, seen in light and dark."""

import colorsys
import hashlib
from collections.abc import Sequence

import numpy as np

from datasel_core.base import registry

COLOURS = (
    "#2f7de1",
    "#da640b",
    "#289481",
    "#d641a3",
    "#149349",
    "#825df8",
    "#8e5a00",
    "#e5484d",
    "#1690c5",
    "#889c2a",
    "#a65f8f",
    "#6b7a90",
)
"""Each at least 3:1 against the light and the dark background. The first ten are told apart by those who lack the red
or the green cones, too: as they see them, no two are nearer than 12 (CIE 1976 colour difference). Tests compute both.
"""


METHODS = (
    *COLOURS[:-1],
    "#ad4729",
    "#4f52f2",
    "#337052",
    "#a385d6",
    "#c21f5c",
    "#cc7a85",
    "#ad0ac2",
    "#e81010",
    "#cc5ceb",
    "#6d7d5a",
    "#9a6a4a",
    "#3d7f8f",
    "#7a7000",
    "#b35c7f",
    "#4a7ab5",
    "#5c5cad",
    "#10a010",
    "#8e46b2",
    "#e822c4",
    "#9600ff",
    "#ff00ff",
    "#ff0087",
    "#c38700",
    "#4b5ad2",
    "#3c7800",
)
"""There are more methods than colours that are told apart at a glance; the further ones are as unlike as may be."""


KEPT, DROPPED, BASELINE = COLOURS[0], "#858c96", COLOURS[-1]


def colour_of(method: str) -> str:
    """One colour per method, everywhere. The baseline `random` is grey; others find a free place of the palette, by
    their name.
    """
    taken: dict[int, str] = {}
    for id in sorted({*registry.every("method"), method} - {"random"}):
        at = int(hashlib.sha256(id.encode()).hexdigest(), 16) % len(METHODS)
        for step in range(len(METHODS)):
            place = (at + step) % len(METHODS)
            if place not in taken:
                at = place
                break
        taken.setdefault(at, id)
        if id == method:
            return METHODS[at]
    return BASELINE


def earlier(kept: str) -> str:
    """The colour of what was chosen earlier, beside what is kept in this colour: orange, or blue where that is like
    orange.
    """
    orange, blue = COLOURS[1], COLOURS[0]
    apart = abs(_hue(kept) - _hue(orange))
    return orange if min(apart, 1 - apart) > 50 / 360 else blue


def _hue(colour: str) -> float:
    return colorsys.rgb_to_hls(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))[0]


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each of these names, in their order; the palette begins again after twelve."""
    return {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(names)}


def steps(n: int) -> list[str]:
    """n colours in order, for numbers: from blue to red, all equally bright, so that they are seen in light and
    dark.
    """
    return [_as_bright(hue / 360) for hue in np.linspace(255, 5, max(1, n))]


_COLD, _WARM = (
    ("#e9e9e6", "#a9cbe2", "#5b9bcb", "#2268ad", "#0b3a70"),
    ("#e9e9e6", "#f3bd9f", "#e07b5c", "#b92b34", "#6d0a26"),
)
"""From the middle outwards, darker by steps; blue and red are told apart without red or green cones, too."""


def diverging(low: float, high: float) -> list[tuple[float, str]]:
    """A Plotly colour scale from low to high, grey at 0, as far from it on either side as the larger of both: equal
    distances from 0 are equally strong, whichever side they lie on.
    """
    most = max(abs(low), abs(high)) or 1.0
    if high <= low:
        return [(0.0, _COLD[0]), (1.0, _COLD[0])]
    values = sorted({low, high, *(one for one in np.linspace(-most, most, 17).tolist() if low < one < high)})
    return [((one - low) / (high - low), _mixed(one / most)) for one in values]


def _mixed(share: float) -> str:
    """share: -1 to 1."""
    side, at = _WARM if share >= 0 else _COLD, abs(share) * (len(_WARM) - 1)
    below = min(int(at), len(side) - 2)
    ends = [[int(one[place : place + 2], 16) for place in (1, 3, 5)] for one in side[below : below + 2]]
    mixed = [round(start + (end - start) * (at - below)) for start, end in zip(*ends, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _as_bright(hue: float, luminance: float = 0.19) -> str:
    """The colour of this hue with this relative luminance (WCAG), found by halving its lightness."""
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        red, green, blue = colorsys.hls_to_rgb(hue, middle, 0.62)
        light = 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)
        low, high = (middle, high) if light < luminance else (low, middle)
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, low, 0.62))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
