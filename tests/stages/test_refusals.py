"""What will not do is said in one line before anything is chosen, trained or probed."""

import json

import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.task import perform
from datasel_core.base.progress import Progress
from datasel_core.errors import BadParameter, BadRequest, Failed, UnknownName
from datasel_core.stages import trainings
from tests.stages.made import add, lines, task, texts, trained, world

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture
def pool(workspace, tmp_path):
    return world(workspace, tmp_path)


@pytest.fixture
def nothing_is_done(monkeypatch):
    for name in ("train_on", "decayed"):
        monkeypatch.setattr(trainings, name, None)


def refused(workspace, error, words, **asked):
    with pytest.raises(error, match=words) as found:
        task(**asked).prepare(workspace)
    assert len(str(found.value).splitlines()) == 1
    assert not (workspace.path / "stages").exists()
    assert not (workspace.path / "runs").exists()


def test_pools_that_will_not_do(workspace, pool, tmp_path):
    refused(workspace, UnknownName, r"^There is no pool called gaol. Did you mean goal\?$", reference="gaol")
    refused(
        workspace, BadRequest, "^The reference pool is the pool itself; name samples that are not", reference="pool"
    )
    itself = (
        "^The judge goal is the reference itself: what influence is measured on proves nothing; name a pool of other"
    )
    refused(workspace, BadRequest, itself, judge="goal")
    refused(workspace, BadRequest, "^The other second is the judge itself: each is to say its own;", other="second")
    (tmp_path / "v.jsonl").write_text(json.dumps({"id": "a", "x": 1}))
    add(workspace, tmp_path, "copy", texts(range(200, 210)))
    shared = (
        "^10 of the 10 samples of the reference goal are in the judge copy, too, word for word: it would be its own"
    )
    refused(workspace, BadRequest, shared, judge="copy")
    add(workspace, tmp_path, "inside", texts([0, 1, 200, 201]))
    words = r"^2 of the 4 samples of the reference inside are in pool, too, word for word: they would help .*allow it"
    refused(workspace, BadRequest, words, reference="inside")
    alone = add(workspace, tmp_path, "alone", texts([0, 1, 230]))
    refused(
        workspace, BadRequest, "^Fewer than two samples of the judge alone are not in pool, too; name", judge="alone"
    )
    assert alone.n == 3


def test_a_pool_that_reads_no_texts(workspace, pool, tmp_path):
    import numpy as np

    np.save(tmp_path / "v.npy", np.ones((4, 2), np.float32))
    add_pool(workspace, "vectors", str(tmp_path / "v.npy"), "vectors")
    words = r"^A language model learns texts; the pool vectors \(of kind vectors\) has none.$"
    refused(workspace, BadRequest, words, judge="vectors")


def test_a_pool_smaller_than_the_stages_need(workspace, pool):
    need = (
        r"^pool has 120 samples to choose from; a warm-up of 30 and 3 stages of 40 need 150: take at most 2 stages, or "
    )
    need += r"at most 30 a stage \(--share 30\), or --epochs 2, which lets samples be used again.$"
    refused(workspace, BadRequest, need, stages=3, share="40")
    refused(workspace, BadRequest, r"need 270 in 2 epochs: take at most 5 stages", stages=6, share="40", epochs=2)
    refused(workspace, BadParameter, "^The budget is 0; ", share="0")
    none = r"^Without a warm-up there is no model whose influence means anything; give one with --warm-up 10%, or go on"
    refused(workspace, BadParameter, none, warm_up="0%")


def test_parameters_that_will_not_do(workspace, pool):
    refused(workspace, BadParameter, "has no parameter warmth", params={"warmth": "2"})
    refused(workspace, BadParameter, "has no parameter stepz. Did you mean steps", params={"probe.stepz": "2"})
    said = "^probe.references is said by --reference; leave out --set probe.references.$"
    refused(workspace, BadParameter, said, params={"probe.references": "goal"})
    said = "^What influence is learned from, and its seed, are those of each stage; leave them out.$"
    refused(workspace, BadParameter, said, params={"influence.measured": "0" * 16})
    said = "^Influence is predicted from terms, which pool does not have yet. .*influence.by=FEATURE"
    refused(workspace, BadRequest, said, params={"influence.by": "terms"})
    refused(workspace, UnknownName, "There is no arm called plain", arms="staged,plain")
    refused(workspace, BadRequest, "lies outside the allowed folders", params={"probe.model": "/etc"})


def test_nearly_the_same_text_is_a_leak_too(workspace, pool, tmp_path, nothing_is_done):
    long = "the old man of the sea had a small boat and a long line to catch a great fish at dawn and he went home"
    add(workspace, tmp_path, "goal", [*texts(range(200, 209)), long])
    add(workspace, tmp_path, "near", [*texts(range(220, 229)), long + " again"])
    words = (
        "^1 of the 10 samples of the reference goal are in the judge near, too, nearly word for word: it would be its"
    )
    with pytest.raises(BadRequest, match=words):
        trained(workspace, judge="near")
    add(workspace, tmp_path, "pool", [*texts(range(119)), long + " again"])
    from datasel_core.features.computation import compute_feature
    from datasel_core.features.encoders.tfidf_svd import TfidfSvd
    from datasel_core.pools.persistence import load_pool

    compute_feature(workspace, load_pool(workspace, "pool"), TfidfSvd(n_dims=8))
    with pytest.raises(
        BadRequest, match="^1 of the 10 samples of the reference goal are in pool, too, nearly word for"
    ):
        trained(workspace)


def test_a_reference_in_another_language(workspace, pool, tmp_path, nothing_is_done):
    said = ["Старик рыбачил один на своей лодке.", "Рыба была большая, лодка мала."]
    add(workspace, tmp_path, "russian", said)
    words = r"^\d+% of the tokens of the reference russian never occur in what the model learned: it is in another lang"
    with pytest.raises(Failed, match=words):
        trained(workspace, reference="russian")
    assert not (workspace.path / "runs").exists()


def test_a_reference_of_which_nothing_can_be_read(workspace, pool, tmp_path, nothing_is_done):
    rows = [{"id": str(at), "prompt": "why, old man? " * 90, "response": "because"} for at in range(3)]
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, rows)))
    add_pool(workspace, "asked", str(tmp_path / "asked.jsonl"), "text")
    words = "^Nothing of the reference asked can be measured: the prompt alone has .*; name another pool.$"
    with pytest.raises(Failed, match=words):
        trained(workspace, reference="asked")


def test_one_text_of_five_million_characters_costs_what_others_do(workspace, pool, tmp_path):
    add(workspace, tmp_path, "goal", [*texts(range(200, 209)), "the old man " * 420_000])
    said = trained(workspace, stages=1, arms="random", decay=0, params={"probe.steps": "10"})
    assert lines(said, "random")[1]["losses"]["reference"] < 8


def test_what_judges_and_is_in_the_pool_is_left_out_and_a_missing_judge_is_named(workspace, pool, tmp_path):
    add(workspace, tmp_path, "second", texts([0, 1, *range(220, 229)]))
    work = task(other=None).prepare(workspace)
    assert "2 samples of the judge second are in pool, too; none is measured." in work.notes
    assert "No unused set of another kind judges; name one with --other." in work.notes
    said = perform(
        workspace, task(other=None, stages=1, arms="random", decay=0, params={"probe.steps": "10"}), Progress()
    )
    judges = {one["what"]: one["n"] for one in said.document["judges"]}
    assert judges == {"reference": 10, "judge": 9}
