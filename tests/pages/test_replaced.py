"""A pool that somebody replaced under its name while a person looks at it."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from tests.conftest import clustered
from tests.pages import screens
from tests.pages.screens import chosen

screen, vector_pool = screens.screen, screens.vector_pool


def said(app):
    """What people read: without what tells the browser that a sign is no markup."""
    return screens.said(app).replace("\\", "")


@pytest.fixture
def replace(workspace, tmp_path, rng):
    def by(n):
        np.save(tmp_path / "other.npy", clustered(rng, n, 8, 6))
        (workspace.pool("vec") / "pool.json").unlink()
        return add_pool(workspace, "vec", str(tmp_path / "other.npy"), "vectors")

    return by


def test_it_says_so_and_where_the_selection_lies(screen, workspace, vector_pool, replace):
    run = chosen(workspace, vector_pool)
    app = screen(pool="vec", run=run.key)
    assert "was replaced" not in said(app)
    replace(77)
    text = said(app.run())
    assert (
        f"vec was replaced: it holds 77 vectors now. {run.name} was chosen from the 120 of before; it lies in " in text
    )
    assert run.key in text
    assert "run" not in app.query_params
    assert "was replaced" not in said(app.run())  # once
    assert run.folder.exists()


def test_a_link_to_the_selection_of_before_says_so_too(screen, workspace, vector_pool, replace):
    run = chosen(workspace, vector_pool)
    replace(77)
    assert "was chosen from the 120 of before" in said(screen(pool="vec", run=run.key))


def test_without_a_selection_the_sizes_are_said(screen, vector_pool, replace):
    app = screen(pool="vec")
    replace(77)
    assert "vec was replaced: it holds 77 vectors now, 120 before." in said(app.run())


@pytest.mark.parametrize("key", ["../x", "no-such-run", ""])
def test_a_link_to_nothing_is_no_matter(screen, vector_pool, key):
    assert "was replaced" not in said(screen(pool="vec", run=key))
