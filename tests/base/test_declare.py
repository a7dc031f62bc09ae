"""Declarations and the registry."""

import subprocess
import sys
from typing import Literal

import pytest

from datasel_core.base import registry
from datasel_core.base.declare import HOW, Declared, Field
from datasel_core.errors import BadParameter, UnknownName
from tests.conftest import ROOT


class Example(Declared):
    """An example."""

    metric: Literal["cosine", "euclidean"] = "cosine"
    k: int = Field(5, ge=1)
    share: float = 0.5
    first: int | None = None
    flag: bool = True
    block: int = Field(64, json_schema_extra=HOW)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"metrc": "cosine"}, "has no parameter metrc. Did you mean metric?"),
        ({"metric": "manhattan"}, "metric is 'manhattan'; it must be 'cosine' or 'euclidean'."),
        ({"k": True}, "k is True; it must be a valid integer."),
        ({"k": 2.0}, "k is 2.0; it must be a valid integer."),
        ({"k": 0}, "k is 0; it must be greater than or equal to 1."),
        ({"share": float("nan")}, "share is nan; it must be a finite number."),
    ],
)
def test_a_wrong_parameter_is_one_clear_line(params, message):
    with pytest.raises(BadParameter) as error:
        Example(**params)
    assert str(error.value).endswith(message)
    assert "\n" not in str(error.value)


def test_parameters_from_words():
    parsed = Example.parse({"k": "7", "first": "none", "flag": "false", "share": "0.25"})
    assert (parsed.k, parsed.first, parsed.flag, parsed.share) == (7, None, False, 0.25)
    with pytest.raises(BadParameter, match="k is 'seven'"):
        Example.parse({"k": "seven"})


def test_what_decides_is_apart_from_how():
    assert Example(block=1).what() == Example(block=2).what()
    assert Example(k=1).what() != Example(k=2).what()
    assert Example(block=9).how() == {"block": 9}


def test_declarations_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Example().k = 3


def test_unknown_names_say_the_nearest():
    with pytest.raises(UnknownName, match="There is no method called k_centre. Did you mean k_center?"):
        registry.find("method", "k_centre")


@pytest.mark.parametrize("kind", registry.PACKAGES)
def test_everything_declared_has_id_version_title_and_docstring(kind):
    for id, one in registry.every(kind).items():
        assert one.id == id
        assert one.version >= 1
        assert one.title
        assert one.summary()


def test_listing_methods_imports_nothing_heavy():
    heavy = "{'torch', 'transformers', 'tokenizers', 'faiss', 'umap', 'sklearn', 'timm', 'streamlit'}"
    code = (
        f"import sys; from datasel_core.__main__ import main; main(['methods', '--json']); sys.exit(bool({heavy} & "
        "set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
