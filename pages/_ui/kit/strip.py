"""What every page stands in: the style, the strip at the top, what goes on at the side."""

import html
from pathlib import Path

import streamlit as st

from datasel_core.pools.pool import Pool
from pages._ui.kit import disk, drawn, keys, look, markdown, palette, watch
from pages._ui.kit.onward import arrive

_ONE_ENTRY = st.components.v2.component(
    "datasel_history",
    html="<i></i>",
    js="""export default function () {
      if (history.datasel) return;
      const push = history.pushState;
      history.pushState = function (state, title, to) {
        const same = new URL(to, location.href).pathname === location.pathname;
        return (same ? history.replaceState : push).call(history, state, title, to);
      };
      history.datasel = true;
    }""",
)
"""A page that writes its address anew stays one entry of the browser's history: Back needs one press."""
_CSS = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def frame(page: str = "", file: str = "", url: str = "") -> None:
    """What every page stands in: the style, the strip at the top, a line that is to be seen once. Called once, by
    app.py. page: its title; file: where it lies; url: how its address ends.
    """
    st.session_state[look.FRAMED] = True
    arrive(file)
    keys.begin()
    drawn.begin(file, url)
    st.html(f"<style>{_CSS}</style>")
    with st.sidebar:
        _ONE_ENTRY(key="history")
    disk.clear_left_over(str(keys.workspace().path))
    pool = keys.pool()
    if pool is not None:
        _tell_replaced(pool)
    keys.put("jobs.listed", None)
    keys.put("strip.place", st.empty())
    previewed = keys.get("strip.preview")
    header(pool, previewed[1] if previewed and previewed[0] == page else None)
    with st.container():  # always there: else what follows would have another place, and a drawer that is open closes
        if said := keys.notice():
            markdown.say(*said)


def aside() -> None:
    """Work in progress, at the side. Called once, by app.py, after the page: so that what the page has just started is
    there.
    """
    with st.sidebar:
        watch.active_jobs(keys.workspace())


def preview(page: str, pool: Pool, said: tuple[str, str] | None) -> None:
    """What a page shows without it being kept goes into the strip, also when only a part of the page is drawn anew.
    said: words and the colour of the method; None where it is kept, or nothing is shown.
    """
    keys.put("strip.preview", (page, said))
    header(pool, said)


def header(pool: Pool | None, shown: tuple[str, str] | None = None) -> None:
    """The strip: pool and size | what is shown and not kept | selection and size | recipe. shown: as in `preview`."""
    run = None if pool is None else disk.find_run(pool, keys.get("run"))
    if pool is None:
        parts = ['<span class="ds-name">datasel</span><span class="ds-quiet">no pool is open</span>']
    else:
        parts = [f'<span class="ds-name">{html.escape(pool.name)}</span><span>{look.samples(pool)}</span>']
    if shown is not None:
        words, colour = shown
        parts.append(f'<span class="ds-preview">{_dot(colour)}{html.escape(words)}</span>')
    if run is not None:
        parts.append(
            f"<span>{_dot(palette.colour_of(run.manifest['method']['id']))}{html.escape(look.kept_of(run))}</span>"
        )
        parts.append(f'<span class="ds-quiet ds-recipe">{html.escape(look.recipe(run))}</span>')
    elif pool is not None and shown is None:
        parts.append('<span class="ds-quiet">nothing is selected yet</span>')
    keys.get("strip.place").html(f'<div class="ds-strip" role="status">{"".join(parts)}</div>')


def _dot(colour: str) -> str:
    return f'<i class="ds-dot" style="background:{colour}"></i>'


def _tell_replaced(pool: Pool) -> None:
    """A pool that is another one than a moment ago, under the same name, says so, and where what was chosen lies."""
    before, now = keys.get("seen"), (pool.name, pool.fingerprint, pool.n)
    run = disk.run_of_another(pool, keys.get("run"))
    keys.put("seen", now)
    if run is not None:
        keys.put("run", None)
        keys.tell(
            f"{pool.name} was replaced: it holds {look.samples(pool)} now. {run.name} was chosen from the "
            f"{run.manifest['pool']['n']:,} of before; it lies in {run.folder}, with all its ids.",
            "warning",
        )
    elif before is not None and before[0] == pool.name and before[1] != pool.fingerprint:
        keys.tell(f"{pool.name} was replaced: it holds {look.samples(pool)} now, {before[2]:,} before.", "warning")
