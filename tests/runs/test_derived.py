"""Selections that were derived: listed, verified, run again and compared like any other; what they build on stays."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.base.registry import every
from datasel_core.errors import BadInput, BadRequest
from datasel_core.runs import manifest, reproduction
from datasel_core.runs.catalog import lists
from datasel_core.runs.catalog.label import default_name
from datasel_core.runs.catalog.links import builds_on
from datasel_core.runs.derivations.derivation import derivation_of
from datasel_core.runs.derivations.listed import keep_list
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import hash_file, own_hash
from tests.runs import joints

built, shared, scene = joints.built, joints.shared, joints.scene


@pytest.fixture
def region(scene):
    """A list of nine samples, not in the order of the pool, and its name."""
    rows = np.array([40, 3, 17, 5, 59, 51, 58, 8, 20])
    pool = scene.plan("random").pool
    return rows, lists.keep(scene.workspace, pool, rows, "a corner of the map")


def test_a_list_becomes_a_selection(scene, region):
    rows, listed = region
    run = keep_list(scene.workspace, scene.plan("random").pool.name, listed.value, "a corner of the map")
    pool = scene.plan("random").pool
    assert run.ids == [str(pool.ids[row]) for row in sorted(rows)]
    assert run.name == "a corner of the map, 9"
    assert manifest.problems(run.folder) == []
    assert reproduction.reproduce(scene.workspace, run.folder)["identical"]
    assert main(["verify", str(run.folder)]) == 0
    assert main(["reproduce", str(run.folder)]) == 0


def test_what_it_was_made_of_is_in_its_hash(scene, region):
    run = keep_list(scene.workspace, scene.plan("random").pool.name, region[1].value)
    table = pq.read_table(run.folder / "list.parquet")
    pq.write_table(table.slice(1), run.folder / "list.parquet")
    assert manifest.problems(run.folder) == ["list.parquet was changed after it was written."]


def test_another_list_is_another_answer(scene, region):
    """A record that was written anew, with its own hashes, but of other samples: running it again tells."""
    run = keep_list(scene.workspace, scene.plan("random").pool.name, region[1].value)
    table = pq.read_table(run.folder / "list.parquet").slice(1)
    said = read_json(run.folder / "manifest.json")
    pq.write_table(table, run.folder / "list.parquet")
    said["files"]["list.parquet"] = hash_file(run.folder / "list.parquet")
    said["sha256"] = own_hash({name: value for name, value in said.items() if name != "sha256"})
    write_json(run.folder / "manifest.json", said)
    assert not reproduction.reproduce(scene.workspace, run.folder)["identical"]
    pq.write_table(table.rename_columns(["name"]), run.folder / "list.parquet")
    with pytest.raises(BadInput, match="damaged"):
        reproduction.reproduce(scene.workspace, run.folder)


def test_a_list_that_is_not_there_is_one_line(scene):
    with pytest.raises(BadRequest):
        keep_list(scene.workspace, scene.plan("random").pool.name, "lists/0000000000000000.parquet")


def test_every_derivation_says_what_it_is():
    assert {"combine", "listed"} <= set(every("derivation"))
    params = {"how": "union", "of": [{"ids_sha256": "a", "n": 3, "method": {"id": "random"}}] * 2}
    said = {"id": "combine", "version": 1, "params": params}
    assert derivation_of(said).what() == said
    assert default_name(said, 6) == "union of 2, 6"
    assert derivation_of(said).words() == "union of 3 by Random and 3 by Random"
    assert builds_on({"method": said, "within": None, "already": None}) == {"a"}
    assert derivation_of({"id": "random", "version": 1, "params": {}}) is None


def test_damaged_parameters_are_one_line():
    said = {"id": "combine", "version": 1, "params": {"how": "sometimes", "of": 3}}
    with pytest.raises(BadInput, match="The manifest's combine is damaged"):
        derivation_of(said)
    assert default_name(said, 6) == "combine, 6"
    assert json.dumps(said)
