"""The rules of the house, held by tests: floors, private names, where a thing is named, size and form."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from datasel_core.base import role
from tests.conftest import ROOT

CORE = ROOT / "datasel_core"
FLOORS = [
    {"errors", "version"},
    {"base"},
    {"workspace", "vectors"},
    {"pools", "methods"},
    {"features"},
    {"analysis"},
    {"runs"},
    {"probes", "exports", "review", "labels"},
    {"evidence"},
    {"costs"},
    {"rounds", "stages"},
    {"actions"},
    {"worker", "api"},
    {"cli", "__init__"},
    {"__main__"},
]
"""From the ground up: a file imports only from lower floors, or from its own folder."""
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
ROOT_FILES = {"__init__.py", "__main__.py", "api.py", "errors.py", "version.py", "worker.py"}
LAZY = {
    "torch",
    "timm",
    "open_clip",
    "transformers",
    "tokenizers",
    "sentence_transformers",
    "accelerate",
    "peft",
    "faiss",
    "umap",
    "sklearn",
    "numba",
    "statsmodels",
    "pyproj",
    "xarray",
    "netCDF4",
    "cftime",
    "zarr",
}
DECLARATIONS = {
    "datasel_core/methods",
    "datasel_core/features/encoders",
    "datasel_core/exports",
    "datasel_core/actions",
    "pages",
}
"""Folders that hold as many files as there are declared things."""
SOURCES = sorted(CORE.rglob("*.py"))
PAGES = sorted((ROOT / "pages").rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, top_only: bool = False) -> set[str]:
    """Full names of everything that a file imports."""
    found = set()
    for node in tree(path).body if top_only else ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def libraries(path: Path, top_only: bool = False) -> set[str]:
    return {name.split(".")[0] for name in imports(path, top_only)}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_file_imports_only_from_lower_floors_or_its_own_folder(path):
    own = path.relative_to(CORE).parts[0].removesuffix(".py")
    assert own in FLOOR, f"{own} stands on no floor"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "datasel_core" and len(parts) > 1 and parts[1] in FLOOR and parts[1] != own:
            assert FLOOR[parts[1]] < FLOOR[own], f"{own} (floor {FLOOR[own]}) imports {name}"


@pytest.mark.parametrize("path", [*SOURCES, *PAGES], ids=named)
def test_private_is_private(path):
    """What begins with an underscore is imported only by the package that it lies in."""
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for name in imports(path):
        parts = name.split(".")
        if parts[0] not in ("datasel_core", "pages"):
            continue
        for at, part in enumerate(parts):
            if part.startswith("_") and not part.startswith("__"):
                assert package[:at] == parts[:at], f"{named(path)} imports {name}"


def test_the_front_door_opens_the_pages_kit_only():
    theirs = {name for name in imports(ROOT / "app.py") if name.startswith("pages.")}
    assert {".".join(name.split(".")[:3]) for name in theirs} == {"pages._ui.kit"}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_the_core_never_knows_the_screen_and_imports_heavy_libraries_late(path):
    assert not libraries(path) & {"streamlit", "plotly", "pages"}
    assert not libraries(path, top_only=True) & LAZY
    if path.parent.name != "vectors":
        assert "faiss" not in libraries(path)
    if path.name != "projection.py":
        assert "umap" not in libraries(path)


@pytest.mark.parametrize("path", sorted((CORE / "methods").rglob("*.py")), ids=named)
def test_methods_are_pure(path):
    rooms = {name.split(".")[1] for name in imports(path) if name.startswith("datasel_core.")}
    assert not rooms & {"pools", "features", "workspace"}


def test_no_module_rests_on_a_private_function_of_a_library():
    """`torch._int_mm` once gave garbage for a shape that nobody had tried."""
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr) and isinstance(node.value, ast.Name):
                assert node.value.id not in {"torch", "np", "faiss", "umap", "duckdb", "pa", "pq", "numba"}, named(path)


def test_no_loop_without_a_bound():
    for path in SOURCES:
        endless = [
            node.lineno
            for node in ast.walk(tree(path))
            if isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value
        ]
        assert not endless, f"{named(path)}: while True in line {endless[0]}"


def test_what_went_wrong_is_drawn_in_one_place():
    """An error quotes names and paths of strangers; `markdown.trouble` lets none of them be Markdown."""
    for path in PAGES:
        if path.name != "markdown.py":
            assert not re.search(r"\bst\.error\(", path.read_text(encoding="utf-8")), named(path)


def test_a_role_is_named_where_it_is_declared():
    """Its name stands once, in quotes, where it is declared; methods and probes ask for roles by name. Words that mean
    other things too (`text`, `image`, `loss`) cannot be told apart, and are left out.
    """
    telling = {"embedding", "patterns", "loss_trajectory", "learnability", "forgetting", "ngrams", "patches"}
    assert telling < role.roles().keys()
    places = {}
    for path in [*SOURCES, *PAGES]:
        if path.is_relative_to(CORE / "methods") or path.is_relative_to(CORE / "probes"):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and node.value in telling and not _declares(path, node):
                places.setdefault(node.value, []).append(f"{named(path)}:{node.lineno}")
    assert places == {}


def _declares(path: Path, constant: ast.Constant) -> bool:
    """Whether a constant is the name in a `Role(...)` or the id of a declared feature."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and node.args and node.args[0] is constant:
            return getattr(node.func, "id", "") in {"Role", "feature"}
    return False


def test_the_root_and_the_rooms_stay_small():
    assert {path.name for path in CORE.glob("*.py")} == ROOT_FILES
    for folder in sorted({path.parent for path in [*SOURCES, *PAGES]} - {CORE}):
        many = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(many) <= 13 or named(folder) in DECLARATIONS, f"{named(folder)}: {len(many)}"


def test_files_stay_small():
    long = {named(path): len(path.read_text().splitlines()) for path in [*SOURCES, *PAGES]}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}


def test_style():
    for command in (["check", "."], ["format", "--check", "."]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
