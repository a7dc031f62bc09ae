"""Towards a target in a real browser: sliders that answer at once, who serves whom, and what is kept."""

import json
import re

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.methods.selection import Inputs
from datasel_core.methods.tsds import Tsds
from tests.browser.conftest import keep, settled
from tests.conftest import clustered

N, M = 400, 10
VIEW = (
    "[...document.querySelectorAll('*')].find(one => "
    "one.shadowRoot?.querySelector('.map')).shadowRoot.querySelector('.map').view"
)


@pytest.fixture
def vectors(workspace, tmp_path):
    """A pool of 400 texts and a target of ten, with vectors in one space."""
    found = clustered(np.random.default_rng(4), N + M, 6, 8)
    for name, part in (("web", found[:N]), ("exam", found[N:])):
        lines = [
            {"id": f"{name}{at:03d}", "prompt": f"{name} question {at}", "response": "yes"} for at in range(len(part))
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
        pool = add_pool(workspace, name, str(tmp_path / f"{name}.jsonl"), "text")
        keep_imported(workspace, pool, "embedding", part, np.arange(len(part)), [], f"{name}.npz", Progress())
    return found


def told(vectors, **params) -> str:
    """The sentence of a plan of which 20 are kept."""
    pool, target = vectors[:N], vectors[N:]
    away = np.linalg.norm(pool[:, None] - target[None], axis=2).min(axis=1)
    one = Tsds(**params).plan(Inputs({"embedding": pool}, np.random.default_rng(0), target={"embedding": target}))
    way = Tsds(**params).outlook(one, away, 20, np.random.default_rng(0)).now.way
    return f"{100 * way:.0f} % of the way from random to the target"


def work(workspace) -> dict[str, int]:
    """When each file that work leaves behind was last written."""
    places = [path for part in ("serving", "runs", "tasks") for path in (workspace.path / part).rglob("*.*")]
    return {str(path): path.stat().st_mtime_ns for path in places}


def test_sliders_answer_without_work(visit, vectors, workspace):
    page = visit("/targets?pool=web&target=exam&budget=20")
    page.get_by_text(told(vectors)).first.wait_for()
    settled(page)
    handle = page.get_by_role("slider", name=re.compile("Alpha"))
    handle.focus()
    before = work(workspace)
    assert any("/serving/" in path for path in before)
    handle.press("Home")
    assert len({told(vectors), told(vectors, alpha=0.0), told(vectors, alpha=0.0, sigma=0.0)}) == 3
    page.get_by_text(told(vectors, alpha=0.0)).first.wait_for()
    settled(page)
    page.get_by_role("slider", name=re.compile("Sigma")).focus()
    page.keyboard.press("Home")
    page.get_by_text(told(vectors, alpha=0.0, sigma=0.0)).first.wait_for()
    assert work(workspace) == before  # all from the tables that were there


def test_a_target_shows_who_serves_it_and_what_is_kept_says_why(visit, vectors):
    page = visit("/targets?pool=web&target=exam&budget=20", "dark")
    page.get_by_text("of the way from random").first.wait_for()
    settled(page)
    page.get_by_text("Worst served").click()
    page.locator(".one", has_text="exam question").first.wait_for()
    settled(page)
    page.locator(".one", has_text="exam question").first.click()
    page.get_by_text(re.compile(r"Target \d+ of 10")).first.wait_for()
    page.locator(".one", has_text="web question").first.wait_for()
    settled(page)
    keep(page, "Keep 20")
    page.locator(".ds-strip", has_text="20 kept of 400").wait_for()
    settled(page)
    page.get_by_role("radio", name="Kept").click(force=True)
    page.locator(".one", has_text="#1").first.wait_for()
    settled(page)
    page.locator(".one", has_text="#1").first.click()
    page.get_by_text("Whom it serves").first.wait_for()


def test_the_likely_are_drawn_on_top_of_the_others(visit, vectors):
    page = visit("/targets?pool=web&target=exam&budget=20")
    page.locator("canvas.over").wait_for()
    page.wait_for_function(f"() => {{ try {{ return {VIEW}.scale > 0; }} catch {{ return false; }} }}")
    settled(page)
    read = (
        "[v.labels[i], ...v.under.getContext('2d').getImageData(v.px(v.xy[2 * i]) * v.dpr, v.py(v.xy[2 * i + 1]) * "
        "v.dpr, 1, 1).data]"
    )
    seen = np.array(
        page.evaluate(f"(() => {{ const v = {VIEW}; return Array.from({{length: v.n}}, (_, i) => {read}); }})()")
    )
    paints = page.evaluate(f"{VIEW}.data.colours")
    paints = np.array([[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in paints])
    drawn = np.abs(seen[:, None, 1:4] - paints).sum(axis=2).argmin(axis=1)
    assert len(seen) == N + M
    assert np.bincount(seen[:, 0]).tolist()[0] == M
    assert (drawn <= seen[:, 0]).mean() > 0.97, (
        seen[drawn > seen[:, 0]],
        drawn[drawn > seen[:, 0]],
    )  # what matters more, but for mixtures at edges
    assert (drawn[seen[:, 0] == 0] == 0).all()


def test_a_reload_brings_back_target_and_sliders(visit, vectors):
    """Nothing is chosen in silence: a page that names no target asks for one, and a click on it is all."""
    page = visit("/targets?pool=web&budget=20")
    page.get_by_text("Towards which examples?").wait_for()
    page.get_by_role("button", name="exam · 10").click()
    page.get_by_text(told(vectors)).first.wait_for()
    settled(page)
    page.get_by_role("button", name="The best for my target").click()
    page.get_by_text(told(vectors, alpha=0.9, sampling="top")).first.wait_for()
    settled(page)
    page.get_by_text("Worst served").click()
    page.wait_for_function(
        "[['target', 'exam'], ['alpha', '0.9'], ['sampling', 'top'], ['show', 'targets']].every("
        "([name, value]) => new URLSearchParams(location.search).get(name) === value)"
    )
    page.reload()
    page.get_by_text(told(vectors, alpha=0.9, sampling="top")).first.wait_for()
    page.locator(".one", has_text="away on average").first.wait_for()
