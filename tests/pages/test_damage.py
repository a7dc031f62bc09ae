"""A damaged feature on the screen: one line where it is looked at, with the command that mends it; gone once it is
mended.
"""

import numpy as np
import pytest
import streamlit as st

from datasel_core.actions import draw_map
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import kept_features
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, paint
from tests.pages import screens
from tests.pages.screens import said, sound

screen, photo_pool = screens.screen, screens.photo_pool


def opened(screen, page, **query):
    return sound(screen(**query).switch_page(f"pages/{page}.py").run())


def told(app) -> set[str]:
    return {one.value.replace("\\", "") for one in sound(app.run()).error}


@pytest.mark.parametrize("page", ["patterns", "select"])
def test_damage_is_one_line_and_gone_when_it_is_mended(screen, workspace, photo_pool, rng, page):
    n, vectors = photo_pool.n, clustered(rng, photo_pool.n, 6, 4)
    keep_imported(workspace, photo_pool, "embedding", vectors, np.arange(n), [], "e.npz", Progress())
    (kept,) = kept_features(workspace, photo_pool.fingerprint)
    draw_map.make_map(workspace, kept.key)
    engine.select(workspace, Spec(pool="clothes", method="k_center", budget="8"))
    app = opened(screen, page, pool="clothes", method="k_center", budget="8")
    app.session_state["kept.open_row"] = 3
    assert told(app) == set()
    shown = said(app)
    path = kept.folder / "values.npy"
    path.write_bytes(path.read_bytes()[:-3] + b"xyz")
    remedy = "import it again: python -m datasel_core feature import clothes embedding e.npz"
    what = f"The feature imported (role embedding, key {kept.key}) of clothes"
    line = f"{what} was changed or damaged since it was imported; {remedy}"
    assert told(app) == {line}
    keep_imported(workspace, photo_pool, "embedding", vectors, np.arange(n), [], "e.npz", Progress())
    assert told(app) == set()
    assert said(app) == shown


def test_a_damaged_pool_is_named_and_the_others_open(screen, workspace, photo_pool, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"v{at}" for at in range(9)], embedding=clustered(rng, 9, 4, 2))
    other = add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")
    line = (
        "The pool vec is damaged (pool.json is missing or was changed); add it again: python -m datasel_core pool add"
    )
    for content in ("{", "[]", "{}", "NaN"):
        (other.folder / "pool.json").write_text(content)
        app = screen()  # no pool is open: the first page lists them
        assert f"{line} vec SOURCE" in told(app)
        assert "clothes" in said(app)
    for page in ("select", "export"):
        assert told(opened(screen, page, pool="clothes")) == set()


def test_a_photo_that_was_replaced_is_named_where_a_selection_leaves(screen, workspace, photo_pool):
    run = engine.select(workspace, Spec(pool="clothes", method="random", budget="100%"))
    app = opened(screen, "export", pool="clothes", run=run.key)
    assert told(app) == set()
    paint(photo_pool.path(3), 99)
    st.cache_data.clear()
    app = opened(screen, "export", pool="clothes", run=run.key)
    said_of = f"1 photo was replaced after the pool was added ({photo_pool.ids[3]}); add the pool again."
    assert said_of in told(app)
    assert "Intact" in said(app)  # the record is
