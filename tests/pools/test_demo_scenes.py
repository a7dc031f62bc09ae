"""The demo pool `scenes`: the same every time, and what its table says is what its pictures show."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from datasel_core.base.progress import Progress
from datasel_core.errors import Stopped
from datasel_core.pools.demo.render import Thing, draw
from datasel_core.pools.demo.scene_classes import CLASSES, COLOURS, MASK_VALUE, SETTINGS, SIDE
from datasel_core.pools.demo.scenes import compose, make_scenes, render

N = 48
NOUNS = {word: kind.name for kind in CLASSES for word in (kind.name, kind.plural)}
NUMBERS = {"a": 1, "an": 1, "two": 2, "three": 3, "four": 4, "five": 5}
PLACES = {
    "meadow": "meadow",
    "street": "street",
    "beach": "beach",
    "indoor table": "table",
    "forest floor": "forest",
    "snow": "snow",
    "desert": "desert",
    "night sky": "night",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    return folder, make_scenes(folder, n=N).to_pylist()


@pytest.fixture(scope="module")
def composed():
    return compose(2000)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def mentioned(caption):
    """Objects a caption names: Counter of (class, colour), read from its words."""
    said = re.compile(rf"\b({'|'.join(NUMBERS)})((?: [a-z-]+){{1,3}}?) ({'|'.join(NOUNS)})\b")
    found = Counter()
    for number, words, noun in said.findall(caption.lower()):
        colours = [word for word in words.split() if word in COLOURS]
        assert len(colours) == 1, caption
        found[NOUNS[noun], colours[0]] += NUMBERS[number]
    return found


def test_files_and_table_say_the_same(made):
    folder, rows = made
    assert pq.read_table(folder / "scenes.parquet").to_pylist() == rows
    assert len({row["id"] for row in rows}) == N
    assert sorted(f"images/{path.name}" for path in (folder / "images").iterdir()) == [row["path"] for row in rows]
    assert sorted(f"masks/{path.name}" for path in (folder / "masks").iterdir()) == [row["mask"] for row in rows]
    for row in rows:
        assert pixels(folder / row["path"]).shape == (SIDE, SIDE, 3)


def test_same_seed_same_pool_whatever_its_size(made, tmp_path):
    folder, rows = made
    assert make_scenes(tmp_path, n=12).to_pylist() == rows[:12]
    for row in rows[:12]:
        np.testing.assert_array_equal(pixels(tmp_path / row["path"]), pixels(folder / row["path"]))
        np.testing.assert_array_equal(pixels(tmp_path / row["mask"]), pixels(folder / row["mask"]))


def test_another_seed_gives_other_pictures():
    ours, theirs = compose(30, seed=1), compose(30, seed=2)
    assert sum(a.things == b.things for a, b in zip(ours, theirs, strict=True)) == 0
    assert np.abs(render(ours[0], 1)[0].astype(float) - render(theirs[0], 2)[0]).mean() > 10


def test_pixels_are_the_same_in_another_process_and_order():
    program = (
        "import hashlib; from datasel_core.pools.demo.scenes import compose, render\n"
        "scene = compose(20)[19]; print(scene.caption); print(hashlib.sha256(render(scene)[0].tobytes()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    scenes = compose(40)
    render(scenes[3])
    digest = hashlib.sha256(render(scenes[19])[0].tobytes()).hexdigest()
    assert told.stdout.split("\n")[:2] == [scenes[19].caption, digest]


def test_masks_hold_exactly_the_listed_classes(made):
    folder, rows = made
    for row in rows:
        values, areas = np.unique(pixels(folder / row["mask"]), return_counts=True)
        assert set(values) == {0} | {MASK_VALUE[name] for name in row["classes"]}, row["id"]
        assert areas.min() > 100, row["id"]
        assert row["main_class"] in row["classes"]


def test_every_class_can_be_drawn_and_leaves_its_mask():
    for kind in CLASSES:
        for colour in kind.colours:
            thing = Thing(kind.name, colour, 128.0, 128.0, 100.0, 0.3, True, 5)
            _, mask = draw("snow", (thing,), np.random.default_rng(0))
            seen = mask == MASK_VALUE[kind.name]
            assert set(np.unique(mask)) == {0, MASK_VALUE[kind.name]}
            down, across = np.nonzero(seen)
            assert 0.12 * 100**2 < seen.sum() < 0.9 * 100**2, kind.name
            assert 65 < max(np.ptp(down), np.ptp(across)) < 135, kind.name


def test_objects_have_the_colour_the_caption_says():
    down, across = np.mgrid[:SIDE, :SIDE]
    for scene in compose(40):
        if scene.source is not None:
            continue
        picture, mask = render(scene)
        for thing in scene.things:
            inside = np.hypot(across - thing.x, down - thing.y) < 0.55 * thing.size
            seen = picture[inside & (mask == MASK_VALUE[thing.name])].astype(int)
            near = np.abs(seen - COLOURS[thing.colour]).max(axis=1) < 45
            assert near.mean() > 0.08, (scene.id, thing)


def test_true_captions_tell_objects_colours_counts_and_setting(composed):
    for scene in composed:
        assert mentioned(scene.true_caption) == Counter((thing.name, thing.colour) for thing in scene.things)
        said = [setting for setting, word in PLACES.items() if word in scene.true_caption.lower()]
        assert said == [scene.setting], scene.true_caption


def test_caption_kinds_are_what_they_say(composed):
    kinds = Counter(scene.caption_kind for scene in composed)
    assert 0.12 < kinds["mismatched"] / 2000 < 0.18
    assert 0.035 < kinds["off_topic"] / 2000 < 0.065
    for scene in composed:
        if scene.caption_kind == "matched":
            assert scene.caption == scene.true_caption
        elif scene.caption_kind == "off_topic":
            assert not set(re.findall(r"[a-z]+", scene.caption.lower())) & (set(NOUNS) | set(COLOURS))
        else:
            assert any(scene.caption == other.true_caption for other in composed[: scene.number])
            assert {name for name, _ in mentioned(scene.caption)}.isdisjoint(scene.classes)
            assert PLACES[scene.setting] not in scene.caption.lower()


def test_classes_are_long_tailed_and_settings_skewed(composed):
    pictures = Counter(name for scene in composed for name in scene.classes)
    counts = [pictures[kind.name] for kind in CLASSES]
    assert 0.30 < counts[0] / 2000 < 0.40
    assert 6 <= counts[-1] <= 15
    assert sum(counts[:6]) > 0.5 * sum(counts)
    assert sum(counts[12:]) < 0.25 * sum(counts)
    settings = Counter(scene.setting for scene in composed)
    assert settings.keys() == SETTINGS.keys()
    assert settings["meadow"] > 5 * settings["night sky"] > 0


def test_sizes_and_gaps(composed):
    assert {len(scene.things) for scene in composed} == {2, 3, 4, 5}
    for scene in composed:
        sizes = [thing.size for thing in scene.things]
        assert min(sizes) >= 40
        assert max(sizes) <= 120
        assert scene.things[0].size == max(sizes)
        for one, other in combinations(scene.things, 2):
            apart = np.hypot(one.x - other.x, one.y - other.y)
            assert apart > max(one.size, other.size) / 2  # neither can hide the other's centre


def test_duplicates_point_at_an_earlier_original(composed):
    copies = [scene for scene in composed if scene.source is not None]
    assert 0.045 < len(copies) / 2000 < 0.075
    for copy in copies:
        assert copy.source < copy.number
        assert composed[copy.source].source is None
        assert composed[copy.source].things == copy.things


def test_duplicates_look_like_their_source_and_nothing_else_does():
    scenes = compose(240)
    copies = [scene for scene in scenes if scene.source is not None][:8]
    sources = {copy.source: render(scenes[copy.source])[0].astype(float) for copy in copies}
    near = []
    for copy in copies:
        shown = render(copy)[0].astype(float)
        assert not np.array_equal(shown, sources[copy.source])
        near.append(np.abs(shown - sources[copy.source]).mean())
    far = [np.abs(one - other).mean() for one, other in combinations(sources.values(), 2)]
    assert max(near) < 0.75 * min(far)
    assert max(near) < 0.4 * np.median(far)


def test_table_names_the_source_of_a_duplicate(tmp_path):
    first = next(scene for scene in compose(200) if scene.source is not None)
    rows = make_scenes(tmp_path, n=first.number + 1).to_pylist()
    assert [row["duplicate_of"] for row in rows] == [None] * first.number + [rows[first.source]["id"]]
    assert rows[-1]["classes"] == rows[first.source]["classes"]
    assert set(np.unique(pixels(tmp_path / rows[-1]["mask"]))) == {0} | {MASK_VALUE[c] for c in rows[-1]["classes"]}


def test_stopped_making_goes_on_where_it_was(made, tmp_path):
    folder, rows = made
    asked = iter(range(100))
    stopping = Progress(should_stop=lambda: next(asked) >= 6, every=0)
    with pytest.raises(Stopped, match="what was finished is kept"):
        make_scenes(tmp_path, n=N, progress=stopping)
    assert not (tmp_path / "scenes.parquet").exists()
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "images").iterdir()}
    assert 3 <= len(finished) <= 10

    steps = []
    assert make_scenes(tmp_path, n=N, progress=Progress(report=steps.append)).to_pylist() == rows
    assert (steps[-1].done, steps[-1].total) == (N, N)
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items())
    assert not list(tmp_path.rglob("*.part"))
    for row in rows:
        np.testing.assert_array_equal(pixels(tmp_path / row["path"]), pixels(folder / row["path"]))
        np.testing.assert_array_equal(pixels(tmp_path / row["mask"]), pixels(folder / row["mask"]))


def test_pictures_of_another_seed_or_broken_ones_are_drawn_again(made, tmp_path):
    folder, rows = made
    make_scenes(tmp_path, n=4, seed=1)
    assert make_scenes(tmp_path, n=4).to_pylist() == rows[:4]
    (tmp_path / rows[2]["path"]).write_bytes(b"half a picture")
    (tmp_path / rows[3]["mask"]).unlink()
    make_scenes(tmp_path, n=4)
    for row in rows[:4]:
        np.testing.assert_array_equal(pixels(tmp_path / row["path"]), pixels(folder / row["path"]))
        np.testing.assert_array_equal(pixels(tmp_path / row["mask"]), pixels(folder / row["mask"]))


def test_a_table_does_not_outlive_its_pictures(tmp_path):
    make_scenes(tmp_path, n=2, seed=1)
    asked = iter(range(100))
    with pytest.raises(Stopped):
        make_scenes(tmp_path, n=2, seed=2, progress=Progress(should_stop=lambda: next(asked) >= 1, every=0))
    assert not (tmp_path / "scenes.parquet").exists()
