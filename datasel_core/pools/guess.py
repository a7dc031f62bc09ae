"""What kind of pool a source seems to hold, told from its name and its first line."""

import itertools
from pathlib import Path

from datasel_core.errors import BadInput
from datasel_core.pools.media import formats
from datasel_core.pools.readers.climate.sources import is_climate
from datasel_core.pools.readers.facts.columns import are_facts
from datasel_core.pools.readers.layouts.fence import Fence
from datasel_core.pools.readers.layouts.find import find_layout
from datasel_core.pools.readers.tables import usual
from datasel_core.pools.readers.tables.rows import column_names
from datasel_core.pools.readers.tables.table_file import (
    PLAIN,
    TABLES,
    TableFile,
    is_description,
    kind_by_content,
)
from datasel_core.pools.readers.tables.table_file import (
    kind_of as format_of,
)
from datasel_core.pools.readers.texts.shapes import USUAL
from datasel_core.workspace.layout import is_record

_PICTURES = frozenset({*usual.PATHS, "images"})
_LOOKED_AT = 5
"""Tables of a folder: the first may describe the others."""


def kind_of(path: Path) -> str:
    """What a source seems to hold: `vectors` for .npy and .npz, `pairs` for .tar, `facts` where a table has a question,
    its answer and a relation, `climate` for NetCDF and Zarr, `text` where its files or the columns of a table say so,
    else `images`.
    """
    suffix = format_of(path.name)
    if suffix in (".npy", ".npz", ".tar"):
        return "pairs" if suffix == ".tar" else "vectors"
    if is_climate(path):
        return "climate"
    if (layout := find_layout(path)) is not None:
        return layout.kind
    if path.is_dir():
        fence = Fence(path)
        found = sorted(itertools.islice(path.rglob("*"), 2000))
        found = (file for file in found if not is_description(file.name) and not is_record(file.parent))
        files = list(filter(fence.allows, found))
        suffixes = {format_of(file.name) for file in files}
        pictures = formats.SUFFIXES & suffixes
        if any(map(is_climate, files)) and not pictures and ".tar" not in suffixes:
            return "climate"
        tables = itertools.islice((file for file in files if kind_by_content(file) in TABLES), _LOOKED_AT)
        names = list(map(_columns, tables))
        texts = (PLAIN | {".jsonl", ".ndjson"}) & suffixes or any(one & USUAL for one in names)
        if ".tar" in suffixes or pictures or not texts:
            return "pairs" if ".tar" in suffixes else "images"
        return "facts" if any(map(are_facts, names)) else "text"
    names = _columns(path)
    if names & _PICTURES:
        return "pairs" if names & set(usual.CAPTIONS) else "images"
    if are_facts(names):
        return "facts"
    return "text" if suffix in PLAIN or names & USUAL else "images"


def _columns(path: Path) -> set[str]:
    """Names of a table's columns, told from its beginning, in lower case; nothing where that cannot be read."""
    try:
        kind = kind_by_content(path)
        if kind not in TABLES:
            return set()
        return {name.strip().lower() for name in column_names(TableFile(path, path.name, kind, ""))}
    except (BadInput, OSError):
        return set()
