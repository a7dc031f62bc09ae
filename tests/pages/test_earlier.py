"""A second batch without a browser: what was chosen earlier counts as kept, in every number, colour and word."""

import numpy as np
import pytest

from datasel_core.actions import draw_map
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.exports.run_folder import copy_run
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import kept_features
from datasel_core.runs import manifest
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from pages._ui.charts import colouring, map
from pages._ui.kit import disk, markdown, palette
from pages._ui.question import earlier
from tests.conftest import clustered, paint
from tests.pages import screens
from tests.pages.screens import chosen, keep, said, sound, to_export, wait

screen, vector_pool = screens.screen, screens.vector_pool


@pytest.fixture
def pool(workspace, tmp_path, rng):
    """Thirty photos in three groups, with an embedding and its map."""
    for at in range(30):
        paint(tmp_path / "photos" / ("hat", "shirt", "shoe")[at % 3] / f"{at:02d}.jpg", at)
    pool = add_pool(workspace, "clothes", str(tmp_path / "photos"), "images")
    kept = keep_imported(workspace, pool, "embedding", clustered(rng, 30, 6, 4), np.arange(30), [], "e.npz", Progress())
    draw_map.make_map(workspace, kept.key)
    return pool


@pytest.fixture
def batches(workspace, pool):
    """Ten by random, then six more by k-center greedy."""
    first = select(workspace, Spec(pool="clothes", method="random", budget="10", seed=3))
    second = select(workspace, Spec(pool="clothes", method="k_center", budget="6", already=first.key))
    return first, second


@pytest.fixture
def page(screen):
    """The page Select on an address."""
    return lambda **asked: sound(
        screen(pool="clothes", **{"method": "k_center", "budget": "6", **asked}).switch_page("pages/select.py").run()
    )


def gaps_of(workspace, pool):
    values = np.asarray(kept_features(workspace, pool.fingerprint)[0].values(), np.float64)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return 1 - unit @ unit.T


def test_the_page_says_new_and_earlier_and_measures_both(page, workspace, pool, batches):
    first, second = batches
    app = page(already=first.key)
    text = said(app)
    assert "6 new + 10 earlier of 30 photos, 14 dropped." in text
    rows, before, gaps = second.selection.rows, first.selection.rows, gaps_of(workspace, pool)
    both = np.concatenate([before, rows])
    mean, largest = gaps[:, both].min(axis=1).mean(), gaps[:, both].min(axis=1).max()
    assert f"on average {mean:.3f} away from the nearest kept, new or earlier, at most {largest:.3f}" in text
    assert f"From the new ones alone it would be {gaps[:, rows].min(axis=1).mean():.3f}." in text
    groups = pool.column("group")[both]
    fewest = min(("hat", "shirt", "shoe"), key=lambda name: ((groups == name).sum(), name))
    assert f"3 of 3 groups have a kept photo; fewest: {fewest}, {(groups == fewest).sum()}." in text
    assert app.segmented_control(key="widget.select.show").options == [
        "New 6",
        "Earlier 10",
        "All 30",
        "Next best",
    ]
    assert app.query_params["already"] in (first.key, [first.key])
    legend = [f"background:{colour}" for colour in (palette.colour_of("k_center"), palette.DROPPED)]
    legend.append(f"background:{palette.earlier(palette.colour_of('k_center'))}")
    assert all(one in text for one in (*legend, "6 new", "10 earlier", "14 dropped"))


def test_the_beginning_of_a_longer_second_batch_is_counted_alike(page, workspace, pool, batches):
    first, second = batches
    select(workspace, Spec(pool="clothes", method="k_center", budget="12", already=first.key), preview=True)
    text = said(page(already=first.key, budget="4"))
    assert "4 new + 10 earlier of 30 photos, 16 dropped." in text
    groups = pool.column("group")[[*first.selection.rows, *second.selection.rows[:4]]]
    fewest = min(("hat", "shirt", "shoe"), key=lambda name: ((groups == name).sum(), name))
    assert f"fewest: {fewest}, {(groups == fewest).sum()}." in text
    assert "From the new ones alone" not in text  # nothing has measured these four


