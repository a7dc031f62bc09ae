"""A workspace that commit af1f7e6 made, with one run of every method on small pieces of the demo: it opens, verifies
and reproduces, and the same questions lead to the same keys and the same answers.

`golden/workspace-af1f7e6.tar.xz` holds its pools, features, scores and runs; the sources are not in it.
"""

import math
import tarfile
from pathlib import Path

import pytest

from datasel_core.base.progress import Progress
from datasel_core.base.registry import every, find
from datasel_core.features.computation import feature_key
from datasel_core.features.stored import kept_features
from datasel_core.pools.persistence import load_pool, pool_names
from datasel_core.runs import manifest
from datasel_core.runs.engine import answer
from datasel_core.runs.question import resolve
from datasel_core.runs.reproduction import reproduce
from datasel_core.runs.run import Run, State, runs, state
from datasel_core.runs.scores import scores_folder
from datasel_core.runs.spec import Spec
from datasel_core.workspace.files import read_json
from datasel_core.workspace.layout import Workspace
from tests.conftest import ROOT

ARCHIVE = ROOT / "tests" / "golden" / "workspace-af1f7e6.tar.xz"

FACTS_SINCE = frozenset(
    {"distance_kept", "distance_random", "distance_nearest", "distance_in_turn", "spread", "alpha_closer"}
    | {"unlike", "unlike_beyond", "unlike_examples", "lacking"}
)
"""What tsds says of itself since."""
PROMISED_SINCE = frozenset({"mismatches"})
"""What scores of pairs promise since, whether anything is held out or not."""


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> Workspace:
    """The workspace, unpacked."""
    home = Workspace(tmp_path_factory.mktemp("old") / "workspace")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(home.path, filter="data")
    for path in home.path.glob("pools/*/pool.json"):
        path.write_text(path.read_text(encoding="utf-8").replace("@SOURCES@", str(home.path.parent)), encoding="utf-8")
    return home


@pytest.fixture(autouse=True)
def roots(old, monkeypatch):
    monkeypatch.setenv("DATASEL_DATA_ROOTS", str(old.path.parent))
    monkeypatch.setenv("DATASEL_WORKSPACE", str(old.path))


def folders() -> list[str]:
    with tarfile.open(ARCHIVE) as archive:
        return sorted({Path(name).parts[1] for name in archive.getnames() if name.startswith("./runs/")})


FOLDERS = folders()


def spec_of(folder: Path) -> Spec | None:
    said = read_json(folder / "spec.json")
    return None if said is None else Spec(**said)


def test_pools_and_features_are_there(old):
    assert pool_names(old) == ["exam", "questions", "scenes", "scenes-captions"]
    found = {name: kept_features(old, load_pool(old, name).fingerprint) for name in pool_names(old)}
    assert {name: len(kept) for name, kept in found.items()} == {
        "exam": 2,
        "questions": 7,
        "scenes": 3,
        "scenes-captions": 2,
    }
    for name, kept in found.items():
        for one in kept:
            if one.id in every("feature"):
                feature = find("feature", one.id).of(one.meta["params"])
                assert feature_key(old, load_pool(old, name), feature) == one.key, one.id


def test_every_method_is_in_it(old):
    later = {"by_score", "mates", "bm25", "reference_classifier", "lowest_perplexity", "shuffled_score"}
    later |= {"loss_pruning", "random_facts", "most_frequent_facts", "once_each"}
    later |= {"gmst_stratified", "extremes", "contiguous", "influence_loo"}
    # made since; by_score stands for methods that are here
    there = {manifest.read(folder)["method"]["id"] for folder in runs(old)}
    assert there == every("method").keys() - later | {"combine"}


@pytest.mark.parametrize("key", FOLDERS)
def test_it_is_intact_and_leads_to_the_same_key(old, key):
    folder = old.run(key)
    assert manifest.problems(folder) == []
    assert state(folder) == State.KEPT
    spec = spec_of(folder)
    if spec is not None:
        asked = resolve(old, spec)
        assert asked.key == key
        assert asked.what() == read_json(folder / "what.json")


@pytest.mark.parametrize("key", FOLDERS)
def test_it_reproduces(old, key):
    assert reproduce(old, old.run(key))["identical"]


@pytest.mark.parametrize("key", FOLDERS)
def test_the_same_question_gives_the_same_record(old, key, tmp_path):
    """Asked anew in a copy without runs and scores: picks in order, reasons, metrics and facts."""
    spec = spec_of(old.run(key))
    if spec is None or spec.within or spec.already:
        pytest.skip(f"{key} builds on other runs; its ids are compared above")
    home = Workspace(tmp_path / "workspace")
    home.path.mkdir()
    for part in ("pools", "features"):
        (home.path / part).symlink_to(old.path / part)
    then, now = Run(old.run(key), manifest.read(old.run(key))), answer(resolve(home, spec), Progress())
    assert now.ids == then.ids
    lately = {**now.manifest, "result": without(now.manifest["result"], FACTS_SINCE)}
    told = {"created_utc", "datasel_version", "environment", "files", "sha256", "command"}
    assert_close(*({name: value for name, value in one.items() if name not in told} for one in (then.manifest, lately)))
    for column in then.table.column_names:
        if column not in ("score", "why"):
            assert now.table[column].to_pylist() == then.table[column].to_pylist(), column
    assert_close(then.table["score"].to_pylist(), now.table["score"].to_pylist())


def without(result: dict, names: frozenset[str]) -> dict:
    """The same, less some of its facts, and what was not promised then."""
    if result.get("promise", {}).get("measure") in PROMISED_SINCE:
        result = {name: value for name, value in result.items() if name != "promise"}
    facts = {name: fact for name, fact in result.get("facts", {}).items() if name not in names}
    return {**result, **({"facts": facts} if facts else {})}


def test_scores_that_were_kept_are_found(old):
    kept = {folder.name for folder in old.folders("scores")}
    asked = (resolve(old, spec) for key in FOLDERS if (spec := spec_of(old.run(key))) is not None)
    scorers = {scores_folder(one).name for one in asked if hasattr(one.method, "score")}
    assert scorers == kept


def assert_close(one, other, path="") -> None:
    """Equal, but for the last digits of numbers, which processors round otherwise."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for name, value in one.items():
            assert_close(value, other[name], f"{path}/{name}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for at, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_close(a, b, f"{path}/{at}")
    elif isinstance(one, float) and isinstance(other, float):
        assert math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-7) or (one != one and other != other), path
    else:
        assert one == other, path
