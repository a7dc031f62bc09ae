"""A picture that a stranger names is never fetched: a listener on this machine hears nothing while pages draw names,
groups, columns and errors that hold one. Pages that draw the same carelessly are heard, place by place.
"""

import http.server
import json
import socket
import subprocess
import sys
import threading
import time

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.workspace.files import write_json
from tests.browser.conftest import PATIENCE, settled
from tests.conftest import paint

_CARELESS = """
import sys
import streamlit as st
import plotly.graph_objects as go
def bait(name):
    return f"![e](http://127.0.0.1:{sys.argv[1]}/{name}.png)"
for kind in ("error", "warning", "info", "success", "caption", "markdown"):
    getattr(st, kind)(bait(kind))
st.button(bait("button"))
st.checkbox(bait("checkbox"))
st.radio(bait("radio"), [bait("option"), "b"], captions=[bait("below"), "b"])
st.segmented_control("x", [bait("segment"), "b"])
st.expander(bait("expander")).write("x")
st.tabs([bait("tab"), "b"])
st.progress(0.5, text=bait("progress"))
st.metric(bait("metric"), 5)
st.text_input(bait("label"), placeholder=bait("placeholder"))
st.selectbox("x", [bait("choice"), "b"])
st.text_input("y", bait("typed"))
st.dataframe({bait("column"): [bait("cell")]})
st.code(bait("code"))
figure = go.Figure(go.Bar(x=[bait("bar")], y=[1], name=bait("legend"), showlegend=True))
figure.update_layout(title=bait("title"), xaxis_title=bait("axis"))
st.plotly_chart(figure)
st.html('<p id="end">end</p>')
"""
HEARD = {
    *("error", "warning", "info", "success", "caption", "markdown", "button", "checkbox", "radio", "option", "below"),
    *("segment", "expander", "tab", "progress", "metric", "label"),
}
"""Places where Streamlit reads Markdown. The others (choices of a list, fields, tables, code, charts) show it as it
is.
"""


@pytest.fixture
def listener():
    """(port, paths that were asked for): every request is answered and noted."""
    heard = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.path.strip("/").removesuffix(".png"))
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], heard
    server.shutdown()
    server.server_close()


@pytest.fixture
def careless(listener, tmp_path):
    """The address of a page that draws pictures in every place."""
    (tmp_path / "careless.py").write_text(_CARELESS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["-m", "streamlit", "run", "careless.py", "--server.headless", "true", "--server.port", str(port)]
    process = subprocess.Popen(
        [sys.executable, *words, "--", str(listener[0])],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


def opened(page, url):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            return page.goto(url)
        except Exception:  # noqa: BLE001  (the server is starting)
            time.sleep(0.3)
    raise AssertionError(f"{url} does not answer")


def test_the_listener_hears_pictures_that_are_drawn_carelessly(chromium, careless, listener):
    page = chromium.new_page()
    opened(page, careless)
    page.wait_for_selector("#end", timeout=1000 * PATIENCE)
    settled(page)
    end = time.monotonic() + PATIENCE
    while not set(listener[1]) >= HEARD and time.monotonic() < end:
        page.wait_for_timeout(200)
    page.wait_for_timeout(1000)
    page.close()
    assert set(listener[1]) - {"favicon.ico"} == HEARD


def test_no_page_fetches_a_picture_that_a_name_or_an_error_holds(visit, workspace, tmp_path, listener):
    bait = f"![e](http://127.0.0.1:{listener[0]}/x.png)"
    for at in range(8):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    lines = [f"{bait}{at},{at}.jpg,{bait} {'ab'[at % 2]},{at}" for at in range(8)] + [f"{bait} away,{bait},b,8"]
    (tmp_path / "in" / "t.csv").write_text("\n".join([f"id,path,group,{bait}", *lines]) + "\n")
    add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "images")
    texts = [{"id": f"{bait}{at}", "prompt": bait, "response": bait, "source": f"{bait} {at % 2}"} for at in range(6)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(one) + "\n" for one in texts))
    add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    left = {"do": "export", "run": "0" * 16, "format": "csv", "out": f"/in/{bait}"}
    write_json(workspace.task("a") / "job.json", left)
    write_json(workspace.task("a") / "status.json", {"state": "running", "label": bait, "done": 1, "total": 3})

    page = visit("/?pool=p")
    settled(page)
    page.get_by_text("Exporting to /in/![e](http").first.wait_for()
    for name in ("Health", "Features", "Other pools"):
        page.get_by_role("radio", name=name).or_(page.get_by_test_id("stButtonGroup").get_by_text(name)).first.click()
        settled(page)
    for label, typed in (("Folder or file on this computer", f"{tmp_path}/{bait}"), ("Call it", "more")):
        field = page.get_by_role("textbox", name=label, exact=True)
        field.fill(typed)
        field.press("Tab")
        settled(page)
    page.get_by_role("button", name="Open it").click()
    page.get_by_test_id("stAlert").get_by_text("![e](http").wait_for()
    root = page.url.partition("/?")[0]
    for path in ("/export?pool=p", "/trajectories?pool=t", "/select?pool=p"):
        page.goto(root + path)
        page.wait_for_selector(".ds-title")
        settled(page)
    page.get_by_role("button", name="Settings").click()
    field = page.get_by_role("textbox", name="Where", exact=True)
    field.fill(f'"{bait}2" > 3')
    field.press("Enter")
    page.get_by_test_id("stAlert").get_by_text("![e](http").first.wait_for()
    page.wait_for_timeout(1000)
    assert listener[1] == []
