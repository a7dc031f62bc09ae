"""The data page without a browser: what it says, what a click does, what comes back in a new session."""

import os
import time

import numpy as np
import pytest

from datasel_core import worker
from datasel_core.workspace.files import write_json
from pages._ui.kit import keys, markdown, watch
from tests.conftest import clustered, task_of
from tests.pages import screens
from tests.pages.screens import said, sound, view, wait

screen, photo_pool, vector_pool = screens.screen, screens.photo_pool, screens.vector_pool


def test_an_empty_workspace_explains_itself(screen):
    app = screen()
    text = said(app)
    assert "Try the demo" in text
    assert "Open my data" in text
    assert app.button(key="open-own").disabled
    assert "no pool is open" in text


def test_a_folder_is_opened_by_its_path(screen, workspace, photos):
    app = screen()
    app.text_input(key="widget.new.source").set_value(str(photos)).run()
    assert app.text_input(key="widget.new.name").value == "photos"
    app.button(key="open-own").click().run()
    wait(app, lambda app: "12 photos" in said(app) and app.query_params.get("pool") == "photos")
    assert "3 groups" in said(app)


def test_a_file_of_vectors_suggests_its_kind(screen, tmp_path):
    app = screen()
    sound(app.text_input(key="widget.new.source").set_value(str(tmp_path / "my vectors.npz")).run())
    assert app.selectbox(key="widget.new.kind").value == "vectors"
    assert app.text_input(key="widget.new.name").value == "my-vectors"


def test_what_a_person_typed_is_no_markdown_in_what_went_wrong(screen, photo_pool, tmp_path):
    app = view(screen(pool="clothes"), "pools")
    trap = "![see](https://a.example/b.png)"
    app.text_input(key="widget.new.source").set_value(f"{tmp_path}/{trap}").run()
    app.text_input(key="widget.new.name").set_value("more").run()
    sound(app.button(key="open-own").click().run())
    assert len(app.error) == 1
    assert markdown.plain(trap) in app.error[0].value
    assert trap not in app.error[0].value


def test_the_address_is_written_once_a_run_and_never_by_a_look(screen, vector_pool, monkeypatch):
    """It has hundreds of names, and a page looks at what is kept hundreds of times."""
    seen = []
    monkeypatch.setattr(keys, "_mirror", lambda name, there=None: seen.append(name))
    app = screen(pool="vec")
    seen.clear()
    sound(app.run())
    assert set(keys.LINKED) < set(seen)
    assert len(seen) < 1.5 * len(set(seen))


def test_who_is_sent_to_a_page_arrives_once(screen, vector_pool):
    """Also where another run of the old page came between; a later one stays where it is, and so does who went
    somewhere else.
    """
    app = screen(pool="vec")
    app.session_state["kept.going"] = ("pages/data.py", "pages/select.py")
    assert "<h1>Select</h1>" in said(sound(app.run()))
    assert "<h1>Data</h1>" in said(sound(app.switch_page("pages/data.py").run()))
    assert "<h1>Data</h1>" in said(sound(app.run()))
    app.session_state["kept.going"] = ("pages/plan.py", "pages/select.py")
    assert "<h1>Data</h1>" in said(sound(app.run()))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nowhere/at/all", "outside the allowed folders"),
        ("{tmp}/missing", "There is no file or folder"),
        ("{tmp}/other", "already a pool called clothes"),
    ],
)
def test_a_wrong_path_is_one_line_and_nothing_starts(screen, workspace, photo_pool, tmp_path, path, message):
    (tmp_path / "other").mkdir()
    app = view(screen(pool="clothes"), "pools")
    app.text_input(key="widget.new.source").set_value(path.format(tmp=tmp_path)).run()
    app.text_input(key="widget.new.name").set_value("clothes").run()
    sound(app.button(key="open-own").click().run())
    assert len(app.error) == 1
    assert message in app.error[0].value
    assert worker.jobs(workspace) == []


def test_health_names_file_cause_and_remedy(screen, photo_pool):
    text = said(view(screen(pool="clothes"), "health"))
    assert "2 photos of 15 could not be read" in text
    assert "b/cut.jpg" in text
    assert "cut off" in text
    assert "copy it again" in text
    assert "<b>text" not in text  # a file name is text, never markup
    assert "1 of 13 photos repeat another to the byte; 1 set" in text


def test_a_pool_of_vectors_has_a_table_and_no_wall(screen, vector_pool):
    app = screen(pool="vec")
    assert "120 vectors" in said(app)
    assert len(app.dataframe) == 1
    assert list(app.dataframe[0].value["id"][:2]) == ["s000", "s001"]


