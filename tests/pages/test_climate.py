"""The page Climate without a browser: what each view says, what it starts, and that it says it of what was measured."""

import json
import re

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.analysis.climate.overfit import Change, overfitted
from datasel_core.base.progress import Progress
from datasel_core.costs.simulations import curve
from datasel_core.evidence import answers
from datasel_core.evidence.emulators import cards
from datasel_core.evidence.emulators.page import page
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine, manifest
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace
from pages import climate
from pages._ui.climate import bought
from pages._ui.climate.card import shown_errors
from pages._ui.kit import palette
from tests.conftest import task_of
from tests.pages import screens
from tests.pages.screens import said, sound, wait
from tests.pages.test_facts import chart, figure, linked
from tests.pages.test_plain_words import plain
from tests.pages.test_strangers import NAME, safe
from tests.pools import simulations

screen = screens.screen
SCENARIOS = "historical,ssp126,ssp245,ssp585"


def pool_of(home):
    return load_pool(home, "mini-climate")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with a small synthetic climate, a selection of 12 years without ssp126, and all that is judged."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("made")
        patch.setenv("DATASEL_WORKSPACE", str(folder / "workspace"))
        patch.setenv("DATASEL_DATA_ROOTS", str(folder))
        home = Workspace.at()
        perform(home, task_of("mini_climate", scenarios=SCENARIOS, members=2, rows=6, columns=8), Progress())
        pool = pool_of(home)
        asked = Spec(pool=pool.name, method="gmst_stratified", budget="12", where="scenario <> 'ssp126'")
        run = engine.select(home, asked)
        for do, asked in (
            ("years", {"pool": pool.name, "target": "ssp126", "reference": "ssp245", "budgets": "5,20,80,all"}),
            ("next_run", {"pool": pool.name, "target": "ssp126", "reference": "ssp370", "core_hours": "2000"}),
            ("emulator", {"run": run.key, "target": "ssp126"}),
        ):
            perform(home, task_of(do, **asked), Progress())
    return folder, run


@pytest.fixture
def shown(made, monkeypatch, screen):
    """Opens the page on that workspace."""
    folder, run = made
    monkeypatch.setenv("DATASEL_WORKSPACE", str(folder / "workspace"))
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(folder))

    def start(run=run.key, **query):
        asked = {"pool": "mini-climate", **({"run": run} if run else {}), **query}
        return sound(screen(**asked).switch_page("pages/climate.py").run())

    return start


def newest(kind):
    return answers.every(Workspace.at(), "climate", kind)[-1]


def test_the_timeline_has_every_year_and_marks_those_that_are_kept(shown, made):
    app = shown(climate_hours="1500-2500", climate_hour_price=".02", climate_currency="EUR")
    plain(app)
    run = made[1]
    kept = [one.rsplit("/", 1) for one in manifest.kept_table(run.folder)["id"].to_pylist()]
    drawn = figure(app, "climate-timeline")["data"]
    strips, marks = drawn[0], drawn[1]
    assert len(strips["z"]) == 8
    assert sum(one is not None for row in strips["z"] for one in row) == 2 * (165 + 3 * 86)
    assert sorted(marks["x"]) == sorted(int(year) for _, year in kept)
    assert marks["marker"]["color"] == palette.colour_of("gmst_stratified")
    last = {name: max(int(year) for other, year in kept if other == name) for name, _ in kept}
    years = sum(year - (1850 if name.startswith("historical") else 2015) + 1 for name, year in last.items())
    words = said(app)
    assert f"12 of 846 years are kept, of {len(last)} of 8 runs; bought as whole runs, {years} have to be" in words
    assert f"12 scattered years are priced as {len(last)} whole runs" in words
    assert f"<dt>years simulated</dt><dd>{years}</dd>" in words
    assert "EUR" in words
    assert "say both" not in words
    assert "<b>target</b>" in json.dumps(figure(app, "climate-timeline")["layout"]["yaxis"]["ticktext"])
    assert chart(app, "climate-timeline").proto.alt.startswith("Years by run")


def test_without_a_selection_it_leads_to_a_choice(shown):
    app = shown(run=None)
    plain(app)
    assert "none is kept yet" in said(app)
    assert "onward-climate-choose" in [one.key for one in app.button]
    assert len(figure(app, "climate-timeline")["data"]) == 1


