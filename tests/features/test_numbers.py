"""Roles: declared once; a number, whoever brought it, is a filter, a method, a colour and a histogram at once."""

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.base.role import Role, declare, find_role, roles
from datasel_core.errors import BadRequest
from datasel_core.runs.engine import select
from datasel_core.runs.question import resolve
from datasel_core.runs.reproduction import reproduce
from datasel_core.runs.spec import Spec
from tests.conftest import clustered

VALUES = np.array([5.0, 1, 4, np.nan, 2, 3, 9, 8, 7, 6], np.float32)


@pytest.fixture
def pool(workspace, tmp_path, rng):
    """Ten vectors, nine of them with a number called `weight`."""
    np.savez(tmp_path / "v.npz", ids=[f"s{at}" for at in range(10)], embedding=clustered(rng, 10, 4, 3))
    made = add_pool(workspace, "p", str(tmp_path / "v.npz"), "vectors")
    np.savez(tmp_path / "w.npz", ids=[f"s{at}" for at in range(10)], weight=VALUES)
    import_feature(workspace, made, "weight", str(tmp_path / "w.npz"))
    return made


def kept(workspace, **asked):
    return select(workspace, Spec(pool="p", **asked))


def test_every_feature_fills_a_declared_role():
    from datasel_core.base.registry import every

    assert {one.role for one in every("feature").values()} <= roles().keys()
    assert all(one.summary.endswith(".") for one in roles().values())


def test_a_role_is_declared_once():
    declare(Role("embedding", "vector", find_role("embedding").summary, covers=True, any_vectors=True))
    with pytest.raises(TypeError, match="The role embedding is declared twice"):
        declare(Role("embedding", "number"))
    assert find_role("nobody").shape == "any"


def test_a_number_is_a_filter(workspace, pool):
    run = kept(workspace, method="random", budget="3", where="weight > 5.5")
    assert set(run.ids) <= {"s6", "s7", "s8", "s9"}
    assert run.manifest["features"].keys() == {"weight"}
    with pytest.raises(BadRequest, match="from 1 to 4"):
        kept(workspace, method="random", budget="5", where="weight > 5.5")
    assert reproduce(workspace, run.folder)["identical"]


def test_a_sample_without_the_number_is_unknown_to_the_filter(workspace, pool):
    assert kept(workspace, method="random", budget="1", where="weight IS NULL").ids == ["s3"]
    nine = kept(workspace, method="random", budget="9", where="weight < 100")
    assert "s3" not in nine.ids


def test_another_number_of_the_same_name_is_another_question(workspace, pool, tmp_path):
    asked = Spec(pool="p", method="random", budget="2", where="weight > 5.5")
    before = resolve(workspace, asked).key
    plain = resolve(workspace, Spec(pool="p", method="random", budget="2", where="id < 'weight'")).key
    np.savez(tmp_path / "w2.npz", ids=[f"s{at}" for at in range(10)], weight=VALUES[::-1])
    import_feature(workspace, pool, "weight", str(tmp_path / "w2.npz"))
    assert resolve(workspace, asked).key != before
    # A filter that only quotes the word does not hang on the number.
    assert resolve(workspace, Spec(pool="p", method="random", budget="2", where="id < 'weight'")).key == plain


def test_a_column_of_the_pool_comes_before_a_number_of_its_name(workspace, tmp_path):
    (tmp_path / "t.jsonl").write_text(
        "".join(f'{{"id": "s{at}", "text": "t{at}", "weight": {at}}}\n' for at in range(10))
    )
    made = add_pool(workspace, "p", str(tmp_path / "t.jsonl"), "text")
    np.savez(tmp_path / "w.npz", ids=[f"s{at}" for at in range(10)], weight=VALUES)
    import_feature(workspace, made, "weight", str(tmp_path / "w.npz"))
    run = kept(workspace, method="random", budget="2", where="weight >= 8")
    assert sorted(run.ids) == ["s8", "s9"]
    assert run.manifest["features"] == {}


def test_a_number_is_something_to_keep_the_most_of(workspace, pool):
    run = kept(workspace, method="by_score", params={"role": "weight"}, budget="3")
    assert run.ids == ["s6", "s7", "s8"]
    assert run.table["score"].to_pylist() == [9, 8, 7]
    low = kept(workspace, method="by_score", params={"role": "weight", "keep": "low"}, budget="2")
    assert low.ids == ["s1", "s4"]
    assert [one["id"] for one in low.manifest["unreadable"]] == ["s3"]
