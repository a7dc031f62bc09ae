"""The patterns and select pages without a browser: what is chosen, shown and explained, against the core and slow
readings.
"""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from datasel_core.actions import draw_map
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.ragged import Ragged
from datasel_core.features import computation
from datasel_core.features.chunks import Chunks
from datasel_core.features.external import keep_imported
from datasel_core.features.feature import Block
from datasel_core.features.stored import kept_features
from datasel_core.methods.nearest_targets import NearestTargets
from datasel_core.methods.tsds import Tsds
from datasel_core.runs import engine, manifest
from datasel_core.runs.catalog import names
from datasel_core.runs.run import is_preview
from datasel_core.runs.spec import Spec
from pages._ui.charts import colouring, map, map_link
from pages._ui.kit import markdown
from pages._ui.media import lens, reasons
from pages._ui.question import budget
from tests.conftest import ROOT, clustered, paint
from tests.pages import screens
from tests.pages.test_frame import said, sound, wait


@pytest.fixture
def screen(workspace, monkeypatch):
    """Opens a page as a new browser tab would, on this address."""
    screens.as_served(monkeypatch)

    def start(page, **query):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=900)
        for name, value in query.items():
            app.query_params[name] = value
        sound(app.run())
        return sound(app.switch_page(f"pages/{page}.py").run())

    return start


@pytest.fixture
def pool(workspace, tmp_path, rng):
    """Thirty photos in three groups, with an embedding."""
    for at in range(30):
        paint(tmp_path / "photos" / ("hat", "shirt", "shoe")[at % 3] / f"{at:02d}.jpg", at)
    pool = add_pool(workspace, "clothes", str(tmp_path / "photos"), "images")
    keep_imported(
        workspace, pool, "embedding", clustered(rng, 30, 6, 4), np.arange(30), [], "e.npz", computation.Progress()
    )
    return pool


@pytest.fixture
def patterned(workspace, pool, rng):
    """The same with two patterns per photo on a grid of 4 x 4 patches; photo 7 has none."""
    chunks = Chunks(workspace.feature("patterns-of-test"), pool.n)
    rows = np.delete(np.arange(pool.n), 7)
    labels = np.tile(np.repeat(np.array([-1, 0, 1, 1], np.int8), 4), (len(rows), 1))
    chunks.add(
        Block(
            rows,
            Ragged(clustered(rng, 2 * len(rows), 5, 4), np.arange(len(rows) + 1) * 2),
            [(7, "no patches")],
            {"patch_labels": labels},
        )
    )
    chunks.flush()
    about = {
        "key": "patterns-of-test",
        "id": "imported_patterns",
        "version": 1,
        "params": {},
        "role": "patterns",
        "facts": {"grid": 4},
    }
    return chunks.finish({**about, "pool": {"name": pool.name, "fingerprint": pool.fingerprint, "n": pool.n}}, pool.ids)


@pytest.fixture
def vectors(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at:03d}" for at in range(40)], embedding=clustered(rng, 40, 8, 6))
    return add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")


def embedding_of(workspace, pool):
    return next(one for one in kept_features(workspace, pool.fingerprint) if one.role == "embedding")


def run(workspace, pool, budget, method="k_center", seed=0, preview=False, **asked):
    spec = Spec(pool=pool.name, method=method, budget=str(budget), seed=seed, **asked)
    return engine.select(workspace, spec, preview=preview)


def finished(workspace):
    return sorted(folder.name for folder in workspace.folders("runs") if (folder / "manifest.json").exists())


# ---- patterns


def test_a_pool_without_features_says_what_to_do(screen, workspace, photos):
    add_pool(workspace, "bare", str(photos), "images")
    app = screen("patterns", pool="bare")
    assert "Nothing to map yet" in said(app)
    assert app.button(key="first-map").label == "Map of these photos, about 15 s"


