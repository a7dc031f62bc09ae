"""What killed processes left is cleared at the next start; what a living one holds is not."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.workspace import files, leftovers
from datasel_core.workspace.arrays import growing
from datasel_core.workspace.files import writing
from tests.conftest import ROOT

_HOLDS = """
import sys, time
import numpy as np
from pathlib import Path
from datasel_core.pools.readers.spool import Spool
from datasel_core.workspace.arrays import growing
from datasel_core.workspace.files import writing
from datasel_core.workspace.layout import Workspace
home = Workspace(Path(sys.argv[1]))
spool = Spool(home, ("id",), (), ())
(home.path / "features" / "f").mkdir(parents=True)
with (
    writing(home.path / "runs" / "r" / "manifest.json") as one,
    writing(home.path / "top.json") as two,
    growing(home.path / "features" / "f", {"values": (3, (2,), np.dtype("float32"))}),
):
    print("begun", flush=True)
    time.sleep(600)
"""


def hidden(folder: Path) -> list[str]:
    return sorted(path.name.split(".")[1] for path in folder.rglob("*.part")) + [
        path.name for path in folder.glob("spool/*")
    ]


@pytest.fixture
def holder(workspace):
    """A process in the midst of writing three files and a spool."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(workspace.path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout.readline() == "begun\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_a_killed_process_left_is_cleared_at_the_next_start(workspace, holder, capfd):
    before = hidden(workspace.path)
    assert before[:3] == ["manifest", "top", "values"]
    assert len(before) == 4
    leftovers.clear(workspace)
    assert hidden(workspace.path) == before  # it lives
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert hidden(workspace.path) == before
    assert main(["evaluate", "nothing"]) == 2  # whatever is asked
    assert hidden(workspace.path) == []


def test_only_files_that_this_program_began_are_cleared(workspace):
    workspace.path.mkdir()
    mine = ["film.part", ".film.part", ".notes.PART", ".x.12345678.part.txt", ".a.1234567.part", "b.abcdefgh.part"]
    for name in mine:
        (workspace.path / name).write_text("mine")
    (workspace.path / ".c.abcdefgh.part").symlink_to(workspace.path / "film.part")
    (workspace.path / ".d.abcdefgh.part").mkdir()
    (workspace.path / ".pool.json.abcd_f12.part").write_text("ours")
    leftovers.clear(workspace)
    assert {path.name for path in workspace.path.iterdir()} == {*mine, ".c.abcdefgh.part", ".d.abcdefgh.part"}


def test_names_beside_which_to_look(tmp_path):
    for name in ("kept.csv", "other.csv", "k" * 60):
        (tmp_path / f".{name[:40]}.abcdefgh.part").write_text("half")
    leftovers.clear_beside(tmp_path, ["kept.csv", "k" * 60])
    assert [path.name for path in tmp_path.iterdir()] == [".other.csv.abcdefgh.part"]


def test_what_is_being_written_is_held_by_this_process_too(tmp_path):
    with (
        writing(tmp_path / "a.json") as temporary,
        growing(tmp_path, {"v": (2, (2,), np.dtype("f4"))}) as arrays,
    ):
        leftovers.clear_beside(tmp_path)
        temporary.write_text("{}")
        arrays["v"][:] = 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "v.npy"]


class Starts:
    """A program that starts at one step of another: it clears what nobody holds, just before and just after what that
    one asks of the disk.
    """

    def __init__(self, home, monkeypatch):
        self.home, self.n, self.at, self._busy = home, 0, None, False
        for module, name in ((os, "open"), (os, "replace"), (os, "fsync"), (os, "close"), (files.fcntl, "flock")):
            monkeypatch.setattr(module, name, self._met(getattr(module, name)))

    def _met(self, real):
        def one(*given, **named):
            if self._busy:
                return real(*given, **named)
            self._step()
            found = real(*given, **named)
            self._step()
            return found

        return one

    def _step(self):
        self.n += 1
        if self.n == self.at:
            self._busy = True
            leftovers.clear(self.home)
            self._busy = False


def _json(home):
    files.write_json(home.path / "a.json", {"a": 1})


def _arrays(home):
    with growing(home.path, {"v": (2, (2,), np.dtype("f4")), "w": (1, (2,), np.dtype("f4"))}) as arrays:
        arrays["v"][:], arrays["w"][:] = 1, 2


def _texts(home):
    lines = (f'{{"id": "t{at}", "text": "said {at}"}}\n' for at in range(9))
    (home.path.parent / "chat.jsonl").write_text("".join(lines))
    assert main(["pool", "add", "chat", str(home.path.parent / "chat.jsonl")]) == 0


def _cut(home):
    assert main(["pool", "cut", "few", "--from", "chat", "--where", "id <> 't3'"]) == 0


@pytest.mark.parametrize(
    ("before", "write"),
    [((), _json), ((), _arrays), ((), _texts), ((_texts,), _cut)],
    ids=["json", "arrays", "texts", "cut"],
)
def test_who_starts_at_any_moment_takes_nothing_that_is_being_written(workspace, monkeypatch, capsys, before, write):
    """The law: as without the other, at each step."""

    def left():
        shutil.rmtree(workspace.path, ignore_errors=True)
        workspace.path.mkdir()
        steps.at = None
        for one in before:
            one(workspace)
        steps.n, steps.at = 0, at
        write(workspace)
        there = [path for part in ("*.json", "*.npy", "pools/**/*") for path in workspace.path.glob(part)]
        return {str(path): path.read_bytes() for path in there if path.is_file() and path.name != ".lock"}

    steps, at = Starts(workspace, monkeypatch), None
    alone, n = left(), steps.n
    assert alone
    assert n > 6
    for at in range(1, n + 1):
        assert left() == alone, at


def test_without_locks_nothing_is_taken_for_a_leftover(tmp_path, monkeypatch):
    """Some file systems know no locks."""

    def none(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(files.fcntl, "flock", none)
    with writing(tmp_path / "a.json") as temporary:
        temporary.write_text("{}")
        leftovers.clear_beside(tmp_path)
    (tmp_path / ".b.abcdefgh.part").write_text("half")
    leftovers.clear_beside(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.abcdefgh.part", "a.json"]


def test_a_workspace_that_is_not_there_or_may_not_be_read_is_no_trouble(workspace):
    leftovers.clear(workspace)
    assert not workspace.path.exists()
