"""How many are enough, on the screen: drawn by a script of its own, as the page Plan asks for it."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from tests.conftest import ROOT, task_of
from tests.costs.enough.test_asking import N, a_part, all_of, made
from tests.pages import screens
from tests.pages.screens import chosen, said, sound, wait
from tests.pages.test_plain_words import plain

screen = screens.screen
SCRIPT = """
import streamlit as st
from pages._ui.kit import keys
from pages._ui.plan import enough

PRICED = {priced}
enough.draw(keys.pool(), lambda n: {{"low": n * 2.0, "mid": 50 + n * 3.0, "high": n * 4.0}} if PRICED else None)
"""


@pytest.fixture
def app(workspace, monkeypatch):
    monkeypatch.chdir(ROOT)

    def start(priced=False, **query):
        found = AppTest.from_string(SCRIPT.format(priced=priced), default_timeout=900)
        for name, value in query.items():
            found.query_params[name] = value
        return sound(found.run())

    return start


@pytest.fixture
def pool(workspace, tmp_path):
    return made(workspace, tmp_path, part=a_part, known=all_of)


def measured(workspace, pool, **asked):
    perform(workspace, task_of("enough", pool=pool.name, **asked), Progress())


def test_without_a_run_it_leads_to_a_choice(app, pool):
    text = said(app(pool="vec"))
    assert "Nothing to draw yet" in text
    assert "Choose by a method first" in text


def test_it_is_measured_by_a_button_with_its_time(app, workspace, pool):
    chosen(workspace, pool, "facility_location", "200")
    shown = app(pool="vec")
    (button,) = [one for one in shown.button if one.key == "empty-action-enough"]
    assert button.label == "Measure, about 8 s for these 240 vectors"
    sound(button.click().run())
    shown = wait(shown, lambda one: "cover what a random" in said(one), 120)
    assert not [one for one in shown.button if one.key == "empty-action-enough"]


def test_one_sentence_says_how_few_and_what_share_of_the_labels(app, workspace, pool):
    chosen(workspace, pool, "facility_location", "200")
    measured(workspace, pool)
    shown = app(pool="vec", **{"plan.share": "0.4"})
    text = said(shown)
    assert "vectors** by Facility location cover what a random 96 (40 %) would: " in text
    assert " % of the labels" in text
    assert "Diamond: the fewest that cover as much as the dotted line." in text
    plain(shown)
    shares = [one for one in shown.selectbox if one.label == "Cover as much as a random"][0]
    sound(shares.set_value(0.1).run())
    assert "cover what a random 24 (10 %) would" in said(shown)
    assert shown.query_params["plan.share"] == "0.1"


def test_money_counts_what_labelling_costs_before_the_first(app, workspace, pool):
    """50 and 3 a label: the share of the money is larger than that of the labels."""
    chosen(workspace, pool, "facility_location", "200")
    measured(workspace, pool)
    where = {"pool": "vec", "plan.share": "0.4"}
    labels, money = (said(app(priced, **where)) for priced in (False, True))
    assert " % of the money" in money
    first = [int(text.partition("would: ")[2].split(" ")[0]) for text in (labels, money)]
    assert first[1] > first[0]
    assert [one.label for one in app(True, **where).segmented_control] == ["Axis"]


def test_what_no_selection_covers_yet_leads_to_more(app, workspace, pool):
    chosen(workspace, pool, "k_center", "12")
    measured(workspace, pool)
    shown = app(pool="vec", **{"plan.share": "0.8"})
    assert "**No selection covers yet what a random 192 (80 %) would**: the longest keeps 12 vectors" in said(shown)
    assert "onward-enough-more" in [one.key for one in shown.button]


def test_labels_of_a_part_give_a_curve_and_a_wish(app, workspace, pool):
    chosen(workspace, pool, "facility_location", "200")
    measured(workspace, pool, labels="part")
    shown = app(True, pool="vec", **{"plan.labels": "part", "plan.wish": "95"})
    text = said(shown)
    assert "**95 % " in text
    assert "An extrapolation to 240 labels, 4.5 times as many" in text.replace("\\", "")
    assert "Power law" in text
    sound(shown.slider[0].set_value(5).run())
    assert "is reached already" in said(shown)
    plain(shown)


def test_the_chance_of_a_class(app, workspace, pool):
    chosen(workspace, pool, "facility_location", "200")
    measured(workspace, pool, labels="known")
    shown = app(pool="vec", **{"plan.labels": "known", "enough": "classes"})
    assert "drawn at random have at least 5 of " in said(shown)
    sound(shown.number_input[0].set_value(240).run())
    assert "not to be had with this chance" in said(shown)
    assert shown.query_params["plan.least"] == "240"
    plain(shown)


def test_a_name_of_a_class_is_no_markdown(app, workspace, tmp_path):
    names = lambda kinds: np.where(np.array(kinds) == 0, "**b** <i>", "other").tolist()  # noqa: E731
    pool = made(workspace, tmp_path, known=names)
    chosen(workspace, pool, "facility_location", "100")
    measured(workspace, pool, labels="known")
    text = said(app(pool="vec", **{"plan.labels": "known", "enough": "classes"}))
    assert "**b** <i>" not in text.replace("**b** <i> (", "")
    assert "\\*\\*b\\*\\*" in text


def test_too_few_labels_say_how_many_it_takes(app, workspace, tmp_path):
    columns = {"id": [f"s{at}" for at in range(N)], "embedding": np.eye(N, 8, dtype=np.float32).tolist()}
    pq.write_table(pa.table({**columns, "few": ["a", "b"] * 5 + [""] * (N - 10)}), tmp_path / "vec.parquet")
    from datasel_core.actions.add_pool import add_pool

    add_pool(workspace, "vec", str(tmp_path / "vec.parquet"), "vectors")
    assert "a learning curve needs 30" in said(app(pool="vec", **{"plan.labels": "few"}))


def test_the_page_plan_says_what_labels_cost_and_hours_are_no_money(screen, workspace, pool):
    chosen(workspace, pool, "facility_location", "200")
    measured(workspace, pool)
    where = {"pool": "vec", "plan": "enough", "plan.share": "0.4", "rate": "seconds", "seconds": "10", "labels": "1"}
    for wage, of in (("20", " % of the money"), ("", " % of the labels")):
        query = {**where, **({"wage": wage} if wage else {})}
        text = said(sound(screen(**query).switch_page("pages/plan.py").run()))
        assert "cover what a random 96 (40 %) would" in text
        assert of in text
