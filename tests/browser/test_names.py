"""A selection is named, kept, renamed, taken along as a zip, opened again and deleted, in a real browser."""

import re
import shutil
import zipfile

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.runs import engine, manifest
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from tests.browser.conftest import settled
from tests.conftest import paint

N = 40


@pytest.fixture
def pool(workspace, tmp_path, rng):
    for at in range(N):
        paint(tmp_path / "shots" / f"{at:03d}.jpg", at)
    pool = add_pool(workspace, "shots", str(tmp_path / "shots"), "images")
    keep_imported(workspace, pool, "embedding", rng.standard_normal((N, 6)), np.arange(N), [], "e.npz", Progress())
    engine.select(workspace, Spec(pool="shots", method="k_center", budget="20"), preview=True)
    return pool


def fill(page, label, text):
    """What is typed is known to the page before anything is pressed."""
    page.get_by_role("dialog").get_by_label(label).fill(text)


def listed(page, text):
    """Waits until the list of selections shows the one whose label begins so."""
    page.wait_for_function(
        "text => document.querySelector('input[aria-label=\"Selection\"]')?.value.startsWith(text)", arg=text
    )


def test_named_kept_renamed_taken_along_and_opened_again(visit, pool, workspace, tmp_path):
    engine.select(workspace, Spec(pool="shots", method="random", budget="7"))
    page = visit("/select?pool=shots&method=k_center&budget=12")
    page.get_by_role("button", name="Keep selection").click()
    page.get_by_role("dialog").get_by_text("12 photos of 40, by k-center greedy.").wait_for()
    settled(page)
    field = page.get_by_role("dialog").get_by_label("Name")
    page.wait_for_function("one => one.value", arg=field.element_handle())
    assert field.input_value() == "k-center, 12"
    fill(page, "Name", "first batch")
    fill(page, "Note", "for the label team")
    page.get_by_role("button", name="Keep 12 photos").click()
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("button", name="Kept", exact=True).wait_for()
    page.wait_for_function("location.search.includes('run=')")
    run = Run(folder := workspace.run(re.search(r"run=(\w+)", page.url)[1]), manifest.read(folder))
    assert (run.name, run.note) == ("first batch", "for the label team")

    page.get_by_role("link", name="Export").click()
    page.get_by_text("Intact").wait_for()
    page.get_by_text("for the label team").wait_for()
    page.get_by_role("button", name="Rename, note").click()
    page.get_by_role("dialog").wait_for()
    settled(page)
    fill(page, "Name", "final round")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").wait_for(state="detached")
    listed(page, "final round · 12 by k-center greedy")
    assert run.name == "final round"
    page.get_by_text("Ids, one a line").click()
    page.get_by_role("button", name=re.compile(r"Download shots-final-round-[0-9a-f]{8}\.txt")).wait_for()
    settled(page)
    listed(page, "final round · 12 by k-center greedy")  # a browser remembers by its label what was chosen

    piece = run.manifest["result"]["ids_sha256"][:8]
    with page.expect_download() as download:
        page.get_by_role("button", name="The whole record, zip").click()
    assert download.value.suggested_filename == f"shots-final-round-{piece}.zip"
    download.value.save_as(tmp_path / "record.zip")
    with zipfile.ZipFile(tmp_path / "record.zip") as opened:
        inside = {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}
    assert inside == {name: (folder / name).read_bytes() for name in ("manifest.json", *run.manifest["files"])}
    with page.expect_download() as download:
        page.get_by_role("button", name="manifest.json", exact=True).click()
    assert download.value.suggested_filename == f"shots-final-round-{piece}.manifest.json"

    page.get_by_role("button", name="Delete").click()
    page.get_by_text("final round: 12 kept of 40").wait_for()
    settled(page)
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("final round is deleted.").wait_for()
    listed(page, "random, 7 · ")
    assert not folder.exists()

    page.locator("input[type=file]").set_input_files(tmp_path / "record.zip")
    page.get_by_text("record.zip").wait_for()
    settled(page)
    page.get_by_role("button", name="Open again").click()
    page.get_by_text("The ids are identical to the manifest's.").wait_for()
    anew = Run(folder, manifest.read(folder))
    assert anew.manifest["result"]["pick_order_sha256"] == run.manifest["result"]["pick_order_sha256"]
    assert anew.name == "k-center, 12"  # the name did not leave with the record


def test_a_second_batch_opens_again_where_the_first_is_gone(visit, pool, workspace, tmp_path):
    first = engine.select(workspace, Spec(pool="shots", method="random", budget="9"))
    spec = Spec(pool="shots", method="k_center", budget="5", already=first.key)
    run = engine.select(workspace, spec)
    page = visit(f"/export?pool=shots&run={run.key}")
    page.get_by_text("Intact").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="The whole record, zip").click()
    download.value.save_as(tmp_path / "record.zip")
    for folder in (first.folder, run.folder):
        shutil.rmtree(folder)
    page = visit("/export?pool=shots")
    page.locator("input[type=file]").set_input_files(tmp_path / "record.zip")
    page.get_by_text("record.zip").wait_for()
    settled(page)
    page.get_by_role("button", name="Open again").click()
    page.get_by_text("The ids are identical to the manifest's.").wait_for()
    assert Run(run.folder, manifest.read(run.folder)).manifest["already"]["n"] == 9
