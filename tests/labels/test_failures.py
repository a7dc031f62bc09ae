"""What a model fails on becomes a target; more like it is chosen, but never itself again unless asked."""

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.failures import make_target
from datasel_core.actions.select import Select
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.features.external import keep_imported
from datasel_core.features.roles import Roles
from datasel_core.pools.persistence import load_pool
from datasel_core.runs import reproduction
from datasel_core.runs.run import Run
from datasel_core.runs.target import spared
from datasel_core.workspace.files import read_json
from tests.conftest import clustered
from tests.labels import bringing
from tests.labels.bringing import bring, task, written

pool = bringing.pool


@pytest.fixture
def vectors(workspace, pool, rng):
    found = clustered(rng, pool.n, 6, 4)
    keep_imported(workspace, pool, "embedding", found[1:], np.arange(1, pool.n), [(0, "torn")], "v.npz", Progress())
    return found


def choose(workspace, method, **asked):
    work = Select(pool="p", method=method, **asked).prepare(workspace)
    work.run(Progress())
    return Run(work.folder, read_json(work.folder / "manifest.json"))


def test_a_list_of_ids_is_a_target_with_the_vectors_of_the_pool(workspace, tmp_path, pool, vectors):
    ids = [str(pool.ids[row]) for row in (0, 3, 7)]
    made = make_target(workspace, pool, written(tmp_path, "\n".join([*ids, "gone.jpg", ""]), "f.txt"))
    assert (made.pool.name, made.pool.ids.tolist(), made.pool.kind) == ("p-failures", ids, "images")
    assert [made.pool.open(row).size for row in range(3)] == [bringing.SIZE] * 3
    assert [(one.id, one.reason) for one in made.failed.lost] == [("gone.jpg", "p has no sample of this name")]
    roles = Roles.of(workspace, made.pool)
    assert roles.array("embedding")[1:] == pytest.approx(vectors[[3, 7]])
    assert [entry["id"] for entry in roles.features["embedding"].unreadable] == [ids[0]]


@pytest.mark.parametrize("method", ["tsds", "nearest_targets"])
def test_more_like_them_but_not_themselves(workspace, tmp_path, pool, vectors, method):
    rows = [3, 7, 11]
    path = written(tmp_path, "\n".join(str(pool.ids[row]) for row in rows), "f.txt")
    made = make_target(workspace, pool, path)
    budget = "2" if method == "tsds" else "6"  # in so small a pool tsds looks at the two nearest
    asked = {"budget": budget, "target": made.pool.name, "params": {"c": 50} if method == "tsds" else {}}
    run = choose(workspace, method, **asked)
    kept = run.table["row"].to_pylist()
    assert not set(kept) & set(rows)
    assert run.manifest["within"]["n"] == pool.n - 3
    assert reproduction.reproduce(workspace, run.folder)["identical"]
    assert main(["verify", str(run.folder)]) == 0
    make_target(workspace, pool, path, again=True)
    again = choose(workspace, method, **asked)
    assert again.manifest["within"] is None
    if method == "nearest_targets":  # nothing is nearer to them than they are
        away = np.linalg.norm(vectors[:, None] - vectors[rows][None], axis=2)
        assert set(rows) <= set(again.table["row"].to_pylist())
        assert away[kept].min(axis=1).max() <= np.sort(np.delete(away.min(axis=1), [0, *rows]))[:12].max()


def test_within_is_kept_and_only_what_failed_is_taken_out_of_it(workspace, tmp_path, pool, vectors):
    first = choose(workspace, "random", budget="10")
    failed = first.ids[:4]
    make_target(workspace, pool, written(tmp_path, "\n".join(failed), "f.txt"))
    asked = Select(pool="p", method="nearest_targets", budget="6", target="p-failures", within=first.key)
    work = asked.prepare(workspace)
    work.run(Progress())
    kept = Run(work.folder, read_json(work.folder / "manifest.json"))
    assert set(kept.ids) == set(first.ids) - set(failed)
    spec = spared(workspace, asked)
    assert spared(workspace, spec).within == spec.within  # asked once more, it is the same


