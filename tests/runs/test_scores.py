"""Scores of a whole pool, targets, selections as sets: against formulas worked out here and sets of Python."""

import itertools
import json

import numpy as np
import pytest

import datasel_core as ds
from datasel_core import worker
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.base.progress import Progress
from datasel_core.base.registry import every
from datasel_core.cli.selections import about_method
from datasel_core.errors import BadInput, BadRequest, MissingFeature, Stopped
from datasel_core.features import computation
from datasel_core.features.external import keep_imported
from datasel_core.runs import engine, manifest, reproduction
from datasel_core.runs.derivations import combine
from datasel_core.runs.question import resolve
from datasel_core.runs.recipe import two_stages
from datasel_core.runs.scores import kept_scores, read_scores, scores_folder
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, task_of

N = 60


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.fixture
def pairs(workspace, tmp_path, rng):
    """Sixty pairs in one space; pair 7 has no image vector, pair 9 a zero one."""
    image, text = clustered(rng, N, 8, 6), clustered(rng, N, 8, 6)
    image[9] = 0
    np.savez(tmp_path / "p.npz", ids=[f"s{at:02d}" for at in range(N)], text=text)
    pool = add_pool(workspace, "pairs", str(tmp_path / "p.npz"), "vectors")
    there = np.delete(np.arange(N), 7)
    keep_imported(workspace, pool, "image", image[there], there, [(7, "no vector")], "i.npz", Progress())
    return pool, image, text


@pytest.fixture
def target(workspace, tmp_path, rng):
    np.savez(tmp_path / "t.npz", ids=["a", "b", "c"], image=clustered(rng, 3, 8, 2))
    add_pool(workspace, "wanted", str(tmp_path / "t.npz"), "vectors")
    return np.load(tmp_path / "t.npz")["image"]


def ask(workspace, method="clip_score", budget="10", **asked):
    return engine.select(workspace, Spec(**{"pool": "pairs", "method": method, "budget": budget, **asked}))


def test_a_cut_keeps_the_best(workspace, pairs):
    pool, image, text = pairs
    run = ask(workspace)
    cosine = (unit(image[np.arange(N) != 9]) * unit(text[np.arange(N) != 9])).sum(axis=1)
    cosine = np.insert(cosine, 9, np.nan)
    cosine[7] = np.nan
    expected = np.argsort(-np.nan_to_num(cosine, nan=-9), kind="stable")[:10]
    assert run.ids == pool.ids[expected].tolist()
    np.testing.assert_allclose(run.table["score"].to_numpy(), cosine[expected], atol=1e-6)
    assert [json.loads(why)["score"] for why in run.table["why"].to_pylist()] == pytest.approx(
        cosine[expected].tolist(), abs=1e-6
    )
    assert run.manifest["unreadable"][0] == {"id": "s07", "reason": "no vector"}


def test_scores_are_computed_once_for_all_budgets(workspace, pairs, monkeypatch):
    cls, times = type(ds.method("clip_score")()), []
    honest = cls.score
    monkeypatch.setattr(cls, "score", lambda self, inputs: times.append(1) or honest(self, inputs))
    monkeypatch.setattr(cls, "promise", "")  # what is planted to test it is scored apart
    first = ask(workspace, budget="20")
    assert ask(workspace, budget="40").ids[:20] == first.ids
    assert ask(workspace, budget="5", where="id > 's30'").ids
    assert len(times) == 1
    folder = workspace.folders("scores")[0]
    (folder / "scores.npy").write_bytes(b"x")
    assert read_scores(folder) is None
    assert ask(workspace, budget="21", where="id >= 's00'").ids[:20] == first.ids  # damaged scores are no scores
    assert reproduction.reproduce(workspace, first.folder)["identical"]
    assert len(times) == 3  # reproducing trusts nothing that was kept


@pytest.mark.parametrize("at", [-1, -200, 130])
def test_scores_of_which_one_bit_is_another_are_computed_again(workspace, pairs, at):
    """They still are an array of the right size: only their hash tells."""
    asked = resolve(workspace, Spec(pool="pairs", method="clip_score", budget="5"))
    whole = kept_scores(asked, Progress())
    before = np.array(whole.values)
    content = bytearray((whole.folder / "scores.npy").read_bytes())
    content[at] ^= 1
    (whole.folder / "scores.npy").write_bytes(content)
    assert np.load(whole.folder / "scores.npy").shape == (N,)
    assert read_scores(whole.folder) is None
    np.testing.assert_array_equal(kept_scores(asked, Progress()).values, before)
    np.testing.assert_array_equal(read_scores(whole.folder).values, before)


