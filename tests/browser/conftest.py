"""A real server and a real chromium. Skipped, with the reason, where there is no chromium."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from datasel_core.base.standby import OURS, Standby
from tests.conftest import ROOT

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
OWN = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")
PATIENCE = int(os.environ.get("DATASEL_PATIENCE", "180"))
"""Seconds until a page that does not show what it should is called broken: every core may be busy."""


SHOTS = os.environ.get("DATASEL_SHOTS")
"""A folder for a picture of each tab of a test that failed."""
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[_failed] = report.failed
    return report


def pytest_collection_modifyitems(items):
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """A running browser."""
    path = (
        os.environ.get("DATASEL_CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        pytest.skip("there is no chromium; install it (apt-get install chromium) or name it in DATASEL_CHROMIUM")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_OTHERS = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
"""As it was before any library that is imported set its own: all servers have the same."""


def environment(warm: bool) -> dict[str, str]:
    """Of a server. warm: with a process that stands by for its work, as where people use it; else each piece of work
    imports its own, so that who starts none waits for none.
    """
    ours = {name: value for name, value in os.environ.items() if name.startswith(OURS)}
    return {**_OTHERS, **ours, "PYTHONPATH": str(ROOT), "DATASEL_WARM": "1" if warm else "0"}


class Server:
    """The app as a person starts it, on a port of its own, in the workspace that the environment names. With `fork`, a
    process like any other that was forked from one which had imported the libraries.
    """

    def __init__(self, fork: Standby | None = None, warm: bool = True) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._fork, self._warm = fork, warm
        self._process: subprocess.Popen | None = None
        self._number: Path | None = None

    def start(self) -> "Server":
        words = ["run", "app.py", "--server.headless", "true", "--server.port", str(self.port)]
        own, self._number, self._process = environment(self._warm), Path(tempfile.mkdtemp()) / "pid", None
        work = {"pid": str(self._number), "words": words}
        if self._fork is None or not self._fork.take(work, Path(os.devnull), own):
            command, quiet = [sys.executable, "-m", "streamlit", *words], subprocess.DEVNULL
            self._process = subprocess.Popen(command, cwd=ROOT, env=own, stdout=quiet, stderr=quiet)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"The server did not start within {PATIENCE} seconds.")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """It answers nothing meanwhile, as where every core is busy elsewhere."""
        number = self._process.pid if self._process is not None else int(self._number.read_text())
        os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(number, signal.SIGCONT)

    def stop(self) -> None:
        """Kills it, as a crash would; it is gone when this returns."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        elif self._number is not None and self._number.exists():
            pid = int(self._number.read_text())
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                for _ in range(600):
                    os.kill(pid, 0)
                    time.sleep(0.05)


@pytest.fixture(scope="session")
def fork() -> Iterator[Standby]:
    """A process of which servers are forked, one for all tests."""
    standing = Standby()
    standing.start([sys.executable, "-m", "tests.browser.serving"], environment(warm=False))
    yield standing
    standing.end()


@pytest.fixture
def server(workspace, fork) -> Iterator[Server]:
    running = Server(fork, warm=False).start()
    yield running
    running.stop()


@pytest.fixture
def visit(chromium, server, request) -> Iterator[Callable]:
    """visit(path, scheme): a new tab of 1440 x 900 on this address, when the page is drawn. begin: called with the tab
    before it goes there. At the end: nothing was asked of any other machine.
    """
    strangers: list[str] = []
    contexts = []

    def go(path: str = "/", scheme: str = "light", begin: Callable = lambda page: None):
        context = chromium.new_context(
            viewport={"width": 1440, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: None if request.url.startswith(OWN) else strangers.append(request.url))
        page.set_default_timeout(1000 * PATIENCE)
        begin(page)
        page.goto(server.url + path)
        page.wait_for_selector(".ds-title")
        return page

    yield go
    for at, context in enumerate(contexts):
        for page in context.pages if request.node.stash.get(_failed, False) else ():
            shown = f"{page.url}\n{page.inner_text('body')}"
            request.node.add_report_section("teardown", "page", "\n".join(filter(str.strip, shown.splitlines())))
            if SHOTS:
                page.screenshot(path=Path(SHOTS) / f"{request.node.name}-{at}.png")
        context.close()
    assert strangers == []


def place(locator, seconds: float = PATIENCE) -> dict:
    """The box of an element once it stands still: a page that is still being drawn moves and replaces its parts."""
    last, end = None, time.monotonic() + seconds
    while time.monotonic() < end:
        locator.first.wait_for(timeout=1000 * seconds)
        box = locator.first.bounding_box()
        if box is not None and box == last:
            return box
        last = box
        time.sleep(0.25)
    pytest.fail(f"{locator} does not stand still")


def settled(page) -> None:
    """Waits until the page is drawn to its end: while a page is still being drawn, Streamlit loses a click inside a
    dialog.
    """
    page.wait_for_function("document.querySelector('.stApp')?.dataset.testScriptState === 'notRunning'")


def keep(page, button: str = "Keep selection") -> None:
    """Presses Keep, and in the dialog keeps the selection under the name that is proposed."""
    page.get_by_role("button", name=button).click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    settled(page)
    dialog.get_by_role("button", name="Keep").click()
    dialog.wait_for(state="detached")
