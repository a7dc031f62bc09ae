"""Two people review at once, 500 decisions each, the server killed in between; one at five a second for a minute."""

import os
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from datasel_core.actions.add_pool import add_pool
from datasel_core.features.computation import compute_feature, declared_feature
from datasel_core.runs import engine
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import size, table
from tests.browser.conftest import ARGUMENTS, PATIENCE, Server
from tests.browser.reviewing import Person, written
from tests.conftest import paint

PHOTOS, KEPT, DECISIONS, SECONDS, A_SECOND = 320, 250, 500, 60, 5
KILLS = 4
KEYS, OFTEN = ("k", "x", "s", "u", "j", "ArrowLeft"), (10, 5, 2, 2, 1, 1)


def prepared(folder: Path) -> tuple[Workspace, Run, Run]:
    """A selection for one alone, and one for two: each review begins at its first sample."""

    for at in range(PHOTOS):
        paint(folder / "photos" / f"{at:04d}.jpg", at, (320, 240))
    os.environ["DATASEL_WORKSPACE"], os.environ["DATASEL_DATA_ROOTS"] = str(folder / "ws"), str(folder)
    workspace = Workspace.at()
    pool = add_pool(workspace, "photos", str(folder / "photos"), "images")
    compute_feature(workspace, pool, declared_feature("dictionary_embedding"))
    asked = Spec(pool="photos", method="k_center", budget=str(KEPT))
    alone, together = asked, asked.model_copy(update={"method": "random"})
    return workspace, engine.select(workspace, alone), engine.select(workspace, together)


def visit(browser: Any, server: Server, name: str, run: Run) -> Person:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"{server.url}/review?pool=photos&run={run.key}")
    return Person(page, name, KEPT)


def decide(person: Person, n: int, seed: int, wait: float = 0.0) -> float:
    """Presses keys until so many decisions are made; returns seconds. After the last sample it begins at the first."""
    draw, began = random.Random(seed), time.monotonic()
    while len(person.pressed) < n:
        if person.at == person.n - 1:
            for _ in range(person.n):
                person.press("ArrowLeft")
        [key] = draw.choices(KEYS, OFTEN)
        person.press(key)
        left = began + wait * len(person.pressed) - time.monotonic()
        if wait and left > 0:
            person.page.wait_for_timeout(1000 * left)
    return time.monotonic() - began


def killing(server: Server, over: threading.Event) -> None:
    """Kills the server and starts it again, so many times, until all is decided."""
    for _ in range(KILLS):
        if over.wait(6):
            return
        server.stop()
        over.wait(1)
        server.start()


def verdict(workspace: Workspace, run: Run, person: Person, what: str, seconds: float) -> dict[str, Any]:
    person.saved()
    found = written(workspace, run, person.name)
    return {
        "what": what,
        "person": person.name,
        "decisions": len(person.pressed),
        "a second": len(person.pressed) / seconds,
        "written": len(found),
        "as pressed": "yes" if found == person.pressed else "NO",
    }


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        workspace, alone, together = prepared(Path(name))
        browser = driver.chromium.launch(
            executable_path=os.environ.get("DATASEL_CHROMIUM", "/usr/bin/chromium"), args=ARGUMENTS
        )
        server = Server().start()
        try:
            one = visit(browser, server, "cem", alone)
            seconds = decide(one, size(SECONDS * A_SECOND), 0, 1 / A_SECOND)
            rows.append(verdict(workspace, alone, one, f"{A_SECOND} a second for {seconds:.0f} s", seconds))
            people, over = [visit(browser, server, who, together) for who in ("ann", "ben")], threading.Event()
            killer = threading.Thread(target=killing, args=(server, over))
            killer.start()
            began = time.monotonic()
            for upto in range(10, size(DECISIONS) + 1, 10):  # in turn: both are at work all the time
                for seed, person in enumerate(people):
                    decide(person, upto, 1000 * seed + upto)
            seconds = time.monotonic() - began
            over.set()
            killer.join()
            for person in people:
                rows.append(verdict(workspace, together, person, "two at once, the server killed", seconds))
        finally:
            server.stop()
            browser.close()
    table(rows)


if __name__ == "__main__":
    main()
