"""The retrieval probe: ranks against a slow reading, and a world so simple that learning it can be told from not
learning it.
"""

import numpy as np
import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.evaluate import FLATTERS
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.probes.evaluate import run_probe
from datasel_core.probes.retrieval import Retrieval, ranked
from datasel_core.runs.engine import select
from datasel_core.runs.spec import Spec
from tests.conftest import paint, task_of

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 40),
    "blue": (40, 60, 220),
    "white": (240, 240, 240),
    "black": (10, 10, 10),
    "yellow": (230, 220, 30),
}


def slow(similarity, texts, pictures):
    ranks = []
    for table in (similarity, similarity.T):
        for own, row in enumerate(table):
            right = [at for at in range(len(row)) if texts[at] == texts[own] or pictures[at] == pictures[own]]
            best = max(row[at] for at in right)
            ranks.append(1 + sum(row[at] >= best for at in range(len(row)) if at not in right))
    recall = {f"recall_at_{k}": np.mean([rank <= k for rank in ranks]) for k in (1, 10)}
    return {**recall, "mean_reciprocal_rank": np.mean([1 / rank for rank in ranks])}


def test_ranks_equal_a_slow_reading(rng):
    for _ in range(20):
        m = int(rng.integers(2, 30))
        similarity = rng.integers(0, 6, (m, m)).astype(float)  # many ties
        texts = [str(rng.integers(0, m)) for _ in range(m)]
        pictures = rng.integers(0, m, m).tolist()
        assert ranked(similarity, texts, pictures) == pytest.approx(slow(similarity, texts, pictures), abs=1e-6)
    perfect = ranked(np.eye(40), [str(at) for at in range(40)], np.arange(40))
    assert perfect == {"recall_at_1": 1, "recall_at_10": 1, "mean_reciprocal_rank": 1}
    nothing = ranked(
        np.zeros((40, 40)), [str(at) for at in range(40)], np.arange(40)
    )  # a model that says the same of all is not rewarded
    assert nothing["recall_at_1"] == 0


def test_captions_of_one_picture_are_no_rivals():
    vectors = np.eye(2)[[0, 0, 0, 1, 1, 1]]
    assert ranked(vectors @ vectors.T, ["a1", "a2", "a3", "b1", "b2", "b3"], [0, 0, 0, 1, 1, 1])["recall_at_1"] == 1


def test_no_picture_is_learned_and_tested(workspace, tmp_path, monkeypatch):
    for at in range(6):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    (tmp_path / "in" / "t.csv").write_text(
        "path,caption\n" + "".join(f"{at % 6}.jpg,caption {at}\n" for at in range(18))
    )
    pool = add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "pairs")
    run = select(workspace, Spec(pool="p", method="random", budget="4"))
    seen = []
    monkeypatch.setattr(
        Retrieval, "measure", lambda self, roles, train, test, progress: seen.append((roles, train, test)) or {}
    )
    run_probe(workspace, run.folder, "retrieval", Progress(), held_out="rest")
    roles, train, test = seen[0]
    pictures = pool.column("path")
    assert not set(pictures[train]) & set(pictures[test])
    assert len(test) == 18 - 3 * len(set(pictures[train]))
    assert all((roles["picture"][a] == roles["picture"][b]) == (pictures[a] == pictures[b]) for a in test for b in test)


def test_an_earlier_batch_is_learned_not_tested(workspace, tmp_path, monkeypatch):
    for at in range(8):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    (tmp_path / "in" / "t.csv").write_text("path,caption\n" + "".join(f"{at}.jpg,caption {at}\n" for at in range(8)))
    pool = add_pool(workspace, "p", str(tmp_path / "in" / "t.csv"), "pairs")
    first = select(workspace, Spec(pool="p", method="random", budget="3"))
    second = select(workspace, Spec(pool="p", method="random", budget="2", already=str(first.folder)))
    seen = []
    monkeypatch.setattr(
        Retrieval, "measure", lambda self, roles, train, test, progress: seen.append((train, test)) or {"n": 1}
    )
    run_probe(workspace, second.folder, "retrieval", Progress(), held_out="rest")
    train, test = (set(pool.ids[rows]) for rows in seen[0])
    assert train == {*first.ids, *second.ids}
    assert test == {*pool.ids} - train
    outcome = perform(
        workspace, task_of("evaluate", run=str(second.folder), probe="retrieval", held_out="rest"), Progress()
    )
    assert list(outcome.notes) == [FLATTERS, "The probe learns from both: 2 new + 3 earlier."]
    found = perform(
        workspace, task_of("evaluate", run=str(first.folder), probe="retrieval", held_out="rest"), Progress()
    )
    assert list(found.notes) == [FLATTERS]


def world(n, rng):
    names = rng.choice(list(COLOURS), n)
    pictures = [
        Image.fromarray(np.clip(np.array(COLOURS[name]) + rng.normal(0, 12, (32, 32, 3)), 0, 255).astype(np.uint8))
        for name in names
    ]
    return {"image": lambda row: pictures[row], "text": lambda row: [f"{names[row]}"]}


def test_right_captions_teach_and_wrong_ones_do_not(rng):
    opened, rows = world(90, rng), np.arange(90)
    probe = Retrieval(steps=30, batch=24, px=32, rate=3e-3)
    learnt = probe.measure(opened, rows[:60], rows[60:])
    dealt = rng.permutation(60)
    wrong = {**opened, "text": lambda row: opened["text"](int(dealt[row]) if row < 60 else row)}
    assert learnt["recall_at_1"] > 0.8
    assert probe.measure(wrong, rows[:60], rows[60:])["recall_at_1"] < 0.5
    assert (learnt["trained_on"], learnt["tested_on"]) == (60, 30)


def test_the_same_seed_gives_the_same_answer(rng):
    opened, rows = world(40, rng), np.arange(40)
    answers = [Retrieval(steps=3, batch=8, px=32, seed=seed).measure(opened, rows[:20], rows[20:]) for seed in (1, 1)]
    assert answers[0] == answers[1]


def test_it_needs_pictures_and_captions(workspace, photos, tmp_path):
    add_pool(workspace, "photos", str(photos), "images")
    run = select(workspace, Spec(pool="photos", method="random", budget="5"))
    with pytest.raises(
        BadRequest, match="retrieval looks at image and text of every sample; the pool photos has no text to open"
    ):
        run_probe(workspace, run.folder, "retrieval", Progress())
    with pytest.raises(BadRequest, match="at least two pairs to train on and two held out"):
        Retrieval().measure({}, np.arange(1), np.arange(5))
