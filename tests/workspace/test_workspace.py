"""Atomic writes, locks, keys and allowed roots."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from datasel_core.errors import BadInput, BadRequest, Failed
from datasel_core.workspace import hashing
from datasel_core.workspace.arrays import load_array
from datasel_core.workspace.files import disk_trouble, read_json, read_text, write_json, writing
from datasel_core.workspace.hashing import _TICK, hash_file, key_of, known_hash
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock, is_held


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})

    def fail() -> None:
        with writing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        fail()
    assert read_json(path) == {"old": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_says_so(tmp_path):
    def fill() -> None:
        with writing(tmp_path / "x"):
            raise OSError(28, "No space left on device")

    with pytest.raises(Failed, match="The disk is full: .* was not written. Free some space"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_really_full_disk(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full is not there")
    with pytest.raises(OSError, match="No space") as error, open("/dev/full", "wb", buffering=0) as file:
        file.write(b"x")
    assert "The disk is full" in str(disk_trouble(error.value, tmp_path))


def test_keys_follow_values_not_their_order():
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 1.5})


def _hold(folder, ready):
    with Lock(folder).hold():
        ready.set()
        time.sleep(60)


def test_a_lock_goes_with_its_holder(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "f", ready))
    process.start()
    assert ready.wait(300)
    assert is_held(tmp_path / "f")
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not is_held(tmp_path / "f")


def test_waiting_for_a_lock_can_be_stopped(tmp_path):
    lock = Lock(tmp_path / "f")
    assert lock.try_hold()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Lock(tmp_path / "f").hold(stop):
        pass
    lock.release()


def test_arrays_are_never_unpickled(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match="not a NumPy array of numbers"):
        load_array(tmp_path / "o.npy")


def test_roots(tmp_path, monkeypatch):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(inside))
    workspace = Workspace.at(tmp_path / "ws")
    assert workspace.allowed(inside / "x") == inside / "x"
    (inside / "link").symlink_to(outside)
    for bad in (outside, inside / ".." / "out", inside / "link" / "file", "/etc/passwd"):
        with pytest.raises(BadRequest, match="outside the allowed folders"):
            workspace.allowed(bad)
    for empty in ("", "  ", "a\0b"):
        with pytest.raises(BadRequest, match="path is empty"):
            workspace.allowed(empty)


def test_damaged_json_is_one_line(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(BadInput, match="is damaged"):
        read_json(tmp_path / "x.json")
    assert read_json(tmp_path / "none.json", "default") == "default"


def test_text_that_is_none_is_one_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n")
    assert read_text(path) == "a,b\n"
    with pytest.raises(BadInput, match="x.csv has more than 3 bytes; name a smaller file"):
        read_text(path, 3)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="x.csv is no UTF-8 text"):
        read_text(path)
    with pytest.raises(BadInput, match="none.csv cannot be read: No such file"):
        read_text(tmp_path / "none.csv")


def test_a_file_is_hashed_again_only_when_it_changed(tmp_path, monkeypatch):
    read = []
    honest = hash_file
    monkeypatch.setattr(hashing, "hash_file", lambda path: read.append(path) or honest(path))
    path = tmp_path / "f"
    path.write_bytes(b"one")
    for _ in range(2):  # written a moment ago: a second change might not show
        assert known_hash(path) == honest(path)
    later = time.time_ns() + 10 * _TICK
    monkeypatch.setattr(hashing.time, "time_ns", lambda: later)
    for _ in range(3):
        assert known_hash(path) == honest(path)
    assert len(read) == 3
    path.write_bytes(b"two")
    assert known_hash(path) == honest(path)
    assert len(read) == 4


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_who_may_read_a_file_is_for_the_umask_to_say(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_json(tmp_path / "a.json", {})
    finally:
        os.umask(before)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == mode


def test_a_folder_that_is_not_there_has_no_folders(tmp_path, monkeypatch):
    """Also where a folder is listed as soon as somebody asks, as later versions of Python do."""
    monkeypatch.setattr(Path, "iterdir", lambda self: iter([self / name for name in os.listdir(self)]))
    home = Workspace.at(tmp_path / "none")
    assert home.folders("runs") == []
    for name in ("b", "a", ".gone-1"):
        (home.path / "runs" / name).mkdir(parents=True)
    assert [folder.name for folder in home.folders("runs")] == ["a", "b"]


@pytest.mark.parametrize("name", [os.fsdecode(b"x\xff.txt"), "x\ud83d.txt"])
def test_a_path_that_no_record_could_name_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(tmp_path))
    with pytest.raises(BadRequest, match="is no path that can be written down: it is not valid UTF-8") as error:
        Workspace.at(tmp_path).allowed(str(tmp_path / name))
    assert str(error.value).isprintable()
