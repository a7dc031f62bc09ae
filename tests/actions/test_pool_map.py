"""The map of a pool in one piece of work, against its two parts."""

import numpy as np
import pytest

from datasel_core.actions import draw_map, pool_map
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import MissingFeature, Stopped
from datasel_core.features import computation
from datasel_core.features.stored import kept_features
from tests.conftest import clustered, paint, task_of


@pytest.fixture
def pool(workspace, tmp_path):
    for at in range(40):
        paint(tmp_path / "photos" / "ab"[at % 2] / f"{at:02d}.jpg", at)
    return add_pool(workspace, "photos", str(tmp_path / "photos"), "images")


def test_it_is_the_embedding_and_its_map(workspace, pool):
    asked = task_of("pool_map", pool="photos")
    assert asked.headline() == "Map of photos"
    result = perform(workspace, asked, Progress()).result
    kept = kept_features(workspace, pool.fingerprint)
    assert [one.id for one in kept] == ["dictionary_embedding"]
    alone = computation.feature_key(workspace, pool, computation.declared_feature("dictionary_embedding"))
    assert result == {"feature": alone, "map": draw_map.map_key(alone, {})}
    name, xy = draw_map.read_map(workspace, alone)
    assert name == "umap"
    assert np.isfinite(xy).all()


def test_what_was_stopped_goes_on(workspace, pool, monkeypatch):
    stops = iter([False] * 3 + [True] * 1000)
    with pytest.raises(Stopped):
        perform(workspace, task_of("pool_map", pool="photos"), Progress(should_stop=lambda: next(stops), every=0))
    perform(workspace, task_of("pool_map", pool="photos"), Progress())
    asked = []
    monkeypatch.setattr(pool_map, "compute_feature", lambda *given: asked.append(given))
    perform(workspace, task_of("pool_map", pool="photos"), Progress())  # all of it is there
    assert asked == []


def test_vectors_that_were_brought_are_mapped_as_they_are(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(50)], embedding=clustered(rng, 50, 8, 4))
    pool = add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")
    mine = kept_features(workspace, pool.fingerprint)[-1]
    assert perform(workspace, task_of("pool_map", pool="vec"), Progress()).result["feature"] == mine.key
    assert kept_features(workspace, pool.fingerprint)[-1].key == mine.key


def test_a_pool_that_cannot_have_one_says_how(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=["a", "b"], sharpness=np.array([1.0, 2.0], np.float32))
    add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")
    with pytest.raises(MissingFeature) as error:
        task_of("pool_map", pool="vec").prepare(workspace)
    assert str(error.value) == (
        "A map of vec takes an embedding, and none can be computed here. Import one: python -m datasel_core feature "
        "import vec embedding FILE.npz"
    )


def test_the_time_is_that_of_both(workspace, pool):
    source = pool_map.map_source(pool, [])
    computing, drawing = source.begins + 40 / source.speed, 8.04
    assert pool_map.expected(pool, source) == pytest.approx(computing + drawing)
    kept = computation.compute_feature(workspace, pool, source)
    assert pool_map.expected(pool, kept) == pytest.approx(drawing)
