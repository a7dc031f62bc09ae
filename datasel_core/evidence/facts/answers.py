"""Answers about facts, as `evidence/answers` keeps them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from datasel_core.evidence import answers
from datasel_core.workspace.layout import Workspace

Kind = Literal["counts", "memory", "calibration", "sensitivity"]
_TOPIC = "facts"
file, keep, read = answers.file, answers.keep, answers.read


def place(workspace: Workspace, kind: Kind, asked: Mapping[str, Any]) -> Path:
    """The folder of an answer. asked: plain values, all that decides it."""
    return answers.place(workspace, _TOPIC, kind, asked)


def every(workspace: Workspace, kind: Kind) -> list[dict[str, Any]]:
    """All that are kept of a kind, the newest last."""
    return answers.every(workspace, _TOPIC, kind)


def files(workspace: Workspace, kind: Kind) -> list[Path]:
    return answers.files(workspace, _TOPIC, kind)
