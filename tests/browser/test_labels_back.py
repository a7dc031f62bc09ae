"""Labels come back in a real browser: a file is brought, disagreements are looked at, failures become a target."""

import json

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.pools.persistence import load_pool
from tests.browser.conftest import settled
from tests.conftest import clustered, paint
from tests.labels.bringing import task

N = 30


@pytest.fixture
def pool(workspace, tmp_path):
    for at in range(N):
        paint(tmp_path / "shots" / f"{at:03d}.jpg", at)
    pool = add_pool(workspace, "shots", str(tmp_path / "shots"), "images")
    vectors = clustered(np.random.default_rng(2), N, 6, 4)
    keep_imported(workspace, pool, "embedding", vectors, np.arange(N), [], "e.npz", Progress())
    return pool


def test_labels_come_back_and_failures_become_a_target(visit, pool, workspace, tmp_path):
    ids = [str(id) for id in pool.ids]
    tasks = [task(id, (1, "cat", 3), (2, "dog" if at < 5 else "cat", 4)) for at, id in enumerate(ids[:20])]
    (tmp_path / "project.json").write_text(json.dumps(tasks))
    (tmp_path / "failed.txt").write_text("\n".join(ids[5:8]))
    page = visit("/labels?pool=shots")
    page.get_by_text("No labels have come back yet").wait_for()
    page.locator("input[type=file]").nth(1).wait_for(state="attached")  # either may be drawn before the other
    page.locator("input[type=file]").first.set_input_files(tmp_path / "project.json")
    page.get_by_role("button", name="Bring them back").and_(page.locator(":enabled")).click()
    page.get_by_text("20 of 30 photos").first.wait_for()
    page.get_by_text("2 labellers agree on 75 %").wait_for()
    page.get_by_text("5 photos on which labellers disagree, the most first").wait_for()
    page.locator(".tile, .wall img").first.wait_for()
    settled(page)
    page.get_by_role("button", name="What a model fails on").click()
    page.get_by_text("Failures as target").wait_for()
    settled(page)
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(tmp_path / "failed.txt")
    page.get_by_role("button", name="Make it a target").and_(page.locator(":enabled")).click()
    page.get_by_text("3 failures are the target shots-failures now.").wait_for()
    assert load_pool(workspace, "shots-failures").ids.tolist() == ids[5:8]
    settled(page)
    page.get_by_role("button", name="More like these failures").click()
    page.get_by_text("The 3 failures are labelled already: they are not chosen again.").wait_for()
