"""What a question depends on: everything that decides an answer is in its key, and nothing else."""

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.errors import BadParameter
from datasel_core.features.stored import kept_features
from datasel_core.methods.selection import granted
from datasel_core.runs import neighbor_tables
from datasel_core.runs.scores import scores_folder
from tests.runs import joints
from tests.runs.joints import METHODS, PARAMS, N

built, shared, scene = joints.built, joints.shared, joints.scene


@pytest.mark.parametrize(
    ("share", "n", "count"),
    [
        ("10%", 15, 2),
        ("10%", 14, 1),
        ("50%", 5, 3),
        ("30%", 15, 5),
        ("2.5%", 100, 3),
        ("29%", 100, 29),
        ("1%", 10, 1),
        ("0.001%", 10, 1),
        ("100%", 7, 7),
        ("99.9%", 7, 7),
        (" 20 % ", 10, 2),
        ("+20%", 10, 2),
    ],
)
def test_a_share_is_rounded_to_the_nearest_and_at_least_one(share, n, count):
    assert granted(share, n) == count
    assert granted(share, n, count) == count


def test_a_share_is_of_the_pool_and_not_of_the_candidates(shared):
    inside = str(shared.earlier("within").folder)
    for asked in ({}, {"where": "amount < 30"}, {"within": inside}, {"already": inside}):
        assert shared.plan("freesel", "12.5%", **asked).budget == 8  # 7.5 of 60
    said = "The budget 60% of 60 samples is 36, but only 29 can be chosen; ask for at most 29"
    with pytest.raises(BadParameter, match=said):
        shared.plan("freesel", "60%", where="amount < 30")
    run = shared.ask("freesel", "12.5%", where="amount < 30")
    assert (len(run.ids), run.manifest["budget"]) == (8, {"requested": "12.5%", "granted": 8, "unit": "samples"})


@pytest.mark.parametrize("text", ["1e2", "ten", "", "5.5", "5 samples", "%", "-", "1.%"])
def test_a_budget_is_a_count_or_a_share(text):
    with pytest.raises(BadParameter, match="it must be a count such as 100 or a share such as 10%"):
        granted(text, 1000)


def test_seeds_that_are_no_seeds(shared):
    for seed in (-1, 2**63):
        with pytest.raises(BadParameter, match=f"The seed is {seed}; it must be a whole number from 0 up"):
            shared.plan("random", seed=seed)
    for seed in (0, 2**63 - 1):
        assert len(shared.chosen("random", seed=seed)) == 6


def changes(scene):
    """Name -> what is asked otherwise, one thing each."""
    here, there = scene.older("all", "embedding"), scene.older("task", "embedding")
    for name in ("all-2", "task-2"):
        add_pool(scene.workspace, name, str(scene.source()), "vectors")
    names = [f"other-{at}" for at in range(len(scene.there["embedding"]))]  # the same vectors under other names
    source = joints.table_of(scene.workspace.path.parent, "task-3", names, scene.there["embedding"])
    add_pool(scene.workspace, "task-3", source, "vectors")
    scene.keep("task-3", "embedding", scene.there["embedding"], joints.MISSING_THERE["embedding"])
    within, already = (str(scene.earlier(flag).folder) for flag in ("within", "already"))
    return {
        "seed": {"seed": 1},
        "budget": {"budget": 7},
        "share": {"budget": "15%"},
        "where": {"where": "amount < 50"},
        "within": {"within": within},
        "already": {"already": already},
        "a parameter": {"params": {"alpha": 0.25}},
        "a feature": {"use": {"embedding": here.key}},
        "the target's": {"use": {"target.embedding": there.key}},
        "the target": {"target": "task-2"},
        "its names": {"target": "task-3"},
        "the pool": {"pool": "all-2"},
    }


def test_each_thing_that_decides_is_in_the_key(scene):
    asked = {"nothing": {}, **changes(scene)}
    keys = {name: scene.plan("tsds", **{"params": {}, **more}).key for name, more in asked.items()}
    assert len(set(keys.values())) == len(asked), keys
    assert len({scene.plan(method).key for method in METHODS}) == len(METHODS)
    folder = str(scene.earlier("within").folder)  # the same selection in another part
    assert scene.plan("random", within=folder).key != scene.plan("random", already=folder).key


def test_what_only_says_how_is_in_no_key(shared):
    within = shared.earlier("within")
    newest = {kept.role: kept.key for kept in kept_features(shared.workspace, shared.pool.fingerprint)}
    for method, cls in METHODS.items():
        params = PARAMS.get(method, {})
        same = [{"use": {role: newest[role] for role in cls().roles() if role in newest}}, {"budget": "10%"}]
        same += [{"within": within.key}, {"within": str(within.folder / "selection.parquet")}, {"budget": " 6"}]
        same += [{"params": {name: str(value) for name, value in params.items()}}, {"command": "said otherwise"}]
        for name in filter(cls.is_how, cls.model_fields):
            same.append({"params": {**params, name: "cpu" if name == "device" else 3}})
        key = shared.plan(method, within=str(within.folder)).key
        for more in same:
            assert shared.plan(method, **{"within": str(within.folder), **more}).key == key, (method, more)


def test_columns_and_groups_are_in_the_key(scene):
    keys = [scene.plan("stratified", use={"group": name}).key for name in ("group", "other")]
    assert keys[0] == scene.plan("stratified").key != keys[1]
    scene.read_again("group", ["z"] * N)
    assert scene.plan("stratified").key not in keys


def test_kept_scores_and_kept_tables_know_what_they_depend_on(scene):
    asked = changes(scene)
    cuts = {"budget", "share", "already"}  # tables are of those that may be chosen, and those chosen before

    def scores(method="centroid_similarity", **more):
        return scores_folder(scene.plan(method, **more)).name

    def tables(**more):
        return neighbor_tables.tables_folder(scene.plan("tsds", **{"params": {}, **more})).name

    for key, also in ((scores, {"the pool", "where", "within"}), (tables, {"a parameter", "the pool", "seed"})):
        found = {name: key(**more) for name, more in asked.items() if name != "a parameter" or key is tables}
        assert {name for name, one in found.items() if one == key()} == cuts | also
        others = [one for one in found.values() if one != key()]
        assert len(set(others)) == len(others) > 2
    for params in ({"max_k": 4}, {"kde_k": 4}, {"sigma": 1.5}, {"neighbors": "approximate"}):
        assert tables(params=params) != tables(), params
    assert len({scores(), scores("norm_sim", params={"p": "2"}), scores("norm_sim", params={"p": "inf"})}) == 3
