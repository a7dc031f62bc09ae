"""Colours that are seen, numbers with units, small thumbnails, a quick front door."""

import base64
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.registry import every
from datasel_core.methods.k_center import KCenter
from pages._ui.kit import forms, look, palette
from pages._ui.media import photos
from tests.conftest import ROOT, paint
from tests.pages import screens

screen, photo_pool, vector_pool = screens.screen, screens.photo_pool, screens.vector_pool


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_is_seen_on_both_backgrounds():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for background in ("#ffffff", "#14171c"):
        assert (
            min(contrast(colour, background) for colour in (*palette.COLOURS, *palette.METHODS, palette.DROPPED)) >= 3
        )
        assert background in (ROOT / ".streamlit" / "config.toml").read_text()
    assert len(set(palette.COLOURS)) == 12
    assert len(set(palette.METHODS)) == len(palette.METHODS)


def lab(colour: str) -> np.ndarray:
    """CIE L*a*b*: where distances are how unlike two colours look; 2 is just seen."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


LACKING = {
    "green cones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "red cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}
"""Linear RGB as those see it who lack them: Machado, Oliveira & Fernandes 2009, severity 1.0
(https://doi.org/10.1109/TVCG.2009.113; the tables of https://www.inf.ufrgs.br/~oliveira/pubs_files/CVD_Simulation/).
"""


def seen(colour: str, lacking: str) -> str:
    """The colour as it is seen, as a colour."""
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    light = np.clip(np.array(LACKING[lacking]) @ linear, 0, 1)
    again = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * part):02x}" for part in again)


@pytest.mark.parametrize("lacking", LACKING)
def test_the_first_ten_colours_are_told_apart_by_the_colour_blind(lacking):
    """CIE 1976 colour difference; red and green of one brightness show that the simulation does what it should."""
    assert seen("#808080", lacking) == "#808080"
    red, green = "#c05020", "#738100"
    before, after = (
        np.linalg.norm(lab(one) - lab(other))
        for one, other in ((red, green), (seen(red, lacking), seen(green, lacking)))
    )
    assert after < before / 2
    found = [lab(seen(colour, lacking)) for colour in palette.COLOURS[:10]]
    gaps = [np.linalg.norm(found[at] - found[other]) for at in range(10) for other in range(at)]
    assert min(gaps) >= 12


def test_what_was_chosen_earlier_has_a_third_colour():
    """Beside every method's own and the grey of the dropped, on both backgrounds."""
    assert np.linalg.norm(lab("#ffffff") - lab("#000000")) == pytest.approx(100, abs=0.1)
    for method in (*every("method"), "combine"):
        kept = palette.colour_of(method)
        third = palette.earlier(kept)
        assert min(contrast(third, background) for background in ("#ffffff", "#14171c")) >= 3
        assert min(np.linalg.norm(lab(third) - lab(other)) for other in (kept, palette.DROPPED)) > 50, method


def test_methods_have_colours_of_their_own():
    found = {id: palette.colour_of(id) for id in every("method")}
    assert len(set(found.values())) == len(found)
    assert found["random"] == palette.BASELINE


def test_numbers_have_units_and_little_is_not_nothing():
    assert look.size(999) == "999 bytes"
    assert look.size(26_300_000) == "26.3 MB"
    assert look.percent(1, 1_000_000) == "0.0001 %"
    assert look.percent(50, 929) == "5.4 %"
    assert look.percent(5, 5) == "100 %"


def test_a_form_bound_follows_the_declaration():
    low, high = forms._bounds(KCenter.model_fields["block"].metadata, int)
    assert (low, high) == (1, None)


def test_a_thumbnail_is_small_upright_and_kept(photo_pool, workspace, tmp_path):
    paint(tmp_path / "photos" / "c" / "wide.jpg", 99, (900, 300))
    pool = add_pool(workspace, "more", str(tmp_path / "photos"), "images")
    row = int(pool.rows(["c/wide.jpg"])[0])
    url = photos.thumbnail(pool, row, 100)
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as small:
        assert small.format == "JPEG"
        assert small.size == (200, 67)
    files = list(workspace.thumbs().rglob("*.jpg"))
    assert len(files) == 1
    os.unlink(pool.path(row))  # served from the disk cache, by content
    photos._data_url.cache_clear()
    assert photos.thumbnail(pool, row, 100) == url


def test_the_front_door_imports_nothing_heavy():
    code = (
        "import sys; from pages._ui.kit import disk, keys, look; from pages._ui.data import features, health, sources; "
    )
    code += (
        "from pages._ui.media import detail, photos; from pages._ui.export import record, reopen; print(*sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"torch", "umap", "faiss", "sklearn", "timm"} & set(out) == set()


def test_a_page_that_begins_without_its_frame_begins_again():
    """As Streamlit begins one for a second tab, while a server that was started again looks at its first page."""
    script = """
import streamlit as st
from pages._ui.kit import look
st.session_state.times = st.session_state.get("times", 0) + 1
if st.session_state.times > 2:
    st.session_state[look.FRAMED] = True  # as app.py does
look.title("Review")
"""
    app = AppTest.from_string(script, default_timeout=900).run()
    assert app.session_state.times == 3
    assert len(app.get("html")) == 1
