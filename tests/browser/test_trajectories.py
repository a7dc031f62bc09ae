"""Loss trajectories in a real browser: clusters that follow the budget, samples to read, a proxy that is fitted on the
screen.
"""

import json
import re
import time

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from tests.browser.conftest import PATIENCE, keep, settled
from tests.oracles.s2l import shares

N, T = 300, 6
SIZES = (180, 80, 40)
_LONG = "\u041e\u0447\u0435\u043d\u044c \u0434\u043b\u0438\u043d\u043d\u043e\u0435 "
SOURCES = (_LONG * 4 + "\U0001f98a", "averylongname" * 5, "part 2")
"""Long ones in Cyrillic, with an emoji and without a blank: none is to be cut."""


@pytest.fixture
def pool(workspace, tmp_path):
    """Three hundred sums from three sources."""
    lines = [
        {
            "id": f"q{at:03d}",
            "source": SOURCES[sum(at >= end for end in np.cumsum(SIZES))],
            "prompt": f"Add {at % 50} and {at % 7}.",
            "response": f"It is {at % 50 + at % 7}.",
        }
        for at in range(N)
    ]
    (tmp_path / "sums.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return add_pool(workspace, "sums", str(tmp_path / "sums.jsonl"), "text")


@pytest.fixture
def measured(workspace, pool):
    """With trajectories of three shapes, one for each source."""
    rng = np.random.default_rng(3)
    height = np.repeat([1.0, 3.0, 6.0], SIZES)
    losses = (height[:, None] * np.exp(-0.3 * np.arange(T)) + 0.01 * rng.standard_normal((N, T))).astype(np.float32)
    keep_imported(workspace, pool, "loss_trajectory", losses, np.arange(N), [], "losses.npz", Progress())
    return pool


def quotas(page) -> list[tuple[int, int]]:
    """(kept, size) of every tile."""
    return [
        tuple(int(part.replace(",", "")) for part in text.split(" of "))
        for text in page.locator(".tile .kept").all_inner_texts()
    ]


def expect_quotas(page, budget: int) -> None:
    wanted = [(n, size) for size, n in zip(SIZES, shares(list(SIZES), budget), strict=True)]
    end = time.monotonic() + PATIENCE
    while quotas(page) != wanted and time.monotonic() < end:  # tiles are drawn after the facts above them
        time.sleep(0.25)
    assert quotas(page) == wanted


def cut(locator) -> list[str]:
    """The words that do not fit where they stand."""
    return locator.evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1)"
        ".map(one => one.textContent)"
    )


def names_are_whole(page) -> None:
    for where, n in ((".legend span", 3), (".tile .name span", 3)):
        parts = page.locator(where)
        assert sorted(text.split(" 100 %")[0] for text in parts.all_inner_texts()) == sorted(map(str.strip, SOURCES))
        assert parts.count() == n
        assert cut(parts) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def three_clusters(page) -> None:
    page.locator(".tile").first.wait_for()
    settled(page)
    page.get_by_role("button", name="Settings").click()
    field = page.get_by_role("spinbutton", name="Clusters")
    field.fill("3")
    field.press("Enter")
    page.get_by_text("3 clusters; at most").first.wait_for()
    page.keyboard.press("Escape")
    field.wait_for(state="hidden")
    settled(page)


def test_quotas_follow_the_budget_and_a_cluster_opens_as_text(visit, measured):
    page = visit("/trajectories?pool=sums&budget=60")
    three_clusters(page)
    names_are_whole(page)
    expect_quotas(page, 60)
    count = page.get_by_role("spinbutton", name="samples, 1 to 300")
    count.fill("150")
    count.press("Enter")
    page.get_by_text("150 of 300 samples chosen").first.wait_for()
    expect_quotas(page, 150)
    assert "budget=150" in page.url
    page.locator(".tile[data-cluster='2']").click()
    page.get_by_text(re.compile(r"40 of 40 samples chosen, 100 % of it part 2")).first.wait_for()
    card = page.locator(".one").first
    card.wait_for()
    assert "Add" in card.inner_text()
    settled(page)
    card.click()
    page.locator(".ds-turn").nth(1).wait_for()
    assert [text.split("\n")[0] for text in page.locator(".ds-turn").all_inner_texts()] == ["Prompt", "Response"]


def test_what_is_kept_becomes_the_selection(visit, measured):
    page = visit("/trajectories?pool=sums&budget=60", "dark")
    three_clusters(page)
    names_are_whole(page)
    keep(page)
    page.locator(".ds-strip", has_text="60 kept of 300").wait_for()
    page.get_by_text("What is chosen, by source").click()
    page.locator(".ds-made").wait_for()
    assert page.locator(".ds-made tbody tr").count() == 3
    assert cut(page.locator(".ds-made th, .ds-made td")) == []
    assert cut(page.locator(".ds-table")) == []
    page.get_by_text("Map of trajectories").click()
    page.locator(".map canvas.over").wait_for()


def test_a_proxy_is_fitted_on_the_screen(visit, pool):
    """The smallest model: its loss is seen while it falls, then its clusters come by themselves."""
    page = visit("/trajectories?pool=sums&budget=60")
    settled(page)
    page.get_by_text("Parameters", exact=True).click()
    for name, value in SMALL.items():
        field = page.get_by_role("spinbutton", name=name, exact=True)
        field.fill(value)
        field.press("Enter")
        settled(page)
    page.get_by_role("button", name="Fit on 300 samples").click()
    page.locator(".tile").first.wait_for(timeout=240_000)
    page.get_by_text("How the proxy learned").click()
    page.get_by_text(re.compile(r"Loss while the proxy learns")).first.wait_for()


SMALL = {"Epochs": "1", "Checkpoints": "3", "Vocabulary size": "400", "Layers": "1", "Width": "32", "Heads": "2"}
"""Labels of the form's fields and what is entered."""
