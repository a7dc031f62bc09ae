"""Whole stories, by somebody who knows only the words on the screen: no class, no key, no address but the first. The
server is started as a person starts it, and killed in the midst.
"""

import re
import shutil

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.pools.demo.questions import make_questions
from datasel_core.pools.demo.scenes import make_scenes
from tests.browser.conftest import PATIENCE, Server, place, settled
from tests.conftest import clustered

N_PHOTOS, N_PAIRS, N_TEXTS = 80, 60, 200


@pytest.fixture
def server(workspace):
    running = Server().start()
    yield running
    running.stop()


@pytest.fixture
def expect():
    found = pytest.importorskip("playwright.sync_api").expect
    found.set_options(timeout=1000 * PATIENCE)
    return found


def press(page, name, kind="button"):
    settled(page)
    page.mouse.move(0, 0)  # the help of what was pressed before may lie over it
    page.get_by_role(kind, name=name).first.click()


def see(page, words):
    page.get_by_text(words).first.wait_for()


def type_into(page, label, text):
    field = page.get_by_label(label, exact=True).first
    for _ in range(20):  # what was dragged just before may come into the field while it is typed
        settled(page)
        field.fill(text)
        if field.input_value() == text:
            break
    field.press("Enter")


def rest(page, label):
    """Waits until nothing comes into the field any more of what was dragged just before."""
    field, last, same = page.get_by_label(label, exact=True).first, None, 0
    while same < 4:
        settled(page)
        value = field.input_value()
        same, last = (same + 1 if value == last else 0), value
        page.wait_for_timeout(250)


def open_pool(page, name):
    """The card that says this name, and has a button to open."""
    settled(page)
    said, button = page.get_by_text(name, exact=True), page.get_by_role("button", name="Open", exact=True)
    card = page.locator("div").filter(has=said).filter(has=button).last
    card.get_by_role("button", name="Open", exact=True).click()


def keep(page, name, many):
    press(page, re.compile(r"^(Keep selection|Keep \d+)$"))
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Keep this selection").wait_for()
    settled(page)
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name=f"Keep {many}").click()
    dialog.wait_for(state="detached")


def taken_along(page, format, to):
    """The file that is downloaded in this format."""
    see(page, "Intact")
    settled(page)
    page.get_by_text(format).first.click()
    button = page.get_by_role("button", name=re.compile(rf"^Download \S+{to.suffix} \("))  # not the one before
    button.wait_for()
    settled(page)
    with page.expect_download() as found:
        button.click()
    found.value.save_as(to)
    return to


@pytest.fixture
def shop(tmp_path):
    """Eighty of the demo's scenes, in a folder for each place that they show."""
    table = make_scenes(tmp_path / "drawn", N_PHOTOS).to_pylist()
    for one in table:
        (folder := tmp_path / "shop" / one["group"]).mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "drawn" / one["path"], folder)
    return tmp_path / "shop"


def test_photos_from_a_folder_to_a_list_and_all_of_it_again_later(visit, server, shop, tmp_path, expect):
    page = visit()
    type_into(page, "Folder or file on this computer", str(shop))
    see(page, f"{N_PHOTOS} photos in ")
    press(page, "Open it")
    see(page, f"{N_PHOTOS} of {N_PHOTOS} photos")
    press(page, "Map of these photos, about")
    page.get_by_role("heading", name="Patterns").wait_for()
    map = page.get_by_label(f"Map of photos: {N_PHOTOS} photos")
    map.wait_for()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    press(page, "Box")
    box = place(map)
    page.mouse.move(box["x"] + 3, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 300, steps=3)
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + box["height"] - 3, steps=3)
    page.mouse.up()
    see(page, "in the region")
    press(page, "Choose from these")
    page.get_by_role("heading", name="Select").wait_for()
    see(page, "photos of a region")
    press(page, "Choose 8")
    see(page, re.compile(rf"^8 of {N_PHOTOS} photos"))
    page.get_by_role("slider", name=f"Budget: 8 of {N_PHOTOS} photos").press("ArrowRight")
    see(page, re.compile(rf"^9 of {N_PHOTOS} photos"))
    press(page, re.compile("^#3: "))
    see(page, "Why #3?")
    see(page, "Chosen because it ")
    keep(page, "for the shelf", "9 photos")
    see(page, f"9 kept of {N_PHOTOS}")
    press(page, "Evidence", "link")
    see(page, "Nothing is held out")
    press(page, re.compile("^Draw about "))
    see(page, "Nothing compared yet")
    press(page, "Export", "link")
    lines = taken_along(page, "Ids, one a line", tmp_path / "ids.txt").read_text().splitlines()
    names = {path.relative_to(shop).as_posix() for path in shop.rglob("*.*")}
    assert len(lines) == len(set(lines)) == 9
    assert set(lines) <= names

    page.reload()
    see(page, "Intact")
    expect(page.get_by_role("combobox", name="Selection")).to_have_value(re.compile("^for the shelf · 9 by "))
    page.close()
    server.stop()
    server.start()
    page = visit()
    see(page, f"{N_PHOTOS} of {N_PHOTOS} photos")
    press(page, "Open the map")
    page.get_by_label(f"Map of photos: {N_PHOTOS} photos").wait_for()
    press(page, "Export", "link")
    expect(page.get_by_role("combobox", name="Selection")).to_have_value(re.compile("^for the shelf · 9 by "))
    again = taken_along(page, "Ids, one a line", tmp_path / "again.txt").read_text().splitlines()
    assert again == lines


