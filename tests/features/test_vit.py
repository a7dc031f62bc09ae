"""Vision transformers of timm with random weights on disk: tokens and attention against timm's own, and every
refusal.
"""

import pickle
import socket
import urllib.request

import numpy as np
import pytest
from PIL import Image

from datasel_core.actions.add_pool import add_pool
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadParameter, BadRequest, DataselError, Failed, UnknownName
from datasel_core.features import computation
from datasel_core.features.encoders.vit import OFFERED, VitEmbedding, VitPatterns
from datasel_core.features.feature import Source, Unreadable
from tests.oracles import patterns as oracle

timm = pytest.importorskip("timm")
torch = pytest.importorskip("torch")

# plain; register tokens and layer scale; two prefix tokens; average pooling, so that the final norm has another name
WITH_CLASS_TOKEN = [
    "vit_tiny_patch16_224",
    "vit_small_patch14_reg4_dinov2",
    "deit_tiny_distilled_patch16_224",
    "test_vit",
]


def random_weights(folder, name: str, px: int) -> str:
    """A safetensors file of random weights, far from the near-uniform attention of fresh ones."""
    from safetensors.torch import save_file

    torch.manual_seed(3)
    model = timm.create_model(name, pretrained=False, img_size=px)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.15 * torch.randn_like(weight))
    save_file(model.state_dict(), folder / f"{name}.safetensors")
    return str(folder / f"{name}.safetensors")


def photo(row: int) -> Image.Image:
    small = np.random.default_rng(row).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((90, 70), Image.Resampling.BICUBIC)


def source_of(n: int, broken: tuple[int, ...] = ()) -> Source:
    def image(row: int, at_least: int | None = None) -> Image.Image:
        if row in broken:
            raise Unreadable("the file is cut off")
        return photo(row)

    return Source(n, image=image)


