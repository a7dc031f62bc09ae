"""Texts: prompts with responses, conversations, or running text, in tables or files."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from datasel_core.base.conversation import Turn
from datasel_core.base.declare import Field
from datasel_core.base.progress import Progress
from datasel_core.errors import BadRequest
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.table_file import may_hold_rows
from datasel_core.pools.readers.texts import rows
from datasel_core.pools.readers.texts.origins import text_origins
from datasel_core.pools.readers.texts.scan import Named, scan_texts
from datasel_core.pools.readers.texts.shapes import Shapes
from datasel_core.pools.readers.texts.spans import SPANS
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace


@pool_kind("text", version=1, title="Text")
class Text(PoolKind):
    """A JSONL, JSON, CSV, Parquet or Arrow table of prompts with responses, of conversations or of running text, which
    may be packed as .gz or .zst; or a folder of such tables, or of .txt files.

    Found by name: `text`; `instruction`, `prompt` or `question` (with `input` or `context`) and `response`, `output`,
    `completion` or `answer`; `messages` (OpenAI), `conversations` (ShareGPT), with tools; `chosen` and `rejected`, of
    which the chosen response is learned. Facts may be marked in running text, in a column `spans` or `facts`: a list of
    [start, end] in characters, or of objects with start, end and perhaps relation; the pool keeps them in a column
    `fact_spans`. Rows that cannot be used are listed with line and reason and left out. A
    table is read from front to back and may be larger than memory.
    """

    groups: ClassVar = ("source", "group")
    own: ClassVar = (SPANS,)
    marks: ClassVar = (SPANS,)
    texts: ClassVar = {name: name for name in rows.TEXTS}

    text_column: str | None = Field(
        None,
        description="Column with running text, or with a list of turns; none finds text, messages or conversations.",
    )
    prompt_column: str | None = Field(
        None, description="Column with the prompt; none finds prompt, instruction or question."
    )
    response_column: str | None = Field(
        None, description="Column with the response; none finds response, completion, output or answer."
    )
    spans_column: str | None = Field(
        None,
        description="Column that marks facts in running text, a list of [start, end] in characters; none takes spans "
        "or facts where these hold such lists.",
    )
    id_column: str | None = Field(
        None, description="Column with the sample's name; none takes id where there is one, else file and line."
    )
    source_column: str | None = Field(
        None, description="Column that says where a sample is from; none takes source, or in a folder the file."
    )
    ids: Literal["id", "file_and_id"] = Field(
        "id", description="Samples are called by their ids, or, where files repeat ids, by file and id."
    )

    @classmethod
    def reads(cls, source: Path, file: Path) -> bool:
        return super().reads(source, file) and (file == source or may_hold_rows(file.name))

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        return scan_texts(source, *self._read_as(), workspace, progress)

    def origins(self, pool: Pool, ids: Collection[str], progress: Progress) -> Mapping[str, Origin] | None:
        asked = dict(zip(ids, pool.rows(ids).tolist(), strict=True))
        return text_origins(
            pool.source, *self._read_as(), asked, pool.left_out + pool.passed_by, pool.workspace, progress
        )

    def _read_as(self) -> tuple[Shapes, Named]:
        shapes = Shapes(self.text_column, self.prompt_column, self.response_column, self.spans_column)
        return shapes, Named(self.id_column, self.source_column, self.ids == "file_and_id")

    def offers(self, pool: Pool) -> frozenset[str]:
        return frozenset({"text", "turns"})

    def open(self, pool: Pool, row: int, **hints: Any) -> Any:
        raise BadRequest(
            f"Samples of the text pool {pool.name} are no pictures; read them with pool.turns(row) or pool.text(row)."
        )

    def text(self, pool: Pool, row: int) -> list[str]:
        """All of it as one text: prompt and response, or the conversation with who says what."""
        return [rows.whole(self.turns(pool, row))]

    def turns(self, pool: Pool, row: int) -> list[Turn]:
        found = {name: pool.value(name, row) for name in rows.TEXTS if name in pool.long_columns}
        return rows.turns_of(found | ({SPANS: pool.value(SPANS, row)} if SPANS in pool.names else {}))
