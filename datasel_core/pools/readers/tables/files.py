"""Which files a source is made of, and what each is called in ids and as a source."""

import re
from collections import Counter
from pathlib import Path

from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.passed_over import passed_over
from datasel_core.pools.readers.tables import json_lines
from datasel_core.pools.readers.tables.table_file import (
    DESCRIPTIONS,
    PLAIN,
    TABLES,
    TableFile,
    is_description,
    kind_by_content,
    kind_of,
    stem_of,
)
from datasel_core.pools.readers.walk import walk
from datasel_core.workspace.layout import Workspace

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
"""How large data sets number their files: `train-00000-of-00012`."""

_PICTURES = "a picture; add the folder with --kind images to choose among pictures"
_PACKED = "unpack it, or pack it as .gz or .zst"
_REMEDIES = {
    **dict.fromkeys(DESCRIPTIONS, "a description, not data"),
    **dict.fromkeys((".docx", ".doc", ".odt", ".rtf", ".pdf", ".html", ".htm", ".epub"), "save it as .txt"),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "save it as .csv"),
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp", ".gif", ".heic"), _PICTURES),
    **dict.fromkeys((".bz2", ".xz", ".zip", ".7z", ".tar"), _PACKED),
    ".json": "it holds neither a list of objects nor an object a line",
}


def table_file(source: Path) -> TableFile:
    """A table that was named. Raises BadInput."""
    kind = kind_by_content(source) if source.is_file() else ""
    if kind not in TABLES:
        raise BadInput(
            f"{source.name} is no table; give a .csv, .tsv, .json, .jsonl, .parquet or .arrow file, which may be "
            "packed as .gz or .zst."
        )
    return TableFile(source, source.name, kind, stem_of(source.name))


def find_files(source: Path, workspace: Workspace, wanted: frozenset[str]) -> tuple[list[TableFile], list[str]]:
    """The files of texts in the order of their names, and notes on what was passed over. wanted: columns by which a
    .json is known as data. Raises BadInput when there are none.
    """
    if source.is_file():
        return _alone(source)
    if not source.is_dir():
        raise BadInput(f"There is no file or folder {source}.")
    walked = walk(source, workspace)
    names, hidden = walked.names, walked.notes
    data = [name for name in names if not is_description(name)]
    tables = [name for name in data if _is_table(source, name, wanted, workspace)]
    chosen = tables or [name for name in data if kind_of(name) in PLAIN]
    if not chosen:
        more = f" {hidden[0]}" if hidden else ""
        raise BadInput(
            f"The folder {source} has no tables (.jsonl, .csv, .parquet) and no texts (.txt, .md); it has "
            f"{len(names)} other files.{more}"
        )
    beside = dict.fromkeys(PLAIN, "beside tables such files are no samples") if tables else {}
    notes = passed_over(sorted(set(names) - set(chosen)), _REMEDIES | beside)
    stems = Counter(map(stem_of, chosen))
    return [_found(source, name, bool(tables), stems, workspace) for name in chosen], notes + hidden


def _alone(source: Path) -> tuple[list[TableFile], list[str]]:
    kind = kind_by_content(source)
    if kind in PLAIN:
        note = f"{source.name} is one sample; for a sample a line, save it as .jsonl or .csv."
        return [TableFile(source, source.name, kind, source.name)], [note]
    if kind not in TABLES:
        raise BadInput(
            f"{source.name} is no table of texts; give a .jsonl, .json, .csv, .tsv, .parquet, .arrow or .txt file, "
            "which may be packed as .gz or .zst, or a folder of these."
        )
    return [TableFile(source, source.name, kind, stem_of(source.name))], []


def _is_table(source: Path, name: str, wanted: frozenset[str], workspace: Workspace) -> bool:
    """Whether it is one, or would be if it might be read; beside tables lie descriptions of them, too."""
    kind, path = kind_of(name), source / name
    if kind not in ("", ".json"):
        return kind in TABLES
    try:
        workspace.allowed(path)
    except BadRequest:
        return kind == ".json"
    kind = kind_by_content(path)
    if kind != ".json":
        return kind in TABLES
    return json_lines.holds_rows(TableFile(path, name, kind, ""), wanted)


def _found(source: Path, name: str, is_table: bool, stems: Counter, workspace: Workspace) -> TableFile:
    trouble = ""
    try:
        name.encode()
        workspace.allowed(source / name)
    except UnicodeEncodeError:
        trouble = "its file name is not valid UTF-8"
    except BadRequest as error:
        trouble = str(error)
    if name.splitlines() != [name]:  # names of samples come from it, and these are written one a line
        trouble = "its file name has a line break"
    said = "\\n".join(name.encode("utf-8", "backslashreplace").decode().splitlines())
    kind, stem = kind_of(name) if trouble else kind_by_content(source / name), stem_of(said)
    if not is_table:
        return TableFile(source / name, said, kind, said, name.rpartition("/")[0] or None, trouble)
    alone = stems[stem_of(name)] == 1
    return TableFile(source / name, said, kind, stem if alone else said, _SHARD.sub("", stem), trouble)
