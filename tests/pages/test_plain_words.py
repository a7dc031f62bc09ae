"""No page speaks of how it is built: words that stop a reader stand nowhere, and no number is finer than it means."""

import json
import re

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from pages import image_text, targets, trajectories
from tests.conftest import clustered
from tests.pages import screens, test_evidence, test_image_text, test_targets
from tests.pages.screens import chosen, said, sound
from tests.pages.test_strangers import texts

screen, photo_pool = screens.screen, screens.photo_pool
pairs, embedded, both = test_image_text.pairs, test_image_text.embedded, test_targets.both
pool, compared = test_evidence.pool, test_evidence.compared

BANNED = {
    "a name of the code": r"\broles?\b|\bfills\b|\bprob\b|(?<![\w.])(?!open_clip|dataset_info)[a-z]+(?:_[a-z]+)+\b",
    "a word without a meaning": r"\bthere in \d|\bin \d+ forms?\b",
    "a formula": r"1 [-\u2212] cos",
    "none that means all": r"\buses all\b|: none\b|\bnone uses\b|Write none",
    "a row number": r"\brow \d|target example \d",
}
SHOWN_AS_IT_IS = ("code", "json", "plotly_chart", "bidi_component", "dataframe", "arrow_data_frame")
FINE = re.compile(r"(?<![\w.])0?\.\d{5,}(?![\w.])")
"""Five decimals and more: nobody can use them."""
TITLE_HASH = re.compile(r"<h[1-3]>[^<]*\b[0-9a-f]{12,}\b")


def words(app):
    """(kind of element, text) of all that a person reads; what they typed and files' own text are theirs."""
    for node in [*app.main, *app.sidebar]:
        proto = getattr(node, "proto", None)
        if proto is None or node.type in SHOWN_AS_IT_IS:
            continue
        for place, text in texts(proto):
            if place.split(".")[-1] in ("body", "label", "value", "help", "text", "placeholder", "options", "caption"):
                shown = re.sub(r"<style>.*?</style>|`[^`]*`|<(?!/?h[1-3]\b)[^>]*>", " ", text, flags=re.DOTALL)
                yield f"{node.type}.{place}", re.sub(r"\\(?=[^\w\s])", "", shown)  # what keeps Markdown from it


