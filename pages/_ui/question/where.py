"""The filter on the screen: checked and counted while it is typed; groups to pick from; a long count can be left."""

import html
from dataclasses import dataclass

import streamlit as st

from datasel_core.errors import DataselError
from datasel_core.pools.pool import Pool
from datasel_core.runs.candidates import Filter
from datasel_core.runs.filters.condition import BadCondition
from datasel_core.runs.filters.counting import Counting
from datasel_core.runs.filters.tree import quoted
from pages._ui.kit import disk, drawn, grouping, keys, look, markdown

_NAME, _PICKED, _COUNTING = "select.where", "select.where.picked", "select.where.counting"
_SOON = 0.4
"""Seconds that a page waits for a count before it goes on without."""


@dataclass(frozen=True)
class Said:
    """What is known of a filter: one line of what is wrong with it, how many match, or that this is being counted."""

    error: str | None = None
    matches: int | None = None
    counting: Counting | None = None


def field(pool: Pool) -> str | None:
    """Draws the filter. Returns the condition, or None where there is none; `can_be_asked` says whether one goes on."""
    in_force = written()
    st.fragment(_field)(pool, in_force)
    return in_force or None


def written() -> str:
    """The condition as it stands in the field."""
    return str(keys.get(_NAME, "") or "").strip()


def can_be_asked(pool: Pool) -> bool:
    """Whether the condition is right, and counted; where not, the field has said so."""
    said = look_at(pool, written())
    return said.error is None and said.counting is None


def instead(pool: Pool) -> bool:
    """Draws what stands in place of an answer while the condition is wrong, or is being counted. True: it does."""
    said = look_at(pool, written())
    if said.counting is not None:
        look.empty("Counting what the filter matches", "The rest of the page waits for it.", key="where-counting")
    elif said.error is not None:
        look.empty("The filter does not work yet", "Mend it in Settings, or empty the field.", key="where-wrong")
    return said.counting is not None or said.error is not None


def look_at(pool: Pool, where: str) -> Said:
    """What is known of a condition by now; it is counted once, by the object that a run asks."""
    if not where:
        return Said()
    try:
        asked = Filter.of(pool, where, disk.roles(pool))
    except DataselError as error:
        return Said(error=_reason(error))
    counting = _counting(pool, asked)
    if not counting.wait(0):
        return Said(counting=counting)
    return Said(error=counting.error and _reason(counting.error), matches=counting.matches)


def _reason(error: DataselError) -> str:
    """Beside the field the condition itself need not be repeated."""
    if not isinstance(error, BadCondition):
        return str(error)
    end = "" if error.reason.endswith("?") else "."
    return f"This does not work: {error.reason}{end} The columns are {', '.join(error.columns)}."


def _counting(pool: Pool, asked: Filter) -> Counting:
    """The count of this session; most have ended when they are given for the first time. Whoever writes another
    condition leaves the one before.
    """
    key = (pool.table_sha256, asked.where, tuple(asked.features.items()))
    before = keys.get(_COUNTING)
    if before is not None and before[0] == key and not before[1].is_left:
        return before[1]
    if before is not None:
        before[1].leave()
    made = Counting(lambda progress: asked.rows(pool, progress))
    keys.put(_COUNTING, (key, made))
    made.wait(_SOON)
    return made


def _field(pool: Pool, in_force: str) -> None:
    columns = [*pool.columns, *(name for name in _own(pool) if name not in pool.columns)]
    keys.bound(
        st.text_input,
        "Where",
        _NAME,
        "",
        placeholder=example(pool),
        live="500ms",
        help=f"An SQL condition on: {', '.join(map(markdown.plain, columns))}.",
    )
    where = written()
    said = look_at(pool, where)
    if said.error is not None:
        markdown.trouble(said.error)
    elif said.counting is not None:
        st.fragment(_wait, run_every=0.5)(pool, said.counting)
    elif said.matches is not None:
        st.caption(f"**{said.matches:,} of {pool.n:,}** {'matches' if said.matches == 1 else 'match'}")
    _groups(pool)
    if where != in_force:  # what stands beside it must never be the answer to another filter
        drawn.again()


def _own(pool: Pool) -> list[str]:
    """Columns that features give the pool: numbers, and words such as labels that came back."""
    roles = disk.roles(pool)
    return [*roles.numbers(), *roles.words()]


def _wait(pool: Pool, counting: Counting) -> None:
    """Says that it is counting, and how far it is; whoever leaves it has no filter any more."""
    if counting.is_left or counting.wait(0):
        drawn.again()
    far = f": {counting.done:,} of {counting.total:,}" if counting.total else " ..."
    with st.container(border=True, key="where-counting"):
        st.html(f'<p class="ds-counting" role="status">Counting what matches{html.escape(far)}</p>')
        said = "Takes the filter away."
        st.button("Leave it", key="where-leave", icon=":material/close:", help=said, on_click=_leave, args=(counting,))


def _leave(counting: Counting) -> None:
    counting.leave()
    keys.put(_NAME, "")


def _groups(pool: Pool) -> None:
    """A pick-list that writes the filter."""
    sizes = grouping.sizes(pool)
    if len(sizes) < 2:
        return
    named = {name: f"{name} · {n:,}" for name, n in sizes}
    st.selectbox(
        f"By {markdown.plain(pool.group_column)}",
        list(named),
        index=None,
        format_func=named.get,
        key="where-group",
        placeholder=f"{len(sizes):,} groups",
        on_change=_pick,
        args=(pool.group_column,),
    )


def _pick(column: str) -> None:
    group = st.session_state["where-group"]
    if group is None:
        return
    st.session_state["where-group"] = None
    text, before = _clause(column, group), written()
    own = not before or before == keys.get(_PICKED)
    keys.put(_PICKED, text)
    keys.put(_NAME, text if own else f"({before}) and {text}")


def _clause(column: str, group: str) -> str:
    """The condition that a person would type: `group = 'train'`."""
    name = column if column.isidentifier() else quoted(column)
    if group == grouping.NO_GROUP:
        return f"coalesce({name}::varchar, '') = ''"
    text = group.replace("'", "''")
    return f"{name} = '{text}'"


def example(pool: Pool) -> str:
    """A condition that this pool could be asked."""
    sizes = grouping.sizes(pool)
    if sizes and len(sizes[0][0]) <= 20:
        return _clause(pool.group_column, sizes[0][0])
    return next((f"{name} > 0" for name in disk.roles(pool).numbers()), "id > 'm'")
