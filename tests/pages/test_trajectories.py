"""The page Trajectories without a browser: what it says of clusters, quotas and sources, against numpy."""

import dataclasses
import html
import json
import re
from collections import Counter

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.evidence import holdout as drawing
from datasel_core.features.external import keep_imported
from pages._ui.charts import clusters, maps
from pages._ui.kit import disk, markdown
from pages._ui.media import detail, reasons
from pages._ui.trajectories import proxy
from tests.pages import screens
from tests.pages.screens import said, sound, wait

screen = screens.screen
N, T = 240, 6


@pytest.fixture
def questions(workspace, tmp_path, rng):
    """240 prompts with responses from four sources, and trajectories of four shapes; the fourth source is small."""
    source = np.repeat(["sums", "words", "dates", "rare"], (100, 80, 50, 10))
    lines = [
        {"id": f"q{at:03d}", "source": str(name), "prompt": f"What is {at} + 1?", "response": f"It is {at + 1}."}
        for at, name in enumerate(source)
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pool = add_pool(workspace, "questions", str(tmp_path / "in.jsonl"), "text")
    height = np.array([{"sums": 1.0, "words": 2.0, "dates": 3.0, "rare": 5.0}[name] for name in source])
    losses = (height[:, None] * np.exp(-0.4 * np.arange(T)) + 0.02 * rng.standard_normal((N, T))).astype(np.float32)
    return pool, source, losses


@pytest.fixture
def measured(workspace, questions):
    pool, source, losses = questions
    keep_imported(workspace, pool, "loss_trajectory", losses, np.arange(N), [], "losses.npz", Progress())
    return pool, source, losses


def open_page(screen, **query):
    return sound(screen(pool="questions", **query).switch_page("pages/trajectories.py").run())


def chosen(app):
    return wait(app, lambda app: "chosen** (" in said(app))


def test_what_is_set_aside_is_not_said_to_lack_a_trajectory(screen, workspace, questions):
    pool, _, losses = questions
    there, lacking = np.delete(np.arange(N), 3), [(3, "not measured")]
    keep_imported(workspace, pool, "loss_trajectory", losses[there], there, lacking, "losses.npz", Progress())
    held = drawing.draw(workspace, pool, "25%").rows(pool)
    rest = N - len(np.union1d(held, [3]))
    text = said(chosen(open_page(screen, method="s2l", budget="24")))
    assert f" chosen** (10.0 %), 1 have no trajectory, {N - rest - 1:,} cannot be chosen. " in text


def strip(app):
    return next(one.proto.body for one in app.get("html") if "ds-strip" in one.proto.body)


def test_what_is_chosen_is_no_selection_until_it_is_kept(screen, measured):
    app = chosen(open_page(screen, budget="24"))
    assert "preview: 24 of 240 samples, not kept" in strip(app)
    assert "onward-trajectories" not in {one.key for one in app.button}
    assert " kept" not in said(app).replace("not kept", "")
    screens.keep(app, "keep-s2l")
    wait(app, lambda app: "24 kept of 240, 216 dropped" in strip(app))
    assert "preview" not in strip(app)
    sound(app.button(key="onward-trajectories").click().run())
    assert "Intact" in said(app)


def test_the_address_brings_back_clusters_order_and_view(screen, measured):
    app = chosen(open_page(screen, budget="24", clusters="4", order="name", cluster="2", below="sources"))
    assert "4 clusters; at most" in said(app)
    assert "<td>rare</td>" in said(app)
    assert app.selectbox(key="widget.trajectories.sort").value == "name"
    sound(app.segmented_control(key="widget.trajectories.view").set_value("members").run())
    assert "Cluster 3</h2>" in said(app)
    assert app.query_params["cluster"] in ("2", ["2"])


def test_without_trajectories_it_says_both_ways_to_them(screen, questions):
    app = open_page(screen)
    text = said(app)
    assert "Fit a small model here" in text
    assert "Bring trajectories" in text
    assert not app.button(key="fit-proxy").disabled
    assert app.button(key="import-losses").disabled


def test_the_page_is_offered_where_there_is_something_to_learn(screen, workspace, photos):
    add_pool(workspace, "photos", str(photos), "images")
    with pytest.raises(ValueError, match=r"pages/trajectories\.py"):
        screen(pool="photos").switch_page("pages/trajectories.py")


def test_it_clusters_by_itself_and_says_how_many_of_each(screen, measured):
    pool, source, _ = measured
    app = open_page(screen, budget="24")
    app.session_state["widget.form.method.s2l.n_clusters"] = 4
    app.session_state["kept.form.method.s2l.n_clusters"] = 4
    text = said(wait(app, lambda app: "4 clusters" in said(app)))
    assert "**24 of 240 samples chosen** (10.0 %). " in text
    assert "4 clusters; at most 6 of each, 0 of them whole." in text  # four clusters of 10 to 100 share 24 evenly
    run = next(run for run in disk.runs(pool, previews=True) if run.manifest["method"]["params"]["n_clusters"] == 4)
    rows = run.selection.rows[:24]
    assert Counter(source[rows]) == dict.fromkeys(("sums", "words", "dates", "rare"), 6)


def test_sources_are_counted_beside_what_random_keeps(screen, measured):
    pool, source, _ = measured
    app = chosen(open_page(screen, budget="24"))
    sound(app.segmented_control(key="widget.trajectories.view").set_value("sources").run())
    found = re.findall(r"<tr><td>(\w+)</td>" + r"<td class=n>([\d.,]+)</td>" * 4, said(app))
    rows = disk.runs(pool, previews=True)[0].selection.rows[:24]
    kept, whole = Counter(source[rows]), Counter(source)
    assert [name for name, *_ in found] == ["sums", "words", "dates", "rare"]
    for name, in_pool, mine, random, times in found:
        assert (int(in_pool), int(mine), int(random)) == (whole[name], kept[name], round(whole[name] / 10))
        assert float(times) == pytest.approx(kept[name] / (whole[name] / 10), abs=0.006)


def test_an_open_cluster_shows_its_kept_first(screen, measured):
    app = chosen(open_page(screen, budget="24"))
    app.session_state["kept.trajectories.cluster"] = 0
    sound(app.run())
    assert re.search(
        r"Cluster 1</h2><p>\d+ of \d+ samples chosen, [\d.]+ % of it \w+; loss \d+\.\d\d at first, \d+\.\d\d at last",
        html.unescape(said(app)),
    )


def test_what_a_cluster_looks_like(workspace, measured):
    pool, source, losses = measured
    kept = disk.features(pool)[0]
    of = np.array([{"sums": 0, "words": 1, "dates": 2, "rare": 2}[name] for name in source])
    of[0] = -1
    found = clusters.clusters(pool, kept, of)
    assert [len(one.rows) for one in found] == [99, 80, 60]
    for one in found:
        mine = losses[of == one.at].astype(np.float64)
        np.testing.assert_allclose(one.mean, mine.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(one.high, np.quantile(mine, 0.9, axis=0), rtol=1e-6)
    assert [one.source for one in found] == ["sums 100 %", "words 100 %", "dates 83.3 %"]
    assert all(one.words == "" for one in found)  # the questions differ by a number alone
    assert [one.at for one in clusters.in_order(found, "end")] == [2, 1, 0]
    assert [one.at for one in clusters.in_order(found, "size")] == [0, 1, 2]
    legend = clusters.colours(found)[1]
    assert [name for name, _ in legend] == ["sums", "words", "dates"]
    assert len({colour for _, colour in legend}) == 3


def test_a_log_that_is_still_being_written_is_read_as_far_as_it_goes(tmp_path):
    (tmp_path / "proxy").mkdir()
    (tmp_path / "proxy" / "loss.jsonl").write_text(
        '{"step": 1, "of": 9, "loss": 3.5}\n{"step": 2, "of": 9, "loss": 3.0}\n{"step": 3, "of"'
    )
    assert [line["loss"] for line in proxy.log(tmp_path)] == [3.5, 3.0]
    assert proxy.log(tmp_path / "none") == []


def test_a_model_that_came_apart_is_said(screen, workspace, measured):
    folder = disk.features(measured[0])[0].folder / "proxy"
    folder.mkdir()
    lines = [{"step": step, "of": 5, "loss": 3.0 if step < 4 else None} for step in range(1, 6)]
    (folder / "loss.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    app = chosen(open_page(screen))
    sound(app.segmented_control(key="widget.trajectories.view").set_value("proxy").run())
    line = "At step 4 the loss is no number any more: the model came apart. Fit it with a lower rate."
    assert [one.value for one in app.warning] == [markdown.plain(line)]


def test_damaged_clusters_are_found_again(screen, measured):
    app = chosen(open_page(screen))
    for run in disk.runs(measured[0], previews=True):
        (run.folder / "clusters.parquet").write_bytes(b"damaged")
    assert "clusters.parquet cannot be read" in said(sound(app.run()))
    sound(app.button(key="again-s2l").click().run())
    chosen(app)


@pytest.mark.parametrize("budget", ["inf", "nan", "inf%", "many"])
def test_a_budget_that_is_no_number_gives_way(screen, measured, budget):
    assert "of 240 samples chosen**" in said(chosen(open_page(screen, budget=budget)))


def test_the_time_of_a_fit_is_that_of_all_its_attempts(tmp_path, measured):
    kept = disk.features(measured[0])[0]
    fitted = dataclasses.replace(kept, folder=tmp_path, meta={**kept.meta, "id": "loss_trajectory", "seconds": 3.0})
    assert proxy.said(fitted) == "6 checkpoints"
    (tmp_path / "proxy").mkdir()
    (tmp_path / "proxy" / "loss.jsonl").write_text('{"step": 9, "of": 9, "loss": 3.5, "seconds": 600.4}\n')
    assert proxy.said(fitted) == "6 checkpoints, fitted in 10 minutes"


def payload_of(monkeypatch, losses, pool, of):
    drawn = []
    kept = disk.features(pool)[-1]
    monkeypatch.setattr(clusters, "CLUSTERS", lambda **what: drawn.append(what["data"]))
    found = clusters.clusters(pool, kept, of)
    clusters.draw(found, np.ones(len(found), int), kept, key="k", opened=None, colour="red", on_open=print)
    return drawn[0]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6, -1.0])
def test_small_and_large_losses_keep_their_digits(workspace, questions, monkeypatch, scale):
    pool, source, losses = questions
    keep_imported(
        workspace, pool, "loss_trajectory", losses * np.float32(scale), np.arange(N), [], "losses.npz", Progress()
    )
    _, of = np.unique(source, return_inverse=True)
    drawn = payload_of(monkeypatch, losses, pool, of)
    for at, one in enumerate(drawn["clusters"]):
        np.testing.assert_allclose(one["mean"], (losses[of == at] * scale).mean(axis=0), atol=0.006 * abs(scale))
    assert drawn["y_name"] == "loss"  # who knows what was measured elsewhere


def test_words_of_strangers_are_no_markdown(screen, workspace, tmp_path, questions):
    trap = "![x](http://example.org/x.png) `$a$` :red[b]"
    lines = [{"id": f"`{at}` {trap}", "source": trap, "note": trap, "prompt": trap, "response": "r"} for at in range(2)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pool = add_pool(workspace, "questions", str(tmp_path / "in.jsonl"), "text")
    shown = [*(f"{name}{value}" for name, value in detail._facts(pool, 0)), reasons.named(pool, 0)]
    assert len(shown) == 4
    for text in shown:
        assert markdown.plain(trap) in text
        assert "![" not in text
    assert markdown.plain("a_b *c* ![d](e) \\ 1:2") == r"a\_b \*c\* \!\[d\](e) \\ 1\:2"


def test_columns_that_came_with_the_same_samples_are_seen(screen, workspace, tmp_path, questions):
    pool, *_ = questions
    assert maps.group_columns(pool) == ["source"]
    lines = [
        json.loads(line) | {"level": at % 3} for at, line in enumerate((tmp_path / "in.jsonl").read_text().splitlines())
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    again = add_pool(workspace, "questions", str(tmp_path / "in.jsonl"), "text")
    assert again.fingerprint == pool.fingerprint
    assert maps.group_columns(again) == ["source", "level"]
