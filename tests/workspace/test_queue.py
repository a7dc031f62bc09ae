"""Whose turn it is: one after the other, in the order in which they came, whoever dies or gives up."""

import signal
import subprocess
import sys
import threading

import pytest

from datasel_core.errors import Stopped
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.queue import slots, turn
from tests.conftest import ROOT

PATIENCE = 120


class Worker:
    """Wants a turn in a thread of its own. waits: set once it was told what is before. works: set in its turn."""

    def __init__(self, workspace: Workspace, name: str, log: list[str]):
        self.name, self.log, self.before = name, log, []
        self.waits, self.works, self.may_end = threading.Event(), threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run, args=(workspace,))
        self.thread.start()

    def run(self, workspace: Workspace) -> None:
        with turn(workspace, self.name, self.told):
            self.log.append(self.name)
            self.works.set()
            self.may_end.wait(PATIENCE)

    def told(self, before: str) -> None:
        self.before.append(before)
        self.waits.set()

    def end(self) -> None:
        self.may_end.set()
        self.thread.join(PATIENCE)


@pytest.fixture
def log():
    return []


@pytest.fixture
def worker(workspace, log):
    """Starts workers; whatever happens, all of them end."""
    made = []

    def start(name: str) -> Worker:
        made.append(Worker(workspace, name, log))
        return made[-1]

    yield start
    for one in made:
        one.end()


def test_one_after_the_other_in_the_order_in_which_they_came(worker, log, workspace):
    first = worker("first")
    assert first.works.wait(PATIENCE)
    second = worker("second")
    assert second.waits.wait(PATIENCE)
    third = worker("third")
    assert third.waits.wait(PATIENCE)
    assert log == ["first"]
    assert set(second.before) == set(third.before) == {"first"}
    for one, after in ((first, second), (second, third)):
        one.end()
        assert after.works.wait(PATIENCE)
    third.end()
    assert log == ["first", "second", "third"]
    assert [one for one in workspace.queue().iterdir() if one.name.isdigit()] == []


def test_as_many_at_a_time_as_are_told(worker, log, monkeypatch):
    monkeypatch.setenv("DATASEL_HEAVY_TASKS", "2")
    pair = [worker(name) for name in ("one", "two")]
    assert all(one.works.wait(PATIENCE) for one in pair)
    third = worker("three")
    assert third.waits.wait(PATIENCE)
    assert sorted(log) == ["one", "two"]
    pair[1].end()  # whoever is ready first makes room
    assert third.works.wait(PATIENCE)


@pytest.mark.parametrize(("told", "many"), [("", 1), ("0", 1), ("-3", 1), ("many", 1), ("4", 4)])
def test_how_many(monkeypatch, told, many):
    monkeypatch.setenv("DATASEL_HEAVY_TASKS", told)
    assert slots() == many


def test_who_gives_up_leaves_no_place_behind(worker, workspace, log):
    first = worker("first")
    assert first.works.wait(PATIENCE)

    def enough(before: str) -> None:
        raise Stopped("Stopped.")

    with pytest.raises(Stopped), turn(workspace, "impatient", enough):
        pytest.fail("It was not its turn.")
    third = worker("third")
    assert third.waits.wait(PATIENCE)
    first.end()
    assert third.works.wait(PATIENCE)


def test_who_breaks_gives_the_place_back(workspace):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), turn(workspace, "broken", lambda before: pytest.fail(before)):
            raise ZeroDivisionError


def test_who_is_killed_gives_the_place_back(workspace):
    code = (
        "import sys, time; from pathlib import Path; from datasel_core.workspace.layout import Workspace\n"
        "from datasel_core.workspace.queue import turn\n"
        "with turn(Workspace(Path(sys.argv[1])), 'killed', print):\n"
        "    print('works', flush=True)\n"
        "    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(workspace.path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"works\n"
    heard = []

    def kill(before: str) -> None:
        heard.append(before)
        holder.send_signal(signal.SIGKILL)
        holder.wait()

    with turn(workspace, "next", kill):
        assert heard[0] == "killed"
