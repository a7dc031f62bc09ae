"""Keeping a list that a person marked: from the command line, under a name, once."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, BadRequest
from datasel_core.runs import engine, manifest
from datasel_core.runs.catalog import lists
from datasel_core.runs.catalog.names import find_folder
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, task_of


@pytest.fixture
def pool(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at:02d}" for at in range(40)], embedding=clustered(rng, 40, 6, 4))
    return add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")


@pytest.fixture
def listed(workspace, pool):
    return lists.keep(workspace, pool, np.array([7, 3, 21]), "3 of a region").value


def test_it_is_a_selection_with_its_name_and_all_the_others_have(workspace, pool, listed, capsys):
    assert main(["keep", "vec", listed, "--holds", "a corner", "--name", "corner", "--note", "odd ones"]) == 0
    folder = find_folder(workspace, "corner")
    assert capsys.readouterr().out.startswith("corner: 3 samples kept. ids_sha256 ")
    said = manifest.read(folder)
    assert manifest.kept_table(folder)["id"].to_pylist() == ["s03", "s07", "s21"]
    assert said["method"]["params"]["holds"] == "a corner"
    assert (
        said["result"]["metrics"].keys()
        == engine.select(workspace, Spec(pool="vec", method="random", budget="3")).manifest["result"]["metrics"].keys()
    )
    assert main(["reproduce", "corner"]) == 0
    perform(workspace, task_of("keep", pool="vec", list=listed, name="other"), Progress())
    assert find_folder(workspace, "other") == folder  # the same samples are the same selection


def test_what_cannot_be_kept_is_one_line(workspace, pool, listed, tmp_path):
    engine.select(workspace, Spec(pool="vec", method="random", budget="3"))
    perform(workspace, task_of("keep", pool="vec", list=listed, name="corner"), Progress())
    other = lists.keep(workspace, pool, np.array([1, 2]), "2").value
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), tmp_path / "none.parquet")
    pq.write_table(pa.table({"id": ["nobody"]}), tmp_path / "another.parquet")
    for asked, kind, said in (
        ({"list": other, "name": "corner"}, BadRequest, "There is a selection called corner already"),
        ({"list": other, "note": "x" * 3000}, BadParameter, "The note has 3,000 characters; it may have at most 2,000"),
        ({"list": str(tmp_path / "none.parquet")}, BadRequest, "The list is empty; name at least one sample."),
        ({"list": str(tmp_path / "another.parquet")}, BadRequest, "nobody"),
    ):
        with pytest.raises(kind, match=said):
            task_of("keep", pool="vec", **asked).prepare(workspace)
    assert len(workspace.folders("runs")) == 2
