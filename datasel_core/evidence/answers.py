"""Answers to what was asked of a pool, a folder each: `answer.json` comes last, and says its own hash; what is long
lies beside it.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import is_own, key_of, own_hash
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

_FILE = "answer.json"
_VERSION = 1


def place(workspace: Workspace, topic: str, kind: str, asked: Mapping[str, Any]) -> Path:
    """The folder of an answer. topic: one word. asked: plain values, all that decides it."""
    return workspace.evidence(f"{topic}-{kind}-{key_of({**asked, 'kind': kind, 'version': _VERSION})}")


def file(folder: Path) -> Path:
    """What an answer is kept in."""
    return folder / _FILE


def keep(folder: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with its place in the order in which answers of its topic came: clocks are set back."""
    others = f"{folder.name.partition('-')[0]}-*"
    with Lock(folder.parent).hold():
        found = (_read(path) for path in folder.parent.glob(f"{others}/{_FILE}"))
        order = 1 + max((one["order"] for one in found if one), default=0)
        whole = {**said, "order": order}
        write_json(file(folder), {**whole, "sha256": own_hash(whole)})
    return whole


def read(folder: Path) -> dict[str, Any] | None:
    """The answer kept there; None where there is none, or it is damaged: then it is made again."""
    return _read(file(folder))


def every(workspace: Workspace, topic: str, kind: str) -> list[dict[str, Any]]:
    """All that are kept of a kind, the newest last."""
    found = [one for path in files(workspace, topic, kind) if (one := _read(path)) is not None]
    return sorted(found, key=lambda one: one["order"])


def files(workspace: Workspace, topic: str, kind: str) -> list[Path]:
    return sorted((workspace.path / "evidence").glob(f"{topic}-{kind}-*/{_FILE}"))


def _read(path: Path) -> dict[str, Any] | None:
    with contextlib.suppress(BadInput, OSError):
        said = read_json(path)
        if isinstance(said, dict) and is_own(said) and isinstance(said.get("order"), int):
            return {name: value for name, value in said.items() if name != "sha256"}
    return None
