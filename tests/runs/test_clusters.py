"""Clusters kept beside a run, groups asked for only where they are used, and trajectories in the role of an
embedding.
"""

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest, MissingFeature, UnknownName
from datasel_core.exports.run_folder import copy_run
from datasel_core.features import external
from datasel_core.features.roles import Roles
from datasel_core.runs import engine, manifest, reproduction
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from tests.conftest import clustered

N = 120
IDS = np.array([f"id-{at:03d}" for at in range(N)])


def bring(workspace, pool, tmp_path, role, values, name="more"):
    np.savez(tmp_path / f"{name}.npz", ids=IDS[: len(values)], **{role: values})
    return external.import_feature(workspace, pool, role, str(tmp_path / f"{name}.npz")).kept


@pytest.fixture
def losses(rng):
    return np.abs(clustered(rng, N, 6, 5))


@pytest.fixture
def pool(workspace, tmp_path, rng, losses):
    """Vectors with loss trajectories for all but the last three; no column could be a group."""
    np.savez(tmp_path / "v.npz", ids=IDS, embedding=clustered(rng, N, 8, 10))
    pool = add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")
    bring(workspace, pool, tmp_path, "loss_trajectory", losses[:-3])
    return pool


def spec(**asked):
    return Spec(**{"pool": "vec", "method": "s2l", "params": {"n_clusters": 5}, "budget": "20", **asked})


def test_clusters_are_kept_beside_the_run(workspace, pool):
    run = engine.select(workspace, spec())
    assert "clusters.parquet" in run.manifest["files"]
    assert manifest.problems(run.folder) == []
    clusters = run.clusters
    assert len(clusters) == N
    assert clusters[-3:].tolist() == [-1] * 3
    assert set(clusters[:-3].tolist()) == set(range(5))
    table = pq.read_table(run.folder / "clusters.parquet")
    assert table.column_names == ["row", "cluster"]
    assert table.num_rows == N - 3
    chosen = run.selection
    assert chosen.why["cluster"].tolist() == clusters[chosen.rows].tolist() == chosen.clusters[chosen.rows].tolist()
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    assert engine.select(workspace, spec(method="k_center", params={})).clusters is None


def test_a_shorter_answer_keeps_them(workspace, pool, monkeypatch):
    fresh = engine.choose(resolve(workspace, spec(budget="12")), Progress())
    long = engine.select(workspace, spec(budget="60"))
    monkeypatch.setattr(engine, "choose", lambda *asked: pytest.fail("computed again"))
    short = engine.select(workspace, spec(budget="12"))
    assert short.selection.rows.tolist() == fresh.rows.tolist()
    assert short.clusters.tolist() == long.clusters.tolist() == fresh.clusters.tolist()
    assert manifest.problems(short.folder) == []


def test_a_copy_keeps_them_and_damage_is_noticed(workspace, pool, tmp_path):
    run = engine.select(workspace, spec())
    copy = copy_run(run, tmp_path / "copy")
    assert copy.clusters.tolist() == run.clusters.tolist()
    path = copy.folder / "clusters.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert manifest.problems(copy.folder) == ["clusters.parquet was changed after it was written."]
    with pytest.raises(BadInput, match="clusters.parquet cannot be read"):
        _ = copy.clusters
    path.unlink()
    with pytest.raises(BadInput, match="clusters.parquet cannot be read"):
        _ = copy.clusters


def test_only_what_was_given_has_a_cluster(workspace, pool):
    first = engine.select(workspace, spec(budget="40"))
    inside = engine.select(workspace, spec(budget="10", within=str(first.folder)))
    assert np.flatnonzero(inside.clusters >= 0).tolist() == sorted(first.selection.rows.tolist())
    more = engine.select(workspace, spec(budget="10", already=str(first.folder)))
    assert (more.clusters >= 0).sum() == N - 3
    assert not set(more.ids) & set(first.ids)


def test_a_group_is_asked_for_only_where_it_is_used(workspace, tmp_path, photos, losses):
    """Photos in folders have a group column; it decides nothing while per_group is off."""
    pool = add_pool(workspace, "vec", str(photos), "images")
    np.savez(tmp_path / "l.npz", ids=pool.ids.astype(str), loss_trajectory=losses[: pool.n])
    external.import_feature(workspace, pool, "loss_trajectory", str(tmp_path / "l.npz"))
    plain, per_group = ({"n_clusters": 3}, {"n_clusters": 3, "per_group": True})
    without = engine.select(workspace, spec(budget="4", params=plain))
    assert set(without.manifest["features"]) == {"loss_trajectory"}
    assert without.key == resolve(workspace, spec(budget="4", params=plain, use={"group": "bytes"})).key
    run = engine.select(workspace, spec(budget="6", params=per_group))
    assert set(run.manifest["features"]) == {"loss_trajectory", "group"}
    assert np.unique(run.selection.why["group"], return_counts=True)[1].tolist() == [2, 2, 2]
    assert reproduction.reproduce(workspace, run.folder)["identical"]


def test_a_missing_group_is_named(workspace, pool):
    assert pool.group_column is None
    with pytest.raises(MissingFeature, match="has no column group; name one with --use group=COLUMN"):
        resolve(workspace, spec(params={"per_group": True}))


@pytest.mark.parametrize(
    ("method", "params"),
    [("facility_location", {"metric": "euclidean"}), ("k_center", {"metric": "euclidean"}), ("deduplicate", {})],
)
def test_trajectories_in_the_role_of_an_embedding(workspace, pool, losses, method, params, capsys):
    asked = spec(method=method, params=params, use={"embedding": "loss_trajectory"})
    run = engine.select(workspace, asked)
    about = run.manifest["features"]["embedding"]
    key = about["key"]
    assert Roles.of(workspace, pool, {"embedding": key}).features["embedding"].role == "loss_trajectory"
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    assert [entry["id"] for entry in run.manifest["unreadable"]] == IDS[-3:].tolist()
    assert "--use embedding=loss_trajectory" in run.manifest["command"]
    assert engine.select(workspace, spec(method=method, params=params)).manifest["features"]["embedding"]["key"] != key
    words = ["select", "vec", method, "--budget", "20", "--use", f"embedding={key}"] + [
        f"--set={name}={value}" for name, value in params.items()
    ]
    assert main(words) == 0, capsys.readouterr().err
    assert run.manifest["result"]["ids_sha256"] in capsys.readouterr().out


def test_unnamed_only_the_role_itself_fills_it(workspace, pool, tmp_path):
    newer = bring(workspace, pool, tmp_path, "loss_trajectory", np.ones((N, 4), np.float32), "newer")
    assert Roles.of(workspace, pool).features["embedding"].role == "embedding"
    assert Roles.of(workspace, pool, {"embedding": "loss_trajectory"}).features["embedding"].key == newer.key


def test_what_cannot_be_an_embedding_is_refused(workspace, pool, tmp_path):
    bring(workspace, pool, tmp_path, "loss", np.ones(N, np.float32))
    with pytest.raises(
        BadRequest, match="loss cannot fill the role embedding of vec: it does not have one vector per sample"
    ):
        Roles.of(workspace, pool, {"embedding": "loss"})
    with pytest.raises(UnknownName, match="no feature for the role loss_trajectory of vec called embedding"):
        Roles.of(workspace, pool, {"loss_trajectory": "embedding"})
    with pytest.raises(UnknownName, match="called k"):
        Roles.of(workspace, pool, {"embedding": "k"})
