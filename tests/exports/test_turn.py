"""Two exports to one folder: one after the other, whatever the moment at which the second comes."""

import threading

import pytest

from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.errors import Stopped
from datasel_core.exports.written import turn
from tests.exports import exporting
from tests.exports.exporting import FORMATS, contents

pool, run, other = exporting.pool, exporting.run, exporting.other


@pytest.mark.parametrize("n_written", [1, 2, 3])
def test_a_folder_never_holds_files_of_two_exports(workspace, run, other, tmp_path, n_written):
    records, out = [open_record(workspace, one.folder) for one in (run, other)], tmp_path / "out"
    write = FORMATS["files"]().write
    second = threading.Thread(target=write, args=(records[1], out, Progress()))

    def report(_):
        if second.ident is None and out.exists() and len(contents(out)) == n_written:
            second.start()
            second.join(1)
            assert second.is_alive()

    write(records[0], out, Progress(report, every=0))
    second.join(600)
    write(records[0], tmp_path / "first", Progress())
    write(records[1], tmp_path / "second", Progress())
    assert contents(out) == contents(tmp_path / "first") | contents(tmp_path / "second")


def test_who_waits_for_the_folder_can_be_stopped(workspace, tmp_path):
    def stop():
        raise Stopped("Stopped; what was finished is kept.")

    with turn(workspace, tmp_path / "out", lambda: None):
        with turn(workspace, tmp_path / "elsewhere", lambda: None):
            pass
        with pytest.raises(Stopped), turn(workspace, tmp_path / "out", stop):
            pass