def by_timm(name: str, weights: str, px: int, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F, a and the class token of one photo: timm's whole forward pass, watched by hooks, with attention that is not
    fused.
    """
    from safetensors.torch import load_file

    model = timm.create_model(name, pretrained=False, num_classes=0, img_size=px).eval()
    model.load_state_dict({key: value for key, value in load_file(weights).items() if not key.startswith("head")})
    seen = {}
    model.blocks[-1].attn.fused_attn = False
    model.blocks[-1].attn.attn_drop.register_forward_hook(lambda module, given, out: seen.update(attention=out))
    model.blocks[-2].register_forward_hook(lambda module, given, out: seen.update(tokens=out))
    config = model.pretrained_cfg
    pixels = (
        np.asarray(photo(row).resize((px, px), Image.Resampling[config["interpolation"].upper()]), dtype=np.float32)
        / 255
    )
    pixels = (pixels - np.float32(config["mean"])) / np.float32(config["std"])
    with torch.no_grad():
        final = model.forward_features(torch.from_numpy(pixels.transpose(2, 0, 1))[None])
        tokens = model.norm(seen["tokens"])[0, model.num_prefix_tokens :].numpy()
    return tokens, oracle.class_attention(seen["attention"][0].numpy(), model.num_prefix_tokens), final[0, 0].numpy()


@pytest.mark.parametrize("name", WITH_CLASS_TOKEN)
def test_tokens_and_attention_are_those_of_timm(tmp_path, name):
    px = 56 if "patch14" in name else 64
    weights = random_weights(tmp_path, name, px)
    feature = VitPatterns(
        model=name, weights=weights, image_px=px, tau=0.6, k=127, device="cpu"
    )  # more patterns than patches: they are F itself
    (block,) = feature.blocks(source_of(3), np.arange(3), {})
    assert feature.describe() == {"grid": 4}
    for row in range(3):
        patches, attention, _ = by_timm(name, weights, px, row)
        assert attention.max() > 1.5 * attention.min()  # or the comparison would say little
        np.testing.assert_allclose(block.extra["saliency"][row], attention, rtol=2e-3, atol=1e-5)
        labels = block.extra["patch_labels"][row]
        assert np.flatnonzero(labels >= 0).tolist() == oracle.kept(attention.tolist(), 0.6)
        kept = np.flatnonzero(labels >= 0)
        np.testing.assert_allclose(block.values[row][labels[kept]], patches[kept], rtol=1e-3, atol=1e-4)


def test_position_embeddings_of_another_size_are_resized(tmp_path):
    weights = random_weights(tmp_path, "vit_tiny_patch16_224", 64)
    feature = VitPatterns(model="vit_tiny_patch16_224", weights=weights, image_px=96, device="cpu")
    (block,) = feature.blocks(source_of(1), np.arange(1), {})
    assert feature.describe() == {"grid": 6}
    assert block.extra["saliency"].shape == (1, 36)


def test_dinov2_has_16_patches_a_side_and_dino_14():
    assert [VitPatterns(model=name).describe() for name in OFFERED] == [{"grid": 14}, {"grid": 16}]


@pytest.mark.parametrize("feature", [VitPatterns, VitEmbedding])
def test_the_batch_changes_nothing_and_unreadable_photos_are_listed(tmp_path, feature):
    weights = random_weights(tmp_path, "test_vit", 64)

    def computed(batch: int) -> list:
        one = feature(model="test_vit", weights=weights, image_px=64, batch=batch, device="cpu")
        return list(one.blocks(source_of(7, broken=(2,)), np.arange(7), one.fit(source_of(7), Progress())))

    (whole,), parts = computed(32), computed(2)
    assert (
        [pair for block in parts for pair in block.unreadable] == list(whole.unreadable) == [(2, "the file is cut off")]
    )
    values = [block.values if feature is VitEmbedding else block.values.values for block in [whole, *parts]]
    np.testing.assert_array_equal(values[0], np.concatenate(values[1:]))


def test_embeddings_are_the_class_token_or_what_the_model_pools(tmp_path):
    weights = random_weights(tmp_path, "vit_tiny_patch16_224", 64)
    cls, pooled = (
        next(
            iter(
                VitEmbedding(
                    model="vit_tiny_patch16_224", weights=weights, image_px=64, pooling=pooling, device="cpu"
                ).blocks(source_of(2), np.arange(2), {})
            )
        )
        for pooling in ("cls", "model")
    )
    np.testing.assert_allclose(cls.values[1], by_timm("vit_tiny_patch16_224", weights, 64, 1)[2], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(cls.values, pooled.values, rtol=1e-5)  # this model pools by its class token
    weights = random_weights(tmp_path, "test_vit2", 64)
    (block,) = VitEmbedding(model="test_vit2", weights=weights, image_px=64, pooling="model", device="cpu").blocks(
        source_of(2), np.arange(2), {}
    )
    model = timm.create_model("test_vit2", pretrained=False, num_classes=0, img_size=64).eval()
    assert block.values.shape == (2, model.num_features)


def test_saliency_without_attention_works_on_models_without_a_class_token(tmp_path):
    weights = random_weights(tmp_path, "test_vit2", 64)
    (block,) = VitPatterns(
        model="test_vit2", weights=weights, image_px=64, saliency="norm", tau=1.0, k=127, device="cpu"
    ).blocks(source_of(1), np.arange(1), {})
    np.testing.assert_allclose(
        np.linalg.norm(block.values[0], axis=1) / np.linalg.norm(block.values[0], axis=1).sum(),
        np.sort(block.extra["saliency"][0])[::-1],
        rtol=2e-3,
    )


def encode(feature) -> None:
    list(feature.blocks(source_of(1), np.arange(1), {}))


def test_impossible_questions_name_the_remedy(tmp_path):
    weights = random_weights(tmp_path, "test_vit2", 64)
    asked = {"model": "test_vit2", "weights": weights, "image_px": 64, "device": "cpu"}
    with pytest.raises(BadParameter, match="test_vit2 has no class token to look at; use saliency=norm."):
        encode(VitPatterns(**asked))
    with pytest.raises(BadParameter, match="test_vit2 has no class token to look at; use pooling=model."):
        encode(VitEmbedding(**asked))
    with pytest.raises(
        BadParameter, match="image_px is 65; test_vit2 has patches of 16 pixels, so it must be a multiple of 16."
    ):
        encode(VitPatterns(**{**asked, "image_px": 65}))
    with pytest.raises(
        UnknownName, match="There is no timm model called vit_smal_patch16_224. Did you mean vit_small_patch16_224?"
    ):
        encode(VitPatterns(**{**asked, "model": "vit_smal_patch16_224"}))
    with pytest.raises(BadParameter, match=r"timm cannot build vit_small_patch16_224.dinoo: Invalid pretrained tag"):
        encode(VitPatterns(**{**asked, "model": "vit_small_patch16_224.dinoo"}))
    with pytest.raises(
        BadParameter, match="resnet18 cannot be built for photos of 64 x 64 pixels; choose a plain vision transformer"
    ):
        encode(VitPatterns(**{**asked, "model": "resnet18"}))
    with pytest.raises(BadParameter, match="device is"):
        VitPatterns(device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(BadParameter, match="device is cuda; this machine has: cpu"):
            encode(VitPatterns(**{**asked, "device": "cuda"}))


def test_attention_of_another_kind_is_refused(tmp_path):
    name = "eva02_tiny_patch14_224"
    weights = random_weights(tmp_path, name, 56)
    with pytest.raises(
        BadParameter, match=f"The attention of {name} is of a kind that cannot be read; use saliency=norm."
    ):
        encode(VitPatterns(model=name, weights=weights, image_px=56, device="cpu"))
    encode(VitPatterns(model=name, weights=weights, image_px=56, saliency="norm", device="cpu"))


class Harmful:
    def __reduce__(self):
        return (print, ("this code ran while loading",))


def test_weights_that_could_run_code_are_refused_and_do_not_run(tmp_path, capsys):
    path = tmp_path / "weights.pth"
    torch.save({"model": {"a": torch.zeros(1)}, "args": Harmful()}, path)
    with pytest.raises(
        BadInput,
        match=(
            "weights.pth holds more than weights, and loading it could run code; save its weights alone, as "
            "safetensors or a state dict."
        ),
    ):
        encode(VitPatterns(model="test_vit", weights=str(path), image_px=64, device="cpu"))
    path.write_bytes(pickle.dumps(Harmful(), protocol=2))
    with pytest.raises(BadInput, match="weights.pth"):
        encode(VitPatterns(model="test_vit", weights=str(path), image_px=64, device="cpu"))
    assert "this code ran" not in capsys.readouterr().out


def test_weights_that_do_not_fit_are_refused(tmp_path):
    asked = {"model": "test_vit", "image_px": 64, "device": "cpu"}
    with pytest.raises(BadInput, match="There is no weights file"):
        VitPatterns(**asked, weights=str(tmp_path / "none.pth")).depends()
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(BadInput, match="torn.safetensors cannot be read as weights"):
        encode(VitPatterns(**asked, weights=str(torn)))
    with pytest.raises(BadInput, match="vit_tiny_patch16_224.safetensors does not fit test_vit"):
        encode(VitPatterns(**asked, weights=random_weights(tmp_path, "vit_tiny_patch16_224", 64)))
    numbers = tmp_path / "numbers.pth"
    torch.save({"epoch": 3}, numbers)
    with pytest.raises(BadInput, match="numbers.pth holds no state dict: names of weights and their tensors."):
        encode(VitPatterns(**asked, weights=str(numbers)))
    few = tmp_path / "few.pth"
    torch.save({"cls_token": torch.zeros(1, 1, 64), "pos_embed": torch.zeros(1, 17, 64)}, few)
    with pytest.raises(
        BadInput, match="few.pth does not fit test_vit: it lacks [0-9]+ of its weights, patch_embed.proj.weight first."
    ):
        encode(VitPatterns(**asked, weights=str(few)))


def made_up(folder, name: str, **changed) -> str:
    """A file with the names and shapes of a model's weights and one number in each. changed: name -> shape, None to
    leave it out; __ for a dot.
    """
    with torch.device("meta"):
        shapes = {
            key: value.shape
            for key, value in timm.create_model(name, pretrained=False, num_classes=0).state_dict().items()
        }
    shapes |= {key.replace("__", "."): shape for key, shape in changed.items()}
    torch.save(
        {key: torch.zeros(()).expand(shape) for key, shape in shapes.items() if shape is not None}, folder / "w.pth"
    )
    return str(folder / "w.pth")


DINO, DINOV2 = OFFERED
S16, S14, S14_REG = "vit_small_patch16_224", "vit_small_patch14_dinov2", "vit_small_patch14_reg4_dinov2"
T16_DIST = "deit_tiny_distilled_patch16_224"
NO_PLACE = ", for which that model has no place"
GAMMAS = {"blocks__3__ls1__gamma": (384,), "blocks__4__ls1__gamma": (384,)}
FITS_ANOTHER = [
    (DINO, S14, {}, "its patches have 14 pixels a side, not 16", S14),
    (DINO, S14, {"mask_token": (1, 384)}, "its patches have 14 pixels a side, not 16", S14),
    (DINO, "vit_small_patch8_224", {}, "its patches have 8 pixels a side, not 16", "vit_small_patch8_224.dino"),
    (DINO, "vit_tiny_patch16_224", {}, "its vectors have 192 numbers, not 384", "vit_tiny_patch16_224"),
    (DINOV2, S14_REG, {}, f"it has reg_token{NO_PLACE}", S14_REG),
    (S14_REG, S14, {}, "it has no reg_token", S14),
    (DINOV2, S16, {}, "its patches have 16 pixels a side, not 14", DINO),
    (DINOV2, S16, {"head__weight": (9, 384)}, "its patches have 16 pixels a side, not 14", S16),
    ("vit_tiny_patch16_224", T16_DIST, {}, f"it has dist_token{NO_PLACE}", T16_DIST),
    (DINO, S16, {"blocks__12__norm1__weight": (384,)}, "it has 13 blocks, not 12", None),
    (DINO, S16, GAMMAS, f"it has blocks.3.ls1.gamma and 1 more{NO_PLACE}", None),
    (DINO, S16, {"norm_pre__weight": (384,)}, f"it has norm_pre.weight{NO_PLACE}", None),
    (DINO, S16, {"norm__bias": None}, "it lacks 1 of its weights, norm.bias first", None),
]


@pytest.mark.parametrize(("asked", "given", "changed", "why", "like"), FITS_ANOTHER)
def test_weights_of_another_model_are_refused_and_the_model_they_fit_is_named(
    tmp_path, asked, given, changed, why, like
):
    """Each of these would load: what does not fit is resized, or left out, without a word."""
    px = 56 if "patch14" in asked else 64
    with pytest.raises(BadInput) as caught:
        encode(VitEmbedding(model=asked, weights=made_up(tmp_path, given, **changed), image_px=px, device="cpu"))
    hint = f"; it looks like {like}: --set model={like}" if like else ""
    assert str(caught.value) == f"w.pth does not fit {asked}: {why}{hint}."


def test_registers_as_they_were_published_are_recognised(tmp_path):
    changed = {"mask_token": (1, 384), "reg_token": None, "register_tokens": (1, 4, 384), "pos_embed": (1, 1370, 384)}
    weights = made_up(tmp_path, "vit_small_patch14_reg4_dinov2", **changed)
    with pytest.raises(
        BadInput, match="it has reg_token, for which .*; it looks like vit_small_patch14_reg4_dinov2: --set"
    ):
        encode(VitEmbedding(model=DINOV2, weights=weights, image_px=56, device="cpu"))
    encode(VitEmbedding(model="vit_small_patch14_reg4_dinov2", weights=weights, image_px=56, device="cpu"))


def test_what_lies_outside_the_encoder_does_no_harm(tmp_path):
    from safetensors.torch import load_file, save_file

    plain = random_weights(tmp_path, "test_vit", 64)
    more = (
        "mask_token",
        "head.mlp.0.weight",
        "fc.weight",
        "decoder_embed.weight",
        "decoder_blocks.0.attn.qkv.weight",
        "decoder_pos_embed",
        "fc_norm.bias",
    )
    save_file({**load_file(plain), **{key: torch.ones(3) for key in more}}, tmp_path / "more.safetensors")
    asked = {"model": "test_vit", "image_px": 64, "device": "cpu"}
    blocks = [
        next(iter(VitEmbedding(**asked, weights=str(path)).blocks(source_of(1), np.arange(1), {})))
        for path in (plain, tmp_path / "more.safetensors")
    ]
    np.testing.assert_array_equal(blocks[0].values, blocks[1].values)


def test_a_training_checkpoint_is_unwrapped(tmp_path):
    from safetensors.torch import load_file

    weights = random_weights(tmp_path, "test_vit", 64)
    wrapped = tmp_path / "checkpoint.pth"
    torch.save(
        {"teacher": {f"module.backbone.{key}": value for key, value in load_file(weights).items()}, "epoch": 7}, wrapped
    )
    a, b = (
        next(
            iter(
                VitPatterns(model="test_vit", weights=path, image_px=64, device="cpu").blocks(
                    source_of(1), np.arange(1), {}
                )
            )
        )
        for path in (weights, str(wrapped))
    )
    np.testing.assert_array_equal(a.values.values, b.values.values)


def test_the_key_follows_the_content_of_the_weights(tmp_path):
    import hashlib

    path = tmp_path / "w.safetensors"
    path.write_bytes(b"weights")
    assert VitPatterns(weights=str(path)).depends() == {"weights_sha256": hashlib.sha256(b"weights").hexdigest()}
    assert VitEmbedding().depends() == {}


@pytest.mark.parametrize("reaches", [False, True])
def test_without_a_network_one_line_says_what_to_do(tmp_path, monkeypatch, reaches):
    from huggingface_hub import constants

    def no_name(*asked):
        raise OSError("Name or service not known")

    real = timm.create_model

    def no_hub(*asked, pretrained=False, **how):
        if pretrained:
            raise OSError("the hub is away\nand more lines\nand more")
        return real(*asked, pretrained=pretrained, **how)

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    monkeypatch.setattr(socket, "getaddrinfo", (lambda *asked: []) if reaches else no_name)
    monkeypatch.setattr(timm, "create_model", no_hub)
    why = "the hub is away and more lines" if reaches else "no network reaches the hub"
    with pytest.raises(Failed) as caught:
        encode(VitPatterns(device="cpu"))
    assert str(caught.value) == (
        f"The weights of {OFFERED[0]} could not be downloaded: {why}. Get them on a machine with a network and give "
        "their file: weights=PATH."
    )
    assert isinstance(caught.value, DataselError)


def test_weights_lie_under_an_allowed_root(workspace, photos):
    pool = add_pool(workspace, "ph", str(photos), "images")
    with pytest.raises(BadRequest, match="outside the allowed folders"):
        computation.compute_feature(
            workspace, pool, computation.declared_feature("vit_patterns", weights="/etc/passwd")
        )
    assert workspace.folders("features") == []
