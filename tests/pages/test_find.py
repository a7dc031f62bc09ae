"""The Find page without a browser: what is said and shown is what the core finds; the address restores all of it."""

import json

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.runs.catalog import lists
from datasel_core.runs.find import found, meaning
from datasel_core.runs.find.found import Asked
from datasel_core.workspace.arrays import save_array
from tests.conftest import clustered
from tests.pages import screens
from tests.pages.screens import said, sound

photo_pool = screens.photo_pool
screen = screens.screen


@pytest.fixture
def find(screen):
    """Opens the page on this address."""

    def start(**query):
        return sound(screen(**query).switch_page("pages/find.py").run())

    return start


@pytest.fixture
def pool(workspace, photo_pool, rng):
    vectors = clustered(rng, photo_pool.n, 6, 3)
    keep_imported(workspace, photo_pool, "embedding", vectors, np.arange(photo_pool.n), [], "e.npz", Progress())
    return photo_pool


def typed(app, name, text):
    return sound(app.text_input(key=f"widget.{name}").set_value(text).run())


def by(app, way):
    return sound(app.segmented_control(key="widget.find.by").set_value(way).run())


def test_words_are_searched_and_the_sentence_says_how_many_of_how_many(find, pool):
    app = find(pool="clothes")
    assert "Write what to look for" in said(app)
    app = typed(app, "find.words", "A/ jpg -copy")
    ids = [str(id) for id in pool.ids if id.startswith("a/") and "copy" not in id]
    assert f"**{len(ids)} of {pool.n} photos** named A/ jpg -copy" in said(app)
    assert f"**1 of {len(ids)}**" in said(app)
    assert "<mark>a/</mark>" in said(app)
    app = sound(app.button(key="found-Next").click().run())
    assert f"**2 of {len(ids)}**" in said(app)
    assert app.query_params["open"] == ids[1]
    assert app.query_params["q"] == "A/ jpg -copy"


def test_an_address_brings_everything_back(find, workspace, pool):
    answer = found.find(workspace, pool, Asked(similar="a/00.jpg", where="\"group\" <> 'c'", many=4))
    app = find(pool="clothes", by="similar", like="a/00.jpg", n="4", filter="\"group\" <> 'c'", open=answer.ids[2])
    assert f"**4 of {answer.of} photos**, the most alike a/00" in said(app)
    assert "**3 of 4**" in said(app)
    assert f"{100 * answer.scores[2]:.0f} % alike" in said(app)


def test_nothing_and_what_is_wrong_is_said_in_a_line(find, pool):
    app = find(pool="clothes", q="no-such-thing")
    assert f"**0 of {pool.n} photos** named" in said(app)
    assert "Nothing was found" in said(app)
    app = find(pool="clothes", q='"red')
    assert 'A quote has no end; write "red dress" for a phrase' in app.error[0].value.replace("\\", "")
    app = find(pool="clothes", by="similar", like="nobody")
    assert "There is no sample" in app.error[0].value
    app = find(pool="clothes", q="a", filter="colour = 1")
    assert any("The filter in Settings does not work yet" in one.value for one in app.error)
    app = find(pool="clothes", q="![e](http://127.0.0.1:9/x.png)")
    assert "![e](" not in said(app)


@pytest.mark.parametrize("button", ["Choose from these", "Leave these out"])
def test_what_was_found_is_chosen_from_or_left_out(find, workspace, pool, button):
    app = find(pool="clothes", q="a/")
    rows = np.array([row for row, id in enumerate(pool.ids) if str(id).startswith("a/")])
    app = sound(app.button(key=f"found-{button}").click().run())
    (made,) = lists.of_pool(workspace, pool)
    inside = rows if button == "Choose from these" else np.setdiff1d(np.arange(pool.n), rows)
    assert sorted(lists.read(workspace.path / made.value)) == sorted(str(pool.ids[row]) for row in inside)
    assert app.session_state["kept.select.within"] == made.value
    assert made.words == ("" if button == "Choose from these" else "all but ") + f"{len(rows)} photos with a/"


def test_it_is_kept_as_a_list_without_going_on(find, workspace, pool):
    app = sound(find(pool="clothes", q="b/").button(key="found-Keep as list").click().run())
    (made,) = lists.of_pool(workspace, pool)
    assert f"Kept as a list: {made.n} photos with b/" in said(app).replace("\\", "")
    assert f"within {made.value}" in said(app).replace("\\", "")


def test_similar_to_this_leads_to_what_is_like_it(find, workspace, pool):
    app = sound(find(pool="clothes", q="b/").button(key="similar-to-found").click().run())
    first = next(str(id) for id in pool.ids if str(id).startswith("b/"))
    assert app.session_state["kept.find.like"] == first
    answer = found.find(workspace, pool, Asked(similar=first, many=60))
    assert f"**{len(answer.rows)} of {answer.of} photos**, the most alike {first}" in said(app)


def test_without_vectors_only_words_are_offered_and_meaning_says_why(find, photo_pool):
    app = find(pool="clothes")
    assert app.segmented_control(key="widget.find.by").options == ["Words"]
    assert "has no vectors of its pictures" in said(app)
    assert not [one for one in app.button if one.key == "similar-to-found"]


def test_meaning_is_offered_where_the_model_is_known_and_shows_what_is_nearest(find, workspace, photo_pool, rng):
    """The picture vectors are as if the shipped model had made them; the text was encoded before."""
    vectors = clustered(rng, photo_pool.n, 128, 3)
    kept = keep_imported(workspace, photo_pool, "image", vectors, np.arange(photo_pool.n), [], "i.npz", Progress())
    meta = json.loads((kept.folder / "meta.json").read_text())
    meta |= {"id": "clip_image", "params": {"model": "scenes-small", "pretrained": None, "precision": "fp32"}}
    meta["facts"] = {"weights_sha256": "0" * 64}
    (kept.folder / "meta.json").write_text(json.dumps(meta))
    from datasel_core.features.roles import Roles

    kept = Roles.of(workspace, photo_pool).features["image"]
    query = vectors[5] / np.linalg.norm(vectors[5])
    save_array(meaning._folder(workspace, kept, "a red dress") / "vector.npy", query.astype(np.float32))
    app = find(pool="clothes", by="meaning", says="a red dress", n="3")
    answer = found.find(workspace, photo_pool, Asked(image_text="a red dress", many=3))
    assert answer.rows[0] == 5
    assert f"**3 of {photo_pool.n} photos**, the nearest to “a red dress”" in said(app)
    assert "The model that comes with datasel read these pictures" in said(app)
    assert f"Number 1 of {photo_pool.n} by Image side of CLIP" in said(app)


def test_texts_are_found_by_what_they_say(find, workspace, tmp_path):
    lines = [
        {"id": f"q{at}", "prompt": f"Say {'Ёлка' if at % 2 else 'tree'} {at}.", "response": "Yes."} for at in range(9)
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)))
    add_pool(workspace, "questions", str(tmp_path / "q.jsonl"), "text")
    app = find(pool="questions", q="елка")
    assert "**4 of 9 samples** with елка" in said(app)
    assert "Say <mark>Ёлка</mark> 1." in said(app)