def test_plan_prices_simulated_years_and_says_nothing_of_labels(shown):
    query = {"climate_hours": "1500-2500", "climate_hour_price": ".02", "climate_currency": "EUR"}
    app = shown(**query)
    years = re.search(r"<dt>years simulated</dt><dd>([\d,]+)</dd>", said(app))[1]
    app = sound(app.switch_page("pages/plan.py").run())
    plain(app)
    words = said(app)
    assert f"<dt>years simulated</dt><dd>{years}</dd>" in words
    assert "What the kept years cost to simulate" in words
    assert "EUR" in words
    assert "widget.plan.view" not in [one.key for one in app.segmented_control]
    app.button(key="onward-plan-bought").click().run()
    assert linked(app, "climate_view") == "bought"


def test_a_rate_that_is_none_is_one_line(shown):
    app = shown(climate_hours="many")
    assert [one.value for one in app.error] == [
        "The number of core-hours is 'many'; write it with digits and a dot for decimals, as in 1234.5."
    ]


def test_years_bought_are_the_numbers_that_were_measured(shown):
    app = shown(climate_view="bought", climate_target="ssp126", climate_reference="ssp245")
    plain(app)
    there = newest("years")
    drawn = figure(app, "climate-bought")["data"]
    lines = {one["line"]["color"]: one for one in drawn if one.get("line", {}).get("color")}
    for one in there["lines"]:
        mine = lines[palette.colour_of(one["method"])]
        assert (mine["x"], mine["y"]) == (there["budgets"], one["rmse_s"])
    assert lines[palette.BASELINE]["y"] == there["random"]["mean"]
    assert drawn[0]["y"] == [*there["random"]["high"], *there["random"]["low"][::-1]]
    shapes = figure(app, "climate-bought")["layout"]["shapes"]
    assert [one["y0"] for one in shapes] == [there["floor"]["s"]]
    assert bought.sentence(there) in said(app).replace("&#x27;", "'")
    assert "true GMST of the target" in said(app)
    warned = [sentence for one in there["lines"] for sentence in one["over_fit"] if sentence]
    assert len(app.warning) == len(warned)
    sound(app.segmented_control(key="widget.climate.axis").set_value("simulated").run())
    mine = next(one for one in figure(app, "climate-bought")["data"] if one.get("line", {}).get("dash") == "dot")
    assert mine["x"] == sorted(there["random"]["simulated"])
    assert linked(app, "climate_axis") == "simulated"


def test_influence_that_over_fits_its_reference_is_warned_of(shown, made):
    there = newest("years")
    folder = next(
        path.parent for path in answers.files(Workspace.at(), "climate", "years") if answers.read(path.parent) == there
    )
    line = next(one for one in there["lines"] if one["method"] == "influence_loo")
    sentence = overfitted(Change("ssp245", 0.2, 0.1), [Change("ssp126", 0.3, 0.4)])
    before = line["over_fit"]
    line["over_fit"] = [sentence, *[""] * (len(before) - 1)]
    answers.keep(folder, {name: value for name, value in there.items() if name != "order"})
    try:
        app = shown(climate_view="bought", climate_target="ssp126", climate_reference="ssp245")
        assert any("With 5 years" in one.value and "rises on ssp126" in one.value for one in app.warning)
    finally:
        line["over_fit"] = before
        answers.keep(folder, {name: value for name, value in there.items() if name != "order"})


def test_years_are_compared_by_a_button_with_its_time(shown):
    app = shown(climate_view="bought", climate_target="ssp245", climate_draws="20", climate_budgets="5,all")
    assert "Not compared yet" in said(app)
    button = next(one for one in app.button if one.label.startswith("Compare, about"))
    sound(button.click().run())
    wait(app, lambda app: app.get("plotly_chart"))
    there = newest("years")
    assert (there["target"]["said"], there["draws"], there["budgets"][0]) == ("ssp245", 20, 5)
    assert curve.DRIVER in said(app)


def test_runs_are_ranked_with_their_prices_and_it_is_called_a_guess(shown):
    query = {"climate_view": "next", "climate_target": "ssp126", "climate_judge": "ssp370", "climate_owned": "all"}
    app = shown(**query, climate_hours="2000")
    plain(app)
    there = newest("next_run")
    bars, diamonds = figure(app, "climate-next")["data"][:2]
    assert bars["x"] == [one["gain"] for one in there["ranks"]]
    assert diamonds["x"] == [one["target_gain"] for one in there["ranks"]]
    words = said(app).replace("\\", "")
    assert "not by those of this model: a guess" in words
    assert "172,000" in words
    assert "A guess from a synthetic climate" in words


