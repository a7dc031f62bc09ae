"""The screen: first page cold, reruns of Select with a million vectors, and the command line's start."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.runs import engine
from datasel_core.runs.question import resolve
from datasel_core.runs.scores import kept_scores
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import apart, size, stopwatch, table
from tests.benchmarks.selection_speed import clouds
from tests.conftest import ROOT


def command_start() -> float:
    """Seconds of `python -m datasel_core methods`, the median of five."""
    taken = []
    for _ in range(5):
        with stopwatch() as one:
            subprocess.run(
                [sys.executable, "-m", "datasel_core", "methods"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True
            )
        taken.append(one[0])
    return float(np.median(taken))


def first_page_cold(folder: Path) -> float:
    """Seconds from starting the server to the first page drawn in a test client (server start and a fresh interpreter
    both included).
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "DATASEL_WORKSPACE": str(folder / "empty")}
    with stopwatch() as taken:
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            "--server.headless",
            "true",
            "--server.port",
            str(port),
        ]
        server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _answered(f"http://127.0.0.1:{port}/_stcore/health")
            code = (
                "from streamlit.testing.v1 import AppTest; at = AppTest.from_file('app.py', "
                "default_timeout=30).run(); assert not at.exception"
            )
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True, stderr=subprocess.DEVNULL)
        finally:
            server.terminate()
            server.wait()
    return taken[0]


def _answered(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)


def select_reruns(folder: Path, n: int) -> dict[str, Any]:
    """Seconds of reruns of the Select page with n vectors of 64 and a run of 1,000."""
    from streamlit.logger import set_log_level
    from streamlit.testing.v1 import AppTest

    set_log_level("error")
    np.save(folder / "v.npy", clouds(n, 64, 500))
    os.environ["DATASEL_WORKSPACE"], os.environ["DATASEL_DATA_ROOTS"] = str(folder / "ws"), str(folder)
    workspace = Workspace.at()
    add_pool(workspace, "million", str(folder / "v.npy"), "vectors")
    engine.select(workspace, Spec(pool="million", method="k_center", budget="1000"))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["pool"] = "million"
    app.run()
    with stopwatch() as first:
        app.switch_page("pages/select.py").run()
    assert not app.exception, app.exception
    taken = []
    for budget in (40, 90, 200, 400, 700, 999):
        box = next(box for box in app.number_input if box.label.startswith("vectors"))
        box.set_value(budget)
        with stopwatch() as one:
            app.run()
        taken.append(one[0])
        assert any(f"{budget} of {n:,} vectors" in text.value for text in app.markdown), (
            "the page does not show the new budget"
        )
    assert not app.exception, app.exception
    return {"first": first[0], "median": float(np.median(taken)), "slowest": max(taken)}


def cut_reruns(folder: Path, n: int) -> dict[str, Any]:
    """Seconds of reruns of the Image-text page with n pairs whose scores are kept, as the cut moves."""
    from streamlit.logger import set_log_level
    from streamlit.testing.v1 import AppTest

    set_log_level("error")
    rng = np.random.default_rng(0)
    image = rng.standard_normal((n, 16), dtype=np.float32)
    np.savez(folder / "pairs.npz", image=image, text=image + rng.standard_normal((n, 16), dtype=np.float32))
    os.environ["DATASEL_WORKSPACE"], os.environ["DATASEL_DATA_ROOTS"] = str(folder / "pairs"), str(folder)
    workspace = Workspace.at()
    add_pool(workspace, "pairs", str(folder / "pairs.npz"), "vectors")
    kept_scores(
        resolve(workspace, Spec(pool="pairs", method="clip_score", budget="1")),
        Progress(),
    )
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["pool"] = "pairs"
    app.run()
    with stopwatch() as first:
        app.switch_page("pages/image_text.py").run()
    assert not app.exception, app.exception
    taken = []
    for budget in np.linspace(n // 100, n - n // 100, 8).astype(int).tolist():
        app.number_input(key="cut.count").set_value(budget)
        with stopwatch() as one:
            app.run()
        taken.append(one[0])
        assert any(f"{budget:,} of {n:,}" in text.value for text in app.markdown), "the page does not show the new cut"
    return {"first": first[0], "median": float(np.median(taken)), "slowest": max(taken)}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, n = Path(name), size(1_000_000)
        rows = [{"what": "python -m datasel_core methods", "s": command_start(), "at most": 1.0}]
        rows.append({"what": "server start and first page, cold", "s": first_page_cold(folder), "at most": 3.0})
        found = apart(select_reruns, folder, n)["result"]
        rows.append({"what": f"Select, {n:,} vectors: first drawing", "s": found["first"], "at most": "-"})
        rows.append({"what": f"Select, {n:,} vectors: rerun, median", "s": found["median"], "at most": 0.5})
        rows.append({"what": f"Select, {n:,} vectors: rerun, slowest", "s": found["slowest"], "at most": 0.5})
        found = apart(cut_reruns, folder, n)["result"]
        rows.append({"what": f"Image-text, {n:,} pairs: first drawing", "s": found["first"], "at most": "-"})
        rows.append({"what": f"Image-text, {n:,} pairs: the cut moves, median", "s": found["median"], "at most": 0.3})
        rows.append({"what": f"Image-text, {n:,} pairs: the cut moves, slowest", "s": found["slowest"], "at most": 0.3})
        table(rows)


if __name__ == "__main__":
    main()
