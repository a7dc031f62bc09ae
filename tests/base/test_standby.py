"""What stands by forks for each piece of work: as a process that was started for it alone, and nothing stays behind."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from datasel_core.base.standby import Standby, can_fork
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not can_fork(), reason="nothing is forked on this system")

_CHILD = """
import json, os, signal, sys, time
from datasel_core.base.standby import forks
work = forks(sys.stdin.buffer)
if work is not None:
    print("said", flush=True)
    own = {name: value for name, value in os.environ.items() if name.startswith("DATASEL_T") or name == "OTHER"}
    told = {"pid": os.getpid(), "session": os.getsid(0), "parent": os.getppid(), "own": own, "folder": os.getcwd(),
            "stdin": sys.stdin.buffer.raw.read(1).decode(), "chld": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL}
    with open(work + ".part", "w") as file:
        json.dump(told, file)
    os.replace(work + ".part", work)
    time.sleep(60)
"""


_AT_FIRST = dict(os.environ)
"""pytest says in a variable which test it is at."""


def _here(**more):
    return {**_AT_FIRST, "PYTHONPATH": str(ROOT), **more}


@pytest.fixture
def standby():
    one = Standby()
    yield one
    one.end()


@pytest.fixture
def started(standby):
    standby.start([sys.executable, "-c", _CHILD], _here(OTHER="o"))
    return standby


def awaited(path):
    for _ in range(600):
        if path.exists():
            return json.loads(path.read_text())
        time.sleep(0.05)
    raise AssertionError(f"{path.name} did not come")


def alive(pid):
    """Whether a process runs; one that has ended and whose end nobody has asked for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid):
    return any(not alive(pid) or time.sleep(0.05) for _ in range(600))


def test_it_is_a_process_of_its_own_with_our_variables_of_this_moment(started, tmp_path):
    asked = _here(OTHER="o", DATASEL_TEST="now")
    assert started.take(str(tmp_path / "one"), tmp_path / "log.txt", asked)
    told = awaited(tmp_path / "one")
    try:
        assert told["pid"] not in (os.getpid(), started.pid)
        assert told["session"] == told["pid"]  # a signal for our group is none for it
        assert told["parent"] == started.pid
        assert told["own"] == {"OTHER": "o", "DATASEL_TEST": "now"}
        assert told["folder"] == os.getcwd()
        assert told["stdin"] == ""
        assert told["chld"]
        assert (tmp_path / "log.txt").read_text() == "said\n"
    finally:
        os.kill(told["pid"], signal.SIGKILL)


def test_one_that_is_killed_takes_nobody_along(started, tmp_path):
    for name in ("one", "two"):
        assert started.take(str(tmp_path / name), tmp_path / "log.txt", _here(OTHER="o"))
    one, two = awaited(tmp_path / "one"), awaited(tmp_path / "two")
    os.kill(one["pid"], signal.SIGKILL)
    assert gone(one["pid"])
    assert alive(two["pid"])
    assert started.pid is not None
    started.end()  # what has begun goes on
    assert started.pid is None
    assert alive(two["pid"])
    os.kill(two["pid"], signal.SIGKILL)


@pytest.mark.parametrize("changed", [{"OTHER": "p"}, {"OTHER": "o", "MORE": "1"}])
def test_libraries_that_were_loaded_with_other_variables_are_not_used(started, tmp_path, changed):
    assert not started.take(str(tmp_path / "one"), tmp_path / "log.txt", _here(**changed))
    assert not (tmp_path / "log.txt").exists()


def test_where_nothing_stands_by_nothing_has_begun(standby, started, tmp_path):
    assert not Standby().take("x", tmp_path / "log.txt", _here())
    os.kill(started.pid, signal.SIGKILL)
    assert gone(started.pid) or started.pid is None
    assert not started.take(str(tmp_path / "one"), tmp_path / "log.txt", _here(OTHER="o"))
    standby.start([sys.executable, "-c", _CHILD], _here(OTHER="o"))  # another takes its place
    assert started.take(str(tmp_path / "one"), tmp_path / "log.txt", _here(OTHER="o"))
    os.kill(awaited(tmp_path / "one")["pid"], signal.SIGKILL)


def test_started_twice_one_stands_by(started):
    before = started.pid
    started.start([sys.executable, "-c", _CHILD], _here(OTHER="o"))
    assert started.pid == before


_SERVER = """
import os, sys, time
from datasel_core.base.standby import Standby
one = Standby()
one.start([sys.executable, "-c", sys.argv[1]], dict(os.environ))
one.take(sys.argv[2], sys.argv[2] + ".log", dict(os.environ))
print(one.pid, flush=True)
time.sleep(60)
"""


def test_it_ends_when_who_started_it_is_killed_and_the_work_goes_on(tmp_path):
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER, _CHILD, str(tmp_path / "one")], stdout=subprocess.PIPE, env=_here()
    )
    standing = int(server.stdout.readline())
    at_work = awaited(tmp_path / "one")["pid"]
    assert alive(standing)
    server.kill()
    server.wait()
    assert gone(standing)
    assert alive(at_work)
    os.kill(at_work, signal.SIGKILL)
