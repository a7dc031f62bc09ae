"""Leaks on the data page: looked for at a click, and seen side by side."""

import json

import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from pages._ui.data import leaks
from tests.conftest import paint, task_of
from tests.pages import screens
from tests.pages.screens import said, sound, view, wait

screen = screens.screen


def text_pool(workspace, tmp_path, name, texts):
    rows = [{"id": f"{name}<b>{at}", "text": text} for at, text in enumerate(texts)]
    (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")


def looked(workspace, one, other, **asked):
    perform(workspace, task_of("leaks", pool=one.name, against=other.name, **asked), Progress())


def test_without_another_pool_it_says_what_to_do(workspace, tmp_path, screen):
    text_pool(workspace, tmp_path, "one", ["a text"])
    assert "There is no other pool" in said(view(screen(pool="one"), "leaks"))


def test_names_of_pools_stand_as_they_are_where_nobody_looked(workspace, tmp_path, screen):
    text_pool(workspace, tmp_path, "my_one", ["a text"]), text_pool(workspace, tmp_path, "the_other", ["another"])
    assert "samples of my_one are in the_other: the same" in said(view(screen(pool="my_one"), "leaks"))


def test_a_click_looks_and_the_pair_stands_side_by_side(workspace, tmp_path, screen):
    run = " ".join(f"w{at}" for at in range(13))
    text_pool(workspace, tmp_path, "one", [f"so <b>it</b> {run} and <i>more</i> words than that", "also the same"])
    text_pool(workspace, tmp_path, "other", [f"they say {run} is it", "also the same"])
    app = view(screen(pool="one"), "leaks")
    assert "Nobody looked yet" in said(app)
    sound(app.button(key="look-for-leaks").click().run())
    wait(app, lambda app: "2 of 2 samples" in said(app))
    assert app.button(key="look-for-leaks").label == "Look again"
    assert "one&lt;b&gt;1" in said(app)
    sound(app.segmented_control(key="widget.leaks.kind").set_value("shared_words").run())
    shown = said(app)
    assert f"so &lt;b&gt;it&lt;/b&gt; <mark>{run}</mark> and &lt;i&gt;more&lt;/i&gt; words than that" in shown
    assert f"they say <mark>{run}</mark> is it" in shown
    assert "1 run in common, 20.0 % of the one that has fewer" in shown
    assert "On the left one, on the right other. Marked: 13 words and more in common." in shown


def test_no_overlap_is_said_with_what_was_looked_for(workspace, tmp_path, screen):
    one, other = text_pool(workspace, tmp_path, "one", ["a text"]), text_pool(workspace, tmp_path, "other", ["unlike"])
    looked(workspace, one, other)
    shown = said(view(screen(pool="one"), "leaks"))
    assert "none of 1 sample is like any of 1 sample of other" in shown
    assert "Looked for: the same text, nearly the same text, a run of words in common." in shown


def test_photos_are_seen_in_pairs_page_by_page(workspace, tmp_path, screen):
    (tmp_path / "other").mkdir()
    for at in range(14):
        Image.open(paint(tmp_path / "one" / f"{at:02d}.png", at)).save(tmp_path / "other" / f"{at:02d}.bmp")
    one, other = (add_pool(workspace, name, str(tmp_path / name), "images") for name in ("one", "other"))
    looked(workspace, one, other)
    app = view(screen(pool="one"), "leaks")
    shown = said(app)
    assert shown.count('<img src="data:image/jpeg;base64,') == 24
    assert shown.count("the same</h3>") == 12
    assert "1 to 12 of 14 listed pairs" in shown
    assert "Embeddings were not compared" in shown
    assert app.button(key="leaks-Previous").disabled
    sound(app.button(key="leaks-Next").click().run())
    assert "13 to 14 of 14 listed pairs" in said(app)
    assert app.button(key="leaks-Next").disabled


def test_groups_are_compared_where_a_column_is_chosen(workspace, tmp_path, screen):
    for name in ("one", "other"):
        rows = [{"id": f"{name}-{at}", "text": f"{name} {at}", "topic": f"t{at}"} for at in range(2)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    one, other = (add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text") for name in ("one", "other"))
    looked(workspace, one, other, by="topic")
    app = view(screen(pool="one"), "leaks")
    assert "Nobody looked yet" in said(app)
    sound(app.selectbox(key="widget.leaks.by").set_value("topic").run())
    assert "t1</h3>" in said(app)


def test_pools_that_cannot_be_compared_are_refused_in_a_line(workspace, tmp_path, photos, screen):
    add_pool(workspace, "clothes", str(photos), "images")
    text_pool(workspace, tmp_path, "texts", ["a text"])
    app = view(screen(pool="clothes"), "leaks")
    sound(app.button(key="look-for-leaks").click().run())
    assert "have nothing in common to compare" in app.error[0].value


@pytest.mark.parametrize(
    ("text", "other", "marked"),
    [
        ("one two three four five", "One, two, three. Six four five", ["four five"]),
        ("one two three", "one two three", []),
        ("all other words", "one two three", ["all other words"]),
    ],
)
def test_what_differs_is_marked(text, other, marked):
    found = leaks._rest(text, other)
    assert [text[start:end] for start, end in found] == marked
