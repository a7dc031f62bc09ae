"""The reliability card of an emulator: verdict, errors beside baselines and noise, coverage, physics, limits."""

import html
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from datasel_core.actions.emulator import EXPORTED
from datasel_core.analysis.climate.scores.baselines import PATTERN_SCALING
from pages._ui.climate.fitting import told
from pages._ui.climate.rail import table
from pages._ui.kit import look, markdown, palette

_HOLDS = {
    True: ("holds", palette.COLOURS[4]),
    False: ("does not hold", palette.COLOURS[7]),
    None: ("not a test", palette.DROPPED),
}


def draw(card: Mapping[str, Any], as_html: str) -> None:
    """as_html: the whole card."""
    verdict = card["verdict"]
    word = verdict["word"][:1].upper() + verdict["word"][1:]
    st.markdown(f"**{markdown.plain(word)}.** {markdown.plain(verdict['sentence'])}")
    if card["over_fit"]:
        markdown.warning(card["over_fit"])
    _errors(card)
    for one in _sentences(card["notes"]):
        st.caption(one)
    left, right = st.columns(2, gap="medium")
    with left:
        _coverage(card)
        _regions(card)
    with right:
        _physics(card)
        _extrapolation(card)
    with st.expander("The whole card: every member, parts of the error, spread, trends, where it comes from"):
        st.iframe(as_html, height=760, alt="The reliability card as it is downloaded")


def beside(card: Mapping[str, Any], as_html: str) -> None:
    task = card["task"]
    look.section("The task that was tested")
    table(
        [
            ("model", card["provenance"]["model"]),
            ("target", task["target"].replace("/", " ")),
            ("reference", (task["reference"] or "none").replace("/", " ")),
            ("learned from", f"{task['years']:,} years of {', '.join(task['training'])}"),
            ("judged", f"{task['period'][0]}-{task['period'][1]}"),
            ("variable", f"{task['variable']} ({task['units']})"),
            ("driver", task["driver"]),
            ("weighting", task["weighting"]),
        ]
    )
    look.section("Out of scope")
    st.markdown("\n\n".join(markdown.plain(one) for one in task["out_of_scope"]))
    name = f"card-{card['key'][:12]}"
    with st.container(horizontal=True, gap="small"):
        _download("Card as HTML", as_html, f"{name}.html", "text/html")
        _download("Card as JSON", json.dumps(card, indent=1, sort_keys=True), f"{name}.json", "application/json")
    if task["kind"] in EXPORTED:
        with st.expander("Use the emulator without this program"):
            st.caption(
                "This writes it to a folder: slopes, intercepts and, where there is one, the covariance as NetCDF, and "
                "a ten-line script that uses them. SELECTION is the name of yours."
            )
            asked = f"SELECTION --target {shlex.quote(task['target'])} --kind {task['kind']} --out FOLDER"
            st.code(f"python -m datasel_core emulator {asked}", language="bash", wrap_lines=True)
    with st.expander("How the verdict is reached"):
        st.caption(markdown.plain(verdict_rule(card)))


def verdict_rule(card: Mapping[str, Any]) -> str:
    verdict = card["verdict"]
    gain, unit = verdict["gain"], card["task"]["units"]
    noise = verdict["noise"]
    known = f"noise {noise[0]:.3f} {unit} ({noise[1]:.3f} to {noise[2]:.3f})" if noise else "noise is not known"
    return (
        f"{verdict['rule']} Gain {gain[0]:.3f} {unit} ({gain[1]:.3f} to {gain[2]:.3f}); {known}. It is no certificate."
    )


def _download(label: str, data: str, name: str, kind: str) -> None:
    st.download_button(
        label,
        data=data,
        file_name=name,
        mime=kind,
        key=f"climate-{kind}",
        icon=":material/download:",
        on_click="ignore",
    )


