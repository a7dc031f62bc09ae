"""Fixtures shared by all tests: a workspace of its own for each, small photos, arrays."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasel_core.store import Workspace

ROOT = Path(__file__).resolve().parent.parent


def real_data() -> Path | None:
    """The folder of real data, where there is one."""
    path = Path(os.environ.get("DATASEL_REAL_DATA") or ROOT.parent / "shared" / "data")
    return path if path.is_dir() else None


def conformance() -> Path | None:
    path = Path(os.environ.get("DATASEL_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
    return path if path.is_dir() else None


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace; sources may lie anywhere below tmp_path."""
    monkeypatch.setenv("DATASEL_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("DATASEL_DATA_ROOTS", os.pathsep.join([str(tmp_path), *([str(real_data())] if real_data() else [])]))
    return Workspace.at()


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


def clustered(rng: np.random.Generator, n: int, d: int, k: int, spread: float = 0.4) -> np.ndarray:
    """(n, d) float32 vectors around k centres, as embeddings are."""
    return (rng.standard_normal((k, d))[rng.integers(k, size=n)] + spread * rng.standard_normal((n, d))).astype(np.float32)
