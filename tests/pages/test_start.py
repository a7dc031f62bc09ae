"""The first page, the way to the first map, and what is offered first, without a browser."""

import io
import math
import re

import numpy as np
import pytest
from PIL import Image, ImageColor

from datasel_core import worker
from datasel_core.actions import draw_map
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import kept_features
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from pages._ui.data import leaks, stripes
from pages._ui.kit import keys, look, palette
from tests.conftest import clustered, paint, task_of
from tests.pages import screens
from tests.pages.screens import said, sound, view, wait

screen, photo_pool, vector_pool = screens.screen, screens.photo_pool, screens.vector_pool


def labels(app):
    return [one.label for one in app.button]


# ---- the first page


def test_an_empty_workspace_shows_what_the_program_does(screen):
    text = said(screen())
    assert text.count("<figure>") == 3
    assert text.count("data:image/svg+xml;base64,") == 2
    assert "See what is in it" in text


def test_of_several_pools_none_is_opened_in_silence(screen, workspace, photo_pool, vector_pool):
    engine.select(workspace, Spec(pool="clothes", method="random", budget="3"))
    app = screen()
    assert "pool" not in app.query_params
    assert "no pool is open" in said(app)
    assert re.search(r"13 photos · 1 selection · \d+ \w{3} \d{4}", said(app))
    assert re.search(r"120 vectors · \d+ \w{3} \d{4}", said(app))
    assert '<div class="ds-shelf"><img alt="" src="data:image/jpeg' in said(app)
    assert "Its map is drawn when it is opened." in said(app)
    draw_map.make_map(workspace, kept_features(workspace, vector_pool.fingerprint)[-1].key)
    assert '<img class="map" alt="Map" src="data:image/svg+xml;base64,' in said(sound(app.run()))
    sound(app.button(key="open-vec").click().run())
    assert app.query_params["pool"] in ("vec", ["vec"])
    assert "120 vectors, from" in said(app)


def test_one_pool_alone_is_opened(screen, photo_pool):
    assert "13 photos in 3 groups" in said(screen())


def test_a_synthetic_climate_is_one_click_and_says_that_it_is_synthetic(screen, workspace):
    app = screen()
    assert "synthetic, of no climate model" in said(app)
    assert "Scenarios from 1850 to 2100 as strips" in said(app)
    sound(app.button(key="make-climate").click().run())
    wait(app, lambda app: "2,427 years" in said(app) and app.query_params.get("pool") == "mini-climate")
    assert "make-climate" not in [one.key for one in view(app, "pools").button]
    assert "make-demo" in [one.key for one in app.button]
    assert '<img class="strips" alt="Years by scenario, coloured by temperature"' in said(app)


def test_strips_are_a_column_for_each_year_in_the_colours_of_the_page_climate():
    """The least is the first colour of its scale, the most the last; what is not there or not known is clear."""
    lines = [([2000, 2001, 2002], [-1.0, math.nan, 2.0]), ([2003], [0.5])]
    picture = Image.open(io.BytesIO(stripes.png(lines)))
    scale = [ImageColor.getrgb(one) for _, one in palette.diverging(-1.0, 2.0)]
    assert picture.size[0] == 4
    seen = [picture.getpixel((at, 5)) for at in range(4)]
    assert (seen[0][:3], seen[2][:3]) == (scale[0], scale[-1])
    assert [one[3] for one in seen] == [255, 0, 255, 0]
    low = picture.size[1] - 5
    assert [picture.getpixel((at, low))[3] for at in range(4)] == [0, 0, 0, 255]


def test_many_pools_are_a_list_after_the_first_eight(screen, workspace, tmp_path, rng):
    for at in range(10):
        np.savez(tmp_path / f"{at}.npz", ids=["a", "b", "c"], embedding=clustered(rng, 3, 4, 2))
        add_pool(workspace, f"p{at}", str(tmp_path / f"{at}.npz"), "vectors")
    app = screen()
    assert said(app).count('class="ds-shelf"') == 8
    assert [one.label for one in app.expander] == ["2 more pools"]
    assert {f"open-p{at}" for at in range(10)} <= {one.key for one in app.button}


def test_browsing_fills_in_the_path_the_kind_and_the_name(screen, tmp_path, photos):
    app = screen()
    sound(app.button(key="browse").click().run())
    top = [one.key for one in app.button if one.key == "browse-folder-photos"]
    assert top
    sound(app.button(key="browse-folder-photos").click().run())
    assert {"browse-folder-a", "browse-folder-b", "browse-folder-c"} <= {one.key for one in app.button}
    assert app.button(key="browse-take").label == "Take photos"
    sound(app.button(key="browse-take").click().run())
    assert app.text_input(key="widget.new.source").value == str(photos)
    assert app.text_input(key="widget.new.name").value == "photos"
    assert app.selectbox(key="widget.new.kind").value == "images"
    assert not app.button(key="open-own").disabled


