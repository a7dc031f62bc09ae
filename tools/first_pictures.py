"""Draws the three pictures of the first page, of the demo: its map, what a method keeps of it, and how well that covers
it beside random choices; and the strips of the synthetic climate.

    python -m datasel_core demo && python -m datasel_core pool map scenes && python tools/first_pictures.py
"""

import base64
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import datasel_core as ds  # noqa: E402
from datasel_core.actions.draw_map import make_map, read_map  # noqa: E402
from datasel_core.actions.pool_map import map_source  # noqa: E402
from datasel_core.analysis.climate.mini_climate import SCENARIOS, MiniClimate  # noqa: E402
from datasel_core.features.stored import kept_features  # noqa: E402
from datasel_core.pools.persistence import load_pool  # noqa: E402
from datasel_core.pools.pool import Pool  # noqa: E402
from datasel_core.workspace.layout import Workspace  # noqa: E402
from pages._ui.data.stripes import png  # noqa: E402
from pages._ui.kit.palette import BASELINE, COLOURS, KEPT  # noqa: E402

WIDE, TALL = 480, 320
POINTS, BUDGET, RANDOM = 600, 200, 40
LOOSE = {"min_dist": 0.9, "n_neighbors": 60}
"""So that a small picture is filled."""
ACROSS, DOWN, GAP = 8, 6, 3
SHOWN = 9
"""Photos that lie on the map."""


