"""Hashes: keys of questions, of files, of values. Equal hashes mean equal content."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def key_of(what: Any) -> str:
    """16 hex digits that stand for what decides an answer: the SHA-256 of its canonical JSON."""
    return hashlib.sha256(canonical(what).encode()).hexdigest()[:16]


def ids_sha256(ids: Iterable[str]) -> str:
    """SHA-256 of ids, sorted (by Unicode code point), joined by newlines."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spare space: equal values give equal text. Half of a character, which somebody's
    JSON may hold, stands in it as JSON escapes it.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()


def own_hash(record: Mapping[str, Any]) -> str:
    """SHA-256 that a record says of itself, under `sha256`: of all the rest of it."""
    rest = {name: value for name, value in record.items() if name != "sha256"}
    return hashlib.sha256(canonical(rest).encode()).hexdigest()


def is_own(record: Mapping[str, Any]) -> bool:
    """Whether a record is what it says of itself."""
    try:
        return record.get("sha256") == own_hash(record)
    except (ValueError, RecursionError):  # half a character, or nested without end: nobody wrote that here
        return False


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


_hashes: dict[tuple[int, ...], str] = {}


_TICK = 2_000_000_000
"""Nanoseconds. A file written a moment ago may be written once more without looking younger."""


def known_hash(path: Path) -> str:
    """SHA-256 of a file's bytes; this process reads them again only when the file's size, place on the disk or times
    are others.
    """
    before = os.stat(path)
    key = (before.st_dev, before.st_ino, before.st_size, before.st_mtime_ns, before.st_ctime_ns)
    if key not in _hashes:
        young = time.time_ns() - max(before.st_mtime_ns, before.st_ctime_ns) < _TICK
        found = hash_file(path)
        if young:
            return found
        _hashes[key] = found
    return _hashes[key]
