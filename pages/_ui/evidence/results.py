"""What was compared: one sentence, a forest plot, the table with its words, what choosing costs, downloads."""

import html
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from datasel_core.evidence.differences import BETTER, PILOT, UNKNOWN, WORSE
from datasel_core.evidence.tables import paper
from datasel_core.evidence.tables.judges import listed
from pages._ui.evidence.names import Names
from pages._ui.kit import keys, look, markdown, palette

COLOURS = {BETTER: palette.COLOURS[4], WORSE: palette.COLOURS[7], UNKNOWN: palette.DROPPED, PILOT: palette.DROPPED}
_FILES = {".csv": "CSV", ".tex": "LaTeX", ".md": "Markdown"}
_SPOKEN = 3
"""Methods whose verdicts are said one by one; of more only how many they are."""
_ROW = 19
_LABEL = 48
"""Characters of a method's name beside its line."""


def results(said: Mapping[str, Any], names: Names) -> None:
    """said: a document, as `evidence --json` prints it."""
    measures = {one["name"]: one for one in said["measures"]}
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="evidence-said"):
        sentence = st.empty()
        name = keys.bound(
            st.segmented_control,
            "Measure",
            "evidence.measure",
            said["measure"],
            options=list(measures),
            format_func=lambda one: markdown.plain(_called(measures[one])),
            required=True,
            label_visibility="collapsed",
        )
    measure, cells = measures[name], [one for one in paper.every(said) if one["measure"] == name]
    sentence.markdown(_sentence(cells, names))
    _over_fit([names.line(line, cells) for line in said.get("over_fit", ())])
    left, right = st.columns([72, 28], gap="medium")
    with left:
        _forest(measure, cells, names)
        look.legend([(COLOURS[word], word) for word in dict.fromkeys(one["verdict"] for one in cells)])
        _table(cells, names, _judges(said) if name == said["measure"] else {})
    with right, st.container(key="rail"):
        look.section("What is measured")
        title = f"{measure['title'][:1].upper()}{measure['title'][1:]}; {measure['better']} is better."
        st.caption(markdown.plain(title))
        notes = [line for line in said["notes"] if line not in said.get("over_fit", ())]
        st.caption("  \n".join(markdown.plain(names.line(line, cells)) for line in notes))
        benefits = [names.line(one["benefit"], cells) for one in cells if "benefit" in one]
        if benefits:
            with st.expander("What choosing costs, and what it saves"):
                st.markdown("\n".join(f"- {markdown.plain(line[:1].upper() + line[1:])}" for line in benefits))
        look.section("Table for a paper")
        _downloads(said)