def test_scores_that_are_drawn_are_kept_for_each_seed(workspace, pairs):
    """Small batches are dealt at random: one seed's scores are no answer to another's question."""
    spec = {"pool": "pairs", "method": "neg_clip_loss", "budget": "20", "params": {"batch_size": 8, "n_batches": 2}}
    found = {}
    for seed in (0, 1, 0):
        asked = resolve(workspace, Spec(**spec, seed=seed))
        kept = kept_scores(asked, Progress())
        found.setdefault(seed, set()).add((kept.folder.name, np.array(kept.values).tobytes()))
    assert [len(those) for those in found.values()] == [1, 1]
    (one,), (other,) = found.values()
    assert one[0] != other[0]
    assert one[1] != other[1]
    runs = [engine.select(workspace, Spec(**spec, seed=seed)) for seed in (0, 1)]
    straight = [np.frombuffer(those[1]) for those in (one, other)]
    for run, scores in zip(runs, straight, strict=True):
        np.testing.assert_array_equal(run.table["score"].to_numpy(), scores[run.selection.rows])
        assert reproduction.reproduce(workspace, run.folder)["identical"]


def test_a_pair_is_scored_against_the_whole_pool_whatever_may_be_chosen(workspace, pairs):
    whole = ask(workspace, "neg_clip_loss", budget="58")
    score = dict(zip(whole.ids, whole.table["score"].to_pylist(), strict=True))
    part = ask(workspace, "neg_clip_loss", budget="5", where="id >= 's40'")
    assert {id: score[id] for id in part.ids} == dict(zip(part.ids, part.table["score"].to_pylist(), strict=True))
    assert part.ids == [id for id in whole.ids if id >= "s40"][:5]


def test_a_share_within_an_earlier_selection_is_of_the_whole_pool(workspace, pairs):
    first = ask(workspace, "neg_clip_loss", budget="50%")
    second = ask(workspace, "clip_score", budget="25%", within=str(first.folder))
    assert (len(first.ids), len(second.ids)) == (30, 15)
    assert set(second.ids) <= set(first.ids)


def test_towards_a_target(workspace, pairs, target):
    pool, image, _ = pairs
    run = ask(workspace, "norm_sim", target="wanted", params={"p": "inf"})
    alike = np.abs(unit(np.where(image.any(axis=1)[:, None], image, 1)) @ unit(target).T).max(axis=1)
    alike[[7, 9]] = -1
    assert run.ids == pool.ids[np.argsort(-alike, kind="stable")[:10]].tolist()
    said = run.manifest["target"]
    assert (said["name"], said["n"], set(said["features"])) == ("wanted", 3, {"image"})
    assert "--target wanted" in run.manifest["command"]
    assert manifest.problems(run.folder) == []
    assert reproduction.reproduce(workspace, run.folder)["identical"]


def test_a_target_that_changed_is_a_new_question_and_cannot_be_reproduced(workspace, pairs, target, tmp_path):
    run = ask(workspace, "norm_sim", target="wanted")
    np.savez(tmp_path / "t.npz", ids=["a", "b", "c"], image=target[::-1] + 1)
    add_pool(workspace, "wanted", str(tmp_path / "t.npz"), "vectors")
    assert ask(workspace, "norm_sim", target="wanted").key != run.key
    with pytest.raises(BadRequest, match="The target wanted is not what it was"):
        reproduction.reproduce(workspace, run.folder)


