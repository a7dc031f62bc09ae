"""Which relations lose most: facts kept of facts there were, and what is known by heart before and after."""

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui.kit import look, palette

_MOST = 500
_STYLE = """.ds-relations td.n, .ds-relations th.n { text-align: right; white-space: nowrap; }
.ds-relations td { font-variant-numeric: tabular-nums; min-width: 0 !important; }
.ds-relations td.bar { width: 30%; }
.ds-relations td.bar div { display: flex; height: 10px; gap: 1px; margin-top: 4px; }
.ds-relations i { display: block; border-radius: 2px; min-width: 1px; }"""


def draw(said: Mapping[str, Any], memory: Mapping[str, Any] | None, colour: str) -> None:
    """memory: what was measured before and after; None where nothing was."""
    known = {one["relation"]: one for one in memory["relations"]} if memory is not None else {}
    entropy = {one["relation"]: one for one in said["relations"]}
    lines, chosen = said["lost"], bool(said["lost"])
    if not chosen:
        lines = [{"relation": one["relation"], "facts": one["facts"], "kept": None} for one in said["relations"]]
    head = "<th>relation</th><th class=n>facts</th>"
    head += "<th class=n>kept</th><th>kept and dropped</th>" if chosen else ""
    head += "<th class=n>answers</th><th class=n>bits a fact</th><th class=n>right by guessing</th>"
    head += "<th class=n>right before</th><th class=n>right after</th>" if known else ""
    body = "".join(_line(one, entropy[one["relation"]], known, chosen, colour) for one in lines[:_MOST])
    words = "the one that loses the largest share first" if chosen else "the largest first"
    words = words if len(lines) > 1 else ""
    look.section(look.many(len(lines), "relation"), words)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    st.html(f'<style>{_STYLE}</style><div class="ds-table ds-relations" style="max-height:520px">{table}</div>')
    if chosen:
        look.legend([(colour, "kept"), (palette.DROPPED, "dropped whole")])
    if len(lines) > _MOST:
        st.caption(f"The first {_MOST:,} are shown.")
    if known:
        st.caption(
            "Right before and after: facts that small models answer rightly, of those that they were asked about."
        )


def _line(one: Mapping[str, Any], of: Mapping[str, Any], known: Mapping[str, Any], chosen: bool, colour: str) -> str:
    cells = [f"<td>{html.escape(one['relation'])}</td>", f"<td class=n>{one['facts']:,}</td>"]
    if chosen:
        share = 100 * one["kept"] / max(1, one["facts"])
        bars = f'<i style="width:{share:.1f}%;background:{colour}"></i>'
        bars += f'<i style="flex:1;background:{palette.DROPPED}"></i>' if one["kept"] < one["facts"] else ""
        kept = f"{one['kept']:,} ({look.percent(one['kept'], one['facts'])})"
        cells += [f"<td class=n>{kept}</td>", f'<td class=bar><div title="{kept}">{bars}</div></td>']
    bits = sorted({f"{of[name]:.1f}": of[name] for name in ("plug_in", "chao_shen")}.items(), key=lambda one: one[1])
    cells += [f"<td class=n>{of['answers']:,}</td>", f"<td class=n>{' to '.join(words for words, _ in bits)}</td>"]
    cells.append(f"<td class=n>{look.percent(of['commonest'], 1)}</td>")
    if known:
        right = known.get(one["relation"])
        both = ("", "") if right is None else (f"{right['before']:,.0f}", f"{right['after']:,.0f}")
        cells += [f"<td class=n>{part}</td>" for part in both]
    return f"<tr>{''.join(cells)}</tr>"
