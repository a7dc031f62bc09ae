"""The page Climate by its visible words: what years cost, how many are enough, which run is next, what is reliable."""

import re

import pytest

from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.browser.conftest import settled
from tests.browser.test_facts import show
from tests.conftest import task_of

POOL = "mini-climate"


@pytest.fixture
def run(workspace):
    """Twelve years of a small synthetic climate, none of ssp126."""
    asked = {"scenarios": "historical,ssp126,ssp245,ssp585", "members": 2, "rows": 6, "columns": 8}
    perform(workspace, task_of("mini_climate", **asked), Progress())
    where = "scenario <> 'ssp126'"
    return engine.select(workspace, Spec(pool=POOL, method="gmst_stratified", budget="12", where=where))


def test_what_is_bought_what_is_enough_and_what_it_is_worth(visit, run):
    page = visit(f"/?pool={POOL}&run={run.key}", "dark")
    page.get_by_role("link", name="Climate").click()
    page.get_by_text(re.compile(r"^12 of 846 years are kept, of \d of 8 runs; bought as whole runs")).wait_for()
    page.get_by_text(re.compile(r"12 scattered years are priced as \d whole runs")).wait_for()
    page.locator(".stMain").get_by_text("GMST above").first.wait_for()
    settled(page)
    page.get_by_role("button", name="Settings").click()
    field = page.get_by_role("textbox", name="Price of a core-hour")
    field.fill(".02")
    field.press("Enter")
    page.locator("dt", has_text="money").wait_for()
    page.keyboard.press("Escape")
    show(page, "Years bought")
    page.get_by_role("button", name=re.compile(r"^Compare, about \d+ s$")).click()
    page.get_by_text(re.compile(r"years are enough: |Not shown that fewer years")).wait_for()
    page.locator(".stMain").get_by_text("random: mean of 200 choices").wait_for()
    show(page, "Which run next")
    page.get_by_role("button", name=re.compile("^Rank, about")).click()
    page.get_by_text("not by those of this model: a guess").wait_for()
    show(page, "Reliability")
    page.get_by_role("button", name=re.compile("^Fit and judge, about")).click()
    page.get_by_text("Out of scope").wait_for()
    settled(page)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Card as HTML").click()
    card = taken.value.path().read_text(encoding="utf-8")
    assert "MINI-SYNTHETIC" in card
    assert "<script" not in card
    show(page, "Maps")
    page.get_by_text(re.compile("^Emulator less truth: at most")).first.wait_for()
    page.wait_for_url("**climate_view=maps**")
    page.reload()
    page.get_by_role("radio", name="Maps").and_(page.locator("[aria-checked=true]")).wait_for()
    page.get_by_text(re.compile("^Emulator less truth: at most")).first.wait_for()
    assert "climate_hour_price=.02" in page.url
