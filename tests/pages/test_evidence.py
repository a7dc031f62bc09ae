"""The evidence page without a browser: a held-out set in a click, a table in another, and what it says."""

from pathlib import Path

import numpy as np
import pytest

from datasel_core import worker
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.evidence import holdout
from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.asking import place
from datasel_core.features.stored import StoredFeature
from datasel_core.pools import holdout as aside
from datasel_core.workspace.files import read_json, write_json
from pages._ui.evidence import results
from pages._ui.evidence.names import Names
from pages._ui.kit import palette
from tests.conftest import task_of
from tests.evidence.test_table import add, world
from tests.pages import screens
from tests.pages.screens import said, sound, wait

screen = screens.screen


@pytest.fixture
def pool(workspace, tmp_path, rng):
    return add(workspace, tmp_path, *world(rng))


@pytest.fixture
def compared(workspace, pool):
    holdout.draw(workspace, pool, "40")
    asked = task_of("evidence", pool="vec", methods="k_center,facility_location", budgets="12,24")
    return perform(workspace, asked, Progress()).document


def opened(screen):
    return sound(screen(pool="vec").switch_page("pages/evidence.py").run())


def test_a_held_out_set_is_drawn_and_methods_are_compared(screen, workspace, pool):
    app = opened(screen)
    assert "Nothing is held out" in said(app)
    assert app.button(key="aside.draw.holdout").label == "Draw about 32"
    sound(app.button(key="aside.draw.holdout").click().run())
    wait(app, lambda app: "Nothing compared yet" in said(app))
    assert len(aside.held_out(pool).ids) == 32
    assert "32 of 160 vectors; no selection can choose them" in said(app)
    app.multiselect(key="widget.evidence.methods").set_value(["k_center"])
    app.text_input(key="widget.evidence.budgets").set_value("12, 24")
    app.selectbox(key="widget.evidence.probe").set_value("nearest")
    sound(app.run())
    sound(app.button(key="compare").click().run())
    wait(app, lambda app: "random, other seeds (control)" in said(app))
    (job,) = [job for job in worker.jobs(workspace) if job.spec["do"] == "evidence"]
    assert (job.spec["methods"], job.spec["seeds"], job.spec["probe"]) == ("k_center", 8, "nearest")


def test_a_method_towards_a_target_asks_for_one(screen, workspace, pool, tmp_path, rng):
    holdout.draw(workspace, pool, "40")
    (tmp_path / "t").mkdir()
    add(workspace, tmp_path / "t", rng.standard_normal((5, 6)).astype(np.float32), None, "task")
    app = opened(screen)
    sound(app.multiselect(key="widget.evidence.methods").set_value(["nearest_targets"]).run())
    which = app.selectbox(key="widget.evidence.target")
    assert (which.value, which.placeholder) == (None, "Towards which examples?")
    assert app.button(key="compare").disabled
    sound(app.selectbox(key="widget.evidence.target").set_value("task").run())
    assert not app.button(key="compare").disabled


def test_the_table_says_what_the_command_says(screen, compared):
    app = opened(screen)
    text = said(app)
    for one in compared["cells"]:
        assert f"{one['difference']:+.3f}" in text
        assert one["verdict"] in text
    assert text.index("k-center greedy</td>") < text.index("random, other seeds (control)</td>")
    assert "What choosing costs" in str(app.expander[0].label)
    assert "choosing 12 by" not in text  # as a sentence, it begins with a capital
    assert "Choosing 12 by k-center greedy took" in text
    sound(app.segmented_control(key="widget.evidence.measure").set_value("classes").run())
    assert "Classes of the pool with a kept sample, of 4; higher is better" in said(app)


@pytest.mark.parametrize(
    ("verdicts", "right"),
    [
        (["not shown to differ"] * 4, "**No method is shown to differ from random**"),
        (["pilot"] * 4, "**Fewer than 8 seeds show nothing yet**"),
        (
            ["worse", "better", "better", "not shown to differ"],
            "**FreeSel is better than random** at 30; **k-center greedy is better than random** at 60; "
            "**k-center greedy is worse than random** at 30",
        ),
    ],
)
def test_one_sentence_says_what_is_shown(verdicts, right):
    asked = [("k_center", 30), ("k_center", 60), ("freesel", 30), ("freesel", 60)]
    cells = [
        {"method": method, "budget": budget, "control": False, "verdict": verdict}
        for (method, budget), verdict in zip(asked, verdicts, strict=True)
    ]
    said = results._sentence([*cells, {**cells[0], "control": True, "verdict": "better"}], Names(()))
    assert sorted(said.split("; ")) == sorted(right.split("; "))
    assert "worse" not in said or said.index("better") < said.index("worse")


def test_of_many_methods_it_says_how_many_and_which_is_farthest_from_random():
    asked = ["k_center", "freesel", "random_facts", "bm25", "dsir", "tsds"]
    words = ["better", "better", "worse", "better", "better", "not shown to differ"]
    cells = [
        {"method": method, "budget": 320, "control": False, "verdict": verdict, "difference": -0.01 * (at + 1)}
        for at, (method, verdict) in enumerate(zip(asked, words, strict=True))
    ]
    control = {**cells[0], "control": True, "difference": -9.0}
    assert results._sentence([*cells, control], Names(())).replace("\\", "") == (
        "**4 of 6 methods are better than random, 1 is worse**; the farthest from it: DSIR: by the target's words at "
        "320, by -0.050"
    )
    worse = [{**one, "verdict": "worse", "difference": -one["difference"]} for one in cells]
    assert results._sentence(worse, Names(())).startswith("**6 of 6 methods are worse than random**; the farthest from")


