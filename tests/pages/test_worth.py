"""What a selection is worth, on the pages: first on Select, for every budget of a longer run, and in the record."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.appraisals.promise import sentence as promised
from datasel_core.evidence.appraisals.worth import sentence
from datasel_core.pools import holdout
from datasel_core.pools.persistence import load_pool
from datasel_core.runs.engine import select
from datasel_core.runs.spec import parse_spec
from tests.conftest import clustered
from tests.evidence.test_mismatches import pairs
from tests.pages import screens
from tests.pages.screens import said, sound, to_export, wait

screen, vector_pool = screens.screen, screens.vector_pool


@pytest.fixture
def held_out(workspace, vector_pool):
    drawing.draw(workspace, vector_pool, "25%")
    return vector_pool


def chosen(workspace, pool, budget="30"):
    return select(workspace, parse_spec(pool=pool.name, method="k_center", budget=budget))


def on_select(screen):
    return sound(screen(pool="vec", method="k_center", budget="30", rail="curve").switch_page("pages/select.py").run())


def test_select_says_it_first_and_draws_the_held_out_samples(screen, workspace, held_out):
    run = chosen(workspace, held_out)
    text = said(on_select(screen))
    whole = sentence(run.manifest["result"]["worth"], "vectors")
    first, how = whole.split(": ")
    assert f"**{first}**: {how}" in text
    found = run.manifest["result"]["worth"]
    random = f"covers like {found['n']:,.0f} random ones"
    same = ", not shown to differ from 30" if found["low"] <= 30 <= found["high"] else ""
    assert f"**30 of 120 vectors**: {random}{same}\n" in text
    assert text.index(first) < text.index("The pool is on average")
    assert "Coverage of the held-out vectors against budget" in text


def test_the_first_picks_of_a_longer_run_are_worth_what_they_alone_are(screen, workspace, held_out):
    """The run for 30 was never made; what is said of it is what its manifest would say."""
    chosen(workspace, held_out, budget="45")
    text = said(on_select(screen))
    alone = chosen(workspace, held_out)
    assert sentence(alone.manifest["result"]["worth"], "vectors").split(": ")[0] in text


def test_without_a_held_out_set_coverage_is_of_the_pool_itself(screen, workspace, vector_pool):
    chosen(workspace, vector_pool)
    text = said(on_select(screen))
    assert "Coverage of the pool itself against budget" in text
    assert "random ones" not in text


def test_random_is_measured_where_it_was_not_yet(screen, workspace, tmp_path, rng):
    """A probe takes its time, so nobody waits for it unasked."""
    groups = ["a" if at % 2 else "b" for at in range(120)]
    columns = {"id": [f"s{at:03d}" for at in range(120)], "embedding": clustered(rng, 120, 8, 6).tolist()}
    pq.write_table(pa.table({**columns, "group": groups}), tmp_path / "vec.parquet")
    pool = add_pool(workspace, "vec", str(tmp_path / "vec.parquet"), "vectors")
    drawing.draw(workspace, pool, "25%")
    assert "worth" not in chosen(workspace, pool).manifest["result"]
    app = on_select(screen)
    assert "The farthest held-out sample is" in said(app)  # what it promises is known at once
    assert "linear classifier" not in said(app)
    sound(app.button(key="yardstick").click().run())
    app = wait(app, lambda one: "linear classifier names rightly" in said(one), 180)
    assert not [one for one in app.button if one.key == "yardstick"]


def test_a_held_out_set_that_is_drawn_while_the_page_is_open_counts(screen, workspace, vector_pool):
    chosen(workspace, vector_pool)
    app = on_select(screen)
    assert "Nothing chosen yet" not in said(app)
    drawing.draw(workspace, vector_pool, "25%")
    assert "Nothing chosen yet" in said(sound(app.run()))  # what was chosen before could choose what is held out now


def test_the_record_says_it(screen, workspace, held_out):
    run = chosen(workspace, held_out)
    first = sentence(run.manifest["result"]["worth"]).split(": ")[0]
    assert first in said(to_export(screen(pool="vec", run=run.key)))


def test_what_is_set_aside_is_not_called_dropped(screen, workspace, held_out):
    chosen(workspace, held_out)
    rows = holdout.of(held_out).rows(held_out)
    app = sound(on_select(screen).segmented_control(key="widget.select.show").set_value("all").run())
    whys = app.dataframe[0].value["why"]
    assert set(np.flatnonzero(whys == "set aside").tolist()) == set(rows.tolist())
    assert (whys == "dropped").sum() == 120 - len(rows) - 30
    app.session_state["kept.open_row"] = int(rows[0])
    text = said(sound(app.run()))
    assert "It is set aside: no method sees it or chooses it." in text
    assert "Not among the first" not in text


def test_what_is_chosen_towards_a_target_is_tested_on_what_is_held_out_of_it(screen, workspace, tmp_path, rng):
    """Before that, only how to get there."""
    for name, n in (("vec", 90), ("wanted", 30)):
        columns = {"id": [f"{name}{at:03d}" for at in range(n)], "embedding": clustered(rng, n, 8, 6).tolist()}
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
        add_pool(workspace, name, str(tmp_path / f"{name}.parquet"), "vectors")
    asked = {"pool": "vec", "method": "nearest_targets", "budget": "20", "target": "wanted"}
    select(workspace, parse_spec(**asked))
    app = (
        screen(pool="vec", method="nearest_targets", budget="20", target="wanted").switch_page("pages/select.py").run()
    )
    missing = "Not known yet: how near this comes to samples of the target that it never saw"
    (caption,) = (one for one in sound(app).caption if missing in one.value.replace("\\", ""))
    assert caption.proto.help == "`python -m datasel_core holdout wanted --share 20%`"
    drawing.draw(workspace, load_pool(workspace, "wanted"), "20%")
    assert "of the earlier settings" in said(sound(app.run()))  # it was chosen towards all of the target
    run = select(workspace, parse_spec(**asked))
    text = said(sound(app.run()))
    assert promised(run.manifest["result"]["promise"]) in text
    assert missing not in text


def test_a_score_of_pairs_says_what_its_cut_keeps_of_planted_mismatches(screen, workspace, tmp_path, rng):
    pairs(workspace, tmp_path, rng, n=100)
    run = select(workspace, parse_spec(pool="pairs", method="clip_score", budget="20"))
    app = screen(pool="pairs", method="clip_score", budget="20").switch_page("pages/select.py").run()
    assert promised(run.manifest["result"]["promise"]) in said(sound(app))
