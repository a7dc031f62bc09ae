"""The Select page as a whole: one row of methods, a drawer, one sentence; what is shown, kept, or of earlier settings;
and an address that brings all of it back.
"""

import time

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from pages._ui.kit import disk, watch
from tests.pages import screens, test_explore
from tests.pages.screens import said, sound

start, pool = screens.screen, test_explore.pool


@pytest.fixture
def screen(start):
    """Opens a page as a new browser tab would, on this address, in the frame of the app."""
    return lambda page, **query: sound(start(**query).switch_page(f"pages/{page}.py").run())


def strip(app):
    return next(one.proto.body for one in app.get("html") if "ds-strip" in one.proto.body)


def address(app):
    """Name -> value, but for the pool."""
    found = {name: value[0] if isinstance(value, list) else value for name, value in dict(app.query_params).items()}
    return {name: value for name, value in found.items() if name != "pool"}


@pytest.fixture
def chosen(workspace, pool):
    """Twelve by k-center, only looked at."""
    return select(workspace, Spec(pool="clothes", method="k_center", budget="12"), preview=True)


def test_the_chips_say_all_of_a_method_and_the_recommended_comes_first(screen, pool):
    app = screen("select", pool="clothes", budget="5")
    chips = [one for one in app.button if str(one.key).startswith("method-")]
    assert "recommended" in chips[0].label
    assert chips[0].proto.type == "primary"
    assert [one for one in chips[1:] if "recommended" in one.label or one.proto.type == "primary"] == []
    for words in ("**Recommended**", "**Needs** embedding", "**Cost**", "**Not** ", "[Paper](https://"):
        assert words in chips[0].help


def test_a_method_towards_a_target_asks_for_one(screen, workspace, pool, tmp_path, rng):
    ours = next(one for one in disk.features(pool) if one.role == "embedding")
    vectors = rng.standard_normal((4, ours.meta["values"][1])).astype(np.float32)
    np.savez(tmp_path / "t.npz", ids=list("wxyz"), embedding=vectors)
    add_pool(workspace, "wanted", str(tmp_path / "t.npz"), "vectors")
    app = screen("select", pool="clothes", method="nearest_targets", budget="5")
    assert "Towards which examples?" in said(app)
    assert "target" not in app.query_params
    assert "choose" not in {one.key for one in app.button}
    sound(app.button(key="target-wanted").click().run())
    assert address(app)["target"] == "wanted"
    assert not app.button(key="choose").disabled
    assert app.selectbox(key="widget.select.target").value == "wanted"


def test_what_makes_a_choice_doubtful_stands_below_its_sentence(screen, workspace, tmp_path):
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(20)], embedding=np.eye(20), influence=np.arange(20.0))
    add_pool(workspace, "brought", str(tmp_path / "v.npz"), "vectors")
    select(workspace, Spec(pool="brought", method="mates", budget="5"), preview=True)
    app = screen("select", pool="brought", method="mates", budget="5")
    assert "Nobody said how well this influence predicts" in said(app)
    select(workspace, Spec(pool="brought", method="k_center", budget="5"), preview=True)
    assert "Nobody said" not in said(screen("select", pool="brought", method="k_center", budget="5"))


def test_what_was_kept_before_the_page_looked_is_seen_at_once(screen, chosen, monkeypatch):
    """Work may end between the beginning of a page, which looks for the selection, and its end, which watches it."""
    real = watch.started

    def ended(*asked, **more):
        job = real(*asked, **more)
        end = time.monotonic() + 300
        while job is not None and job.is_active and time.monotonic() < end:
            time.sleep(0.05)
        return job

    app = screen("select", pool="clothes", method="k_center", budget="12")
    monkeypatch.setattr(watch, "started", ended)
    screens.keep(app)
    assert "12 kept of 30" in strip(app)


def test_a_changed_seed_greys_the_old_answer_and_the_strip_says_so(screen, chosen):
    app = screen("select", pool="clothes", method="k_center", budget="12")
    assert "preview: 12 of 30 photos, not kept" in strip(app)
    app = sound(app.number_input(key="widget.select.seed").set_value(4).run())
    old = "12 of 30 photos of the earlier settings (k-center greedy)"
    assert f"{old}; press Choose 12" in said(app)
    assert f"preview: {old}, not kept" in strip(app)
    assert "Nothing chosen yet" not in said(app)
    assert "Why #1?" in said(app)
    assert not app.button(key="choose").disabled
    assert app.button(key="keep").help == "Nothing is chosen with these settings yet: press Choose 12 first."
    app = sound(app.number_input(key="widget.select.seed").set_value(0).run())
    assert "earlier settings" not in said(app)
    assert "preview: 12 of 30 photos, not kept" in strip(app)


def test_the_earlier_answer_of_another_pool_is_not_shown(screen, workspace, chosen, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(40)], embedding=rng.standard_normal((40, 5)))
    screens.add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")
    app = screen("select", pool="clothes", method="k_center", budget="12")
    app.session_state["kept.pool"] = "vec"
    app = sound(app.run())
    assert "Nothing chosen yet" in said(app)
    assert "preview" not in strip(app)