def test_methods_have_titles_and_words_instead_of_ids_and_keys():
    about = {"role": "embedding", "created": "2026-05-01T09:30:00", "params": {}}
    kept = [
        StoredFeature(Path("nowhere"), {**about, "key": "00aa", "id": "tfidf_svd"}),
        StoredFeature(Path("nowhere"), {**about, "key": "11bb", "id": "lm_gradient"}),
        StoredFeature(Path("nowhere"), {**about, "key": "22cc", "id": "perplexity", "role": "perplexity"}),
        StoredFeature(Path("nowhere"), {**about, "key": "44ee", "id": "clip_text", "params": {"model": "small"}}),
        StoredFeature(Path("nowhere"), {**about, "key": "55ff", "id": "clip_text", "params": {"model": "large"}}),
    ]
    names = Names(kept)
    asked = {
        "nearest_targets": "Nearest to the target",
        "nearest_targets:use.embedding=11bb": "Nearest to the target, by Gradients of a language model",
        "nearest_targets:use.embedding=33dd": "Nearest to the target, by 33dd",
        "by_score:role=perplexity:use.perplexity=22cc": "By a score, by Perplexity",
        "by_score:role=measured_influence": "By a score, role: measured influence",
        "nearest_targets:use.embedding=55ff": "Nearest to the target, by Text side of CLIP (model: large)",
        "of_later:x=1": "of_later, x: 1",
    }
    cells = [{"method": name, "control": False} for name in asked]
    assert [names.of(one) for one in cells] == list(asked.values())
    line = "nearest_targets and nearest_targets:use.embedding=11bb chose by tfidf_svd, my_own and lm_gradient2."
    assert names.line(line, cells) == (
        "Nearest to the target and Nearest to the target, by Gradients of a language model chose by Text embedding, "
        "my_own and lm_gradient2."
    )
    assert names.line(line, []) == line


def test_wrong_budgets_are_one_line_and_nothing_starts(screen, workspace, compared):
    app = opened(screen)
    app.text_input(key="widget.evidence.budgets").set_value("12, many")
    sound(app.run())
    sound(app.button(key="compare").click().run())
    assert [error.value for error in app.error] == [
        "The budget is 'many'; it must be a count such as 100 or a share such as 10%."
    ]
    app.multiselect(key="widget.evidence.methods").set_value([])
    sound(app.run())
    assert app.button(key="compare").disabled
    assert not [job for job in worker.jobs(workspace) if job.spec["do"] == "evidence"]


def test_a_damaged_table_is_said_in_a_line(screen, workspace, pool, compared):
    path = place(workspace, pool, aside.held_out(pool)) / "table.json"
    assert paper.last(path.parent)["cells"] == compared["cells"]
    write_json(path, {**read_json(path), "seeds": 99})
    app = opened(screen)
    assert len(app.error) == 1
    assert "is damaged: it was changed since it was written; compare again" in app.error[0].value.replace("\\", "")
    assert not app.button(key="compare").disabled


def test_every_word_has_a_colour_that_is_seen():
    assert results.COLOURS.keys() == {"better", "worse", "not shown to differ", "pilot"}
    assert {results.COLOURS["better"], results.COLOURS["worse"]} <= set(palette.COLOURS)


def test_judges_are_columns_and_what_is_over_fit_is_said(screen, workspace, compared, pool):
    """A table that has judges, its words set by hand: better on its target, and not shown elsewhere."""
    judges = {"lm on second_set": False, "lm on Wanted": True}
    made = [
        cell | {"measure": name, "difference": -0.123 - at, "verdict": "better" if wanted else "not shown to differ"}
        for at, (name, wanted) in enumerate(judges.items())
        for cell in compared["cells"]
    ]
    about = [
        {"name": name, "title": "loss", "unit": "", "better": "lower", "judge": name.split()[-1], "reference": wanted}
        for name, wanted in judges.items()
    ]
    words = "k_center at 12 is better than random on Wanted, towards which it chose, and not shown to be on second_set"
    document = compared | {
        "measures": [*compared["measures"], *about],
        "others": [*compared["others"], *made],
        "over_fit": [words],
        "notes": [words, *compared["notes"]],
    }
    document.pop("sha256", None)
    paper.keep(place(workspace, pool, aside.held_out(pool)), document)
    app = opened(screen)
    text = said(app)
    assert text.count("towards which it chose") == 1
    assert "k-center greedy at 12 is better than random on Wanted" in text
    assert text.index("<th>On second_set</th>") < text.index("<th>On Wanted (its target)</th>")
    assert f'<td title="better"><b style="color:{palette.COLOURS[4]}">-1.123</b></td>' in text
    assert f'<td title="not shown to differ"><span style="color:{palette.DROPPED}">-0.123</span></td>' in text
    sound(app.segmented_control(key="widget.evidence.measure").set_value("lm on Wanted").run())
    assert "<th>On" not in said(app)
    assert "-1.123" in said(app)
