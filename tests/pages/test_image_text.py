"""The image-text page without a browser: what it says of a cut, against numpy."""

import json

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.features.external import keep_imported
from datasel_core.features.stored import kept_features
from datasel_core.runs import engine, manifest
from datasel_core.runs.derivations import combine
from datasel_core.runs.measures import caption_agreement
from datasel_core.runs.question import resolve
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from pages._ui.charts import histogram
from pages._ui.image_text import examples, scores
from pages._ui.kit import disk
from tests.conftest import clustered, paint
from tests.pages import screens
from tests.pages.screens import said, sound, wait

screen = screens.screen
N = 40


@pytest.fixture
def pairs(workspace, tmp_path, rng):
    """Forty pictures with a caption each, and vectors of both in one space."""
    lines = []
    for at in range(N):
        paint(tmp_path / "in" / f"{at:02d}.jpg", at)
        lines.append(
            json.dumps(
                {
                    "path": f"{at:02d}.jpg",
                    "id": f"s{at:02d}",
                    "caption": f"a {('red bus', 'BUSH', 'grey dog')[at % 3]} number {at}",
                }
            )
        )
    (tmp_path / "in" / "pairs.jsonl").write_text("\n".join(lines))
    return add_pool(workspace, "signs", str(tmp_path / "in" / "pairs.jsonl"), "pairs")


@pytest.fixture
def embedded(workspace, pairs, rng):
    image = clustered(rng, N, 6, 5)
    text = image + 0.8 * rng.standard_normal((N, 6)).astype(np.float32)
    for role, values in (("image", image), ("text", text)):
        keep_imported(workspace, pairs, role, values, np.arange(N), [], f"{role}.npz", Progress())
    cosine = (image * text).sum(axis=1) / np.linalg.norm(image, axis=1) / np.linalg.norm(text, axis=1)
    return pairs, cosine


def open_page(screen, **query):
    return sound(screen(pool="signs", **query).switch_page("pages/image_text.py").run())


def scored(app):
    """Scoring so few starts by itself."""
    return wait(app, lambda app: "pairs** above the cut" in said(app))


def test_without_embeddings_it_says_what_comes_first(screen, pairs):
    text = said(open_page(screen))
    assert "Embeddings come first" in text
    assert "pictures and captions still have to be brought into it" in text


def test_the_page_is_offered_only_where_there_is_something_to_score(screen, workspace, tmp_path, rng, photos):
    add_pool(workspace, "photos", str(photos), "images")
    app = screen(pool="photos")
    with pytest.raises(ValueError, match=r"pages/image_text\.py"):
        app.switch_page("pages/image_text.py")


def test_score_count_and_share_are_one_cut(screen, embedded):
    pool, cosine = embedded
    app = scored(open_page(screen, budget="10"))
    best = np.sort(cosine)[::-1]
    assert "**10 of 40 pairs** above the cut: each caption fits better than " in said(app)
    assert "10 above the cut, 25.0 % of the pool; 30 below." in plainly(app)
    assert app.number_input(key="cut.score").value == pytest.approx(best[9], abs=1e-3)
    assert app.number_input(key="cut.share").value == 25
    sound(app.number_input(key="cut.share").set_value(50.0).run())
    assert app.number_input(key="cut.count").value == 20
    sound(app.number_input(key="cut.score").set_value(float(best[6] + best[7]) / 2).run())
    assert app.number_input(key="cut.count").value == 7
    assert "**7 of 40 pairs** above the cut" in said(app)
    assert app.query_params["budget"] in ("7", ["7"])


def test_what_is_kept_is_a_selection_like_any_other(screen, embedded, workspace):
    pool, cosine = embedded
    app = scored(open_page(screen, budget="12"))
    screens.keep(app, "keep-pairs", name="good pairs", note="for CLIP")
    wait(app, lambda app: "12 kept of 40" in said(app))
    run = engine.select(workspace, Spec(pool="signs", method="clip_score", budget="12"))
    assert app.query_params["run"] in (run.key, [run.key])
    assert run.ids == pool.ids[np.argsort(-cosine, kind="stable")[:12]].tolist()
    assert manifest.problems(run.folder) == []
    assert (run.name, run.note) == ("good pairs", "for CLIP")
    assert app.button(key="keep-pairs").disabled
    assert app.button(key="onward-pairs").label == "Export"


