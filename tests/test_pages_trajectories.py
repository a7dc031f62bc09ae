"""The page Trajectories without a browser: what it says of clusters, quotas and sources, against numpy."""

import html
import json
import re
from collections import Counter

import numpy as np
import pytest

from datasel_core import making
from datasel_core.progress import Progress
from pages._ui import clusters, data, proxy
from tests import screens
from tests.screens import said, sound, wait

screen = screens.screen
N, T = 240, 6


@pytest.fixture
def questions(workspace, tmp_path, rng):
    """240 prompts with responses from four sources, and trajectories of four shapes; the fourth source is small."""
    source = np.repeat(["sums", "words", "dates", "rare"], (100, 80, 50, 10))
    lines = [{"id": f"q{at:03d}", "source": str(name), "prompt": f"What is {at} + 1?", "response": f"It is {at + 1}."} for at, name in enumerate(source)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pool = making.add_pool(workspace, "questions", str(tmp_path / "in.jsonl"), "text")
    height = np.array([{"sums": 1.0, "words": 2.0, "dates": 3.0, "rare": 5.0}[name] for name in source])
    losses = (height[:, None] * np.exp(-0.4 * np.arange(T)) + 0.02 * rng.standard_normal((N, T))).astype(np.float32)
    return pool, source, losses


@pytest.fixture
def measured(workspace, questions):
    pool, source, losses = questions
    making.keep_imported(workspace, pool, "loss_trajectory", losses, np.arange(N), [], "losses.npz", Progress())
    return pool, source, losses


def open_page(screen, **query):
    return sound(screen(pool="questions", **query).switch_page("pages/trajectories.py").run())


def chosen(app):
    return wait(app, lambda app: "kept** (" in said(app))


def test_without_trajectories_it_says_both_ways_to_them(screen, questions):
    app = open_page(screen)
    text = said(app)
    assert "Fit a small model here" in text
    assert "Bring trajectories" in text
    assert not app.button(key="fit-proxy").disabled
    assert app.button(key="import-losses").disabled


def test_the_page_is_offered_where_there_is_something_to_learn(screen, workspace, photos):
    making.add_pool(workspace, "photos", str(photos), "images")
    with pytest.raises(ValueError, match=r"pages/trajectories\.py"):
        screen(pool="photos").switch_page("pages/trajectories.py")


def test_it_clusters_by_itself_and_says_how_many_of_each(screen, measured):
    pool, source, _ = measured
    app = open_page(screen, budget="24")
    app.session_state["widget.form.method.s2l.n_clusters"] = 4
    app.session_state["kept.form.method.s2l.n_clusters"] = 4
    text = said(wait(app, lambda app: "4 clusters" in said(app)))
    assert "**24 of 240 samples kept** (10.0 %), 216 dropped." in text
    assert "4 clusters; at most 6 of each, 0 kept whole." in text  # four clusters of 10 to 100 share 24 evenly
    run = next(run for run in data.runs(pool, previews=True) if run.manifest["method"]["params"]["n_clusters"] == 4)
    rows = run.selection.rows[:24]
    assert Counter(source[rows]) == dict.fromkeys(("sums", "words", "dates", "rare"), 6)


def test_sources_are_counted_beside_what_random_keeps(screen, measured):
    pool, source, _ = measured
    app = chosen(open_page(screen, budget="24"))
    sound(app.segmented_control(key="widget.trajectories.view").set_value("sources").run())
    found = re.findall(r"<tr><td>(\w+)</td>" + r"<td class=n>([\d.,]+)</td>" * 4, said(app))
    rows = data.runs(pool, previews=True)[0].selection.rows[:24]
    kept, whole = Counter(source[rows]), Counter(source)
    assert [name for name, *_ in found] == ["sums", "words", "dates", "rare"]
    for name, in_pool, mine, random, times in found:
        assert (int(in_pool), int(mine), int(random)) == (whole[name], kept[name], round(whole[name] / 10))
        assert float(times) == pytest.approx(kept[name] / (whole[name] / 10), abs=0.006)


def test_an_open_cluster_shows_its_kept_first(screen, measured):
    app = chosen(open_page(screen, budget="24"))
    app.session_state["kept.trajectories.cluster"] = 0
    sound(app.run())
    assert re.search(r"Cluster 1</h2><p>\d+ of \d+ samples kept, [\d.]+ % of it \w+; loss \d+\.\d\d at first, \d+\.\d\d at last", html.unescape(said(app)))


def test_what_a_cluster_looks_like(workspace, measured):
    pool, source, losses = measured
    kept = data.features(pool)[0]
    of = np.array([{"sums": 0, "words": 1, "dates": 2, "rare": 2}[name] for name in source])
    of[0] = -1
    found = clusters.clusters(pool, kept, of)
    assert [len(one.rows) for one in found] == [99, 80, 60]
    for one in found:
        mine = losses[of == one.at].astype(np.float64)
        np.testing.assert_allclose(one.mean, mine.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(one.high, np.quantile(mine, 0.9, axis=0), rtol=1e-6)
    assert [one.word for one in found] == ["sums", "words", "mostly dates"]
    assert [one.at for one in clusters.in_order(found, "end")] == [2, 1, 0]
    assert [one.at for one in clusters.in_order(found, "size")] == [0, 1, 2]
    legend = clusters.colours(found)[1]
    assert [name for name, _ in legend] == ["sums", "words", "dates"]
    assert len({colour for _, colour in legend}) == 3


def test_a_log_that_is_still_being_written_is_read_as_far_as_it_goes(tmp_path):
    (tmp_path / "proxy").mkdir()
    (tmp_path / "proxy" / "loss.jsonl").write_text('{"step": 1, "of": 9, "loss": 3.5}\n{"step": 2, "of": 9, "loss": 3.0}\n{"step": 3, "of"')
    assert [line["loss"] for line in proxy.log(tmp_path)] == [3.5, 3.0]
    assert proxy.log(tmp_path / "none") == []
