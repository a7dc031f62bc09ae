"""Checkpoints come back to the bit, are models that others read, and what is damaged or foreign is refused in one
line.
"""

import json
import shutil

import pytest

from datasel_core.errors import BadInput, BadParameter, Failed
from datasel_core.features.influence.checkpoint import has_state, read_checkpoint, write_checkpoint
from datasel_core.features.influence.schedule import Schedule, said, understood
from datasel_core.features.language.models import given_model
from datasel_core.workspace.hashing import hash_file, own_hash
from tests.features.influence.made import LENGTH, fresh, trained, vocabulary, weights

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A checkpoint after twelve steps, and the folder that holds it."""
    folder = tmp_path_factory.mktemp("written")
    checkpoint = trained(folder / "making", 12)
    write_checkpoint(checkpoint, folder / "kept")
    return checkpoint, folder / "kept"


@pytest.fixture
def copied(written, tmp_path):
    shutil.copytree(written[1], tmp_path / "copy")
    return tmp_path / "copy"


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_it_comes_back_to_the_bit(written):
    checkpoint, folder = written
    again = read_checkpoint(folder)
    assert same(weights(again), weights(checkpoint))
    assert (again.step, again.schedule, again.adamw) == (12, checkpoint.schedule, checkpoint.adamw)
    assert any(one.abs().sum() > 0 for one in again.first.values())
    assert again.vocabulary.tokenizer.to_str() == checkpoint.vocabulary.tokenizer.to_str()


def test_it_is_a_model_that_can_be_given(written):
    model, spelling = given_model(str(written[1]), LENGTH)
    assert spelling.size == written[0].vocabulary.size
    for name, one in model.named_parameters():
        assert torch.equal(one, dict(written[0].model.named_parameters())[name])
    assert has_state(written[1])
    assert not list(written[1].glob("*.bin")) + list(written[1].glob("*.pt"))


@pytest.mark.parametrize("name", ["model.safetensors", "adamw.safetensors", "config.json", "tokenizer.json"])
def test_what_was_changed_or_is_gone_is_refused(copied, name):
    place = copied / name
    content = place.read_bytes()
    refusal = f"{name} is missing, damaged or of another checkpoint; give a checkpoint as it was written.$"
    for damage in (content[:-1], content[:40] + bytes([content[40] ^ 1]) + content[41:]):
        place.write_bytes(damage)
        with pytest.raises(BadInput, match=refusal):
            read_checkpoint(copied)
    place.unlink()
    with pytest.raises(BadInput, match=refusal):
        read_checkpoint(copied)


def test_weights_that_were_put_beside_are_refused(copied):
    shutil.copy(copied / "model.safetensors", copied / "model-00002-of-00002.safetensors")
    with pytest.raises(BadInput, match=r"model-00002-of-00002.safetensors is missing, damaged or of another"):
        read_checkpoint(copied)


def test_a_model_alone_is_no_checkpoint(copied):
    (copied / "schedule.json").unlink()
    with pytest.raises(BadInput, match=r"copy is no checkpoint that can be gone on from: it has no schedule.json.$"):
        read_checkpoint(copied)


def test_a_schedule_that_was_edited_is_refused(copied):
    about = json.loads((copied / "schedule.json").read_text())
    (copied / "schedule.json").write_text(json.dumps({**about, "step": 3}))
    with pytest.raises(BadInput, match=r"schedule.json is damaged or was changed; give a checkpoint as it was written"):
        read_checkpoint(copied)
    resealed(copied, {**about, "schedule": {"rate": -1.0}})
    with pytest.raises(BadInput, match=r"schedule.json is damaged: it names no schedule and optimiser that can be"):
        read_checkpoint(copied)


def resealed(folder, about):
    """As somebody would write it who knows how."""
    about = {name: value for name, value in about.items() if name != "sha256"}
    about["files"] = {name: hash_file(folder / name) for name in about["files"]}
    (folder / "schedule.json").write_text(json.dumps({**about, "sha256": own_hash(about)}))


def test_the_state_of_another_model_is_refused(written, copied, tmp_path):
    from safetensors.torch import load_file, save_file

    state = load_file(copied / "adamw.safetensors")
    about = json.loads((copied / "schedule.json").read_text())
    name = next(iter(written[0].names()))
    for other in (
        {key: one for key, one in state.items() if key != f"first.{name}"},
        state | {f"second.{name}": torch.zeros(3)},
    ):
        save_file(other, copied / "adamw.safetensors")
        resealed(copied, about)
        with pytest.raises(BadInput, match=rf"adamw.safetensors belongs to another model: {name} does not fit; bring"):
            read_checkpoint(copied)
    (copied / "adamw.safetensors").write_bytes(b"no tensors")
    resealed(copied, about)
    with pytest.raises(BadInput, match=r"adamw.safetensors cannot be read; give a checkpoint as it was written.$"):
        read_checkpoint(copied)


def test_a_kill_while_it_is_written_leaves_none(written, copied, monkeypatch):
    def killed(*_, **__):
        raise SystemExit

    monkeypatch.setattr("safetensors.torch.save", killed)
    with pytest.raises(SystemExit):
        write_checkpoint(written[0], copied)
    with pytest.raises(BadInput, match="it has no schedule.json"):
        read_checkpoint(copied)


def test_a_full_disk_is_said_in_one_line(written, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save", full)
    with pytest.raises(Failed, match=r"^The disk is full: .* Free some space and start again"):
        write_checkpoint(written[0], tmp_path / "x")


def test_the_rate_rises_stays_and_falls():
    schedule = Schedule(1.0, warm_up=4).decaying(10, 5)
    assert [schedule.at(step) for step in range(15)] == pytest.approx(
        [0.25, 0.5, 0.75, 1, *[1] * 6, 1, 0.8, 0.6, 0.4, 0.2]
    )
    assert Schedule(2.0).at(10**6) == 2.0
    with pytest.raises(BadParameter, match=r"^The schedule ends after 15 steps; step 15 is beyond.$"):
        schedule.at(15)
    with pytest.raises(BadParameter, match=r"^A decay cannot begin at step 2, within a warm-up of 4 steps.$"):
        Schedule(1.0, 4).decaying(2, 3)
    with pytest.raises(BadParameter, match=r"^rate is 0; it must be a number above 0.$"):
        Schedule(0)
    with pytest.raises(BadParameter, match="warms up for 4 steps and decays from 9 for 0; steps are no fewer than 0"):
        Schedule(1.0, 4, 9, 0)
    assert understood(json.loads(json.dumps(said(schedule, fresh(vocabulary()).adamw))))[0] == schedule
