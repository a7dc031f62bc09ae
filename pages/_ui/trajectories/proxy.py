"""Fitting the proxy model from the screen: what it will be, its loss while it learns, and what it was."""

import json
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.features.encoders.loss_trajectory import LossTrajectory
from datasel_core.features.stored import StoredFeature
from datasel_core.pools.pool import Pool
from datasel_core.worker import Job
from pages._ui.kit import forms, keys, look, markdown, palette, watch

FEATURE = LossTrajectory.id
_POINTS = 600


def name(pool: Pool) -> str:
    """Under which the fitting is watched; the same as on the Data page."""
    return f"feature.{pool.name}.{FEATURE}"


def fitting(pool: Pool) -> bool:
    """How far the fitting is, with the loss as it falls. True while it goes on."""
    if (trouble := watch.error(name(pool))) is not None:
        markdown.trouble(trouble)
    job = watch.started(name(pool), "feature", pool=pool.name, feature=FEATURE)
    watch.watch(job, key=name(pool), done=lambda result: keys.tell(_finished(pool, result), "success"))
    if job is None or job.status()["state"] == "done":
        return False
    st.fragment(_falling, run_every=1.5 if job.is_active else None)(job)
    return job.is_active


def card(pool: Pool) -> None:
    """Two ways to trajectories: fit a small model here, or bring what was measured elsewhere."""
    cls = registry.find("feature", FEATURE)
    fit, bring = st.columns([3, 2], gap="medium")
    with fit, st.container(border=True, height="stretch", key="card-fit"):
        look.section("Fit a small model here", "no download needed")
        st.markdown(cls.summary())
        st.caption(f"**Cost:** {cls.cost}")
        with st.expander("Parameters", icon=":material/tune:"):
            params, error = forms.form(cls, cls.id)
        if st.button(
            f"Fit on {look.samples(pool)}",
            key="fit-proxy",
            type="primary",
            icon=":material/play_arrow:",
            disabled=error is not None,
        ):
            watch.start(name(pool), "feature", pool=pool.name, feature=cls.id, params=params)
            st.rerun()
    with bring, st.container(border=True, height="stretch", key="card-bring"):
        look.section("Bring trajectories", "measured with a model of your own")
        st.markdown(
            "An .npz file with `ids` and `loss_trajectory`: one line per sample, one mean response loss per "
            "checkpoint. Ids are matched by name."
        )
        file = keys.bound(st.text_input, "File on this computer", "import.file", "", placeholder="/home/me/losses.npz")
        if st.button("Import", key="import-losses", icon=":material/input:", disabled=not file):
            watch.start("import-losses", "feature_import", pool=pool.name, role=FEATURE, file=file.strip())
        if (trouble := watch.error("import-losses")) is not None:
            markdown.trouble(trouble)
        watch.watch(watch.started("import-losses"), key="import-losses")
    _how_it_works()


_STEPS = (
    (
        "1. A small model learns everything",
        "At a few checkpoints on the way, the loss of every response is measured: its trajectory.",
    ),
    (
        "2. What is learned alike lies together",
        "Samples whose losses fall alike form clusters. In one, gradients along the model's way are similar.",
    ),
    (
        "3. Some of each are kept",
        "Small clusters whole, large ones in part: what the large model learns from is spread over every way of being "
        "learned.",
    ),
)


def _how_it_works() -> None:
    parts = "".join(f"<div><b>{name}</b><p>{text}</p></div>" for name, text in _STEPS)
    st.html(f'<div class="ds-steps" style="grid-template-columns: repeat(3, 1fr)">{parts}</div>')


def said(kept: StoredFeature) -> str:
    """What the trajectories come from, in one line."""
    facts, (n, t) = kept.meta.get("facts", {}), kept.meta["values"]
    if kept.id == "imported":
        return f"{look.many(t, 'checkpoint')}, imported from {kept.meta['params'].get('file', 'a file')}"
    words = [look.many(t, "checkpoint")]
    if facts.get("parameters"):
        words.append(f"a model of {_millions(facts['parameters'])} parameters")
    if (lines := log(kept.folder)) and "seconds" in lines[
        -1
    ]:  # the log goes on after a stop; the feature knows its last attempt alone
        words.append(f"fitted in {_minutes(lines[-1]['seconds'])}")
    if kept.unreadable:
        words.append(f"{len(kept.unreadable):,} of {n:,} samples left out")
    return ", ".join(words)


def learning(folder: Path) -> None:
    """The training loss as it was logged, or nothing where there is no log. Where it was no number there is a line that
    says so.
    """
    logged = log(folder)
    lines = [line for line in logged if line["loss"] is not None]
    if len(lines) < len(logged):
        first = next(line["step"] for line in logged if line["loss"] is None)
        markdown.warning(
            f"At step {first:,} the loss is no number any more: the model came apart. Fit it with a lower rate."
        )
    if len(lines) < 2:
        return
    import plotly.graph_objects as go

    every = max(1, len(lines) // _POINTS)
    shown = [*lines[::every], lines[-1]]
    x, y = [line["step"] for line in shown], [line["loss"] for line in shown]
    figure = go.Figure(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": palette.COLOURS[0], "width": 2},
            hovertemplate="step %{x:,}: %{y:.3f}<extra></extra>",
        )
    )
    figure.update_layout(
        xaxis={"title": {"text": "training step"}, "range": [0, lines[-1]["of"]]},
        yaxis={"title": {"text": "loss of a response token (nats)"}, "rangemode": "tozero"},
        dragmode=False,
        showlegend=False,
    )
    alt = f"Training loss, from {y[0]:.2f} at step {x[0]:,} to {y[-1]:.2f} at step {x[-1]:,} of {lines[-1]['of']:,}."
    look.chart(
        figure,
        f"Loss while the proxy learns: {y[-1]:.3f} at step {x[-1]:,} of {lines[-1]['of']:,}",
        alt,
        height=260,
        key="learning",
    )


def log(folder: Path) -> list[dict[str, Any]]:
    """What was logged while the model learned, a line each; a line that is still being written is left out."""
    try:
        text = (folder / "proxy" / "loss.jsonl").read_text(encoding="utf-8")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [line for line in found if {"step", "of", "loss"} <= line.keys()]


def _falling(job: Job) -> None:
    learning(job.folder)


def _finished(pool: Pool, result: dict[str, Any]) -> str:
    missed = result.get("unreadable", 0)
    return f"Loss trajectories of {pool.n - missed:,} of {look.samples(pool)} are there" + (
        f"; {missed:,} could not be measured." if missed else "."
    )


def _millions(n: int) -> str:
    return f"{n / 1e6:.1f} million" if n >= 1e6 else f"{n:,}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
