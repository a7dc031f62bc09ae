"""Vectors that were brought: who says what made them is heard wherever two of them meet."""

import json

import numpy as np
import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.import_feature import import_feature
from datasel_core.actions.select import notes
from datasel_core.errors import BadRequest, MissingFeature
from datasel_core.features.stored import kept_features
from datasel_core.pools.persistence import load_pool
from datasel_core.runs.engine import select
from datasel_core.runs.question import resolve
from datasel_core.runs.reproduction import reproduce
from datasel_core.runs.spec import Spec
from tests.conftest import clustered, task_of

N = 40
TRUST = "nobody said which encoder made the vectors of"


def bring(workspace, tmp_path, rng, name, encoder=None, role="image", d=8):
    """A pool of vectors that came from this encoder."""
    path = tmp_path / f"{name}.npz"
    np.savez(path, ids=[f"{name}{at}" for at in range(N)], **{role: clustered(rng, N, d, 4)})
    options = {} if encoder is None else {"encoder": encoder}
    return add_pool(workspace, name, str(path), "vectors", options)


def towards(workspace, target="wanted"):
    return resolve(workspace, Spec(pool="p", method="norm_sim", budget="5", target=target))


@pytest.mark.parametrize(
    ("ours", "theirs", "silent"),
    [("dinov2", "dinov2", ""), ("DINOv2", "dinov2", ""), (None, "clip", "p"), ("clip", None, "wanted")]
    + [(None, None, "p and wanted"), (" ", "clip", "p")],
)
def test_vectors_of_one_encoder_or_of_none_that_is_known_are_compared(workspace, tmp_path, rng, ours, theirs, silent):
    bring(workspace, tmp_path, rng, "p", ours)
    bring(workspace, tmp_path, rng, "wanted", theirs)
    asked = towards(workspace)
    said = [note for note in notes(asked) if "encoder" in note]
    assert said == ([f"image: {TRUST} {silent}; give --encoder when they are imported."] if silent else [])


def test_vectors_of_unlike_encoders_are_refused_in_one_line(workspace, tmp_path, rng):
    bring(workspace, tmp_path, rng, "p", "dinov2")
    wanted = bring(workspace, tmp_path, rng, "wanted", "clip")
    with pytest.raises(BadRequest) as caught:
        towards(workspace)
    assert str(caught.value) == (
        "The image of wanted was made by clip, the pool's by dinov2; vectors of unlike encoders cannot be compared: "
        "import both from one, with --encoder."
    )
    assert workspace.folders("runs") == []
    # Among several, those of the same encoder are taken, be they the newest or not.
    np.savez(tmp_path / "w.npz", ids=wanted.ids.astype(str), image=clustered(rng, N, 8, 4))
    right = import_feature(workspace, wanted, "image", str(tmp_path / "w.npz"), encoder="dinov2").kept
    np.savez(tmp_path / "x.npz", ids=wanted.ids.astype(str), image=clustered(rng, N, 8, 4))
    import_feature(workspace, wanted, "image", str(tmp_path / "x.npz"))
    asked = towards(workspace)
    assert asked.target.roles.features["image"].key == right.key
    assert asked.target.notes == ()


def test_the_width_has_to_fit_all_the_same(workspace, tmp_path, rng):
    bring(workspace, tmp_path, rng, "p", "dinov2")
    bring(workspace, tmp_path, rng, "wanted", "dinov2", d=5)
    with pytest.raises(BadRequest, match="has 5 numbers per sample in the target wanted, but 8 in the pool"):
        towards(workspace)


def test_what_was_computed_is_not_what_was_imported_whatever_its_name(workspace, tmp_path, rng):
    bring(workspace, tmp_path, rng, "p", "clip_image")
    bring(workspace, tmp_path, rng, "wanted")
    path = kept_features(workspace, load_pool(workspace, "wanted").fingerprint)[0].folder / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "id": "clip_image", "params": {"encoder": "x"}}))
    with pytest.raises(MissingFeature, match="The pool's image was imported, the target's computed by clip_image"):
        towards(workspace)


