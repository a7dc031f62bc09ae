"""The demo pool `scenes`: rendered pictures of objects with masks, captions and near-duplicates, all of them known.

Picture i depends on (seed, i) alone: it is the same in a pool of 60 and of 2,000, and in whatever order they are drawn.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from datasel_core.base.progress import Progress
from datasel_core.pools.demo.captions import describe, off_topic
from datasel_core.pools.demo.render import Thing, draw, retake
from datasel_core.pools.demo.scene_classes import CLASSES, COLOURS, MASK_VALUE, SETTINGS, SIDE
from datasel_core.workspace.files import writing

VERSION = 1
"""Raised when the same seed gives other pictures, so that half-made folders of an older version are drawn again."""

OBJECT_COUNTS = {2: 0.30, 3: 0.35, 4: 0.22, 5: 0.13}
DUPLICATE_SHARE = 0.06
OFF_TOPIC_SHARE = 0.05
MISMATCHED_SHARE = 0.15

_LAYOUT, _WORDS, _BACKDROP, _COPY = range(1, 5)  # separate streams: a longer caption cannot move an object
_SMALLEST, _LARGEST = 40, 120  # object diameter in pixels

_COLUMNS = pa.schema(
    {
        "id": pa.string(),
        "path": pa.string(),
        "group": pa.string(),
        "classes": pa.list_(pa.string()),
        "n_objects": pa.int32(),
        "main_class": pa.string(),
        "caption": pa.string(),
        "caption_kind": pa.string(),
        "true_caption": pa.string(),
        "duplicate_of": pa.string(),
        "mask": pa.string(),
    }
)


@dataclass(frozen=True)
class Scene:
    """What one picture shows and what is said about it.

    things: the largest object first.  source: number of the picture it nearly repeats.
    caption_kind: matched, mismatched (the true caption of an earlier, clearly different picture) or off_topic.
    """

    number: int
    setting: str
    things: tuple[Thing, ...]
    source: int | None
    true_caption: str
    caption: str
    caption_kind: str

    @property
    def id(self) -> str:
        return f"images/scene-{self.number:05d}.jpg"

    @property
    def mask(self) -> str:
        return f"masks/scene-{self.number:05d}.png"

    @property
    def classes(self) -> list[str]:
        return list(dict.fromkeys(thing.name for thing in self.things))


def make_scenes(folder: Path, n: int = 2000, seed: int = 20260, progress: Progress | None = None) -> pa.Table:
    """Draw the pool into `folder` and return its table: one row per picture, as in `folder/scenes.parquet`.

    Pictures that an interrupted run has finished are kept; the table is written last. Needs about 25 kB per picture.
    """
    folder = Path(folder)
    table_path = folder / "scenes.parquet"
    scenes = compose(n, seed)
    with ThreadPoolExecutor(1) as saver:  # waiting for the disk takes as long as a quarter of the drawing
        saving: Future | None = None
        for scene in (progress or Progress()).over(scenes, n, "drawing scenes"):
            recipe = f"datasel scenes version {VERSION}, seed {seed}, picture {scene.number}"
            if _recipe(folder / scene.mask) == _recipe(folder / scene.id) == recipe:
                continue
            table_path.unlink(missing_ok=True)  # a table must not outlive the pictures it describes
            drawn = render(scene, seed)
            if saving:
                saving.result()
            saving = saver.submit(_save, folder, scene, recipe, *drawn)
        if saving:
            saving.result()
    table = scene_table(scenes)
    with writing(table_path) as path:
        pq.write_table(table, path)
    return table


def compose(n: int, seed: int = 20260) -> list[Scene]:
    """Everything about the first n pictures except their pixels."""
    scenes: list[Scene] = []
    for number in range(n):
        layout = np.random.default_rng([seed, number, _LAYOUT])
        words = np.random.default_rng([seed, number, _WORDS])
        source = None
        if number and layout.random() < DUPLICATE_SHARE:
            pick = scenes[layout.integers(number)]
            source = pick.number if pick.source is None else pick.source
            setting, things = pick.setting, pick.things
        else:
            setting = str(layout.choice(list(SETTINGS), p=list(SETTINGS.values())))
            things = _place(_choose(setting, layout), layout)
        truth = describe(setting, tuple((thing.name, thing.colour) for thing in things), words)
        shown = {thing.name for thing in things}
        caption, kind = _caption(truth, setting, shown, scenes, words)
        scenes.append(Scene(number, setting, things, source, truth, caption, kind))
    return scenes


def render(scene: Scene, seed: int = 20260) -> tuple[np.ndarray, np.ndarray]:
    """Picture (256, 256, 3) uint8 and mask (256, 256) uint8, where 0 is background, else class index + 1."""
    drawn_as = scene.number if scene.source is None else scene.source
    pixels, mask = draw(scene.setting, scene.things, np.random.default_rng([seed, drawn_as, _BACKDROP]))
    if scene.source is None:
        return pixels, mask
    return retake(pixels, mask, np.random.default_rng([seed, scene.number, _COPY]))


def scene_table(scenes: list[Scene]) -> pa.Table:
    """One row per scene, in order."""
    rows = [
        {
            "id": scene.id,
            "path": scene.id,
            "group": scene.setting,
            "classes": scene.classes,
            "n_objects": len(scene.things),
            "main_class": scene.things[0].name,
            "caption": scene.caption,
            "caption_kind": scene.caption_kind,
            "true_caption": scene.true_caption,
            "duplicate_of": None if scene.source is None else scenes[scene.source].id,
            "mask": scene.mask,
        }
        for scene in scenes
    ]
    return pa.Table.from_pylist(rows, schema=_COLUMNS)


def _choose(setting: str, rng: np.random.Generator) -> list[tuple[str, str]]:
    """(class, colour) of each object: classes by their share, more often at home, some objects repeated."""
    count = int(rng.choice(list(OBJECT_COUNTS), p=list(OBJECT_COUNTS.values())))
    weights = np.array([kind.share * (2 if setting in kind.home else 1) for kind in CLASSES])
    order = rng.choice(len(CLASSES), count, replace=False, p=weights / weights.sum())
    chosen: list[tuple[str, str]] = []
    for position in order:
        name = CLASSES[position].name
        colour = str(rng.choice(_COLOURS_OF[name]))
        if chosen and rng.random() < 0.25:
            name, same = chosen[rng.integers(len(chosen))]
            colour = same if rng.random() < 0.5 else str(rng.choice(_COLOURS_OF[name]))
        chosen.append((name, colour))
    return chosen


def _place(chosen: list[tuple[str, str]], rng: np.random.Generator) -> tuple[Thing, ...]:
    """Positions, sizes and rotations. No object covers the centre of another, so every one stays visible."""
    largest = rng.uniform(0.75, 1) * _LARGEST
    things: list[Thing] = []
    for name, colour in chosen:
        size = largest if not things else rng.uniform(_SMALLEST, max(0.75 * largest - 4 * len(chosen), _SMALLEST + 8))
        best = (-np.inf, 0.0, 0.0, size)
        for attempt in range(60):
            size = max(_SMALLEST, size * (0.97 if attempt > 10 else 1))
            margin = 0.42 * size + 8  # a near-duplicate crops up to 6 pixels
            x, y = rng.uniform(margin, SIDE - margin, 2)
            gaps = [np.hypot(x - t.x, y - t.y) / (t.size / 2 + size / 2) for t in things]
            if (roomiest := min(gaps, default=np.inf)) > best[0]:
                best = (roomiest, x, y, size)
            if best[0] > 0.95:
                break
        tilt = np.radians(_TILT_OF[name]) * rng.uniform(-1, 1)
        mirrored, look = bool(rng.integers(2)), int(rng.integers(2**31))
        _, x, y, size = map(float, best)
        things.append(Thing(name, colour, x, y, size, float(tilt), mirrored, look))
    return tuple(things)


def _caption(
    truth: str, setting: str, shown: set[str], earlier: list[Scene], rng: np.random.Generator
) -> tuple[str, str]:
    """What is said about a picture: (caption, caption_kind)."""
    fate = rng.random()
    if fate < OFF_TOPIC_SHARE:
        return off_topic(rng), "off_topic"
    if fate < OFF_TOPIC_SHARE + MISMATCHED_SHARE and earlier:
        for row in rng.integers(0, len(earlier), 60):
            if earlier[row].setting != setting and shown.isdisjoint(earlier[row].classes):
                return earlier[row].true_caption, "mismatched"
    return truth, "matched"  # also the first few pictures, before which nothing clearly different was drawn


def _save(folder: Path, scene: Scene, recipe: str, pixels: np.ndarray, mask: np.ndarray) -> None:
    quality = 88 if scene.source is None else 64 + 4 * (scene.number % 6)
    note = PngInfo()
    note.add_text("comment", recipe)
    flat = Image.fromarray(mask)
    flat.putpalette(_PALETTE)
    for name, picture, how in (
        (scene.mask, flat, {"format": "PNG", "pnginfo": note}),
        (scene.id, Image.fromarray(pixels), {"format": "JPEG", "quality": quality, "comment": recipe}),
    ):
        encoded = io.BytesIO()  # Pillow does not notice that the last bytes of a file found no room on the disk
        picture.save(encoded, **how)
        with writing(folder / name) as path:
            path.write_bytes(encoded.getbuffer())


def _recipe(path: Path) -> str | None:
    """The recipe a finished picture or mask was drawn by; None where there is no such file."""
    try:
        with Image.open(path) as image:
            note = image.info.get("comment")
    except OSError:
        return None
    return note.decode("latin-1") if isinstance(note, bytes) else note


def _palette() -> Iterable[int]:
    """RGB of each mask value: black background, then the classes in colours of the house, lighter each time round."""
    colours = [(0, 0, 0)]
    for value in MASK_VALUE.values():
        pick = list(COLOURS.values())[(value - 1) % len(COLOURS)]
        colours.append(tuple(min(255, band + 30 * ((value - 1) // len(COLOURS))) for band in pick))
    return [band for colour in colours for band in colour]


_PALETTE = list(_palette())
_TILT_OF = {kind.name: kind.tilt for kind in CLASSES}
_COLOURS_OF = {kind.name: kind.colours for kind in CLASSES}
