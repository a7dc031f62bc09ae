"""The page Plan without a browser: one sentence, its parts, what is kept, a pilot, tables, and wrong numbers."""

import pytest

from datasel_core.costs import kept
from datasel_core.costs.tables import table as tables
from datasel_core.costs.tables.examples import BUILT_IN
from pages._ui.plan import question
from tests.conftest import paint
from tests.pages import screens
from tests.pages.screens import said, sound, wait

screen, photo_pool, vector_pool = screens.screen, screens.photo_pool, screens.vector_pool


def opened(screen, **query):
    return sound(screen(**query).switch_page("pages/plan.py").run())


def typed(app, **texts):
    for name, text in texts.items():
        app.text_input(key=f"widget.plan.{name}").set_value(text)
    return sound(app.run())


def shown(app):
    return said(app).replace("\\", "")


@pytest.fixture
def planned(screen, vector_pool):
    """10 s for each of 5 labels of 12 vectors, at 20 an hour."""
    return typed(
        typed(opened(screen, pool="vec", budget="12", rate="seconds"), seconds="10"), wage="20", labels_per_item="5"
    )


def test_a_pool_of_photos_begins_with_an_example_and_says_so(screen, photo_pool):
    app = opened(screen, pool="clothes", budget="6")
    text = shown(app)
    assert app.selectbox(key="widget.plan.rate").value == "examples/box"
    assert "1.55 minutes (0.700 to 3.45)** for 6 photos" in text
    assert "Say a wage, and hours become money." in text
    assert "examples: 7 s by four clicks" in text


def test_where_nothing_is_known_it_asks(screen, vector_pool):
    app = opened(screen, pool="vec")
    assert "What does a label take?" in shown(app)
    assert not app.get("plotly_chart")


def test_the_sentence_is_the_hand_calculation(planned):
    text = shown(planned)
    assert "**3.33** for 12 vectors" in text  # 12 x 5 x 10 s = 1/6 h
    assert "10.00 minutes" in text
    assert "<td>labels</td><td>0.17</td><td>3.33</td>" in text
    assert "12 vectors × 5 labels × 10 s" in text
    assert "low, middle and high are the same" in text
    wider = typed(planned, seconds_spread="6", labels_spread="3", currency="EUR")
    assert "EUR (" in shown(wider)
    assert "low, middle and high are the same" not in shown(wider)
    assert "EUR" in str(wider.get("plotly_chart")[0].proto.spec)


def test_overheads_are_parts(planned):
    planned.number_input(key="widget.plan.passes").set_value(2)
    asked = {"adjudicated": "10%", "adjudication_seconds": "60", "gold": "5%", "review": "10%", "review_seconds": "30"}
    text = shown(typed(planned, **asked))
    for part in ("further passes", "gold", "adjudication", "review", "all"):
        assert f"<td>{part}</td>" in text


def test_days_and_people(planned):
    text = shown(typed(planned, start="2026-05-01", deadline="2026-05-04"))
    assert "done by 2026-05-01 with 1 person" in text
    assert "1 person is needed by 2026-05-04" in text


def test_an_address_brings_all_of_it_back(screen, planned):
    query = {name: values[0] if isinstance(values, list) else values for name, values in planned.query_params.items()}
    assert query | {"rate": "seconds", "seconds": "10", "wage": "20", "labels": "5", "budget": "12"} == query
    again = opened(screen, **query)
    assert "**3.33** for 12 vectors" in shown(again)


def test_a_kept_selection_is_planned(screen, workspace, vector_pool):
    run = screens.chosen(workspace, vector_pool, "k_center", "20")
    app = opened(screen, pool="vec", of=run.key, rate="seconds", seconds="3600", wage="2")
    assert "**40.00** for 20 vectors" in shown(app)
    assert len(app.get("plotly_chart")) == 2  # coverage against cost is known now
    assert app.button(key="onward-plan").label == "Export"


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("wage", "1.234,5", "The wage is '1.234,5'; write it with digits and a dot for decimals, as in 1234.5."),
        ("wage", "-3", "The wage is -3; it must be above 0."),
        ("seconds", "fast", "The number of seconds is 'fast'; write it with digits and a dot for decimals"),
        ("level", "40%", "The level is 0.4; it must be from 0.5 to 0.99."),
        ("deadline", "2026-05-01", "A deadline needs a start; say the day on which labelling begins."),
        ("gold", "150%", "The gold share is 150%; it must be a share from 0% to 100%, such as 5%."),
    ],
)
def test_a_wrong_number_is_one_line(planned, field, value, right):
    app = typed(planned, **{field: value})
    assert len(app.error) == 1
    assert right in app.error[0].value.replace("\\", "")


