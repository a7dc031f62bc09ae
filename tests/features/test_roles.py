"""Which feature fills a role, and which samples are left out for it: of candidates and of targets."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import MissingFeature, UnknownName
from datasel_core.features.external import keep_imported
from datasel_core.features.roles import Roles
from datasel_core.features.stored import kept_features
from datasel_core.methods.norm_sim import NormSim
from datasel_core.runs import engine, reproduction
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from datasel_core.runs.target import find_target
from tests.conftest import clustered, paint
from tests.oracles import contrastive

N, D = 24, 5
ROLES = ("image", "text")


def add(workspace, tmp_path, name: str, n: int = N):
    """A pool whose own vectors are in the role embedding; it has no image and no text yet."""
    np.savez(
        tmp_path / f"{name}.npz",
        ids=[f"{name}{at:02d}" for at in range(n)],
        embedding=np.eye(n, D, dtype=np.float32) + 1,
    )
    return add_pool(workspace, name, str(tmp_path / f"{name}.npz"), "vectors")


def bring(workspace, pool, role: str, vectors: np.ndarray, without: tuple[int, ...] = ()):
    rows = np.setdiff1d(np.arange(pool.n), without)
    left_out = [(row, f"no {role}") for row in without]
    return keep_imported(workspace, pool, role, vectors[rows], rows, left_out, f"{role}.npz", Progress())


@pytest.fixture
def pool(workspace, tmp_path):
    return add(workspace, tmp_path, "p")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_newest_feature_fills_a_role_of_candidates_and_of_targets(workspace, pool, tmp_path, rng, order):
    """However often, and in whatever order, features came: the last one counts, for each role by itself, under its role
    and under its id.
    """
    wanted = add(workspace, tmp_path, "wanted", 4)
    three = [clustered(rng, N, D, 3) for _ in range(3)]
    for at in order:
        for one in (pool, wanted):
            bring(workspace, one, "image", three[at][: one.n])
        newest = three[at]
        bring(workspace, pool, "text", -newest)
        for use in ({}, {"image": "imported"}):
            roles = Roles.of(workspace, pool, use, ROLES)
            np.testing.assert_array_equal(roles.array("image"), newest)
            np.testing.assert_array_equal(roles.array("text"), -newest)
            target = find_target(workspace, NormSim(), roles, "wanted", use)
            np.testing.assert_array_equal(target.arrays()["image"], newest[:4])
    for at in order:  # brought once more, it is the newest again
        kept = bring(workspace, pool, "image", three[at])
        assert Roles.of(workspace, pool).features["image"].key == kept.key
        np.testing.assert_array_equal(Roles.of(workspace, pool).array("image"), three[at])
    assert len([one for one in kept_features(workspace, pool.fingerprint) if one.role == "image"]) == 3


@pytest.mark.parametrize("without", [{"image": (3, 7)}, {"text": (5,)}, {"image": (3, 7), "text": (5, 7, 20)}])
def test_a_sample_without_a_value_in_any_role_is_left_out(workspace, pool, rng, without):
    """Whichever of the roles it lacks: it is no candidate, it is named with its reason, and no method is given what
    stands in its place.
    """
    for role in ROLES:
        bring(workspace, pool, role, clustered(rng, N, D, 3), without.get(role, ()))
    lacking = sorted({row for rows in without.values() for row in rows})
    for order in (ROLES, ROLES[::-1]):
        roles = Roles.of(workspace, pool, needs=order)
        assert roles.missing_rows(order).tolist() == lacking
        said = {(entry["id"], entry["reason"]) for entry in roles.unreadable(order)}
        assert said == {(pool.ids[row], f"no {role}") for role, rows in without.items() for row in rows}
    asked = resolve(workspace, Spec(pool="p", method="clip_score", budget="5"))
    assert np.setdiff1d(np.arange(N), asked.candidates.given).tolist() == lacking
    run = engine.select(workspace, Spec(pool="p", method="clip_score", budget=str(N - len(lacking))))
    assert set(run.ids) == set(np.delete(pool.ids, lacking))
    assert np.isfinite(run.table["score"].to_numpy()).all()
    assert {entry["id"] for entry in run.manifest["unreadable"]} == set(pool.ids[lacking])
    assert reproduction.reproduce(workspace, run.folder)["identical"]


@pytest.mark.parametrize("without", [(0,), (1, 3), (0, 4)])
@pytest.mark.parametrize(
    ("method", "role"), [("norm_sim", "image"), ("nearest_targets", "embedding"), ("tsds", "embedding")]
)
def test_what_a_target_lacks_decides_nothing(workspace, pool, tmp_path, rng, method, role, without):
    """The answer is that of a target without these samples; rows of the target count the whole pool, and the manifest
    names who is missing.
    """
    examples, candidates = clustered(rng, 5, D, 5), clustered(rng, N, D, 5)
    there = np.setdiff1d(np.arange(5), without)
    bring(workspace, pool, role, candidates)
    whole, fewer = add(workspace, tmp_path, "whole", 5), add(workspace, tmp_path, "fewer", len(there))
    bring(workspace, whole, role, examples, without)
    bring(workspace, fewer, role, examples[there])

    def ask(target: str):
        params = {"max_k": 10, "alpha": 0.1} if method == "tsds" else {}
        return Spec(pool="p", method=method, budget="3", target=target, params=params)

    target = resolve(workspace, ask("whole")).target
    assert target.rows.tolist() == there.tolist()
    np.testing.assert_array_equal(target.arrays()[role], examples[there])
    runs = [engine.select(workspace, ask(name)) for name in ("whole", "fewer")]
    assert runs[0].ids == runs[1].ids
    np.testing.assert_allclose(*(run.table["score"].to_numpy() for run in runs))
    assert runs[0].manifest["target"]["unreadable"] == [
        {"id": f"whole{row:02d}", "reason": f"no {role}"} for row in without
    ]


@pytest.fixture
def captioned(workspace, tmp_path, rng):
    """Eight pictures with three captions each, as a pool of pairs, and vectors of both sides."""
    lines = ["path,id,caption"]
    for at in range(N):
        paint(tmp_path / "in" / f"{at % 8}.jpg", at % 8)
        lines.append(f"{at % 8}.jpg,s{at:02d},caption {at}")
    (tmp_path / "in" / "pairs.csv").write_text("\n".join(lines) + "\n")
    pool = add_pool(workspace, "signs", str(tmp_path / "in" / "pairs.csv"), "pairs")
    image = clustered(rng, 8, D, 3)[np.arange(N) % 8]
    text = image + 0.5 * rng.standard_normal((N, D)).astype(np.float32)
    for role, values in (("image", image), ("text", text)):
        bring(workspace, pool, role, values)
    return pool, image, text


def test_the_pool_knows_which_samples_show_one_picture(workspace, captioned):
    """The answer is that of the law with pictures, the record says where they are from, and it is found again."""
    pool, image, text = captioned
    asked = Spec(pool="signs", method="neg_clip_loss", params={"siblings": "left_out"}, budget="9")
    run = engine.select(workspace, asked)
    law = contrastive.neg_clip_loss(image, text, 0.01, 100, 1, np.random.default_rng(0), [at % 8 for at in range(N)])
    assert run.ids == pool.ids[np.argsort(-law, kind="stable")[:9]].tolist()
    said = run.manifest["features"]["picture"]
    assert (said["id"], said["column"], len(said["fingerprint"])) == ("column", "path", 64)
    assert run.manifest["method"]["params"]["siblings"] == "left_out"
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    named = asked.model_copy(update={"use": {"picture": "path"}})
    assert resolve(workspace, named).key == resolve(workspace, asked).key == run.key
    published = engine.select(workspace, Spec(pool="signs", method="neg_clip_loss", budget="9"))
    assert "picture" not in published.manifest["features"]
    assert published.ids != run.ids


def test_a_column_may_say_it(workspace, tmp_path, rng):
    """Of vectors that were brought; who has no value there shares a picture with none."""
    image, text = clustered(rng, N, D, 3), clustered(rng, N, D, 3)
    shot = [None if at in (2, 3) else f"p{at % 5}" for at in range(N)]
    ids = [f"v{at:02d}" for at in range(N)]
    table = {"id": ids, "embedding": list(np.eye(N, D, dtype=np.float32) + 1), "shot": shot, "take": [None, 1.5] * 12}
    pq.write_table(pa.table(table), tmp_path / "v.parquet")
    pool = add_pool(workspace, "v", str(tmp_path / "v.parquet"), "vectors")
    for role, values in (("image", image), ("text", text)):
        bring(workspace, pool, role, values)
    asked = Spec(pool="v", method="neg_clip_loss", params={"siblings": "left_out"}, budget="9")
    with pytest.raises(MissingFeature) as error:
        resolve(workspace, asked)
    assert str(error.value) == (
        "The pool v does not say which samples show one picture; name a column that does with --use picture=COLUMN "
        "(it has: id, shot, take)."
    )
    with pytest.raises(UnknownName, match="no column of v called shoot. Did you mean shot"):
        resolve(workspace, asked.model_copy(update={"use": {"picture": "shoot"}}))
    run = engine.select(workspace, asked.model_copy(update={"use": {"picture": "shot"}}))
    of = [at if one is None else one for at, one in enumerate(shot)]
    law = contrastive.neg_clip_loss(image, text, 0.01, 100, 1, rng, of)
    assert run.ids == pool.ids[np.argsort(-law, kind="stable")[:9]].tolist()
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    gaps = Roles.of(workspace, pool, {"picture": "take"}).array("picture")
    assert gaps.tolist() == [1 if at % 2 else at for at in range(N)]


def test_all_rows_in_another_order_come_in_that_order(workspace, pool, rng):
    """A probe that learns from all that is not held out asks for every row of the pool, the held-out ones last."""
    keep_imported(
        workspace, pool, "embedding", clustered(rng, pool.n, 8, 3), np.arange(pool.n), [], "e.npz", Progress()
    )
    roles, rows = Roles.of(workspace, pool), np.roll(np.arange(pool.n), 3)
    assert np.array_equal(roles.array("embedding", rows), roles.array("embedding")[rows])
    assert np.array_equal(roles.array("embedding", np.arange(pool.n)), roles.array("embedding"))
