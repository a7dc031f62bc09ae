"""The page Rounds without a browser: a project is started, a round is chosen, done, and the next one follows it."""

import pytest

from datasel_core.rounds.project import find_project
from tests.pages import screens
from tests.pages.screens import said, sound, wait
from tests.pages.test_plain_words import plain
from tests.rounds.test_rounds import do, start
from tests.runs.mixtures import test_mix

screen, pool = screens.screen, test_mix.pool


def opened(screen, **query):
    return sound(screen(pool="frames", **query).switch_page("pages/rounds.py").run())


def test_from_nothing_to_the_second_round(screen, workspace, pool):
    app = opened(screen)
    assert "No project yet" in said(app)
    app.number_input(key="widget.rounds.budget").set_value(60)
    app.number_input(key="widget.rounds.rounds").set_value(2)
    app.number_input(key="widget.rounds.least").set_value(4)
    app.selectbox(key="widget.rounds.least_per").set_value("source")
    sound(app.run())
    sound(app.button(key="rounds-start").click().run())
    assert "**Round 1 of 2**: 30 samples; 0 of 60 samples so far" in said(app)
    assert app.query_params["project"] in ("labels", ["labels"])
    sound(app.button(key="rounds-next").click().run())
    wait(app, lambda app: "**Round 1 of 2** is with the labellers" in said(app))
    assert "at least 4 per source: met by all 3" in said(app)
    app.number_input(key="rounds-items").set_value(28)
    app.selectbox(key="rounds-failures").set_value("failures")
    sound(app.button(key="rounds-close").click().run())
    assert "**Round 2 of 2**: 30 more samples, 18 failures to follow; 28 of 60 samples so far" in said(app)
    assert "30 % Nearest to the target (failures)" in said(app).replace("\\", "")
    (one,) = find_project(workspace, "labels").rounds
    assert (one.actual.items, one.failures) == (28, "failures")
    plain(app)


def test_planned_stands_beside_what_it_was_and_a_reason_to_stop(screen, workspace, pool):
    start(workspace, seconds=36, wage=20, currency="EUR", least_gain=1000.0)
    for _ in range(2):
        do(workspace, "next")
        do(workspace, "done", items=29, hours=0.5)
    app = opened(screen, project="labels")
    cells = "<td><b>1</b></td><td>30</td><td>29</td><td>0.3</td><td>0.5</td><td>6.00</td><td>10.00</td>"
    assert cells in said(app)
    assert "Time to stop: 100 EUR brought" in said(app).replace("\\", "")
    assert len(app.get("plotly_chart")) == 1
    plain(app)


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("widget.rounds.percent.1", 60, "The shares (60 + 30) sum to 90 %; they must sum to 100 %."),
        ("widget.rounds.rounds", 50, "The budget is 40 for 50 rounds; each needs one sample at least."),
    ],
)
def test_a_wrong_plan_is_one_line_and_nothing_is_made(screen, workspace, pool, key, value, right):
    app = opened(screen)
    app.number_input(key="widget.rounds.budget").set_value(40)
    app.number_input(key=key).set_value(value)
    sound(app.run())
    sound(app.button(key="rounds-start").click().run())
    assert [error.value.replace("\\", "") for error in app.error] == [right]
    assert workspace.folders("projects") == []


def test_an_impossible_round_says_what_would_be_possible(screen, workspace, pool):
    start(workspace, budget="150", at_most="2 per video")
    app = opened(screen, project="labels")
    sound(app.button(key="rounds-next").click().run())
    assert "leaves 40 samples: ask for at most 40" in app.error[0].value.replace("\\", "")


def test_a_lost_selection_is_one_line(screen, workspace, pool):
    start(workspace)
    key = do(workspace, "next").result["run"]
    (workspace.run(key) / "selection.parquet").unlink()
    app = opened(screen, project="labels")
    assert "Round 1 of labels has lost its selection" in app.error[0].value.replace("\\", "")