def shown_errors(card: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The emulator and the baselines; pattern scaling once, where it is the emulator itself."""
    own = PATTERN_SCALING if _is_baseline(card) else ""
    return [(name, one) for name, one in card["errors"].items() if name != own]


def _is_baseline(card: Mapping[str, Any]) -> bool:
    """Pattern scaling that goes by forcing, or weighs scenarios, is not the baseline of that name."""
    return card["task"]["title"].lower() == PATTERN_SCALING


def _errors(card: Mapping[str, Any]) -> None:
    import plotly.graph_objects as go

    unit, known, floor = card["task"]["units"], shown_errors(card), card["floor"]
    figure = go.Figure(
        go.Bar(
            y=[html.escape(one["title"]) for _, one in known],
            x=[one["rmse_s"] for _, one in known],
            orientation="h",
            marker={"color": [palette.KEPT if name == "emulator" else palette.BASELINE for name, _ in known]},
            text=[html.escape(f"{one['rmse_s']:.3f} {unit}") for _, one in known],
            textposition="outside",
            textfont={"size": 12},
            cliponaxis=False,
            hovertext=[
                html.escape(f"{one['title']}: {one['rmse_s']:.3f}, of the global mean {one['rmse_g']:.3f} {unit}")
                + f"<br>told: {html.escape(one['driver'])}"
                for _, one in known
            ],
            hoverinfo="text",
        )
    )
    if floor is not None:
        figure.add_vline(x=floor["s"], line={"width": 2, "dash": "dash", "color": palette.COLOURS[1]})
    most = max(one["rmse_s"] for _, one in known)
    figure.update_layout(
        xaxis={"title": {"text": f"RMSE of the mean pattern ({html.escape(unit)})"}, "range": [0, 1.15 * most]},
        yaxis={"title": {"text": ""}, "autorange": "reversed"},
        dragmode=False,
        showlegend=False,
        uniformtext={"minsize": 12, "mode": "show"},
    )
    target = card["task"]["target"].replace("/", " ")
    title = f"Error on {target}, told the {told(card)}, beside what needs no emulator"
    alt = f"{title}: " + ", ".join(f"{one['title']} {one['rmse_s']:.3f} {unit}" for _, one in known)
    look.chart(figure, title, alt, height=90 + 36 * len(known), key="climate-card-errors")
    entries = [(palette.KEPT, "the emulator"), (palette.BASELINE, "baselines")]
    if floor is not None:
        entries.append((palette.COLOURS[1], f"noise between members, {floor['s']:.3f} {unit}"))
    look.legend(entries)
    if floor is None:
        st.caption(markdown.plain(_why(card, "floor")))


def _coverage(card: Mapping[str, Any]) -> None:
    look.section("Coverage", "how often the truth lies within what was said")
    found = card["ensemble"]
    if found is None:
        st.caption(markdown.plain(_why(card, "ensemble")))
        return
    rows = [(f"{one['level']:.0%} interval", _share(one)) for one in found["coverage"]]
    unit = card["task"]["units"]
    table([*rows, ("CRPS", f"{found['crps']:.3f} {unit}"), ("spread over error", f"{found['spread_skill']:.2f}")])
    st.caption(
        f"Of {look.many(found['members'], 'member')}. Spread over error is 1 where the spread is as large as the error."
    )


def _share(one: Mapping[str, Any]) -> str:
    return f"needs {one['needed']:,} members" if one["share"] is None else f"holds {one['share']:.0%}"


def _physics(card: Mapping[str, Any]) -> None:
    look.section("Physics", "what no field may break")
    for one in card["physics"]:
        words, colour = _HOLDS[one["holds"]]
        st.html(
            f'<div class="ds-legend"><span><i class="ds-dot" style="background:{colour}"></i>'
            f"{html.escape(one['sentence'])} ({words})</span></div>"
        )
    for name, why in card["reasons"].items():
        if name.startswith("physics."):
            st.caption(markdown.plain(f"Not tested: {name.removeprefix('physics.')}. {why}"))


def _extrapolation(card: Mapping[str, Any]) -> None:
    look.section("Beyond what was learned")
    for one in _sentences(card["drivers"]["sentences"]):
        st.caption(one)


def _sentences(said: Sequence[str]) -> list[str]:
    return [markdown.plain(one) for one in said]


def _regions(card: Mapping[str, Any]) -> None:
    known = [one for one in card["regions"] if one["rmse"] is not None]
    if not known:
        return
    unit = card["task"]["units"]
    look.section("By region", f"RMSE in {unit}, the worst first")
    worst = sorted(known, key=lambda one: -one["rmse"])[:6]
    other = "" if _is_baseline(card) else ", pattern scaling {pattern_scaling:.3f}"
    table([(one["name"], f"{one['rmse']:.3f}{other.format(**one)}") for one in worst])


def _why(card: Mapping[str, Any], entry: str) -> str:
    return card["reasons"].get(entry) or "Not known of this emulator."
