"""What a server does once, not once per person: workers that begin at once, and memory that is looked through once."""

import gc
import os
import sys
import threading

from datasel_core import worker

WARM = "DATASEL_WARM"
"""0 in the environment: no process stands by, and nothing is settled."""

_ONE = threading.Lock()
_modules = 0


def settle() -> None:
    """Called after each drawing of a page; does something only when a page has imported what none had before.

    Streamlit looks through everything that lives after each drawing, libraries too. What they made when they were
    imported stays for ever, so it is set apart: `tests/benchmarks/screen_people.py` prints what that is worth.
    """
    global _modules
    if os.environ.get(WARM) == "0" or len(sys.modules) == _modules or not _ONE.acquire(blocking=False):
        return
    try:
        worker.warm()
        gc.collect()  # what is thrown away already is not to stay
        gc.freeze()
        _modules = len(sys.modules)
    finally:
        _ONE.release()
