"""Two features of one name: what tells them apart, which is taken, and how the other is."""

from types import SimpleNamespace

import pytest

from datasel_core.features import description


def feature(key: str, id: str = "clip_image", role: str = "image", day: int = 1, **params):
    """A kept feature, as far as it is described; made on a day of May."""
    meta = {"id": id, "role": role, "key": key, "params": params, "created": f"2026-05-{day:02d}T09:30:12.123456Z"}
    return SimpleNamespace(key=key, id=id, role=role, meta=meta)


def test_settings_are_the_model_and_what_is_not_as_by_default():
    plain = {"model": "scenes-small", "pretrained": None, "precision": "fp32"}
    assert description.settings(feature("a", **plain)) == "model scenes-small"
    other = {**plain, "model": "ViT-B-32", "pretrained": "openai"}
    assert description.settings(feature("a", **other)) == "model ViT-B-32, pretrained openai"
    assert description.settings(feature("a", "tfidf_svd", "embedding", n_dims=64, seed=0)) == "n_dims 64"
    assert description.settings(feature("a", "tfidf_svd", "embedding", n_dims=128)) == ""
    assert description.settings(feature("a", "gone_since", depth=3, like=None)) == "depth 3, like none"
    assert description.settings(feature("a", "imported", file="v.npz")) == "from v.npz"
    assert description.settings(feature("a", "imported", file="v.npz", encoder="dino")) == "from v.npz, made by dino"


def test_where_weights_lie_names_nobodys_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert description.settings(feature("a", model="ViT-B-32", pretrained="/home/ada/w.pt")).endswith("~/w.pt")


def test_all_of_it_in_one_line():
    said = description.described(feature("5ce5", model="ViT-B-32", day=3))
    assert said == "clip_image, model ViT-B-32, 2026-05-03 09:30 UTC, key 5ce5"


@pytest.mark.parametrize(
    ("kept", "names"),
    [
        ([feature("a"), feature("b", "vit_embedding")], ["clip_image", "vit_embedding"]),
        ([feature("a", "imported"), feature("b", "imported", "text")], ["from a file", "from a file"]),  # roles say it
        ([feature("a", model="S"), feature("b", model="L")], ["clip_image, model S", "clip_image, model L"]),
        (
            [feature("a", model="S", day=1), feature("b", model="S", day=2), feature("c", model="L")],
            [
                "clip_image, model S, 2026-05-01 09:30 UTC",
                "clip_image, model S, 2026-05-02 09:30 UTC",
                "clip_image, model L",
            ],
        ),
        (
            [feature("a", model="S"), feature("b", model="S")],
            [f"clip_image, model S, 2026-05-01 09:30 UTC, key {key}" for key in "ab"],
        ),
        (
            [feature("a", "imported", file="v.npz"), feature("b", "imported", file="w.npz")],
            ["from v.npz", "from w.npz"],
        ),
        (
            [feature("a", "imported", file="v.npz"), feature("b", "imported", file="v.npz", day=2)],
            ["from v.npz, 2026-05-01 09:30 UTC", "from v.npz, 2026-05-02 09:30 UTC"],
        ),
    ],
)
def test_as_much_as_tells_them_apart(kept, names):
    assert list(description.told_apart(kept).values()) == names


def test_the_newest_of_a_role_is_taken_and_the_others_are_offered():
    kept = [feature("a"), feature("t", "clip_text", "text"), feature("b", "imported"), feature("c")]
    assert {role: one.key for role, one in description.taken(kept).items()} == {"image": "c", "text": "t"}
    assert description.choice(kept, "text", "t") == ""
    assert description.choice(kept, "image", "c") == "the newest of 3; another: --use image=b"
    assert description.choice(kept, "image", "a") == "not the newest of 3; another: --use image=c"
