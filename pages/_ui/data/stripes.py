"""What a pool of simulated years looks like, small: a strip for each scenario, years coloured by their temperature."""

import base64
import io
from collections.abc import Sequence

import numpy as np

from datasel_core.costs.simulations.sides import scenario_of
from datasel_core.costs.simulations.timeline import Line, timeline
from datasel_core.pools.pool import Pool
from pages._ui.kit import palette

_SHADES = 256
_CLEAR = (0, 0, 0, 0)
_TALL, _GAP = 12, 3
"""Pixels of a strip, and between two; a year is one wide."""


def strips(pool: Pool) -> str:
    """A data URL. Raises BadRequest where the pool has no simulated years."""
    first: dict[str, Line] = {}
    for line in timeline(pool, np.empty(0, np.int64)).lines:
        first.setdefault(scenario_of(line.run), line)
    return url(png([(line.year, line.gmst) for line in first.values()]))


def png(lines: Sequence[tuple[Sequence[int], Sequence[float]]]) -> bytes:
    """lines: (years, K) of each scenario, from the top."""
    from PIL import Image

    begin = min(min(years) for years, _ in lines)
    wide = max(max(years) for years, _ in lines) - begin + 1
    known = np.concatenate([np.asarray(gmst, np.float64) for _, gmst in lines])
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    picture = Image.new("RGBA", (wide, len(lines) * (_TALL + _GAP) - _GAP), _CLEAR)
    shades = _shades(low, high)
    for at, (years, gmst) in enumerate(lines):
        for year, value in zip(years, gmst, strict=True):
            if np.isfinite(value):
                shade = shades[round((value - low) / ((high - low) or 1) * (_SHADES - 1))]
                top = at * (_TALL + _GAP)
                picture.paste(shade, (year - begin, top, year - begin + 1, top + _TALL))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def url(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _shades(low: float, high: float) -> list[tuple[int, ...]]:
    """(red, green, blue, 255) from low to high, as on the page Climate."""
    scale = palette.diverging(low, high)
    places = [place for place, _ in scale]
    colours = np.array([[int(one[at : at + 2], 16) for at in (1, 3, 5)] for _, one in scale], np.float64)
    wanted = np.linspace(0, 1, _SHADES)
    mixed = np.stack([np.interp(wanted, places, colours[:, part]) for part in range(3)], axis=1)
    return [(*map(int, row.round()), 255) for row in mixed]
