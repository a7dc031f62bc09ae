"""One file of a source: its format, told from its name and, where that says nothing, from its first bytes."""

from dataclasses import dataclass
from pathlib import Path

from datasel_core.pools.readers.tables import streams

TABLES = frozenset({".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow"})
PLAIN = frozenset({".txt", ".md"})
COLUMNAR = frozenset({".parquet", ".arrow"})
DELIMITED = frozenset({".csv", ".tsv"})

DESCRIPTIONS = frozenset(
    {"readme", "license", "licence", "changelog", "notice", "dataset_info", "dataset_infos", "dataset_dict", "state"}
)
"""What lies beside data and says something about it, whatever the case of its name."""
_OF_DESCRIPTIONS = frozenset({"", ".md", ".txt", ".rst", ".json"})


@dataclass(frozen=True)
class TableFile:
    """name: relative to the source, as errors say it. kind: its format, a suffix. stem: names samples that have no id.
    source: of its samples, where rows do not say. trouble: why it may not be read.
    """

    path: Path
    name: str
    kind: str
    stem: str
    source: str | None = None
    trouble: str = ""

    @property
    def is_plain(self) -> bool:
        """A text that is one sample."""
        return self.kind in PLAIN

    @property
    def unit(self) -> str:
        """What the places of its rows count."""
        return {".json": "item", ".parquet": "row", ".arrow": "row"}.get(self.kind, "line")

    def place(self, at: int) -> str:
        """Where a row stands, in words."""
        return self.name if self.is_plain else f"{self.unit} {at:,} of {self.name}"


def kind_of(name: str) -> str:
    """`.jsonl` of `a.jsonl.gz`; nothing of `a.gz`, which only its content tells."""
    name = name.lower()
    return Path(name.removesuffix(streams.packing(name))).suffix


def kind_by_content(path: Path) -> str:
    """The same, also of `a.gz`; nothing where it holds no table."""
    return kind_of(path.name) or (_kind_inside(path) if streams.packing(path.name.lower()) else "")


def may_hold_rows(name: str) -> bool:
    """Whether a file of this name may be a table or a text."""
    return kind_of(name) in TABLES | PLAIN or (not kind_of(name) and bool(streams.packing(name.lower())))


def stem_of(name: str) -> str:
    """The name without its suffixes."""
    name = name[: len(name) - len(streams.packing(name.lower()))]
    return name[: -len(suffix)] if (suffix := Path(name).suffix) else name


def is_description(name: str) -> bool:
    """Whether a file is called as descriptions of data are: they are no samples."""
    base = name.rpartition("/")[2].lower()
    return Path(base).suffix in _OF_DESCRIPTIONS and Path(base).stem in DESCRIPTIONS


def _kind_inside(path: Path) -> str:
    begin = streams.first_bytes(path, 64)
    for mark, kind in ((b"PAR1", ".parquet"), (b"ARROW1", ".arrow"), (b"\xff\xff\xff\xff", ".arrow")):
        if begin.startswith(mark):
            return kind
    return {b"{": ".jsonl", b"[": ".json"}.get(begin.lstrip(streams.BLANK)[:1], "")
