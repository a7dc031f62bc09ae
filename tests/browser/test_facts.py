"""The page Facts by its visible words: how many fit, what a selection does to them, what is then known by heart."""

import re

import pytest

from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from tests.browser.conftest import settled
from tests.conftest import task_of
from tests.evidence.facts.made import TINY, N, pruned, with_losses, world

pytest.importorskip("torch")
pytest.importorskip("transformers")


def show(page, view: str) -> None:
    settled(page)
    page.get_by_role("radio", name=view).or_(page.get_by_test_id("stButtonGroup").get_by_text(view)).first.click()
    page.get_by_role("radio", name=view).and_(page.locator("[aria-checked=true]")).wait_for()
    settled(page)


def test_what_fits_and_what_became_of_the_rest_is_seen_and_a_link_brings_it_back(visit, workspace, tmp_path):
    pool = world(workspace, tmp_path)
    with_losses(workspace, pool)
    run = pruned(workspace, pool)
    for do, asked in (
        ("memorised", {"run": run.key, "params": TINY}),
        ("sensitivity", {"pool": "known", "parameters": 30}),
    ):
        perform(workspace, task_of(do, **asked), Progress())
    page = visit(f"/?pool=known&run={run.key}")
    page.get_by_role("link", name="Facts").click()
    page.get_by_text(f"All {N} facts fit").wait_for()  # counted by itself
    settled(page)
    field = page.get_by_role("spinbutton", name="Parameters of the model")
    field.fill("40")
    field.press("Enter")
    page.get_by_text(re.compile(rf"^About \d+ of {N} facts fit: they take")).wait_for()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    for view, words in (
        ("How often", "stated once"),
        ("Memorised", "facts known by heart after"),
        ("Relations", "the one that loses the largest share first"),
        ("Warm-up", "length of the warm-up"),
        ("Dropped", "facts dropped whole"),
    ):
        show(page, view)
        page.locator(".stMain").get_by_text(re.compile(words)).first.wait_for()
    page.wait_for_url("**facts_view=dropped**")
    page.reload()
    page.get_by_role("radio", name="Dropped").and_(page.locator("[aria-checked=true]")).wait_for()
    page.get_by_text(re.compile(rf"^About \d+ of {N} facts fit: they take")).wait_for()
    assert page.get_by_role("spinbutton", name="Parameters of the model").input_value() == "40"
    settled(page)
    page.get_by_role("button", name="Keep what fits").click()
    page.locator(".ds-title", has_text="Select").wait_for()
    page.get_by_text("capacity in bits: 40").first.wait_for()


def test_bits_a_parameter_are_measured_and_stopped_by_their_words(visit, workspace, tmp_path):
    world(workspace, tmp_path)
    page = visit("/facts?pool=known")
    page.get_by_text(f"All {N} facts fit").wait_for()
    settled(page)
    page.get_by_role("button", name=re.compile(r"^Measure it for your model, about \d+ min$")).click()
    page.get_by_role("button", name="Stop").first.click()
    page.get_by_text(re.compile("stopped", re.IGNORECASE)).first.wait_for()
