"""Pairs from WebDataset tar shards: which shards are meant, and what they hold. Pictures stay in the tar and are read
from there.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from datasel_core.base.parallel import in_order
from datasel_core.base.progress import Progress, Track
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.media.photos import file_size, reason
from datasel_core.pools.media.pictures import Look, look_at
from datasel_core.pools.readers import caption_columns, table_columns
from datasel_core.pools.readers.shards.tar import Refused
from datasel_core.pools.readers.shards.webdataset import Found, Passed, samples
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")
"""Packed shards are recognised, so that the error can say what to do with them."""

_MOST_SHARDS = 1_000_000
_PACK = 20_000
"""Rows that wait as Python objects before they become a table, which takes a tenth of the memory."""
_BRACES = re.compile(r"\{([^{}]*)\}")

Ids = Literal["key", "shard_and_key"]


def is_shard(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def find_shards(source: Path, workspace: Workspace) -> tuple[Path, list[Path]]:
    """The folder that shard names are relative to, and the shards: a tar, those of a folder by name, or those of a
    brace pattern in its order.

    Raises BadInput when a shard of a pattern is not there; BadRequest when one lies outside the allowed folders.
    """
    if source.is_file():
        return source.parent, [source]
    if source.is_dir():
        return source, sorted(path for path in source.iterdir() if is_shard(path) and not path.name.startswith("."))
    named = [Path(text) for text in expanded(str(source))]
    missing = [path for path in named if not path.is_file()]
    if missing:
        raise BadInput(
            f"{len(missing):,} of the {len(named):,} shards that {source.name} names are not there, first {missing[0]}."
        )
    for path in named:
        workspace.allowed(path)
    parts = itertools.takewhile(lambda part: "{" not in part, source.parts[:-1])
    return Path(*parts), named


def expanded(pattern: str) -> Iterator[str]:
    """`a-{00..02}.tar` is `a-00.tar`, `a-01.tar`, `a-02.tar`; `{x,y}` is both. Several braces: every combination, the
    last changing fastest.

    Raises BadInput.
    """
    pieces = _BRACES.split(pattern)
    choices = [list(_choices(text, pattern)) for text in pieces[1::2]]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > _MOST_SHARDS:
        raise BadInput(f"{pattern} names {count:,} shards; the limit is {_MOST_SHARDS:,}.")
    for chosen in itertools.product(*choices):
        yield "".join(itertools.chain.from_iterable(itertools.zip_longest(pieces[::2], chosen, fillvalue="")))


def _choices(text: str, pattern: str) -> Iterable[str]:
    if "," in text:
        return text.split(",")
    span = re.fullmatch(r"(\d{1,12})\.\.(\d{1,12})", text)
    if not span or int(span[1]) > int(span[2]):
        raise BadInput(f"{{{text}}} in {Path(pattern).name} is no range; write {{00000..00012}} or {{a,b}}.")
    first, last = int(span[1]), int(span[2])
    if last - first >= _MOST_SHARDS:
        raise BadInput(f"{pattern} names {last - first + 1:,} shards; the limit is {_MOST_SHARDS:,}.")
    width = len(span[1]) if span[1].startswith("0") or len(span[1]) == len(span[2]) else 0
    return (f"{number:0{width}d}" for number in range(first, last + 1))


@dataclass
class _Reading:
    """What has been read so far. shard_of: key -> the shard it was seen in."""

    captions: caption_columns.Choice
    ids: Ids
    tables: list[pa.Table] = field(default_factory=list)
    unreadable: list[dict[str, str]] = field(default_factory=list)
    passed: Passed = field(default_factory=Passed)
    shard_of: dict[str, str] = field(default_factory=dict)

    def refuse(self, id: str, reason: str) -> None:
        self.unreadable.append({"id": id, "reason": reason})

    def keep(self, rows: list[dict[str, Any]]) -> None:
        names = dict.fromkeys(column for row in rows for column in row)
        self.tables.append(
            pa.table({column: table_columns.column([row.get(column) for row in rows]) for column in names})
        )


def scan_shards(
    source: Path, captions: caption_columns.Choice, ids: Ids, workspace: Workspace, progress: Progress
) -> Scan:
    """Reads every shard once, front to back. Only ids, captions and sizes are held in memory. Raises BadInput when
    nothing is left.
    """
    root, shards = find_shards(source, workspace)
    reading = _Reading(captions, ids)
    sizes = [path.stat().st_size if path.is_file() else 0 for path in shards]
    track, before = progress.track(sum(sizes) >> 20, "reading shards (MB)"), 0
    for path, size in zip(shards, sizes, strict=True):
        name = path.relative_to(root).as_posix()
        try:
            file_size(workspace.allowed(path))
        except BadRequest as error:  # a link that leads outside, a pipe
            reading.refuse(name, str(error))
        except OSError as error:
            reading.refuse(name, reason(error))
        else:
            _read(path, name, reading, track, before)
        before += size
    track.finish()
    rows = [table for table in reading.tables if table.num_rows]
    if not rows:
        first = f" ({reading.unreadable[0]['id']}: {reading.unreadable[0]['reason']})" if reading.unreadable else ""
        raise BadInput(f"None of the samples in {source} can be used{first}.")
    table = table_columns.joined(rows)
    _check_unique(table)
    return Scan(table, root, reading.unreadable, _notes(reading.passed))


def _read(path: Path, name: str, reading: _Reading, track: Track, before: int) -> None:
    rows: list[dict[str, Any]] = []
    for found, look in in_order(_look, samples(path, reading.passed)):
        if isinstance(found, Refused):
            reading.refuse(f"{name}/{found.name}" if found.name else name, found.reason)
            continue
        if reading.ids == "key" and (other := reading.shard_of.setdefault(found.key, name)) != name:
            raise BadInput(
                f"The key {found.key!r} stands in {other} and in {name}; ids must be unique. Add the pool with "
                "--option ids=shard_and_key."
            )
        id = found.key if reading.ids == "key" else f"{name.removesuffix('.tar')}/{found.key}"
        rows += _rows(id, name, found, look, reading)
        if len(rows) >= _PACK:
            reading.keep(rows)
            rows = []
        track.advance(((before + found.end) >> 20) - track.done)
    reading.keep(rows)


def _look(found: Found | Refused) -> Look | str:
    return look_at(found.picture) if isinstance(found, Found) else ""


def _rows(id: str, shard: str, found: Found, look: Look | str, reading: _Reading) -> Iterator[dict[str, Any]]:
    for said in caption_columns.samples(id, found.captions, reading.captions):
        if trouble := said.reason or (look if isinstance(look, str) else ""):
            reading.refuse(said.id, trouble)
            continue
        lists = {"captions": list(said.captions)} if reading.captions == "mean" else {}
        place = {"shard": shard, "offset": found.picture.offset}
        content = caption_columns.content_of(look.hash, said.captions)
        yield {
            "id": said.id,
            "caption": said.captions[0],
            **lists,
            **found.fields,
            **place,
            **look.columns(),
            "content": content,
        }


def _check_unique(table: pa.Table) -> None:
    """Keys were checked as they came; left are a shard that was named twice, and a key that looks like another's
    numbered caption.
    """
    if pc.count_distinct(table["id"]).as_py() == table.num_rows:
        return
    first: dict[str, str] = {}
    for id, shard in zip(table["id"].to_pylist(), table["shard"].to_pylist(), strict=True):
        if id in first:
            raise BadInput(
                f"Two samples would be called {id!r}, in {first[id]} and {shard}; name each shard once, or rename one."
            )
        first[id] = shard


def _notes(passed: Passed) -> list[str]:
    notes = [f"{passed.others:,} files that belong to no sample were passed over."] if passed.others else []
    if passed.fields:
        shown = sorted(passed.fields)
        more = f" and {len(shown) - 10} more" if len(shown) > 10 else ""
        notes.append(
            "Fields of .json files that are not plain values, or have names of ours, became no columns: "
            f"{', '.join(shown[:10])}{more}."
        )
    return notes
