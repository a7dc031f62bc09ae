"""The data and export pages without a browser: what they say, what a click does, what comes back after a restart."""

import os
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from datasel_core import again, engine, jobs, making, manifest, store
from datasel_core.errors import BadRequest
from pages._ui import forms, look
from tests.conftest import ROOT, clustered, paint


class Navigated(PagesManager):
    """AppTest takes the folder pages/ for Streamlit's old way of naming pages, and would run a page without its frame; the server does not."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        PagesManager.uses_pages_directory = False


@pytest.fixture
def screen(workspace, monkeypatch):
    """Starts the app as a new browser tab would, on this address."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("streamlit.testing.v1.app_test.PagesManager", Navigated)

    def start(**query):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        for name, value in query.items():
            app.query_params[name] = value
        return sound(app.run())

    return start


@pytest.fixture
def photo_pool(workspace, photos):
    """Twelve photos in three groups, one of them twice, and two files that cannot be read."""
    (photos / "a" / "copy.jpg").write_bytes((photos / "b" / "01.jpg").read_bytes())
    (photos / "b" / "cut.jpg").write_bytes((photos / "b" / "01.jpg").read_bytes()[:300])
    (photos / "b" / "<b>text.jpg").write_text("no picture")
    return making.add_pool(workspace, "clothes", str(photos), "images")


@pytest.fixture
def vector_pool(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at:03d}" for at in range(120)], embedding=clustered(rng, 120, 8, 6))
    return making.add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")


def sound(app):
    assert not app.exception, app.exception[0].value
    return app


def said(app) -> str:
    """All text on the screen."""
    kinds = ("html", "markdown", "caption", "success", "info", "warning", "error", "code")
    return "\n".join(str(element.proto.body if kind == "html" else element.value) for kind in kinds for element in app.get(kind))


