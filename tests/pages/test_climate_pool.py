"""A pool of simulations on the pages that every pool has."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from tests.pages import screens
from tests.pages.screens import said, sound
from tests.pools import simulations

screen = screens.screen


@pytest.mark.parametrize("page", ["data", "select", "find", "targets"])
def test_it_opens_on_pages_that_all_pools_have(screen, workspace, tmp_path, page):
    simulations.usual(tmp_path / "runs")
    pool = add_pool(workspace, "warm", str(tmp_path / "runs"), "climate", {"baseline": "1850-1880"})
    assert np.isfinite(pool.column("gmst")).all()
    app = sound(screen(pool="warm").switch_page(f"pages/{page}.py").run())
    assert "warm" in said(app)