def test_what_can_be_chosen_is_shown_while_nothing_is(screen, pool):
    app = screen("select", pool="clothes", method="k_center", budget="5", where="\"group\" = 'hat'")
    assert "Nothing chosen yet" in said(app)
    assert "10 of the 10 photos that can be chosen" in said(app)


def test_kept_is_told_from_preview_and_leads_on(screen, workspace, chosen):
    app = screen("select", pool="clothes", method="k_center", budget="12")
    assert app.button(key="choose").help.startswith("These 12 are chosen already")
    assert "onward-select" not in [one.key for one in app.button]
    screens.keep(app)
    app = screens.wait(app, lambda app: app.button(key="keep").label == "Kept")
    assert "preview" not in strip(app)
    assert "12 kept of 30" in strip(app)
    assert app.button(key="keep").help == "This is the selection, and is kept."
    app = sound(app.select_slider(key="budget.slide").set_value(8).run())
    assert "preview: 8 of 30 photos, not kept" in strip(app)
    assert "12 kept of 30" in strip(app)
    app = sound(app.select_slider(key="budget.slide").set_value(12).run())
    assert "onward-select" in [one.key for one in app.button]
    app = sound(app.select_slider(key="budget.slide").set_value(8).run())
    app = sound(app.switch_page("pages/export.py").run())
    assert "preview" not in strip(app)


def test_a_method_that_keeps_fewer_says_so_where_the_budget_is_set(screen, workspace, pool):
    made = select(
        workspace,
        Spec(pool="clothes", method="deduplicate", budget="30", params={"threshold": 0.5, "fill": False}),
        preview=True,
    )
    n = len(made.selection.rows)
    assert n < 30
    app = screen("select", pool="clothes", method="deduplicate", budget="30", settings="threshold=0.5&fill=False")
    assert app.select_slider(key="budget.slide").label == f"Budget: 30; **{n} of 30 photos** is all that it keeps"


def test_the_address_brings_everything_back(screen, pool):
    app = screen("select", pool="clothes", method="facility_location", budget="7")
    assert address(app) == {"method": "facility_location", "budget": "7"}
    app.selectbox(key="widget.form.method.facility_location.metric").set_value("euclidean").run()
    app.number_input(key="widget.form.method.facility_location.n_neighbors").set_value(20).run()
    app.number_input(key="widget.select.seed").set_value(6).run()
    app = sound(app.text_input(key="widget.select.where").set_value("\"group\" = 'hat'").run())
    told = address(app)
    assert told == {
        "method": "facility_location",
        "budget": "7",
        "seed": "6",
        "where": "\"group\" = 'hat'",
        "settings": "metric=euclidean&n_neighbors=20",
    }
    again = screen("select", pool="clothes", **told)
    assert again.selectbox(key="widget.form.method.facility_location.metric").value == "euclidean"
    assert again.number_input(key="widget.form.method.facility_location.n_neighbors").value == 20
    assert again.number_input(key="widget.select.seed").value == 6
    assert again.number_input(key="budget.count").max == 10
    assert address(again) == told
    for words in (
        "metric: by distance (Euclidean)",
        "neighbours per sample: 20",
        "seed 6",
        "where &quot;group&quot; = &#x27;hat&#x27;",
    ):
        assert words in said(again)


def test_the_view_and_the_opened_sample_are_in_the_address(screen, workspace, pool, chosen):
    app = screen("select", pool="clothes", method="k_center", budget="12")
    app.session_state["kept.open_row"] = row = int(chosen.selection.rows[3])
    app = sound(app.segmented_control(key="widget.select.show").set_value("all").run())
    told = address(app)
    assert (told["view"], told["sample"]) == ("all", str(pool.ids[row]))
    again = screen("select", pool="clothes", **told)
    assert "Why #4?" in said(again)
    assert again.segmented_control(key="widget.select.show").value == "all"


@pytest.mark.parametrize(
    "asked",
    [{"sample": "no such"}, {"settings": "x=1&metric=none&use.y=z"}, {"seed": "-3"}, {"view": "q"}, {"rail": "q"}],
)
def test_an_address_that_makes_no_sense_opens_the_page(screen, chosen, asked):
    app = screen("select", pool="clothes", method="k_center", budget="12", **asked)
    assert "**12 of 30 photos**" in said(app)


def test_a_method_of_the_address_that_cannot_be_used_is_named(screen, pool):
    app = screen("select", pool="clothes", method="freesel", budget="5")
    [one] = app.info
    assert one.value == "The method freesel cannot be used on this pool yet; another is shown."


def test_another_pool_forgets_what_belonged_to_this_one(screen, workspace, pool, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(40)], embedding=rng.standard_normal((40, 5)))
    screens.add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")
    app = screen("select", pool="clothes", method="k_center", budget="5", where="\"group\" = 'hat'", sample="x")
    assert address(app)["where"] == "\"group\" = 'hat'"
    app = screens.view(sound(app.switch_page("pages/data.py").run()), "pools")
    sound(app.button(key="open-vec").click().run())
    assert app.query_params["pool"] in ("vec", ["vec"])
    assert {"where", "sample", "settings"} & address(app).keys() == set()
