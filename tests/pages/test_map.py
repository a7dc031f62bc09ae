"""The map page without a browser: what comes first, the photos of a region beside it, what a link says of it."""

import numpy as np
import pytest

from datasel_core.actions import draw_map
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import manifest
from datasel_core.runs.catalog import lists
from pages._ui.charts import map, map_link, maps
from pages._ui.kit import grouping
from tests.pages import test_explore
from tests.pages.test_frame import said, sound, wait

screen, pool, patterned = test_explore.screen, test_explore.pool, test_explore.patterned
TAG = "abc123"


@pytest.fixture
def embedding(workspace, pool):
    kept = test_explore.embedding_of(workspace, pool)
    draw_map.make_map(workspace, kept.key)
    return kept


def left_of(points, share=0.5):
    """A box around what lies left, and the rows in it."""
    edge = int(np.quantile(points.xy[:, 0], share))
    rows = np.flatnonzero(points.xy[:, 0] <= edge)
    return [[[-9, -9], [edge + 0.5, -9], [edge + 0.5, 65535], [-9, 65535]]], rows


# ---- what a link says


def test_a_region_is_what_was_written_and_of_its_own_points_only():
    shapes = [[[-5, 0], [65000, 12], [36, 1295]], [[0, 0], [1, 0], [1, 1], [0, 1]]]
    text = map_link.written(shapes, TAG)
    assert text == "abc123-N5.0_1e5k.c_10.zz-0.0_1.0_1.1_0.1"
    assert map_link.region(text, TAG) == shapes
    assert map_link.region(text, "abc124") == []
    assert map_link.elsewhere(text, "abc124")
    assert not map_link.elsewhere(text, TAG)
    assert map_link.written([], TAG) == ""


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        TAG,
        f"{TAG}-",
        f"{TAG}-0.0_1.1",
        f"{TAG}-0.0_1.1_2",
        f"{TAG}-0.0_1.1_2.2.2",
        f"{TAG}-0.0_1.1_!.2",
        f"{TAG}-0.0_1.1_zzzzzzzz.2",
        f"{TAG}-" + "_".join(["0.0"] * 20_001),
    ],
)
def test_what_is_no_region_is_none(text):
    assert map_link.region(text, TAG) == []


def test_a_view_and_what_is_hidden_are_read_with_care():
    assert map_link.view(f"{TAG}-N1.zz.10", TAG) == [-1, 1295, 36]
    for wrong in (f"{TAG}-1.2", f"{TAG}-1.2.0", f"{TAG}-1.2.N5", f"{TAG}-1.2.?", "abc124-1.2.3", None):
        assert map_link.view(wrong, TAG) is None
    assert map_link.hidden(f"{TAG}-2-0-2-9", TAG, 3) == [0, 2]
    assert map_link.hidden(f"{TAG}-2-!", TAG, 3) == []


def test_a_link_brings_region_and_filter_back(screen, workspace, pool, embedding):
    points = map.points(embedding)
    shapes, rows = left_of(points)
    region = map_link.written(shapes, points.tag)
    app = screen("patterns", pool="clothes", colour="group", **{"map.region": region})
    assert f"**{len(rows)} of 30 photos** in the region" in said(app)
    labels = maps.labels(pool, embedding, points, "group")
    hidden = f"{labels.tag}-{labels.names.index('shoe')}"
    again = screen("patterns", pool="clothes", colour="group", **{"map.region": region, "map.hidden": hidden})
    left = sum(pool.column("group")[row] != "shoe" for row in rows)
    assert f"**{left} of 30 photos** in the region" in said(again)
    sound(again.button(key="clear-region").click().run())
    assert "in the region" not in said(again)
    assert "map.region" not in again.query_params
    assert again.query_params["map.hidden"] in (hidden, [hidden])


def test_a_region_of_another_map_is_not_shown_and_comes_back(screen, workspace, pool, patterned, embedding):
    draw_map.make_map(workspace, patterned.key)
    region = map_link.written(left_of(map.points(embedding))[0], map.points(embedding).tag)
    app = screen("patterns", pool="clothes", role=patterned.key, **{"map.region": region})
    assert "The region was drawn on another map, and comes back with it." in said(app)
    assert "in the region" not in said(app)
    sound(app.selectbox(key="widget.role").set_value(embedding.key).run())
    assert "15 of 30 photos** in the region" in said(app)


# ---- what stands beside the map


def test_photos_come_first_and_patterns_second(screen, workspace, pool, patterned, embedding):
    assert [one.role for one in maps.mappable(pool)] == ["embedding", "patterns"]
    app = screen("patterns", pool="clothes")
    assert app.selectbox(key="widget.role").options == [
        "Photos \u00b7 from e.npz",
        "Patterns in photos \u00b7 imported patterns",
    ]
    assert app.selectbox(key="widget.colour").value == "group"
    assert "**Map of photos**" in said(app)
    assert "**All 30 photos**, one of each group in turn" in said(app)


def test_what_was_opened_goes_when_a_region_is_drawn_and_can_be_opened_again(screen, workspace, pool, embedding):
    points = map.points(embedding)
    app = screen("patterns", pool="clothes")
    app.session_state["kept.open_row"] = 3
    assert "Similar photos" in said(sound(app.run()))
    app.session_state["kept.map.region"] = map_link.written(left_of(points)[0], points.tag)
    text = said(sound(app.run()))
    assert "Similar photos" not in text
    assert "15 of 30 photos** in the region" in text
    app.session_state["kept.open_row"] = 4
    assert "in the region" not in said(sound(app.run()))
    assert app.button(key="close-one").label == "Back to the region"
    sound(app.button(key="close-one").click().run())
    assert "in the region" in said(app)


