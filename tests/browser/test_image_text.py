"""The cut in a real browser: dragged, by keys, typed; the pairs around it follow."""

import re

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import engine
from datasel_core.runs.question import resolve
from datasel_core.runs.scores import kept_scores
from datasel_core.runs.spec import Spec
from tests.browser.conftest import place, settled
from tests.conftest import clustered, paint

N = 300


@pytest.fixture
def cosine(workspace, tmp_path):
    """Three hundred pairs with their scores kept. The answer is (n,) CLIPScore."""
    rng, lines = np.random.default_rng(5), ["path,id,caption"]
    for at in range(30):
        paint(tmp_path / "in" / f"{at:02d}.jpg", at, (60, 45))
    lines += [f"{at % 30:02d}.jpg,s{at:03d},caption number {at}" for at in range(N)]
    (tmp_path / "in" / "pairs.csv").write_text("\n".join(lines) + "\n")
    pool = add_pool(workspace, "signs", str(tmp_path / "in" / "pairs.csv"), "pairs")
    image = clustered(rng, N, 6, 5)
    for role, values in (("image", image), ("text", image + 0.9 * rng.standard_normal((N, 6)).astype(np.float32))):
        keep_imported(workspace, pool, role, values, np.arange(N), [], f"{role}.npz", Progress())
    asked = resolve(workspace, Spec(pool="signs", method="clip_score", budget="1"))
    return kept_scores(asked, Progress()).values


def kept(page) -> int:
    text = page.get_by_text(re.compile(r"^\d+ of 300 pairs above the cut")).first.inner_text()
    return int(text.split()[0])


def finally_kept(page) -> int:
    """How many are kept once the last move of the mouse has come through."""
    last = -1
    for _ in range(40):
        page.wait_for_timeout(500)
        settled(page)
        if (now := kept(page)) == last:
            return now
        last = now
    raise AssertionError("the cut does not come to rest")


def test_the_cut_is_dragged_and_the_pairs_around_it_follow(visit, cosine):
    page = visit("/image_text?pool=signs&budget=90")
    page.get_by_text("90 of 300 pairs above the cut").first.wait_for()
    page.locator(".card img").first.wait_for()
    box = place(page.locator(".hist svg"))
    line = float(page.locator(".hist .cut").get_attribute("x1"))
    page.mouse.move(box["x"] + line, box["y"] + 90)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(box["x"] + line - 20 * step, box["y"] + 90)
    page.mouse.up()
    page.wait_for_function("!document.body.innerText.includes('90 of 300 pairs above the cut')")
    now = finally_kept(page)
    assert now > 100
    cut = np.sort(cosine)[::-1][now - 1]
    assert abs(float(page.get_by_role("spinbutton", name="Cut: score at least").input_value()) - cut) < 1e-3
    assert int(page.get_by_role("spinbutton", name="Pairs above it, 1 to 300").input_value()) == now
    order = np.argsort(-cosine, kind="stable")
    page.locator(f".card[aria-label^='#{now + 1:,} beats '][data-row='{order[now]}']").first.wait_for()
    page.wait_for_function("n => new URLSearchParams(location.search).get('budget') === n", arg=str(now))


def test_keys_move_the_cut_and_a_card_opens(visit, cosine):
    page = visit("/image_text?pool=signs&budget=90")
    page.locator(".card img").first.wait_for()
    settled(page)
    page.locator(".hist .handle").focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function("!document.body.innerText.includes('90 of 300 pairs above the cut')")
    assert finally_kept(page) > 90
    settled(page)
    first = page.locator(".card").first.get_attribute("data-row")
    page.locator(".card").first.click()
    rail = page.locator(".st-key-rail")
    rail.get_by_text(f"caption number {first}", exact=True).wait_for()
    rail.get_by_role("button", name="Back to the cut").wait_for()


def test_the_cut_stays_when_another_score_is_looked_at(visit, cosine):
    page = visit("/image_text?pool=signs&budget=90")
    page.get_by_text("90 of 300 pairs above the cut").first.wait_for()
    page.get_by_role("button", name="negCLIPLoss", exact=True).click()
    told = {"negCLIPLoss": "the best by negCLIPLoss", "CLIPScore": "each caption fits better than"}
    page.get_by_text("above the cut: " + told["negCLIPLoss"]).wait_for()  # scoring so few starts by itself
    settled(page)
    for name in ("CLIPScore", "negCLIPLoss"):
        page.get_by_role("button", name=name, exact=True).click()
        page.get_by_text("above the cut: " + told[name]).wait_for()
        settled(page)
        assert kept(page) == 90
        assert page.get_by_role("spinbutton", name="Pairs above it, 1 to 300").input_value() == "90"
        assert page.get_by_role("spinbutton", name="% of the pool", exact=True).input_value() == "30.00"


