"""What the command line says of encoders: which of several is taken, what they know of groups and captions."""

import json

import numpy as np
import pytest

from datasel_core.runs import manifest
from datasel_core.workspace.files import read_json
from tests.cli import test_cli
from tests.conftest import clustered, paint

N, PICTURES = 180, 36
USELESS = "this encoder cannot tell right captions from wrong ones here: AUC ."


run = test_cli.run


@pytest.fixture
def signs(run, tmp_path, rng):
    """Thirty-six pictures of three groups with five captions each; vectors of both that know what they show."""
    lines = ["path,id,caption,group"]
    for at in range(N):
        paint(tmp_path / "in" / f"{at % PICTURES:02d}.jpg", at % PICTURES)
        lines.append(f"{at % PICTURES:02d}.jpg,s{at:03d},caption {at},{'abc'[at % PICTURES // 12]}")
    (tmp_path / "in" / "pairs.csv").write_text("\n".join(lines) + "\n")
    assert run("pool", "add", "signs", tmp_path / "in" / "pairs.csv", "--kind", "pairs")[0] == 0
    shown = np.repeat(clustered(rng, 3, 6, 3), 12, axis=0) + 0.3 * rng.standard_normal((PICTURES, 6))
    image = shown[np.arange(N) % PICTURES]
    bring(run, tmp_path, "seeing", image, image + 0.1 * rng.standard_normal((N, 6)))
    return "signs"


def bring(run, tmp_path, name, image, text):
    ids = [f"s{at:03d}" for at in range(N)]
    np.savez(tmp_path / f"{name}.npz", ids=ids, image=image.astype(np.float32), text=text.astype(np.float32))
    for role in ("image", "text"):
        assert run("feature", "import", "signs", role, tmp_path / f"{name}.npz", "--encoder", name)[0] == 0


def keys(run) -> dict[str, list[str]]:
    """Role -> the keys of its features, oldest first."""
    found = {}
    for one in json.loads(run("feature", "list", "signs", "--json")[1])["features"]:
        found.setdefault(one["role"], []).append(one["key"])
    return found


def test_a_good_encoder_is_said_to_be_one_and_no_more(run, signs):
    _, out, err = run("score", "signs", "clip_score", "--json")
    assert "A right caption scores higher than one dealt anew in" in err
    assert USELESS not in err
    assert json.loads(out)["caption_auc"] > 0.8
    _, out, err = run("select", "signs", "clip_score", "--budget", 9, "--json")
    assert "A right caption" not in err
    assert "facts" not in json.loads(out)["manifest"]["result"]
    assert "A right caption" not in run("score", "signs", "by_score", "--set", "role=x")[2]


def test_a_useless_one_is_called_useless_wherever_it_scores(run, signs, tmp_path, rng):
    bring(run, tmp_path, "blind", *rng.standard_normal((2, N, 6)))
    for method in ("clip_score", "neg_clip_loss"):
        _, _, err = run("score", "signs", method)
        assert USELESS in err
        _, out, err = run("select", "signs", method, "--budget", 9, "--json")
        assert f"note: {USELESS}" in err
        said = json.loads(out)
        assert said["manifest"]["result"]["facts"]["note"].startswith(USELESS)
        assert said["manifest"]["result"]["facts"]["caption_auc"] < 0.7
        assert run("verify", said["run"])[0] == run("reproduce", said["run"])[0] == 0
    old = keys(run)
    use = [word for role in ("image", "text") for word in ("--use", f"{role}={old[role][0]}")]
    _, out, err = run("select", "signs", "clip_score", "--budget", 9, *use)
    assert USELESS not in err
    assert (
        "facts"
        not in manifest.read(out.splitlines()[-1] and __import__("pathlib").Path(out.splitlines()[-1]))["result"]
    )


