"""Trainings on halves: a kill costs one, and the command says what they say."""

import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.import_feature import import_feature
from datasel_core.base.progress import Progress
from datasel_core.errors import Failed, Stopped
from datasel_core.features.computation import compute_feature
from datasel_core.features.encoders.tfidf_svd import TfidfSvd
from datasel_core.probes.datamodel import reference_losses
from tests.conftest import ROOT
from tests.features.probing import losses_of, text_pool, words_of

HALVES = [np.arange(3) + at for at in range(5)]
TINY = [
    word
    for pair in ("steps=6", "batch=4", "length=24", "vocabulary=300", "layers=1", "width=16", "heads=1", "device=cpu")
    for word in ("--set", pair)
]
KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from datasel_core.base.progress import Progress
from datasel_core.probes.datamodel import reference_losses

def learn(rows, progress, label):
    if rows[0] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(rows.sum())

reference_losses([np.arange(3) + at for at in range(5)], learn, Path(sys.argv[1]), Progress())
"""


def test_a_kill_costs_one_half(tmp_path):
    died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    assert sorted(path.name for path in tmp_path.glob("half-*")) == ["half-000.json", "half-001.json", "half-002.json"]
    learned = []

    def learn(rows, progress, label):
        learned.append(label)
        return float(rows.sum())

    found = reference_losses(HALVES, learn, tmp_path, Progress())
    assert found.tolist() == [3, 6, 9, 12, 15]
    assert learned == ["training, half 4 of 5", "training, half 5 of 5"]
    (tmp_path / "half-001.json").write_text("{")  # damaged: once more
    assert reference_losses(HALVES, learn, tmp_path, Progress()).tolist() == [3, 6, 9, 12, 15]
    assert learned[2:] == ["training, half 2 of 5"]


def test_a_training_that_fails_and_one_that_is_stopped(tmp_path):
    with pytest.raises(Failed, match="half 1 of 5 ended with a loss that is no number; take a smaller rate"):
        reference_losses(HALVES, lambda *_: float("nan"), tmp_path, Progress())
    with pytest.raises(Stopped):
        reference_losses(HALVES, lambda *_: 1.0, tmp_path, Progress(should_stop=lambda: True))
    assert not list(tmp_path.glob("half-*"))


@pytest.fixture
def texts(workspace, tmp_path):
    """A pool with an influence that somebody brought, and a reference about the sea."""
    words = words_of(60)
    pool = text_pool(workspace, tmp_path, words)
    text_pool(workspace, tmp_path, words_of(12, seed=9), "logbook")
    np.savez(tmp_path / "i.npz", ids=pool.ids.astype(str), influence=losses_of(words)[:, 0])
    import_feature(workspace, pool, "influence", str(tmp_path / "i.npz"))
    return pool


def test_from_the_command_line(workspace, texts, capsys):
    pytest.importorskip("torch")
    asked = ["datamodel", "texts", "--reference", "logbook", "--halves", "8", *TINY, "--json"]
    assert main(asked) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said["spearman"]) == {"low", "mid", "high"}
    assert (said["halves"], said["samples"], said["good"], len(said["losses"])) == (8, 60, "low", 8)
    assert len(set(said["losses"])) > 1
    (folder,) = workspace.folders("evidence")
    kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("half-*")}
    assert main([word if word != "8" else "9" for word in asked]) == 0  # one more: the others are there
    again = json.loads(capsys.readouterr().out)
    assert again["losses"][:8] == said["losses"]
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("half-*") if path.name in kept} == kept
    assert main(asked[:-1]) == 0
    assert "The sum of influence over a random half of 60 samples" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        (["--reference", "texts"], "The reference texts is the pool itself"),
        (["--reference", "nowhere"], "nowhere"),
        (["--reference", "logbook", "--role", "loss"], "has no feature for the role loss yet"),
        (["--reference", "logbook", "--role", "embedding"], "embedding is no number per sample"),
        (["--reference", "logbook", "--role", "novelty"], "Nobody said which direction of novelty is good"),
        (["--reference", "logbook", "--role", "few"], "Only 5 samples of texts have a value of few"),
        (["--reference", "logbook", "--set", "depth=3"], "datamodel has no parameter depth"),
        (["--reference", "vectors"], "the pool vectors .* has none"),
        (["--reference", "logbook", "--halves", "2"], "halves is 2"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(workspace, tmp_path, texts, capsys, more, wrong):
    compute_feature(workspace, texts, TfidfSvd(n_dims=4))
    few = np.full(60, np.nan)
    few[:5] = 1
    for name, values in (("novelty", np.arange(60.0)), ("few", few)):
        np.savez(tmp_path / f"{name}.npz", ids=texts.ids.astype(str), **{name: values})
        import_feature(workspace, texts, name, str(tmp_path / f"{name}.npz"))
    np.savez(tmp_path / "v.npz", ids=np.array(["a", "b"]), embedding=np.eye(2))
    assert main(["pool", "add", "vectors", str(tmp_path / "v.npz")]) == 0
    capsys.readouterr()
    assert main(["datamodel", "texts", *more]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(wrong, said)
    assert not workspace.folders("evidence")