def test_the_targets_feature_is_named_again_when_a_newer_one_is_there(workspace, pairs, target, tmp_path):
    run = ask(workspace, "norm_sim", target="wanted")
    np.savez(tmp_path / "other.npz", ids=["a", "b", "c"], image=target + 2)
    import_feature(workspace, ds.open_pool("wanted"), "image", str(tmp_path / "other.npz"))
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    assert ask(workspace, "norm_sim", target="wanted").ids != run.ids


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"method": "norm_sim"}, "norm_sim chooses towards a target; name a pool of examples with --target POOL"),
        ({"method": "norm_sim", "target": "wanetd"}, "There is no pool called wanetd. Did you mean wanted?"),
        ({"method": "clip_score", "target": "wanted"}, "clip_score takes no target; leave out --target"),
        ({"method": "norm_sim", "target": "wide"}, "has 5 numbers per sample in the target wide, but 8 in the pool"),
        ({"method": "norm_sim", "target": "bare"}, "The target bare has no feature for the role image yet"),
        (
            {"method": "norm_sim", "target": "wanted", "use": {"target.image": "vit"}},
            "no feature for the role image of the target wanted called vit",
        ),
    ],
)
def test_a_target_that_does_not_fit_is_one_line(workspace, pairs, target, tmp_path, asked, said):
    np.savez(tmp_path / "w.npz", ids=["a"], image=np.ones((1, 5)))
    add_pool(workspace, "wide", str(tmp_path / "w.npz"), "vectors")
    np.savez(tmp_path / "b.npz", ids=["a"], embedding=np.ones((1, 8)))
    add_pool(workspace, "bare", str(tmp_path / "b.npz"), "vectors")
    with pytest.raises(BadRequest, match=said.replace("?", r"\?")) as caught:
        resolve(workspace, Spec(**{"pool": "pairs", "budget": "5", **asked}))
    assert isinstance(caught.value, MissingFeature) == ("bare" in str(asked))
    assert workspace.folders("runs") == []


def test_a_target_from_another_encoder_is_refused(workspace, pairs, target):
    for pool, params in (("pairs", {"model": "a"}), ("wanted", {"model": "b"})):
        kept = computation.kept_features(workspace, ds.open_pool(pool).fingerprint)
        path = next(one.folder for one in kept if one.role == "image") / "meta.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "id": "clip_image", "params": params}))
    with pytest.raises(
        MissingFeature,
        match="image from another encoder .*compute the same: .*feature compute wanted clip_image --set model=a",
    ):
        ask(workspace, "norm_sim", target="wanted")


def test_scoring_is_a_job_that_can_be_stopped(workspace, pairs):
    asked = resolve(workspace, Spec(pool="pairs", method="neg_clip_loss", budget="5"))
    with pytest.raises(Stopped):
        kept_scores(asked, Progress(should_stop=lambda: True))
    assert read_scores(scores_folder(asked)) is None
    job = worker.start(workspace, task_of("score", pool="pairs", method="neg_clip_loss"))
    assert job.folder == scores_folder(asked)


def test_two_stages(workspace, pairs, target):
    run = two_stages(workspace, "pairs", "wanted", "50%", "20%")
    first = ask(workspace, "neg_clip_loss", budget="50%")
    then = ask(workspace, "norm_sim", budget="20%", params={"p": "inf"}, target="wanted", within=str(first.folder))
    assert run.key == then.key
    assert len(run.ids) == 12


def test_selections_as_sets(workspace, pairs):
    runs = [ask(workspace, "random", budget="30", seed=seed) for seed in range(3)]
    a, b, c = (run.ids for run in runs)
    folders = [run.folder for run in runs]
    assert combine.combine(workspace, "union", folders).ids == list(dict.fromkeys([*a, *b, *c]))
    assert combine.combine(workspace, "intersection", folders).ids == [id for id in a if id in b and id in c]
    only = combine.combine(workspace, "difference", folders)
    assert only.ids == [id for id in a if id not in b and id not in c]
    assert manifest.problems(only.folder) == []
    assert reproduction.reproduce(workspace, only.folder)["identical"]
    whole = combine.combine(workspace, "union", folders)
    of = {id: [at for at, ids in enumerate((a, b, c), 1) if id in ids] for id in whole.ids}
    assert [json.loads(why)["of"] for why in whole.table["why"].to_pylist()] == [
        ", ".join(map(str, of[id])) for id in whole.ids
    ]
    assert set(combine.combine(workspace, "difference", [whole.folder, only.folder]).ids) == set(whole.ids) - set(
        only.ids
    )
    again_from_another = ask(workspace, "clip_score", budget="4", within=str(whole.folder))
    assert set(again_from_another.ids) <= set(whole.ids)


