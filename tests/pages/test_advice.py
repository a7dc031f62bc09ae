"""The card of the Select page that says with which method to begin, and why."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.evidence import holdout as drawing
from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import place
from datasel_core.pools import holdout
from pages._ui.kit import disk
from tests.evidence.test_recommendation import cell, crowd, table
from tests.pages import test_explore
from tests.pages.screens import said, sound

screen = test_explore.screen


@pytest.fixture
def pool(workspace, tmp_path, rng):
    vectors = crowd(rng, 8, 12)
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(len(vectors))], embedding=vectors)
    return add_pool(workspace, "v", str(tmp_path / "v.npz"), "vectors")


def test_the_recommended_method_is_set_until_another_is_chosen(screen, pool):
    app = sound(screen("select", pool="v", budget="10"))
    assert "recommended" in app.button(key="method-k_center").label
    assert "100% of the samples have a near-duplicate; 96 are worth about 8 different ones" in said(app)
    assert app.button(key="method-k_center").proto.type == "primary"
    app = sound(app.button(key="method-random").click().run())
    assert "recommended" not in app.button(key="method-random").label
    app = sound(app.button(key="method-k_center").click().run())
    assert app.button(key="method-k_center").proto.type == "primary"


def test_evidence_of_the_pool_is_believed_before_the_rule(screen, workspace, pool):
    held = drawing.draw(workspace, pool, "20%")
    document = table(cell("deduplicate:threshold=0.9", 30, 0.07, "better"), cell("k_center", 30, 0.01, "worse"))
    key = disk.roles(pool).features["embedding"].key
    document["methods"]["deduplicate:threshold=0.9"] |= {"use": {"embedding": key}, "target": "v"}
    paper.keep(place(workspace, pool, held), document)
    app = sound(screen("select", pool="v", method="random", budget="10"))
    chip = {id: app.button(key=f"method-{id}").label for id in ("deduplicate", "k_center", "facility_location")}
    assert chip["deduplicate"] == "Remove near-duplicates :small[recommended · better than random]"
    assert chip["k_center"] == "k-center greedy :small[worse than random]"
    assert chip["facility_location"] == "Facility location :small[not measured]"
    assert app.button(key="method-random").label == "Random"
    said_of = app.button(key="method-deduplicate").help.replace("\\", "")
    assert "at 30 kept, 8 seeds: linear +0.070 (+0.050 to +0.090) against random" in said_of
    measured = app.button(key="method-k_center").help.replace("\\", "")
    assert "k-center greedy, 30 kept, 8 seeds: linear +0.010" in measured
    app = sound(app.button(key="method-deduplicate").click().run())
    assert app.number_input(key="widget.form.method.deduplicate.threshold").value == 0.9
    assert (app.session_state["kept.select.use.embedding"], app.session_state["kept.select.target"]) == (key, "v")
    (place(workspace, pool, held) / "table.json").write_text("{}")
    app = sound(app.run())
    assert app.button(key="method-k_center").label == "k-center greedy :small[recommended]"
    holdout.forget(pool, holdout.HOLDOUT)
    assert "recommended" in sound(app.run()).button(key="method-k_center").label


def test_what_evidence_recommends_is_set_with_its_settings_where_nothing_was_chosen(screen, workspace, pool):
    held = drawing.draw(workspace, pool, "20%")
    document = table(cell("deduplicate:threshold=0.9", 30, 0.07, "better"))
    document["methods"]["deduplicate:threshold=0.9"] |= {"use": {}, "target": None}
    paper.keep(place(workspace, pool, held), document)
    app = sound(screen("select", pool="v", budget="10"))
    assert app.button(key="method-deduplicate").proto.type == "primary"
    assert app.number_input(key="widget.form.method.deduplicate.threshold").value == 0.9
    assert "threshold: 0.9" in said(app)
    assert query(app, "settings") == "threshold=0.9"


def query(app, name):
    found = app.query_params.get(name)
    return found[0] if isinstance(found, list) else found