def _sentence(cells: Sequence[Mapping[str, Any]], names: Names) -> str:
    """`**Facility location is better than random** at 30 and 60`, of all that is shown; the control says nothing."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in cells:
        if one["verdict"] in (BETTER, WORSE) and not one["control"]:
            found.setdefault((names.of(one), one["verdict"]), []).append(f"{one['budget']:,}")
    if not found:
        pilot = any(one["verdict"] == PILOT for one in cells)
        return "**Fewer than 8 seeds show nothing yet**" if pilot else "**No method is shown to differ from random**"
    if len(found) > _SPOKEN:
        return _summed_up(cells, found, names)
    order = sorted(found, key=lambda one: one[1] != BETTER)
    return "; ".join(
        f"**{markdown.plain(name)} is {word} than random** at {listed(found[name, word])}" for name, word in order
    )


def _summed_up(cells: Sequence[Mapping[str, Any]], found: Mapping[tuple[str, str], Sequence[str]], names: Names) -> str:
    """`**10 of 12 methods are better than random, 1 is worse**; the farthest from it, DSIR at 320, by -0.127`."""
    of = len({names.of(one) for one in cells if not one["control"]})
    many = {word: len([name for name, is_word in found if is_word == word]) for word in (BETTER, WORSE)}
    parts = [f"{n:,} {'is' if n == 1 else 'are'} {word}" for word, n in many.items() if n]
    first, _, rest = parts[0].partition(" ")
    which = BETTER if many[BETTER] else WORSE
    most = max(
        (one for one in cells if one["verdict"] == which and not one["control"]), key=lambda one: abs(one["difference"])
    )
    return (
        f"**{', '.join([f'{first} of {of:,} methods {rest} than random', *parts[1:]])}**; the farthest from it: "
        f"{markdown.plain(names.of(most))} at {most['budget']:,}, by {paper.signed(most['difference'])}"
    )


def _over_fit(lines: Sequence[str]) -> None:
    """Whose gain on what it chose towards is not seen elsewhere."""
    if len(lines) == 1:
        st.markdown(f":material/info: {markdown.plain(lines[0])}")
    elif lines:
        with st.expander(
            f"{len(lines):,} choices may be over-fit to what they were made towards", icon=":material/info:"
        ):
            st.markdown("\n".join(f"- {markdown.plain(line)}" for line in lines))


def _downloads(said: Mapping[str, Any]) -> None:
    with st.container(horizontal=True, gap="small"):
        for suffix, title in _FILES.items():
            st.download_button(
                title,
                paper.written(said, suffix),
                f"{said['pool']['name']}-evidence{suffix}",
                key=f"evidence-file-{title}",
                icon=":material/download:",
                on_click="ignore",
            )


def _forest(measure: Mapping[str, Any], cells: Sequence[Mapping[str, Any]], names: Names) -> None:
    """A line per cell: the difference from random with its interval; the control last."""
    import plotly.graph_objects as go

    full = [f"{html.escape(names.of(one))} · {one['budget']:,}" for one in cells]
    rows = [
        f"{html.escape(textwrap.shorten(names.of(one), _LABEL, placeholder=' …'))} · {one['budget']:,}" for one in cells
    ]
    rows = [line if rows.count(line) == 1 else full[at] for at, line in enumerate(rows)]
    figure = go.Figure()
    for word in dict.fromkeys(one["verdict"] for one in cells):
        mine = [at for at, one in enumerate(cells) if one["verdict"] == word]
        part = [cells[at] for at in mine]
        said = [f"{full[at]}: {paper.signed(cells[at]['difference'])}, {paper.interval(cells[at])}" for at in mine]
        figure.add_scatter(
            x=[one["difference"] for one in part],
            y=[rows[at] for at in mine],
            mode="markers",
            marker={"color": COLOURS[word], "size": 9, "symbol": "square"},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [one["high"] - one["difference"] for one in part],
                "arrayminus": [one["difference"] - one["low"] for one in part],
                "thickness": 1.6,
                "width": 0,
            },
            hovertext=[f"{line}, {word}" for line in said],
            hoverinfo="text",
            showlegend=False,
        )
    unit = f" ({measure['unit']})" if measure["unit"] else ""
    side = "right" if measure["better"] == "higher" else "left"
    figure.add_vline(x=0, line={"width": 1, "color": palette.BASELINE})
    figure.update_xaxes(title=f"difference from random{unit}, 95 % interval", zeroline=False)
    figure.update_yaxes(categoryorder="array", categoryarray=rows[::-1], title="method · budget")
    figure.update_layout(dragmode=False)
    words = [
        f"{names.of(one)} at {one['budget']:,} {one['verdict']}" for one in cells if one["verdict"] in (BETTER, WORSE)
    ]
    alt = f"Differences from random by {measure['name']}: {', '.join(words) or 'none is shown to differ'}."
    height = 90 + _ROW * len(rows)
    look.chart(
        figure,
        f"Against random: {measure['name']}; {side} is better",
        alt,
        height=height,
        key=f"forest-{measure['name']}",
    )


_Judge = Mapping[tuple[str, int], Mapping[str, Any]]
"""Method and budget -> its cell."""


def _judges(said: Mapping[str, Any]) -> dict[str, _Judge]:
    """Head of a column -> what another pool says after the same trainings; what methods chose towards comes last."""
    found = [one for one in said["measures"] if "judge" in one]
    return {
        _called(one): {
            (cell["method"], cell["budget"]): cell for cell in said["others"] if cell["measure"] == one["name"]
        }
        for one in sorted(found, key=lambda one: one["reference"])
    }


def _called(measure: Mapping[str, Any]) -> str:
    """`Distance`, `On second-novel`, `On wanted (its target)`."""
    if "judge" not in measure:
        return measure["name"].capitalize()
    return f"On {measure['judge']}{' (its target)' if measure['reference'] else ''}"


def _table(cells: Sequence[Mapping[str, Any]], names: Names, judges: Mapping[str, _Judge]) -> None:
    """judges: further columns, the difference on each."""
    heads = ["method", "budget", "value", "random", "difference", "95 % interval", "verdict"]
    worth = any(one.get("worth") for one in cells)
    body = "".join(f"<tr>{_row(one, names, worth)}{_judged(one, judges)}</tr>" for one in cells)
    heads += (["worth"] if worth else []) + [html.escape(name) for name in judges]
    head = "".join(f"<th>{name}</th>" for name in heads)
    st.html(
        f'<div class="ds-table ds-evidence"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
    if worth:
        st.caption("Worth: so many random samples do as well (95 % interval).")


def _judged(one: Mapping[str, Any], judges: Mapping[str, _Judge]) -> str:
    """The difference on each judge, in the colour of its verdict, which stands in its title."""
    found = []
    for judge in judges.values():
        cell = judge[one["method"], one["budget"]]
        word, tag = cell["verdict"], "b" if cell["verdict"] in (BETTER, WORSE) else "span"
        said = f'<{tag} style="color:{COLOURS[word]}">{paper.signed(cell["difference"])}</{tag}>'
        found.append(f'<td title="{word}">{said}</td>')
    return "".join(found)


def _row(one: Mapping[str, Any], names: Names, worth: bool) -> str:
    word = f'<b style="color:{COLOURS[one["verdict"]]}">{one["verdict"]}</b>'
    plain = [
        names.of(one),
        f"{one['budget']:,}",
        paper.number(one["value"]),
        paper.number(one["random"]),
        paper.signed(one["difference"]),
        paper.interval(one),
    ]
    found = [*(html.escape(text) for text in plain), word]
    if worth:
        found.append(html.escape((one.get("worth_words") or "").replace(" random ones", "")))
    return "".join(f"<td>{text}</td>" for text in found)
