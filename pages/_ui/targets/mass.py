"""Where the mass of a plan lies: on the map, and who serves whom."""

import numpy as np
import streamlit as st

from datasel_core.features.stored import StoredFeature
from datasel_core.methods.algorithms.transport import TransportPlan, served_by, serves
from datasel_core.runs.neighbor_tables import Tables
from datasel_core.runs.question import Question
from pages._ui.charts import colouring, maps
from pages._ui.charts import map as canvas
from pages._ui.kit import keys, look, palette
from pages._ui.media import photos, texts
from pages._ui.targets import tables

_MAP = "targets"
_TARGET = "#e5484d"
_SHADES = (
    ("half of all chance", "#0f9488"),
    ("the next 40 %", "#5b9df0"),
    ("the last 10 %", "#b79cf0"),
    ("no chance", palette.DROPPED),
)
_SHARES = (0.5, 0.9)
_MANY = 12
_TEXTS = 3
"""Examples that a person reads at once."""


def on_map(choice: Question, kept: StoredFeature, found: Tables, one: TransportPlan, p: np.ndarray) -> None:
    """Candidates coloured by how likely they are, targets among them. A click chooses one."""
    n = choice.pool.n
    there = maps.ensure(kept)
    points = tables.points(kept, found) if there else None
    if points is None:
        return
    labels = _labels(points, p, len(found.targets))
    row, target = keys.get("targets.row"), keys.get("targets.target")
    rings = (
        [n + target]
        if target is not None and target < len(found.targets)
        else [row]
        if row is not None and row < n
        else []
    )
    alt = f"Map of {n:,} candidates coloured by chance, with {len(found.targets):,} targets; near means similar."
    hint = "Click a target to see who serves it, a candidate to see whom it serves."
    lit = np.arange(n, n + len(found.targets))

    def opened(row: int) -> None:
        choose_target(row - n) if row >= n else choose_row(row)

    st.markdown(f"**Map of {n:,} candidates and {len(found.targets):,} targets** :small[:gray[near means similar]]")
    canvas.draw(
        _MAP,
        points,
        labels,
        canvas.Look(
            "points", alt, height=440, lasso=False, ranked=True, lit=lit, rings=rings, hint=hint, on_open=opened
        ),
    )


def choose_target(target: int) -> None:
    keys.put("targets.target", int(target))
    keys.put("targets.row", None)
    keys.put(
        "open_row", None
    )  # a wall of targets kept its own row there; other pages would take it for one of the pool


def choose_row(row: int) -> None:
    keys.put("targets.row", int(row))
    keys.put("targets.target", None)
    keys.put("open_row", int(row))


def _labels(points: canvas.Points, p: np.ndarray, m: int) -> canvas.Labels:
    """The targets, and four classes of chance; the first are drawn on top."""
    order = np.argsort(-p, kind="stable")
    before = np.concatenate([[0], np.cumsum(p[order])[:-1]])
    of = np.full(len(p), len(_SHADES), np.uint8)
    of[order] = np.where(p[order] > 0, 1 + np.searchsorted(_SHARES, before, side="right"), len(_SHADES))
    whole = np.concatenate([of, np.zeros(m, np.uint8)])
    names, colours = ["targets", *(name for name, _ in _SHADES)], [_TARGET, *(colour for _, colour in _SHADES)]
    return colouring.of_classes(f"{points.key}-{hash(whole.tobytes())}", whole, points, names, colours)


def detail(choice: Question, found: Tables, one: TransportPlan, p: np.ndarray) -> None:
    """For a chosen target, who serves it; for a chosen candidate, whom it serves."""
    row, target = keys.get("targets.row"), keys.get("targets.target")
    if target is not None and 0 <= target < len(found.targets):
        _target(choice, found, one, int(target))
    elif row is not None and 0 <= row < choice.pool.n:
        _candidate(choice, found, one, p, int(row))
    else:
        _examples(choice, found)


def _examples(choice: Question, found: Tables) -> None:
    """Some of the target, evenly from all of it, while nothing is chosen."""
    there, m = choice.target.pool, len(found.targets)
    many = _TEXTS if texts.has_texts(there) else _MANY
    at = np.unique(np.linspace(0, m - 1, min(m, many)).astype(np.int64))
    look.section(f"Examples of {there.name}", f"{len(at):,} of {look.samples(there, m)}")
    st.caption("Click one to see what stands for it here; a point of the map says whom it stands for.")
    by_row = {int(found.targets[one]): int(one) for one in at}
    photos.wall(there, found.targets[at], key="examples", height=96, on_open=lambda row: choose_target(by_row[row]))


def _back() -> None:
    """One click back to the examples."""
    st.button("Back to the examples", key="targets-back", type="tertiary", on_click=_choose_none)


def _choose_none() -> None:
    for name in ("targets.target", "targets.row"):
        keys.put(name, None)


def _target(choice: Question, found: Tables, one: TransportPlan, target: int) -> None:
    pool, there = choice.pool, choice.target.pool
    row = int(found.targets[target])
    rows, mass, distances = served_by(one, target)
    rows = found.given[rows]
    last = (
        '; it used up all its neighbours, more "Neighbours per target" let it reach farther'
        if one.ran_out[target]
        else ""
    )
    said = (
        f"{look.samples(pool, len(rows))} {'serves' if len(rows) == 1 else 'serve'} it, {distances[0]:.3g} to "
        f"{distances[-1]:.3g} away{last}"
    )
    look.section(f"Target {target + 1:,} of {len(found.targets):,}", said)
    _back()
    photos.wall(there, [row], key=f"the-target-{target}", on_open=lambda _: choose_target(target))
    order = np.argsort(-mass, kind="stable")
    share = mass * len(found.targets)
    badges = {int(rows[at]): f"{look.percent(share[at], 1)} · {distances[at]:.3g}" for at in order}
    st.markdown(
        f"**Who serves it** :small[:gray[share of it · distance; the {min(len(rows), _MANY):,} with most of "
        f"{len(rows):,}]]"
    )
    photos.wall(pool, rows[order][:_MANY], key=f"servers-{target}", badges=badges, on_open=choose_row)


def _candidate(choice: Question, found: Tables, one: TransportPlan, p: np.ndarray, row: int) -> None:
    pool, there = choice.pool, choice.target.pool
    at = np.searchsorted(found.given, row)
    known = at < len(found.given) and found.given[at] == row
    targets, mass, distances = serves(one, int(at)) if known else (np.empty(0, np.int64), np.empty(0), np.empty(0))
    if not known:
        said = "it has no vector"
    elif not p[row]:
        said = "no target reaches it: it is never kept"
    else:
        times = p[row] * len(found.given)
        said = f"{times:,.1f} times the average chance; it serves {len(targets):,} of {len(found.targets):,} targets"
    look.section("Candidate", said)
    _back()
    photos.wall(pool, [row], key=f"the-candidate-{row}")
    if not len(targets):
        return
    share = mass / mass.sum()
    rows = found.targets[targets]
    badges = {
        int(rows[place]): f"{look.percent(share[place], 1)} · {distances[place]:.3g}" for place in range(len(rows))
    }
    by_row = dict(zip(rows.tolist(), targets.tolist(), strict=True))
    st.markdown(
        f"**Whom it serves** :small[:gray[share of it · distance; the {min(len(rows), _MANY):,} with most of "
        f"{len(rows):,}]]"
    )
    photos.wall(
        there, rows[:_MANY], key=f"served-{row}", badges=badges, on_open=lambda opened: choose_target(by_row[opened])
    )
