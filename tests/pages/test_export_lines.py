"""The export page shows the very lines that it will write, or why it cannot write them."""

import json

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.exports.export import suited
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from pages._ui.kit import markdown
from tests.pages import screens
from tests.pages.screens import chosen, said, sound, to_export

screen, photo_pool, vector_pool = screens.screen, screens.photo_pool, screens.vector_pool
ROWS = ['{"text": "one  two", "n": 1.0}', '{"text": "*three*", "n": 1e5}', '{"text": "' + "x" * 3_000 + '"}']


@pytest.fixture
def run(workspace, tmp_path):
    (tmp_path / "t.jsonl").write_text("\n".join(ROWS))
    add_pool(workspace, "texts", str(tmp_path / "t.jsonl"), "text")
    return engine.select(workspace, Spec(pool="texts", method="random", budget="3"))


def shown(app):
    return [element.value for element in app.get("code")]


def downloaded(workspace):
    return [path.read_text() for path in workspace.path.glob("tasks/*/selection.jsonl")]


def test_the_lines_are_those_of_the_file(screen, workspace, run):
    app = to_export(screen(pool="texts", run=run.key))
    assert app.radio(key="widget.export.format").value == "jsonl"
    (made,) = downloaded(workspace)
    (text,) = (text for text in shown(app) if text.startswith('{"text"'))
    long = next(line for line in made.splitlines() if "xxx" in line)
    cut = f"{long[:2_000]} ... ({len(long) - 2_000:,} characters more)"
    assert text.splitlines() == [cut if line == long else line for line in made.splitlines()]
    sound(app.selectbox(key="widget.form.export.jsonl.shape").set_value("columns").run())
    assert any(line.startswith('{"id": "t-0000') for text in shown(app) for line in text.splitlines())
    sound(app.radio(key="widget.export.format").set_value("parquet").run())
    assert any("text: string" in text for text in shown(app))


def test_why_nothing_can_be_written_is_said_once_and_as_it_is(screen, workspace, tmp_path, run):
    (tmp_path / "t.jsonl").write_text("![e](http://localhost:1/e)\n")
    app = to_export(screen(pool="texts", run=run.key))
    assert sum("is not what the pool texts was read from" in one.value for one in app.error) == 1
    assert not [one for one in app.get("download_button") if one.key == "download"]
    sound(app.selectbox(key="widget.form.export.jsonl.shape").set_value("preference").run())
    assert sum("do not fit the shape preference" in one.value for one in app.error) == 1


def test_what_a_shape_leaves_behind_is_said_beside_the_download(screen, workspace, run):
    app = to_export(screen(pool="texts", run=run.key))
    for _ in range(2):  # the second time the file is there already
        sound(app.selectbox(key="widget.form.export.jsonl.shape").set_value("as_is").run())
    add_pool(workspace, "asked", str(asked(workspace)), "text")
    other = engine.select(workspace, Spec(pool="asked", method="random", budget="2"))
    app = to_export(screen(pool="asked", run=other.key))
    for _ in range(2):
        sound(app.selectbox(key="widget.form.export.jsonl.shape").set_value("alpaca").run())
        assert markdown.plain("Not part of the shape alpaca: topic; --shape as_is has them.") in said(app)


def asked(workspace):
    path = workspace.path.parent / "asked.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": "p", "response": f"{at}", "topic": "t"}) for at in range(2)))
    return path


def test_files_of_a_folder_are_named(screen, workspace, photo_pool):
    run = chosen(workspace, photo_pool, "random", "8")
    app = to_export(screen(pool="clothes", run=run.key))
    sound(app.radio(key="widget.export.format").set_value("files").run())
    assert all(f"`{id}`" in said(app) for id in run.ids[:3])


def test_the_likely_format_comes_first_and_uids_only_where_there_are_some(
    workspace, tmp_path, photo_pool, vector_pool, run
):
    from datasel_core.pools.persistence import load_pool

    assert next(iter(suited(load_pool(workspace, "texts")))) == "jsonl"
    assert not {"datacomp", "files"} & suited(load_pool(workspace, "texts")).keys()
    assert "files" in suited(photo_pool)
    assert "datacomp" not in suited(vector_pool)
    (tmp_path / "m.csv").write_text("id,text\n" + "".join(f"{at:032x},t{at}\n" for at in range(2)))
    assert "datacomp" in suited(add_pool(workspace, "uids", str(tmp_path / "m.csv"), "text"))


def test_a_download_that_was_cut_short_is_made_again_with_all_that_is_said(screen, workspace):
    add_pool(workspace, "asked", str(asked(workspace)), "text")
    other = engine.select(workspace, Spec(pool="asked", method="random", budget="2"))
    app = to_export(screen(pool="asked", run=other.key))
    sound(app.selectbox(key="widget.form.export.jsonl.shape").set_value("alpaca").run())
    for path in workspace.path.glob("tasks/*/notes.json"):
        path.unlink()  # the process ended between the file and its notes
    sound(app.run())
    assert markdown.plain("Not part of the shape alpaca: topic; --shape as_is has them.") in said(app)
