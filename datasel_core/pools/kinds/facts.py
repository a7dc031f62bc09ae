"""Facts: questions with answers and their relation, in tables; or made of any table by templates."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from datasel_core.base.conversation import Turn
from datasel_core.base.declare import Field, spoken
from datasel_core.base.progress import Progress
from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.kind import PoolKind, pool_kind
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.facts.columns import ColumnReader, Columns
from datasel_core.pools.readers.facts.scan import ANSWER, QUESTION, SAID, scan_facts
from datasel_core.pools.readers.facts.templates import TemplateReader, read_templates
from datasel_core.pools.readers.tables.origins import Origin
from datasel_core.pools.readers.tables.table_file import may_hold_rows
from datasel_core.pools.readers.tables.usual import OURS
from datasel_core.pools.readers.texts import rows
from datasel_core.pools.readers.texts.names import Named
from datasel_core.pools.readers.texts.origins import row_origins
from datasel_core.pools.scan import Scan
from datasel_core.workspace.layout import Workspace


@pool_kind("facts", version=1, title="Facts")
class Facts(PoolKind):
    """A JSONL, JSON, CSV, Parquet or Arrow table of questions, answers and relations, which may be packed as .gz or
    .zst, or a folder of these; or any table, from which templates make them.

    One sample is one row: one exposure of a fact in one wording. Columns of the pool: `question`, `answer`, `relation`
    (all, where nothing says it), `fact` (text, equal where the fact is the same) and `wording` (whole number).

    What a fact is: what the source calls it, in a column `fact` or `fact_id` or the one that is named. Else a hash of
    three things: the relation, letter by letter; the question in the first wording of the fact, without case and with
    single spaces; the answer, with single spaces. The first wording of a fact that templates make is the first that its
    row can fill; in a table without names of facts every wording is a fact of its own. So two answers to one question
    are two facts, and so is one question in two relations. With `identities=none` there is no column `fact`, and every
    row stands for itself.

    The wording is the number that the source gives it; words are numbered in the order in which they come. Where
    facts have names and wordings have none, the wordings of each fact are numbered in that order.
    """

    groups: ClassVar = ("relation",)
    own: ClassVar = SAID
    marks: ClassVar = ("fact",)
    texts: ClassVar = {QUESTION: "prompt", ANSWER: "response"}

    question_column: str | None = Field(None, description="Column with the question; none finds question or prompt.")
    answer_column: str | None = Field(
        None, description="Column with the answer; none finds answer, response or output."
    )
    relation_column: str | None = Field(
        None,
        description="Column that says what is asked of a thing; none finds relation, predicate or property. Where "
        "there is none, all facts are one relation.",
    )
    fact_column: str | None = Field(
        None,
        description="Column with the name of the fact, equal in all its rows; none finds fact or fact_id. Where there "
        "is none, equal relation, question and answer mean the same fact.",
    )
    wording_column: str | None = Field(
        None, description="Column that numbers or names the wording; none takes wording where there is one."
    )
    id_column: str | None = Field(
        None, description="Column with the row's name; none takes id where there is one, else file and line."
    )
    templates: str | None = Field(
        None,
        description="Makes facts of any table: lines such as artist: Who made {title}? -> {artist}, or the path of a "
        "file of these. Lines of one relation are wordings of the same facts.",
    )
    identities: Literal["columns", "none"] = Field(
        "columns",
        description="Facts are told apart by their names or by what they say; none does not tell them apart.",
        json_schema_extra=spoken({"columns": "told apart", "none": "not told apart"}),
    )
    ids: Literal["id", "file_and_id"] = Field(
        "id", description="Samples are called by their ids, or, where files repeat ids, by file and id."
    )

    @field_validator("identities", mode="before")
    @classmethod
    def _none_is_a_word(cls, value: Any) -> Any:
        """Command lines and pool.json say `none`, which elsewhere is no value."""
        return "none" if value is None else value

    @classmethod
    def reads(cls, source: Path, file: Path) -> bool:
        return super().reads(source, file) and (file == source or may_hold_rows(file.name))

    def scan(self, source: Path, workspace: Workspace, progress: Progress) -> Scan:
        columns, is_named = self._columns(), self.identities != "none"
        if self.templates is None:
            asked = columns.asked(), columns.wanted() | self._needed()
            return scan_facts(source, ColumnReader(columns), asked, self._named(), is_named, workspace, progress)
        if columns.asked():
            raise BadInput(
                f"The option templates cannot be given together with a column of questions or answers "
                f"({columns.asked()[0]}); facts stand in columns or are made by templates."
            )
        reader = TemplateReader(read_templates(self.templates, workspace))
        asked = sorted(reader.columns), reader.columns | self._needed()
        return scan_facts(source, reader, asked, self._named(), is_named, workspace, progress)

    def origins(self, pool: Pool, ids: Collection[str], progress: Progress) -> Mapping[str, Origin] | None:
        if self.templates is not None:
            return None
        asked = dict(zip(ids, pool.rows(ids).tolist(), strict=True))
        columns = self._columns()
        reader, wanted = ColumnReader(columns), columns.wanted() | self._needed()
        missing = pool.left_out + pool.passed_by

        def content(values: Mapping[str, Any]) -> str:
            return reader.read(values).content

        return row_origins(pool.source, wanted, self._named(), content, asked, missing, pool.workspace, progress)

    def _columns(self) -> Columns:
        return Columns(
            self.question_column,
            self.answer_column,
            self.relation_column,
            self.fact_column,
            self.wording_column,
            self.identities != "none",
        )

    def _named(self) -> Named:
        return Named(self.id_column, None, self.ids == "file_and_id")

    def _needed(self) -> frozenset[str]:
        return frozenset({self._named().id_column, OURS})

    def offers(self, pool: Pool) -> frozenset[str]:
        return frozenset({"text", "turns"})

    def open(self, pool: Pool, row: int, **hints: Any) -> Any:
        raise BadRequest(
            f"Samples of the facts pool {pool.name} are no pictures; read them with pool.turns(row) or pool.text(row)."
        )

    def text(self, pool: Pool, row: int) -> list[str]:
        """Question and answer as one text."""
        return [rows.whole(self.turns(pool, row))]

    def turns(self, pool: Pool, row: int) -> list[Turn]:
        return [Turn("user", pool.value(QUESTION, row)), Turn("assistant", pool.value(ANSWER, row))]