def test_predictions_are_compared_with_what_came_back(workspace, tmp_path, pool, vectors, capfd):
    ids = [str(id) for id in pool.ids[:6]]
    bring(
        workspace, "p", written(tmp_path, [task(id, (1, "cat"), (2, "dog" if id == ids[5] else "cat")) for id in ids])
    )
    said = ["cat", "dog", "cat", "dog", "cat", "cat"]
    lines = [f"{id},{word},0.{at}" for at, (id, word) in enumerate(zip(ids, said, strict=True))]
    path = written(tmp_path, "\n".join(["id,predicted,confidence", *lines, f"{pool.ids[9]},cat,1"]), "p.csv")
    assert main(["failures", "p", str(path), "--target", "hard"]) == 0
    out, err = capfd.readouterr()
    assert "2 failures of 5 that could be checked are the target hard; they are not chosen again." in out
    assert "More like these: python -m datasel_core select p tsds --budget 5% --target hard" in out
    assert "not used: 2: nothing says what is right" in err
    made = load_pool(workspace, "hard")
    assert made.ids.tolist() == [ids[1], ids[3]]
    assert made.column("predicted").tolist() == ["dog", "dog"]
    assert made.column("right").tolist() == ["cat", "cat"]
    assert made.column("confidence").tolist() == [0.1, 0.3]
    assert main(["failures", "p", str(path), "--truth", "group", "--target", "hard"]) == 0  # made anew
    assert load_pool(workspace, "hard").n == 7


def test_what_cannot_be_a_target_is_one_line(workspace, tmp_path, pool, capfd):
    ids = [str(id) for id in pool.ids]
    lists = {
        "gone.txt": ("nobody\n", r"gone.txt names no sample of p \(nobody: p has no sample of this name\)"),
        "t.csv": ("name,predicted\na,b\n", "t.csv has no column id; predictions have id and predicted"),
        "p.csv": (f"id,predicted\n{ids[0]},a\n", "Nothing says what is right for p: bring labels back"),
        "all.txt": ("\n".join(ids), "All 24 samples of p fail: nothing is left to choose for them"),
    }
    for name, (text, words) in lists.items():
        with pytest.raises(BadRequest, match=words) as error:
            make_target(workspace, pool, written(tmp_path, text, name))
        assert "\n" not in str(error.value)
    right = written(tmp_path, "id,predicted\n" + "".join(f"{id},{id[0]}\n" for id in ids), "ok.csv")
    with pytest.raises(BadRequest, match="All 24 predictions that can be checked are right: there is no failure"):
        make_target(workspace, pool, right, truth="group")
    with pytest.raises(BadRequest, match="There is no file .*no.txt"):
        make_target(workspace, pool, tmp_path / "no.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(BadRequest, match="bytes.txt cannot be read as text"):
        make_target(workspace, pool, tmp_path / "bytes.txt")
    bring(workspace, "p", written(tmp_path, [task(ids[0], (1, "cat"))]))
    with pytest.raises(BadRequest, match="Of none of the 1 predicted samples it is known what is right"):
        make_target(workspace, pool, written(tmp_path, f"id,predicted\n{ids[5]},cat\n", "u.csv"))
    assert main(["failures", "p", str(written(tmp_path, ids[0], "one.txt")), "--target", "p"]) == 2
    assert "There is a pool called p already; name another with --target." in capfd.readouterr().err
    twice = make_target(
        workspace, pool, written(tmp_path, f"id,predicted\n{ids[0]},x\n{ids[0]},y\n", "2.csv"), truth="group"
    )
    assert [one.reason for one in twice.failed.lost] == [
        "it stands there twice, with other predictions; the first counts"
    ]
