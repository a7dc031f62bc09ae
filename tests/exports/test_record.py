"""What leaves carries its record: verify, reproduce, export and the page take what was delivered, and nothing more."""

import json
import shutil

import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.export import open_record
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.exports import record
from datasel_core.runs import engine, reproduction
from datasel_core.runs.catalog import names, places, removal
from datasel_core.runs.spec import Spec
from datasel_core.workspace.hashing import own_hash
from tests.conftest import paint, rewritten
from tests.exports import exporting
from tests.exports.exporting import FORMATS, UNSUITED, contents, export

pool, run, other = exporting.pool, exporting.run, exporting.other
SUITED = {id: one for id, one in FORMATS.items() if id not in UNSUITED}


def verified(capfd, path):
    """Exit code and lines of `verify`."""
    code = main(["verify", str(path)])
    out, err = capfd.readouterr()
    return code, [line for line in (out + err).splitlines() if not line.startswith("looking at photos")]


def place(workspace, run, format, tmp_path):
    return export(workspace, run, format, tmp_path / "out" / f"kept{FORMATS[format].suffix}")


@pytest.mark.parametrize("format", sorted(SUITED))
def test_every_export_is_verified_and_run_again_wherever_it_is_moved(workspace, run, tmp_path, capfd, format):
    out, ids = place(workspace, run, format, tmp_path), run.ids
    shutil.move(tmp_path / "out", tmp_path / "moved")
    shutil.rmtree(run.folder)
    moved = tmp_path / "moved" / out.name
    assert verified(capfd, moved) == (0, [f"intact: 3 samples, ids_sha256 {run.manifest['result']['ids_sha256']}"])
    assert main(["reproduce", str(moved)]) == 0
    shutil.copytree(tmp_path / "moved", tmp_path / "twice")
    assert main(["compare", str(moved), str(tmp_path / "twice" / out.name)]) == 0
    assert main(["export", str(moved), "--format", "ids", "--out", str(tmp_path / "again.txt")]) == 0
    assert (tmp_path / "again.txt").read_text().split() == ids


@pytest.mark.parametrize("format", sorted(SUITED))
def test_whatever_is_changed_of_an_export_is_named(workspace, run, tmp_path, capfd, format):
    out = place(workspace, run, format, tmp_path)
    above = out if out.is_dir() else out.parent
    for name, content in contents(above).items():
        path = above / name
        short = name.split("datasel/")[-1]
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        code, lines = verified(capfd, out)
        assert code != 0, name
        assert any(short in line for line in lines), (name, lines)
        path.unlink()
        code, lines = verified(capfd, out)
        if short == record.EXPORT:  # then it is the record of a selection, and nothing is known of what was delivered
            assert code == 0
        else:
            assert code != 0, name
            assert any(short in line or "manifest.json" in line or "was not exported" in line for line in lines), lines
        path.write_bytes(content)
        assert verified(capfd, out)[0] == 0


def test_a_second_batch_and_a_stage_leave_with_what_they_build_on(workspace, pool, tmp_path, capfd):
    first = engine.select(workspace, Spec(pool="p", method="random", budget="2"))
    second = engine.select(workspace, Spec(pool="p", method="random", budget="2", already=str(first.folder)))
    third = engine.select(workspace, Spec(pool="p", method="random", budget="1", within=str(second.folder)))
    for name, one in (("second", second), ("third", third)):
        out = export(workspace, one, "csv", tmp_path / f"{name}.csv")
        shutil.rmtree(one.folder)
        assert verified(capfd, out)[0] == 0
        found = reproduction.reproduce(workspace, places.place(out))
        assert found["identical"]
    shutil.rmtree(first.folder)
    assert reproduction.reproduce(workspace, places.place(tmp_path / "second.csv"))["identical"]


def test_a_file_without_a_record_is_named(workspace, run, tmp_path, capfd):
    (tmp_path / "a.csv").write_text("id\n1\n")
    code, lines = verified(capfd, tmp_path / "a.csv")
    assert code == 2
    (line,) = lines
    assert "was not exported by datasel, or its record is gone: there is no folder a.csv.datasel beside it" in line


def test_the_record_of_another_selection_is_told(workspace, run, other, tmp_path, capfd):
    one, two = (export(workspace, each, "csv", tmp_path / f"{name}.csv") for each, name in ((run, "a"), (other, "b")))
    shutil.copy(places.beside(one) / record.EXPORT, places.beside(two) / record.EXPORT)
    code, lines = verified(capfd, two)
    assert code == 1
    assert any("export.json belongs to another manifest" in line for line in lines)


def test_nothing_outside_is_read_by_a_record(workspace, run, tmp_path, capfd):
    """export.json comes from elsewhere: names that lead out of the folder are missing, whatever lies there."""
    out = export(workspace, run, "files", tmp_path / "out")
    (tmp_path / "secret").write_text("s")
    path = out / record.FOLDER / record.EXPORT
    said = json.loads(path.read_text())
    for name in ("../secret", str(tmp_path / "secret")):
        said["files"] = {name: "0" * 64}
        said["sha256"] = own_hash(said)
        path.write_text(json.dumps(said))
        assert verified(capfd, out)[1] == [f"{name} is missing."]


