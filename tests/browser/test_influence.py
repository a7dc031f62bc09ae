"""The page Influence by its visible words: what came of a run in stages, and one that is started there and stopped."""

import re

import pytest

from datasel_core.stages.run import documents
from tests.browser.conftest import settled
from tests.stages.made import trained, world

pytest.importorskip("torch")
pytest.importorskip("transformers")


def choose(page, label, name):
    settled(page)
    page.get_by_role("combobox", name=label).first.click()
    page.get_by_role("option", name=name, exact=True).click()
    settled(page)


def test_what_came_of_a_run_is_one_sentence_and_a_picture_that_a_link_brings_back(visit, workspace, tmp_path):
    world(workspace, tmp_path)
    trained(workspace)
    page = visit("/?pool=pool")
    page.get_by_role("link", name="Influence").click()
    page.get_by_text(re.compile(r"^Loss .* nats (lower|higher) than the plain run on second after 1 seed")).wait_for()
    page.get_by_role("heading", name="Verdict").wait_for()
    for view, words in (
        ("Predicted and measured", "Spearman"),
        ("Helpful and harmful texts", "Help most"),
        ("Stage by stage", "stage"),
        ("Cost", "train"),
    ):
        settled(page)
        page.get_by_role("radio", name=view).or_(page.get_by_test_id("stButtonGroup").get_by_text(view)).first.click()
        page.wait_for_url("**influence_view=**")
        settled(page)
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        page.locator(".stMain").get_by_text(re.compile(words, re.IGNORECASE)).first.wait_for()
    page.reload()
    page.get_by_role("radio", name="Cost").and_(page.locator("[aria-checked=true]")).wait_for()
    page.get_by_role("button", name="Compare other methods").click()
    page.locator(".ds-title", has_text="Evidence").wait_for()


def test_a_run_is_started_by_its_words_and_stopped(visit, workspace, tmp_path):
    pool = world(workspace, tmp_path)
    page = visit("/influence?pool=pool")
    page.get_by_text("Nothing trained in stages yet").or_(page.get_by_text("Choose a reference.")).first.wait_for()
    choose(page, "Reference", "goal")
    choose(page, "Judge", "second")
    page.get_by_role("button", name=re.compile(r"^Train in stages, about \d+ min$")).click()
    page.get_by_role("button", name="Stop").first.click()
    page.get_by_text(re.compile("stopped", re.IGNORECASE)).first.wait_for()
    assert all(not one["finished"] for one in documents(workspace, pool.name))