def test_a_second_batch_is_chosen_and_kept_from_the_screen(page, workspace, pool, batches):
    first, second = batches
    app = page(method="random", budget="5")
    assert "In addition" not in said(app)
    before = app.selectbox(key="widget.already")
    assert before.label == "Count as chosen already"
    assert [one.partition(",")[0] for one in before.options] == ["none", *wanted(pool)]
    app = sound(before.set_value(second.key).run())
    assert app.number_input(key="budget.count").max == 14  # also those that the second batch counted
    app.button(key="choose").click()
    wait(app, lambda app: "5 new + 16 earlier of 30 photos, 9 dropped." in said(app))
    keep(app)
    wait(app, lambda app: app.button(key="keep").label == "Kept")
    run = manifest.read(workspace.run(app.query_params["run"]))
    assert manifest.counts(run).words == "5 new + 16 earlier of 30"
    assert f"--already {second.key}" in run["command"]
    assert "5 new + 16 earlier of 30, 9 dropped (70.0 %)" in said(app)  # the strip


def wanted(pool):
    """Options: newest first."""
    return [f"{manifest.counts(run.manifest).parts} by {title(run)}" for run in disk.runs(pool)]


def title(run):
    return {"random": "Random", "k_center": "k-center greedy"}[run.manifest["method"]["id"]]


def test_within_and_already_are_different_words(page, pool, batches):
    first, second = batches
    app = page()
    assert "6 by k-center greedy" in str(app.selectbox(key="widget.select.within").options)
    assert "6 new + 10 earlier by k-center greedy" in str(app.selectbox(key="widget.already").options)
    app.selectbox(key="widget.select.within").set_value(first.key).run()
    app.number_input(key="budget.count").set_value(4).run()
    app.button(key="choose").click()
    wait(app, lambda app: "4 of 30 photos, chosen among the 10 of an earlier selection, 26 dropped" in said(app))


def test_a_sample_chosen_earlier_is_neither_picked_nor_dropped(page, workspace, pool, batches):
    first, second = batches
    gaps, before, rows = gaps_of(workspace, pool), first.selection.rows, second.selection.rows
    app = page(already=first.key)
    app.session_state["kept.open_row"] = int(before[2])
    text = said(sound(app.run()))
    assert "Chosen earlier" in text
    assert "One of the 10 that count as chosen: never chosen again, what it covers is covered." in text
    assert "Why not this one?" not in text
    app.session_state["kept.open_row"] = int(rows[0])  # the first pick: before it there are only earlier ones
    distance = gaps[rows[0], before].min()
    text = said(sound(app.run()))
    assert f"Nearest kept before it: an earlier one, {distance:.3f} away." in text
    assert f"it was {distance:.3f} away from everything kept before" in text  # as the method itself said
    kept = [*before, *rows]
    row = next(row for row in range(30) if row not in kept and gaps[row, before].min() < gaps[row, rows].min())
    app.session_state["kept.open_row"] = row
    text = said(sound(app.run()))
    assert f"Nearest kept: **an earlier one**, {gaps[row, before].min():.3f} away" in text
    assert "Covered that well by the earlier ones already." in text or "No pick came that near yet." in text


def test_an_earlier_one_without_a_value_is_said_to_cover_nothing(page, workspace, pool, rng):
    first = select(workspace, Spec(pool="clothes", method="random", budget="10", seed=3))
    row = int(first.selection.rows[4])
    rest = np.delete(np.arange(30), row)
    values = clustered(rng, 29, 6, 4)
    keep_imported(workspace, pool, "embedding", values, rest, [(row, "no vector")], "f.npz", Progress())
    second = select(workspace, Spec(pool="clothes", method="k_center", budget="6", already=first.key))
    app = page(already=first.key)
    assert "6 new + 10 earlier of 30 photos" in said(app)
    app.session_state["kept.open_row"] = row
    assert "It counts as chosen, but has no value in what the method looks at" in said(sound(app.run()))
    app = to_export(app)
    sound(app.selectbox(key="widget.run").set_value(second.key).run())
    assert "counting as chosen an earlier selection of 10, of which 1 have no value and cover nothing" in said(app)


def test_vectors_chosen_earlier_are_listed_so(screen, workspace, vector_pool):
    first = chosen(workspace, vector_pool, "random", "30")
    select(workspace, Spec(pool="vec", method="k_center", budget="9", already=first.key))
    app = screen(pool="vec", method="k_center", budget="9", already=first.key)
    app = sound(app.switch_page("pages/select.py").run())
    for view, whys in (("earlier", {"chosen earlier"}), ("all", {"chosen earlier", "dropped"})):
        table = sound(app.segmented_control(key="widget.select.show").set_value(view).run()).dataframe[0].value
        assert set(table["why"]) & {"chosen earlier", "dropped"} == whys
        assert table[table["why"] == "chosen earlier"]["id"].tolist() == (
            first.ids if view == "earlier" else sorted(first.ids)
        )
    assert (table["why"] == "dropped").sum() == 120 - 39


