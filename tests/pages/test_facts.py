"""The page Facts without a browser: its sentence, each picture, what it starts, and where it leads."""

import json
import re

import numpy as np
import pytest

from datasel_core import worker
from datasel_core.__main__ import main
from datasel_core.actions.task import perform
from datasel_core.analysis.facts import meter
from datasel_core.analysis.facts.bound import uniform_accuracy
from datasel_core.base.progress import Progress
from datasel_core.evidence.facts import answers, calibrations, counts
from datasel_core.features.external import keep_imported
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace
from pages._ui.facts import asking, capacity, memorised
from tests.conftest import task_of
from tests.evidence.facts.made import TIMES, TINY, N, lines, losses, pruned, with_losses, world
from tests.pages import screens
from tests.pages.screens import said, sound, wait
from tests.pages.test_plain_words import plain

screen = screens.screen


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with a pool, its losses, a selection, and all that is counted and measured of them."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("made")
        patch.setenv("DATASEL_WORKSPACE", str(folder / "workspace"))
        patch.setenv("DATASEL_DATA_ROOTS", str(folder))
        home = Workspace.at()
        pool = world(home, folder)
        with_losses(home, pool)
        run = pruned(home, pool)
        for do, asked in (
            ("facts", {"pool": "known"}),
            ("facts", {"pool": "known", "run": run.key}),
            ("memorised", {"run": run.key, "params": TINY}),
            ("sensitivity", {"pool": "known", "parameters": 30, "bits_per_fact": 2.0}),
        ):
            perform(home, task_of(do, **asked), Progress())
    return folder, run


@pytest.fixture
def shown(made, monkeypatch, screen):
    """Opens the page on that workspace."""
    folder, run = made
    monkeypatch.setenv("DATASEL_WORKSPACE", str(folder / "workspace"))
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(folder))

    def start(**query):
        app = screen(**{"pool": "known", "run": run.key, **query})
        return sound(app.switch_page("pages/facts.py").run())

    return start


def chart(app, key: str):
    return next(one for one in app.get("plotly_chart") if key in one.proto.id)


def figure(app, key: str):
    return json.loads(chart(app, key).proto.spec)


def linked(app, name: str) -> str:
    found = app.query_params[name]
    return found if isinstance(found, str) else found[0]


def document(kind: answers.Kind):
    return answers.every(Workspace.at(), kind)[-1]


def test_the_sentence_and_the_meter_follow_the_model(shown):
    app = shown(facts_parameters="40")
    there = document("counts")
    held = meter.held(counts.profile_of(there), there["bits"], 40, 1.0)
    assert f"About {held['fitting']} of {N} facts fit: they take" in said(app)
    assert "and 40 parameters hold about 40. At most" in said(app)
    plain(app)
    bars = figure(app, "facts-meter")["data"]
    assert sorted(bars[0]["x"]) == sorted(there["bits"].values())
    assert bars[1]["x"] == [40.0]
    assert bars[1]["error_x"]["array"] == [3.6 * 40 - 40]
    drawn = figure(app, "facts-bound")["data"][0]
    assert drawn["y"] == pytest.approx([one["accuracy"] for one in held["curve"]])
    assert "facts kept" in json.dumps(figure(app, "facts-bound")["layout"]["xaxis"])
    sound(app.select_slider(key="widget.facts.exposures").set_value("1000").run())
    assert "40 parameters hold about 80." in said(app)
    sound(app.select_slider(key="widget.facts.exposures").set_value(asking.ENDLESS).run())
    assert "40 parameters hold about 144." in said(app)
    assert linked(app, "facts_exposures") == asking.ENDLESS
    sound(app.number_input(key="widget.facts.parameters").set_value(1000).run())
    assert f"All {N} facts fit" in said(app)
    assert "Allen-Zhu" in said(app)
    assert "Morris et al. 2025" in said(app)


def test_bits_that_are_set_replace_the_estimates(shown):
    app = shown(facts_parameters="40", facts_bits="8")
    assert "they take 320 bits" in said(app)
    assert figure(app, "facts-meter")["data"][0]["x"] == [320.0]
    whole = figure(app, "facts-bound")["data"][0]["y"][-1]
    assert whole == pytest.approx(uniform_accuracy(N, 256, 40), abs=1e-9)


