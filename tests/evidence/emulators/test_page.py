"""The card as a page: names of strangers stay text, nothing is loaded, and what is drawn is what was measured."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from datasel_core.evidence.emulators import drawings
from datasel_core.evidence.emulators.page import page
from tests.evidence.emulators.test_card import judged, mini

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"


class Tags(HTMLParser):
    """Every tag with its attributes, and all text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "rect", "path", "line", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def made(workspace, tmp_path):
    from datasel_core.evidence.emulators import cards

    mini(workspace, tmp_path)
    said = judged(workspace, run="mini", target="ssp245", reference="ssp126", kind="variability", members=39)
    return said, cards.maps(workspace, said["key"])


def spoiled(value):
    """The same with a name that bites in every text, and in every key that is a name."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, list):
        return [spoiled(one) for one in value]
    if isinstance(value, dict):
        return {name: spoiled(one) for name, one in value.items()}
    return value


def test_names_of_strangers_stay_text(made):
    card, maps = made
    bitten = {**spoiled(card), "errors": {name: spoiled(one) for name, one in card["errors"].items()}}
    bitten["provenance"]["files"] = {EVIL: EVIL}
    bitten["over_fit"], bitten["floor"] = EVIL, {**card["floor"], "between": EVIL}
    read = Tags(page(bitten, maps))
    assert read.open == []
    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "p",
        "strong",
        "div",
        "dl",
        "dt",
        "dd",
        "ul",
    }
    allowed |= {"li", "table", "caption", "tr", "th", "td", "figure", "figcaption"}
    allowed |= {"svg", "rect", "path", "line", "circle", "text"}
    assert {tag for tag, _ in read.tags} <= allowed
    assert not [name for _, given in read.tags for name in given if name.startswith("on") or name in ("src", "href")]
    assert read.text.count(EVIL) > 20


def test_it_stands_alone_and_follows_light_and_dark(made):
    text = page(*made)
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script|javascript:", text)
    assert "prefers-color-scheme: dark" in text
    assert "color-scheme: light dark" in text
    assert "certified" not in text


def test_every_reason_and_number_of_errors_is_on_the_page(made):
    card, maps = made
    said = Tags(page(card, maps)).text
    for name, why in card["reasons"].items():
        assert why in said, name
    for one in card["errors"].values():
        assert f"{one['rmse_s']:.3f} K" in said
        assert f"{one['nrmse_g']:.3f}" in said
    assert f"member against member: {card['floor']['s']:.3f} K" in said
    for one in card["ensemble"]["coverage"]:
        assert f"{100 * one['share']:.1f} %" in said
    for one in (card["verdict"]["sentence"], card["verdict"]["rule"], *card["task"]["out_of_scope"], *card["notes"]):
        assert one in said


def test_zero_is_the_middle_colour_and_both_sides_are_alike():
    colours = drawings.palette("tas")
    assert len(colours) % 2 == 1
    assert colours[len(colours) // 2] == "#f7f7f7"
    assert (colours[0], colours[-1]) == ("#2166ac", "#b2182b")
    assert drawings.palette("pr")[0] == "#8c510a"
    field, longitude = np.array([0.0, 0.02, -1.0, 1.0, 5.0, np.nan]), np.arange(6) * 60.0
    map_of = drawings.world(field, (1, 6), longitude, 1.0, "tas")
    cells = sorted(
        (float(x), fill)
        for fill, path in re.findall(r'<path fill="(#\w+)" d="([^"]+)"', map_of)
        for x, span in re.findall(r"M([\d.]+) [\d.]+h([\d.]+)", path)
        for x in np.arange(float(x), float(x) + float(span) - 1, 50)
    )
    # columns from 180 degrees on: Greenwich stands in the middle
    assert [fill for _, fill in cells] == ["#b2182b", "#b2182b", "#9a9a9a", "#f7f7f7", "#f7f7f7", "#2166ac"]


def test_the_north_is_at_the_top():
    field = np.repeat([-1.0, 0.0, 1.0], 4)
    found = drawings.world(field, (3, 4), np.tile(np.arange(4) * 90.0, 3), 1.0, "tas")
    top = {
        fill: float(re.match(r"M[\d.]+ ([\d.]+)", path)[1])
        for fill, path in re.findall(r'fill="(#\w+)" d="([^"]+)', found)
    }
    assert top["#b2182b"] < top["#f7f7f7"] < top["#2166ac"]


def test_bars_are_as_long_as_what_they_say():
    drawn = drawings.bars([("a", 1.0, True), ("b", 4.0, False)], ("noise", 2.0), "K")
    own, other = (
        float(re.search(rf'class="{one}" x="190" y="\d+" width="([\d.]+)"', drawn)[1]) for one in ("own", "other")
    )
    assert other == pytest.approx(4 * own, abs=0.2)
    line = float(re.search(r'class="floor" x1="([\d.]+)"', drawn)[1])
    assert line - 190 == pytest.approx(2 * own, abs=0.2)


@pytest.mark.parametrize(
    ("values", "end"), [([0.0, 0.0], 1.0), ([-0.137, 0.02], 0.14), ([3.5, 1.0], 3.5), ([12.01], 13)]
)
def test_a_scale_ends_at_a_round_number(values, end):
    assert drawings.ends(np.array(values)) == pytest.approx(end)
