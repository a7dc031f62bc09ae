"""The same ids whatever the number of threads and the block size, each in a process of its own."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from datasel_core.base.registry import every
from tests.conftest import ROOT, clustered

CODE = """
import json, sys
import numpy as np
import datasel_core as ds
from datasel_core.base.registry import every

VARIANTS = {
    "freesel": [{"sampler": "prob"}, {"sampler": "farthest"}],
    "neg_clip_loss": [
        {},
        {"batch_size": 700, "n_batches": 2},
        {"batch_size": 700, "n_batches": 5, "precision": "bfloat16"},
    ],
    "norm_sim": [{"p": "2"}, {"p": "inf"}],
    "facility_location": [{}, {"metric": "euclidean"}],
    "s2l": [{}, {"n_clusters": 7}, {"per_group": True, "n_clusters": 9, "n_checkpoints": 5}],
    "loss_pruning": [
        {"mode": "head_flatten"},
        {"mode": "head_flatten", "flatten": "dynamic", "learned_below": 1.0},
        {"capacity_bits": 900.0, "bits_per_fact": 5.0},
    ],
    "tsds": [{}, {"sampling": "top", "alpha": 0.2, "sigma": 6.0}, {"sampling": "multinomial"}],
}
vectors = np.load(sys.argv[1])
n = len(vectors)
words = ds.Ragged(
    np.stack([np.arange(6 * n) * 7919 % 500, 1 + np.arange(6 * n) % 3], axis=1), np.arange(0, 6 * n + 1, 6)
)
answers = {}
for id, cls in every("method").items():
    how = {
        name: int(sys.argv[2])
        for name, field in cls.model_fields.items()
        if cls.is_how(name) and field.annotation is int
    }
    variants = VARIANTS.get(id, [{}])
    for params in variants:
        captions = vectors[:, ::-1] + vectors
        roles = {
            "embedding": vectors,
            "field": vectors,
            "run": np.arange(n) % 5,
            "image": vectors,
            "text": captions,
            "group": np.arange(n) % 7,
            "fact": np.arange(n) * 11 % 970,
            "patterns": ds.Ragged(vectors, np.arange(0, n + 1, 2)),
            "ngrams": words,
            "terms": words,
        }
        roles["loss_trajectory"] = np.abs(vectors)
        roles |= {
            role: np.round(vectors[:, at], 1)
            for at, role in enumerate(
                "loss learnability error forgetting perplexity influence answer_loss gmst year".split()
            )
        }
        made = cls(**params, **how)
        given = {role: roles[role] for role in made.roles()} or {"row": np.arange(n)}
        target = {
            role: roles[role].take(np.arange(5, 2000, 40)) if role in ("ngrams", "terms") else roles[role][5:2000:40]
            for role in cls.needs_target
        }
        budget = 300
        answers[f"{id} {params}"] = made.select(
            ds.Inputs(given, np.random.default_rng(3), target=target), budget
        ).rows.tolist()
print(json.dumps(answers))
"""


def answers(path, block: int, threads: int) -> dict:
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    env = {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path), str(block)], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rng = np.random.default_rng(11)
    vectors = clustered(rng, 3000, 48, 40)
    vectors[1500:1700] = vectors[:200]  # exact ties
    vectors[1700:1800] = vectors[200:300] * (1 + 1e-7)  # ties but for the last digit
    place = tmp_path_factory.mktemp("determinism") / "v.npy"
    np.save(place, vectors)
    return place


def test_threads_and_blocks_change_nothing(path):
    one, other = answers(path, 4096, 1), answers(path, 93, 2)
    assert len(one) == len(every("method")) + 11
    assert one == other
