"""What a server does once: it is done again only when a page has imported something new."""

import gc
import subprocess
import sys
import types

import pytest

from datasel_core import worker
from pages._ui.kit import server
from tests.conftest import ROOT


@pytest.fixture
def done(monkeypatch):
    """What was done, in order; nothing really is."""
    found = []
    monkeypatch.setattr(server, "_modules", 0)
    monkeypatch.setenv(server.WARM, "1")
    monkeypatch.setattr(worker, "warm", lambda: found.append("warm"))
    monkeypatch.setattr(gc, "collect", lambda *_: found.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: found.append("freeze"))
    return found


def test_once_and_again_when_there_is_more(done, monkeypatch):
    for _ in range(3):
        server.settle()
    assert done == ["warm", "collect", "freeze"]  # what is thrown away already is not kept for ever
    monkeypatch.setitem(sys.modules, "a_page_that_nobody_had_opened", types.ModuleType("a_page"))
    server.settle()
    assert done == ["warm", "collect", "freeze"] * 2


def test_not_where_nobody_wants_it(done, monkeypatch):
    monkeypatch.setenv(server.WARM, "0")
    server.settle()
    assert done == []


def test_one_at_a_time(done):
    with server._ONE:
        server.settle()
    assert done == []


def test_a_process_that_begins_with_the_front_door_is_no_fault(workspace):
    """As one that multiprocessing starts from a page does: there is no server, and no page knows its title."""
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
