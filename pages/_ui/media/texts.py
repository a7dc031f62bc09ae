"""Text samples on the screen: cards with prompt and response, and one sample at full length."""

import html
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.pools.readers.texts.preferences import REJECTED
from pages._ui.kit import keys, markdown

_HERE = Path(__file__).parent
A_PAGE = 24
_CARD = 700
_WHOLE = 20_000
"""Characters that a person reads at most of one turn; a sample may hold millions."""

Words = Mapping[int, str] | Callable[[int], str] | None

TEXTS = st.components.v2.component(
    "datasel_texts",
    html='<div class="texts"></div>',
    css=(_HERE / "texts.css").read_text(encoding="utf-8"),
    js=(_HERE / "texts.js").read_text(encoding="utf-8"),
)
"""data: {"items": [{"row", "badge", "name", "prompt", "response", "rejected", "dim"}], "page", "pages", "first", "n",
"wide", "lines", "alt", "none"}.
State: page. Trigger: open (a row).
"""


def has_texts(pool: Pool) -> bool:
    """Whether a sample is a text to read: prompt and response, or running text."""
    return "turns" in pool.opens


def wall(
    pool: Pool,
    rows: Sequence[int] | np.ndarray,
    *,
    key: str,
    badges: Words = None,
    dim: Collection[int] | None = None,
    on_open: Callable[[int], None] | None = None,
    wide: int = 340,
    lines: tuple[int, int] = (5, 4),
    none: str = "None.",
) -> int | None:
    """Cards of these rows, in this order, 24 a page. Returns the row that was just clicked; it is also kept as
    `open_row`.

    badges: row -> bold text in the corner. dim: rows shown pale. wide: least width of a card in pixels. lines: how many
    of prompt and response.
    """
    rows = np.asarray(rows, dtype=np.int64)
    pages = max(1, -(-len(rows) // A_PAGE))
    page = min(_page(key), pages - 1)
    shown = rows[page * A_PAGE : (page + 1) * A_PAGE].tolist()
    data = {
        "items": [_item(pool, row, badges, dim is not None and row in dim) for row in shown],
        "page": page,
        "pages": pages,
        "first": page * A_PAGE + 1,
        "n": len(rows),
        "wide": wide,
        "lines": list(lines),
        "alt": f"{len(shown):,} of {len(rows):,} samples",
        "none": none,
    }

    def opened() -> None:
        row = st.session_state[key]["open"]
        if isinstance(row, int):
            keys.put("open_row", row)
            if on_open is not None:
                on_open(row)

    answer = TEXTS(key=key, data=data, default={"page": 0}, on_page_change=lambda: None, on_open_change=opened)
    return answer.open if isinstance(answer.open, int) else None


def parts(pool: Pool, row: int, limit: int = _CARD) -> tuple[str, str]:
    """(what is only read, what is learned) of one sample, each cut at `limit` characters."""
    try:
        turns = pool.turns(int(row))
    except DataselError as error:
        return "", f"This sample cannot be read any more: {error}"
    return tuple(
        _cut("\n\n".join(turn.text for turn in turns if turn.learned is learned), limit) for learned in (False, True)
    )


def whole(pool: Pool, row: int) -> None:
    """Every turn of one sample, one under the other, as it is written."""
    try:
        turns = pool.turns(int(row))
    except DataselError as error:
        markdown.trouble(f"{pool.ids[row]} cannot be read any more: {error}")
        return
    said = {"system": "System", "user": "Prompt", "assistant": "Response", "tool": "Tool", "text": "Text"}
    blocks = [_block(said[turn.role], turn.text, turn.learned) for turn in turns]
    if (other := rejected(pool, row, _WHOLE)) is not None:
        blocks.append(_block("Rejected response", other, learned=False))
    st.html(f'<div class="ds-turns">{"".join(blocks)}</div>')


def rejected(pool: Pool, row: int, limit: int = _CARD) -> str | None:
    """The response that people did not choose, where a sample has two; cut at `limit` characters."""
    try:
        text = pool.value(REJECTED, int(row)) if REJECTED in pool.long_columns else None
    except DataselError:
        return None
    return None if text is None else _cut(text, limit)


def _block(name: str, text: str, learned: bool) -> str:
    marked = " ds-learned" if learned else ""
    return f'<div class="ds-turn{marked}"><b>{name}</b><p>{html.escape(_cut(text, _WHOLE))}</p></div>'


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit].rstrip()} … ({len(text):,} characters in all)"


def _item(pool: Pool, row: int, badges: Words, dim: bool) -> dict[str, str | int | bool | None]:
    prompt, response = parts(pool, row)
    group = pool.table[pool.group_column][row].as_py() if pool.group_column else None
    badge = "" if badges is None else str(badges(row) if callable(badges) else badges.get(row, ""))
    return {
        "row": int(row),
        "badge": badge,
        "name": str(group or pool.ids[row]),
        "prompt": prompt,
        "response": response,
        "rejected": rejected(pool, row),
        "dim": dim,
    }


def _page(key: str) -> int:
    state = st.session_state.get(key)
    try:
        return max(0, int(state["page"]))
    except (TypeError, KeyError, ValueError):
        return 0
