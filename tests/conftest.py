"""Fixtures shared by all tests: a workspace of its own for each, small photos, arrays."""

import ast
import contextlib
import ctypes
import gc
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Two processes test on two cores: threads of torch and BLAS that spin for one another would take the time of all.
# Subprocesses keep it; tests of threads say their own number. numba's would be torch's too, from the first map on.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("DATASEL_WARM", "0")  # a page that is drawn in a test leaves no process behind

import numpy as np
import pytest
from PIL import Image

from datasel_core.actions.task import Task, parse_task
from datasel_core.workspace import files
from datasel_core.workspace.layout import Workspace

ROOT = Path(__file__).resolve().parent.parent


def real_data() -> Path | None:
    """The folder of real data, where there is one."""
    path = Path(os.environ.get("DATASEL_REAL_DATA") or ROOT.parent / "shared" / "data")
    return path if path.is_dir() else None


def conformance() -> Path | None:
    path = Path(os.environ.get("DATASEL_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
    return path if path.is_dir() else None


def as_many_threads() -> dict[str, str]:
    """The environment of a subprocess that trains as this process does: sums of more threads have other last digits,
    and who tested here before may have set how many there are.
    """
    import torch

    return {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An empty workspace; sources may lie anywhere below tmp_path. What still goes on in it after the test is stopped,
    such as the map that a page asked for: the next tests need the processors.
    """
    monkeypatch.setenv("DATASEL_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv(
        "DATASEL_DATA_ROOTS", os.pathsep.join([str(tmp_path), *([str(real_data())] if real_data() else [])])
    )
    yield Workspace.at()
    for job in (tmp_path / "workspace").glob("*/*/job.json"):
        (job.parent / "stop").touch()


@pytest.fixture(autouse=True, scope="session")
def who_writes_holds():
    """A library that puts a file of its own in the place of one that was begun leaves one that nobody holds, and that
    another process takes for a leftover: no writer may use it so.
    """
    begun, put, numbers = files._held_anew, files.put, {}

    def held_anew(path):
        file, number = begun(path)
        numbers[file] = os.fstat(number).st_ino
        return file, number

    def checked(file, path):
        number = numbers.pop(file, None)
        assert number is None or not file.exists() or file.stat().st_ino == number, f"{path} was put there by another"
        put(file, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_held_anew", held_anew)
        patch.setattr(files, "put", checked)
        yield


def pytest_collection_finish():
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def let_go():
    """What one module of tests left in memory is gone when the next begins: the process stays below 3 GB."""
    yield
    if streamlit := sys.modules.get("streamlit"):
        streamlit.cache_data.clear()
        streamlit.cache_resource.clear()
    gc.collect()
    gc.freeze()  # what outlives a module stays: the next collection need not look through it
    with contextlib.suppress(OSError, AttributeError):  # not every system gives back what was freed when asked
        ctypes.CDLL("libc.so.6").malloc_trim(0)


_BLOCK_SIZE = re.compile(r"_?([A-Z]+_)*(ROWS|COLUMNS|ANCHORS|PAIRS|BLOCK|STRETCH|CHUNK|FEW|PRODUCTS|TILE)")
_SMALL = 48
_ARGUMENTS = {"block", "size", "chunk", "rows_at_once"}


@pytest.fixture
def shrink(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets every block size that has been imported to at most so many. It is found by its name, so that nobody has to
    list it; `hidden_sizes` finds those without one. The sizes of pools belong to formats of files; a tile decides the
    last digits, so it is small, but always the same. Products are of rows and columns.
    """
    whole: dict[tuple[str, str], int] = {}

    def to(size: int) -> None:
        modules = [
            module
            for name, module in sorted(sys.modules.items())
            if name.startswith("datasel_core.") and not name.startswith("datasel_core.pools")
        ]
        found = [
            (module, name, value)
            for module in modules
            for name, value in vars(module).items()
            if _BLOCK_SIZE.fullmatch(name) and type(value) is int
        ]
        for module, name, value in found:
            most = _SMALL if name.endswith("TILE") else size**2 if name.endswith("PRODUCTS") else size
            monkeypatch.setattr(module, name, min(whole.setdefault((module.__name__, name), value), most))

    return to


@pytest.fixture
def small_blocks(shrink: Callable[[int], None]) -> None:
    """For tests against a slow definition: they meet the borders of blocks everywhere."""
    shrink(_SMALL)


def hidden_sizes(source: str) -> Iterator[str]:
    """Where a module has a block size that `shrink` cannot find or reach: a number as a step of a range, or as the
    default of an argument.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "range" and len(node.args) == 3:
            step, name = node.args[2], getattr(node.args[2], "id", "")
            if not any(isinstance(part, ast.Name) for part in ast.walk(step)) and not re.fullmatch(
                r"-?\d", ast.unparse(step)
            ):
                yield f"line {node.lineno}: range(..., {ast.unparse(step)})"
            elif name.isupper() and not _BLOCK_SIZE.fullmatch(name):
                yield f"line {node.lineno}: the name {name}"
        if isinstance(node, ast.FunctionDef):
            with_defaults = node.args.args[len(node.args.args) - len(node.args.defaults) :]
            for argument, default in zip(with_defaults, node.args.defaults, strict=True):
                named = any(_BLOCK_SIZE.fullmatch(getattr(part, "id", "")) for part in ast.walk(default))
                if named or (
                    argument.arg in _ARGUMENTS and not (isinstance(default, ast.Constant) and default.value is None)
                ):
                    yield f"line {node.lineno}: {argument.arg}={ast.unparse(default)}"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def paint(path: Path, seed: int, size: tuple[int, int] = (48, 40)) -> Path:
    """A small photo of coloured noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve photos in three groups."""
    for at in range(12):
        paint(tmp_path / "photos" / "abc"[at % 3] / f"{at:02d}.jpg", at)
    return tmp_path / "photos"


def rewritten(path: Path, **changes: Any) -> None:
    """A JSON record with these changes, which says its own hash where it did."""
    record = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    if "sha256" in record:
        plain = {name: value for name, value in record.items() if name != "sha256"}
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        record["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")


def clustered(rng: np.random.Generator, n: int, d: int, k: int, spread: float = 0.4) -> np.ndarray:
    """(n, d) float32 vectors around k centres, as embeddings are."""
    return (rng.standard_normal((k, d))[rng.integers(k, size=n)] + spread * rng.standard_normal((n, d))).astype(
        np.float32
    )


def task_of(do: str, **fields) -> Task:
    """A task by its name and fields, as a page or a worker has it."""
    return parse_task({"do": do, **fields})