def test_captions_are_searched_by_the_beginning_of_words(screen, embedded):
    app = scored(open_page(screen, budget="40"))
    sound(app.segmented_control(key="widget.pairs.view").set_value("search").run())
    sound(app.text_input(key="widget.pairs.words").set_value("RED bus").run())
    assert "14 pairs with “RED bus”" in said(app)
    assert "14 above the cut, 0 below" in said(app)
    sound(app.text_input(key="widget.pairs.words").set_value("bus").run())
    assert "27 pairs with" in said(app)
    sound(app.text_input(key="widget.pairs.words").set_value("us").run())
    assert "0 pairs with" in said(app)


def test_two_scores_are_compared(screen, embedded):
    app = scored(open_page(screen))
    sound(app.segmented_control(key="widget.pairs.view").set_value("disagree").run())
    sound(app.button(key="score-other").click().run())
    wait(app, lambda app: "CLIPScore against negCLIPLoss" in said(app))
    assert "Good by CLIPScore, bad by negCLIPLoss" in said(app)


def test_a_score_that_needs_a_target_says_so(screen, embedded):
    app = open_page(screen)
    sound(app.button(key="method-norm_sim").click().run())
    assert "NormSim to a target needs a target: open another pool of examples" in said(app)
    assert "It needs a target: another pool" in said(app)


def test_both_stages_in_one_click(screen, embedded, workspace, tmp_path, rng):
    np.savez(tmp_path / "t.npz", ids=["a", "b"], image=clustered(rng, 2, 6, 2))
    add_pool(workspace, "wanted", str(tmp_path / "t.npz"), "vectors")
    app = scored(open_page(screen))
    sound(app.button(key="method-norm_sim").click().run())
    assert "Towards which examples?" in said(app)
    assert "wanted" not in app.query_params.get("target", [])
    sound(app.button(key="target-wanted").click().run())
    wait(app, lambda app: "above the cut: the best by NormSim to a target towards wanted, 2 vectors" in plainly(app))
    assert app.selectbox(key="widget.recipe.target").value is None
    assert app.button(key="recipe").disabled
    assert app.button(key="recipe").help == "Choose the examples first."
    sound(app.selectbox(key="widget.recipe.target").set_value("wanted").run())
    sound(app.button(key="recipe").click().run())
    wait(app, lambda app: "8 kept of 40" in said(app))
    method = next(
        Run(folder, manifest.read(folder)) for folder in workspace.folders("runs") if manifest.read(folder)["target"]
    ).manifest
    assert method["within"]["n"] == 12
    assert method["method"]["params"]["p"] == "inf"


def test_bars_hold_every_score_once(rng):
    scores = np.sort(np.concatenate([rng.standard_normal(20_000), [-400.0, 900.0]]))[::-1]
    found = histogram.bins(scores)
    assert sum(found.counts) == len(scores)
    assert found.high - found.low < 20  # the far ones are in the outer bars, and the middle is still seen
    inner = np.histogram(scores, np.linspace(found.low, found.high, len(found.counts) + 1))[0]
    np.testing.assert_array_equal(found.counts[1:-1], inner[1:-1])
    same = histogram.bins(np.full(50, 0.25))
    assert (sum(same.counts), same.low < 0.25 < same.high) == (50, True)


def test_a_combination_is_told_in_words(screen, embedded, workspace):
    runs = [
        engine.select(workspace, Spec(pool="signs", method=method, budget="12")) for method in ("clip_score", "random")
    ]
    both = combine.combine(workspace, "union", [run.folder for run in runs])
    app = sound(screen(pool="signs", run=both.key).switch_page("pages/export.py").run())
    assert "union of 12 by CLIPScore and 12 by Random" in said(app)
    sound(app.text_input(key="widget.reopen.folder").set_value(str(both.folder)).run())
    sound(app.button(key="reopen").click().run())
    assert any("made of others; run it again from its folder" in error.value for error in app.error)