def wait(app, until, seconds=60):
    """Runs the page again until it shows something, as its fragments do."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if until(sound(app.run())):
            return app
        time.sleep(0.2)
    raise AssertionError(said(app))


def view(app, name):
    return sound(app.segmented_control(key="widget.data.view").set_value(name).run())


def to_export(app):
    return sound(app.switch_page("pages/export.py").run())


def chosen(workspace, pool, method="k_center", budget="30", **params):
    return engine.select(workspace, engine.Spec(pool=pool.name, method=method, budget=budget, params=params, seed=3))


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
    assert app.segmented_control(key="widget.new.kind").value == "vectors"
    assert app.text_input(key="widget.new.name").value == "my-vectors"


@pytest.mark.parametrize(
    ("path", "message"),
    [("/nowhere/at/all", "outside the allowed folders"), ("{tmp}/missing", "There is no file or folder"), ("{tmp}/other", "already a pool called clothes")],
)
def test_a_wrong_path_is_one_line_and_nothing_starts(screen, workspace, photo_pool, tmp_path, path, message):
    (tmp_path / "other").mkdir()
    app = view(screen(pool="clothes"), "pools")
    app.text_input(key="widget.new.source").set_value(path.format(tmp=tmp_path)).run()
    app.text_input(key="widget.new.name").set_value("clothes").run()
    sound(app.button(key="open-own").click().run())
    assert len(app.error) == 1
    assert message in app.error[0].value
    assert jobs.jobs(workspace) == []


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
    wait(app, lambda app: "10 of 13 photos matched by id now fill the role embedding; 3 have no vector; 1 ids" in said(app))


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
    assert sorted(path.relative_to(tmp_path / "kept").as_posix() for path in (tmp_path / "kept").rglob("*.jpg")) == sorted(run.ids)
    app.text_input(key="widget.export.out").set_value("/etc/kept").run()
    app.button(key="write").click().run()
    assert any("outside the allowed folders" in one.value for one in app.error)


def test_a_manifest_opens_again_and_restores_the_identical_selection(screen, workspace, vector_pool, photo_pool, tmp_path):
    run = chosen(workspace, vector_pool, metric="euclidean")
    copy = again.copy_run(run, tmp_path / "taken")
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
    copy = again.copy_run(chosen(workspace, vector_pool), tmp_path / "taken")
    if what == "pool":
        (workspace.pool("vec") / "pool.json").unlink()
    else:
        (copy.folder / "manifest.json").write_text((copy.folder / "manifest.json").read_text().replace("k_center", "k_centre"))
    app = to_export(screen(pool="clothes"))
    app.text_input(key="widget.reopen.folder").set_value(str(copy.folder)).run()
    sound(app.button(key="reopen").click().run())
    assert len(app.error) == 1
    assert {"pool": "is not in this workspace", "bytes": "was changed after it was written"}[what] in app.error[0].value


def test_an_uploaded_manifest_opens_again_whatever_its_name(screen, workspace, vector_pool, photo_pool, tmp_path):
    run = chosen(workspace, vector_pool)
    before = sorted(str(path) for path in tmp_path.rglob("*.json"))
    app = to_export(screen(pool="clothes"))
    app.file_uploader(key="reopen.file").upload("../../../stolen.json", (run.folder / "manifest.json").read_bytes()).run()
    app.button(key="reopen").click().run()
    wait(app, lambda app: "identical to" in said(app))
    assert app.query_params["run"] == run.key
    assert not [path for path in set(map(str, tmp_path.rglob("*.json"))) - set(before) if "stolen" in path]


@pytest.mark.parametrize(("content", "message"), [(b"{", "is not JSON"), (b"[1]", "is not a datasel manifest"), (b'{"result": 1, "schema_version": 99}', "version 99")])
def test_a_file_that_is_no_manifest_is_one_line(screen, vector_pool, content, message):
    app = to_export(screen(pool="vec"))
    app.file_uploader(key="reopen.file").upload("m.json", content).run()
    sound(app.button(key="reopen").click().run())
    assert len(app.error) == 1
    assert message in app.error[0].value
    assert "/tmp" not in app.error[0].value


def test_interrupted_work_is_offered_again_or_put_away(screen, workspace, photo_pool):
    spec = jobs.spec_of("feature", pool="clothes", feature="dictionary_embedding", params={})
    folder = jobs._folder(workspace, spec)  # as a worker leaves it that died in the midst
    store.write_json(folder / "job.json", spec)
    store.write_json(folder / "status.json", {"state": "running", "updated": time.time() - 60, "label": "looking", "done": 5, "total": 13})
    app = screen(pool="clothes")
    assert "interrupted · looking 5 of 13" in said(app)
    key = folder.name
    sound(app.button(key=f"strip-dismiss-{key}").click().run())
    assert "interrupted" not in said(app)
    assert jobs.find_job(folder).status()["state"] == "interrupted"
    (folder / "dismissed").unlink()
    app = screen(pool="clothes")
    app.button(key=f"strip-resume-{key}").click().run()
    wait(app, lambda app: jobs.find_job(folder).status()["state"] == "done")
    assert "interrupted" not in said(sound(app.run()))


def test_choices_survive_a_visit_to_another_page(screen, workspace, vector_pool):
    run = chosen(workspace, vector_pool)
    app = to_export(screen(pool="vec", run=run.key))
    app.radio(key="widget.export.format").set_value("jsonl").run()
    sound(app.switch_page("pages/data.py").run())
    assert app.query_params == {"pool": "vec", "run": run.key} | {name: app.query_params[name] for name in app.query_params if name not in ("pool", "run")}
    assert "30 kept of 120" in said(app)  # the strip, on every page
    assert to_export(app).radio(key="widget.export.format").value == "jsonl"


def test_import_and_export_as_work_refuse_at_once(workspace, vector_pool, tmp_path):
    with pytest.raises(BadRequest, match="outside the allowed folders"):
        jobs.start(workspace, jobs.spec_of("feature_import", pool="vec", role="image", file="/etc/passwd"))
    with pytest.raises(BadRequest, match="holds no manifest"):
        jobs.start(workspace, jobs.spec_of("export", run="0" * 16, format="csv", out=str(tmp_path / "k.csv")))
    assert jobs.jobs(workspace) == []


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_is_seen_on_both_backgrounds():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for background in ("#ffffff", "#14171c"):
        assert min(contrast(colour, background) for colour in (*look.PALETTE, look.DROPPED)) >= 3
        assert background in (ROOT / ".streamlit" / "config.toml").read_text()
    assert len(set(look.PALETTE)) == 12


def test_methods_have_colours_of_their_own():
    from datasel_core.registry import every

    found = {id: look.colour_of(id) for id in every("method")}
    assert len(set(found.values())) == len(found)
    assert found["random"] == look.BASELINE


def test_numbers_have_units_and_little_is_not_nothing():
    assert look.size(999) == "999 bytes"
    assert look.size(26_300_000) == "26.3 MB"
    assert look.percent(1, 1_000_000) == "0.0001 %"
    assert look.percent(50, 929) == "5.4 %"
    assert look.percent(5, 5) == "100 %"


def test_a_form_bound_follows_the_declaration():
    from datasel_core.methods.k_center import KCenter

    low, high = forms._bounds(KCenter.model_fields["block"].metadata, int)
    assert (low, high) == (1, None)


def test_a_thumbnail_is_small_upright_and_kept(photo_pool, workspace, tmp_path):
    import base64
    import io

    from pages._ui import photos

    paint(tmp_path / "photos" / "c" / "wide.jpg", 99, (900, 300))
    pool = making.add_pool(workspace, "more", str(tmp_path / "photos"), "images")
    row = int(pool.rows(["c/wide.jpg"])[0])
    url = photos.thumbnail(pool, row, 100)
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as small:
        assert small.format == "JPEG"
        assert small.size == (200, 67)
    files = list(workspace.thumbs().rglob("*.jpg"))
    assert len(files) == 1
    os.unlink(Path(pool.path(row)))  # served from the disk cache, by content
    photos._data_url.cache_clear()
    assert photos.thumbnail(pool, row, 100) == url


def test_the_front_door_imports_nothing_heavy():
    import subprocess
    import sys

    code = "import sys; from pages._ui import detail, features, health, keys, look, opening, photos, record, reopen; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {"torch", "umap", "faiss", "sklearn", "timm"} & set(out) == set()
