"""The page Influence without a browser: what is asked, what is said of a run in stages, and its pictures."""

import json
import shutil

import numpy as np
import pytest
from scipy import stats

from datasel_core.features.stored import load
from datasel_core.stages import looks
from datasel_core.workspace.layout import Workspace
from pages._ui.influence import asking, results
from tests.pages import screens
from tests.pages.screens import said, sound
from tests.pages.test_plain_words import plain
from tests.stages.made import add, lines, texts, trained, world

pytest.importorskip("torch")
pytest.importorskip("transformers")
screen = screens.screen


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with one finished run, and its document."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("made")
        patch.setenv("DATASEL_WORKSPACE", str(folder / "workspace"))
        patch.setenv("DATASEL_DATA_ROOTS", str(folder))
        home = Workspace.at()
        world(home, folder)
        document = trained(home)
    return folder, document


@pytest.fixture
def shown(made, monkeypatch, screen):
    """Opens the page on the workspace where a run is."""
    folder, document = made
    monkeypatch.setenv("DATASEL_WORKSPACE", str(folder / "workspace"))
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(folder))

    def start(**query):
        return sound(screen(pool="pool", **query).switch_page("pages/influence.py").run()), document

    return start


def chart(app, key: str):
    return next(one for one in app.get("plotly_chart") if key in one.proto.id)


def figure(app, key: str):
    return json.loads(chart(app, key).proto.spec)


def test_it_says_what_may_be_said_and_draws_every_arm(shown):
    app, document = shown()
    plain(app)
    cell = next(one for one in document["verdicts"] if (one["arm"], one["judge"]) == ("staged", "judge"))
    lower = "lower" if cell["difference"] < 0 else "higher"
    assert (
        f"Loss **{abs(cell['difference']):.3f} nats** {lower} than the plain run on second after 1 seed; fewer"
        in said(app)
    )
    drawn = [one for one in figure(app, "influence-loss")["data"] if one.get("mode") == "lines+markers"]
    steady = [one["losses"]["judge"]["mid"] for one in document["curves"]["staged"][:3]]
    assert drawn[0]["y"] == pytest.approx(steady)
    assert drawn[0]["x"] == [one["tokens"] for one in document["curves"]["staged"][:3]]
    assert drawn[1]["line"]["dash"] == "dot"
    assert len(drawn) == 6
    app.segmented_control(key="widget.influence.axis").set_value("flops")
    sound(app.segmented_control(key="widget.influence.on").set_value("other").run())
    drawn = figure(app, "influence-loss")["data"][1]
    assert drawn["x"] == [one["flops"] for one in document["curves"]["staged"][:3]]
    assert drawn["y"] == pytest.approx([one["losses"]["other"]["mid"] for one in document["curves"]["staged"][:3]])
    assert "does not pay" in said(app)
    assert [one for one in app.button if one.key == "onward-influence"]


@pytest.mark.parametrize("view", ["against", "spread", "drift", "cost"])
def test_each_picture_is_there_and_speaks_no_code(shown, view):
    app, document = shown(influence_view=view)
    plain(app)
    drawn = figure(app, f"influence-{view}")
    if view == "against":
        assert sum(len(one["x"]) for one in drawn["data"]) == document["stages"][0]["probes"]
        rank = document["stages"][0]["spearman"]
        assert f"Spearman {rank['mid']:.2f} on 2 unseen, 95 % interval" in chart(app, "influence-against").proto.alt
        sound(app.segmented_control(key="widget.influence.stage").set_value("0.2").run())
        assert (
            f"Spearman {document['stages'][1]['spearman']['mid']:.2f} on" in chart(app, "influence-against").proto.alt
        )
    if view == "spread":
        assert sum(drawn["data"][0]["y"]) == 24
        assert "Help most" in said(app)
    if view == "cost":
        assert drawn["data"][1]["x"][0] == document["cost"]["staged"]["flops"]["probe"]


def test_the_address_says_all_that_decides_what_is_shown(shown):
    app, _ = shown(influence_view="against", influence_stage="0.2")
    assert app.segmented_control(key="widget.influence.stage").value == "0.2"
    assert app.query_params["influence_view"] == "against"
    sound(app.segmented_control(key="widget.influence.view").set_value("loss").run())
    assert "influence_view" not in app.query_params


def test_what_was_deleted_is_said(shown, made):
    _, document = made
    home = Workspace.at()
    folder = home.feature(lines(document, "staged")[1]["measured"])
    shutil.move(folder, home.path / "aside")
    try:
        app, _ = shown(influence_view="against")
        assert "What was measured is gone" in said(app)
    finally:
        shutil.move(home.path / "aside", folder)


def test_it_asks_for_a_reference_and_says_how_long_it_takes(shown):
    app, _ = shown()
    assert "Choose a reference." in said(app)
    assert "train-stages" not in [one.key for one in app.button]
    app.selectbox(key="widget.influence.reference").set_value("goal")
    sound(app.number_input(key="widget.influence.probes").set_value(90).run())
    assert app.button(key="train-stages").label == "Train in stages, about 5 min"
    sound(app.text_input(key="widget.influence.share").set_value("90%").run())
    sound(app.button(key="train-stages").click().run())
    assert "3 stages of 108 need 348" in said(app)


def test_what_is_missing_is_said_with_a_button(screen, workspace, tmp_path):
    add(workspace, tmp_path, "pool", texts(range(40)))
    app = sound(screen(pool="pool").switch_page("pages/influence.py").run())
    assert "A reference is missing" in said(app)
    add(workspace, tmp_path, "goal", texts(range(50, 60)))
    app = sound(screen(pool="pool").switch_page("pages/influence.py").run())
    assert "No embedding yet" in said(app)
    plain(app)


def test_sentences():
    cell = {"arm": "staged", "judge": "judge", "name": "a_b", "difference": -0.0123, "low": -0.02, "high": -0.005}
    said = {"verdicts": [{**cell, "verdict": "better", "seeds": 8}]}
    words = r"Loss **0.012 nats** lower than the plain run on a\_b: better (95 % interval -0.020 to -0.005)."
    assert results.sentence(said) == words
    assert results.sentence({"verdicts": []}).startswith("**Still at work**")
    assert asking.takes({"seeds": 2, "stages": 3, "probes": 500}) == "about 30 min"


def test_what_is_drawn_of_samples(made):
    folder, document = made
    home = Workspace(folder / "workspace")
    first = lines(document, "staged")[1]
    measured, predicted = (load(home.feature(first[name])) for name in ("measured", "predicted"))
    found = looks.against(measured, predicted)
    values = np.asarray(measured.values())
    assert found.rows.tolist() == np.flatnonzero(np.isfinite(values)).tolist()
    assert found.checked.sum() == first["checked"] == 2
    assert found.predicted == pytest.approx(-np.asarray(predicted.values())[found.rows])
    mine = stats.spearmanr(found.measured[found.checked], found.predicted[found.checked]).statistic
    assert first["spearman"]["mid"] == pytest.approx(mine)
    best, worst, _ = looks.ends(measured, 5)
    order = np.argsort(-np.where(np.isfinite(values), values, -np.inf))
    assert best.tolist() == order[:5].tolist()
    assert worst.tolist() == order[:24][::-1][:5].tolist()
    shape = looks.spread(measured)
    assert (shape.counts.sum(), shape.helps) == (24, int((values > 0).sum()))
