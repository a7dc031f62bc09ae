"""Which files a source of texts is made of, and what each is called in ids and as a source."""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from datasel_core.errors import BadInput, BadRequest
from datasel_core.workspace.layout import Workspace

TABLES = frozenset({".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"})
PLAIN = frozenset({".txt", ".md"})

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
"""How large data sets number their files: `train-00000-of-00012`."""


@dataclass(frozen=True)
class TableFile:
    """name: relative to the source, as errors say it. kind: its suffix without .gz. stem: names samples that have no
    id. source: of its samples, where rows do not say. trouble: why it may not be read.
    """

    path: Path
    name: str
    kind: str
    stem: str
    source: str | None
    trouble: str = ""


def kind_of(name: str) -> str:
    """`.jsonl` of `a.jsonl.gz`; Parquet is packed already."""
    name = name.lower()
    kind = Path(name.removesuffix(".gz")).suffix
    return kind if kind != ".parquet" or not name.endswith(".gz") else ".gz"


def find_files(source: Path, workspace: Workspace) -> tuple[list[TableFile], list[str]]:
    """The files in the order of their names, and notes on what was passed over. Raises BadInput when there are none."""
    if source.is_file():
        if kind_of(source.name) not in TABLES:
            raise BadInput(
                f"{source.name} is no table of texts; give a .jsonl, .json, .csv, .tsv or .parquet file, or a folder "
                "of .txt files or of tables."
            )
        return [TableFile(source, source.name, kind_of(source.name), _stem(source.name), None)], []
    if not source.is_dir():
        raise BadInput(f"There is no file or folder {source}.")
    names, hidden = _names(source)
    tables = [
        name for name in names if kind_of(name) in TABLES and (kind_of(name) != ".json" or _holds_list(source / name))
    ]
    chosen = tables or [name for name in names if Path(name).suffix.lower() in PLAIN]
    if not chosen:
        more = f" {hidden[0]}" if hidden else ""
        raise BadInput(
            f"The folder {source} has no tables (.jsonl, .csv, .parquet) and no texts (.txt, .md); it has "
            f"{len(names)} other files.{more}"
        )
    notes = [f"{len(names) - len(chosen):,} other files were passed over."] if len(chosen) < len(names) else []
    stems = Counter(map(_stem, chosen))
    return [_found(source, name, bool(tables), stems, workspace) for name in chosen], notes + hidden


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
    if not is_table:
        return TableFile(source / name, said, kind_of(name), said, name.rpartition("/")[0] or None, trouble)
    stem = _stem(said)
    return TableFile(
        source / name, said, kind_of(name), stem if stems[_stem(name)] == 1 else said, _SHARD.sub("", stem), trouble
    )


def _names(source: Path) -> tuple[list[str], list[str]]:
    """Relative names of all files below a folder, sorted, so that they are the same on every machine; and folders that
    may not be read.
    """
    found: list[str] = []
    hidden: list[OSError] = []
    for folder, folders, files in os.walk(source, onerror=hidden.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [(Path(folder) / name).relative_to(source).as_posix() for name in files if not name.startswith(".")]
    return sorted(found), [f"The folder {error.filename} may not be read: {error.strerror}." for error in hidden]


def _holds_list(path: Path) -> bool:
    """Whether a .json is a table; beside tables lie descriptions of them, too."""
    try:
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    except OSError:
        return False


def _stem(name: str) -> str:
    name = name[:-3] if name.lower().endswith(".gz") else name
    return name[: -len(suffix)] if (suffix := Path(name).suffix) else name
