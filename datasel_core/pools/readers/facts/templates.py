"""Facts that are made of any table: a line says how a question and its answer are written from the cells of a row."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput, BadRequest
from datasel_core.pools.readers.facts.fact import Fact
from datasel_core.pools.readers.tables.typed import EXACT, is_missing
from datasel_core.pools.readers.texts.turns import BadRow, response_of, shown, text_of
from datasel_core.workspace.layout import Workspace

_CELL = re.compile(r"\{([^{}]+)\}")
_EXAMPLE = "artist: Who made {title}? -> {artist}"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Template:
    """One wording of the facts of a relation. number: of the wording, from 0, in the order of the lines. line: where it
    stands.
    """

    relation: str
    question: str
    answer: str
    number: int
    line: int

    def columns(self) -> list[str]:
        return _CELL.findall(self.question) + _CELL.findall(self.answer)


def read_templates(said: str, workspace: Workspace) -> list[Template]:
    """said: the lines themselves, or the path of a file that holds them; empty lines, and those that begin with #, say
    nothing. Raises BadInput, or BadRequest when the file may not be read.
    """
    found: list[Template] = []
    for line, text in enumerate(_text(said, workspace).splitlines(), 1):
        if text.strip() and not text.lstrip().startswith("#"):
            found.append(_template(text.strip(), line, found))
    if not found:
        raise BadInput(f"There are no templates; write lines such as {_EXAMPLE}")
    return found


def _text(said: str, workspace: Workspace) -> str:
    if "->" in said:
        return said
    path = workspace.allowed(said)
    if not path.is_file():
        raise BadInput(f"There is no file of templates {said}; name one, or give lines such as {_EXAMPLE}")
    if path.stat().st_size > _MOST_BYTES:
        raise BadInput(f"{path.name} has more than {_MOST_BYTES:,} bytes; these are no templates.")
    return _decoded(path)


def _decoded(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not UTF-8; save the templates as UTF-8.") from None
    except OSError as error:
        raise BadRequest(f"{path.name} cannot be read ({error.strerror}).") from None


def _template(text: str, line: int, before: list[Template]) -> Template:
    relation, colon, rest = text.partition(":")
    question, arrow, answer = rest.rpartition("->")
    relation, question, answer = relation.strip(), question.strip(), answer.strip()
    if not (colon and arrow and relation and question and answer) or not relation.isprintable():
        raise BadInput(f"Line {line} of the templates is {shown(text)!r}; write lines such as {_EXAMPLE}")
    for name, part in (("question", question), ("answer", answer)):
        if not _CELL.search(part) or set("{}") & set(_CELL.sub("", part)):
            raise BadInput(
                f"Line {line} of the templates has the {name} {shown(part)!r}; name the columns in it, each in braces, "
                f"as in {_EXAMPLE}"
            )
    same = [one for one in before if one.relation == relation]
    if same and same[0].answer != answer:
        raise BadInput(
            f"The templates answer {shown(relation)} with {same[0].answer} in line {same[0].line} and with {answer} in "
            f"line {line}; all wordings of a relation have one answer, so give one of them another name."
        )
    if twin := next((one.line for one in same if one.question == question), None):
        raise BadInput(f"Lines {twin} and {line} of the templates are the same; leave one out.")
    return Template(relation, question, answer, len(same), line)


class TemplateReader:
    """Makes facts of rows: one per relation, in all of its wordings."""

    def __init__(self, templates: list[Template]):
        self._relations: dict[str, list[Template]] = {}
        for one in templates:
            self._relations.setdefault(one.relation, []).append(one)
        self.columns = frozenset(name for one in templates for name in one.columns())

    def read(self, row: Mapping[str, Any]) -> Iterator[tuple[str, Fact | BadRow]]:
        """(relation and wording, or the relation alone, the fact or why it is left out). The first wording of a fact is
        the first that the row can fill.
        """
        for relation, wordings in self._relations.items():
            try:
                answer = response_of(_filled(wordings[0].answer, row), "answer")
            except BadRow as error:
                yield relation, error
                continue
            first = None
            for one in wordings:
                name = f"{relation}/{one.number}"
                try:
                    question = _filled(one.question, row)
                except BadRow as error:
                    yield name, error
                    continue
                first = question if first is None else first
                yield name, Fact(relation, question, answer, first, wording=one.number)


def _filled(template: str, row: Mapping[str, Any]) -> str:
    return _CELL.sub(lambda found: _cell(row, found[1]), template)


def _cell(row: Mapping[str, Any], name: str) -> str:
    """Text as it stands, a number as its digits; tools write whole numbers as fractions where some are missing. Raises
    BadRow.
    """
    value = row.get(name)
    if is_missing(value):
        raise BadRow(f"its {name} is missing")
    if isinstance(value, float) and abs(value) < EXACT and value == int(value):
        value = int(value)
    return str(value) if isinstance(value, date) else text_of(value, name)
