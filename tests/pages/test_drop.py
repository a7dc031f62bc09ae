"""Dropping files on the first page: copied, opened like any other, refused in one line."""

import numpy as np

from datasel_core.workspace import uploads
from tests.conftest import paint
from tests.pages import screens
from tests.pages.screens import said, sound, wait

screen = screens.screen


def photo(tmp_path, seed):
    return paint(tmp_path / f"{seed}.jpg", seed).read_bytes()


def test_dropped_photos_are_a_path_like_any_other_and_become_a_pool(screen, workspace, tmp_path):
    app = screen()
    assert "copied into the workspace, at most 1 GB together" in said(app)
    files = [(f"trip/{group}/{at}.jpg", photo(tmp_path, at), "image/jpeg") for at, group in enumerate("ababab")]
    app = sound(app.file_uploader[1].set_value(files).run())
    path = app.text_input(key="widget.new.source").value
    assert path.startswith(str(workspace.uploads()))
    assert app.text_input(key="widget.new.name").value == "trip"
    assert len(app.file_uploader) == 0
    sound(app.button(key="open-own").click().run())
    wait(app, lambda app: "6 of 6 photos" in said(app))
    assert "in 2 groups" in said(app).replace("\\", "")


def test_a_table_is_opened_as_what_it_is(screen, workspace):
    text = b'{"prompt": "How many?", "response": "Two."}\n'
    app = sound(screen().file_uploader[0].set_value([("../t.jsonl", text, "application/json")]).run())
    assert app.selectbox(key="widget.new.kind").value == "text"
    assert app.text_input(key="widget.new.source").value.endswith("/t.jsonl")


def test_too_much_is_one_line_and_the_places_are_empty_again(screen, workspace, monkeypatch):
    monkeypatch.setattr(uploads, "MOST", 10)
    data = np.zeros(20, np.uint8).tobytes()
    app = sound(screen().file_uploader[0].set_value([("a.bin", data, "application/octet-stream")]).run())
    assert "can be dropped. Open them by their path, which copies nothing" in said(app).replace("\\", "")
    assert not workspace.uploads().exists()
    assert app.file_uploader[0].value in (None, [])