def test_an_empty_region_says_so(screen, workspace, pool, embedding):
    points = map.points(embedding)
    nothing = map_link.written([[[-90, -90], [-80, -90], [-80, -80]]], points.tag)
    text = said(screen("patterns", pool="clothes", **{"map.region": nothing}))
    assert "**0 of 30 photos** in the region" in text
    assert "No point lies in it: draw it anew, or show again what the legend hides." in text


def test_the_photos_of_a_region_come_one_of_each_group_in_turn(pool):
    rows = np.array([row for row in range(30) if pool.column("group")[row] != "hat"] + [0])
    found = grouping.in_turn(pool, rows)
    assert sorted(found) == sorted(rows)
    assert [pool.column("group")[row] for row in found[:5]] == ["hat", "shirt", "shoe", "shirt", "shoe"]
    for name in ("shirt", "shoe"):
        mine = [row for row in found if pool.column("group")[row] == name]
        assert mine == sorted(mine)
    assert [pool.column("group")[row] for row in grouping.in_turn(pool)[:3]] == ["hat", "shirt", "shoe"]


@pytest.mark.parametrize("button", ["Choose from these", "Leave these out"])
def test_a_region_is_what_a_choice_is_made_from_or_without(screen, workspace, pool, embedding, button):
    points = map.points(embedding)
    shapes, rows = left_of(points)
    app = screen(
        "patterns", pool="clothes", method="random", budget="4", **{"map.region": map_link.written(shapes, points.tag)}
    )
    app = sound(app.button(key=f"region-{button}").click().run())
    [made] = lists.of_pool(workspace, pool)
    inside = rows if button == "Choose from these" else np.setdiff1d(np.arange(30), rows)
    assert made.words == ("15 photos of a region" if button == "Choose from these" else "all but 15 photos of a region")
    assert lists.read(workspace.path / made.value) == [str(pool.ids[row]) for row in inside]
    sound(app.switch_page("pages/select.py").run())
    assert app.selectbox(key="widget.select.within").value == made.value
    sound(app.button(key="choose").click().run())
    wait(app, lambda app: "chosen among the 15 of a list" in said(app))
    [folder] = workspace.folders("runs")
    assert set(manifest.kept_table(folder)["id"].to_pylist()) <= set(lists.read(workspace.path / made.value))


def test_a_region_is_kept_as_a_selection_and_leads_on(screen, workspace, pool, embedding):
    points = map.points(embedding)
    shapes, rows = left_of(points)
    region = {"map.region": map_link.written(shapes, points.tag)}
    app = screen("patterns", pool="clothes", **region)
    sound(app.button(key="region-keep").click().run())
    app.text_input(key="keep-region-as.name").set_value("left half")
    sound(app.button(key="keep-region-as.send").click().run())
    wait(app, lambda app: "Kept as left half." in said(app).replace("\\", ""))
    [folder] = workspace.folders("runs")
    assert manifest.kept_table(folder)["id"].to_pylist() == [str(pool.ids[row]) for row in rows]
    assert app.query_params["run"] in (folder.name, [folder.name])
    assert [one for one in app.button if one.key == "region-keep"] == []
    sound(app.button(key="onward-region").click().run())
    assert "15 kept of 30" in said(app)
    other = {"map.region": map_link.written(left_of(points, 0.3)[0], points.tag)}
    app = screen("patterns", pool="clothes", run=folder.name, **other)
    assert app.button(key="region-keep").label == "Keep as a selection"  # other samples: not these


def test_a_region_becomes_a_pool_of_its_own(screen, workspace, pool, embedding):
    points = map.points(embedding)
    shapes, rows = left_of(points)
    app = screen("patterns", pool="clothes", **{"map.region": map_link.written(shapes, points.tag)})
    make = next(one for one in app.button if one.label == "Make a pool of 15 photos")
    assert app.text_input(key="cut.name").value == "clothes-part"
    app.text_input(key="cut.name").set_value("no name")
    assert "The pool name 'no name' will not do; use 1 to 64 letters" in said(sound(make.click().run())).replace(
        "\\", ""
    )
    app.text_input(key="cut.name").set_value("clothes-part")
    make = next(one for one in app.button if one.label == "Make a pool of 15 photos")
    sound(make.click().run())
    wait(app, lambda app: "clothes-part" in str(app.query_params.get("pool")))
    part = load_pool(workspace, "clothes-part")
    assert part.ids.tolist() == [str(pool.ids[row]) for row in rows]
    assert part.cut["from"] == "clothes"


# ---- clusters


def test_clusters_are_named_by_a_majority_with_its_share_and_by_a_picture(workspace, pool, patterned):
    draw_map.make_map(workspace, patterned.key)
    points = map.points(patterned)
    labels = maps.labels(pool, patterned, points, "cluster")
    clusters, group = draw_map.read_clusters(workspace, patterned.key), pool.column("group")
    for cell, name in enumerate(labels.names):
        theirs = [group[row] for row in points.owners[clusters == cell]]
        most = max(sorted(set(theirs)), key=theirs.count)
        share = theirs.count(most) / len(theirs)
        assert name == f"{cell + 1} \u00b7 " + (f"{most} {100 * share:.0f} %" if share > 0.5 else "mixed")
    assert len(set(labels.names)) == len(labels.names) == len(labels.pictures) > 1
    assert len(set(labels.pictures)) == len(labels.pictures)
    assert all(picture.startswith("data:image/jpeg;base64,") for picture in labels.pictures)
