"""The page Labels without a browser: what came back in one sentence, who labelled, and what comes next."""

import json

import numpy as np
import pytest

from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.labels.consensus import of_pool
from datasel_core.pools.persistence import load_pool
from tests.conftest import clustered
from tests.labels.bringing import bring, task, written
from tests.pages import screens
from tests.pages.screens import chosen, said, sound, to_export, wait
from tests.pages.test_plain_words import plain
from tests.pages.test_strangers import BAIT, safe

screen, photo_pool = screens.screen, screens.photo_pool


def tasks(pool):
    """Two labellers who disagree on the first two of ten."""
    return [
        task(id, (1, "cat", 3), (2, "dog" if at < 2 else "cat", 5)) for at, id in enumerate(map(str, pool.ids[:10]))
    ]


def opened(screen, **query):
    return sound(screen(pool="clothes", **query).switch_page("pages/labels.py").run())


def test_without_labels_there_is_one_thing_to_do(screen, workspace, tmp_path, photo_pool):
    app = opened(screen)
    assert "No labels have come back yet" in said(app)
    assert app.button(key="labels-bring").disabled
    path = written(tmp_path, tasks(photo_pool))
    sound(app.text_input(key="widget.labels.file").set_value(str(path)).run())
    sound(app.button(key="labels-bring").click().run())
    app = wait(app, lambda app: "are labelled, 2 labellers agree on 80 %" in said(app))
    assert f"**10 of {photo_pool.n} photos**" in said(app)
    plain(app)


def test_a_wrong_file_is_one_line(screen, workspace, tmp_path, photo_pool):
    app = opened(screen)
    path = written(tmp_path, "x", "a.bin")
    sound(app.text_input(key="widget.labels.file").set_value(str(path)).run())
    sound(app.button(key="labels-bring").click().run())
    assert [one.value for one in app.error][0].startswith("Nothing is known that writes a")


@pytest.fixture
def labelled(workspace, tmp_path, photo_pool):
    bring(workspace, "clothes", written(tmp_path, tasks(photo_pool)))
    return photo_pool


def test_numbers_are_those_of_the_labels(screen, workspace, labelled):
    app = opened(screen)
    labels = of_pool(workspace, labelled)
    text = said(app)
    assert "Worth a second look" in text
    assert "2 photos on which labellers disagree" in text
    assert f"Krippendorff's alpha is {labels.alpha.value:.2f}" in text.replace("\\", "")
    table = app.dataframe[0].value
    assert table["Labeller"].tolist() == ["Labeller 1", "Labeller 2"]
    assert table["Time"].tolist() == ["3 s", "5 s"]
    assert table["As others"].tolist() == ["80 %", "80 %"]
    assert table["To know"].tolist() == ["too few to say"] * 2


def test_of_a_selection_only_its_own_are_counted_and_the_address_says_so(screen, workspace, labelled):
    run = chosen(workspace, labelled, "random", "4")
    mine = set(run.ids) & {str(id) for id in labelled.ids[:10]}
    app = opened(screen, labels_of=run.key)
    assert f"**{len(mine)} of 4 photos**" in said(app)
    assert app.selectbox(key="widget.labels.of").value == run.key


def test_label_once_more_makes_a_selection_to_export(screen, workspace, labelled):
    app = opened(screen)
    sound(app.button(key="labels-again").click().run())
    app = wait(app, lambda app: any(one.key == "onward-labels-again" for one in app.button))
    sound(app.button(key="onward-labels-again").click().run())
    assert "2 kept of" in said(to_export(app))


def test_failures_lead_to_the_targets(screen, workspace, tmp_path, labelled):
    rows = np.arange(labelled.n)
    keep_imported(
        workspace,
        labelled,
        "embedding",
        clustered(np.random.default_rng(3), labelled.n, 6, 3),
        rows,
        [],
        "v.npz",
        Progress(),
    )
    app = opened(screen)
    path = written(tmp_path, "\n".join(map(str, labelled.ids[:3])), "failed.txt")
    sound(app.text_input(key="widget.failures.file").set_value(str(path)).run())
    sound(app.button(key="failures-make").click().run())
    app = wait(app, lambda app: any(one.key == "onward-failures" for one in app.button))
    assert load_pool(workspace, "clothes-failures").ids.tolist() == labelled.ids[:3].tolist()
    sound(app.button(key="onward-failures").click().run())
    sound(app.switch_page("pages/targets.py").run())  # where the button led to; a test stays where it was
    app = wait(app, lambda app: "The 3 failures are labelled already: they are not chosen again." in said(app))


def test_words_of_strangers_are_no_markdown(screen, workspace, tmp_path, photo_pool):
    lines = ["id,label,person"]
    lines += [f"{id},{word},{BAIT}{who}" for id in photo_pool.ids[:3] for who, word in enumerate((BAIT, "cat"))]
    bring(workspace, "clothes", written(tmp_path, "\n".join(lines), "![e](x).csv"))
    safe(opened(screen))


def test_damaged_labels_are_one_line(screen, workspace, tmp_path, labelled):
    path = next((workspace.path / "labels" / "clothes").glob("*.json"))
    path.write_text(json.dumps({"schema": "other"}))
    app = opened(screen)
    assert "The labels of clothes are damaged" in app.error[0].value.replace("\\", "")
