"""Tables of rates, kept in the workspace as CSV, `rates/NAME.csv`, so that any editor or spreadsheet can change them;
one, `examples`, is built in.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from datetime import date
from pathlib import Path

from datasel_core.costs.cells import cells, text_of
from datasel_core.costs.tables.examples import BUILT_IN
from datasel_core.costs.tables.line import Line
from datasel_core.errors import BadInput, BadParameter, UnknownName
from datasel_core.workspace.files import writing
from datasel_core.workspace.layout import NAME, Workspace, checked_name

COLUMNS = ("name", "what", "low", "mid", "high", "unit", "date", "source")
EXAMPLES = "examples"
_MOST_LINES = 1000


def names(workspace: Workspace) -> list[str]:
    """Of all tables, the built-in one first."""
    kept = sorted(path.stem for path in workspace.rates().glob("*.csv") if NAME.fullmatch(path.stem))
    return [EXAMPLES, *(name for name in kept if name != EXAMPLES)]


def lines(workspace: Workspace, name: str) -> list[Line]:
    """Raises UnknownName; BadInput in one line where somebody wrote into the table what will not do."""
    if name == EXAMPLES:
        return list(BUILT_IN)
    path = _path(workspace, name)
    if not path.is_file():
        raise UnknownName("table of rates", name, names(workspace))
    return read(path.name, text_of(path))


def find(workspace: Workspace, said: str) -> Line:
    """`examples/box`, or `box` where one table alone has it. Raises UnknownName, BadParameter, BadInput."""
    table, _, name = said.rpartition("/")
    known = {
        f"{one}/{line.name}": line for one in ([table] if table else names(workspace)) for line in lines(workspace, one)
    }
    found = [full for full in known if full == said or (not table and full.rpartition("/")[2] == name)]
    if not found:
        raise UnknownName("rate", said, known)
    if len(found) > 1:
        raise BadParameter(f"Several tables have a rate called {said}: {', '.join(found)}; say which.")
    return known[found[0]]


def keep(workspace: Workspace, name: str, found: Sequence[Line], overwrite: bool = False) -> Path:
    """Writes a table, all at once or not at all. Raises BadParameter where it is there already, or is the built-in
    one.
    """
    path = _path(workspace, name)
    if name == EXAMPLES:
        raise BadParameter(f"{EXAMPLES} is built in and stays as it is; give your table another name.")
    if path.exists() and not overwrite:
        raise BadParameter(f"There is a table of rates called {name} already; choose another name, or say --overwrite.")
    _check(found)
    with writing(path) as temporary:
        temporary.write_text(written(found), encoding="utf-8", newline="")
    return path


def forget(workspace: Workspace, name: str) -> None:
    """Raises UnknownName, BadParameter."""
    if name == EXAMPLES:
        raise BadParameter(f"{EXAMPLES} is built in and stays.")
    if not _path(workspace, name).is_file():
        raise UnknownName("table of rates", name, names(workspace))
    _path(workspace, name).unlink()


def written(found: Iterable[Line]) -> str:
    """As CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(astuple(line) for line in found)
    return text.getvalue()


def text_from(rows: Sequence[Mapping[str, str | None]]) -> str:
    """CSV from what a person typed into cells, column -> text, to be read as a file is; empty rows are left out."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([row.get(name) or "" for name in COLUMNS] for row in rows if any(row.values()))
    return text.getvalue()


def read(file: str, text: str) -> list[Line]:
    """The lines of a CSV. file: what it is called in messages. Raises BadInput, naming the line."""
    rows = cells(file, text, ("name", "unit", "source"), COLUMNS)
    if not rows:
        raise BadInput(f"{file} holds no rates; it needs a line for each under the header {','.join(COLUMNS)}.")
    found = []
    for at, row in rows:
        try:
            filled = {"day": row.get("date") or date.today().isoformat(), "what": row.get("what") or row["name"]}
            found.append(Line(**{name: row.get(name, "") for name in COLUMNS if name != "date"} | filled))
        except BadParameter as error:
            raise BadInput(f"Line {at} of {file}: {_small(str(error))}") from None
    _check(found, file)
    return found


def _check(found: Sequence[Line], file: str = "The table") -> None:
    if len(found) > _MOST_LINES:
        raise BadInput(f"{file} has {len(found):,} rates; it may have at most {_MOST_LINES:,}.")
    twice = next((line.name for at, line in enumerate(found) if line.name in {one.name for one in found[:at]}), None)
    if twice is not None:
        raise BadInput(f"{file} has two rates called {twice}; each name stands once.")


def _path(workspace: Workspace, name: str) -> Path:
    return workspace.rates() / f"{checked_name('table', name)}.csv"


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
