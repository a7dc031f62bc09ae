"""The export page without a browser: the file is the selection, and a manifest opens again to the identical one."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core import worker
from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadRequest
from datasel_core.exports.run_folder import copy_run
from datasel_core.runs import manifest
from tests.conftest import paint, task_of
from tests.pages import screens
from tests.pages.screens import chosen, said, sound, to_export, wait

screen, photo_pool, vector_pool = screens.screen, screens.photo_pool, screens.vector_pool


def test_export_without_a_selection_says_what_to_do(screen, vector_pool):
    text = said(to_export(screen(pool="vec")))
    assert "Nothing is selected yet" in text


def test_export_says_how_many_of_how_many_and_gives_the_file(screen, workspace, vector_pool):
    run = chosen(workspace, vector_pool)
    app = to_export(screen(pool="vec", run=run.key))
    text = said(app)
    assert "30 kept of 120, 90 dropped (25.0 %)" in text
    assert run.manifest["result"]["ids_sha256"] in text
    assert "Intact" in text
    assert "select vec k_center --budget 30" in text
    sound(app.radio(key="widget.export.format").set_value("ids").run())
    made = [path.read_text() for path in workspace.path.glob("tasks/*/selection.txt")]
    assert made == ["".join(f"{id}\n" for id in run.ids)]
    assert "export" in said(app)
    assert app.dataframe[0].value["id"].tolist() == run.ids


def test_a_changed_run_is_shown_as_changed_and_not_exported(screen, workspace, vector_pool):
    run = chosen(workspace, vector_pool)
    pq.write_table(run.table.slice(0, 29), run.folder / "selection.parquet")
    app = to_export(screen(pool="vec", run=run.key))
    assert any("selection.parquet was changed" in one.value for one in app.error)
    assert not app.get("download_button")
    assert "Intact" not in said(app)


def test_kept_files_are_written_into_a_folder(screen, workspace, photo_pool, tmp_path):
    run = chosen(workspace, photo_pool, "random", "5")
    app = to_export(screen(pool="clothes", run=run.key))
    app.radio(key="widget.export.format").set_value("files").run()
    app.text_input(key="widget.export.out").set_value(str(tmp_path / "kept")).run()
    app.button(key="write").click().run()
    wait(app, lambda app: "5 photos written to" in said(app))
    assert sorted(
        path.relative_to(tmp_path / "kept").as_posix() for path in (tmp_path / "kept").rglob("*.jpg")
    ) == sorted(run.ids)
    app.text_input(key="widget.export.out").set_value("/etc/kept").run()
    app.button(key="write").click().run()
    assert any("outside the allowed folders" in one.value for one in app.error)


@pytest.mark.parametrize("inside", [True, False])
def test_files_are_offered_where_there_are_pictures_be_they_inside_a_table(screen, workspace, tmp_path, inside):
    picture = paint(tmp_path / "0.png", 0).read_bytes()
    columns = {"image": [picture]} if inside else {"prompt": ["a"], "response": ["b"], "cell": [1]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    pool = add_pool(workspace, "p", str(tmp_path / "t.parquet"), "images" if inside else "text")
    app = to_export(screen(pool="p", run=chosen(workspace, pool, "random", "1").key))
    assert ("The files" in app.radio(key="widget.export.format").options) is inside


def test_files_of_others_are_replaced_only_where_that_was_ticked(screen, workspace, photo_pool, tmp_path):
    run = chosen(workspace, photo_pool, "random", "5")
    mine = [tmp_path / name / "datasel" / "manifest.json" for name in ("one", "two")]
    for path in mine:
        path.parent.mkdir(parents=True)
        path.write_text("mine")
    app = to_export(screen(pool="clothes", run=run.key))
    app.radio(key="widget.export.format").set_value("files").run()
    for path in (*mine, mine[0]):  # ticked for the first, and nothing written yet
        app.text_input(key="widget.export.out").set_value(str(path.parent.parent)).run()
        assert app.checkbox[0].value is (path == mine[0] and "ticked" in app.session_state)
        if "ticked" not in app.session_state:
            app.checkbox[0].check().run()
            app.session_state["ticked"] = True
    app.checkbox[0].uncheck().run()
    for path, ticked in zip(mine, (True, False), strict=True):
        app.text_input(key="widget.export.out").set_value(str(path.parent.parent)).run()
        (box,) = app.checkbox
        assert box.label == "Replace files that are there already (--overwrite)"
        assert not box.value
        if ticked:
            box.check().run()
        app.button(key="write").click().run()
        if ticked:
            wait(app, lambda app: "5 photos written to" in said(app))
            assert not app.checkbox[0].value  # allowed once
    wait(app, lambda app: "was not made by datasel" in said(app) or "manifest.json is there already" in said(app))
    assert [path.read_text() == "mine" for path in mine] == [False, True]
    app.text_input(key="widget.export.out").set_value(str(photo_pool.root)).run()
    app.checkbox[0].check().run()
    app.button(key="write").click().run()
    assert any("the source of the pool clothes" in one.value for one in app.error)


def test_the_page_hands_on_what_the_format_was_told(screen, workspace, photo_pool, tmp_path):
    run = chosen(workspace, photo_pool, "random", "5")
    app = to_export(screen(pool="clothes", run=run.key))
    app.radio(key="widget.export.format").set_value("files").run()
    app.toggle[0].set_value(True).run()
    assert "--set link=True" in said(app)
    app.text_input(key="widget.export.out").set_value(str(tmp_path / "kept")).run()
    app.button(key="write").click().run()
    wait(app, lambda app: "5 photos written to" in said(app))
    assert all((tmp_path / "kept" / id).samefile(photo_pool.root / id) for id in run.ids)


def test_a_manifest_opens_again_and_restores_the_identical_selection(
    screen, workspace, vector_pool, photo_pool, tmp_path
):
    run = chosen(workspace, vector_pool, metric="euclidean")
    copy = copy_run(run, tmp_path / "taken")
    for path in run.folder.iterdir():
        path.unlink()
    app = to_export(screen(pool="clothes"))
    app.text_input(key="widget.reopen.folder").set_value(str(copy.folder)).run()
    app.button(key="reopen").click().run()
    wait(app, lambda app: "identical to" in said(app))
    assert app.query_params["pool"] == "vec"
    assert app.query_params["method"] == "k_center"
    assert app.query_params["budget"] == "30"
    anew = manifest.read(workspace.run(app.query_params["run"]))
    assert anew["result"]["ids_sha256"] == run.manifest["result"]["ids_sha256"]


@pytest.mark.parametrize("what", ["pool", "bytes"])
def test_a_manifest_that_does_not_fit_is_one_line(screen, workspace, vector_pool, photo_pool, tmp_path, what):
    copy = copy_run(chosen(workspace, vector_pool), tmp_path / "taken")
    if what == "pool":
        (workspace.pool("vec") / "pool.json").unlink()
    else:
        (copy.folder / "manifest.json").write_text(
            (copy.folder / "manifest.json").read_text().replace("k_center", "k_centre")
        )
    app = to_export(screen(pool="clothes"))
    app.text_input(key="widget.reopen.folder").set_value(str(copy.folder)).run()
    sound(app.button(key="reopen").click().run())
    assert len(app.error) == 1
    assert {"pool": "is not in this workspace", "bytes": "was changed after it was written"}[what] in app.error[0].value


def test_an_uploaded_manifest_opens_again_whatever_its_name(screen, workspace, vector_pool, photo_pool, tmp_path):
    run = chosen(workspace, vector_pool)
    before = sorted(str(path) for path in tmp_path.rglob("*.json"))
    app = to_export(screen(pool="clothes"))
    app.file_uploader(key="reopen.file").upload(
        "../../../stolen.json", (run.folder / "manifest.json").read_bytes()
    ).run()
    app.button(key="reopen").click().run()
    wait(app, lambda app: "identical to" in said(app))
    assert app.query_params["run"] == run.key
    assert not [path for path in set(map(str, tmp_path.rglob("*.json"))) - set(before) if "stolen" in path]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "is not a datasel manifest"),
        (b'{"result": 1, "schema_version": 99}', "version 99"),
    ],
)
def test_a_file_that_is_no_manifest_is_one_line(screen, vector_pool, content, message):
    app = to_export(screen(pool="vec"))
    app.file_uploader(key="reopen.file").upload("m.json", content).run()
    sound(app.button(key="reopen").click().run())
    assert len(app.error) == 1
    assert message in app.error[0].value
    assert "/tmp" not in app.error[0].value


def test_choices_survive_a_visit_to_another_page(screen, workspace, vector_pool):
    run = chosen(workspace, vector_pool)
    app = to_export(screen(pool="vec", run=run.key))
    app.radio(key="widget.export.format").set_value("jsonl").run()
    sound(app.switch_page("pages/data.py").run())
    assert (app.query_params["pool"], app.query_params["run"]) == ("vec", run.key)
    assert "30 kept of 120" in said(app)  # the strip, on every page
    assert to_export(app).radio(key="widget.export.format").value == "jsonl"


def test_import_and_export_as_work_refuse_at_once(workspace, vector_pool, tmp_path):
    with pytest.raises(BadRequest, match="outside the allowed folders"):
        worker.start(workspace, task_of("feature_import", pool="vec", role="image", file="/etc/passwd"))
    with pytest.raises(BadRequest, match="holds no manifest"):
        worker.start(workspace, task_of("export", run="0" * 16, format="csv", out=str(tmp_path / "k.csv")))
    assert worker.jobs(workspace) == []
