"""One small pool that has every role, and a target: fixtures, which a test module takes as its own, and what a question
on them must give, worked out from plain arrays.

In every role other rows cannot be read, so that positions among the given, rows of the pool and rows of the target are
all different numbers.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.base.ragged import Ragged
from datasel_core.base.registry import every
from datasel_core.features.chunks import Chunks
from datasel_core.features.external import keep_imported, said_of
from datasel_core.features.feature import Block
from datasel_core.features.stored import StoredFeature
from datasel_core.methods.method import Scorer
from datasel_core.methods.selection import Inputs, Selection
from datasel_core.pools.persistence import load_pool
from datasel_core.pools.pool import Pool
from datasel_core.runs.candidates import matching
from datasel_core.runs.engine import choose, kept_table, select
from datasel_core.runs.question import Question, resolve
from datasel_core.runs.run import Run
from datasel_core.runs.spec import Spec
from datasel_core.workspace.hashing import key_of
from datasel_core.workspace.layout import Workspace
from tests.conftest import clustered, rewritten

N, EXTRA, D = 60, 7, 6
METHODS = every("method")
GROUPS = np.array(list("aabbbbbccc"))[np.arange(N) % 10]
MISSING = {
    "embedding": [3, 17, 41],
    "image": [5],
    "text": [5, 8],
    "patterns": [0, 30],
    "ngrams": [2, N - 1],
    "terms": [7, 22],
    "perplexity": [13],
    "loss_trajectory": [2],
    "loss": [0, 4],
    "learnability": [6],
    "error": [9],
    "forgetting": [1, 10],
    "influence": [7, 8],
    "gmst": [12],
    "field": [12, 20],
    "run": [25],
    "year": [25],
    "answer_loss": [5, 20],
}
MISSING_THERE = {"embedding": [1], "image": [0], "ngrams": [2], "terms": [3], "gmst": [4], "field": [4, 5]}
PARAMS: dict[str, dict[str, Any]] = {
    "neg_clip_loss": {"batch_size": 8, "n_batches": 2},
    "norm_sim_dynamic": {"n_steps": 5},
    "tsds": {"sigma": 2.0},
    "s2l": {"n_clusters": 4, "per_group": True},
    "deduplicate": {"threshold": 0.9},
    "facility_location": {"n_neighbors": 8},
}
"""Parameters with which a pool of this size shows what a method does."""
HOW_MANY = {"within": 40, "already": 20}


@dataclass(frozen=True)
class Scene:
    """here, there: role -> values of all rows of the pool `all` and of its target `task`, be they readable or not."""

    workspace: Workspace
    here: dict[str, Any]
    there: dict[str, Any]

    @property
    def pool(self) -> Pool:
        return load_pool(self.workspace, "all")

    def ask(self, method: str, budget: int | str = 6, anew: bool = False, **asked: Any) -> Run:
        """A run of this method, towards the target where it needs one. anew: nothing that was kept is trusted."""
        return select(self.workspace, self.spec(method, budget, **asked), again=anew)

    def chosen(self, method: str, budget: int | str = 6, **asked: Any) -> Selection:
        """The answer alone: nothing is measured or written."""
        return choose(self.plan(method, budget, **asked), Progress())

    def plan(self, method: str, budget: int | str = 6, **asked: Any) -> Question:
        return resolve(self.workspace, self.spec(method, budget, **asked))

    def spec(self, method: str, budget: int | str = 6, **asked: Any) -> Spec:
        target = {"target": "task"} if METHODS[method].needs_target else {}
        usual = {"pool": "all", "budget": str(budget), "params": PARAMS.get(method, {}), **target}
        return Spec(**{**usual, "method": method, **asked})

    def earlier(self, flag: str, seed: int = 11) -> Run:
        """A selection to name with --within or --already; some of what it kept cannot be read."""
        return self.ask("random", HOW_MANY[flag], seed=seed)

    def keep(self, pool: str, role: str, values: Any, missing: Sequence[int] = ()) -> StoredFeature:
        """Makes this the newest feature of a role; so that a named one that was kept before is an older one."""
        return keep(self.workspace, load_pool(self.workspace, pool), role, values, missing)

    def older(self, pool: str, role: str) -> StoredFeature:
        """A feature that is no longer the newest of its role, with other values and other rows that cannot be read."""
        values, missing = (self.here, MISSING) if pool == "all" else (self.there, MISSING_THERE)
        kept = self.keep(pool, role, values[role][::-1] + 1, [11, 12])
        self.keep(pool, role, values[role], missing[role])
        return kept

    def source(self, pool: str = "all") -> Path:
        """The file that a pool was read from, as if that had been this copy of it: changed, it may be added again."""
        path, file = self.workspace.pool(pool) / "pool.json", self.workspace.path.parent / f"{pool}.parquet"
        rewritten(path, source=str(file), root=str(file.parent))
        return file

    def read_again(self, column: str, values: Sequence[Any]) -> Pool:
        """The pool after a column of its source was changed."""
        source = self.source()
        table = pq.read_table(source)
        at = table.column_names.index(column)
        pq.write_table(table.set_column(at, column, pa.array(values, table.schema.field(at).type)), source)
        return add_pool(self.workspace, "all", str(source), "vectors")

    def expected(self, spec: Spec, aside: Sequence[str] = (), held: Sequence[str] = ()) -> Selection:
        """What a question must give, in rows of the pool: the method on plain arrays, without roles and candidates.
        aside: ids that no method may see; held: those of the target.
        """
        method = METHODS[spec.method](**spec.params)
        needs, pool, rng = method.roles(), self.pool, np.random.default_rng(spec.seed)
        can = np.setdiff1d(np.arange(N), [row for role in needs for row in MISSING.get(role, [])])
        can = can[~np.isin(pool.ids[can], list(aside))]
        free = np.isin(np.arange(N), can)
        if spec.within is not None:
            free &= np.isin(pool.ids, ids_in(spec.within))
        if spec.where is not None:
            free &= matching(pool, spec.where)
        before = np.isin(pool.ids, ids_in(spec.already) if spec.already else [])
        given = np.flatnonzero((free | before) & np.isin(np.arange(N), can))
        already, budget = np.flatnonzero(before[given]), int(spec.budget)
        target = {role: _some(self.there[role], self.target_rows(spec.method, held)) for role in method.needs_target}
        if isinstance(method, Scorer) and method.by_scores_alone():
            scores = np.full(N, np.nan)
            arrays = {role: _some(self.here[role], can) for role in needs}
            scores[can] = method.score(Inputs(arrays, np.random.default_rng(spec.seed), target=target))
            found = method.best(scores[given], budget, rng, already)
            return Selection(given[found.places], found.counts, scores, found.why)
        arrays = {role: _some(self.here[role], given) for role in needs} or {"row": given}
        found = method.select(Inputs(arrays, rng, target=target, already=already), budget)
        scores, clusters = np.full(N, np.nan), np.full(N, -1)
        if found.scores is not None:
            scores[given] = found.scores
        if found.clusters is not None:
            clusters[given] = found.clusters
        return Selection(given[found.rows], found.counts, scores, found.why, clusters, found.facts)

    def target_rows(self, method: str, held: Sequence[str] = ()) -> np.ndarray:
        """Rows of the target that have a value in every role that the method needs of it, and are not held out."""
        rows = [row for role in METHODS[method].needs_target for row in MISSING_THERE[role]]
        return np.setdiff1d(np.arange(EXTRA + N), [*rows, *(int(id[1:]) for id in held)])


def _some(values: Any, rows: np.ndarray) -> Any:
    return values.take(rows) if isinstance(values, Ragged) else values[rows]


def ids_in(folder: str) -> list[str]:
    return pq.read_table(Path(folder) / "selection.parquet")["id"].to_pylist()


def same_answer(scene: Scene, answer: Run | Selection, expected: Selection) -> None:
    """Rows, counts, scores and reasons, pick by pick; and what a run says of them as arrays."""
    table = answer.table if isinstance(answer, Run) else kept_table(scene.pool, answer)
    assert table["id"].to_pylist() == scene.pool.ids[expected.rows].tolist()
    assert table["row"].to_pylist() == expected.rows.tolist()
    assert table["count"].to_pylist() == expected.counts.tolist()
    scores = np.full(N, np.nan)
    scores[expected.rows] = expected.scores[expected.rows]
    np.testing.assert_allclose(table["score"].to_numpy(), scores[expected.rows], rtol=1e-9)
    if isinstance(answer, Run):
        np.testing.assert_allclose(answer.selection.scores, scores, rtol=1e-9)
    clusters = answer.clusters if answer.clusters is not None else np.full(N, -1)
    assert clusters.tolist() == (clusters * 0 - 1 if expected.clusters is None else expected.clusters).tolist()
    for at, said in enumerate(map(json.loads, table["why"].to_pylist())):
        whys = {name: values[at] for name, values in expected.why.items() if values[at] == values[at]}
        numbers = {name: pytest.approx(value, abs=1e-8) for name, value in whys.items() if isinstance(value, float)}
        assert said == {**whys, **numbers}


def facts(n: int) -> np.ndarray:
    """What each of n samples states: three at a time the same, spread over the pool."""
    return np.arange(n) * 7 % n // 3


def arrays(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Every role of n samples."""
    made: dict[str, Any] = {role: clustered(rng, n, D, 9) for role in ("embedding", "image", "text")}
    lengths = rng.integers(1, 4, n)
    made["patterns"] = Ragged(clustered(rng, int(lengths.sum()), D, 9), np.concatenate([[0], np.cumsum(lengths)]))
    lengths = rng.integers(1, 6, n)
    words = np.stack([rng.integers(0, 30, lengths.sum()), rng.integers(1, 4, lengths.sum())], axis=1)
    made["ngrams"] = Ragged(words.astype(np.int32), np.concatenate([[0], np.cumsum(lengths)]))
    words = np.stack([made["ngrams"].values[:, 0] * 7 % 31, made["ngrams"].values[:, 1]], axis=1)
    made["terms"] = Ragged(words.astype(np.int32), made["ngrams"].offsets)
    made["loss_trajectory"] = np.abs(clustered(rng, n, 5, 4))
    made["group"] = GROUPS[:n]
    made |= {role: rng.random(n).astype(np.float32) for role in ("loss", "learnability", "error", "forgetting")}
    later = np.random.default_rng(n)  # roles that came later change none of those before
    made["influence"] = later.standard_normal(n).astype(np.float32)
    made["perplexity"] = later.random(n).astype(np.float32)
    made["gmst"] = later.standard_normal(n).astype(np.float32)
    made["field"] = made["gmst"][:, None] * np.linspace(0, 2, D, dtype=np.float32) + clustered(later, n, D, 4)
    made["run"], made["year"] = (np.arange(n) * 7 % 3).astype(np.float32), (1850 + np.arange(n) * 11 % n).astype("f4")
    made["answer_loss"] = later.random(n).astype(np.float32)
    _, first, fact = np.unique(facts(n), return_index=True, return_inverse=True)
    made["fact"] = np.argsort(np.argsort(first))[fact]  # numbered as they come
    return made


