"""What timm, torch, open_clip and DuckDB refuse is one line of ours, and nobody is told how far it is before."""

import re

import pytest

from datasel_core.__main__ import main
from datasel_core.actions.add_pool import add_pool
from datasel_core.features.models import vit_tokens
from datasel_core.runs import engine, reproduction
from datasel_core.runs.spec import Spec

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

TEXT = b"no weights\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def pool(workspace, photos):
    return add_pool(workspace, "p", str(photos), "images")


@pytest.fixture
def refused(workspace, capfd):
    """The lines on stderr of a command that was refused; nothing stands on stdout, and no line is of a library."""

    def call(*words, code=2):
        capfd.readouterr()
        assert main([str(word) for word in words]) == code
        out, err = capfd.readouterr()
        assert out == ""
        assert "Traceback" not in err
        assert "It broke" not in err
        return err.splitlines()

    return call


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(3)
    torch.save(timm.create_model("test_vit", pretrained=False, img_size=64).state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


MODELS = {
    "vit_smal_patch16_224": "There is no timm model called vit_smal_patch16_224. Did you mean vit_small_patch16_224?",
    "": "There is no timm model called",
    "/somewhere/model": "There is no timm model called /somewhere/model.",
    "hf-hub:somebody/model": "There is no timm model called hf-hub:somebody/model.",
    "vit_tiny_patch16_224.nonsense": "timm cannot build vit_tiny_patch16_224.nonsense: Invalid pretrained tag",
    "resnet18": "resnet18 cannot be built for photos of 64 x 64 pixels; choose a plain vision transformer, such as",
    "mixer_s32_224": "mixer_s32_224 is no vision transformer with blocks of tokens; choose one such as",
    "xcit_nano_12_p8_224": "xcit_nano_12_p8_224 is no vision transformer with blocks of tokens; choose one such as",
    "tnt_s_patch16_224": "tnt_s_patch16_224 is no vision transformer with blocks of tokens; choose one such as",
    "naflexvit_base_patch16_gap": "naflexvit_base_patch16_gap is no vision transformer with blocks of tokens;",
    "vit_tiny_patch16_224": "w.pth does not fit vit_tiny_patch16_224: its vectors have 64 numbers, not 192",
}


@pytest.mark.parametrize("model", MODELS)
def test_a_model_that_cannot_be_had(pool, weights, refused, model):
    words = ["--set", f"model={model}", "--set", f"weights={weights}", "--set", "image_px=64", "--set", "device=cpu"]
    (line,) = refused("feature", "compute", "p", "vit_embedding", *words)
    assert line.startswith(MODELS[model])


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [TEXT, b"", PNG, b"\x80\x02}q\x00."], ids=["text", "empty", "picture", "nothing"])
def test_a_file_that_holds_no_weights(pool, tmp_path, refused, name, content, recwarn):
    (tmp_path / name).write_bytes(content)
    words = ["--set", "model=test_vit", "--set", f"weights={tmp_path / name}", "--set", "image_px=64"]
    (line,) = refused("feature", "compute", "p", "vit_embedding", *words, "--set", "device=cpu")
    assert line.startswith(f"{name} cannot be read as weights: it is cut off, damaged or of another kind; give a") or (
        line == f"{name} holds no state dict: names of weights and their tensors."
    )
    assert [one for one in recwarn if issubclass(one.category, UserWarning)] == []


def broken(error):
    def work(*_):
        raise error

    return work


def shapes(*_):
    return torch.zeros(2, 3) @ torch.zeros(4, 5)


def memory(*_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nSee the manual")


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (
            shapes,
            r"torch refused it \(mat1 and mat2 shapes cannot be multiplied \(2x3 and 4x5\)\). Take another model,",
        ),
        (memory, r"there was not enough memory. Take fewer samples at a time \(--set batch=1\), a smaller model,"),
        (broken(MemoryError()), r"there was not enough memory. Take fewer samples at a time"),
    ],
)
def test_what_happens_in_the_midst_of_it(pool, weights, refused, monkeypatch, work, said):
    monkeypatch.setattr(vit_tokens, "whole", work)
    words = ["--set", "model=test_vit", "--set", f"weights={weights}", "--set", "image_px=64", "--set", "device=cpu"]
    (line,) = refused("feature", "compute", "p", "vit_embedding", *words, code=1)
    assert re.match(f"Embedding of a vision transformer could not be computed for p: {said}", line)


def test_a_fault_of_this_program_is_no_refusal_of_a_library(pool, weights, workspace, monkeypatch, capfd):
    monkeypatch.setattr(vit_tokens, "whole", broken(ZeroDivisionError("ours")))
    words = ["--set", "model=test_vit", "--set", f"weights={weights}", "--set", "image_px=64", "--set", "device=cpu"]
    assert main(["feature", "compute", "p", "vit_embedding", *words]) == 1
    assert capfd.readouterr().err.startswith("It broke (ZeroDivisionError: ours). The log is ")


def test_how_far_it_is_is_told_once_it_goes_on(pool, weights, workspace, capfd):
    words = ["--set", "model=test_vit", "--set", f"weights={weights}", "--set", "image_px=64", "--set", "device=cpu"]
    assert main(["feature", "compute", "p", "vit_embedding", *words]) == 0
    assert "computing embedding of a vision transformer: " in capfd.readouterr().err


@pytest.mark.parametrize("setting", ["model=nothing-like-it", "pretrained=nothing", "pretrained=FILE"])
def test_a_clip_model_that_cannot_be_had(pool, tmp_path, refused, setting):
    (tmp_path / "w.pt").write_bytes(TEXT)
    model = [] if setting.startswith("model") else ["--set", "model=ViT-B-32"]
    words = [*model, "--set", setting.replace("FILE", str(tmp_path / "w.pt")), "--set", "device=cpu"]
    (line,) = refused("feature", "compute", "p", "clip_image", *words)
    assert line.startswith(("There is no ", "w.pt cannot be read as weights: ", "There is no weights"))


def test_a_language_model_that_cannot_be_built_is_refused_before_any_text_is_read(workspace, tmp_path, refused):
    (tmp_path / "t.jsonl").write_text('{"prompt": "a", "response": "b"}\n' * 3)
    add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    (line,) = refused("feature", "compute", "t", "loss_trajectory", "--set", "width=100")
    assert line == "width is 100; it must be a multiple of eight times the heads (24)."


WHERES = {
    "width > ": "does not work (",
    "width = 'a'": "does not work (Could not convert string 'a'",
    'cast("group" as integer) > 3': "does not work (Could not convert string",
    "cast(\"group\" as date) > date '2020-01-01'": "does not work (invalid date field format",
    "json_extract(\"group\", '$.x') = 1": "does not work (",
    "regexp_matches(\"group\", '[')": "does not work (missing ]",
}


@pytest.mark.parametrize("where", WHERES)
def test_a_filter_that_duckdb_refuses(pool, refused, where):
    (line,) = refused("select", "p", "random", "--budget", 3, "--where", where)
    assert line.startswith("--where ")
    assert WHERES[where] in line
    assert "give one condition on the columns" in line
    assert not re.search(r"\b[A-Z]\w+( \w+)* Error: ", line)


def test_a_table_that_arrow_refuses_is_a_damaged_selection(workspace, pool):
    run = engine.select(workspace, Spec(pool="p", method="random", budget="3"))
    for content in (b"", b"PAR1" + bytes(40) + b"PAR1", TEXT):
        (run.folder / "selection.parquet").write_bytes(content)
        with pytest.raises(ValueError, match="is damaged and cannot be run again: selection.parquet was changed"):
            reproduction.reproduce(workspace, run.folder)
