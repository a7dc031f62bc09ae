"""A selection as a whole on the export page: its name in the list and in file names, its record as a zip, and how it is
deleted.
"""

import io
import re
import shutil
import zipfile

import pytest

from datasel_core.runs import manifest
from datasel_core.runs.catalog import archive, names
from datasel_core.runs.catalog.label import Label, read_label
from datasel_core.runs.run import Run
from pages._ui.export import card
from pages._ui.kit import markdown
from tests.pages import screens
from tests.pages.screens import chosen, said, sound, to_export, wait

screen, photo_pool, vector_pool = screens.screen, screens.photo_pool, screens.vector_pool


def downloads(app):
    """Labels of what may be downloaded."""
    return [one.proto.label for one in app.get("download_button")]


def test_the_list_shows_names(screen, workspace, vector_pool):
    named, plain = chosen(workspace, vector_pool), chosen(workspace, vector_pool, "random", "10%")
    names.give(workspace, named.folder, "final *round*")
    app = to_export(screen(pool="vec", run=named.key))
    first, second = sorted(app.selectbox(key="widget.run").options, key=lambda text: text.startswith("random"))
    assert re.fullmatch(r"final \*round\* · 30 by k-center greedy, seed 3 · \d{4}-\d\d-\d\d \d\d:\d\d UTC", first)
    assert second.startswith("random, 10% · Random, seed 3 · 20")
    assert plain.name == "random, 10%"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("", "vec-k-center-30"),
        ("final round: #2/3", "vec-final-round-2-3"),
        ("../../etc/passwd", "vec-etc-passwd"),
        ("训练 集", "vec-训练-集"),
        ("***", "vec"),
        ("x" * 100, "vec-" + "x" * 40),
    ],
)
def test_file_names_hold_the_name_and_a_piece_of_the_hash(screen, workspace, vector_pool, name, stem):
    run = chosen(workspace, vector_pool)
    names.give(workspace, run.folder, name)
    file = f"{stem}-{run.manifest['result']['ids_sha256'][:8]}"
    app = to_export(screen(pool="vec", run=run.key))
    assert any(one.startswith(f"Download {file}.jsonl (") or markdown.plain(file) in one for one in downloads(app))
    assert len(f"{file}.manifest.json".encode()) < 255


def test_it_is_renamed_and_noted_on_the_page(screen, workspace, vector_pool):
    run, other = chosen(workspace, vector_pool), chosen(workspace, vector_pool, "random", "5")
    names.give(workspace, other.folder, "taken")
    app = to_export(screen(pool="vec", run=run.key))
    sound(app.button(key="card-name").click().run())
    assert app.text_input(key="call-it.name").value == "k-center, 30"
    app.text_input(key="call-it.name").set_value("taken")
    app.text_area(key="call-it.note").set_value("a *note*\n<b>of two lines</b>")
    sound(app.button(key="call-it.send").click().run())
    assert any("There is a selection called taken already" in one.value for one in app.error)
    assert read_label(run.folder) == Label()
    app.text_input(key="call-it.name").set_value("mine")
    sound(app.button(key="call-it.send").click().run())
    assert (run.name, run.note) == ("mine", "a *note*\n<b>of two lines</b>")
    text = said(app)
    assert "<h2>mine</h2>" in text
    assert "&lt;b&gt;of two lines&lt;/b&gt;" in text
    assert not [one for one in app.text_input if one.key == "call-it.name"]
    sound(app.button(key="card-name").click().run())
    app.text_input(key="call-it.name").set_value("k-center, 30")
    sound(app.button(key="call-it.send").click().run())
    assert read_label(run.folder).name == ""  # the default is no name of its own


def test_it_is_deleted_once_that_was_said_twice(screen, workspace, vector_pool):
    run, other = chosen(workspace, vector_pool), chosen(workspace, vector_pool, "random", "5")
    names.give(workspace, run.folder, "mine")
    app = to_export(screen(pool="vec", run=run.key))
    sound(app.button(key="card-delete").click().run())
    assert "**mine**: 30 kept of 120" in said(app)
    sound(app.button(key="card-delete-no").click().run())
    assert run.folder.exists()
    sound(app.button(key="card-delete").click().run())
    sound(app.button(key="card-delete-yes").click().run())
    assert not run.folder.exists()
    text = said(app)
    assert "mine is deleted." in text
    assert "5 kept of 120" in text
    assert app.query_params["run"] in (other.key, [other.key])
    sound(app.button(key="card-delete").click().run())
    sound(app.button(key="card-delete-yes").click().run())
    assert "Nothing is selected yet" in said(app)