@pytest.fixture
def signs(workspace, tmp_path, rng):
    """Sixty pairs of the demo with the names that DataComp gives, and a target of six, with vectors in one space."""
    table = make_scenes(tmp_path / "drawn", N_PAIRS).to_pylist()
    uids = [f"{7 * at + 1:032x}" for at in range(N_PAIRS)]
    lines = [f'{one["path"]},{uid},"{one["caption"]}"' for one, uid in zip(table, uids, strict=True)]
    (tmp_path / "drawn" / "signs.csv").write_text("\n".join(["path,id,caption", *lines]))
    pool = add_pool(workspace, "signs", str(tmp_path / "drawn" / "signs.csv"), "pairs")
    image = clustered(rng, N_PAIRS, 6, 5)
    text = image + 0.9 * rng.standard_normal(image.shape).astype(np.float32)
    for role, values in (("image", image), ("text", text)):
        keep_imported(workspace, pool, role, values, np.arange(N_PAIRS), [], f"{role}.npz", Progress())
    np.savez(tmp_path / "wanted.npz", ids=list("abcdef"), image=image[:6] + 0.1)
    add_pool(workspace, "wanted", str(tmp_path / "wanted.npz"), "vectors")
    return uids


def test_pairs_by_one_score_then_towards_a_target_to_uids(visit, signs, tmp_path):
    page = visit()
    open_pool(page, "signs")
    press(page, "Image-text", "link")
    see(page, "each caption fits better than")
    type_into(page, f"Pairs above it, 1 to {N_PAIRS}", "40")
    see(page, f"40 of {N_PAIRS} pairs")
    press(page, "negCLIPLoss")
    see(page, "above the cut: the best by negCLIPLoss")
    cut = place(page.get_by_role("slider", name="Cut"))
    x, y = cut["x"] + cut["width"] / 2, cut["y"] + cut["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 15, y, steps=3)
    page.mouse.move(x + 45, y, steps=3)
    page.mouse.up()
    page.get_by_text(f"40 of {N_PAIRS} pairs").first.wait_for(state="detached")
    rest(page, f"Pairs above it, 1 to {N_PAIRS}")
    type_into(page, f"Pairs above it, 1 to {N_PAIRS}", "30")
    see(page, f"preview: 30 of {N_PAIRS} pairs, not kept")
    keep(page, "well matched", "30 pairs")
    see(page, f"30 kept of {N_PAIRS}, 30 dropped")
    press(page, re.compile("^NormSim to a target"))
    see(page, "Towards which examples?")
    press(page, re.compile("^wanted"))
    see(page, "towards wanted")
    press(page, "Settings")
    within = page.get_by_role("combobox", name="Choose from")
    place(within)
    within.click()
    page.get_by_role("option", name=re.compile("^30 kept by ")).click()
    see(page, "only from 30 kept by")
    page.keyboard.press("Escape")
    type_into(page, "Pairs above it, 1 to 30", "10")
    see(page, f"10 of {N_PAIRS} pairs")
    keep(page, "towards wanted", "10 pairs")
    see(page, f"10 kept of {N_PAIRS}")
    press(page, "Export")
    found = np.load(taken_along(page, re.compile("DataComp"), tmp_path / "uids.npy"))
    told = [f"{a:016x}{b:016x}" for a, b in found.tolist()]
    assert len(told) == 10
    assert set(told) <= set(signs)


@pytest.fixture
def questions(workspace, tmp_path, rng):
    """Two hundred questions of the demo with losses that fall in two ways, and a task of ten in the same space."""
    path = make_questions(tmp_path / "drawn", N_TEXTS // 10)
    pool = add_pool(workspace, "questions", str(path), "text")
    losses = np.where(np.arange(N_TEXTS)[:, None] % 2, 3.0, 1.0) * np.exp(-0.4 * np.arange(6))
    losses = (losses + 0.01 * rng.standard_normal(losses.shape)).astype(np.float32)
    vectors = clustered(rng, N_TEXTS + 10, 6, 8)
    lines = [f'{{"id": "t{at}", "prompt": "Exam {at}?", "response": "{at}"}}' for at in range(10)]
    (tmp_path / "task.jsonl").write_text("\n".join(lines))
    task = add_pool(workspace, "task", str(tmp_path / "task.jsonl"), "text")
    for one, role, values in (
        (pool, "loss_trajectory", losses),
        (pool, "embedding", vectors[:N_TEXTS]),
        (task, "embedding", vectors[N_TEXTS:]),
    ):
        keep_imported(workspace, one, role, values, np.arange(len(values)), [], f"{role}.npz", Progress())
    return pool


def test_texts_by_their_trajectories_and_towards_a_task(visit, questions, tmp_path):
    page = visit()
    open_pool(page, "questions")
    press(page, "Trajectories", "link")
    see(page, re.compile(r"clusters; at most"))
    type_into(page, f"samples, 1 to {N_TEXTS}", "30")
    see(page, f"30 of {N_TEXTS} samples chosen")
    see(page, f"preview: 30 of {N_TEXTS} samples, not kept")
    press(page, re.compile("^Cluster 2[,:]"))
    page.get_by_role("heading", name="Cluster 2").wait_for()
    keep(page, "of each kind", "30 samples")
    see(page, f"30 kept of {N_TEXTS}")
    press(page, "Export")
    lines = taken_along(page, "Ids, one a line", tmp_path / "ids.txt").read_text().splitlines()
    assert len(lines) == 30
    assert set(lines) <= set(questions.ids)
    press(page, "Targets", "link")
    see(page, "Towards which examples?")
    press(page, re.compile("^task"))
    see(page, "of the way from random to the target")
    keep(page, "for the exam", "30 samples")
    see(page, re.compile("TSDS: towards a target, spread out, towards task"))
