"""A form from a declaration: the fields are the form, their descriptions the help, their constructor the check. And a
drawer that it may stand in, which closes itself once what it was opened for is done.
"""

import types
import typing
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from datasel_core.base.declare import Declared
from datasel_core.errors import BadParameter
from pages._ui.kit import keys, markdown


def form(
    cls: type[Declared],
    key: str,
    skip: Collection[str] = (),
    columns: int = 2,
    options: Mapping[str, Sequence[str]] | None = None,
) -> tuple[dict[str, Any], str | None]:
    """Draws the parameters of a declared class; those that only decide how fast it is stand under an expander.

    options: field -> what may be chosen, where the declaration alone does not know.
    Returns (every parameter shown, None), or ({}, one line) when they do not fit. What was entered is kept across pages
    under `key`.
    """
    names = [name for name in cls.model_fields if name not in skip]
    deciding = [name for name in names if not cls.is_how(name)]
    how = [name for name in names if cls.is_how(name)]
    values: dict[str, Any] = {}
    for at in range(0, len(deciding), columns):
        for column, name in zip(st.columns(columns, gap="medium"), deciding[at : at + columns], strict=False):
            with column:
                values[name] = _field(cls, name, key, (options or {}).get(name))
    if how:
        with st.expander("How it is computed"):
            st.caption("These change how fast it is, never the answer.")
            for column, name in zip(st.columns(columns, gap="medium") * len(how), how, strict=False):
                with column:
                    values[name] = _field(cls, name, key, (options or {}).get(name))
    words = {name: value for name, value in values.items() if isinstance(value, _Word)}
    try:
        made = cls.parse(
            {name: str(word) or "none" for name, word in words.items()},
            **{name: value for name, value in values.items() if name not in words},
        )
    except BadParameter as error:
        markdown.trouble(error)
        return {}, str(error)
    return {name: value for name, value in made.model_dump(mode="json").items() if name in names}, None


def fill(cls: type[Declared], key: str, params: Mapping[str, Any]) -> None:
    """Puts these values into the form of this class and key, as if they had been entered."""
    for name, value in params.items():
        if name in cls.model_fields:
            as_word = value is None or _may_be_none(cls.model_fields[name].annotation)
            keys.put(f"form.{key}.{name}", ("" if value is None else str(value)) if as_word else value)


class _Word(str):
    """Text that still has to be read as a number; empty for no value."""


def _field(cls: type[Declared], name: str, key: str, options: Sequence[str] | None = None) -> Any:
    info = cls.model_fields[name]
    kept, default, text = f"form.{key}.{name}", info.default, info.description
    kind = info.annotation
    if options:
        usual = default if default in options else options[0]
        return keys.bound(st.selectbox, cls.label(name), kept, usual, options=list(options), help=text)
    if typing.get_origin(kind) is Literal:
        return _choice(cls, name, kept)
    if kind is bool:
        return keys.bound(st.toggle, cls.label(name), kept, default, help=text)
    if kind in (int, float):
        low, high = _bounds(info.metadata, kind)
        step = 1 if kind is int else _step(default)
        form = None if kind is int else f"%.{_digits(step)}f"
        return keys.bound(
            st.number_input,
            cls.label(name),
            kept,
            default,
            min_value=low,
            max_value=high,
            step=step,
            format=form,
            help=text,
        )
    if _may_be_none(kind):
        shown = "" if default is None else str(default)
        return _Word(
            keys.bound(st.text_input, cls.label(name), kept, shown, placeholder=cls.word(name, None), help=text)
        )
    if kind is str:
        return keys.bound(st.text_input, cls.label(name), kept, default or "", help=text)
    return _Word(keys.bound(st.text_input, cls.label(name), kept, str(default), help=text))


def _choice(cls: type[Declared], name: str, kept: str) -> Any:
    info = cls.model_fields[name]
    options = list(typing.get_args(info.annotation))
    words = {option: cls.word(name, option) for option in options}
    short = len(options) <= 4 and sum(map(len, words.values())) <= 24  # what half a card holds
    given = {"options": options, "format_func": words.get, "help": info.description}
    if short:
        return keys.bound(st.segmented_control, cls.label(name), kept, info.default, required=True, **given)
    return keys.bound(st.selectbox, cls.label(name), kept, info.default, **given)


def _bounds(metadata: list[Any], kind: type) -> tuple[Any, Any]:
    low = high = None
    for one in metadata:
        if (edge := getattr(one, "ge", None)) is not None:
            low = kind(edge)
        if (edge := getattr(one, "gt", None)) is not None:
            low = kind(edge) + 1 if kind is int else kind(edge)  # the constructor refuses the edge itself
        if (edge := getattr(one, "le", None)) is not None:
            high = kind(edge)
        if (edge := getattr(one, "lt", None)) is not None:
            high = kind(edge) - 1 if kind is int else kind(edge)
    return low, high


def _step(default: float) -> float:
    size = abs(default) or 1.0
    return 0.001 if size < 0.05 else 0.01 if size < 0.2 else 0.05 if size <= 2 else 1.0


def _digits(step: float) -> int:
    return {0.001: 3, 0.01: 2, 0.05: 2}.get(step, 2)


def _may_be_none(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType) and type(None) in typing.get_args(kind)


def drawer(label: str, key: str, **options: Any) -> Any:
    """A popover that `close` can shut; options: as `st.popover` takes them.

    Not by Streamlit's own state of it (`on_change`): a popover that has one asks for another run when it is drawn, and
    a page that is opened meanwhile is lost.
    """
    return st.popover(label, key=f"{key}-{st.session_state.get(_times(key), 0)}", **options)


def close(key: str) -> None:
    """Shuts it at the next drawing of the page: another one, which is closed, stands in its place then."""
    st.session_state[_times(key)] = st.session_state.get(_times(key), 0) + 1


def _times(key: str) -> str:
    return f"closed.{key}"
