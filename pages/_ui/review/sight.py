"""What a reviewer sees of one sample: the photo, pair or text, why it was chosen, and which of the kept are like it."""

import json
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.analysis.explain import Space
from datasel_core.base import registry
from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.review import near
from datasel_core.runs.run import Run
from pages._ui.kit import disk
from pages._ui.media import boxes, photos, reasons, texts

TALL, SMALL = 640, 96
"""Pixels: of the photo that is looked at, and of those in the strip."""
_WHOLE = 20_000
"""Characters that a person reads at most of one turn."""
_TURNS = {"system": "System", "user": "Prompt", "assistant": "Response", "tool": "Tool", "text": "Text"}


def large(pool: Pool, run: Run, at: int) -> dict[str, Any]:
    """The sample at this place of the selection, from 0, as `desk.js` draws it; one that is gone says so."""
    try:
        return _large(pool, run, at)
    except (DataselError, OSError) as error:
        return {
            "name": "",
            "why": "",
            "near": [],
            "turns": [["This sample cannot be read any more", str(error), False]],
        }


def _large(pool: Pool, run: Run, at: int) -> dict[str, Any]:
    row = int(disk.rows(run)[at])
    seen: dict[str, Any] = {"name": reasons.short(pool, row), "why": why(run, at), "near": _near(pool, run, at)}
    if texts.has_texts(pool):
        return seen | {"turns": _turns(pool, row)}
    if photos.has_photos(pool):
        said = photos.caption(pool, row, None) if "text" in pool.opens else ""
        return seen | {"src": photos.large(pool, row, TALL), "caption": said, "boxes": boxes.drawn(pool, row)}
    values = pool.take([row]).to_pylist()[0]
    facts = [[name, str(value), False] for name, value in values.items() if value not in (None, "")]
    return seen | {"turns": facts}


def small(pool: Pool, run: Run, at: int) -> str:
    return photos.thumbnail(pool, int(disk.rows(run)[at]), SMALL)


def why(run: Run, at: int) -> str:
    """Why it was chosen, a sentence."""
    said = _whys(str(run.folder), run.manifest["sha256"], run)[at]
    cls = registry.every("method").get(run.manifest["method"]["id"])
    if cls is None or "review" in said:
        words = said.get("review") or (f"kept by selection {said['of']}" if "of" in said else "")
        return f"{words[:1].upper()}{words[1:]}." if words else ""
    text = reasons.reason(cls.because, said, at + 1)
    whole = text.startswith(("drawn", "the choice", "the record"))
    return f"{text[:1].upper()}{text[1:]}." if whole else f"Chosen because {text}."


def _near(pool: Pool, run: Run, at: int) -> list[list[Any]]:
    try:
        space = _space(str(run.folder), run.manifest["sha256"], disk.stamps(disk.home(pool)), pool, run)
    except DataselError:  # what the choice looked at is damaged or gone: the sample is there all the same
        return []
    return [] if space is None else [[place, f"{100 * alike:.0f} %"] for place, alike in near.nearest(space, at)]


def _turns(pool: Pool, row: int) -> list[list[Any]]:
    try:
        turns = pool.turns(row)
    except DataselError as error:
        return [["This sample cannot be read any more", str(error), False]]
    said = [[_TURNS[turn.role], _cut(turn.text), turn.learned] for turn in turns]
    other = texts.rejected(pool, row, _WHOLE)
    return said if other is None else [*said, ["Rejected response", other, False]]


def _cut(text: str) -> str:
    return text if len(text) <= _WHOLE else f"{text[:_WHOLE].rstrip()} … ({len(text):,} characters in all)"


@st.cache_resource(max_entries=16, show_spinner=False)
def _whys(folder: str, sha256: str, _run: Run) -> list[dict[str, Any]]:
    return [json.loads(text) if text else {} for text in _run.table["why"].to_pylist()]


@st.cache_resource(max_entries=8, show_spinner=False)
def _space(folder: str, sha256: str, stamps: object, _pool: Pool, _run: Run) -> Space | None:
    return near.among_kept(disk.home(_pool), _pool, _run.manifest, np.asarray(disk.rows(_run)))