def test_photos_and_captions_of_unlike_encoders_have_no_score(workspace, tmp_path, rng):
    pool = bring(workspace, tmp_path, rng, "p", "clip-b32")
    for name, encoder in (("one", None), ("two", "clip-b32"), ("three", "mpnet")):
        np.savez(tmp_path / f"{name}.npz", ids=pool.ids.astype(str), text=clustered(rng, N, 8, 4))
        import_feature(workspace, pool, "text", str(tmp_path / f"{name}.npz"), encoder=encoder)
        asked = Spec(pool="p", method="clip_score", budget="5")
        if name != "three":
            assert resolve(workspace, asked).budget == 5
            continue
        with pytest.raises(BadRequest, match="for image were made by clip-b32, for text by mpnet; unlike encoders can"):
            resolve(workspace, asked)


def test_the_record_says_it_and_old_keys_are_what_they_were(workspace, tmp_path, rng):
    pool = bring(workspace, tmp_path, rng, "p", "dinov2")
    run = select(workspace, Spec(pool="p", method="norm_sim_dynamic", budget="5"))
    assert run.manifest["features"]["image"]["params"] == {"file": "p.npz", "encoder": "dinov2"}
    assert reproduce(workspace, run.folder)["identical"]
    key = kept_features(workspace, pool.fingerprint)[0].key
    # The name is what somebody says of vectors; the vectors are the same, and so are the keys of features and runs.
    add_pool(workspace, "p", str(tmp_path / "p.npz"), "vectors")
    again = kept_features(workspace, pool.fingerprint)
    assert [one.key for one in again] == [key]
    assert again[0].meta["params"] == {"file": "p.npz", "encoder": "dinov2"}  # who says nothing takes nothing back
    assert resolve(workspace, Spec(pool="p", method="norm_sim_dynamic", budget="5")).key == run.key
    add_pool(workspace, "p", str(tmp_path / "p.npz"), "vectors", {"encoder": "clip"})
    assert kept_features(workspace, pool.fingerprint)[0].meta["params"]["encoder"] == "clip"


def test_without_a_name_nothing_knows_of_one(workspace, tmp_path, rng):
    pool = bring(workspace, tmp_path, rng, "p")
    assert kept_features(workspace, pool.fingerprint)[0].meta["params"] == {"file": "p.npz"}
    plain = task_of("feature_import", pool="p", role="image", file=str(tmp_path / "p.npz"))
    assert "encoder" not in plain.spec()
    named = task_of("feature_import", pool="p", role="image", file=str(tmp_path / "p.npz"), encoder="a")
    assert named.spec()["encoder"] == "a"
    assert named.own_folder(workspace) != plain.own_folder(workspace)


def test_the_command_line_takes_it(workspace, tmp_path, rng, capsys):
    bring(workspace, tmp_path, rng, "p")
    bring(workspace, tmp_path, rng, "wanted", "clip")
    file = str(tmp_path / "p.npz")
    asked = ["select", "p", "norm_sim", "--budget", "3", "--target", "wanted"]
    assert main(asked) == 0
    assert f"image: {TRUST} p; give --encoder when they are imported." in capsys.readouterr().err
    assert main(["feature", "import", "p", "image", file, "--encoder", "dinov2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] == {"file": "p.npz", "encoder": "dinov2"}
    assert main(asked) == 2
    assert "was made by clip, the pool's by dinov2" in capsys.readouterr().err
    assert main(["pool", "add", "wanted", str(tmp_path / "wanted.npz"), "--option", "encoder=dinov2"]) == 0
    assert main(asked) == 0
    assert TRUST not in capsys.readouterr().err


def test_damage_names_the_whole_command(workspace, tmp_path, rng):
    pool = bring(workspace, tmp_path, rng, "p")
    np.savez(tmp_path / "o.npz", ids=pool.ids.astype(str), embedding=clustered(rng, N, 8, 4))
    kept = import_feature(workspace, pool, "embedding", str(tmp_path / "o.npz"), encoder="my net").kept
    said = str(kept.damaged())
    assert said.endswith("import it again: python -m datasel_core feature import p embedding o.npz --encoder 'my net'")
