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
    assert "Recommended: k-center greedy" in said(app)
    assert "100% of the samples have a near-duplicate; 96 are worth about 8 different ones" in said(app)
    assert app.button(key="method-k_center").proto.type == "primary"
    assert "take-advice" not in [one.key for one in app.button]
    app = sound(app.button(key="method-random").click().run())
    app = sound(app.button(key="take-advice").click().run())
    assert app.button(key="method-k_center").proto.type == "primary"


def test_evidence_of_the_pool_is_believed_before_the_rule(screen, workspace, pool):
    held = drawing.draw(workspace, pool, "20%")
    document = table(cell("deduplicate:threshold=0.9", 30, 0.07, "better"), cell("k_center", 30, 0.01, "worse"))
    key = disk.roles(pool).features["embedding"].key
    document["methods"]["deduplicate:threshold=0.9"] |= {"use": {"embedding": key}, "target": "v"}
    paper.keep(place(workspace, pool, held), document)
    app = sound(screen("select", pool="v", budget="10"))
    assert "Recommended: Remove near-duplicates" in said(app)
    assert "at 30 kept, 8 seeds: linear +0.070 (+0.050 to +0.090) against random" in said(app).replace("\\", "")
    assert (
        app.number_input(key="widget.form.method.deduplicate.threshold").value == 0.95
    )  # as it is, until the advice is taken
    app = sound(app.button(key="method-random").click().run())
    app = sound(app.button(key="take-advice").click().run())
    assert app.number_input(key="widget.form.method.deduplicate.threshold").value == 0.9
    assert (app.session_state["kept.select.use.embedding"], app.session_state["kept.select.target"]) == (key, "v")
    (place(workspace, pool, held) / "table.json").write_text("{}")
    assert "Recommended: k-center greedy" in said(sound(app.run()))
    holdout.forget(pool, holdout.HOLDOUT)
    assert "Recommended: k-center greedy" in said(sound(app.run()))
