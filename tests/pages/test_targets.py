"""The page Targets without a browser: what it says of a plan, against the method itself."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features import computation
from datasel_core.features.external import keep_imported
from datasel_core.methods.algorithms.transport import served_by, serves
from datasel_core.methods.selection import Inputs
from datasel_core.methods.tsds import Tsds
from datasel_core.runs.neighbor_tables import Tables, read_tables
from pages._ui.charts import map as canvas
from pages._ui.kit import disk
from pages._ui.media import photos, reasons, texts
from pages._ui.targets import crowds, mass, walls
from tests.conftest import clustered
from tests.oracles import tsds as oracle
from tests.pages import screens
from tests.pages.screens import said, sound, wait

screen, vector_pool = screens.screen, screens.vector_pool
N, M = 300, 8


def add(workspace, tmp_path, name, n, source):
    lines = [
        {"id": f"{name}{at:03d}", "source": source, "prompt": f"{name} asks {at}?", "response": f"{at} of {name}"}
        for at in range(n)
    ]
    (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")


@pytest.fixture
def both(workspace, tmp_path, rng):
    vectors = clustered(rng, N + M, 6, 8)
    pool, task = add(workspace, tmp_path, "pool", N, "web"), add(workspace, tmp_path, "task", M, "exam")
    keep_imported(workspace, pool, "embedding", vectors[:N], np.arange(N), [], "p.npz", Progress())
    keep_imported(workspace, task, "embedding", vectors[N:], np.arange(M), [], "t.npz", Progress())
    return pool, vectors


def plan(vectors, **params):
    return Tsds(**params).plan(
        Inputs({"embedding": vectors[:N]}, np.random.default_rng(0), target={"embedding": vectors[N:]})
    )


def open_page(screen, **query):
    return sound(screen(**{"pool": "pool", "target": "task", **query}).switch_page("pages/targets.py").run())


def ready(app):
    """The tables are there, and the work that made them has ended."""
    return wait(
        app,
        lambda app: (
            "have any chance" in said(app)
            and not any(one.disabled and one.label.startswith("Keep ") for one in app.button)
        ),
    )


def test_without_an_embedding_one_click_computes_one_for_both(screen, workspace, tmp_path):
    add(workspace, tmp_path, "pool", 60, "web")
    app = open_page(screen, target="")
    assert "Embeddings come first" in said(app)
    assert app.button(key="empty-action-embedding-first").label.startswith("Compute, about ")
    sound(app.button(key="empty-action-embedding-first").click().run())
    wait(app, lambda app: "No target yet" in said(app))
    add(workspace, tmp_path, "task", 6, "exam")
    assert "Not in the same space yet:" in said(sound(app.run()))
    text = said(sound(app.button(key="target-task").click().run()))
    assert "task has no vectors in this space yet" in text
    sound(app.button(key="empty-action-target-vectors").click().run())
    ready(app)


def test_imported_vectors_ask_for_imported_ones(screen, workspace, tmp_path, both):
    add(workspace, tmp_path, "other", 5, "exam")
    app = ready(open_page(screen))
    sound(app.selectbox(key="widget.select.target").set_value("other").run())
    assert "The vectors of pool were imported; import those of other from the same encoder" in said(app)


def test_vectors_of_which_nobody_said_what_made_them_are_on_trust(screen, both):
    text = said(ready(open_page(screen)))
    assert "nobody said which encoder made the vectors of pool and task; give --encoder when they" in text
    text = said(
        sound(screen(pool="pool", target="task", method="tsds", budget="5").switch_page("pages/select.py").run())
    )
    assert "nobody said which encoder made the vectors of pool and task; give --encoder when they" in text


def test_numbers_are_those_of_the_plan_and_follow_the_sliders(screen, both):
    _, vectors = both
    app = ready(open_page(screen, budget="20"))

    def shown():
        text = plainly(app)
        parts = (
            r"\*\*(-?\d+) % of the way\*\* from random to the target: (20 of 300 samples)",
            r"on average: (\S+). A random choice: (\S+); the nearest of each example in turn: (\S+); the nearest "
            r"possible: (\S+)\.\n",
            r"as if (\d+ samples) were equally likely",
            r"(\d+ of 300 samples) have any chance",
        )
        return [one for part in parts for one in re.search(part, text).groups()]

    def expected(**params):
        one, away = plan(vectors, **params), oracle.pairs(vectors[N:], vectors[:N]).min(axis=0)
        rows, _ = Tsds(**params).draw(one, 20, np.random.default_rng(0))
        kept, in_turn = away[rows].mean(), nearest_in_turn(vectors, away, 20)
        return [
            f"{100 * (away.mean() - kept) / (away.mean() - in_turn):.0f}",
            f"20 of {N} samples",
            f"{kept:.3g}",
            f"{away.mean():.3g}",
            f"{in_turn:.3g}",
            f"{np.sort(away)[:20].mean():.3g}",
            f"{round(one.effective)} samples",
            f"{_possible(one)} of {N} samples",
        ]

    assert shown() == expected()
    sound(app.slider(key="widget.form.method.tsds.alpha").set_value(0.9).run())
    assert shown() == expected(alpha=0.9)
    sound(app.select_slider(key="widget.form.method.tsds.sigma").set_value(0.0).run())
    assert shown() == expected(alpha=0.9, sigma=0.0)
    used = plan(vectors, alpha=0.1, sigma=0.0).ran_out.sum()
    assert used
    sound(app.slider(key="widget.form.method.tsds.alpha").set_value(0.1).run())
    text = plainly(app)
    assert f" {used} of {M} targets used up their neighbours." in text
    assert f"Neighbours per target: {N // 10}, not 5,000; at most a tenth of the candidates are looked at." in text


def nearest_in_turn(vectors, away, budget):
    """Mean distance of the nearest of each example, then of the second nearest of each, until it is enough; of the last
    round what is needed, at its mean.
    """
    lists, found = np.argsort(oracle.pairs(vectors[N:], vectors[:N]), axis=1, kind="stable"), []
    for at in range(N):
        new = sorted(set(lists[:, at].tolist()) - {row for part in found for row in part})
        found.append(new)
        left = budget - sum(map(len, found[:-1]))
        if left <= len(new):
            return (sum(away[part].sum() for part in found[:-1]) + left * away[new].mean()) / budget
    raise AssertionError("too few")


def test_a_target_and_a_candidate_say_who_serves_whom(screen, both):
    _, vectors = both
    one = plan(vectors)
    app = ready(open_page(screen))
    app.session_state["kept.targets.target"] = 3
    rows, _, distances = served_by(one, 3)
    assert (
        f"<h2>Target 4 of {M}</h2><p>{len(rows)} samples serve it, {distances[0]:.3g} to {distances[-1]:.3g} away</p>"
        in said(sound(app.run()))
    )
    app.session_state["kept.targets.target"] = None
    row = int(one.probability.argmax())
    app.session_state["kept.targets.row"] = row
    text = said(sound(app.run()))
    p = one.probability[row]
    assert f"{p * N:,.1f} times the average chance; it serves {len(serves(one, row)[0])} of {M} targets" in text
    app.session_state["kept.targets.row"] = int(one.probability.argmin())
    assert "no target reaches it: it is never kept" in said(sound(app.run()))
    assert "Examples of task" in said(sound(app.button(key="targets-back").click().run()))


def test_the_most_likely_are_said_to_be_some_of_many(screen, both, monkeypatch):
    app = ready(open_page(screen))
    app.session_state["kept.targets.view"] = "likely"
    monkeypatch.setattr(walls, "_LISTED", 20)
    n = _possible(plan(both[1]))
    assert n > 20
    assert f"The 20 most likely of {n} samples that have any chance." in said(sound(app.run()))
    monkeypatch.setattr(walls, "_LISTED", n)
    assert "most likely of" not in said(sound(app.run()))


def test_keeping_makes_the_run_that_the_command_line_would(screen, workspace, both):
    pool, _ = both
    app = ready(open_page(screen, budget="15"))
    screens.keep(app, "keep-tsds")
    wait(app, lambda app: "15 kept of 300" in said(app))
    run = disk.runs(pool)[0]
    assert run.manifest["method"]["id"] == "tsds"
    assert run.manifest["target"]["name"] == "task"
    assert app.button(key="keep-tsds").disabled


def test_a_reason_names_the_target_as_the_page_does(screen, workspace, both):
    pool, vectors = both
    found = Tsds().select(
        Inputs({"embedding": vectors[:N]}, np.random.default_rng(0), target={"embedding": vectors[N:]}), 15
    )
    at = int(np.argmax(found.why["target"] > 0))
    row, target, distance = found.rows[at], int(found.why["target"][at]), float(found.why["distance"][at])
    assert np.linalg.norm(vectors[row] - vectors[N + target]) == pytest.approx(distance)
    stored = {name: values[at].item() for name, values in found.why.items()}
    assert f"most of it for target example {target + 1}, {distance:.3f} away" in reasons.reason(
        Tsds.because, stored, at + 1
    )
    app = ready(open_page(screen))
    app.session_state["kept.targets.target"] = target
    assert f"<h2>Target {target + 1} of {M}</h2>" in said(sound(app.run()))


@pytest.fixture
def kept_keys(monkeypatch):
    """What pages keep, as a plain dictionary, for parts of a page that are called by themselves."""
    kept = {}
    there = SimpleNamespace(get=lambda name, default=None: kept.get(name, default), put=kept.__setitem__)
    for module in (mass, photos, canvas):
        monkeypatch.setattr(module, "keys", there)
    return kept


def test_a_click_on_the_map_chooses_a_target_or_a_candidate(monkeypatch, kept_keys):
    """Targets stand on the map behind the candidates; no other page may take one for a sample of the pool."""
    drawn, n = {}, 5
    points = canvas.of_coordinates("some", np.arange(14.0).reshape(7, 2))
    monkeypatch.setattr(mass.maps, "ensure", lambda kept: True)
    monkeypatch.setattr(mass.tables, "points", lambda kept, found: points)
    monkeypatch.setattr(canvas, "MAP", lambda **options: drawn.update(options))
    monkeypatch.setattr(canvas.st, "session_state", {})
    mass.on_map(
        SimpleNamespace(pool=SimpleNamespace(n=n)), None, SimpleNamespace(targets=np.arange(2)), None, np.full(n, 0.2)
    )
    for place, target, row in ((6, 1, None), (3, None, 3)):
        canvas.st.session_state["map.targets"] = {"open": place}
        drawn["on_open_change"]()
        assert kept_keys == {"targets.target": target, "targets.row": row, "open_row": row}


def test_a_click_on_a_wall_of_targets_opens_no_sample_of_the_pool(screen, both, monkeypatch):
    clicks = {}

    def wall(*, key, data, on_open_change, **_):
        """As if a card had been clicked."""
        if key in clicks:
            canvas.st.session_state[key] = {"open": clicks.pop(key)}
            on_open_change()
        return SimpleNamespace(open=None)

    monkeypatch.setattr(texts, "TEXTS", wall)
    app = ready(open_page(screen))
    sound(app.segmented_control(key="widget.targets.view").set_value("targets").run())
    clicks["wall-targets"] = 5
    sound(app.run())
    assert app.session_state["kept.targets.target"] == 5
    assert app.session_state["kept.open_row"] is None
    clicks["the-target-5"] = 5
    sound(app.run())
    assert app.session_state["kept.targets.target"] == 5
    assert app.session_state["kept.open_row"] is None


def test_a_row_marked_in_a_table_is_chosen_once(monkeypatch, kept_keys, vector_pool):
    """What stays marked must not choose again and again, and not another row when the table is sorted anew."""
    drawn, opened = {}, []
    monkeypatch.setattr(
        photos.st, "dataframe", lambda table, **options: drawn.update(options) or {"selection": {"rows": [0]}}
    )
    monkeypatch.setattr(photos.st, "session_state", {"wall": {"selection": {"rows": [0]}}})
    photos.wall(vector_pool, [7, 3], key="wall", on_open=opened.append)
    drawn["on_select"]()
    assert (opened, kept_keys["open_row"]) == ([7], 7)
    kept_keys["open_row"] = None  # another table was clicked since
    photos.wall(vector_pool, [3, 7], key="wall", on_open=opened.append)
    assert (opened, kept_keys["open_row"]) == ([7], None)


def test_one_candidate_that_serves_a_target_alone_gives_all_of_its_mass(screen, both, monkeypatch):
    shown = {}
    monkeypatch.setattr(
        texts, "TEXTS", lambda *, key, data, **_: shown.update({key: data["items"]}) or SimpleNamespace(open=None)
    )
    _, vectors = both
    rows, _, distances = served_by(plan(vectors, alpha=1.0), 2)
    assert len(rows) == 1
    app = ready(open_page(screen))
    sound(app.slider(key="widget.form.method.tsds.alpha").set_value(1.0).run())
    app.session_state["kept.targets.target"] = 2
    assert f"1 sample serves it, {distances[0]:.3g} to {distances[0]:.3g} away" in said(sound(app.run()))
    assert [item["badge"] for item in shown["servers-2"]] == [f"100 % · {distances[0]:.3g}"]


def test_what_was_chosen_goes_with_the_pool_and_the_target(screen, workspace, tmp_path, both):
    other = add(workspace, tmp_path, "other", 5, "exam")
    keep_imported(workspace, other, "embedding", both[1][:5], np.arange(5), [], "o.npz", Progress())
    app = ready(open_page(screen))
    app.session_state["kept.targets.target"] = 3
    sound(app.run())
    sound(app.selectbox(key="widget.select.target").set_value("other").run())
    assert app.session_state["kept.targets.target"] is None
    app.session_state["kept.targets.row"] = 3
    sound(app.run())
    sound(app.switch_page("pages/data.py").run())
    sound(screens.view(app, "pools").button(key="open-other").click().run())
    assert app.session_state["kept.targets.row"] is None


def test_without_tables_the_page_always_says_how_to_get_them(screen, workspace, both):
    """Whatever became of the work that was started: dismissed by hand, or its answer damaged since."""
    app = ready(open_page(screen))
    (folder,) = workspace.folders("serving")
    (folder / "distances.npy").unlink()  # never cut in place: it is mapped into memory
    (folder / "meta.json").touch()
    text = said(sound(app.run()))
    assert "The nearest candidates of the targets are not known" in text
    sound(app.button(key="empty-action-no-tables").click().run())
    ready(app)


def test_the_embedding_that_is_chosen_decides_whether_a_target_fits(screen, workspace, both):
    """Not the newest: the target may have the one and lack the other."""
    pool, vectors = both
    app = ready(open_page(screen))
    first = disk.features(pool)[0].key
    sound(app.switch_page("pages/data.py").run())
    computation.compute_feature(workspace, pool, computation.declared_feature("tfidf_svd"), Progress())
    sound(app.switch_page("pages/targets.py").run())
    assert "task has no vectors in this space yet" in said(app)
    sound(app.selectbox(key="widget.select.use.embedding").set_value(first).run())
    ready(app)
    assert not app.error
    newer = disk.features(pool)[-1].key
    sound(app.selectbox(key="widget.select.use.embedding").set_value(newer).run())
    assert "task has no vectors in this space yet" in said(app)


@pytest.mark.parametrize("away", [0.0, 300.0])
def test_crowds_are_what_lies_within_sigma(away):
    """Against a slow reading; far from the origin, too, where products in float32 say little."""
    rng, sigma, n = np.random.default_rng(3), 0.5, 260
    vectors = (clustered(rng, n, 6, 8) + away).astype(np.float32)
    inputs = Inputs({"embedding": vectors}, rng, target={"embedding": vectors[::40]})
    one, alone = (Tsds(sigma=width).plan(inputs) for width in (sigma, 0.0))
    neighbours = one.neighbours
    tables = Tables("some", np.arange(n), np.arange(7), neighbours, np.zeros(n), 1.0)
    lines = crowds._crowds.__wrapped__("some", 0.5, 5.0, sigma, tables, one, alone, vectors)
    assert lines
    for row, size, _, shared, not_shared in lines:
        inside = [
            other
            for other in neighbours.rows
            if np.square(vectors[other].astype(float) - vectors[row]).sum() < sigma**2
        ]
        assert size == len(inside) > 1
        assert (shared, not_shared) == (
            pytest.approx(one.probability[inside].sum()),
            pytest.approx(alone.probability[inside].sum()),
        )


def test_what_rounding_leaves_over_serves_nobody_and_has_no_chance(screen, both):
    """K neighbours serve a target at sigma 0, and as many can be kept as are said to have a chance."""
    _, vectors = both
    alpha = next(
        alpha
        for alpha in np.arange(50, 100) / 100
        if (one := plan(vectors, alpha=alpha, sigma=0.0)).support > _possible(one)
    )
    app = ready(open_page(screen, budget="300"))
    sound(app.slider(key="widget.form.method.tsds.alpha").set_value(alpha).run())
    sound(app.select_slider(key="widget.form.method.tsds.sigma").set_value(0.0).run())
    assert f"{_possible(one)} of {N} samples have any chance" in said(app)
    assert app.button(key="keep-tsds").label == f"Keep {_possible(one)}"
    assert all(len(served_by(one, target)[0]) == one.level for target in range(M))
    assert sum(len(serves(one, row)[0]) for row in range(N)) == M * one.level


def _possible(one):
    return np.count_nonzero(np.round(one.probability / one.probability.max(), 12))


@pytest.mark.parametrize(("budget", "words"), [(2, "Nearly random"), (5, "Spread wide")])
def test_a_choice_spread_too_wide_says_so_before_it_is_kept_and_one_click_helps(screen, both, budget, words):
    _, vectors = both
    app = ready(open_page(screen, budget=str(budget)))
    sound(app.slider(key="widget.form.method.tsds.alpha").set_value(0.0).run())
    facts = select(vectors, budget, alpha=0.0).facts
    assert facts["spread"].startswith(f"{words} at this setting")
    assert facts["spread"] in plainly(app)
    assert app.button(key="set-alpha").label == f"Set alpha to {facts['alpha_closer']:g}"
    sound(app.button(key="set-alpha").click().run())
    assert app.slider(key="widget.form.method.tsds.alpha").value == facts["alpha_closer"]
    assert "at this setting" not in plainly(app)


def test_a_plan_that_is_close_says_nothing_of_it(screen, both):
    app = ready(open_page(screen, budget="20"))
    sound(app.slider(key="widget.form.method.tsds.alpha").set_value(0.97).run())
    assert "spread" not in select(both[1], 20, alpha=0.97).facts
    assert "at this setting" not in plainly(app)


def test_what_a_person_wants_sets_alpha_and_how_is_drawn(screen, workspace, both):
    pool, vectors = both
    app = ready(open_page(screen, budget="10"))

    def ticked():
        return [app.button(key=f"purpose-{at}").proto.type == "primary" for at in (0, 1)]

    assert [app.button(key=f"purpose-{at}").label for at in (0, 1)] == list(Tsds.purposes)
    assert ticked() == [True, False]
    sound(app.button(key="purpose-1").click().run())
    assert app.slider(key="widget.form.method.tsds.alpha").value == 0.9
    assert app.selectbox(key="widget.form.method.tsds.sampling").value == "top"
    assert ticked() == [False, True]
    screens.keep(app, "keep-tsds")
    wait(app, lambda app: "10 kept of 300" in said(app))
    run = disk.runs(pool)[0]
    assert run.table["row"].to_pylist() == select(vectors, 10, alpha=0.9, sampling="top").rows.tolist()
    sound(app.slider(key="widget.form.method.tsds.alpha").set_value(0.7).run())
    assert ticked() == [False, False]  # the person's own
    sound(app.button(key="purpose-0").click().run())
    assert app.slider(key="widget.form.method.tsds.alpha").value == 0.5
    assert app.selectbox(key="widget.form.method.tsds.sampling").value == "without_replacement"


def test_the_sliders_explain_themselves(screen, both):
    app = ready(open_page(screen))
    widgets = [app.slider, app.number_input, app.select_slider]
    for widget, name in zip(widgets, ("alpha", "c", "sigma"), strict=True):
        assert " Up: " in (text := widget(key=f"widget.form.method.tsds.{name}").help)
        assert " Down: " in text


def test_targets_that_nothing_resembles_are_listed_with_the_rule(screen, workspace, tmp_path, both, monkeypatch):
    pool, vectors = both
    shown = {}
    monkeypatch.setattr(
        texts, "TEXTS", lambda *, key, data, **_: shown.update({key: data["items"]}) or SimpleNamespace(open=None)
    )
    strange = add(workspace, tmp_path, "strange", 3, "exam")
    theirs = np.concatenate([vectors[:1], vectors[1:3] + 40])
    keep_imported(workspace, strange, "embedding", theirs, np.arange(3), [], "s.npz", Progress())
    app = ready(open_page(screen))
    sound(app.selectbox(key="widget.select.target").set_value("task").run())
    ready(app)
    assert select(vectors, 5).facts["unlike"] == 0
    assert "Nothing like them" not in app.segmented_control(key="widget.targets.view").options
    sound(app.selectbox(key="widget.select.target").set_value("strange").run())
    ready(app)
    sound(app.segmented_control(key="widget.targets.view").set_value("unlike").run())
    found = Tsds().select(Inputs({"embedding": vectors[:N]}, np.random.default_rng(0), target={"embedding": theirs}), 5)
    assert sorted(found.facts["unlike_examples"].tolist()) == [1, 2]
    assert found.facts["lacking"] in plainly(app)
    gaps = oracle.pairs(theirs, vectors[:N]).min(axis=1)
    assert [item["badge"] for item in shown["wall-unlike"]] == [
        f"the nearest is {gaps[at]:.3g} away" for at in found.facts["unlike_examples"]
    ]


def select(vectors, budget, **params):
    return Tsds(**params).select(
        Inputs({"embedding": vectors[:N]}, np.random.default_rng(0), target={"embedding": vectors[N:]}), budget
    )


def plainly(app) -> str:
    """What the page says, without what keeps Markdown from being read into it."""
    return said(app).replace("\\", "")


def test_what_was_drawn_again_says_how_often(screen, workspace, both, monkeypatch):
    shown = {}
    monkeypatch.setattr(
        texts, "TEXTS", lambda *, key, data, **_: shown.update({key: data["items"]}) or SimpleNamespace(open=None)
    )
    app = ready(open_page(screen, budget="40"))
    sound(app.selectbox(key="widget.form.method.tsds.sampling").set_value("multinomial").run())
    screens.keep(app, "keep-tsds")
    wait(app, lambda app: "kept of 300" in said(app))
    sound(app.segmented_control(key="widget.targets.view").set_value("kept").run())
    often = disk.runs(both[0])[0].table["count"].to_pylist()
    assert sum(often) == 40 > len(often)
    expected = [f"#{at}" + (f" · {many} times" if many > 1 else "") for at, many in enumerate(often, 1)]
    assert [item["badge"] for item in shown["wall-kept-tsds"]] == expected[: len(shown["wall-kept-tsds"])]


def test_no_target_is_chosen_in_silence(screen, workspace, tmp_path, both):
    """Not even the only one: pools that suit are named, a click each; one that is gone is said to be."""
    add(workspace, tmp_path, "other", 5, "exam")
    app = open_page(screen, target="")
    assert "Towards which examples?" in said(app)
    assert "target" not in app.query_params
    assert [app.button(key=f"target-{name}").proto.type for name in ("task", "other")] == ["primary", "secondary"]
    assert not list(workspace.folders("serving"))
    ready(sound(app.button(key="target-task").click().run()))
    assert app.query_params["target"] in ("task", ["task"])
    assert "There is no pool lost any more" in said(open_page(screen, target="lost"))


def test_photos_are_no_target_of_texts(screen, workspace, both, photos):
    add_pool(workspace, "photos", str(photos), "images")
    app = open_page(screen, target="")
    assert "target-photos" not in {one.key for one in app.button}
    assert "target-task" in {one.key for one in app.button}


def test_the_address_brings_everything_back(screen, both):
    """What was set is in the address, and a new tab on it shows the same."""
    asked = {"alpha": "0.9", "c": "4.5", "sigma": "0.0", "sampling": "top", "seed": "3", "show": "likely"}
    app = ready(open_page(screen, budget="20", **asked))
    assert app.slider(key="widget.form.method.tsds.alpha").value == 0.9
    assert app.number_input(key="widget.form.method.tsds.c").value == 4.5
    assert app.select_slider(key="widget.form.method.tsds.sigma").value == 0.0
    assert app.selectbox(key="widget.form.method.tsds.sampling").value == "top"
    assert app.number_input(key="widget.select.seed").value == 3
    assert app.segmented_control(key="widget.targets.view").value == "likely"
    assert app.button(key="purpose-1").proto.type == "primary"
    assert "scale of distances (C): 4.5 · seed 3" in said(app)
    first = [line for line in plainly(app).splitlines() if "of the way" in line]
    sound(app.slider(key="widget.form.method.tsds.alpha").set_value(0.8).run())
    assert app.query_params["alpha"] in ("0.8", ["0.8"])
    assert [line for line in plainly(app).splitlines() if "of the way" in line] != first


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("sigma", "0.8012", "Sigma cannot be 0.8012 here: the nearest that it can be is {nearest}, and that is set."),
        ("sigma", "-3", "Sigma cannot be -3 here: the nearest that it can be is 0, and that is set."),
        ("alpha", "2", "Alpha cannot be 2 here: the nearest that it can be is 1, and that is set."),
        ("alpha", "wide", "Alpha cannot be wide here: it is a number; as usual it is 0.5, and that is set."),
        ("c", "-1", "C cannot be -1 here: the nearest that it can be is 0.01, and that is set."),
        ("c", "nan", "C cannot be nan here: it is a number; as usual it is 5, and that is set."),
    ],
)
def test_what_cannot_be_set_goes_to_the_nearest_and_is_said(screen, workspace, both, name, asked, words):
    app = ready(open_page(screen, budget="4", **{name: asked}))
    stops = [0.0, *read_tables(next(iter(workspace.folders("serving")))).neighbours.widths]
    nearest = min(stops, key=lambda stop: abs(stop - 0.8012))
    words = words.format(nearest=f"{nearest:g}")
    assert words in plainly(app)
    value = float(re.search(r"it (?:can be )?is ([\d.]+), and", words)[1])
    kind = {"alpha": app.slider, "c": app.number_input, "sigma": app.select_slider}[name]
    assert kind(key=f"widget.form.method.tsds.{name}").value == pytest.approx(value)
    other = 0.75 if name == "sigma" and value != 0.75 else 0.25
    if name == "sigma":
        other = next(stop for stop in stops if stop not in (value, 0.0))
    sound(kind(key=f"widget.form.method.tsds.{name}").set_value(other).run())
    assert words not in plainly(app)


def test_a_value_of_the_address_that_can_be_set_is_taken_as_it_is(screen, both):
    app = ready(open_page(screen, budget="4", alpha="0.123", c="4.87"))
    assert app.slider(key="widget.form.method.tsds.alpha").value == 0.123
    assert app.number_input(key="widget.form.method.tsds.c").value == 4.87
    assert "cannot be" not in said(app)


def test_examples_of_the_target_stand_where_nothing_is_chosen(screen, both, monkeypatch):
    shown = {}
    monkeypatch.setattr(
        texts, "TEXTS", lambda *, key, data, **_: shown.update({key: data["items"]}) or SimpleNamespace(open=None)
    )
    assert "Examples of task" in said(ready(open_page(screen)))
    assert [item["row"] for item in shown["examples"]] == [0, 3, 7]