def test_browsing_takes_a_file_finds_by_a_word_and_says_what_is_wrong(screen, tmp_path):
    np.savez(tmp_path / "vectors.npz", ids=["a", "b"], embedding=np.eye(2, dtype=np.float32))
    (tmp_path / "away").mkdir()
    app = screen()
    sound(app.button(key="browse").click().run())
    sound(app.text_input(key="widget.browse.word").set_value("VECT").run())
    assert [one.key for one in app.button if str(one.key).startswith("browse-f")] == ["browse-file-vectors.npz"]
    sound(app.button(key="browse-file-vectors.npz").click().run())
    assert app.selectbox(key="widget.new.kind").value == "vectors"
    sound(app.button(key="browse").click().run())
    (tmp_path / "away").rmdir()
    app.session_state["kept.browse.at"] = str(tmp_path / "away")
    sound(app.run())
    assert "away cannot be looked into: No such file or directory." in app.error[0].value.replace("\\", "")
    assert app.button(key="browse-begin").label == "Back to the beginning"


# ---- the first map


def test_one_click_after_opening_leads_to_the_map_by_group(screen, workspace, tmp_path):
    for at in range(40):
        paint(tmp_path / "shots" / "ab"[at % 2] / f"{at:02d}.jpg", at)
    pool = add_pool(workspace, "shots", str(tmp_path / "shots"), "images")
    app = screen(pool="shots")
    assert app.button(key="first-map").label == "Map of these photos, about 15 s"
    sound(app.button(key="first-map").click().run())
    wait(app, lambda app: app.selectbox and any(one.key == "widget.role" for one in app.selectbox))
    kept = kept_features(workspace, pool.fingerprint)[-1]
    assert app.selectbox(key="widget.role").value == kept.key
    assert app.selectbox(key="widget.colour").value == "group"
    assert draw_map.read_map(workspace, kept.key)[0] == "umap"
    assert app.session_state["kept.role"] == kept.key
    again = screen(pool="shots")
    assert "Open the map" in labels(again)
    assert "first-map" not in {one.key for one in again.button}


def test_work_in_another_tab_is_seen_and_asked_for_once(screen, workspace, photo_pool, monkeypatch):
    monkeypatch.setattr(worker, "_spawn", lambda workspace, folder: None)  # it never says a word
    app = screen(pool="clothes")
    sound(app.button(key="first-map").click().run())
    other = screen(pool="clothes")
    assert "first-map" not in {one.key for one in other.button}
    assert "Map of clothes" in "".join(str(one.proto) for one in other.get("progress"))


def test_brought_vectors_are_drawn_without_a_click(screen, workspace, vector_pool):
    app = screen(pool="vec")
    kept = kept_features(workspace, vector_pool.fingerprint)[-1]
    assert "first-map" not in {one.key for one in app.button}
    wait(app, lambda app: "Open the map" in labels(app))
    wait(app, lambda _: draw_map.read_map(workspace, kept.key)[0] == "umap")
    sound(app.button(key="onward-map").click().run())
    assert app.selectbox(key="widget.role").value == kept.key


def test_a_pool_of_texts_is_offered_no_map(screen, workspace, tmp_path):
    (tmp_path / "t.txt").write_text("a text\n\nanother text\n")
    add_pool(workspace, "texts", str(tmp_path / "t.txt"), "text")
    assert not {"first-map", "onward-map"} & {one.key for one in screen(pool="texts").button}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "about 1 s"), (17, "about 20 s"), (45, "about 45 s"), (46, "about 1 min"), (100, "about 2 min")]
    + [(2700, "about 45 min"), (2701, "about 1 h"), (9000, "about 3 h"), (180_000, "about 50 h")],
)
def test_a_time_is_what_a_person_would_say(seconds, words):
    assert look.about(seconds) == words


# ---- features


def test_the_likely_feature_comes_first_with_its_time_and_no_rate(screen, photo_pool):
    app = view(screen(pool="clothes"), "features")
    offered = [one for one in app.button if str(one.key).startswith("compute-")]
    assert offered[0].key == "compute-dictionary_embedding"
    assert offered[0].label == "Compute, about 8 s for these 13"
    assert offered[-1].key == "compute-clip_image"
    text = said(app)
    assert "a second" not in text.replace("a second.", "")
    assert "Of your own data it sees colours and simple shapes; it knows no objects" in text