def calibrated(layers: int, width: int, exposures: int, rho: float, **more):
    """The folder of a calibration that is kept as if it had been measured."""
    folder = calibrations.place(Workspace.at(), layers, width, width // 8, exposures)
    shape = {"layers": layers, "width": width, "heads": width // 8, "exposures": exposures, "seeds": 3}
    found = {"parameters": 70_000, "rho": rho, "low": rho - 0.1, "high": rho + 0.1, "points": []}
    answers.keep(folder, {**shape, **found, **more})
    return folder


def test_of_several_measurements_the_newest_counts_until_another_is_chosen(shown):
    shapes = ((2, 48, 250, 1.5), (4, 64, 100, 0.75), (1, 16, 1000, 0.5))
    folders = [calibrated(*one, created_utc=f"2026-02-0{at + 1}T10:00:00Z") for at, one in enumerate(shapes)]
    try:
        app = shown(facts_parameters="40")
        by = app.selectbox(key="widget.facts.by")
        assert by.options == [
            "0.50: 1 layer 16 wide, 2 heads, 1,000 times, 2026-02-03",
            "0.75: 4 layers 64 wide, 8 heads, 100 times, 2026-02-02",
            "1.50: 2 layers 48 wide, 6 heads, 250 times, 2026-02-01",
            "As published, for other models",
        ]
        assert "40 parameters hold about 20." in said(app)
        assert "facts_by" not in app.query_params
        assert "facts-calibrate" in [one.key for one in app.button], "2 layers 48 wide were not measured so often"
        sound(by.set_value(folders[1].name.rpartition("-")[2]).run())
        assert "40 parameters hold about 30." in said(app)
        assert "**0.75 bits a parameter** (0.65 to 0.85)" in said(app).replace("\\.", ".")
        link = linked(app, "facts_by")
        assert folders[1].name.endswith(link)
        answers.keep(folders[0], {**answers.read(folders[0]), "rho": 2.0})  # now it is the newest
        app = shown(facts_parameters="40", facts_by=link)
        assert "40 parameters hold about 30." in said(app)
        assert app.selectbox(key="widget.facts.by").options[0].startswith("2.00: 2 layers 48 wide")
        assert "40 parameters hold about 80." in said(shown(facts_parameters="40", facts_by="gone"))
        plain(app)
    finally:
        for folder in folders:
            answers.file(folder).unlink()


def test_a_measured_number_replaces_the_slider_with_its_interval(shown):
    folder = calibrated(2, 48, 250, 1.5)
    try:
        app = shown(facts_parameters="40")
        assert "**1.50 bits a parameter** (1.40 to 1.60)" in said(app).replace("\\.", ".")
        assert "measured with 70,000 parameters, 3 seeds" in said(app)
        assert app.selectbox(key="widget.facts.by").options[0] == "1.50: 2 layers 48 wide, 6 heads, 250 times"
        assert "40 parameters hold about 60." in said(app)
        assert not app.get("select_slider")
        assert figure(app, "facts-meter")["data"][1]["error_x"]["array"] == pytest.approx([4.0])
        marker = figure(app, "facts-exposures")["data"][-1]
        assert (marker["x"], marker["y"]) == ([250.0], [1.5])
        assert "facts-calibrate" not in [one.key for one in app.button]
        plain(app)
        sound(app.selectbox(key="widget.facts.by").set_value("published").run())
        assert "40 parameters hold about 40." in said(app)
        assert linked(app, "facts_by") == "published"
    finally:
        answers.file(folder).unlink()


@pytest.mark.parametrize("view", ["often", "memorised", "relations", "dropped", "warm_up"])
def test_each_view_says_what_the_answers_say_and_no_code(shown, made, view):
    run = made[1]
    app = shown(facts_view=view)
    plain(app)
    kept = {line["fact"] for line in lines() if line["id"] in set(run.ids)}
    if view == "often":
        pool, after = figure(app, "facts-frequency")["data"]
        assert pool["y"][0] == max(TIMES)
        assert (pool["x"][-1], after["x"][-1]) == (N, len(kept))
        once = 100 * sum(n == 1 for n in TIMES) / N
        assert f"in the pool {once:.1f} % stated once" in chart(app, "facts-frequency").proto.alt
        layout = figure(app, "facts-frequency")["layout"]
        assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("log", "log")
    if view == "memorised":
        arms = document("memory")["arms"]
        before, after = figure(app, "facts-memory")["data"]
        assert (before["x"], after["x"]) == ([arms["everything"]["memorised"]], [arms["kept"]["memorised"]])
        assert after["error_x"]["array"] == pytest.approx([arms["kept"]["memorised_high"] - arms["kept"]["memorised"]])
        parts = [one["x"] for one in figure(app, "facts-errors")["data"]]
        words = ("right", "wrong", "other")
        assert parts == [[arms[arm][f"dropped_{word}"] for arm in ("everything", "kept")] for word in words]
        moved = document("memory")["moved"]
        assert f"right {100 * moved['dropped_right']:+.1f}" in said(app)
        assert "said before" in said(app)
        assert "facts known by heart after" in said(app)
        assert next(one for one in app.button if one.key == "facts-again").label.startswith("Measure again as in")
    if view == "relations":
        for name in ("colour", "place"):
            mine = {line["fact"] for line in lines() if line["relation"] == name}
            assert f"{len(mine & kept)} (" in said(app)
        assert "right before" in said(app)
        assert "the one that loses the largest share first" in said(app)
    if view == "dropped":
        assert f"{N - len(kept)} facts dropped whole" in said(app)
        assert "loss (nats)" in said(app)
    if view == "warm_up":
        assert len(figure(app, "facts-warm-up")["data"]) == 3
        assert figure(app, "facts-beta")["data"][0]["x"] == [0.5, 0.7, 0.85, 1.0, 1.15, 1.5, 2.0]
        assert "Losses on the way of one training" in said(app)


def test_what_is_dropped_is_a_list_in_pages_and_orders(shown, made, monkeypatch):
    from pages._ui.facts import dropped

    monkeypatch.setattr(dropped, "_A_PAGE", 4)
    app = shown(facts_view="dropped", facts_order="high")
    kept = set(made[1].ids)
    facts = {line["fact"] for line in lines() if line["id"] in kept}
    first = {line["fact"]: line["question"] for line in reversed(lines())}
    pool = Workspace.at()
    loss = losses(counts_pool(pool))[:, -1]
    mean: dict[str, list[float]] = {}
    for at, line in enumerate(lines()[:-1]):
        mean.setdefault(line["fact"], []).append(float(loss[at]))
    gone = sorted((fact for fact in mean if fact not in facts), key=lambda fact: -sum(mean[fact]) / len(mean[fact]))
    text = said(app)
    places = [text.index(f"<td>{first[fact]}</td>") for fact in gone[:4]]
    assert places == sorted(places)
    sound(app.number_input(key="widget.facts.page").set_value(2).run())
    assert f"<td>{first[gone[0]]}</td>" not in said(app)
    assert f"<td>{first[gone[4]]}</td>" in said(app)
    assert linked(app, "facts_page") == "2"


def counts_pool(home):
    from datasel_core.pools.persistence import load_pool

    return load_pool(home, "known")


def test_without_a_selection_it_says_what_to_do_and_words_of_strangers_stay_words(shown):
    app = shown(run="", facts_view="dropped")
    assert "Nothing is selected yet" in said(app)
    assert "onward-empty-facts-nothing" in [one.key for one in app.button]
    app = shown(run="", facts_view="relations")
    assert "the largest first" in said(app)
    plain(app)


def test_it_leads_on_to_what_fits_and_to_evidence(shown):
    app = shown(facts_parameters="40", facts_bits="2")
    sound(app.button(key="onward-facts-select").click().run())
    assert linked(app, "method") == "loss_pruning"
    assert linked(app, "budget") == "100%"
    assert app.text_input(key="widget.form.method.loss_pruning.capacity_bits").value == "40"
    assert app.text_input(key="widget.form.method.loss_pruning.bits_per_fact").value == "2"
    app = shown(facts_parameters="40", facts_bits="2")
    app.button(key="onward-facts-evidence").click().run()
    there = [app.session_state[f"kept.evidence.{name}"] for name in ("probe", "methods", "budgets")]
    assert there == ["facts", ["loss_pruning"], "50%"]  # 20 of 40 facts


def test_evidence_offers_to_ask_about_facts(screen, workspace, tmp_path):
    with_losses(workspace, world(workspace, tmp_path))
    perform(workspace, task_of("holdout", pool="known", share="20%"), Progress())
    app = screen(pool="known")
    app.session_state["kept.evidence.probe"] = "facts"
    app = sound(app.switch_page("pages/evidence.py").run())
    assert app.selectbox(key="widget.evidence.probe").value == "facts"
    assert "Facts probe" in app.selectbox(key="widget.evidence.probe").options
    offered = app.multiselect(key="widget.evidence.methods").options
    assert {"Loss pruning", "Random facts", "Most frequent facts", "Each fact once"} <= set(offered)


def test_losses_are_measured_by_one_button_and_pruning_is_next(screen, workspace, tmp_path):
    pytest.importorskip("torch")
    world(workspace, tmp_path)
    app = sound(screen(pool="known").switch_page("pages/facts.py").run())
    wait(app, lambda app: f"All {N} facts fit" in said(app))
    button = app.button(key="facts-losses")
    assert button.label.startswith("Measure losses, about ")
    sound(button.click().run())
    wait(app, lambda app: "onward-facts-select" in [one.key for one in app.button])
    (job,) = [job for job in worker.jobs(workspace) if job.spec["do"] == "feature"]
    assert job.spec["feature"] == "answer_loss"


def test_a_pool_that_nobody_counted_is_counted_at_once_and_measured_when_asked(screen, workspace, tmp_path):
    pytest.importorskip("torch")
    pool = world(workspace, tmp_path)
    app = sound(screen(pool="known").switch_page("pages/facts.py").run())
    wait(app, lambda app: f"All {N} facts fit" in said(app))
    assert "facts-losses" in [one.key for one in app.button]
    assert "No losses yet" in said(sound(app.segmented_control(key="widget.facts.view").set_value("warm_up").run()))
    with_losses(workspace, pool)
    run = pruned(workspace, pool)
    app = screen(pool="known", run=run.key, facts_view="memorised", facts_steps="20", facts_seeds="1", facts_width="16")
    app = sound(app.switch_page("pages/facts.py").run())
    wait(app, lambda app: any(one.key == "empty-action-facts-memorised" for one in app.button))
    button = app.button(key="empty-action-facts-memorised")
    assert button.label == "Measure, about 2 s"
    sound(button.click().run())
    wait(app, lambda app: "facts known by heart after" in said(app))
    assert "one seed, so nobody knows how sure that is" in said(app)
    assert answers.every(workspace, "memory")[-1]["probe"]["n"] == 20


def test_page_capacity_and_pruning_agree_on_random_numbers_to_the_last_digit(screen, workspace, capsys):
    perform(workspace, task_of("phonebook", facts=300, exposures=2, exponent=1.0), Progress())
    pool = load_pool(workspace, "phonebook")
    loss, rows = np.random.default_rng(0).random(pool.n).astype(np.float32), np.arange(pool.n)
    keep_imported(workspace, pool, "answer_loss", loss, rows, [], "loss.npz", Progress(), facts={"summed": True})
    app = sound(screen(pool="phonebook", facts_parameters="3300").switch_page("pages/facts.py").run())
    wait(app, lambda app: "of 300 facts fit: they take" in said(app))
    plain(app)
    [on_page] = figure(app, "facts-meter")["data"][0]["x"]
    assert 300 * 32.5 < on_page <= 300 * 10 * np.log2(10)
    fitting = int(re.search(r"About (\d+) of 300 facts fit", said(app))[1])
    assert fitting == int(3300 / (on_page / 300))
    assert "digit by digit" in said(app)
    capsys.readouterr()
    assert main(["capacity", "phonebook", "--parameters", "3300", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["bits"].values()) == {on_page}
    assert (told["fitting"], told["verdict"]) == (fitting, "too many")
    whole = figure(app, "facts-bound")["data"][0]["y"][-1]
    assert whole == told["accuracy"] == pytest.approx(uniform_accuracy(300, 2.0 ** (on_page / 300), 3300), abs=1e-5)
    sound(app.button(key="onward-facts-select").click().run())
    assert app.text_input(key="widget.form.method.loss_pruning.bits_per_fact").value == ""
    for room, facts in ((10_000, 300), (3300, fitting)):
        params = {"capacity_bits": float(room)}
        run = engine.select(workspace, Spec(pool=pool.name, method="loss_pruning", budget="100%", params=params))
        found = run.manifest["result"]["facts"]
        assert (found["facts"], found["bits"]) == (facts, on_page / 300 * facts)
    assert figure(app.switch_page("pages/facts.py").run(), "facts-meter")["data"][0]["x"] == [on_page]


def test_sentences():
    arm = {"memorised": 340.2, "memorised_low": 330.0, "memorised_high": 350.0}
    other = {"memorised": 120.0, "memorised_low": 100.0, "memorised_high": 140.0}
    words = memorised.sentence({"arms": {"everything": other, "kept": arm}})
    assert words == "**340 facts known by heart after, 120 before**; their intervals lie apart."
    wide = {**other, "memorised_high": 335.0}
    assert memorised.sentence({"arms": {"everything": wide, "kept": arm}}).endswith("so it may be chance.")
    assert capacity.called("some_new_one") == "some new one"
    assert asking.in_words("1000") == "1,000 times"
    assert asking.published("100") == 1
    assert asking.published(asking.ENDLESS) == 3.6
