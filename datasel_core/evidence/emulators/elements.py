"""Parts of the HTML of a reliability card: tables, lists and figures, whose texts stay texts."""

from collections.abc import Mapping, Sequence
from typing import Any

from datasel_core.evidence.emulators.drawings import escaped


def missing(card: Mapping[str, Any], name: str) -> str:
    """Why something is not there; empty where it is."""
    why = card["reasons"].get(name)
    return f'<p class="muted">{escaped(why)}</p>' if why else ""


def figure(drawn: str, said: str) -> str:
    return f"<figure>{drawn}<figcaption>{escaped(said)}</figcaption></figure>"


def pairs(said: Mapping[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{escaped(name)}</dt><dd>{escaped(one)}</dd>' for name, one in said.items())}</dl>"


def listing(said: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escaped(one)}</li>' for one in said)}</ul>"


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, own: int | None = None, kind: str = ""
) -> str:
    """Cells that are numbers stand to the right. own: the row that the page is about."""
    right = [all(_is_number(row[at]) for row in rows) for at in range(len(head))]
    kinds = [' class="n"' if one else "" for one in right]
    top = "".join(f"<th{kind}>{escaped(one)}</th>" for kind, one in zip(kinds, head, strict=True)) if any(head) else ""
    lines = [
        ('<tr class="own">' if at == own else "<tr>")
        + "".join(f"<td{kind}>{escaped(one)}</td>" for kind, one in zip(kinds, row, strict=True))
        + "</tr>"
        for at, row in enumerate(rows)
    ]
    said = f"<caption>{escaped(caption)}</caption>" if caption else ""
    return f'<div class="wide {kind}"><table>{said}{f"<tr>{top}</tr>" if top else ""}{"".join(lines)}</table></div>'


def _is_number(said: str) -> bool:
    return said[:1] in "−0123456789" and not said[-1:].isalpha() or said == "unknown"