def test_a_target_that_the_demo_lacks_is_not_ranked(shown, workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("DATASEL_WORKSPACE", str(workspace.path))
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(tmp_path))
    simulations.run(tmp_path / "runs", "historical", 1850, 1909)
    simulations.run(tmp_path / "runs", "hist-GHG", 1850, 1909)
    add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    app = shown(run=None, pool="warm", climate_view="next", climate_target="hist-GHG")
    assert "No ranking for this target" in said(app)
    plain(app)


def test_maps_share_a_scale_and_the_difference_is_centred_at_nothing(shown):
    app = shown(climate_view="maps", climate_target="ssp126")
    plain(app)
    home = Workspace.at()
    card = cards.cards(home, pool_of(home))[0]
    found = cards.maps(home, card["key"])
    scales = {}
    for name in ("truth", "emulated", "difference"):
        drawn = figure(app, f"climate-map-{name}")["data"][0]
        assert [one for row in drawn["z"] for one in row] == pytest.approx(found[name].tolist(), abs=6e-5)
        scales[name] = (drawn["zmin"], drawn["zmax"], drawn["colorscale"])
    assert scales["truth"] == scales["emulated"]
    assert scales["difference"][0] == -scales["difference"][1]
    middle = next(colour for at, colour in scales["difference"][2] if at == pytest.approx(0.5))
    assert middle == palette.diverging(-1, 1)[len(palette.diverging(-1, 1)) // 2][1]
    layout = figure(app, "climate-map-truth")["layout"]
    assert layout["xaxis"]["title"]["text"] == "longitude (degrees east)"
    assert layout["yaxis"]["title"]["text"] == "latitude (degrees north)"


def test_the_card_says_verdict_baselines_limits_and_can_be_taken_along(shown):
    app = shown(climate_view="card", climate_target="ssp126")
    plain(app)
    home = Workspace.at()
    card = cards.cards(home, pool_of(home))[0]
    words = said(app).replace("\\", "")
    assert card["verdict"]["sentence"] in words
    for sentence in (*card["task"]["out_of_scope"], *card["drivers"]["sentences"]):
        assert sentence in words
    drawn = figure(app, "climate-card-errors")["data"][0]
    assert drawn["x"][0] == card["errors"]["emulator"]["rmse_s"]
    assert "Zero anomaly" in drawn["y"]
    assert [one.proto.label for one in app.get("download_button")] == ["Card as HTML", "Card as JSON"]
    assert app.get("iframe")[0].proto.srcdoc == page(card, cards.maps(home, card["key"]))
    assert card["run"] == "gmst-stratified, 12"
    hidden = [one.value for drawer in app.expander for one in drawer.caption]
    notes = [one.value.replace("\\", "") for one in app.caption if one.value not in hidden]
    assert any(one.startswith("Synthetic: these fields") for one in notes)
    assert "--target ssp126/r1i1p1f1 --kind pattern_scaling --out FOLDER" in app.code[0].value
    assert "certified" not in words


def test_the_card_that_was_made_last_is_shown_and_one_of_these_years_first(shown):
    home = Workspace.at()
    app = shown(climate_view="card", climate_target="ssp126")
    assert "learned from</dt><dd>12 years" in said(app)
    perform(home, task_of("emulator", run="mini-climate", target="ssp126"), Progress())
    app.run()
    assert "learned from</dt><dd>674 years" in said(app)  # 846 years but for two members of ssp126
    assert "learned from</dt><dd>12 years" in said(shown(climate_view="card", climate_target="ssp126"))
    assert "learned from</dt><dd>674 years" in said(shown(run=None, climate_view="card", climate_target="ssp126"))


def test_driver_and_weighting_are_asked_for_with_the_card_and_named_beside_its_scores(shown):
    """The table of forcing that lies with the demo's files is found; the address keeps what was asked."""
    home = Workspace.at()
    app = shown(climate_view="card", climate_target="ssp126")
    sound(app.selectbox(key="widget.climate.driver").set_value("emulated").run())
    sound(app.selectbox(key="widget.climate.weighting").set_value("scenarios").run())
    assert (linked(app, "climate_driver"), linked(app, "climate_weighting")) == ("emulated", "scenarios")
    assert "Forcing of gas, aerosol, volcanic, in W m-2." in said(app)
    before = {one["key"] for one in cards.cards(home, pool_of(home))}
    sound(app.button(key="climate-fit").click().run())
    wait(app, lambda app: {one["key"] for one in cards.cards(home, pool_of(home))} > before)
    app.run()
    card = cards.cards(home, pool_of(home))[0]
    assert card["task"]["driver"].startswith("GMST emulated from forcing")
    assert card["task"]["weighting"] == "each scenario counts once, however many years and members it has"
    words = said(app)
    assert f"RMSE {card['errors']['emulator']['rmse_s']:.3f} K on ssp126 r1i1p1f1 from 12 years, told the GMST" in words
    assert "told the GMST emulated from forcing" in chart(app, "climate-card-errors").proto.alt
    assert "told the GMST emulated from forcing" in said(shown(climate_view="maps", climate_card=card["key"]))


def test_a_driver_made_of_forcing_needs_its_table(shown, made):
    asked = {"climate_view": "card", "climate_target": "ssp126", "climate_driver": "forcing"}
    (bad := made[0] / "bad.csv").write_text("year,co2\n2000,1\n")
    refused = {
        str(made[0] / "none.csv"): "There is no file",
        str(bad): "The table of forcing has the columns year, co2",
        "/etc/forcing.csv": "outside the allowed folders",
    }
    for path, why in refused.items():
        app = shown(**asked, climate_forcing=path)
        assert why in app.error[0].value.replace("\\", "")
        assert app.button(key="climate-fit").disabled
    app = shown(**asked, climate_kind="variability")
    assert "goes by the global mean; take another driver" in app.error[0].value
    assert app.button(key="climate-fit").disabled
    app = shown(**asked, climate_kind="gaussian_process")
    assert app.selectbox(key="widget.climate.weighting").disabled
    assert not app.button(key="climate-fit").disabled


def test_pattern_scaling_stands_beside_what_only_resembles_it(shown):
    card = cards.cards(Workspace.at(), pool_of(Workspace.at()))[-1]
    names = list(card["errors"])
    assert "pattern scaling" in names
    assert [name for name, _ in shown_errors(card)] == [name for name in names if name != "pattern scaling"]
    forced = {**card, "task": {**card["task"], "title": "Pattern scaling on forcing"}}
    assert [name for name, _ in shown_errors(forced)] == names


@pytest.mark.parametrize("view", climate.VIEWS)
def test_every_view_opens_without_anything_measured(screen, workspace, tmp_path, view):
    simulations.usual(tmp_path / "runs")
    add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    app = sound(screen(pool="warm", climate_view=view).switch_page("pages/climate.py").run())
    plain(app)
    assert app.segmented_control(key="widget.climate.view").value == view


@pytest.mark.parametrize("view", climate.VIEWS)
def test_a_scenario_of_strangers_is_never_markdown(screen, workspace, tmp_path, view):
    years = np.arange(1850, 1910)
    for at, name in enumerate((NAME, "historical")):
        data = simulations.dataset(simulations.warming(years, 1 + at), years, **simulations.attributes(name))
        simulations.put(tmp_path / "runs", data, f"s{at}")
    pool = add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    assert NAME in set(pool.column("scenario").tolist())
    run = engine.select(workspace, Spec(pool="warm", method="extremes", budget="10"))
    perform(workspace, task_of("years", pool="warm", target=NAME, budgets="5,all", period="1889-1909"), Progress())
    query = {"run": run.key, "climate_view": view, "climate_target": NAME}
    app = safe(sound(screen(pool="warm", **query).switch_page("pages/climate.py").run()))
    assert app.selectbox(key="widget.climate.target").value == NAME


def test_a_folder_of_simulations_asks_for_variable_and_baseline(screen, workspace, tmp_path):
    simulations.usual(tmp_path / "runs")
    app = screen()
    sound(app.text_input(key="widget.new.source").set_value(str(tmp_path / "runs")).run())
    assert app.selectbox(key="widget.new.kind").value == "climate"
    sound(app.text_input(key="widget.form.pool.climate.baseline").set_value("1850-1880").run())
    sound(app.button(key="open-own").click().run())
    wait(app, lambda app: (workspace.pool("runs") / "pool.json").exists())
    assert json.loads((workspace.pool("runs") / "pool.json").read_text())["options"]["baseline"] == "1850-1880"
