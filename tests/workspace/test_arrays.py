"""Arrays on a disk without room: what did not find a place is said, to the last byte."""

import re
import subprocess
import sys

import numpy as np
import pytest

from datasel_core.workspace.arrays import load_array, save_array
from tests.conftest import ROOT

SCRIPT = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from datasel_core.errors import Failed
from datasel_core.workspace.arrays import save_array
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    save_array(Path(sys.argv[1]), np.arange(int(sys.argv[3]), dtype=np.float32))
except Failed as error:
    print(error)
"""


@pytest.mark.parametrize(("room", "n"), [(355, 140), (500, 100), (4200, 2000), (8191, 2016)])
def test_an_array_that_finds_no_room_is_no_answer(tmp_path, room, n):
    """Also one so small, or whose end is, that the C library would keep it back until the file is closed."""
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "a.npy"), str(room), str(n)]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=900, check=True)
    assert "could not be written" in ended.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("array", [np.arange(12).reshape(3, 4).T, np.zeros((0, 5), np.float32), np.array(["ab", "c"])])
def test_an_array_comes_back(tmp_path, array):
    save_array(tmp_path / "a.npy", array)
    assert (tmp_path / "a.npy").stat().st_size == 128 + array.nbytes
    np.testing.assert_array_equal(load_array(tmp_path / "a.npy"), array)


def test_arrays_are_written_in_one_place():
    """numpy's own writing to a file says nothing of a disk that is full."""
    for path in (ROOT / "datasel_core").rglob("*.py"):
        if path.name != "arrays.py":
            assert not re.search(r"\bnp\.save\(|\.tofile\(|\bwrite_array\(", path.read_text(encoding="utf-8")), path
