"""Lists of samples that a person marked: kept by their ids, chosen from, verified, noticed when they were changed."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.errors import BadInput, BadRequest
from datasel_core.runs import manifest, reproduction
from datasel_core.runs.catalog import lists
from datasel_core.workspace.hashing import ids_sha256
from tests.runs import joints

built, shared, scene = joints.built, joints.shared, joints.scene
ROWS = np.array([31, 2, 14, 2, 40])


def test_a_list_is_its_ids_under_their_hash(scene):
    made = lists.keep(scene.workspace, scene.pool, ROWS, "4 of a region")
    ids = [str(scene.pool.ids[row]) for row in (2, 14, 31, 40)]
    assert made == lists.Listed(f"lists/{ids_sha256(ids)[:16]}.parquet", "4 of a region", 4, ids_sha256(ids))
    assert pq.read_table(scene.workspace.path / made.value)["id"].to_pylist() == ids
    again = lists.keep(scene.workspace, scene.pool, ROWS[::-1], "called otherwise")
    assert again.value == made.value
    other = lists.keep(scene.workspace, scene.pool, np.array([5]), "1 of a region")
    assert lists.of_pool(scene.workspace, scene.pool) == [other, made]
    with pytest.raises(BadRequest, match="The list is empty; name at least one sample"):
        lists.keep(scene.workspace, scene.pool, np.array([], int), "nothing")


def test_a_choice_within_a_list_keeps_of_it_only_and_can_be_made_again(scene):
    made = lists.keep(scene.workspace, scene.pool, ROWS, "4 of a region")
    run = scene.ask("random", 3, within=made.value)
    assert set(run.ids) < {str(scene.pool.ids[row]) for row in ROWS}
    assert run.manifest["within"] == {"ids_sha256": made.ids_sha256, "n": 4}
    assert manifest.counts(run.manifest).among == "chosen among the 4 of a list"
    assert f"--within {made.value}" in run.manifest["command"]
    (scene.workspace.path / made.value).unlink()  # the record has the ids itself
    assert manifest.problems(run.folder) == []
    assert reproduction.reproduce(scene.workspace, run.folder)["identical"]


def test_a_list_that_was_changed_or_is_another_pools_is_not_chosen_from(scene):
    made = lists.keep(scene.workspace, scene.pool, ROWS, "4 of a region")
    path = scene.workspace.path / made.value
    pq.write_table(pa.table({"id": [str(scene.pool.ids[7])]}), path)
    with pytest.raises(BadInput, match=f"--within {made.value} was changed after it was written; mark these samples"):
        scene.ask("random", 1, within=made.value)
    assert lists.of_pool(scene.workspace, scene.pool) == []
    assert lists.place(scene.workspace, "lists/../runs") is None
    assert lists.place(scene.workspace, "lists/0123456789abcdef.parquet") is None