def test_a_plan_is_kept_once(planned, workspace, vector_pool):
    sound(planned.button(key="plan-keep").click().run())
    (one,) = kept.of_pool(workspace, "plan", vector_pool)
    assert one.said["plan"]["money"]["mid"] == pytest.approx(600 / 3600 * 20)
    assert planned.button(key="plan-keep").disabled
    assert "1 plan kept" in [expander.label for expander in planned.expander]


def test_a_pilot_is_drawn_and_the_plan_made_again(screen, planned, workspace, vector_pool, rng):
    typed(planned, seconds="3-30")
    sound(planned.button(key="plan-keep").click().run())
    sound(planned.segmented_control(key="widget.plan.view").set_value("pilot").run())
    assert "No pilot yet" in shown(planned)
    sound(planned.button(key="pilot-draw").click().run())
    wait(planned, lambda app: "Sheet of 30 for times" in [one.label for one in app.get("download_button")])
    lines = [f"s{at:03d},ann,{seconds:.1f},5" for at, seconds in enumerate(rng.lognormal(4, 0.4, 30))]
    text = "\n".join(["id,person,seconds,objects", *lines])
    planned.file_uploader(key="pilot.file").set_value(("t.csv", text.replace("ann", "'").encode("utf-16"), "text/csv"))
    sound(planned.run())
    sound(planned.button(key="pilot-read").click().run())
    assert "t.csv is no UTF-8 text; save it as CSV, UTF-8." in planned.error[0].value.replace("\\", "")
    planned.file_uploader(key="pilot.file").set_value(("t.csv", text.encode(), "text/csv"))
    sound(planned.run())
    text = shown(sound(planned.button(key="pilot-read").click().run()))
    assert "3 · The plan, before and now" in text
    assert "before, " in text
    assert "now, " in text
    first, second = kept.of_pool(workspace, "plan", vector_pool)
    assert second.said["before"] == first.key
    fresh = opened(screen, pool="vec")
    assert fresh.selectbox(key="widget.plan.rate").value == "pilot"


def test_a_table_of_rates_becomes_ones_own(screen, workspace, vector_pool):
    app = opened(screen, pool="vec", plan="rates")
    assert f"{len(BUILT_IN)} rates" in shown(app)
    app.text_input(key="rates-name").set_value("a b")
    sound(app.button(key="rates-keep").click().run())
    assert "The table name 'a b' will not do" in app.error[0].value.replace("\\", "")
    app.text_input(key="rates-name").set_value("ours")
    sound(app.button(key="rates-keep").click().run())
    assert tables.lines(workspace, "ours") == list(BUILT_IN)
    assert app.selectbox(key="widget.plan.table").value == "ours"


def test_a_damaged_table_is_one_line_and_the_others_are_there(screen, workspace, vector_pool):
    workspace.rates().mkdir(parents=True)
    (workspace.rates() / "ours.csv").write_text("name,unit,source\nbox,s per label,we\n")
    app = opened(screen, pool="vec")
    assert "Line 2 of ours.csv: no number is given; fill in mid, or low and high." in app.error[0].value.replace(
        "\\", ""
    )
    assert any("a box around an object" in one for one in app.selectbox(key="widget.plan.rate").options)


def test_a_price_for_any_number_is_there_for_others(screen, workspace, vector_pool, monkeypatch):
    """`price` of what was asked: the plan of n samples, in money, or in hours without a wage."""
    from datasel_core.actions.plan import PlanLabels

    given = {"pool": "vec", "budget": "12", "seconds": "36"}
    for wage, right in (("20", 2.0), (None, 0.1)):
        task = PlanLabels(**given, wage=wage)
        campaign = task.campaign(workspace, vector_pool)
        asked = question.Asked(vector_pool, task, campaign, None, "", None)
        assert question.Asked(vector_pool, None, None, None, "wrong", None).price(10) is None
        assert asked.price(10) == pytest.approx({"low": right, "mid": right, "high": right})


def test_names_of_tables_and_words_of_people_are_no_markdown(screen, workspace, tmp_path):
    from datasel_core.actions.add_pool import add_pool
    from tests.pages.test_strangers import BAIT, safe

    for at in range(12):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    add_pool(workspace, "p", str(tmp_path / "in"), "images")
    head = "name,what,low,mid,high,unit,date,source\n"
    tables.keep(workspace, "ours", tables.read("x", f"{head}box,{BAIT},8,,18,s per label,2026-05-01,{BAIT}\n"))
    app = safe(opened(screen, pool="p", rate="ours/box", wage="3", currency="![e](x)"))
    assert BAIT in shown(app)
    safe(typed(app, wage=BAIT))
    safe(opened(screen, pool="p", plan="rates", table="ours"))