def test_what_another_builds_on_cannot_be_deleted_on_the_page(screen, workspace, vector_pool):
    run = chosen(workspace, vector_pool)
    later = screens.engine.select(workspace, screens.Spec(pool="vec", method="random", budget="5", within=run.key))
    app = to_export(screen(pool="vec", run=run.key))
    sound(app.button(key="card-delete").click().run())
    [one] = app.error
    assert one.value == markdown.plain(
        f"k-center, 30 cannot be deleted: random, 5 ({later.key}) builds on it; delete that first."
    )
    assert not [one for one in app.button if one.key == "card-delete-yes"]
    assert run.folder.exists()


def test_the_record_is_offered_and_its_name_only_where_that_is_ticked(screen, workspace, vector_pool, tmp_path):
    run = chosen(workspace, vector_pool)
    app = to_export(screen(pool="vec", run=run.key))
    assert [one.partition(" (")[0] for one in downloads(app)][-2:] == ["manifest.json", "The whole record, zip"]
    assert not [one for one in app.checkbox if one.key == "widget.export.label"]
    names.give(workspace, run.folder, "secret", "note")
    app = to_export(screen(pool="vec", run=run.key))
    assert app.checkbox(key="widget.export.label").value is False
    for with_label in (False, True):
        with zipfile.ZipFile(io.BytesIO(card.zipped(run, with_label))) as opened:
            inside = {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}
        assert inside.keys() - {"label.json"} == {"manifest.json", *run.manifest["files"]}
        assert (b"secret" in b"".join(inside.values())) is with_label


def test_one_that_was_changed_is_not_offered(screen, workspace, vector_pool):
    run = chosen(workspace, vector_pool)
    (run.folder / "curve.parquet").write_bytes(b"x")
    app = to_export(screen(pool="vec", run=run.key))
    assert downloads(app) == []
    sound(app.button(key="card-delete").click().run())
    sound(app.button(key="card-delete-yes").click().run())
    assert not run.folder.exists()


def second_batch(workspace, pool):
    """A selection that builds on two others, which are gone."""
    first = [chosen(workspace, pool, "random", "60").folder, chosen(workspace, pool, "random", "7").folder]
    spec = screens.Spec(pool=pool.name, method="k_center", budget="9", within=str(first[0]), already=str(first[1]))
    run = screens.engine.select(workspace, spec)
    for folder in first:
        shutil.rmtree(folder)
    return run


@pytest.mark.parametrize("how", ["file", "path"])
def test_a_record_opens_again_with_what_it_builds_on(screen, workspace, vector_pool, photo_pool, tmp_path, how):
    run = second_batch(workspace, vector_pool)
    zipped = archive.pack(run.folder, tmp_path / "vec-k-center-9.zip")
    shutil.rmtree(run.folder)
    app = to_export(screen(pool="clothes"))
    if how == "file":
        app.file_uploader(key="reopen.file").upload("../x.zip", zipped.read_bytes()).run()
    else:
        app.text_input(key="widget.reopen.folder").set_value(str(zipped)).run()
    sound(app.button(key="reopen").click().run())
    wait(app, lambda app: "identical to" in said(app))
    key = app.query_params["run"] if isinstance(app.query_params["run"], str) else app.query_params["run"][0]
    anew = Run(workspace.run(key), manifest.read(workspace.run(key)))
    assert anew.ids == run.ids
    assert key == run.key
    assert anew.manifest["within"]["ids_sha256"] == run.manifest["within"]["ids_sha256"]


def test_a_manifest_alone_finds_the_run_that_it_builds_on(screen, workspace, vector_pool, photo_pool):
    first = chosen(workspace, vector_pool, "random", "60")
    spec = screens.Spec(pool="vec", method="k_center", budget="9", within=str(first.folder))
    run = screens.engine.select(workspace, spec)
    content = (run.folder / "manifest.json").read_bytes()
    shutil.rmtree(run.folder)
    for there in (True, False):
        app = to_export(screen(pool="clothes"))
        app.file_uploader(key="reopen.file").upload("m.json", content).run()
        sound(app.button(key="reopen").click().run())
        if there:
            wait(app, lambda app: "identical to" in said(app))
            shutil.rmtree(first.folder)
            shutil.rmtree(run.folder)
    [one] = app.error
    assert markdown.plain("builds on an earlier one (within); open its whole folder") in one.value


def test_a_zip_that_is_no_record_is_one_line(screen, workspace, vector_pool):
    app = to_export(screen(pool="vec"))
    app.file_uploader(key="reopen.file").upload("m.zip", b"PK no zip").run()
    sound(app.button(key="reopen").click().run())
    assert len(app.error) == 1
    assert "The file is no zip that can be read" in app.error[0].value