def test_a_selection_towards_a_target_is_opened_again(screen, embedded, workspace, tmp_path, rng):
    np.savez(tmp_path / "t.npz", ids=["a", "b"], image=clustered(rng, 2, 6, 2))
    add_pool(workspace, "wanted", str(tmp_path / "t.npz"), "vectors")
    run = engine.select(workspace, Spec(pool="signs", method="norm_sim", budget="9", target="wanted"))
    app = sound(screen(pool="signs", run=run.key).switch_page("pages/export.py").run())
    assert "wanted, 2 samples" in said(app)
    assert "towards wanted" in said(app)
    sound(app.text_input(key="widget.reopen.folder").set_value(str(run.folder)).run())
    sound(app.button(key="reopen").click().run())
    wait(app, lambda app: "identical to the manifest" in said(app))


def test_a_recipe_belongs_to_its_pool_and_may_be_asked_again(screen, embedded, workspace, tmp_path, rng):
    np.savez(tmp_path / "t.npz", ids=["a", "b"], image=clustered(rng, 2, 6, 2), text=clustered(rng, 2, 6, 2))
    add_pool(workspace, "wanted", str(tmp_path / "t.npz"), "vectors")
    app = open_page(screen)
    sound(app.selectbox(key="widget.recipe.target").set_value("wanted").run())
    sound(app.button(key="recipe").click().run())
    wait(app, lambda app: "8 kept of 40" in said(app))
    other = engine.select(workspace, Spec(pool="signs", method="random", budget="5"))
    app.session_state["kept.run"] = other.key
    sound(app.run())
    assert "5 kept of 40" in said(app)
    sound(app.button(key="recipe").click().run())
    wait(app, lambda app: "8 kept of 40" in said(app))
    app.session_state["kept.pool"] = "wanted"
    sound(app.run())
    assert "kept of" not in said(app)


def test_words_begin_where_letters_of_any_script_begin(screen, workspace, tmp_path, rng):
    paint(tmp_path / "w" / "0.jpg", 0)
    words = ["une \u00e9cole", "na\u00efvet\u00e9", "\u043a\u0440\u0430\u0441\u043d\u044b\u0439 \u0434\u043e\u043c"]
    (tmp_path / "w" / "t.csv").write_text(
        "path,id,caption\n" + "".join(f"0.jpg,s{at},{word}\n" for at, word in enumerate(words))
    )
    pool = add_pool(workspace, "words", str(tmp_path / "w" / "t.csv"), "pairs")
    for asked, rows in (("cole", []), ("vet", []), ("\u00c9CO", [0]), ("\u0434\u043e\u043c", [2])):
        assert examples._matching(pool.table_sha256, (asked.lower(),), disk.caption_column(pool)).tolist() == rows


def test_an_encoder_that_tells_captions_apart_is_shown_beside_the_cut(screen, embedded):
    app = scored(open_page(screen, budget="10"))
    assert "A right caption scores higher than one dealt anew in" in said(app)
    assert "on 40 pairs; .50 would be chance" in plainly(app)
    assert "cannot tell right captions" not in said(app)


