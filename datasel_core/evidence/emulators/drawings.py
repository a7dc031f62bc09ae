"""Small drawings of a reliability card, as SVG: nothing is loaded, nothing runs, colours of lines follow the page."""

import html
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

WIDTH = 640
_LABEL = 190
_ROW = 26
_STEPS = 17
_COLD_WARM = ("#2166ac", "#67a9cf", "#d1e5f0", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b")
_DRY_WET = ("#8c510a", "#d8b365", "#f6e8c3", "#f5f5f5", "#c7eae5", "#5ab4ac", "#01665e")
"""ColorBrewer's RdBu, turned, and BrBG: both are read by people who see red and green alike, and white is 0."""
_NONE = "#9a9a9a"


def escaped(text: object) -> str:
    """Whatever a name holds, it stays text."""
    return html.escape(str(text), quote=True)


def number(value: float | None, digits: int = 3) -> str:
    """As tables and drawings write it."""
    if value is None:
        return "unknown"
    said = f"{value:.{digits}f}" if abs(value) < 1e4 else f"{value:.3g}"
    return said.removeprefix("-") if not said.strip("-0.") else said.replace("-", "−")


def bars(items: Sequence[tuple[str, float, bool]], line: tuple[str, float] | None, unit: str) -> str:
    """items: (name, value at least 0, whether it is the one that the page is about). line: its name and value."""
    top = max([value for _, value, _ in items] + ([line[1]] if line else [])) or 1.0
    room, height = WIDTH - _LABEL - 70, _ROW * len(items) + (34 if line else 6)
    drawn = []
    for at, (name, value, own) in enumerate(items):
        y, wide = at * _ROW + 4, max(1.0, room * value / top)
        kind = "own" if own else "other"
        drawn.append(_text(_LABEL - 8, y + 13, name, "end"))
        drawn.append(f'<rect class="{kind}" x="{_LABEL}" y="{y}" width="{wide:.1f}" height="17" rx="2"/>')
        drawn.append(_text(_LABEL + wide + 6, y + 13, f"{number(value)} {unit}"))
    if line:
        x, bottom = _LABEL + room * line[1] / top, _ROW * len(items) + 6
        drawn.append(f'<line class="floor" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}"/>')
        drawn.append(_text(x + 6, bottom + 16, f"{line[0]}: {number(line[1])} {unit}", kind="floor"))
    return _svg("Errors as bars", height, drawn)


def shares(parts: Mapping[str, float]) -> str:
    """One bar whose pieces are shares of their sum; what each is stands beneath."""
    total, x, drawn, at = sum(parts.values()) or 1.0, 0.0, [], 0
    for at, (name, value) in enumerate(parts.items()):
        wide = WIDTH * value / total
        drawn.append(f'<rect class="part{at}" x="{x:.1f}" y="2" width="{wide:.1f}" height="20"/>')
        y = 46 + 20 * (at // 2)
        left = (at % 2) * WIDTH / 2
        drawn.append(f'<rect class="part{at}" x="{left:.0f}" y="{y - 11}" width="12" height="12"/>')
        drawn.append(_text(left + 18, y, f"{name}: {100 * value / total:.1f} %"))
        x += wide
    return _svg("Parts of the squared error", 56 + 20 * (at // 2), drawn)


def coverage(levels: Sequence[tuple[float, float | None]]) -> str:
    """(level, share of truths inside): a bar for the share, a mark where it should end."""
    room, drawn = WIDTH - _LABEL - 70, []
    for at, (level, share) in enumerate(levels):
        y, x = at * _ROW + 4, _LABEL + room * level
        drawn.append(_text(_LABEL - 8, y + 13, f"{100 * level:.0f} % interval", "end"))
        if share is None:
            drawn.append(_text(_LABEL + 4, y + 13, "too few members"))
            continue
        drawn.append(f'<rect class="own" x="{_LABEL}" y="{y}" width="{room * share:.1f}" height="17" rx="2"/>')
        drawn.append(_text(_LABEL + room + 10, y + 13, f"{100 * share:.1f} %"))
        drawn.append(f'<line class="floor" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{y + 20}"/>')
    return _svg("Coverage of intervals; marks are what it should be", _ROW * len(levels) + 6, drawn)


def histogram(counts: Sequence[int], expected: float) -> str:
    """Ranks of the truth among members, with the line on which all would stand."""
    top, wide, high = max([*counts, expected]) or 1.0, WIDTH / len(counts), 110
    drawn = [
        f'<rect class="own" x="{at * wide + 0.5:.1f}" y="{high * (1 - one / top):.1f}" '
        f'width="{max(wide - 1, 0.5):.1f}" height="{high * one / top:.1f}"/>'
        for at, one in enumerate(counts)
    ]
    y = high * (1 - expected / top)
    drawn.append(f'<line class="floor" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
    drawn += [_text(0, high + 16, "below all members"), _text(WIDTH, high + 16, "above all members", "end")]
    return _svg("Rank histogram", high + 22, drawn)


def lines(year: Sequence[float], series: Mapping[str, Sequence[float]], unit: str) -> str:
    """Curves over years; the first is drawn last, on top."""
    high, left = 170, 50
    every = [one for values in series.values() for one in values]
    low, top = min(every), max(every)
    reach, span = (top - low) or 1.0, (max(year) - min(year)) or 1.0

    def place(x: float, y: float) -> str:
        return f"{left + (WIDTH - left) * (x - min(year)) / span:.1f} {8 + high * (top - y) / reach:.1f}"

    drawn = [_text(left - 6, 14, number(top, 2), "end"), _text(left - 6, high + 12, number(low, 2), "end")]
    drawn += [_text(left, high + 30, f"{min(year):.0f}"), _text(WIDTH, high + 30, f"{max(year):.0f}", "end")]
    for at, values in reversed(list(enumerate(series.values()))):
        path = " L ".join(place(x, y) for x, y in zip(year, values, strict=True))
        drawn.append(f'<path class="curve{at}" d="M {path}"/>')
    for at, name in enumerate(series):
        x = left + 90 + 190 * at
        drawn.append(f'<path class="curve{at}" d="M {x} {high + 26} h 22"/>')
        drawn.append(_text(x + 28, high + 30, f"{name} ({unit})"))
    return _svg("Means over the Earth, by year", high + 36, drawn)


def band(points: Sequence[Mapping[str, float]], unit: str) -> str:
    """size, mean, low and high of each point."""
    high, left = 120, 60
    top = max(one["high"] for one in points) * 1.05 or 1.0
    most = max(one["size"] for one in points)
    least = min(one["size"] for one in points)

    def x(size: float) -> float:
        return left + 10 + (WIDTH - left - 30) * (size - least) / ((most - least) or 1)

    def y(value: float) -> float:
        return 6 + high * (1 - value / top)

    drawn = [_text(left - 6, 14, number(top, 2), "end"), _text(left - 6, high + 8, "0", "end")]
    middle = " L ".join(f"{x(one['size']):.1f} {y(one['mean']):.1f}" for one in points)
    drawn.append(f'<path class="curve0" d="M {middle}"/>')
    for one in points:
        at = x(one["size"])
        drawn.append(
            f'<line class="range" x1="{at:.1f}" x2="{at:.1f}" y1="{y(one["low"]):.1f}" y2="{y(one["high"]):.1f}"/>'
        )
        drawn.append(f'<circle class="own" cx="{at:.1f}" cy="{y(one["mean"]):.1f}" r="3.5"/>')
        drawn.append(_text(at, high + 24, f"{one['size']:.0f}", "middle"))
    drawn.append(_text(left, high + 42, f"members that are trained on; RMSE_s of pattern scaling in {unit}"))
    return _svg("Error over members", high + 50, drawn)


def world(values: np.ndarray, shape: tuple[int, int], longitude: np.ndarray, most: float, variable: str) -> str:
    """A map of coloured cells, north at the top, Greenwich in the middle where columns are meridians; no coastlines.

    values, longitude: (cells,). most: where the scale ends, on both sides of 0.
    """
    rows, columns = shape
    field, east = np.asarray(values).reshape(shape), np.asarray(longitude).reshape(shape) % 360
    if (east == east[:1]).all():
        field = field[:, np.argsort((east[0] + 180) % 360, kind="stable")]
    steps = np.where(np.isnan(field), -1, _step(np.nan_to_num(field), most)).astype(int)[::-1]
    wide, high = 300 / columns, 160 / rows
    paths: dict[int, list[str]] = {}
    for row in range(rows):
        edges = [0, *(np.flatnonzero(np.diff(steps[row])) + 1).tolist(), columns]
        for begin, end in pairwise(edges):
            span = (end - begin) * wide
            one = f"M{begin * wide:.2f} {row * high:.2f}h{span:.2f}v{high:.2f}h{-span:.2f}z"
            paths.setdefault(int(steps[row, begin]), []).append(one)
    colours = palette(variable)
    drawn = [
        f'<path fill="{_NONE if step < 0 else colours[step]}" d="{"".join(parts)}"/>'
        for step, parts in sorted(paths.items())
    ]
    return _svg("A map of cells", 160, drawn, 300, "map")


def scale(most: float, variable: str, unit: str) -> str:
    """What the colours of a map mean."""
    wide = 300 / _STEPS
    drawn = [
        f'<rect x="{at * wide:.2f}" y="0" width="{wide + 0.3:.2f}" height="10" fill="{colour}"/>'
        for at, colour in enumerate(palette(variable))
    ]
    ends = ((0, f"−{most:g}", "start"), (150, "0", "middle"), (300, f"+{most:g} {unit}", "end"))
    drawn += [_text(x, 24, said, anchor) for x, said, anchor in ends]
    return _svg("Scale", 30, drawn, 300, "map")


def palette(variable: str) -> list[str]:
    """Colours from the low end to the high one, an odd number, so that one is for 0."""
    anchors = [tuple(int(one[at : at + 2], 16) for at in (1, 3, 5)) for one in _of(variable)]
    found = []
    for at in np.linspace(0, len(anchors) - 1, _STEPS):
        before = min(int(at), len(anchors) - 2)
        mix = [round(a + (b - a) * (at - before)) for a, b in zip(anchors[before], anchors[before + 1], strict=True)]
        found.append("#" + "".join(f"{one:02x}" for one in mix))
    return found


def _of(variable: str) -> tuple[str, ...]:
    return _DRY_WET if variable == "pr" else _COLD_WARM


def _step(values: np.ndarray, most: float) -> np.ndarray:
    """Which colour: the middle one is for values near 0 on both sides."""
    share = np.clip(values / (most or 1.0), -1, 1)
    return np.minimum(np.floor((share + 1) / 2 * _STEPS), _STEPS - 1)


def ends(*fields: np.ndarray) -> float:
    """Where a scale that holds all of these ends: the largest size, rounded up to two digits."""
    most = max(float(np.nanmax(np.abs(one))) for one in fields)
    if not most:
        return 1.0
    unit = 10 ** (math.floor(math.log10(most)) - 1)
    return math.ceil(most / unit - 1e-9) * unit


def _text(x: float, y: float, said: str, anchor: str = "start", kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(said)}</text>'


def _svg(title: str, height: float, drawn: Sequence[str], width: int = WIDTH, kind: str = "drawing") -> str:
    crisp = ' shape-rendering="crispEdges"' if kind == "map" else ""
    return (
        f'<svg class="{kind}"{crisp} viewBox="0 0 {width} {height:.0f}" role="img"><title>{escaped(title)}</title>'
        f"{''.join(drawn)}</svg>"
    )
