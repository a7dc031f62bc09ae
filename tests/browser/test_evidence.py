"""Evidence in a real browser: samples are held out and methods compared with two clicks."""

from tests.browser.conftest import settled
from tests.evidence.test_table import add, world


def test_two_clicks_from_a_pool_to_a_table(visit, workspace, tmp_path, rng):
    add(workspace, tmp_path, *world(rng))
    page = visit("/evidence?pool=vec")
    page.get_by_role("button", name="Draw about 32").click()
    page.get_by_text("on 32 vectors that none of them could choose").wait_for()
    settled(page)
    page.get_by_role("button", name="Compare with random").click()
    table = page.locator(".ds-evidence")
    table.wait_for()
    page.locator(".js-plotly-plot .errorbar").first.wait_for(state="attached")  # lines have no height to be seen by
    settled(page)
    heads = table.locator("th").all_inner_texts()
    assert heads[:4] == ["method", "budget", "value", "random"]
    last = table.locator("tbody tr").last
    assert last.locator("td").first.inner_text() == "random, other seeds (control)"
    word = last.locator("td b")
    assert word.inner_text() == "not shown to differ"
    assert word.evaluate("one => getComputedStyle(one).color") == "rgb(133, 140, 150)"
    assert page.get_by_text("difference from random, 95 % interval").count() == 1
    assert page.get_by_text("; right is better").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    with page.expect_download() as found:
        page.get_by_role("button", name="LaTeX").click()
    assert r"\begin{tabular}" in found.value.path().read_text(encoding="utf-8")
