"""Which feature comes first, and about how long it takes."""

from types import SimpleNamespace

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.base.registry import every
from datasel_core.features.computation import compute_feature, declared_feature
from datasel_core.features.encoders.clip import ClipImage
from datasel_core.features.encoders.dictionary import DictionaryEmbedding
from datasel_core.features.external import keep_imported
from datasel_core.features.likely import is_demo, likely_first, mapped, seconds
from tests.conftest import paint


def measured(feature, n, spent):
    """A kept feature, as far as its time is asked for."""
    what = feature.what()
    meta = {**what, "encoded": n, "seconds": spent}
    return SimpleNamespace(id=what["id"], meta=meta)


def captioned(folder):
    """Two photos with captions, in a table."""
    paint(folder / "a.jpg", 1)
    paint(folder / "b.jpg", 2)
    (folder / "t.csv").write_text("path,caption\na.jpg,a hat\nb.jpg,a shoe\n")
    return str(folder / "t.csv")


@pytest.fixture
def pairs(workspace, tmp_path):
    return add_pool(workspace, "own", captioned(tmp_path / "own"), "pairs")


def test_of_own_pictures_the_demos_clip_is_offered_last(workspace, photos, pairs):
    pool = add_pool(workspace, "photos", str(photos), "images")
    offered = [one.id for one in likely_first(pool, set())]
    assert offered[0] == "dictionary_embedding"
    assert offered[-1] == "clip_image"
    assert offered.index("dictionary_patterns") < offered.index("vit_embedding")
    assert [one.demo_only != "" for one in likely_first(pairs, set())][-2:] == [True, True]


def test_of_the_demo_it_comes_first(workspace):
    pool = add_pool(workspace, "scenes", captioned(workspace.demo("scenes")), "pairs")
    assert is_demo(pool)
    assert {one.id for one in likely_first(pool, set())[:2]} <= {"clip_image", "clip_text", "dictionary_embedding"}
    assert any(one.demo_only for one in likely_first(pool, set())[:2])


def test_what_follows_at_once_is_not_asked_for(workspace, photos):
    pool = add_pool(workspace, "photos", str(photos), "images")
    assert not any(one.at_once for one in likely_first(pool, {one.reads for one in every("feature").values()}))


def test_every_feature_that_is_computed_says_why_and_how_fast():
    for id, cls in every("feature").items():
        if not cls.at_once:
            assert cls.suits.endswith("."), id
            assert 0 < cls.speed < 10_000, id
            assert not cls.downloads or "model" in cls.suits, id


def test_the_time_is_as_declared_until_it_was_measured():
    feature = DictionaryEmbedding()
    assert seconds(feature, 929) == pytest.approx(feature.begins + 929 / feature.speed)
    assert seconds(feature, 929, [measured(feature, 1000, feature.begins + 20)]) == pytest.approx(
        feature.begins + 18.58
    )
    last = [measured(feature, 1000, 99), measured(feature, 1000, feature.begins + 2)]
    assert seconds(feature, 929, last) == pytest.approx(feature.begins + 1.858)
    too_few = [measured(feature, 12, 60)]
    others = [measured(DictionaryEmbedding(n_atoms=16), 1000, 99), measured(ClipImage(), 1000, 99)]
    assert seconds(feature, 929, [*too_few, *others]) == seconds(feature, 929)
    assert seconds(ClipImage(model="ViT-B-32"), 1000) > 10 * seconds(ClipImage(), 1000)
    assert seconds(SimpleNamespace(pace=lambda: 0, begins=3), 5) is None


def test_what_was_computed_says_how_long_and_for_how_many(workspace, photos):
    pool = add_pool(workspace, "photos", str(photos), "images")
    kept = compute_feature(workspace, pool, declared_feature("dictionary_embedding"))
    assert kept.meta["encoded"] == 12
    assert kept.meta["seconds"] >= 0


def test_a_map_is_drawn_of_the_newest_embedding_else_of_what_needs_no_download(workspace, photos):
    pool = add_pool(workspace, "photos", str(photos), "images")
    assert mapped(pool, []) is DictionaryEmbedding
    rng = np.random.default_rng(0)
    made = [
        keep_imported(workspace, pool, role, rng.random(shape, dtype=np.float32), np.arange(12), [], "v", Progress())
        for role, shape in (("embedding", (12, 4)), ("sharpness", (12,)))
    ]
    assert mapped(pool, made) is made[0]
    newer = keep_imported(
        workspace, pool, "embedding", rng.random((12, 5), dtype=np.float32), np.arange(12), [], "w", Progress()
    )
    assert mapped(pool, [*made, newer]) is newer
