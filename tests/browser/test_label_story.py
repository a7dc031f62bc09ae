"""The whole way of labels, by somebody who knows only the words on the screen: a budget in two rounds, what it costs,
a look at each photo, labels that come back, what fails, and the next round.
"""

import json
import os
import shutil

import pytest

from datasel_core.__main__ import main
from datasel_core.pools.demo.scenes import make_scenes
from datasel_core.pools.persistence import load_pool
from tests.browser import test_stories
from tests.browser.conftest import settled
from tests.browser.test_stories import press, see, type_into
from tests.conftest import real_data

server, expect = test_stories.server, test_stories.expect
EACH, ROUND = 10, 10


@pytest.fixture
def shop(tmp_path):
    """Photos of clothes, a hundred of ten kinds; where there are none, scenes of the demo."""
    folder = tmp_path / "shop"
    if (real := real_data()) is not None and (real / "photos").is_dir():
        for kind in sorted((real / "photos").iterdir()):
            (folder / kind.name).mkdir(parents=True)
            for path in sorted(kind.glob("*.jpg"))[:EACH]:
                shutil.copy(path, folder / kind.name)
        return folder
    for one in make_scenes(tmp_path / "drawn", 100).to_pylist():
        (folder / one["group"]).mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "drawn" / one["path"], folder / one["group"])
    return folder


def labelled(tasks, kind_of):
    """What Label Studio writes of these tasks: two people, of whom the second errs on every fifth."""
    done = []
    for at, task in enumerate(tasks):
        kinds = [kind_of(task), kind_of(task) if at % 5 else "something else"]
        annotations = [
            {
                "completed_by": person,
                "lead_time": 4.0 + person + at,
                "result": [
                    {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [kind]}},
                ],
            }
            for person, kind in enumerate(kinds, 1)
        ]
        done.append({**task, "id": at + 1, "annotations": annotations})
    return done


def files_in(folder, end):
    return sorted(path for path in folder.rglob(f"*{end}"))


def shown(page, name, looks):
    """A picture of the page, where somebody wants to look at it."""
    if looks is not None:
        settled(page)
        page.screenshot(path=looks / f"{name}.png")


@pytest.fixture
def looks(tmp_path_factory):
    return None if "DATASEL_LOOKS" not in os.environ else tmp_path_factory.mktemp("looks")


def test_two_rounds_of_labels_on_the_screen(visit, server, workspace, shop, tmp_path, expect, looks, capsys):
    n = len(files_in(shop, ".*"))
    page = visit()
    type_into(page, "Folder or file on this computer", str(shop))
    see(page, f"{n} photos in ")
    press(page, "Open it")
    press(page, "Map of these photos, about")
    page.get_by_role("heading", name="Patterns").wait_for()
    page.get_by_label(f"Map of photos: {n} photos").wait_for()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    shown(page, "1-map", looks)

    press(page, "Rounds", "link")
    press(page, "New project")
    type_into(page, "Photos", str(2 * ROUND))
    type_into(page, "Rounds", "2")
    press(page, "Start")
    see(page, f"Round 1 of 2: {ROUND} photos")
    page.keyboard.press("Escape")
    press(page, "Choose round 1")
    see(page, "Round 1 of 2 is with the labellers")
    shown(page, "2-round", looks)

    press(page, "Plan", "link")
    type_into(page, "Wage per hour", "20")
    see(page, "photos labelled")
    shown(page, "3-plan", looks)

    press(page, "Review", "link")
    see(page, f"#1 of {ROUND}")
    page.get_by_role("textbox", name="Reviewing as").fill("ann")
    page.get_by_role("textbox", name="Reviewing as").press("Enter")
    press(page, "Drop X")
    see(page, "All saved")
    for at in range(1, ROUND):
        see(page, f"#{at + 1} of {ROUND}")
        page.keyboard.press("k")
    see(page, f"{ROUND} decided, 1 dropped")
    see(page, "All saved")
    shown(page, "4-review", looks)
    press(page, f"Finish: leave out 1 of {ROUND}")
    see(page, "Their places: 1 by the next best of")
    shown(page, "5-reviewed", looks)

    press(page, "Export")
    page.get_by_role("heading", name="Export").wait_for()
    see(page, f"{ROUND} kept of {n}")
    settled(page)
    page.get_by_text("Label Studio").first.click()
    type_into(page, "Folder to make, on this computer", str(tmp_path / "tasks"))
    press(page, f"Write {ROUND} photos")
    see(page, f"{ROUND} photos written to")
    tasks = [task for path in files_in(tmp_path / "tasks", ".json") for task in _tasks(path)]
    assert len(tasks) == ROUND
    pool = load_pool(workspace, "shop")
    kinds = dict(zip(pool.ids.tolist(), pool.column("group").tolist(), strict=True))
    ids = [task["data"]["id"] for task in tasks]
    (tmp_path / "project.json").write_text(json.dumps(labelled(tasks, lambda task: kinds[task["data"]["id"]])))
    press(page, "Labels", "link")
    see(page, "No labels have come back yet")
    settled(page)
    page.locator("input[type=file]").nth(1).wait_for(state="attached")  # either may be drawn before the other
    page.locator("input[type=file]").first.set_input_files(tmp_path / "project.json")
    page.get_by_role("button", name="Bring them back").and_(page.locator(":enabled")).click()
    see(page, f"{ROUND} of {n} photos")
    see(page, "2 labellers agree on 80 %")
    see(page, f"{ROUND} photos are labelled in project.json")
    shown(page, "6-labels", looks)

    (tmp_path / "failed.txt").write_text("\n".join(ids[:3]))
    press(page, "What a model fails on")
    see(page, "Failures as target")
    settled(page)
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(tmp_path / "failed.txt")
    page.get_by_role("button", name="Make it a target").and_(page.locator(":enabled")).click()
    see(page, "3 failures are the target shop-failures now.")

    press(page, "Rounds", "link")
    press(page, "Round 1 is done")
    fails = page.get_by_role("combobox", name="What fails now")
    fails.wait_for()
    fails.click()
    page.get_by_role("option", name="shop-failures").click()
    settled(page)
    page.get_by_role("button", name="Done", exact=True).click()
    see(page, f"Round 2 of 2: {ROUND} more photos, 3 failures to follow")
    press(page, "Choose round 2")
    see(page, "Round 2 of 2 is with the labellers")
    shown(page, "7-second", looks)

    assert main(["rounds", "show", "labels", "--json"]) == 0
    both = [one["run"] for one in json.loads(capsys.readouterr().out)["rounds"]]
    assert main(["compare", *both, "--json"]) == 0
    assert main(["reproduce", both[1]]) == 0


def _tasks(path):
    said = json.loads(path.read_text())
    return said if isinstance(said, list) and said and "data" in said[0] else []