def test_sets_that_cannot_be_are_one_line(workspace, pairs, target, tmp_path):
    run, other = ask(workspace), engine.select(workspace, Spec(pool="wanted", method="random", budget="2"))
    with pytest.raises(BadRequest, match="combine knows union, intersection, difference, not xor"):
        combine.combine(workspace, "xor", [run.folder, run.folder])
    with pytest.raises(BadRequest, match="at least two folders"):
        combine.combine(workspace, "union", [run.folder])
    with pytest.raises(BadRequest, match="a selection from the pool wanted, not from pairs"):
        combine.combine(workspace, "union", [run.folder, other.folder])
    with pytest.raises(BadRequest, match="is empty; nothing was written"):
        combine.combine(workspace, "difference", [run.folder, run.folder])
    (run.folder / "selection.parquet").write_bytes(b"x")
    with pytest.raises(BadInput, match="cannot be combined: selection.parquet was changed"):
        combine.combine(workspace, "union", [run.folder, run.folder])


def test_the_sets_of_a_combination_are_verified_too(workspace, pairs):
    runs = [ask(workspace, "random", budget="30", seed=seed).folder for seed in range(2)]
    run = combine.combine(workspace, "union", runs)
    (run.folder / "of-2.parquet").write_bytes((run.folder / "of-1.parquet").read_bytes())
    assert manifest.problems(run.folder) == ["of-2.parquet was changed after it was written."]
    with pytest.raises(BadRequest, match="cannot be run again"):
        reproduction.reproduce(workspace, run.folder)


def test_captions_of_a_picture_take_its_vectors(workspace, tmp_path, rng):
    from tests.conftest import paint

    lines = []
    for at in range(4):
        paint(tmp_path / "in" / f"{at}.jpg", at)
        lines.append(
            json.dumps(
                {"image": f"{at}.jpg", "captions": [f"picture {at}", f"again {at}", f"more {at}"][: 3 - (at == 3)]}
            )
        )
    (tmp_path / "in" / "pairs.jsonl").write_text("\n".join(lines))
    image, text = rng.standard_normal((4, 5)).astype(np.float32), rng.standard_normal((4, 3, 5)).astype(np.float32)
    ids = [f"{at}.jpg" for at in range(4)]
    np.savez(tmp_path / "v.npz", ids=[*ids[:3], "elsewhere"], image=image, text=text)
    pool = add_pool(workspace, "each", str(tmp_path / "in" / "pairs.jsonl"), "pairs")
    found = {role: import_feature(workspace, pool, role, str(tmp_path / "v.npz")) for role in ("image", "text")}
    for row, (at, part) in enumerate(
        (at, part) for at, part in itertools.product(range(4), range(3)) if (at, part) != (3, 2)
    ):
        assert pool.ids[row] == f"{at}.jpg#{part + 1}"
        for role, expected in (("image", image[at]), ("text", text[at, part])):
            value = found[role].kept.values()[row]
            assert np.isnan(value).all() if at == 3 else np.array_equal(value, expected)
    assert (found["text"].matched, found["text"].missing, found["text"].extra) == (
        9,
        ["3.jpg#1", "3.jpg#2"],
        ["elsewhere"],
    )
    mean = add_pool(workspace, "mean", str(tmp_path / "in" / "pairs.jsonl"), "pairs", {"captions": "mean"})
    kept = import_feature(workspace, mean, "text", str(tmp_path / "v.npz")).kept
    np.testing.assert_allclose(
        kept.values()[:3], unit(np.stack([unit(text[at]).mean(axis=0) for at in range(3)])), atol=1e-6
    )


def test_every_method_says_what_it_needs_of_a_target():
    needs = {id: about_method(one)["needs_target"] for id, one in every("method").items()}
    assert needs["norm_sim"] == ["image"]
    assert needs["random"] == []


def test_a_zero_vector_is_named_where_everything_is_scored(workspace, pairs, target):
    for asked in ({"method": "clip_score"}, {"method": "norm_sim", "target": "wanted"}, {"method": "norm_sim_dynamic"}):
        said = ask(workspace, **asked).manifest["unreadable"]
        assert [one["id"] for one in said] == ["s07", "s09"]
        assert "gives it no score: its vector is zero" in said[1]["reason"]
        assert ask(workspace, **asked, budget="3").manifest["unreadable"] == said
    assert [one["id"] for one in ask(workspace, "random").manifest["unreadable"]] == []