def test_the_recipe_says_it_of_its_first_stage(run, signs, tmp_path, rng):
    np.savez(tmp_path / "w.npz", ids=["a", "b"], image=clustered(rng, 2, 6, 2))
    run("pool", "add", "wanted", tmp_path / "w.npz", "--kind", "vectors")
    assert USELESS not in run("recipe", "signs", "wanted")[2]
    bring(run, tmp_path, "blind", *rng.standard_normal((2, N, 6)))
    assert USELESS in run("recipe", "signs", "wanted")[2]


def test_which_of_several_features_is_taken_and_how_another_is(run, signs, tmp_path, rng):
    _, out, _ = run("feature", "list", "signs")
    assert "--use" not in out
    assert "\ttaken" not in out
    _, _, err = run("score", "signs", "clip_score")
    assert f"role image: imported {keys(run)['image'][0]}\n" in err
    bring(run, tmp_path, "blind", *rng.standard_normal((2, N, 6)))
    old, new = keys(run)["image"]
    lines = run("feature", "list", "signs")[1].splitlines()
    first, second = (line.split("\t") for line in lines if "\trole image\t[" in line)
    assert (first[4], first[5], first[-1]) == (old, "from seeing.npz, made by seeing", f"--use image={old}")
    assert (second[4], second[5], second[-1]) == (new, "from blind.npz, made by blind", "taken")
    assert first[6].endswith(" UTC")
    assert lines[-1].startswith("can be computed") or any(USELESS[1:] in line for line in lines)
    _, out, _ = run("feature", "list", "signs", "--json")
    assert [one["taken"] for one in json.loads(out)["features"] if one["role"] == "image"] == [False, True]
    _, out, _ = run("pool", "show", "signs", "--json")
    assert [one["taken"] for one in json.loads(out)["features"] if one["role"] == "image"] == [False, True]
    assert "from seeing.npz, made by seeing (image); " in run("pool", "show", "signs")[1]
    for words in (["select", "signs", "norm_sim_dynamic", "--budget", 5], ["score", "signs", "clip_score"]):
        _, _, err = run(*words)
        said = (
            f"role image: imported {new} (from blind.npz, made by blind, the newest of 2; another: --use image={old})"
        )
        assert said in err
    _, _, err = run("select", "signs", "norm_sim_dynamic", "--budget", 5, "--use", f"image={old}")
    assert f"{old} (from seeing.npz, made by seeing, not the newest of 2; another: --use image={new})" in err


def test_what_vectors_know_of_groups_stands_below_them(run, signs, tmp_path, rng):
    """One of each picture: five captions of one picture would be neighbours of one group whatever was seen."""
    bring(run, tmp_path, "blind", rng.standard_normal((PICTURES, 6))[np.arange(N) % PICTURES], np.ones((N, 6)))
    _, out, _ = run("feature", "list", "signs")
    lines = [line.strip() for line in out.splitlines() if "nearest neighbours" in line]
    assert all("(on 36 pictures)" in line for line in lines)
    assert lines[0].endswith("would give 31 % (on 36 pictures).")
    assert lines[2].endswith("no more than chance, these vectors do not know the groups.")
    found = json.loads(run("feature", "list", "signs", "--json")[1])
    known = found["features"][0]["neighbors_of_one_group"]
    assert (known["k"], known["measured_on"]) == (10, 36)
    assert known["chance"] == pytest.approx(3 * 12 * 11 / (36 * 35))
    assert found["captions"]["auc"] < 0.7


def test_damage_is_said_in_the_list_and_hides_nothing(run, signs, workspace):
    folder = next(one for one in workspace.folders("features") if read_json(one / "meta.json")["role"] == "text")
    (values,) = folder.rglob("values.npy")
    values.write_bytes(values.read_bytes()[:-4] + b"zzzz")
    code, out, _ = run("feature", "list", "signs")
    assert code == 0
    assert f"The feature imported (role text, key {folder.name}) of signs was changed or damaged" in out
    assert "can be computed: clip_image" in out
    assert "captions" not in json.loads(run("feature", "list", "signs", "--json")[1])