def test_the_map_of_a_selection_has_three_colours(workspace, pool, batches):
    first, second = batches
    points = map.points(kept_features(workspace, pool.fingerprint)[0])
    rows = disk.rows(second)
    labels = colouring.by_kept(points, rows, "#2f7de1", disk.earlier(pool, second))
    assert list(zip(labels.names, labels.sizes, strict=True)) == [("new", 6), ("earlier", 10), ("dropped", 14)]
    assert [labels.of[row] for row in (rows[0], first.selection.rows[0])] == [0, 1]
    assert labels.colours[1] == palette.earlier("#2f7de1")
    plain = colouring.by_kept(points, rows, "#2f7de1", disk.earlier(pool, first))
    assert (list(plain.names), plain.sizes) == (["kept", "dropped"], [6, 24])
    assert plain.key != labels.key


def test_export_says_both_and_records_whose_metrics_are_which(screen, workspace, pool, batches):
    first, second = batches
    app = to_export(screen(pool="clothes", run=second.key))
    text = said(app)
    assert "6 new + 10 earlier of 30, 14 dropped (53.3 %)" in text
    assert "all 6 new, in pick order; the earlier are not among them" in text
    assert "<dd>6 new + 10 earlier of 30 (53.3 %)</dd>" in text
    result = second.manifest["result"]
    together, alone = text.index("Measured of new and earlier together"), text.index("Measured of the new ones alone")
    assert f"{result['metrics_with_earlier']['coverage']['mean']:.3g}" in text[together:alone]
    assert f"{result['metrics']['coverage']['mean']:.3g}" in text[alone:]
    sound(app.selectbox(key="widget.run").set_value(first.key).run())
    text = said(app)
    assert "10 kept of 30, 20 dropped (33.3 %)" in text
    assert "all 10 kept, in pick order" in text
    assert "Measured of" not in text


def test_a_second_batch_opened_again_brings_back_what_it_was_built_on(screen, workspace, pool, batches, tmp_path):
    first, second = batches
    copy = copy_run(second, tmp_path / "taken")
    app = to_export(screen(pool="clothes"))
    app.text_input(key="widget.reopen.folder").set_value(str(copy.folder)).run()
    app.button(key="reopen").click().run()
    wait(app, lambda app: "identical to" in said(app))
    assert markdown.plain("Opened again: 6 new + 10 earlier of 30, 14 dropped") in said(app)
    assert app.query_params["already"] in (first.key, [first.key])
    app = sound(app.switch_page("pages/select.py").run())
    assert app.selectbox(key="widget.already").value == first.key
    assert "**6 new + 10 earlier of 30 photos**" in said(app)


def test_what_it_was_built_on_may_have_come_with_it(screen, workspace, pool, batches, tmp_path):
    """As in another workspace, where the first batch never was."""
    first, second = batches
    copy = copy_run(second, tmp_path / "taken")
    for path in [*first.folder.iterdir(), *second.folder.iterdir()]:
        path.unlink()
    app = to_export(screen(pool="clothes"))
    app.text_input(key="widget.reopen.folder").set_value(str(copy.folder)).run()
    app.button(key="reopen").click().run()
    wait(app, lambda app: "identical to" in said(app))
    value = f"{second.key}/already.parquet"
    assert earlier.choices(pool, "already")[value] == "10 that k-center greedy, seed 0 was built on"
    assert app.query_params["already"] in (value, [value])
    app = sound(app.switch_page("pages/select.py").run())
    assert app.selectbox(key="widget.already").value == value
    assert "**6 new + 10 earlier of 30 photos**" in said(app)


def test_another_pool_forgets_what_counted_as_chosen(page, vector_pool, batches):
    app = page(already=batches[0].key)
    app.session_state["kept.pool"] = "vec"
    app = sound(app.switch_page("pages/data.py").run())
    app = sound(app.switch_page("pages/select.py").run())
    assert "already" not in app.query_params
    assert "earlier" not in said(app)
