"""Commands of tasks: their options are the fields, their answers what the work says."""

import inspect
import keyword
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

from datasel_core.actions.task import Task, perform
from datasel_core.base.progress import listening
from datasel_core.base.registry import every
from datasel_core.cli.console import Notes, answer, pairs, progress, say, workspace
from datasel_core.runs.catalog import removal
from datasel_core.workspace import leftovers

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]


def commands() -> dict[tuple[str, ...], Callable[..., None]]:
    """Words of a command -> the function to run."""
    return {one.words or (one.id,): _command(one) for one in every("task").values()}


def _command(cls: type[Task]) -> Callable[..., None]:
    """A function with the signature that typer reads: one parameter for each field that a command line has."""
    fields = {name: field for name, field in cls.model_fields.items() if not _extra(field).get("hidden")}

    def run(json: bool = False, **given: Any) -> None:
        values = {name: _value(fields[name], given[_option(name, fields[name])]) for name in fields}
        asked, home = cls(**values), workspace()
        leftovers.clear(home)
        removal.clear(home)
        with listening(progress()):
            work = asked.prepare(home)
        first = Notes(work.notes)
        outcome = perform(home, asked, progress(first.say), work)
        first.say()
        for note in outcome.notes:
            say(note)
        if json:
            answer(outcome.result if outcome.document is None else outcome.document)
        for line in () if json else outcome.lines:
            typer.echo(line)
        if outcome.code:
            raise typer.Exit(outcome.code)

    alone = inspect.Parameter.KEYWORD_ONLY
    parameters = [_parameter(_option(name, field), field) for name, field in fields.items()]
    parameters.append(inspect.Parameter("json", alone, default=False, annotation=Json))
    run.__signature__ = inspect.Signature(parameters)
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__doc__ = cls.summary()
    return run


def _parameter(name: str, field: Any) -> inspect.Parameter:
    help, kind = field.description or "", _plain(field.annotation)
    is_argument, is_pairs = _extra(field).get("argument"), kind is dict
    shown = list[str] | None if is_pairs else field.annotation
    flags = _extra(field).get("flags", [])
    if kind is bool or keyword.iskeyword(name.strip("_")):
        flags = [f"--{name.strip('_').replace('_', '-')}"]
    about = (
        typer.Argument(help=help) if is_argument else typer.Option(*flags, help=_repeated(help) if is_pairs else help)
    )
    default = inspect.Parameter.empty if field.is_required() else None if is_pairs else field.default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[shown, about])


def _value(field: Any, given: Any) -> Any:
    if _plain(field.annotation) is not dict:
        return given
    return pairs(given, f"--{_extra(field).get('option', 'use')}")


def _option(name: str, field: Any) -> str:
    """As Python may call it: `from_` of `--from`."""
    said = _extra(field).get("option", name)
    return f"{said}_" if keyword.iskeyword(said) else said


def _extra(field: Any) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _plain(annotation: Any) -> Any:
    """`dict` of `dict[str, str] | None`."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        annotation = next(one for one in typing.get_args(annotation) if one is not type(None))
    return typing.get_origin(annotation) or annotation


def _repeated(text: str) -> str:
    return f"name=value; may be given more than once. {text}"
