"""Pairs: how surely each score finds wrong captions, and what a model learns from what is kept; seeds and intervals.

1. Real COCO pairs (595) in a weak real space of 128 numbers: 30 % of the captions are dealt anew among pictures; area
under the ROC curve of finding them.
2. The demo's 2,000 scenes in the space of the model that comes with datasel (trained on other scenes): captions of
other pictures and off-topic ones
   are known. Precision of what is dropped when as many are dropped as are wrong.
3. The same scenes, 1,600 as the pool, 400 well-matched ones held out: a small open_clip model trained for a fixed
number of steps on the best 30 % by
   each score, on a random 30 %, and on everything; then retrieval among the 400. +- is the standard error over seeds.
"""

import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from datasel_core.actions.demo import make_demo
from datasel_core.base import registry
from datasel_core.features import computation
from datasel_core.features.stored import kept_features
from datasel_core.methods.selection import Inputs
from datasel_core.probes.retrieval import Retrieval
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import small, table
from tests.conftest import real_data

SCORES = ("clip_score", "neg_clip_loss", "neg_clip_loss temperature=0.07")
SHARE = 0.3


def score(name: str, image: np.ndarray, text: np.ndarray, seed: int = 0) -> np.ndarray:
    id, _, asked = name.partition(" ")
    cls = registry.find("method", id)
    made = cls.parse(dict(part.split("=") for part in asked.split()))
    return made.score(Inputs({"image": image, "text": text}, np.random.default_rng(seed)))


def captions(data: Path, seeds: range) -> None:
    with np.load(data / "features" / "captions_pair_embeddings.npz") as file:
        image, text = (file[name].astype(np.float32) for name in ("image", "text"))
    per_image = text.shape[1]
    image, text = np.repeat(image, per_image, axis=0), text.reshape(-1, text.shape[-1])
    found: dict[str, list[float]] = {name: [] for name in SCORES}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        wrong = np.sort(rng.choice(len(text), round(SHARE * len(text)), replace=False))
        dealt, truth = text.copy(), np.zeros(len(text), bool)
        others = rng.permutation(wrong)
        dealt[wrong], truth[wrong] = text[others], others // per_image != wrong // per_image
        for name in SCORES:
            found[name].append(roc_auc_score(~truth, score(name, image, dealt, seed)))
    print(f"COCO, {len(text)} pairs, {SHARE:.0%} of captions dealt anew, {len(seeds)} seeds")
    table([{"score": name, "AUC": spread(values, 4)} for name, values in found.items()])


def scenes(home: Workspace, seeds: range) -> None:
    pool = next(one for one in make_demo(home) if one.kind == "pairs")
    for role in ("image", "text"):
        computation.compute_feature(home, pool, computation.declared_feature(f"clip_{role}"))
    kept = {one.role: one.values() for one in kept_features(home, pool.fingerprint)}
    kind = pool.column("caption_kind")
    wrong = kind != "matched"
    rows = []
    for name in SCORES:
        values = score(name, kept["image"], kept["text"])
        row: dict[str, Any] = {"score": name}
        for what in ("mismatched", "off_topic"):
            some = (kind == what) | ~wrong
            row[f"AUC {what}"] = round(float(roc_auc_score(kind[some] != what, values[some])), 4)
        row[f"precision of {wrong.sum()} dropped"] = round(
            float(wrong[np.argsort(values, kind="stable")[: wrong.sum()]].mean()), 4
        )
        rows.append(row)
    print(
        f"\nscenes, {pool.n} pairs: {(kind == 'mismatched').sum()} captions of other pictures, "
        f"{(kind == 'off_topic').sum()} off topic"
    )
    table(rows)
    trained(pool, kept, wrong, seeds)


def trained(pool: Any, kept: dict[str, np.ndarray], wrong: np.ndarray, seeds: range) -> None:
    steps = 20 if small() else 400
    opened = {"image": functools.cache(lambda row: pool.open(row, at_least=128)), "text": pool.text}
    arms: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
        "everything": lambda rows, seed: rows,
        "random 30 %": _random,
    }
    arms |= {f"{name} 30 %": _best(name, kept) for name in SCORES[:2]}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in arms}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        test = np.sort(rng.choice(np.flatnonzero(~wrong), 400, replace=False))
        rows = np.setdiff1d(np.arange(pool.n), test)
        for name, arm in arms.items():
            train = arm(rows, seed)
            answer = Retrieval(steps=steps, seed=seed).measure(opened, train, test)
            found[name].append({**answer, "wrong captions": float(wrong[train].mean())})
    print(f"\nretrieval among 400 held-out scenes after {steps} steps, {len(seeds)} seeds")
    shown = ("recall_at_1", "recall_at_10", "mean_reciprocal_rank", "wrong captions")
    table(
        [
            {
                "trained on": name,
                "pairs": int(of[0]["trained_on"]),
                **{one: spread([each[one] for each in of]) for one in shown},
            }
            for name, of in found.items()
        ]
    )


def _random(rows: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed + 1000).choice(rows, round(SHARE * len(rows)), replace=False)


def _best(name: str, kept: dict[str, np.ndarray]) -> Callable[[np.ndarray, int], np.ndarray]:
    def arm(rows: np.ndarray, seed: int) -> np.ndarray:
        values = score(name, kept["image"][rows], kept["text"][rows], seed)
        return rows[np.argsort(-values, kind="stable")[: round(SHARE * len(rows))]]

    return arm


def spread(values: list[float], digits: int = 3) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.{digits}f} +- {error:.{digits}f}"


def main() -> None:
    count = 2 if small() else int(os.environ.get("DATASEL_BENCHMARK_SEEDS", "4"))
    data = real_data()
    if data is None:
        print("the real pairs are skipped: no real data (set DATASEL_REAL_DATA)")
    else:
        captions(data, range(2 * count))
    with tempfile.TemporaryDirectory() as folder:
        kept = os.environ.get("DATASEL_BENCHMARK_WORKSPACE")
        scenes(Workspace(Path(kept or folder)), range(count))


if __name__ == "__main__":
    main()