def plain(app):
    """Asserts that this page has none of it."""
    wrong = [
        f"{why}: {match[0]!r} in {place}: {text[max(0, match.start() - 60) : match.end() + 60]}"
        for place, text in words(app)
        for why, pattern in {**BANNED, "too fine": FINE.pattern, "a hash as a title": TITLE_HASH.pattern}.items()
        for match in re.finditer(pattern, text)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_banned_is_found():
    from streamlit.testing.v1 import AppTest

    for text in ("fills the role", "there in 1 form", "sampler prob", "(1 - cosine)", "none uses all", "row 12"):
        app = AppTest.from_string(f"import streamlit as st\nst.caption({text!r})").run()
        with pytest.raises(AssertionError, match="caption"):
            plain(app)
    app = AppTest.from_string("import streamlit as st\nst.button('x', help='Write none for it')\nst.text('0.123456')")
    with pytest.raises(AssertionError, match="button"):
        plain(app.run())


@pytest.fixture
def photos_with_all(workspace, photo_pool, rng):
    """Photos with an embedding, patterns to map, and a kept selection by each of two methods."""
    rows = np.arange(photo_pool.n)
    keep_imported(workspace, photo_pool, "embedding", clustered(rng, photo_pool.n, 8, 3), rows, [], "e.npz", Progress())
    runs = [chosen(workspace, photo_pool, method, "4") for method in ("k_center", "random")]
    return photo_pool, runs[0].key


@pytest.fixture
def questions(workspace, tmp_path, rng):
    lines = [
        {"id": f"q{at}", "source": "ab"[at % 2], "prompt": f"Say {at}.", "response": f"It is {at}."} for at in range(60)
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pool = add_pool(workspace, "questions", str(tmp_path / "q.jsonl"), "text")
    losses = (3 * np.exp(-np.arange(5)) + 0.1 * rng.standard_normal((60, 5))).astype(np.float32)
    keep_imported(workspace, pool, "loss_trajectory", losses, np.arange(60), [], "losses.npz", Progress())
    return pool, chosen(workspace, pool, "s2l", "10", n_clusters=4).key


_EVERY = ("data", "patterns", "find", "targets", "select", "evidence", "plan", "rounds", "export", "words")
_PAGES = [(page, "k_center") for page in _EVERY]


@pytest.mark.parametrize(("page", "method"), [*_PAGES, ("select", "random"), ("select", "facility_location")])
def test_pages_of_photos_speak_plainly(screen, photos_with_all, page, method):
    pool, run = photos_with_all
    app = screen(pool=pool.name, run=run, method=method, budget="4")
    plain(app if page == "data" else sound(app.switch_page(f"pages/{page}.py").run()))


@pytest.mark.parametrize("view", ["health", "features", "aside", "leaks", "kept", "pools"])
def test_parts_of_the_data_page_speak_plainly(screen, photos_with_all, view):
    plain(screens.view(screen(pool=photos_with_all[0].name), view))


@pytest.mark.parametrize("page", ["data", "trajectories", "select", "export"])
def test_pages_of_texts_speak_plainly(screen, questions, page):
    pool, run = questions
    app = screen(pool=pool.name, run=run, method="s2l", budget="10")
    plain(app if page == "data" else sound(app.switch_page(f"pages/{page}.py").run()))


def test_an_empty_workspace_speaks_plainly(screen):
    plain(screen())


def each_view(app, key, views):
    """Asserts that the page has none of it, whichever of its views is shown."""
    assert set(app.segmented_control(key=key).options) >= set(views.values())
    for name, title in views.items():
        plain(sound(app.segmented_control(key=key).set_value(name).run()))
        assert app.segmented_control(key=key).value == name, title


@pytest.mark.parametrize("score", ["clip_score", "neg_clip_loss"])
def test_pairs_speak_plainly(screen, embedded, score):
    for one in ("clip_score", "neg_clip_loss"):
        app = test_image_text.scored(test_image_text.open_page(screen, score=one))
    app = test_image_text.scored(test_image_text.open_page(screen, budget="10", score=score, words="bus"))
    each_view(app, "widget.pairs.view", image_text._VIEWS)
    assert "27 pairs with" in said(app)


def test_clusters_of_trajectories_speak_plainly(screen, questions):
    app = screen(pool="questions", clusters="4", budget="10", seed="3")
    app = sound(app.switch_page("pages/trajectories.py").run())
    assert "4 clusters; at most" in said(app)
    views = {name: title for name, title in trajectories._VIEWS.items() if name != "proxy"}
    each_view(app, "widget.trajectories.view", views)


def test_a_target_speaks_plainly(screen, both):
    app = test_targets.ready(test_targets.open_page(screen, budget="10"))
    views = {name: title for name, title in targets._VIEWS.items() if name not in ("unlike", "kept")}
    each_view(app, "widget.targets.view", views)
    for name in ("targets.target", "targets.row"):
        app.session_state["kept.targets.target"] = app.session_state["kept.targets.row"] = None
        app.session_state[f"kept.{name}"] = 2
        plain(sound(app.run()))


def test_results_of_evidence_speak_plainly(screen, compared):
    app = test_evidence.opened(screen)
    assert "random, other seeds (control)" in said(app)
    for one in app.segmented_control(key="widget.evidence.measure").options:
        plain(sound(app.segmented_control(key="widget.evidence.measure").select(one).run()))


def test_words_speak_plainly(screen):
    app = sound(screen().switch_page("pages/words.py").run())
    assert "What the words on these pages mean." in said(app)
    plain(app)
