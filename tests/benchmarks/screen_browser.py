"""One person in a real browser: pages of 929 photos, seconds from the click to what it asks for, beside a bare app."""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from datasel_core.actions.add_pool import add_pool
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import small, table
from tests.benchmarks.screen_people import server
from tests.browser.conftest import ARGUMENTS
from tests.conftest import ROOT, paint

TIMES, WALL = 7, 40
SHARED = ROOT.parent / "shared" / "data" / "photos"
BARE = """
import numpy as np, plotly.express as px, streamlit as st
from pathlib import Path
st.set_page_config(layout="wide")
photos = sorted(str(one) for one in Path(r"{folder}").rglob("*.jpg"))
left, right = st.columns(2)
with left:
    n = st.slider("Budget", 1, 100, 50)
    if st.query_params.get("map"):
        xy = np.random.default_rng(0).standard_normal((len(photos), 2))
        figure = px.scatter(x=xy[:, 0], y=xy[:, 1]).update_layout(dragmode="lasso")
        event = st.plotly_chart(figure, on_select="rerun", selection_mode="lasso", key="map")
        photos = [photos[at] for at in event["selection"]["point_indices"]] or photos
        n = min(n, 40)
with right:
    st.image(photos[:n], width=100)
"""
WATCH = """() => {
  const found = [];
  const look = (node) => { for (const one of node.querySelectorAll('*')) {
    if (one.tagName === 'IMG' && one.complete && one.naturalWidth > 0 && one.getBoundingClientRect().width > 30)
      found.push(one.src.length > 200 ? one.src.slice(-120) : one.src);
    if (one.shadowRoot) look(one.shadowRoot);
  } };
  look(document);
  const now = found.join('|'), w = (window.seen ??= {list: '', many: 0, at: 0});
  if (now !== w.list) { w.list = now; w.many = found.length; w.at = Date.now(); }
}"""
"""Notes when pictures that stand on the page changed for the last time."""
STANDS = """([few, other]) => {
  const at_rest = document.querySelector('.stApp')?.dataset.testScriptState === 'notRunning', w = window.seen;
  return w && at_rest && w.many >= few && w.list !== other && Date.now() - w.at > 800 ? w : null;
}"""


def until(page: Any, begun: float, other: str = "", few: int = WALL) -> tuple[float, str]:
    """(seconds from `begun` until so many pictures that are not those before stood there for good, what they are)."""
    seen = page.wait_for_function(STANDS, arg=[few, other], polling=50).json_value()
    return seen["at"] / 1000 - begun, seen["list"]


def opened(browser: Any, address: str) -> tuple[Any, float, str]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.add_init_script(f"setInterval({WATCH}, 50)")
    begun = time.time()
    page.goto(address, wait_until="commit")
    taken, seen = until(page, begun)
    return page, taken, seen


def at_rest(page: Any) -> None:
    page.wait_for_function("document.querySelector('.stApp')?.dataset.testScriptState === 'notRunning'")
    page.wait_for_timeout(500)


def opening(browser: Any, address: str) -> Iterator[float]:
    for _ in range(TIMES):
        page, taken, _ = opened(browser, address)
        page.context.close()
        yield taken


def budgets(browser: Any, address: str) -> Iterator[float]:
    """Seconds until one photo more is shown."""
    page, _, seen = opened(browser, address)
    for at in range(TIMES + 1):
        at_rest(page)
        page.get_by_role("slider").first.focus()
        begun = time.time()
        page.keyboard.press("ArrowRight" if at % 2 == 0 else "ArrowLeft")
        taken, seen = until(page, begun, seen)
        if at:
            yield taken
    page.context.close()


def lassos(browser: Any, address: str, canvas: str) -> Iterator[float]:
    """Seconds from the end of a lasso until other photos stand beside the map."""
    page, _, seen = opened(browser, address)
    place = page.locator(canvas).first
    for at in range(TIMES + 1):
        at_rest(page)
        box = place.bounding_box()
        left, right = (0.05, 0.45) if at % 2 == 0 else (0.55, 0.95)  # begun inside the last, Plotly only moves that
        corners = [(left, 0.12), (right, 0.12), (right, 0.9), (left, 0.9), (left, 0.14)]
        spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
        page.mouse.move(*spots[0])
        page.mouse.down()
        for spot in spots[1:]:
            page.mouse.move(*spot, steps=4)
        begun = time.time()
        page.mouse.up()
        taken, seen = until(page, begun, seen)
        if at:
            yield taken
    page.context.close()


def choices(browser: Any, address: Callable[[int], str]) -> Iterator[float]:
    """Seconds from the click on Choose to fifty photos; another seed each time, so that nothing is known."""
    for seed in range(1, 4):
        page, _, seen = opened(browser, address(seed))
        choose = page.get_by_role("button", name="Choose 50")
        choose.wait_for()
        at_rest(page)
        page.wait_for_timeout(2000)
        begun = time.time()
        choose.click()
        yield until(page, begun, seen)[0]
        page.context.close()


def first_map(browser: Any, address: str) -> float:
    """Seconds from the one click to the map, features included; the pool is opened, nothing is computed."""
    page, _, _ = opened(browser, address)
    at_rest(page)
    page.wait_for_timeout(10_000)  # what is started beside the pages has started
    begun = time.time()
    page.get_by_role("button", name="Map of these").click()
    page.locator("canvas.over").wait_for()
    taken = time.time() - begun
    page.context.close()
    return taken


def main() -> None:
    chromium = os.environ.get("DATASEL_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        print("There is no chromium; nothing was measured.", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        photos = SHARED
        if small() or not photos.exists():
            photos = folder / "photos"
            for at in range(120):
                paint(photos / f"g{at % 3}" / f"{at:04d}.jpg", at, (320, 240))
        os.environ["DATASEL_WORKSPACE"] = str(folder / "ws")
        os.environ["DATASEL_DATA_ROOTS"] = f"{folder}:{photos}"
        workspace = Workspace.at()
        add_pool(workspace, "photos", str(photos), "images")
        bare = folder / "bare.py"
        bare.write_text(BARE.format(folder=photos))
        browser = driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        with server(str(bare)) as (port, _):
            plain = f"http://127.0.0.1:{port}/"
            theirs = {
                "open to the first wall": list(opening(browser, plain)),
                "budget to other photos": list(budgets(browser, plain)),
                "lasso to photos beside it": list(lassos(browser, plain + "?map=1", ".js-plotly-plot .nsewdrag")),
            }
        with server("app.py", DATASEL_WARM="1") as (port, _):
            ours = f"http://127.0.0.1:{port}/"
            print(f"first map, from the click: {first_map(browser, ours + '?pool=photos'):.1f} s")
            asked = f"{ours}select?pool=photos&method=k_center&budget=50"
            chosen = list(choices(browser, lambda seed: f"{asked}&seed={seed}"))
            print(f"choose 50, click to photos: {', '.join(f'{one:.2f}' for one in chosen)} s")
            found = {
                "open to the first wall": list(opening(browser, ours + "?pool=photos")),
                "budget to other photos": list(budgets(browser, asked + "&seed=1")),
                "lasso to photos beside it": list(lassos(browser, ours + "patterns?pool=photos", "canvas.over")),
            }
        browser.close()
        table(
            [
                {
                    "929 photos": what,
                    "bare, s": statistics.median(theirs[what]),
                    "datasel, s": statistics.median(found[what]),
                    "times": statistics.median(found[what]) / statistics.median(theirs[what]),
                    "slowest, s": max(found[what]),
                }
                for what in theirs
            ]
        )


if __name__ == "__main__":
    main()