def test_the_preview_is_what_is_written(workspace, run, tmp_path):
    """To the byte; but of Parquet the columns are shown, and a card counts the whole selection."""
    kept = open_record(workspace, run.folder)
    for id, format in SUITED.items():
        shown = format().preview(kept, 2)
        few = engine.select(workspace, Spec(pool="p", method="random", budget="2"))
        assert few.ids == run.ids[:2]
        out = format().write(open_record(workspace, few.folder), tmp_path / f"{id}{format.suffix}", Progress())
        if format.suffix:
            ((name, text),) = shown
            assert name == ""
            assert text is None or id == "parquet" or text.encode() == out.read_bytes()
        else:
            made = {path: data for path, data in contents(out).items() if not path.startswith("datasel/")}
            assert {name for name, _ in shown} == set(made)
            texts = {name: text for name, text in shown if text and not name.endswith((".md", ".parquet"))}
            assert {name: text.encode() for name, text in texts.items()} == {name: made[name] for name in texts}, id


def test_a_format_that_does_not_suit_is_refused_before_anything_is_written(workspace, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    run = engine.select(workspace, Spec(pool="t", method="random", budget="1"))
    with pytest.raises(BadRequest, match="The samples of this pool are not files; export ids, csv, jsonl or parquet"):
        export(workspace, run, "files", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_photo_where_the_record_is_to_lie_is_put_elsewhere(workspace, tmp_path):
    paint(tmp_path / "in" / "datasel" / "a.jpg", 1)
    paint(tmp_path / "in" / "b.jpg", 2)
    add_pool(workspace, "ph", str(tmp_path / "in"), "images")
    run = engine.select(workspace, Spec(pool="ph", method="random", budget="2"))
    out = export(workspace, run, "files", tmp_path / "out")
    photos = {name for name in contents(out) if name.endswith(".jpg")}
    assert photos == {"images/datasel/a.jpg", "b.jpg"}


def test_names_and_notes_leave_only_where_that_is_asked(workspace, run, tmp_path):
    names.give(workspace, run.folder, "for Anna", "her photos, not mine")
    for words, there in (([], False), (["--with-notes"], True)):
        for format, out in (("csv", tmp_path / f"{there}.csv"), ("files", tmp_path / f"{there}")):
            assert main(["export", str(run.folder), "--format", format, "--out", str(out), *words]) == 0
            above = places.place(out)
            said = {path.name: path.read_bytes() for path in above.rglob("*") if path.is_file()}
            assert ("label.json" in said) is there
            assert any(b"Anna" in one or b"not mine" in one for one in said.values()) is there
            assert main(["verify", str(out)]) == 0


@pytest.mark.parametrize(("format", "name"), [("csv", "kept.csv"), ("files", "kept")])
def test_what_an_earlier_record_held_leaves_with_it_and_what_somebody_wrote_there_stays(
    workspace, run, other, tmp_path, format, name
):
    """Else another selection under the name of the first is called what that was called."""
    out = tmp_path / name
    names.give(workspace, run.folder, "for Anna", "her photos, not mine")
    above = out / "datasel" if format == "files" else places.beside(out)
    assert main(["export", str(run.folder), "--format", format, "--out", str(out), "--with-notes"]) == 0
    (above / "mine.json").write_text("of somebody")
    assert main(["export", str(other.folder), "--format", format, "--out", str(out)]) == 0
    assert not (above / "label.json").exists()
    assert (above / "mine.json").read_text() == "of somebody"
    assert main(["export", str(run.folder), "--format", format, "--out", str(out), "--with-notes"]) == 0
    (above / "label.json").write_text("edited")
    main(["export", str(other.folder), "--format", format, "--out", str(out)])
    assert (above / "label.json").read_text() == "edited"


@pytest.mark.parametrize(
    "said",
    [{"files": ["a"]}, {"files": {"a": 3}}, {"files": None}, {"files": {"a" * 5_000: "b"}}, {"files": {"\0": "b"}}],
)
def test_a_record_that_says_its_own_hash_may_still_say_anything(workspace, run, tmp_path, said):
    out = export(workspace, run, "ids", tmp_path / "out.txt")
    path = places.beside(out) / record.EXPORT
    rewritten(path, **said)
    (problem,) = record.problems(path.parent)
    named = isinstance(said["files"], dict) and "a" not in said["files"]
    assert problem.endswith("is missing." if named else "export.json was changed after it was written.")
    if not named:
        with pytest.raises(BadRequest, match="is there already with another content"):
            export(workspace, run, "ids", out)


@pytest.mark.parametrize("format", ["ids", "files"])
def test_a_selection_that_is_deleted_while_it_is_exported_is_one_line(workspace, run, tmp_path, format):
    kept = open_record(workspace, run.folder)
    removal.delete(workspace, run.folder)
    with pytest.raises(BadRequest, match="cannot be read any more .* it may have been deleted meanwhile. Choose again"):
        FORMATS[format]().write(kept, tmp_path / "out", Progress())
