"""Rounds in a real browser, on photos: a project, its first round, what fails, and the second."""

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from tests.browser.conftest import place, settled
from tests.conftest import clustered, paint


def photos(workspace, tmp_path, rng, name, n):
    for at in range(n):
        paint(tmp_path / name / "abc"[at % 3] / f"{at:02d}.jpg", at)
    pool = add_pool(workspace, name, str(tmp_path / name), "images")
    keep_imported(workspace, pool, "embedding", clustered(rng, n, 8, 4), np.arange(n), [], "e.npz", Progress())


def test_two_rounds_from_a_plan_to_the_failures(visit, workspace, tmp_path, rng):
    photos(workspace, tmp_path, rng, "shots", 60)
    photos(workspace, tmp_path, rng, "failed", 7)
    page = visit("/rounds?pool=shots&rounds_budget=24&rounds_rounds=2&rounds_least=3&rounds_least_per=group", "dark")
    page.get_by_role("button", name="New project").click()
    place(page.get_by_role("button", name="Start"))
    settled(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_text("Round 1 of 2: 12 photos; 0 of 24 photos so far").wait_for()
    page.get_by_role("button", name="Start").wait_for(state="hidden")
    page.get_by_role("button", name="Choose round 1").click()
    page.get_by_text("Round 1 of 2 is with the labellers: 12 photos").wait_for()
    page.get_by_text("at least 3 per group: met by all 3").wait_for()
    settled(page)
    page.get_by_role("button", name="Round 1 is done").click()
    fails = page.get_by_role("combobox", name="What fails now")
    place(fails)
    fails.click()
    page.get_by_role("option", name="failed").click()
    settled(page)
    page.get_by_role("button", name="Done", exact=True).click()
    page.get_by_text("Round 2 of 2: 12 more photos, 7 failures to follow; 12 of 24 photos so far").wait_for()
    page.get_by_text("30 % Nearest to the target (failed)").first.wait_for()
    page.get_by_role("button", name="Choose round 2").click()
    page.get_by_text("Round 2 of 2 is with the labellers: 12 photos").wait_for()
    settled(page)
    page.get_by_role("button", name="Round 2 is done").click()
    place(page.get_by_role("button", name="Done", exact=True))
    page.get_by_role("button", name="Done", exact=True).click()
    page.get_by_text("All 2 rounds are done: 24 of 24 photos so far").wait_for()
    page.locator(".js-plotly-plot").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    page.reload()
    page.get_by_text("All 2 rounds are done").wait_for()