def test_the_map_is_drawn_without_a_click(screen, workspace, pool):
    kept = embedding_of(workspace, pool)
    app = screen("patterns", pool="clothes")
    wait(app, lambda app: "the axes mean nothing" in said(app))
    name, _ = draw_map.read_map(workspace, kept.key)
    assert name in ("pca", "umap")
    wait(app, lambda _: draw_map.read_map(workspace, kept.key)[0] == "umap")
    assert (draw_map.read_clusters(workspace, kept.key) >= 0).all()
    assert "30 photos" in said(sound(app.run()))


def test_a_region_tells_how_many_of_how_many_and_of_which_group(screen, workspace, pool):
    kept = embedding_of(workspace, pool)
    draw_map.make_map(workspace, kept.key)
    points = map.points(kept)
    middle = int(np.median(points.xy[:, 0]))
    shape = [[-10.0, -10.0], [middle + 0.5, -10.0], [middle + 0.5, 65535.0], [-10.0, 65535.0]]
    inside = [row for row in range(pool.n) if points.xy[row, 0] < middle + 0.5]
    app = screen("patterns", pool="clothes", colour="group")
    app.session_state["kept.map.region"] = map_link.written([shape], points.tag)
    app = sound(app.run())
    text = said(app)
    assert f"**{len(inside)} of 30 photos** in the region" in text
    group = pool.column("group")
    for name in ("hat", "shirt", "shoe"):
        n = sum(group[row] == name for row in inside)
        assert (f"</i>{name} {n} of 10</span>" in text) == (n > 0)
    hidden = colouring.by_column(points, "group", group)
    app.session_state["kept.map.hidden"] = f"{hidden.tag}-{hidden.names.index('shoe')}"
    left = sum(group[row] != "shoe" for row in inside)
    assert f"**{left} of 30 photos** in the region" in said(sound(app.run()))
    app.button(key="clear-region").click()
    assert "in the region" not in said(sound(app.run()))


def test_a_region_of_patterns_counts_photos_and_patterns(screen, workspace, pool, patterned):
    draw_map.make_map(workspace, patterned.key)
    points = map.points(patterned)
    low = int(np.median(points.xy[:, 1]))
    shape = [[-10.0, -10.0], [65535.0, -10.0], [65535.0, low + 0.5], [-10.0, low + 0.5]]
    places = np.flatnonzero(points.xy[:, 1] < low + 0.5)
    app = screen("patterns", pool="clothes", role=patterned.key)
    app.session_state["kept.map.region"] = map_link.written([shape], points.tag)
    text = said(sound(app.run()))
    assert (
        f"**{len(np.unique(patterned.values().owners()[places]))} of 30 photos**, {len(places)} of 58 patterns, in "
        "the region" in text
    )
    app.session_state["kept.open_row"] = 3
    assert "Similar photos" in said(sound(app.run()))


def test_samples_without_a_value_have_no_point(workspace, pool, patterned):
    draw_map.make_map(workspace, patterned.key)
    points = map.points(patterned)
    assert points.n_points == 58
    assert points.places(np.array([7])).tolist() == []
    assert points.places(np.array([8, 0])).tolist() == [14, 15, 0, 1]
    assert points.xy.max() <= 65000


def test_a_column_of_many_values_keeps_eleven_and_greys_the_rest(workspace, vectors):
    kept = kept_features(workspace, vectors.fingerprint)[0]
    draw_map.make_map(workspace, kept.key)
    points = map.points(kept)
    values = np.array([f"g{at % 20:02d}" if at >= 20 else "big" for at in range(40)])
    labels = colouring.by_column(points, "many", values)
    assert labels.names[-1] == "10 others"
    assert len(labels.names) == 12
    assert labels.sizes == [20, *[1] * 10, 10]
    assert [labels.names[label] for label in labels.of[[0, 39]]][0] == "big"