def test_an_encoder_that_sees_nothing_gets_a_red_line(screen, workspace, pairs, rng):
    """Before anything is scored, too, and on the Select page; not where captions are not looked at."""
    for role in ("image", "text"):
        blind = rng.standard_normal((N, 6)).astype(np.float32)
        keep_imported(workspace, pairs, role, blind, np.arange(N), [], f"{role}.npz", Progress())
    app = open_page(screen)
    line = "This encoder cannot tell right captions from wrong ones here: AUC ."
    assert any(error.value.replace("\\", "").startswith(line) for error in app.error)
    app = sound(screen(pool="signs", method="clip_score").switch_page("pages/select.py").run())
    assert any(error.value.replace("\\", "").startswith(line) for error in app.error)
    app = sound(screen(pool="signs", method="norm_sim_dynamic").switch_page("pages/select.py").run())
    assert not app.error
    run = engine.select(workspace, Spec(pool="signs", method="clip_score", budget="9"))
    facts = run.manifest["result"]["facts"]
    assert facts["note"] == f"this encoder cannot tell right captions from wrong ones here: AUC .{facts['note'][-2:]}"
    assert facts["caption_auc"] == pytest.approx(float(facts["note"][-3:]), abs=0.0051)
    assert manifest.problems(run.folder) == []
    other = engine.select(workspace, Spec(pool="signs", method="norm_sim_dynamic", budget="9"))
    assert "facts" not in other.manifest["result"]


def test_damaged_vectors_are_told_and_nothing_else_falls(screen, workspace, embedded):
    pool, _ = embedded
    kept = next(one for one in kept_features(workspace, pool.fingerprint) if one.role == "text")
    (path,) = kept.folder.rglob("values.npy")
    path.write_bytes(path.read_bytes()[:-4] + b"zzzz")
    app = wait(open_page(screen), lambda app: "Not scored by CLIPScore yet" in said(app))
    assert any("damaged" in error.value for error in app.error)


def plainly(app) -> str:
    """What the page says, without what keeps Markdown from being read into it."""
    return said(app).replace("\\", "")


def test_a_score_is_said_beside_captions_dealt_anew(screen, embedded, workspace):
    """The share of wrong captions that the last one kept still beats, counted one by one."""
    pool, cosine = embedded
    app = scored(open_page(screen, budget="30"))
    asked = resolve(workspace, Spec(pool="signs", method="clip_score", budget="1"))
    dealt = caption_agreement(asked.roles, asked.method.roles()).dealt
    last = np.sort(cosine)[::-1][29]
    share = sum(one < last for one in dealt) / len(dealt)
    assert 0.02 < share < 0.98
    assert f"each caption fits better than {100 * share:.0f} % of wrong ones" in plainly(app)
    assert f"Number 30 of {N} by CLIPScore: the caption fits better than" in plainly(app)
    assert any(f"Its score is {last:.4f}, of {cosine.min():.4f} to" in one.help for one in app.caption)


def test_the_address_brings_back_score_view_and_words(screen, embedded):
    app = scored(open_page(screen, score="neg_clip_loss", pairs="search", words="bus"))
    assert "above the cut: the best by negCLIPLoss" in said(app)
    assert "27 pairs with" in said(app)
    sound(app.segmented_control(key="widget.pairs.view").set_value("ends").run())
    assert app.query_params["pairs"] in ("ends", ["ends"])


def test_a_pair_that_is_clicked_stands_at_the_right(screen, embedded):
    pool, cosine = embedded
    app = scored(open_page(screen, budget="10"))
    assert "**The last one above the cut**" in said(app)
    worst = int(np.argmin(cosine))
    app.session_state["kept.open_row"] = worst
    text = plainly(sound(app.run()))
    assert f"Number {N} of {N} by CLIPScore" in text
    assert "**Below the cut**" in text
    sound(app.button(key="close-pair").click().run())
    assert "**The last one above the cut**" in said(app)


def test_the_worst_matched_are_said_to_fit_worse(screen, embedded):
    app = scored(open_page(screen, budget="5"))
    sound(app.selectbox(key="widget.form.method.clip_score.keep").set_value("low").run())
    wait(app, lambda app: "each caption fits worse than " in plainly(app))
    assert "keep: worst matched" in said(app)


def test_large_pools_wait_for_a_click(screen, embedded, monkeypatch):
    monkeypatch.setattr(scores, "_BY_ITSELF", N - 1)
    app = open_page(screen)
    assert "Not scored by CLIPScore yet" in said(app)
    sound(app.button(key="empty-action-score").click().run())
    scored(app)
