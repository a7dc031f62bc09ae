"""Declarations, the registry and the floors."""

import ast
import subprocess
import sys
from pathlib import Path
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


FLOORS = [
    {"errors", "version"},
    {"declare", "progress", "ragged", "turns", "threads"},
    {"registry"},
    {"selection"},
    {"store", "neighbors"},
    {"pools", "features", "methods", "metrics", "manifest", "review"},
    {"exports", "projection", "probes", "roles", "candidates", "question", "importing"},
    {"target", "measure", "curve", "clusters", "probe", "explain"},
    {"planning", "scores", "serving"},
    {"making", "engine"},
    {"combine", "recipes"},
    {"doings"},
    {"jobs", "api", "again"},
    {"commands", "__init__"},
    {"__main__"},
]
"""The floors of the house, with the storeys inside the upper ones written out."""
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
LAZY = {
    "torch",
    "timm",
    "open_clip",
    "transformers",
    "tokenizers",
    "sentence_transformers",
    "accelerate",
    "faiss",
    "umap",
    "sklearn",
    "numba",
}
SOURCES = sorted((ROOT / "datasel_core").rglob("*.py"))


def imports(path: Path, top_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {
                f"{node.module}.{alias.name}" for alias in node.names if node.module == "datasel_core"
            }
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_imports_only_from_lower_floors_or_its_own_package(path):
    own = path.relative_to(ROOT / "datasel_core").parts[0].removesuffix(".py")
    assert own in FLOOR, f"{own} stands on no floor"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "datasel_core" or len(parts) < 2:
            continue
        other = parts[1]
        if other in FLOOR and other != own:
            assert FLOOR[other] < FLOOR[own], f"{own} (floor {FLOOR[own]}) imports {other} (floor {FLOOR[other]})"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_core_never_knows_the_screen_and_imports_heavy_libraries_late(path):
    assert not {name.split(".")[0] for name in imports(path)} & {"streamlit", "plotly", "pages"}
    assert not {name.split(".")[0] for name in imports(path, top_only=True)} & LAZY
    if path.name != "neighbors.py":
        assert "faiss" not in imports(path)
    if path.name != "projection.py":
        assert not {name.split(".")[0] for name in imports(path)} & {"umap"}


def test_methods_are_pure():
    for path in (ROOT / "datasel_core" / "methods").glob("*.py"):
        assert not {name.split(".")[1] for name in imports(path) if name.startswith("datasel_core.")} & {
            "pools",
            "features",
            "store",
        }


def test_listing_methods_imports_nothing_heavy():
    heavy = "{'torch', 'transformers', 'tokenizers', 'faiss', 'umap', 'sklearn', 'timm', 'streamlit'}"
    code = (
        f"import sys; from datasel_core.__main__ import main; main(['methods', '--json']); sys.exit(bool({heavy} & "
        "set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_files_stay_small():
    assert {path.name: lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > 260} == {}


def test_style():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
