"""What a choice is made of, by group, beside what random would take on average."""

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.kit import grouping, look, palette

_NAMED = 6
_STRIP = """.ds-mix { display: flex; height: 10px; border-radius: 3px; overflow: hidden; gap: 1px; }
.ds-mix i { display: block; min-width: 2px; }"""
_STYLE = """.ds-made { width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; border-collapse: collapse; }
.ds-made th { text-align: left; font-weight: 500; opacity: .8; white-space: nowrap;
  padding: 3px 12px 3px 0; border: 0; position: sticky; top: 0; background: inherit; }
.ds-made td { padding: 2px 12px 2px 0; white-space: nowrap; border: 0; }
.ds-made td.n, .ds-made th.n { text-align: right; }
.ds-made td:last-child { width: 46%; padding-right: 0; }
.ds-made i { display: block; height: 6px; border-radius: 2px; margin: 1px 0; min-width: 1px; }"""


def table(pool: Pool, rows: np.ndarray, method: str, colour: str) -> None:
    """rows: chosen. Each group with its size, how many of it are chosen, and how many a random choice of as many takes
    on average.
    """
    groups = grouping.codes(pool)
    if groups is None:
        st.caption("This pool has no column that says where samples come from.")
        return
    names, of = groups
    whole, kept = np.bincount(of, minlength=len(names)), np.bincount(of[rows], minlength=len(names))
    random = whole * (len(rows) / max(1, pool.n))
    most = max(1.0, float(max(kept.max(), random.max())))
    lines = "".join(
        _line(names[at], int(whole[at]), int(kept[at]), random[at], most, colour)
        for at in np.argsort(-whole, kind="stable")
    )
    legend = f"{_dot(colour)} {html.escape(method)} &nbsp; {_dot(palette.BASELINE)} random, on average"
    numbers = "".join(
        f"<th class=n>{word}</th>" for word in ("in the pool", f"by {html.escape(method)}", "by random", "times random")
    )
    head = f"<th>{html.escape(str(pool.group_column))}</th>{numbers}<th>{legend}</th>"
    made = f'<table class="ds-made"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'
    st.html(f'<style>{_STYLE}</style><div class="ds-table" style="max-height:460px">{made}</div>')


def strip(lines: Sequence[tuple[str, int, int, str]], of: str) -> None:
    """What a part of a pool is made of, as one thin strip. lines: (name, how many in the part, how many in all,
    colour). of: what is counted.
    """
    there = sorted((line for line in lines if line[1]), key=lambda line: (-line[1], line[0]))
    total = max(1, sum(line[1] for line in there))
    words = [f"{name} {n:,} of {whole:,}" for name, n, whole, _ in there]
    cells = "".join(
        f'<i style="width:{100 * line[1] / total:.2f}%;background:{line[3]}" title="{html.escape(said)}"></i>'
        for line, said in zip(there, words, strict=True)
    )
    alt = html.escape(f"{of}: {', '.join(words[:_NAMED])}")
    st.html(f'<style>{_STRIP}</style><div class="ds-mix" role="img" aria-label="{alt}">{cells}</div>')
    entries = [(line[3], said) for line, said in zip(there[:_NAMED], words[:_NAMED], strict=True)]
    rest = there[_NAMED:]
    more = [(palette.DROPPED, f"{sum(line[1] for line in rest):,} in {look.many(len(rest), 'other group')}")]
    look.legend([*entries, *(more if rest else [])])


def _line(name: str, whole: int, kept: int, random: float, most: float, colour: str) -> str:
    numbers = "".join(
        f"<td class=n>{text}</td>"
        for text in (f"{whole:,}", f"{kept:,}", f"{random:,.0f}", f"{kept / random:.2f}" if random else "")
    )
    bars = "".join(
        f'<i style="background:{fill};width:{100 * n / most:.1f}%"></i>'
        for n, fill in ((kept, colour), (random, palette.BASELINE))
    )
    return f"<tr><td>{html.escape(name)}</td>{numbers}<td>{bars}</td></tr>"


def _dot(colour: str) -> str:
    return f'<span style="color:{colour}">&#9679;</span>'
