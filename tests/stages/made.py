"""A pool of which half says what the references say, tiny models, and runs in stages on them."""

import json

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.tfidf_svd import TfidfSvd
from tests.conftest import task_of
from tests.features.influence.made import SAYING, text

N = 120
TINY = {
    "probe.vocabulary": "300",
    "probe.layers": "1",
    "probe.width": "16",
    "probe.heads": "2",
    "probe.batch": "4",
    "probe.length": "32",
    "probe.rate": "3e-3",
    "probe.steps": "60",
    "probe.share": "0.3",
    "probe.device": "cpu",
    "weak": "true",
}
ASKED = {
    "pool": "pool",
    "reference": "goal",
    "judge": "second",
    "other": "third",
    "stages": 2,
    "warm_up": "30",
    "share": "20",
    "probes": 24,
    "seeds": 1,
}


def add(workspace, folder, name: str, said: list[str]):
    lines = [json.dumps({"id": f"{name}{at:03d}", "text": one}) for at, one in enumerate(said)]
    (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return add_pool(workspace, name, str(folder / f"{name}.jsonl"), "text")


def odd(row: int) -> list[Turn]:
    """As `text`, of other words."""
    rng = np.random.default_rng(row)
    return [Turn("text", f"{row}; " + " ".join(rng.choice([word[::-1] for word in SAYING.split()], 4 + row % 9)) + ".")]


def texts(rows, of=text) -> list[str]:
    return [of(row)[0].text for row in rows]


def world(workspace, folder):
    """The pool: texts of known words, every third one of other words. second is of the same kind, third of another."""
    pool = add(workspace, folder, "pool", [(odd if row % 3 == 2 else text)(row)[0].text for row in range(N)])
    add(workspace, folder, "goal", texts(range(200, 210)))
    add(workspace, folder, "second", texts(range(220, 229)))
    add(workspace, folder, "third", texts(range(240, 248), odd))
    compute_feature(workspace, pool, TfidfSvd(n_dims=8))
    return pool


def task(**asked):
    params = {**TINY, **asked.pop("params", {})}
    return task_of(
        "stages", **{**ASKED, **asked}, params={name: one for name, one in params.items() if one is not None}
    )


def trained(workspace, progress: Progress | None = None, **asked):
    """The document of a run."""
    return perform(workspace, task(**asked), progress or Progress()).document


def lines(document, arm: str, seed: int = 0):
    return document["arms"][arm]["lines"][seed]


def ids(workspace, key: str) -> np.ndarray:
    from datasel_core.runs import manifest

    return manifest.kept_table(workspace.run(key))["id"].to_pylist()
