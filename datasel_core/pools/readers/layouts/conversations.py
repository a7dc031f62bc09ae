"""Pictures that conversations are about, as LLaVA keeps them: JSON or JSON lines of `image` and `conversations`.

What the assistant says in all its turns is taken for the caption: it is what is said about the picture.
https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md
"""

import functools
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasel_core.pools.readers.layouts import places
from datasel_core.pools.readers.layouts.listing import Layout, Listing
from datasel_core.pools.readers.pair_table import Named
from datasel_core.pools.readers.tables.files import table_file
from datasel_core.pools.readers.tables.json_list import items
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.streams import Trouble

_ASSISTANT = frozenset({"gpt", "assistant", "model", "bot"})
_HUMAN = frozenset({"human", "user"})
_LOOKED_AT = 20
_LONGEST = 16 << 20
"""Characters of one conversation."""


def find(source: Path, files: Sequence[Path], kind: str | None) -> Layout | None:
    if kind == "images":
        return None
    found = [path for path in places.within(source, files, 1, (".json", ".jsonl")) if _is_llava(path)]
    if not found:
        return None
    return Layout("llava", "conversations about pictures (LLaVA)", "pairs", functools.partial(_read, source, found))


def _is_llava(path: Path) -> bool:
    """Whether one of the first items is a conversation about a picture."""
    with_turns = (item for _, item in itertools.islice(_items(path), _LOOKED_AT) if isinstance(item, dict))
    return any(isinstance(item.get("conversations"), list) and "image" in item for item in with_turns)


def _items(path: Path) -> Iterator[tuple[int, Any]]:
    """(number from 1, item) of a file; Trouble stands where something cannot be read."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            if path.suffix.lower() == ".json":
                yield from items(file, _LONGEST)
                return
            for at, line in enumerate(iter(lambda: file.readline(_LONGEST), "")):
                if line.strip():
                    yield at + 1, _parsed(line)
    except OSError as error:
        yield 1, Trouble(str(error))


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return Trouble(f"it is no JSON ({getattr(error, 'msg', error)})")


@dataclass
class _Reading:
    """Rows as they stand, each with its place and an answer, and what could not be used."""

    rows: list[dict[str, str]] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    answers: list[str | None] = field(default_factory=list)
    lost: list[dict[str, str]] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)


def _read(source: Path, files: list[Path], named: Named) -> Listing:
    reading, seen = _Reading(), set()
    for path in files:
        file = table_file(path)
        for at, item in _items(path):
            row = _row(item, f"{path.name}, item {at}", reading)
            if row is None:
                continue
            answer = row.pop("answer")
            if (key := (row["own"], row["name"], row["question"], answer)) in seen:
                reading.odd["Entries that repeat an earlier one word for word, passed over"] += 1
                continue
            seen.add(key)
            reading.rows.append({**row, "near": str(path.parent)})
            reading.origins.append(Origin(file, at))
            reading.answers.append(answer)
    return _listing(source, reading)


def _row(item: Any, place: str, reading: _Reading) -> dict[str, Any] | None:
    if not isinstance(item, dict) or not isinstance(item.get("conversations"), list):
        said = item.text if isinstance(item, Trouble) else "it has no conversations"
        reading.lost.append({"id": place, "reason": said})
        return None
    own, image = item.get("id"), item.get("image")
    own = str(own) if isinstance(own, str | int) and str(own).strip() else ""
    image = image[0] if isinstance(image, list) and len(image) == 1 else image
    if not isinstance(image, str) or not image.strip():
        several = isinstance(image, list) and len(image) > 1
        reason = f"it has {len(image)} images; a pair has one" if several else "it has no image"
        reading.lost.append({"id": own or place, "reason": reason})
        return None
    turns = [turn for turn in item["conversations"] if isinstance(turn, dict) and isinstance(turn.get("value"), str)]
    answers = [turn["value"].strip() for turn in turns if turn.get("from") in _ASSISTANT]
    asked = next((turn["value"] for turn in turns if turn.get("from") in _HUMAN), "")
    said = "\n".join(answer for answer in answers if answer)
    return {"own": own, "name": image, "question": asked.replace("<image>", "").strip(), "answer": said or None}


def _listing(source: Path, reading: _Reading) -> Listing:
    """Named by their own ids where all have one and none repeats; else by their pictures, several conversations about
    one being its captions.
    """
    nears = list(dict.fromkeys(row["near"] for row in reading.rows))
    farthest = source if source.is_dir() else None
    folders = {
        near: places.picture_folder(
            Path(near), [row["name"] for row in reading.rows if row["near"] == near], farthest=farthest
        )
        for near in nears
    }
    root = places.shared_root([source if source.is_dir() else source.parent, *folders.values()])
    own = [row["own"] for row in reading.rows]
    by_id = all(own) and len(set(own)) == len(own)
    table: dict[str, dict[str, Any]] = {}
    for row, answer in zip(reading.rows, reading.answers, strict=True):
        folder = places.relative(folders[row["near"]], root)
        path = row["name"] if folder == "." else f"{folder}/{row['name']}"
        name = row["own"] if by_id else path
        one = table.setdefault(name, {"id": name, "path": path, "question": row["question"], "captions": []})
        one["captions"].append(answer)
    notes = [f"{what}: {count:,}." for what, count in reading.odd.items()]
    notes.append("The caption is all that the assistant says; `question` is what it is asked first.")
    columns = {key: pa.array([one[key] for one in table.values()], pa.string()) for key in ("id", "path", "question")}
    captions = [one["captions"] for one in table.values()]
    stand = reading.origins if len(table) == len(reading.rows) else None  # else several rows are of one picture
    return Listing(root, pa.table(columns), captions=captions, lost=reading.lost, notes=notes, origins=stand)
