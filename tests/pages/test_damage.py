"""A damaged feature on the screen: one line where it is looked at, with the command that mends it; gone once it is
mended.
"""

import numpy as np
import pytest

from datasel_core.actions import draw_map
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import kept_features
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import clustered
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
