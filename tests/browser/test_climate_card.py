"""The reliability card of an emulator, opened as a file in a real browser, in light and in dark."""

import pytest

from datasel_core.evidence.emulators import cards
from datasel_core.evidence.emulators.page import page
from tests.evidence.emulators.test_card import judged, mini
from tests.evidence.emulators.test_page import EVIL


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 24, 31)")])
def test_it_opens_alone_fits_and_runs_nothing(chromium, workspace, tmp_path, scheme, paper):
    mini(workspace, tmp_path)
    said = judged(workspace, run="mini", target="ssp245", reference="ssp126")
    said = {**said, "pool": EVIL, "task": {**said["task"], "title": EVIL, "training_runs": [EVIL]}}
    file = tmp_path / "card.html"
    file.write_text(page(said, cards.maps(workspace, said["key"])), encoding="utf-8")
    tab = chromium.new_page(color_scheme=scheme, viewport={"width": 420, "height": 800})
    asked, trouble = [], []
    tab.on("request", lambda one: asked.append(one.url))
    tab.on("console", lambda one: trouble.append(one.text))
    tab.on("dialog", lambda one: (trouble.append(one.message), one.dismiss()))
    tab.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert trouble == []
    assert tab.evaluate("document.scripts.length + document.images.length") == 0
    assert EVIL in tab.inner_text("h1")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == paper
    assert tab.evaluate("document.documentElement.scrollWidth") <= 420
    broken = file.read_text(encoding="utf-8").replace("<h1>", "<script>document.title = 'ran'</script><h1>", 1)
    file.write_text(broken, encoding="utf-8")
    tab.goto(file.as_uri())
    assert tab.evaluate("document.scripts.length") == 1
    assert tab.title() != "ran"  # even a name that came through would be refused
    tab.close()