def table_of(folder: Path, name: str, ids: list[str], embedding: np.ndarray, **columns: Any) -> str:
    """A Parquet source of vectors with columns."""
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(embedding.ravel()), embedding.shape[1])
    pq.write_table(pa.table({"id": ids, **columns, "vector": vectors}), folder / f"{name}.parquet")
    return str(folder / f"{name}.parquet")


def keep(workspace: Workspace, pool: Pool, role: str, values: Any, missing: Sequence[int] = ()) -> StoredFeature:
    """Makes this the newest feature of a role."""
    rows, why = np.setdiff1d(np.arange(pool.n), missing), [(row, f"no {role}") for row in missing]
    if not isinstance(values, Ragged):
        return keep_imported(workspace, pool, role, values[rows], rows, why, "one.npz", Progress())
    key = key_of([role, pool.fingerprint, values.values.tolist(), list(missing)])
    chunks = Chunks(workspace.feature(key), pool.n)
    chunks.add(Block(rows, values.take(rows), why))
    chunks.flush()
    about = {"key": key, "id": "imported", "version": 1, "params": {}, "role": role, "pool": said_of(pool)}
    about |= {"facts": {}}
    return chunks.finish(about, pool.ids)


def build(workspace: Workspace, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Makes both pools; the same every time. Ids are in another order than rows; the target holds all candidates
    too, so that each of them has a chance."""
    rng = np.random.default_rng(7)
    here, extra = arrays(rng, N), arrays(rng, EXTRA)
    ids = [f"s{at * 37 % N:02d}" for at in range(N)]
    columns = {"group": GROUPS, "fact": facts(N), "amount": np.arange(N) * 7 % N, "other": np.arange(N) % 4}
    source = table_of(folder, "all", ids, here["embedding"], **columns)
    pool = add_pool(workspace, "all", source, "vectors")
    for role in MISSING:
        keep(workspace, pool, role, here[role], MISSING[role])
    there = {role: np.concatenate([extra[role], here[role]]) for role in ("embedding", "image", "field", "gmst")}
    for role in ("ngrams", "terms"):
        both = (extra[role], here[role])
        lengths = np.concatenate([one.lengths() for one in both])
        there[role] = Ragged(np.concatenate([one.values for one in both]), np.concatenate([[0], np.cumsum(lengths)]))
    source = table_of(folder, "task", [f"t{at}" for at in range(EXTRA + N)], there["embedding"])
    task = add_pool(workspace, "task", source, "vectors")
    for role, values in there.items():
        keep(workspace, task, role, values, MISSING_THERE[role])
    return here, there


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Made once; tests get a copy."""
    folder = tmp_path_factory.mktemp("joints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATASEL_DATA_ROOTS", str(folder))
        here, there = build(Workspace(folder / "workspace"), folder)
    return folder, here, there


@pytest.fixture(scope="module")
def shared(built, tmp_path_factory):
    """One workspace for all tests of a module that only ask: nobody adds to it anything but runs."""
    folder, here, there = built
    shutil.copytree(folder / "workspace", place := tmp_path_factory.mktemp("shared") / "workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATASEL_DATA_ROOTS", str(tmp_path_factory.getbasetemp()))
        yield Scene(Workspace(place), here, there)


@pytest.fixture
def scene(built, workspace, tmp_path) -> Scene:
    """A workspace of its own for each test, with the pool, its features and its target."""
    folder, here, there = built
    shutil.copytree(folder / "workspace", workspace.path)
    for name in ("all", "task"):
        shutil.copy(folder / f"{name}.parquet", tmp_path)
    return Scene(workspace, here, there)


@pytest.fixture
def other(built, tmp_path) -> Scene:
    """The same once more, in a workspace where nothing was asked yet."""
    folder, here, there = built
    shutil.copytree(folder / "workspace", tmp_path / "other")
    return Scene(Workspace(tmp_path / "other"), here, there)