def test_what_was_computed_carries_the_way_on(screen, workspace, photo_pool, rng):
    vectors = clustered(rng, 13, 4, 2)
    kept = keep_imported(workspace, photo_pool, "embedding", vectors, np.arange(13), [], "e.npz", Progress())
    sharp = np.arange(13, dtype=np.float32)
    number = keep_imported(workspace, photo_pool, "sharpness", sharp, np.arange(13), [], "s.npz", Progress())
    draw_map.make_map(workspace, kept.key)
    app = view(screen(pool="clothes"), "features")
    assert app.button(key=f"onward-feature-{number.key}").label == "Choose with it"
    sound(app.button(key=f"onward-feature-{kept.key}").click().run())
    assert app.selectbox(key="widget.role").value == kept.key


def test_what_is_ready_says_what_it_has_and_is_computed_again_in_its_drawer(screen, workspace, photo_pool):
    for at in range(2):
        app = view(screen(pool="clothes"), "features")
        drawers = [one.proto.popover.label for one in app.get("popover")]
        card = next(one.value for one in app.markdown if "Ready: " in one.value) if at else ""
        assert drawers.count("Compute again") == at
        assert ("13 samples, " in card) == bool(at)
        assert app.button(key="compute-dictionary_embedding").label.startswith("Compute, about ")
        if not at:
            perform(workspace, task_of("feature", pool="clothes", feature="dictionary_embedding"), Progress())


def test_what_no_method_goes_by_leads_nowhere_and_a_number_to_its_method(screen, workspace, photo_pool, rng):
    patches = rng.standard_normal((13, 9, 4)).astype(np.float32)
    grid = keep_imported(workspace, photo_pool, "patches", patches, np.arange(13), [], "p.npz", Progress())
    sharp = np.arange(13, dtype=np.float32)
    number = keep_imported(workspace, photo_pool, "sharpness", sharp, np.arange(13), [], "s.npz", Progress())
    app = view(screen(pool="clothes"), "features")
    assert f"onward-feature-{grid.key}" not in {one.key for one in app.button}
    sound(app.button(key=f"onward-feature-{number.key}").click().run())
    assert app.session_state["kept.method"] == "by_score"
    assert app.selectbox(key="widget.form.method.by_score.role").value == "sharpness"


# ---- the address, and where links land


def test_the_address_says_which_part_is_shown(screen, photo_pool):
    assert "could not be read" in said(screen(pool="clothes", **{"data.view": "health"}))
    app = view(screen(pool="clothes"), "features")
    assert app.query_params["data.view"] in ("features", ["features"])
    one = screen(pool="clothes", **{"data.group": "b"})
    assert "4 of 13 photos" in said(one)


def test_what_a_link_says_of_data_lands_on_its_part(screen, photo_pool):
    app = screen(pool="clothes")
    sound(app.switch_page("pages/select.py").run())
    link = next(one for one in app.button if str(one.key).startswith("onward-") and "features" in one.label)
    sound(link.click().run())
    assert app.session_state["kept.data.view"] == "features"
    assert any(str(one.key).startswith("compute-") for one in app.button)


def test_a_held_out_set_leads_to_evidence(screen, workspace, photo_pool):
    perform(workspace, task_of("holdout", pool="clothes", share="30%"), Progress())
    app = view(screen(pool="clothes"), "aside")
    assert "Compare methods with random" in labels(app)


def test_with_several_pools_leaks_asks_which(screen, workspace, photo_pool, vector_pool, tmp_path):
    np.savez(tmp_path / "w.npz", ids=["a"], embedding=np.ones((1, 3), np.float32))
    add_pool(workspace, "third", str(tmp_path / "w.npz"), "vectors")
    app = view(screen(pool="clothes"), "leaks")
    assert app.selectbox(key="widget.leaks.against").value is None
    assert "Which pool?" in said(app)
    sound(app.selectbox(key="widget.leaks.against").set_value("vec").run())
    assert app.button(key="look-for-leaks").label == "Look for leaks"
    assert app.query_params["leaks.against"] in ("vec", ["vec"])


def test_what_overlaps_is_left_out_by_a_condition(monkeypatch):
    found = {"samples": 2, "hits": [{"id": "a'b"}, {"id": "c"}, {"id": "c"}]}
    assert leaks._without(found) == "id NOT IN ('a''b', 'c')"
    assert leaks._without({**found, "samples": 3}) is None  # not all are listed
    many = [{"id": str(at)} for at in range(101)]
    assert leaks._without({"samples": 101, "hits": many}) is None
    kept = {}
    monkeypatch.setattr(keys, "get", lambda name, default=None: kept.get(name, default))
    assert leaks._and("x") == "x"
    kept["select.where"] = "width > 3 OR height > 3"
    assert leaks._and("x") == "(width > 3 OR height > 3) AND x"
