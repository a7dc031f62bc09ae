"""Eight people on one server: what a change of the budget and an idle tab cost, beside a bare Streamlit app."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from datasel_core.actions.add_pool import add_pool
from datasel_core.features.computation import compute_feature, declared_feature
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import small, table
from tests.conftest import ROOT, paint

PEOPLE, CHANGES, IDLE, PHOTOS, PATIENCE = 8, 6, 30, 200, 180
BARE = """
import streamlit as st
from pathlib import Path
photos = sorted(Path(r"{folder}").rglob("*.jpg"))
n = st.slider("Budget", 1, 100, 50)
st.image([str(photo) for photo in photos[:n]], width=120)
"""


def prepared(folder: Path) -> Workspace:
    """A pool of photos of which 100 are chosen: any smaller budget is shown at once."""
    for at in range(PHOTOS):
        paint(folder / "photos" / f"{at:04d}.jpg", at, (320, 240))
    os.environ["DATASEL_WORKSPACE"], os.environ["DATASEL_DATA_ROOTS"] = str(folder / "ws"), str(folder)
    workspace = Workspace.at()
    pool = add_pool(workspace, "photos", str(folder / "photos"), "images")
    compute_feature(workspace, pool, declared_feature("dictionary_embedding"))
    engine.select(workspace, Spec(pool="photos", method="k_center", budget="100"))
    return workspace


class Tab:
    """One tab without a browser: what it would send, and what comes back."""

    def __init__(self, line: Any, page: str, query: str):
        self.line, self.page, self.query, self.bytes = line, page, query, 0
        self.slider, self.polls = {}, {}
        self.drawn = asyncio.Event()

    async def ask(self, fragment: str = "", value: int | None = None, by_itself: bool = False) -> None:
        """Asks for a drawing, with another budget where one is given."""
        asked = BackMsg()
        asked.rerun_script.query_string, asked.rerun_script.page_name = self.query, self.page
        asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = fragment, by_itself
        if value is not None:
            state = asked.rerun_script.widget_states.widgets.add(id=self.slider["id"])
            state.double_array_value.data.append(value)
        self.drawn.clear()
        await self.line.send(asked.SerializeToString())

    async def change(self, value: int) -> None:
        await self.ask(self.slider["fragment"], value)
        await self.over()

    async def over(self) -> None:
        await asyncio.wait_for(self.drawn.wait(), PATIENCE)

    async def listen(self) -> None:
        """Reads until the tab is closed; knows the slider of the budget, and what is to be drawn every few seconds."""
        async for message in self.line:
            self.bytes += len(message)
            said = ForwardMsg.FromString(message)
            kind, element = said.WhichOneof("type"), said.delta.new_element
            if kind == "script_finished":
                self.drawn.set()
            elif kind == "auto_rerun":
                self.polls[said.auto_rerun.fragment_id] = said.auto_rerun.interval
            elif element.WhichOneof("type") == "slider" and element.slider.label.startswith("Budget"):
                self.slider = {"id": element.slider.id, "fragment": said.delta.fragment_id}

    async def poll(self) -> None:
        """As a browser does while nobody touches it."""

        async def each(fragment: str, every: float) -> None:
            for _ in range(1000):
                await asyncio.sleep(every)
                await self.ask(fragment, by_itself=True)

        await asyncio.gather(*(each(*one) for one in self.polls.items()))


async def people(port: int, page: str, query: str, pid: int) -> dict[str, float]:
    """Seconds of the server's processor per change of a budget by one of eight people at once, seconds until all of
    them see it, thousands of bytes per change, and the share of a core that an idle tab takes.
    """
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    async with contextlib.AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(
                websockets.connect(
                    address, max_size=None, subprotocols=["streamlit"], origin=f"http://127.0.0.1:{port}"
                )
            )
            for _ in range(PEOPLE)
        ]
        tabs = [Tab(line, page, query) for line in lines]
        tasks = [asyncio.create_task(tab.listen()) for tab in tabs]
        for tab in tabs:
            await tab.ask()
            await tab.over()
        await asyncio.gather(*(tab.change(60) for tab in tabs))
        await asyncio.sleep(10)  # what is started beside the pages has started
        bytes_before, before, began = sum(tab.bytes for tab in tabs), processor(pid), time.perf_counter()
        for change in range(CHANGES):
            await asyncio.gather(*(tab.change(30 + (7 * change + 5 * at) % 60) for at, tab in enumerate(tabs)))
        n = CHANGES * PEOPLE
        found = {"cpu": (processor(pid) - before) / n, "wall": (time.perf_counter() - began) / CHANGES}
        found["kB"] = (sum(tab.bytes for tab in tabs) - bytes_before) / n / 1000
        tasks += [asyncio.create_task(tab.poll()) for tab in tabs]
        before, seconds = processor(pid), 5 if small() else IDLE
        await asyncio.sleep(seconds)
        found["idle"] = (processor(pid) - before) / seconds / PEOPLE
        for task in tasks:
            task.cancel()
    return found


def processor(pid: int) -> float:
    """Seconds of processor that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def server(app: str, **environment: str) -> Iterator[tuple[int, int]]:
    """(port, process id) of a server of this app."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["streamlit", "run", app, "--server.headless", "true", "--server.port", str(port)]
    running = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(10 * PATIENCE):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health"):
                break
            time.sleep(0.1)
        yield port, running.pid
    finally:
        running.kill()
        running.wait()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared(folder)
        bare = folder / "bare.py"
        bare.write_text(BARE.format(folder=folder / "photos"))
        asked = "pool=photos&method=k_center&budget=50"
        apps = {
            "a bare app, a slider and as many photos": (str(bare), "", "", {}),
            "Select, nothing settled": ("app.py", "select", asked, {"DATASEL_WARM": "0"}),
            "Select": ("app.py", "select", asked, {"DATASEL_WARM": "1"}),
        }
        rows, first = [], {}
        for what, (app, page, query, environment) in apps.items():
            with server(app, **environment) as (port, pid):
                found = asyncio.run(people(port, page, query, pid))
            first = first or found
            rows.append(
                {
                    f"{PEOPLE} people": what,
                    "ms of processor a change": 1000 * found["cpu"],
                    "times": found["cpu"] / first["cpu"],
                    "s until all see it": found["wall"],
                    "times ": found["wall"] / first["wall"],
                    "kB a change": found["kB"],
                    "an idle tab, % of a core": 100 * found["idle"],
                }
            )
        table(rows)


if __name__ == "__main__":
    main()