def test_lit_patches_stay_bright_and_the_rest_turns_dark(workspace, pool, patterned):
    import base64
    import io

    from PIL import Image

    def pixels(url):
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"), np.float64)

    plain, one = pixels(lens.lit(pool, None, 0, px=64)), pixels(lens.lit(pool, patterned, 0, 1, px=64))
    tall = plain.shape[0]
    np.testing.assert_allclose(
        one[tall // 2 + 3 : tall - 3, 3:-3], plain[tall // 2 + 3 : tall - 3, 3:-3], atol=40
    )  # pattern 1: the lower half, but for JPEG
    assert one[: tall // 4 - 2].mean() < 0.6 * plain[: tall // 4 - 2].mean()
    assert lens.grid(patterned, 0).tolist() == [[-1] * 4, [0] * 4, [1] * 4, [1] * 4]


# ---- select


def test_methods_that_lack_something_say_what(screen, workspace, pool):
    app = screen("select", pool="clothes")
    assert "method-freesel" not in [one.key for one in app.button]
    assert "needs the feature patterns, which this pool does not have yet" in said(app)
    assert not app.button(key="method-k_center").disabled


def test_choose_then_live_budget_then_keep(screen, workspace, pool):
    app = screen("select", pool="clothes", method="k_center", budget="10")
    assert "Nothing chosen yet" in said(app)
    assert app.button(key="keep").disabled
    app.button(key="choose").click()
    wait(app, lambda app: "10 of 30 photos, 20 dropped." in said(app))
    first = finished(workspace)
    app.select_slider(key="budget.slide").set_value(6)
    text = said(sound(app.run()))
    assert "6 of 30 photos, 24 dropped." in text
    assert (app.number_input(key="budget.count").value, app.number_input(key="budget.share").value) == (6, 20.0)
    assert app.query_params["budget"] in ("6", ["6"])
    assert finished(workspace) == first  # a smaller budget is a prefix: nothing was run
    assert app.query_params.get("run") is None
    screens.keep(app)
    wait(app, lambda app: app.button(key="keep").label == "Kept")
    key = app.query_params["run"][0] if isinstance(app.query_params["run"], list) else app.query_params["run"]
    kept = manifest.kept_table(workspace.run(key))["id"].to_pylist()
    assert kept == engine.select(workspace, Spec(pool="clothes", method="k_center", budget="6"), again=True).ids
    assert manifest.read(workspace.run(key))["budget"]["granted"] == 6
    assert app.button(key="keep").disabled


def test_what_was_only_looked_at_is_in_no_list_until_it_is_kept(screen, workspace, pool):
    looked = run(workspace, pool, 12, preview=True)
    app = screen("select", pool="clothes", method="k_center", budget="12")
    assert "**12 of 30 photos**" in said(app)
    assert "Earlier selections can be narrowed" in said(app)
    screens.keep(app)
    wait(app, lambda app: app.button(key="keep").label == "Kept")
    assert not is_preview(looked.folder)
    assert (looked.name, looked.note) == ("k-center, 12", "")
    assert "12 by k-center greedy" in app.selectbox(key="widget.select.within").options[1]


def test_keep_asks_what_it_is_to_be_called(screen, workspace, pool):
    taken = engine.select(workspace, Spec(pool="clothes", method="random", budget="3"))
    names.give(workspace, taken.folder, "taken")
    looked = run(workspace, pool, 12, preview=True)
    app = screen("select", pool="clothes", method="k_center", budget="12")
    assert not [one for one in app.text_input if one.key == "keep-as.name"]
    sound(app.button(key="keep").click().run())
    assert "12 photos of 30, by k-center greedy." in said(app)
    assert app.text_input(key="keep-as.name").value == "k-center, 12"
    app.text_input(key="keep-as.name").set_value(" taken ")
    sound(app.button(key="keep-as.send").click().run())
    [one] = app.error
    assert markdown.plain(f"There is a selection called taken already ({taken.key}); choose another name") in one.value
    assert is_preview(looked.folder)
    app.text_input(key="keep-as.name").set_value("final ![round](http://example.org/x.png)")
    app.text_area(key="keep-as.note").set_value("for *Anna*\nand Ben")
    sound(app.button(key="keep-as.send").click().run())
    wait(app, lambda app: app.button(key="keep").label == "Kept")
    assert (looked.name, looked.note) == ("final ![round](http://example.org/x.png)", "for *Anna*\nand Ben")
    assert not [one for one in app.text_input if one.key == "keep-as.name"]
    sound(app.switch_page("pages/export.py").run())
    assert "![round](" not in "".join(one.value for one in app.markdown)


def test_count_share_and_slider_agree_and_stay_within_the_limits(screen, workspace, pool):
    app = screen("select", pool="clothes", method="random", budget="10%")
    assert app.number_input(key="budget.count").value == 3
    app.number_input(key="budget.share").set_value(50.0)
    app = sound(app.run())
    assert app.select_slider(key="budget.slide").value == app.number_input(key="budget.count").value == 15
    app.number_input(key="budget.share").set_value(0.0)
    assert sound(app.run()).number_input(key="budget.count").value == 1
    assert app.number_input(key="budget.count").max == 30
    assert (
        screen("select", pool="clothes", method="random", budget="999999").number_input(key="budget.count").value == 30
    )
    assert (
        screen("select", pool="clothes", method="random", budget="nonsense").number_input(key="budget.count").value == 3
    )


def test_why_and_why_not_say_ranks_and_distances_of_the_core(screen, workspace, pool):
    made = run(workspace, pool, 8)
    rows, values = made.selection.rows, np.asarray(embedding_of(workspace, pool).values(), np.float64)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    gaps = 1 - unit @ unit.T
    app = screen("select", pool="clothes", method="k_center", budget="8")
    assert "Why #1?" in said(app)
    assert "The choice began here." in said(app)
    app.session_state["kept.open_row"] = int(rows[4])
    text = said(sound(app.run()))
    before = rows[:4][gaps[rows[4], rows[:4]].argmin()]
    assert "Why #5?" in text
    assert f"Chosen because it was {gaps[rows[4], before]:.3f} away from everything kept before." in text
    assert f"Nearest kept before it: #{rows.tolist().index(before) + 1}, {gaps[rows[4], before]:.3f} away." in text
    means = [gaps[:, rows[:b]].min(axis=1).mean() for b in (4, 5)]
    first = gaps[:, rows[:1]].min(axis=1).mean()  # shares of one whole, so that they add up
    assert f"the photos are **{100 * (means[0] - means[1]) / first:.2g} %** nearer" in text
    assert f"{100 * means[1] / first:.1f} % are left of the distance after the first pick" in text
    app.button(key="why-Next").click()
    assert "Why #6?" in said(sound(app.run()))
    row = next(row for row in range(30) if row not in rows)
    app.session_state["kept.open_row"] = row
    text = said(sound(app.run()))
    near = rows[gaps[row, rows].argmin()]
    assert "Why not this one?" in text
    assert f"Nearest kept: **#{rows.tolist().index(near) + 1}**, {gaps[row, near]:.3f} away" in text


def test_a_longer_run_says_when_a_dropped_one_would_be_kept(screen, workspace, pool):
    rows = run(workspace, pool, 20, preview=True).selection.rows
    run(workspace, pool, 5)  # kept later, and shorter: the longer one still knows more
    app = screen("select", pool="clothes", method="k_center", budget="5")
    app.session_state["kept.open_row"] = int(rows[13])
    assert "It would be kept with a budget of **14**." in said(sound(app.run()))


def test_random_at_the_same_budget_is_named_when_it_was_run(screen, workspace, pool):
    run(workspace, pool, 8)
    app = screen("select", pool="clothes", method="k_center", budget="8")
    assert "Random at the same budget" not in said(app)
    rows = run(workspace, pool, 20, method="random").selection.rows[:8]
    values = np.asarray(embedding_of(workspace, pool).values(), np.float64)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    mean = (1 - unit @ unit[rows].T).min(axis=1).mean()
    assert f"Random at the same budget: {mean:.3f}" in said(sound(app.run()))


@pytest.fixture
def grouped(workspace, tmp_path, rng):
    """1,000 vectors in 250 groups, which another column puts into three."""
    groups = np.arange(1000) % 250
    columns = {"id": [f"s{at:04d}" for at in range(1000)], "group": [f"g{at:03d}" for at in groups]}
    columns["third"] = [None if at % 3 == 2 else f"_{at % 3}_" for at in groups]
    pq.write_table(pa.table({**columns, "vector": list(clustered(rng, 1000, 6, 9))}), tmp_path / "v.parquet")
    return add_pool(workspace, "many", str(tmp_path / "v.parquet"), "vectors")


def spread_of(app):
    return re.search(r"([\d,]+) of ([\d,]+) groups have a kept vector; fewest: (.+?), ([\d,]+)\.", said(app)).groups()


def test_all_of_250_groups_are_counted_as_the_manifest_counts_them(screen, workspace, grouped):
    balance = run(workspace, grouped, 250, method="stratified").manifest["result"]["metrics"]["balance"]
    assert (balance["groups_kept"], balance["groups"]) == (250, 250)
    app = screen("select", pool="many", method="stratified", budget="250")
    assert spread_of(app) == ("250", "250", balance["rarest"], "1")


@pytest.mark.parametrize("budget", [7, 230, 600, 999])
def test_the_beginning_of_a_longer_run_is_counted_as_its_own_manifest_would(screen, workspace, grouped, budget):
    run(workspace, grouped, 1000, method="random", preview=True)
    app = screen("select", pool="many", method="random", budget=str(budget))
    assert f"**{budget} of 1,000 vectors**" in said(app)
    shown = spread_of(app)
    balance = run(workspace, grouped, budget, method="random").manifest["result"]["metrics"]["balance"]
    assert shown == (str(balance["groups_kept"]), "250", balance["rarest"], str(balance["rarest_count"]))
    assert spread_of(sound(app.run())) == shown  # now from the manifest itself


def test_the_groups_that_the_method_was_given_are_those_counted(screen, workspace, grouped):
    asked = {"method": "stratified", "use": {"group": "third"}, "params": {"allocation": "sqrt"}}
    short = run(workspace, grouped, 9, **asked).manifest["result"]["metrics"]["balance"]
    app = screen("select", pool="many", method="stratified", budget="9")
    app.session_state["kept.select.use.group"] = "third"
    app.session_state["kept.form.method.stratified.allocation"] = "sqrt"
    shown = spread_of(sound(app.run()))
    rarest = markdown.plain(short["rarest"]) or "no group"
    assert shown == (str(short["groups_kept"]), "3", rarest, str(short["rarest_count"]))


def test_samples_that_were_not_measured_are_not_counted_before_or_after(screen, workspace, grouped, rng):
    rows = np.arange(400, 1000)
    lacking = [(row, "no vector") for row in range(400)]
    values = clustered(rng, 600, 6, 4)
    keep_imported(workspace, grouped, "embedding", values, rows, lacking, "e.npz", computation.Progress())
    run(workspace, grouped, 1000, method="random", preview=True)
    shown = spread_of(screen("select", pool="many", method="random", budget="100"))
    balance = run(workspace, grouped, 100, method="random").manifest["result"]["metrics"]["balance"]
    assert sum(balance["counts"].values()) < 100
    assert shown == (str(balance["groups_kept"]), "250", balance["rarest"], str(balance["rarest_count"]))


def test_a_column_of_too_many_values_is_no_grouping_here_either(screen, workspace, tmp_path, rng):
    columns = {"id": [f"s{at:04d}" for at in range(1100)], "group": [f"g{at:04d}" for at in range(1100)]}
    pq.write_table(pa.table({**columns, "vector": list(clustered(rng, 1100, 6, 9))}), tmp_path / "v.parquet")
    pool = add_pool(workspace, "many", str(tmp_path / "v.parquet"), "vectors")
    assert "balance" not in run(workspace, pool, 50, method="random").manifest["result"]["metrics"]
    for n in (50, 20):
        text = said(screen("select", pool="many", method="random", budget=str(n)))
        assert f"**{n} of 1,100 vectors**" in text
        assert "groups have a kept" not in text


def test_a_wrong_filter_is_one_line(screen, workspace, pool):
    app = screen("select", pool="clothes", method="random", budget="5")
    app.text_input(key="widget.select.where").set_value("colour = 'red'").run()
    assert any("does not work" in error.value for error in app.error)
    assert finished(workspace) == []


def test_within_limits_the_budget_to_what_was_kept(screen, workspace, pool):
    earlier = run(workspace, pool, 12, method="random")
    app = screen("select", pool="clothes", method="k_center", budget="20")
    app.selectbox(key="widget.select.within").set_value(earlier.key)
    app = sound(app.run())
    assert app.number_input(key="budget.count").max == 12
    app.number_input(key="budget.count").set_value(4).run()
    app.button(key="choose").click()
    wait(app, lambda app: "**4 of 30 photos**" in said(app))
    made = [
        json.loads((workspace.run(key) / "what.json").read_text()) for key in finished(workspace) if key != earlier.key
    ]
    assert made[0]["within"] == earlier.manifest["result"]["ids_sha256"]


def test_vectors_are_listed_with_rank_and_reason(screen, workspace, vectors):
    made = run(workspace, vectors, 7)
    app = screen("select", pool="vec", method="k_center", budget="7")
    table = app.dataframe[0].value
    assert table["id"].tolist() == made.ids
    assert table["#"].tolist() == list(range(1, 8))
    assert "away from everything kept before" in table["why"].iloc[3]


def test_patterns_explain_which_pattern_brought_a_photo_in(screen, workspace, pool, patterned):
    made = run(workspace, pool, 9, method="freesel")
    app = screen("select", pool="clothes", method="freesel", budget="9")
    app.session_state["kept.open_row"] = int(made.selection.rows[2])
    said_then = json.loads(made.table["why"][2].as_py())
    text = said(sound(app.run()))
    assert (
        f"Chosen because its pattern {said_then['pattern'] + 1} was {said_then['distance']:.3f} away from every "
        "pattern kept before." in text
    )
    app.session_state["kept.open_row"] = 7
    assert "It has no patterns" in said(sound(app.run()))


def test_marks_of_a_large_slider_are_round_and_end_at_the_limit():
    marks = budget._marks(1_000_000)
    assert marks[:11] == list(range(1, 12))
    assert all(later <= 1.2 * mark for mark, later in zip(marks, marks[1:], strict=False) if mark >= 10)
    assert marks[0] == 1
    assert marks[-1] == 1_000_000
    assert {50, 100, 250, 10_000} <= set(marks)
    assert len(marks) < 200
    assert budget._marks(37)[-3:] == [35, 36, 37]


@pytest.mark.parametrize(
    ("because", "said_of_it", "rank", "expected"),
    [
        ("it was {distance:.2f} away", {"distance": 0.5}, 3, "it was 0.50 away"),
        (
            "its pattern {pattern} was {distance:.2f} away",
            {"pattern": 0, "distance": 0.5},
            3,
            "its pattern 1 was 0.50 away",
        ),
        ("its pattern {pattern} was {distance:.2f} away", {"pattern": -1}, 1, "the choice began here"),
        (
            "its pattern {pattern} was {distance:.2f} away",
            {"pattern": -1},
            9,
            "it fills the budget: what was left repeats what is kept",
        ),
        ("drawn at random", {}, 4, "drawn at random"),
        ("it was {distance:.2f} away", {}, 1, "the choice began here"),
        ("it was {distance:.2f} away", {}, 2, "it fills the budget: what was left repeats what is kept"),
        ("it was {distnce:.2f} away", {"distance": 0.5}, 1, "the record does not say why: it has no distnce"),
        ("pattern {pattern} is {like:.2f} like it", {"pattern": -1}, 2, "the record does not say why: it has no like"),
        (
            "drawn from cluster {cluster}, {size} samples",
            {"cluster": 0, "size": 7},
            2,
            "drawn from cluster 1, 7 samples",
        ),
        (
            Tsds.because,
            {"probability": 0.25, "target": 0, "distance": 0.5},
            1,
            "it has the chance 0.25, most of it for target example 1, 0.500 away",
        ),
        (
            NearestTargets.because,
            {"target": 8, "distance": 0.5},
            9,
            "it was the nearest one left to target example 9, 0.500 away",
        ),
    ],
)
def test_reasons_are_sentences(because, said_of_it, rank, expected):
    assert reasons.reason(because, said_of_it, rank) == expected
