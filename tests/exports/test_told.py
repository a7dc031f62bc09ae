"""What a person is told of an export when it is done: once, and by whatever format."""

from dataclasses import replace

import pytest

from datasel_core.base.progress import Progress
from tests.exports import exporting
from tests.exports.exporting import FORMATS, told

pool, run, other = exporting.pool, exporting.run, exporting.other


@pytest.mark.parametrize(("format", "params"), [("files", {"link": True}), ("coco", {"pictures": "link"})])
def test_hard_links_are_said_by_every_format_that_makes_them(workspace, run, tmp_path, format, params):
    out, notes = told(workspace, run, format, tmp_path / "out", **params)
    assert f"3 of the files in {out} share their bytes with their sources (hard links)" in " ".join(notes)
    copies = told(workspace, run, format, tmp_path / "copies")[1]
    assert "share their bytes" not in " ".join(copies)


@pytest.mark.parametrize("format", ["files", "coco", "label_studio"])
def test_files_of_an_earlier_export_are_counted(workspace, run, other, tmp_path, format):
    out = told(workspace, run, format, tmp_path / "out")[0]
    again = told(workspace, run, format, tmp_path / "out")[1]
    assert "earlier export" not in " ".join(again)
    left = sorted(set(run.table["path"].to_pylist()) - set(other.table["path"].to_pylist()))
    name = ("images/" if format == "label_studio" else "") + left[0]
    notes = told(workspace, other, format, tmp_path / "out")[1]
    said = f"{len(left)} ({name}{', ...' if len(left) > 1 else ''}); for what was kept alone, name a new folder."
    assert notes[-1] == f"Files of an earlier export are still in {out}, and no part of this one: {said}"


def test_a_preview_tells_nobody_anything(workspace, run):
    kept = exporting.open_record(workspace, run.folder)
    FORMATS["label_studio"]().preview(kept)
    assert kept.notes == []


def test_samples_that_leave_once_although_they_were_drawn_several_times_are_counted(workspace, run, tmp_path):
    kept = exporting.open_record(workspace, run.folder)
    at = kept.table.column_names.index("count")
    kept = replace(kept, table=kept.table.set_column(at, "count", [[1, 3, 2]]))
    FORMATS["huggingface"](datasel=False).write(kept, tmp_path / "out", Progress())
    assert kept.notes == ["Samples that were drawn several times and leave once: 2; the record has counts."]
