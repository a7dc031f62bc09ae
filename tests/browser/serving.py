"""What the servers of browser tests, and the work that they start, are forked from: libraries are imported once for all
tests. What is forked is a process like any other; how people start a server is what `test_stories.py` does.
"""

import gc
import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasel_core import worker
from datasel_core.__main__ import main as command
from datasel_core.base import registry
from datasel_core.base.standby import OURS, Standby, forks
from tests.conftest import ROOT

_LATE = ("streamlit.web.cli", "streamlit.web.bootstrap", "plotly.graph_objects", "pandas", "pyarrow.compute", "faiss")


class Parent(Standby):
    """Hands work to the process that this one was forked from."""

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """It stands by already."""

    def take(self, work: Mapping[str, Any], log: Path, environment: Mapping[str, str]) -> bool:
        ours = {name: value for name, value in environment.items() if name.startswith(OURS)}
        asked = {"work": {"job": work}, "log": os.path.abspath(log), "environment": ours, "folder": os.getcwd()}
        with open(f"/proc/{os.getppid()}/fd/0", "wb", buffering=0) as line:
            line.write(json.dumps(asked).encode() + b"\n")
        return True


def main() -> None:
    """Work is {"pid": file for the number of the process, "words": of the command streamlit}, or {"job": folder}."""
    for kind in registry.PACKAGES:
        registry.every(kind)
    for name in _LATE:
        importlib.import_module(name)
    gc.freeze()
    work = forks(sys.stdin.buffer)
    if work is None:
        return
    if "job" in work:
        sys.exit(command(["work", work["job"]]))
    os.chdir(ROOT)
    Path(work["pid"]).write_text(str(os.getpid()))
    worker._STANDBY = Parent()
    sys.argv = ["streamlit", *work["words"]]
    importlib.import_module("streamlit.web.cli").main()


if __name__ == "__main__":
    main()
