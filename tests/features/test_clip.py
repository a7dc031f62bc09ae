"""Towers of open_clip with random weights on disk: vectors against open_clip called plainly on single items, and every
refusal.
"""

import json
import os
import re
import socket
import sys
import urllib.request

import numpy as np
import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, BadRequest, Failed, Stopped, UnknownName
from datasel_core.features import computation
from datasel_core.features.encoders.clip import ClipImage, ClipText
from datasel_core.features.feature import Source, Unreadable
from datasel_core.features.models import clip_weights
from datasel_core.features.models.clip_traits import Traits, looks_like
from datasel_core.features.roles import Roles
from datasel_core.features.stored import save_rows
from tests.features.test_vit import Harmful

open_clip = pytest.importorskip("open_clip")
torch = pytest.importorskip("torch")

CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
CAPTIONS = [
    ["A red ball."],
    ["two  GREEN fish &amp; a cat", "a cat"],
    [" ", "snow"],
    ["one", "two", "three"],
    ["long " * 300],
    ["Ünïcode 猫"],
    ["42"],
]


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A name that open_clip knows, and a file of random weights for it."""
    from safetensors.torch import save_file

    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny-clip", CONFIG)
    path = tmp_path / "tiny.safetensors"
    save_file(random_state(1), path)
    return {"model": "tiny-clip", "pretrained": str(path), "device": "cpu"}


def random_state(seed: int, config: dict = CONFIG) -> dict:
    torch.manual_seed(seed)
    model = open_clip.model.CLIP(**config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return {name: value.contiguous() for name, value in model.state_dict().items()}


@pytest.fixture
def folder(tmp_path):
    """The same as a folder, with preparation and temperature of its own."""
    from safetensors.torch import save_file

    place = tmp_path / "mine"
    place.mkdir()
    state = random_state(1) | {"logit_scale": torch.tensor(np.log(50.0), dtype=torch.float32)}
    save_file(state, place / "open_clip_model.safetensors")
    (place / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": CONFIG, "preprocess_cfg": {"mean": [0.5] * 3, "resize_mode": "squash"}})
    )
    return place


def photo(row: int) -> Image.Image:
    small = np.random.default_rng(row).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((90, 70), Image.Resampling.BICUBIC)


def source_of(n: int, broken: tuple[int, ...] = ()) -> Source:
    def image(row: int, at_least: int | None = None) -> Image.Image:
        if row in broken:
            raise Unreadable("the file is cut off")
        return photo(row)

    return Source(n, image=image, text=lambda row: CAPTIONS[row % len(CAPTIONS)])


def values(feature, n: int = 7, source: Source | None = None) -> np.ndarray:
    return np.concatenate([block.values for block in feature.blocks(source or source_of(n), np.arange(n), {})])


def plainly(name: str, **how):
    """open_clip itself, one item at a time: (photo -> unit vector, caption -> unit vector)."""
    model, _, transform = open_clip.create_model_and_transforms(name, **how)
    tokenizer = open_clip.get_tokenizer(name)
    model.eval()

    def unit(vector: torch.Tensor) -> np.ndarray:
        return (vector / vector.norm()).detach().numpy()[0]

    return lambda image: unit(model.encode_image(transform(image)[None])), lambda text: unit(
        model.encode_text(tokenizer([text]))
    )


def check(image: ClipImage, text: ClipText, name: str, **how) -> None:
    image_of, text_of = plainly(name, **how)
    np.testing.assert_allclose(values(image), [image_of(photo(row)) for row in range(7)], atol=2e-6)
    found = values(text)
    assert found.dtype == np.float32
    for row, captions in enumerate(CAPTIONS):
        mean = np.mean([text_of(caption) for caption in captions if caption.strip()], axis=0)
        np.testing.assert_allclose(found[row], mean / np.linalg.norm(mean), atol=2e-6)


def test_vectors_are_those_of_open_clip_called_plainly(tiny):
    image, text = ClipImage(**tiny), ClipText(**tiny)
    check(image, text, "tiny-clip", pretrained=tiny["pretrained"])
    np.testing.assert_allclose(text.encode(["A red ball.", "snow"]), values(text)[[0, 2]], atol=2e-6)
    assert text.encode([]).shape == (0, 24)


def test_a_folder_brings_its_own_preparation_and_temperature(folder):
    image, text = ClipImage(model=str(folder), device="cpu"), ClipText(model=str(folder), device="cpu")
    check(image, text, f"local-dir:{folder}")
    assert image.describe() == {}
    facts = image.describe(source_of(1))
    assert facts == text.describe(source_of(1))
    assert facts["logit_scale"] == pytest.approx(50)
    assert facts["logit_bias"] is None
    assert facts["weights_sha256"] == image.depends()["weights_sha256"]
    assert image.files() == (str(folder),)
    before = image.depends()
    config = folder / "open_clip_config.json"
    config.write_text(config.read_text().replace("squash", "shortest"))
    assert image.depends() != before
    assert not np.allclose(values(image), values(ClipImage(model=str(folder), device="cpu", batch=3)) + 1e-3)


def test_the_batch_changes_no_more_than_the_last_digit(tiny):
    for feature in (ClipImage, ClipText):
        many = values(feature(**tiny, batch=32))
        for batch in (1, 3):
            np.testing.assert_allclose(values(feature(**tiny, batch=batch)), many, atol=1e-6)
        assert feature(**tiny, batch=1).what() == feature(**tiny, batch=32).what()


def test_samples_that_cannot_be_read_are_listed(tiny):
    (block,) = ClipImage(**tiny).blocks(source_of(4, broken=(1,)), np.arange(4), {})
    assert block.rows.tolist() == [0, 2, 3]
    assert list(block.unreadable) == [(1, "the file is cut off")]
    (block,) = ClipImage(**tiny).blocks(source_of(1, broken=(0,)), np.arange(1), {})
    assert block.values.shape == (0, 24)

    def text(row: int) -> list[str]:
        if row == 0:
            raise Unreadable("the caption is a number")
        return [[], ["", "  "], ["a \ud83d half"], ["x" * 100_000], ["word " * 100_000]][row - 1]

    blocks = list(ClipText(**tiny, batch=2).blocks(Source(6, text=text), np.arange(6), {}))
    assert [pair for block in blocks for pair in block.unreadable] == [
        (0, "the caption is a number"),
        (1, "it has no caption"),
        (2, "it has no caption"),
    ]
    assert [row for block in blocks for row in block.rows.tolist()] == [3, 4, 5]


def test_weights_that_give_no_numbers_are_listed(tiny, tmp_path):
    state = random_state(1)
    state["visual.proj"][:] = np.nan
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "epoch_3.pt"
    )
    (block,) = ClipImage(model="tiny-clip", pretrained=str(tmp_path / "epoch_3.pt"), device="cpu").blocks(
        source_of(2), np.arange(2), {}
    )
    assert list(block.unreadable) == [
        (0, "Its vector is zero, NaN or infinite."),
        (1, "Its vector is zero, NaN or infinite."),
    ]
    found = values(ClipText(model="tiny-clip", pretrained=str(tmp_path / "epoch_3.pt"), device="cpu"))
    np.testing.assert_array_equal(found, values(ClipText(**tiny)))  # a training checkpoint is unwrapped


def test_half_precision_is_another_answer_and_near(tiny):
    whole = ClipImage(**tiny)
    for feature in (ClipImage, ClipText):
        half = feature(**tiny, precision="bf16")
        assert half.what() != feature(**tiny).what()
        assert (values(half) * values(feature(**tiny))).sum(axis=1).min() > 0.999
    assert values(ClipImage(**tiny, precision="bf16")).dtype == values(whole).dtype == np.float32


def test_a_stopped_computation_goes_on_to_identical_values(workspace, tmp_path, tiny, monkeypatch):
    from tests.conftest import paint

    for at in range(20):
        paint(tmp_path / "photos" / f"{at:02d}.png", at)
    (tmp_path / "photos" / "07.png").write_bytes(b"no photo")
    monkeypatch.setattr("datasel_core.features.chunks.CHUNK", 4)
    asked = computation.declared_feature("clip_image", **tiny, batch=3)
    pool = add_pool(workspace, "ph", str(tmp_path / "photos"), "images")
    calls = iter(range(1000))
    with pytest.raises(Stopped):
        computation.compute_feature(workspace, pool, asked, Progress(should_stop=lambda: next(calls) >= 3, every=0))
    assert workspace.folders("features")
    kept = computation.compute_feature(workspace, pool, asked)
    straight = values(ClipImage(**tiny, batch=3), pool.n, Source(pool.n, image=pool.open))
    np.testing.assert_array_equal(kept.values(), straight)
    assert kept.role == "image"
    assert kept.meta["facts"]["weights_sha256"] == asked.depends()["weights_sha256"]
    assert kept.meta["params"]["model"] == "tiny-clip"


def test_towers_of_different_models_are_refused(workspace, photos):
    pool = add_pool(workspace, "ph", str(photos), "images")

    def kept(role: str, name: str, sha: str | None, second: int) -> str:
        facts = {} if sha is None else {"model": name, "pretrained": None, "weights_sha256": sha}
        about = {
            "key": f"{role}{second}",
            "id": f"clip_{role}",
            "version": 1,
            "params": {},
            "role": role,
            "facts": facts,
        }
        about["pool"] = {"name": pool.name, "fingerprint": pool.fingerprint, "n": pool.n}
        workspace.feature(about["key"]).mkdir(parents=True)
        save_rows(
            workspace.feature(about["key"]),
            about,
            np.ones((pool.n, 4), np.float32),
            np.arange(pool.n),
            pool.n,
            [],
            pool.ids,
        )
        return about["key"]

    first, text = kept("image", "scenes-small", "aa", 1), kept("text", "scenes-small", "aa", 1)
    Roles.of(workspace, pool, needs=("image", "text"))
    other = kept("image", "ViT-B-32", "bb", 2)
    with pytest.raises(BadRequest) as caught:
        Roles.of(workspace, pool, {"image": other}, needs=("image", "text"))
    assert str(caught.value) == (
        f"The vectors of ph for image ({other}: ViT-B-32) and text ({text}: scenes-small) come from different models "
        "and cannot be compared; "
        "compute both with one model, or name two that belong together: --use image=KEY --use text=KEY."
    )
    Roles.of(workspace, pool, {"image": other}, needs=("image",))
    Roles.of(workspace, pool, {"image": first}, needs=("image", "text"))
    Roles.of(
        workspace, pool, {"image": kept("image", "", None, 3)}, needs=("image", "text")
    )  # imported vectors say nothing of their model


def encode(**asked) -> None:
    list(ClipImage(**{"device": "cpu", **asked}).blocks(source_of(1), np.arange(1), {}))


def test_impossible_questions_name_the_remedy(tiny, tmp_path):
    with pytest.raises(UnknownName, match=r"There is no open_clip model called vit-b32. Did you mean ViT-B-32\?"):
        encode(model="vit-b32", pretrained="openai")
    with pytest.raises(
        UnknownName,
        match="There is no open_clip model called qqqq. There are: ViT-B-16, ViT-B-32, ViT-L-14, scenes-small.",
    ):
        encode(model="qqqq")
    with pytest.raises(
        UnknownName,
        match=r"There is no pretrained tag of ViT-B-32 called laion2b_s34b_b79. Did you mean laion2b_s34b_b79k\?",
    ):
        encode(model="ViT-B-32", pretrained="laion2b_s34b_b79")
    with pytest.raises(
        BadParameter,
        match=(
            r"^ViT-L-14 needs weights: pretrained is to be a tag \(openai, .* \.\.\.\) or a file \(.safetensors, .pt, "
            r".pth, .bin\)"
        ),
    ):
        encode(model="ViT-L-14")
    with pytest.raises(
        BadParameter, match="pretrained is 'openai', but scenes-small brings its own weights; leave pretrained out."
    ):
        encode(pretrained="openai")
    with pytest.raises(BadInput, match="There is no weights file .*none.pt"):
        ClipImage(model="ViT-B-32", pretrained=str(tmp_path / "none.pt")).depends()
    with pytest.raises(
        BadInput, match="holds no model of open_clip; it needs open_clip_config.json and open_clip_model.safetensors."
    ):
        encode(model=str(tmp_path))
    with pytest.raises(BadParameter, match="precision is 'fp8'"):
        ClipImage(precision="fp8")
    if not torch.cuda.is_available():
        with pytest.raises(BadParameter, match="device is cuda; this machine has: cpu"):
            encode(device="cuda")


def test_a_folder_without_a_usable_description_is_refused(folder):
    for text in ("{", "[]", '{"model_cfg": {"embed_dim": 3}}'):
        (folder / "open_clip_config.json").write_text(text)
        with pytest.raises(
            BadInput,
            match=(
                "open_clip_config.json describes no model of open_clip: model_cfg with embed_dim, vision_cfg and "
                "text_cfg."
            ),
        ):
            encode(model=str(folder))


def test_weights_that_could_run_code_are_refused_and_do_not_run(tiny, tmp_path, capsys, folder):
    path = tmp_path / "bad.pt"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "args": Harmful()}, path)
    message = (
        "holds more than weights, and loading it could run code; save its weights alone, as safetensors or a state "
        "dict."
    )
    with pytest.raises(BadInput, match=f"bad.pt {message}"):
        encode(**{**tiny, "pretrained": str(path)})
    os.replace(path, folder / "open_clip_pytorch_model.bin")
    (folder / "open_clip_model.safetensors").unlink()
    with pytest.raises(BadInput, match=f"open_clip_pytorch_model.bin {message}"):
        encode(model=str(folder))
    assert "this code ran" not in capsys.readouterr().out


def test_weights_that_do_not_fit_are_refused(tiny, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"visual.proj": torch.zeros(3, 4)}, path)
    with pytest.raises(BadInput, match="^other.safetensors does not fit tiny-clip: ") as caught:
        encode(**{**tiny, "pretrained": str(path)})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    path.write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(BadInput, match="other.safetensors cannot be read as weights"):
        encode(**{**tiny, "pretrained": str(path)})


LARGER = CONFIG | {"vision_cfg": CONFIG["vision_cfg"] | {"image_size": 64}}
FEWER = CONFIG | {"text_cfg": CONFIG["text_cfg"] | {"context_length": 12}}
WIDER = CONFIG | {"vision_cfg": CONFIG["vision_cfg"] | {"width": 48}}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (LARGER, "it looks at photos of 64 pixels, not 32; it looks like another-clip: --set model=another-clip."),
        (FEWER, "it reads 12 tokens of a caption, not 20; it looks like another-clip: --set model=another-clip."),
        (
            WIDER,
            "Error(s) in loading state_dict for CLIP: size mismatch .*; "
            "it looks like another-clip: --set model=another-clip.",
        ),
    ],
)
def test_weights_of_another_model_are_refused_and_the_model_they_fit_is_named(
    tiny, tmp_path, monkeypatch, folder, given, why
):
    """open_clip would stretch the places of a photo, or of a caption, until they fit, and log it at most."""
    from safetensors.torch import save_file

    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "another-clip", given)
    save_file(random_state(1, given), tmp_path / "other.safetensors")
    said = re.escape(why).replace(re.escape(".*"), ".*")
    with pytest.raises(BadInput, match=f"^other.safetensors does not fit tiny-clip: {said}$") as caught:
        encode(**{**tiny, "pretrained": str(tmp_path / "other.safetensors")})
    assert "\n" not in str(caught.value)
    encode(model="another-clip", pretrained=str(tmp_path / "other.safetensors"))
    os.replace(tmp_path / "other.safetensors", folder / "open_clip_model.safetensors")
    with pytest.raises(BadInput, match=f"^open_clip_model.safetensors does not fit {folder}: {said.partition(';')[0]}"):
        encode(model=str(folder))


def test_no_other_model_is_named_where_a_file_is_only_damaged(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "twin", CONFIG)  # the same but for its name
    state = random_state(1)
    state.pop("ln_final.bias")
    torch.save(state, tmp_path / "few.pt")
    with pytest.raises(BadInput, match="^few.pt does not fit tiny-clip: .*ln_final.bias") as caught:
        encode(**{**tiny, "pretrained": str(tmp_path / "few.pt")})
    assert "looks like" not in str(caught.value)


def test_shapes_tell_models_apart_and_other_towers_are_left_alone():
    for name in ("ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-L-14-336", "ViT-B-32-256"):
        config = open_clip.get_model_config(name)
        with torch.device("meta"):
            state = open_clip.model.CLIP(**config).state_dict()
        assert Traits.of(state) == Traits.of_config(config)
        assert looks_like(state, "RN50") == f"; it looks like {name}: --set model={name}"
    for name in ("RN50", "ViT-B-16-SigLIP", "roberta-ViT-B-32"):
        assert Traits.of_config(open_clip.get_model_config(name)) == Traits()
    assert looks_like({"a": torch.zeros(1)}, "RN50") == ""


@pytest.mark.parametrize("reaches", [False, True])
def test_without_a_network_one_line_says_what_to_do(tmp_path, monkeypatch, reaches):
    from huggingface_hub import constants

    def no_name(*asked):
        raise OSError("Name or service not known")

    def no_hub(*asked, **how):
        raise FileNotFoundError("the hub is away\nand more lines\nand more")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    monkeypatch.setattr(socket, "getaddrinfo", (lambda *asked: []) if reaches else no_name)
    monkeypatch.setattr(open_clip, "download_pretrained", no_hub)
    why = "the hub is away and more lines" if reaches else "no network reaches the hub"
    with pytest.raises(Failed) as caught:
        encode(model="ViT-B-32", pretrained="openai")
    # a file does not say its activation
    remedy = "Get them on a machine with a network and give their file: model=ViT-B-32-quickgelu pretrained=PATH."
    assert str(caught.value) == f"The weights of ViT-B-32 openai could not be downloaded: {why}. {remedy}"


def test_weights_in_the_cache_need_no_network(tmp_path, monkeypatch):
    import huggingface_hub

    asked = []
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda repository, file: asked.append((repository, file)) or __file__
    )
    monkeypatch.setattr(open_clip, "download_pretrained", lambda config: "cached.bin")
    assert str(clip_weights._downloaded("x", {"hf_hub": "timm/vit/"})) == "cached.bin"
    assert str(clip_weights._downloaded("x", {"hf_hub": "someone/ViTamin/pytorch_model.bin"})) == "cached.bin"
    assert {repository for repository, _ in asked} == {"timm/vit", "someone/ViTamin"}


def test_a_tokenizer_that_is_not_there_is_said(monkeypatch, tiny):
    clip = clip_weights.load("tiny-clip", tiny["pretrained"], "cpu", "fp32")

    def offline(*asked, **how):
        raise OSError("no connection\nto anything")

    monkeypatch.setattr(open_clip, "get_tokenizer", offline)
    with pytest.raises(
        Failed,
        match=(
            "The tokenizer of tiny-clip could not be loaded: no connection to anything. Save the model with it as a "
            "folder"
        ),
    ):
        clip.texts(["a"])
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(
        BadParameter, match="The tokenizer of ViT-B-16-SigLIP2 needs one more library: pip install transformers."
    ):
        clip_weights._tokenizer("ViT-B-16-SigLIP2")


def test_weights_from_a_tag_keep_the_activation_they_were_trained_with(monkeypatch):
    as_files = []
    monkeypatch.setattr(clip_weights, "_downloaded", lambda name, config, as_file: as_files.append(as_file))
    assert clip_weights._resolve("ViT-B/32", "openai") == (
        "ViT-B-32",
        {"pretrained": "openai", "force_quick_gelu": True},
        None,
    )
    assert clip_weights._resolve("ViT-B-32", "laion2b_s34b_b79k")[1]["force_quick_gelu"] is False
    assert as_files == ["ViT-B-32-quickgelu", None]  # which model to name when they are given as a file
    siglip = clip_weights._as_trained("ViT-B-16-SigLIP", open_clip.list_pretrained_tags_by_model("ViT-B-16-SigLIP"))
    assert (siglip["image_mean"], siglip["image_resize_mode"]) == ((0.5, 0.5, 0.5), "squash")
    assert (
        clip_weights._as_trained("ViT-L-14", open_clip.list_pretrained_tags_by_model("ViT-L-14")) == {}
    )  # its weights differ, so open_clip's default


def test_loading_leaves_the_logs_as_they_were(tiny, capfd):
    import logging

    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    clip_weights._loaded.cache_clear()
    values(ClipImage(**tiny), 1)
    assert (root.level, list(root.handlers)) == before
    assert capfd.readouterr().err == ""


def test_files_lie_under_an_allowed_root(workspace, photos):
    pool = add_pool(workspace, "ph", str(photos), "images")
    for asked in ({"pretrained": "/etc/passwd.pt", "model": "ViT-B-32"}, {"model": "/etc"}):
        with pytest.raises(BadRequest, match="outside the allowed folders"):
            computation.compute_feature(workspace, pool, computation.declared_feature("clip_image", **asked))
    assert workspace.folders("features") == []
