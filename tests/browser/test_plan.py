"""Plan in a real browser: a plan is kept, a pilot is drawn, timed and brought back, and the plan gets narrower."""

import csv
import io

from datasel_core.actions.add_pool import add_pool
from tests.browser.conftest import settled
from tests.conftest import paint


def test_from_an_example_to_a_plan_of_ones_own(visit, workspace, tmp_path):
    for at in range(60):
        paint(tmp_path / "photos" / f"{at:02d}.jpg", at)
    add_pool(workspace, "photos", str(tmp_path / "photos"), "images")
    page = visit("/plan?pool=photos&budget=50&labels=3", "dark")
    page.get_by_role("textbox", name="Wage per hour").fill("25")
    page.get_by_role("textbox", name="Wage per hour").press("Enter")
    page.get_by_text("16.2 (7.29 to 35.9)").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    settled(page)
    page.get_by_role("button", name="Keep this plan").click()
    page.get_by_text("1 plan kept").wait_for()
    settled(page)
    page.get_by_role("radio", name="Pilot").click()
    page.get_by_role("button", name="Draw 30, about 5 s").click()
    sheet = page.get_by_role("button", name="Sheet of 30 for times")
    sheet.wait_for()
    settled(page)
    with page.expect_download() as found:
        sheet.click()
    rows = list(csv.reader(found.value.path().read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["id", "person", "seconds", "objects"]
    text = io.StringIO()
    csv.writer(text).writerows([rows[0], *([row[0], "ann", 30 + 2 * at, 3] for at, row in enumerate(rows[1:]))])
    file = {"name": "back.csv", "mimeType": "text/csv", "buffer": text.getvalue().encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("back.csv").wait_for()
    settled(page)
    page.get_by_role("button", name="Read the times").click()
    page.get_by_text("30 photos timed").wait_for()
    page.get_by_text("now, ").first.wait_for()
    settled(page)
    page.get_by_role("radio", name="Cost").click()
    page.get_by_text("a pilot of 30 items of photos").wait_for()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    page.reload()
    page.get_by_text("a pilot of 30 items of photos").wait_for()
    page.locator('input[aria-label="Wage per hour"][value="25"]').wait_for()
