"""Small tables of text as people bring them: CSV, by the names in its first line."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from datasel_core.errors import BadInput

_MOST_BYTES = 50_000_000


def cells(file: str, text: str, needed: Sequence[str], known: Sequence[str]) -> list[tuple[int, Mapping[str, str]]]:
    """(line of the file, column -> text) of each row of a CSV that is not empty; columns of other names are left out.
    Separated by commas, or by semicolons as some spreadsheets do. Raises BadInput.
    """
    header = text.lstrip("\ufeff").partition("\n")[0]
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=";" if ";" in header else ",", strict=True)
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        missing = next((name for name in needed if name not in head), None)
        if missing is not None:
            raise BadInput(f"{file} has no column {missing}; its first line must name {', '.join(needed)}.")
        found = []
        for row in reader:
            if len(row) > len(head):
                raise BadInput(f"Line {reader.line_num} of {file} has {len(row)} cells, the header {len(head)}.")
            if any(cell.strip() for cell in row):
                one = {name: cell.strip() for name, cell in zip(head, row, strict=False) if name in known}
                found.append((reader.line_num, one))
    except csv.Error as error:
        raise BadInput(f"{file} is no CSV: {error}.") from None
    return found


def text_of(path: Path) -> str:
    """A small file as text. Raises BadInput."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{path.name} is too large for a table of times or rates.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is no UTF-8 text; save it as CSV, UTF-8.") from None
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror or error}.") from None