def test_nothing_overlaps_or_sticks_out(visit, cosine):
    page = visit("/image_text?pool=signs&budget=90", "dark")
    page.locator(".card img").first.wait_for()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    place(page.locator(".card").last)
    boxes = page.locator(".card").evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")
    for at, a in enumerate(boxes):
        for b in boxes[at + 1 :]:
            apart = (
                a["x"] + a["width"] <= b["x"]
                or b["x"] + b["width"] <= a["x"]
                or a["y"] + a["height"] <= b["y"]
                or b["y"] + b["height"] <= a["y"]
            )
            assert apart
    assert page.locator(".hist svg").get_attribute("aria-label").startswith("Histogram of CLIPScore from ")


def test_right_captions_stand_beside_those_dealt_anew(visit, workspace, cosine):
    """In the rail beside the cut, in view, its words whole; and a red line where the encoders are blind."""
    page = visit("/image_text?pool=signs&budget=90", "dark")
    page.get_by_text("A right caption scores higher than one dealt anew in").first.wait_for()
    settled(page)
    assert page.get_by_text("cannot tell right captions").count() == 0
    cut, beside = place(page.locator(".hist svg")), place(page.locator(".st-key-pairs-dealt"))
    words = place(page.get_by_text("A right caption scores higher").first)
    assert cut["x"] + cut["width"] <= beside["x"]
    assert beside["y"] + beside["height"] <= words["y"]
    assert words["y"] + words["height"] <= 900
    assert max(beside["x"] + beside["width"], words["x"] + words["width"]) <= 1440
    title = page.locator(".st-key-pairs-dealt .gtitle")
    assert title.text_content() == "Right and wrong captions"
    assert title.bounding_box()["width"] <= beside["width"]
    blind = np.random.default_rng(0).standard_normal((2, N, 6)).astype(np.float32)
    for role, values in zip(("image", "text"), blind, strict=True):
        keep_imported(workspace, load_pool(workspace, "signs"), role, values, np.arange(N), [], "b.npz", Progress())
    page.reload()
    line = page.get_by_text("This encoder cannot tell right captions from wrong ones here: AUC .").first
    line.wait_for()
    assert place(line)["y"] < 300


def test_uids_for_datacomp_leave_the_browser(visit, workspace, tmp_path, rng):
    uids = [f"{at:032x}" for at in range(5, 45)]
    np.savez(tmp_path / "u.npz", ids=uids, image=clustered(rng, 40, 6, 5), text=clustered(rng, 40, 6, 5))
    add_pool(workspace, "uids", str(tmp_path / "u.npz"), "vectors")
    run = engine.select(workspace, Spec(pool="uids", method="clip_score", budget="10"))
    page = visit(f"/export?pool=uids&run={run.key}")
    page.get_by_text("DataComp").first.click()
    button = page.get_by_role("button", name=re.compile(r"Download uids-clip-score-10-[0-9a-f]{8}\.npy"))
    button.wait_for()
    with page.expect_download() as download:
        button.click()
    download.value.save_as(tmp_path / "uids.npy")
    found = np.load(tmp_path / "uids.npy", mmap_mode="r")
    assert found.dtype == np.dtype("u8,u8")
    assert [f"{a:016x}{b:016x}" for a, b in found.tolist()] == sorted(run.ids)


def test_pairs_on_both_sides_of_the_cut_are_in_view(visit, cosine):
    """Without scrolling, with the histogram over the whole width of the main area."""
    page = visit("/image_text?pool=signs&budget=90")
    order = np.argsort(-cosine, kind="stable")
    for row in (order[89], order[90]):
        box = place(page.locator(f".card[data-row='{row}']"))
        assert box["y"] > 0
        assert box["y"] + box["height"] <= 900
    rail, cut = place(page.locator(".st-key-rail")), place(page.locator(".hist svg"))
    assert rail["x"] - (cut["x"] + cut["width"]) < 40
    assert cut["width"] > 2 * rail["width"]


def test_the_scatter_of_two_scores_keeps_its_words_whole(visit, workspace, cosine):
    kept_scores(resolve(workspace, Spec(pool="signs", method="neg_clip_loss", budget="1")), Progress())
    page = visit("/image_text?pool=signs&budget=90&pairs=disagree", "dark")
    page.get_by_text("CLIPScore against negCLIPLoss").wait_for()
    settled(page)
    hint = page.get_by_text("→ better by CLIPScore").first
    hint.wait_for()
    assert hint.evaluate("one => one.scrollWidth <= one.clientWidth + 1 && one.scrollHeight <= one.clientHeight + 1")
    box = place(hint)
    assert box["y"] + box["height"] <= 900
    names = page.locator(".card .score span").evaluate_all(
        "all => all.every(one => one.scrollWidth <= one.clientWidth + 1)"
    )
    assert names
