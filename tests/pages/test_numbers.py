"""One number per sample on the screen: a histogram, a colour of the map, something to keep by, a filter."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.draw_map import make_map
from datasel_core.actions.import_feature import import_feature
from datasel_core.features.computation import compute_feature, declared_feature
from datasel_core.features.description import made
from datasel_core.features.stored import kept_features
from pages._ui.charts import maps, numbers
from pages._ui.kit import palette
from tests.pages import screens
from tests.pages.screens import said, sound, view, wait

screen, vector_pool = screens.screen, screens.vector_pool
N = 120


@pytest.fixture
def weighed(workspace, vector_pool, tmp_path):
    """The pool of 120 vectors; all but the first have a number that nobody declared, from 1 to 119."""
    np.savez(tmp_path / "w.npz", ids=vector_pool.ids.astype(str)[1:], weight=np.arange(1, N, dtype=np.float32))
    import_feature(workspace, vector_pool, "weight", str(tmp_path / "w.npz"))
    return vector_pool


def test_parts_are_of_about_equal_size_and_in_order():
    values = np.array([5.0, np.nan, 1, 2, 3, 4, 6, 7, 8, *[100.0] * 8])
    found = numbers.parts(values, "nats")
    there = np.isfinite(values)
    assert found.names[-1] == "no value"
    assert found.names[0].endswith(" nats")
    assert found.of[1] == len(found.names) - 1
    order = np.argsort(values[there], kind="stable")
    assert (np.diff(found.of[there][order]) >= 0).all()
    alone = numbers.parts(np.array([2.0, 2.0]), "")
    assert (alone.names, alone.of.tolist()) == (["2 to 2", "no value"], [0, 0])
    assert numbers.parts(np.array([np.nan]), "").of.tolist() == [1]


def test_steps_are_seen_in_light_and_dark():
    def light(colour: str) -> float:
        parts = [palette._linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for colour in palette.steps(8):
        assert 1.05 / (light(colour) + 0.05) >= 3  # against white
        assert (light(colour) + 0.05) / (light("#14171c") + 0.05) >= 3
    assert len(set(palette.steps(8))) == 8


def test_it_is_a_histogram_where_features_are_listed(screen, weighed):
    app = view(screen(pool="vec"), "features")
    assert "From 1 to 119; half are below 60." in said(app)


def test_it_colours_the_map(screen, workspace, weighed):
    embedding = next(one for one in kept_features(workspace, weighed.fingerprint) if one.role == "embedding")
    make_map(workspace, embedding.key)
    app = screen(pool="vec", colour="number.weight")
    app = sound(app.switch_page("pages/patterns.py").run())
    box = next(box for box in app.selectbox if box.label == "Colour by")
    assert (box.value, "weight" in box.options) == ("number.weight", True)


def test_it_is_something_to_keep_by_and_a_filter(screen, workspace, weighed):
    app = screen(pool="vec", method="by_score", budget="5")
    app = sound(app.switch_page("pages/select.py").run())
    assert "one number per sample" in said(app)
    assert [box.options for box in app.selectbox if box.label == "Role"] == [["weight"]]
    app.text_input(key="widget.select.where").set_value("weight < 50").run()
    assert app.number_input(key="budget.count").max == 49
    app.button(key="choose").click()
    wait(app, lambda app: "**5 of 120 vectors**" in said(app))
    run = next(folder for folder in workspace.folders("runs") if (folder / "manifest.json").exists())
    assert (run / "selection.parquet").exists()


def test_without_any_it_says_what_is_needed(screen, vector_pool):
    app = sound(screen(pool="vec").switch_page("pages/select.py").run())
    assert "It needs one number per sample, which this pool does not have yet." in said(app)


@pytest.fixture
def two(workspace, tmp_path, rng):
    """Sixty texts in three groups, with two embeddings of one name, the second of other settings."""
    lines = [
        f'{{"id": "t{at}", "text": "{("red bus", "blue car", "grey dog")[at % 3]} {at}", "source": "{"abc"[at % 3]}"}}'
        for at in range(60)
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    pool = add_pool(workspace, "texts", str(tmp_path / "t.jsonl"), "text")
    made = [compute_feature(workspace, pool, declared_feature("tfidf_svd", n_dims=d)) for d in (128, 3)]
    return pool, made


def test_two_features_of_one_name_are_told_apart_where_they_are_listed(screen, two):
    _, (first, second) = two
    text = said(view(screen(pool="texts"), "features")).replace("\\", "")
    assert "Text embedding, no download, n_dims 3" in text
    older = f"Taken for **embedding** only where it is asked for: `--use embedding={first.key}`"
    assert text.count("Taken for **embedding**, the newest") == text.count(older) == 1
    assert text.index("n_dims 3") < text.index("Taken for **embedding**, the newest") < text.index(older)
    assert "of the 10 nearest neighbours are of the same group; groups of these sizes, dealt at random, would" in text
    assert all(f"Key {one.key}" in text for one in (first, second))


def test_two_features_of_one_name_are_told_apart_where_one_is_asked_for(screen, two):
    _, (first, second) = two
    app = sound(screen(pool="texts", method="k_center", budget="5").switch_page("pages/select.py").run())
    box = next(box for box in app.selectbox if box.label == "Which embedding")
    assert box.options == ["tfidf_svd, n_dims 3", "tfidf_svd"]
    assert "the first is taken where none is named" in box.help.lower()
    text = said(app).replace("\\", "")
    assert f"tfidf_svd, n_dims 3, {made(second)}, key {second.key}; the newest of 2." in text
    app = sound(app.selectbox(key="widget.select.use.embedding").set_value(first.key).run())
    text = said(app).replace("\\", "")
    assert f"tfidf_svd, {made(first)}, key {first.key}; not the newest of 2." in text


def test_maps_of_two_features_of_one_name_are_told_apart(two):
    pool, kept = two
    first, second = maps.names(pool, kept).values()
    assert (first, second) == ("Samples · tfidf svd", f"{first}, n_dims 3")
