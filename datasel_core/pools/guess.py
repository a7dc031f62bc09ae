"""What kind of pool a source seems to hold, told from its name and its first line."""

import csv
import gzip
import itertools
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.pools.readers.layouts.find import find_layout

_TEXTS = frozenset({"text", "prompt", "response", "completion", "instruction", "messages", "conversations", "question"})
_TABLES = frozenset({".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"})
_PICTURES = frozenset({"path", "image", "images", "filename", "file_name"})


def kind_of(path: Path) -> str:
    """What a source seems to hold: `vectors` for .npy and .npz, `pairs` for .tar, `text` where its files or the columns
    of a table say so, else `images`.
    """
    suffix = _suffix(path)
    if suffix in (".npy", ".npz", ".tar"):
        return "pairs" if suffix == ".tar" else "vectors"
    if (layout := find_layout(path)) is not None:
        return layout.kind
    if path.is_dir():
        files = sorted(itertools.islice(path.rglob("*"), 2000))
        suffixes = {file.suffix.lower() for file in files}
        pictures = {".jpg", ".jpeg", ".png", ".webp"} & suffixes
        table = next((file for file in files if _suffix(file) in _TABLES), None)
        texts = {".txt", ".md", ".jsonl"} & suffixes or (table is not None and _columns(table) & _TEXTS)
        return "pairs" if ".tar" in suffixes else "text" if texts and not pictures else "images"
    names = _columns(path)
    if names & _PICTURES:
        return "pairs" if names & {"caption", "captions", "text"} else "images"
    return "text" if suffix in (".txt", ".md") or names & _TEXTS else "images"


def _suffix(path: Path) -> str:
    """`.jsonl`, of a packed file, too."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def _columns(path: Path) -> set[str]:
    """Names of a table's columns, told from its first line; nothing where that cannot be read."""
    suffix, open_text = _suffix(path), gzip.open if path.suffix.lower() == ".gz" else open
    try:
        if not path.is_file():  # a pipe would keep its reader waiting
            return set()
        if suffix == ".parquet":
            return {name.lower() for name in pq.read_schema(path).names}
        with open_text(path, "rt", encoding="utf-8-sig", errors="replace") as file:
            first = file.read(1 << 20) if suffix == ".json" else file.readline(1 << 20)
        if suffix in (".jsonl", ".ndjson", ".json"):
            row, _ = json.JSONDecoder().raw_decode(first.lstrip("[ \t\r\n"))
            return {name.lower() for name in row} if isinstance(row, dict) else set()
        if suffix in (".csv", ".tsv"):
            return {
                name.strip().lower()
                for name in next(csv.reader([first], delimiter="\t" if suffix == ".tsv" else ","), [])
            }
    except (OSError, EOFError, ValueError, csv.Error, pa.ArrowException):
        pass
    return set()