def test_a_feature_is_computed_and_stays(screen, photo_pool, workspace):
    app = view(screen(pool="clothes"), "features")
    app.button(key="compute-dictionary_embedding").click().run()
    wait(app, lambda app: "there for 13 of 13 photos" in said(app))
    text = said(screen(pool="clothes"))  # a new session
    assert "1 feature</b>" in text


def test_vectors_are_imported_by_id(screen, photo_pool, workspace, tmp_path, rng):
    ids = [*photo_pool.ids[:10], "stranger"]
    np.savez(tmp_path / "brought.npz", ids=ids, embedding=clustered(rng, 11, 4, 2))
    app = view(screen(pool="clothes"), "features")
    app.text_input(key="widget.import.file").set_value(str(tmp_path / "brought.npz")).run()
    app.button(key="import").click().run()
    wait(
        app,
        lambda app: (
            "10 of 13 photos matched by id have a value for embedding now; 3 have no vector; 1 ids" in said(app)
        ),
    )


def test_an_import_names_its_encoder(screen, photo_pool, workspace, tmp_path, rng):
    np.savez(tmp_path / "brought.npz", ids=photo_pool.ids.astype(str), embedding=clustered(rng, 13, 4, 2))
    app = view(screen(pool="clothes"), "features")
    app.text_input(key="widget.import.file").set_value(str(tmp_path / "brought.npz"))
    app.text_input(key="widget.import.encoder").set_value(" my *net* ").run()
    app.button(key="import").click().run()
    wait(app, lambda app: "from brought.npz, made by my \\*net\\*" in said(app))


def test_an_import_that_matches_nothing_says_why(screen, photo_pool, tmp_path, rng):
    np.savez(tmp_path / "brought.npz", ids=["x", "y"], embedding=clustered(rng, 2, 4, 2))
    app = view(screen(pool="clothes"), "features")
    app.text_input(key="widget.import.file").set_value(str(tmp_path / "brought.npz")).run()
    app.button(key="import").click().run()
    wait(app, lambda app: any("None of the 2 ids" in one.value for one in app.error))


def test_the_address_restores_the_view_and_a_deleted_pool_goes_politely(screen, workspace, photo_pool, vector_pool):
    assert "120 vectors" in said(screen(pool="vec"))
    assert "13 photos" in said(screen(pool="clothes"))
    (workspace.pool("vec") / "pool.json").unlink()
    (workspace.pool("clothes") / "pool.json").unlink()
    app = screen(pool="vec")
    assert "The pool vec is no longer in the workspace." in [one.value for one in app.warning]
    assert "pool" not in app.query_params


def test_interrupted_work_is_offered_again_or_put_away(screen, workspace, photo_pool):
    spec = task_of("feature", pool="clothes", feature="dictionary_embedding", params={})
    folder = spec.prepare(workspace).folder  # as a worker leaves it that died in the midst
    write_json(folder / "job.json", spec.spec())
    write_json(
        folder / "status.json",
        {"state": "running", "updated": time.time() - 60, "label": "looking", "done": 5, "total": 13},
    )
    app = screen(pool="clothes")
    assert "interrupted · looking 5 of 13" in said(app)
    key = folder.name
    sound(app.button(key=f"strip-dismiss-{key}").click().run())
    assert "interrupted ·" not in said(app)
    assert worker.find_job(folder).status()["state"] == "interrupted"
    for then in (2e9, 1e9):  # whatever the clock says: it said nothing since
        os.utime(folder / "status.json", (then, then))
        assert "interrupted · looking 5 of 13" in said(screen(pool="clothes"))
        watch.dismiss(worker.find_job(folder))
        assert "interrupted ·" not in said(screen(pool="clothes"))
    (folder / "dismissed").unlink()
    app = screen(pool="clothes")
    app.button(key=f"strip-resume-{key}").click().run()
    wait(app, lambda app: worker.find_job(folder).status()["state"] == "done")
    assert "interrupted ·" not in said(sound(app.run()))


def test_a_group_of_another_pool_hides_nothing(screen, photo_pool):
    app = screen(pool="clothes")
    app.session_state["kept.data.group"] = "of another pool"
    assert "All groups" in said(sound(app.run()))
    assert app.session_state["kept.data.group"] is None


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "{tmp}/" + "a" * 300, "/proc/self/environ.csv"])
def test_a_path_that_cannot_be_followed_is_one_line(screen, tmp_path, path):
    app = screen()
    sound(app.text_input(key="widget.new.source").set_value(path.format(tmp=tmp_path)).run())
    app.text_input(key="widget.new.name").set_value("p").run()
    sound(app.button(key="open-own").click().run())
    assert len(app.error) == 1