def main(to: Path) -> None:
    workspace = Workspace.at()
    pool = load_pool(workspace, "scenes")
    kept = map_source(pool, kept_features(workspace, pool.fingerprint))
    vectors = np.asarray(kept.values(), np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    make_map(workspace, kept.key, LOOSE)
    _, xy = read_map(workspace, kept.key, LOOSE)
    held = np.sort(np.random.default_rng(5).choice(pool.n, pool.n // 5, replace=False))
    rest = np.setdiff1d(np.arange(pool.n), held)
    inputs = ds.Inputs(pool={"embedding": np.asarray(kept.values())[rest]}, rng=np.random.default_rng(0))
    rows = rest[ds.method("facility_location")().select(inputs, budget=BUDGET).rows]
    to.mkdir(exist_ok=True)
    (to / "map.svg").write_text(map_picture(pool, xy, rows), encoding="utf-8")
    wall_picture(pool, rows, to / "wall.webp")
    (to / "evidence.svg").write_text(evidence_picture(vectors, rows, held), encoding="utf-8")
    climate_picture(to / "climate.png")


def svg(parts: Iterator[str]) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {TALL}">{"".join(parts)}</svg>\n'


def map_picture(pool: Pool, xy: np.ndarray, kept: np.ndarray) -> str:
    """Points coloured by group; photos of some that are kept lie on it, far from each other."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    at = (xy - low) / (high - low) * [WIDE - 24, TALL - 24] + 12
    groups = pool.column("group")
    names = sorted(set(groups.tolist()))
    drawn = np.random.default_rng(0).choice(pool.n, POINTS, replace=False)

    def parts() -> Iterator[str]:
        for number, name in enumerate(names):
            mine = drawn[groups[drawn] == name]
            dots = "".join(f'<circle cx="{at[row, 0]:.0f}" cy="{at[row, 1]:.0f}" r="3"/>' for row in mine)
            yield f'<g fill="{COLOURS[number]}" fill-opacity=".85">{dots}</g>'
        shown = []
        for row in kept.tolist():
            if len(shown) < SHOWN and all(np.abs(at[row] - at[other]).max() > 56 for other in shown):
                shown.append(row)
                x, y = np.clip(at[row] - 16, 2, [WIDE - 34, TALL - 34])
                url = base64.b64encode(encoded(tile(pool, row, 64), "JPEG", 65)).decode()
                yield (
                    f'<image x="{x:.0f}" y="{y:.0f}" width="32" height="32" href="data:image/jpeg;base64,{url}"/>'
                    f'<rect x="{x:.0f}" y="{y:.0f}" width="32" height="32" fill="none" stroke-width="2" '
                    f'stroke="{COLOURS[names.index(groups[row])]}"/>'
                )

    return svg(parts())


def wall_picture(pool: Pool, kept: np.ndarray, to: Path) -> None:
    """Photos of the pool: some that are kept, the others faint."""
    side = (2 * WIDE - GAP * 2 * (ACROSS - 1)) // ACROSS
    tall = (2 * TALL - GAP * 2 * (DOWN - 1)) // DOWN
    whole = Image.new("RGBA", (2 * WIDE, 2 * TALL), (0, 0, 0, 0))
    rng = np.random.default_rng(1)
    lit = set(rng.choice(ACROSS * DOWN, 13, replace=False).tolist())
    others = iter(rng.permutation(np.setdiff1d(np.arange(pool.n), kept)).tolist())
    kept_ones = iter(kept.tolist())
    for place in range(ACROSS * DOWN):
        photo = tile(pool, next(kept_ones) if place in lit else next(others), side, tall).convert("RGBA")
        if place in lit:
            framed = Image.new("RGBA", photo.size, KEPT)
            framed.paste(photo.crop((6, 6, side - 6, tall - 6)), (6, 6))
            photo = framed
        else:
            photo = photo.convert("LA").convert("RGBA")
            photo.putalpha(70)
        whole.paste(photo, ((place % ACROSS) * (side + 2 * GAP), (place // ACROSS) * (tall + 2 * GAP)))
    whole.resize((3 * WIDE // 2, 3 * TALL // 2), Image.Resampling.LANCZOS).save(to, "WEBP", quality=50, method=6)


def tile(pool: Pool, row: int, side: int, tall: int | None = None) -> Image.Image:
    """The middle of a photo."""
    tall = tall or side
    photo = pool.open(row, at_least=side)
    cut = min(photo.width / side, photo.height / tall)
    box = [(photo.width - cut * side) / 2, (photo.height - cut * tall) / 2]
    return photo.resize((side, tall), box=(*box, box[0] + cut * side, box[1] + cut * tall))


def encoded(photo: Image.Image, form: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, form, quality=quality)
    return buffer.getvalue()


def covered(vectors: np.ndarray, held: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(b,) mean cosine of the held-out samples to the nearest of the first 1, 2, ... b kept."""
    return np.maximum.accumulate(vectors[held] @ vectors[rows].T, axis=1).mean(axis=0)


def evidence_picture(vectors: np.ndarray, kept: np.ndarray, held: np.ndarray) -> str:
    """How well the first 1, 2, ... kept cover what was held out, beside random choices: where nine in ten of them
    lie.
    """
    rng = np.random.default_rng(0)
    rest = np.setdiff1d(np.arange(len(vectors)), held)
    mine = covered(vectors, held, kept)
    by_chance = np.array([covered(vectors, held, rng.choice(rest, BUDGET, replace=False)) for _ in range(RANDOM)])
    low, middle, high = np.quantile(by_chance, [0.05, 0.5, 0.95], axis=0)
    begin, top = middle[4], mine[-1]

    def line(values: np.ndarray) -> list[tuple[float, float]]:
        ends = [(26 + at / (BUDGET - 1) * (WIDE - 44), TALL - 30) for at in range(BUDGET)]
        return [
            (x, y - (value - begin) / (top - begin) * (TALL - 56)) for (x, y), value in zip(ends, values, strict=True)
        ][4:]

    def path(points: list[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)

    def parts() -> Iterator[str]:
        grey = f'stroke="{BASELINE}" stroke-opacity=".5"'
        yield f'<path d="M26 12V{TALL - 24}H{WIDE - 12}" fill="none" {grey} stroke-width="1.5"/>'
        yield f'<path d="{path(line(low) + line(high)[::-1])}Z" fill="{BASELINE}" fill-opacity=".28"/>'
        yield f'<path d="{path(line(middle))}" fill="none" stroke="{BASELINE}" stroke-width="2.5"/>'
        yield f'<path d="{path(line(mine))}" fill="none" stroke="{KEPT}" stroke-width="3.5"/>'
        at = BUDGET // 4 - 1
        x, y = line(mine)[at - 4]
        same = int(np.searchsorted(middle, mine[at]))
        if same < BUDGET:
            there = line(middle)[same - 4][0]
            yield f'<path d="M{x:.1f} {y:.1f}H{there:.1f}" stroke="{KEPT}" stroke-width="2" stroke-dasharray="5 4"/>'
            yield f'<circle cx="{there:.1f}" cy="{y:.1f}" r="5" fill="{BASELINE}"/>'
            yield text(WIDE - 14, y + 36, f"{at + 1} chosen cover like {same + 1} random ones", KEPT, "end")
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{KEPT}"/>'
        yield text(WIDE - 14, TALL - 6, "how many are kept", BASELINE, "end")
        yield text(34, 20, "how well they cover what was held out", BASELINE, "start")

    return svg(parts())


def climate_picture(to: Path) -> None:
    """Each future of the synthetic climate after its past, as a strip of years."""
    climate = MiniClimate()
    past, *others = (climate.run(name, 1, 0) for name in SCENARIOS)
    futures = [one for one in others if one.year[0] == past.year[-1] + 1]
    to.write_bytes(png([([*past.year, *one.year], [*past.gmst, *one.gmst]) for one in futures]))


def text(x: float, y: float, words: str, colour: str, anchor: str) -> str:
    font = 'font-family="system-ui, sans-serif" font-size="14"'
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" text-anchor="{anchor}" {font}>{words}</text>'


if __name__ == "__main__":
    main(ROOT / "pages" / "_ui" / "data" / "pictures")