def test_a_combination_of_other_scores_is_another_one(workspace, pairs):
    one = ask(workspace, "clip_score", budget="12")
    same_picks = ask(workspace, "clip_score", budget="12", where="id >= 's00'")
    other = ask(workspace, "random")
    assert one.ids == same_picks.ids
    keys = {combine.combine(workspace, "union", [first.folder, other.folder]).key for first in (one, same_picks)}
    assert len(keys) == 2


def test_a_recipe_that_cannot_work_is_refused_at_once(workspace, pairs, target):
    for asked, said in (
        ({"first": "10%", "then": "90%"}, "The second stage keeps 54, the first only 6"),
        ({"first": "50%", "then": "20%", "target": "nobody"}, "There is no pool called nobody"),
    ):
        spec = task_of("recipe", **{"pool": "pairs", "target": "wanted", **asked})
        with pytest.raises(BadRequest, match=said):
            worker.start(workspace, spec)
        with pytest.raises(BadRequest, match=said):
            two_stages(workspace, "pairs", spec.target, spec.first, spec.then)
    assert workspace.folders("scores") == workspace.folders("runs") == []


def test_weights_that_were_replaced_are_another_encoder(workspace, pairs, target):
    for pool, weights in (("pairs", "aa"), ("wanted", "bb")):
        kept = computation.kept_features(workspace, ds.open_pool(pool).fingerprint)
        path = next(one.folder for one in kept if one.role == "image") / "meta.json"
        meta = {
            **json.loads(path.read_text()),
            "id": "clip_image",
            "params": {"model": "./mine"},
            "facts": {"weights_sha256": weights},
        }
        path.write_text(json.dumps(meta))
    with pytest.raises(MissingFeature, match="or from other weights; compute the same"):
        ask(workspace, "norm_sim", target="wanted")


def test_a_number_sign_of_the_users_own_is_no_caption(workspace, tmp_path):
    from tests.conftest import paint

    for at in range(3):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    (tmp_path / "in" / "t.csv").write_text("id,path,caption\na,0.jpg,x\na#2,1.jpg,y\nb#1,1.jpg,y\nb#2,2.jpg,z\n")
    pool = add_pool(workspace, "own", str(tmp_path / "in" / "t.csv"), "pairs")
    np.savez(tmp_path / "v.npz", ids=["a", "b"], image=np.eye(2, dtype=np.float32))
    found = import_feature(workspace, pool, "image", str(tmp_path / "v.npz"))
    assert (found.matched, found.missing, found.extra) == (1, ["a#2", "b#1", "b#2"], ["b"])


def test_what_is_imported_again_is_known_by_its_new_name(workspace, pairs, tmp_path):
    pool, _, text = pairs
    for name in ("one.npz", "two.npz"):
        np.savez(tmp_path / name, ids=pool.ids.astype("U"), text=text + 1)
        kept = import_feature(workspace, pool, "text", str(tmp_path / name)).kept
    assert kept.meta["params"] == {"file": "two.npz"}


def test_what_was_imported_is_not_compared_with_what_was_computed(workspace, pairs, target):
    def computed(pool):
        kept = computation.kept_features(workspace, ds.open_pool(pool).fingerprint)
        path = next(one.folder for one in kept if one.role == "image") / "meta.json"
        before = path.read_text()
        path.write_text(json.dumps({**json.loads(before), "id": "clip_image", "params": {}}))
        return lambda: path.write_text(before)

    undo = computed("wanted")
    with pytest.raises(
        MissingFeature, match="The pool's image was imported, the target's computed by clip_image; import both"
    ):
        ask(workspace, "norm_sim", target="wanted")
    undo()
    computed("pairs")
    with pytest.raises(MissingFeature, match="image from another encoder .imported.*feature compute wanted clip_image"):
        ask(workspace, "norm_sim", target="wanted")


def test_what_gives_no_scores_is_refused_before_anything_is_made(workspace, pairs):
    with pytest.raises(BadRequest, match="random chooses a set and gives no scores"):
        task_of("score", pool="pairs", method="random").prepare(workspace)
    assert workspace.folders("scores") == []
