"""Talking to a terminal: progress on stderr, answers on stdout, a polite stop."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import typer
from typer.core import TyperCommand

from datasel_core.base import registry
from datasel_core.base.progress import Progress, Step
from datasel_core.errors import BadRequest
from datasel_core.workspace.layout import Workspace

_stop = False
_DECLARED = re.compile(rf"{{({'|'.join(registry.PACKAGES)})(?:\.(\w+))?}}")


class Command(TyperCommand):
    """One whose help names what is declared: `{probe}` becomes the ids of all probes.

    `{probe.elsewhere}` becomes those of which that is true. They are looked up when the help is asked for, so that no
    other command waits for it.
    """

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:
        for parameter in self.params:
            parameter.help = _DECLARED.sub(_ids, parameter.help or "") or None
        super().format_help(ctx, formatter)


def _ids(found: re.Match[str]) -> str:
    return ", ".join(id for id, one in registry.every(found[1]).items() if found[2] is None or getattr(one, found[2]))


def ask_to_stop(*_: object) -> None:
    """Called on Ctrl-C: the running loop stops at its next step; a second time ends at once."""
    global _stop
    if _stop:
        raise KeyboardInterrupt
    _stop = True


def say(text: str) -> None:
    """One line on stderr, whatever line breaks a file name or another library's message brought."""
    typer.echo(" ".join(text.splitlines()), err=True)


def answer(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False))


def workspace() -> Workspace:
    return Workspace.at()


class Notes:
    """What a person may want to know before work begins: said once, when it does, and not before a refusal."""

    def __init__(self, lines: Iterable[str]):
        self._lines = list(lines)

    def say(self) -> None:
        lines, self._lines = self._lines, []
        for line in lines:
            say(line)


def progress(first: Callable[[], None] = lambda: None) -> Progress:
    """A bar on a terminal, plain lines every few seconds otherwise. first: called before anything is shown."""
    show = _Bar() if sys.stderr.isatty() else _Lines()

    def report(step: Step) -> None:
        if not step.total and not step.waiting:
            return  # a phase begins: what there is to do in it is not known yet, and it may still be refused
        first()
        show(step)

    return Progress(report=report, should_stop=lambda: _stop)


class _Bar:
    def __call__(self, step: Step) -> None:
        width = 24
        filled = int(width * step.done / step.total) if step.total else width
        text = f"\r{step.label} [{'#' * filled}{'.' * (width - filled)}] {_numbers(step)}"
        sys.stderr.write(text[:110].ljust(110) + ("\n" if step.done >= step.total else ""))
        sys.stderr.flush()


class _Lines:
    def __init__(self) -> None:
        self.last = ("", 0.0)

    def __call__(self, step: Step) -> None:
        label, when = self.last
        if step.label == label and time.monotonic() - when < 5:
            return
        self.last = (step.label, time.monotonic())
        say(f"{step.label}: {_numbers(step)}")


def _numbers(step: Step) -> str:
    if step.waiting:
        return "not begun yet"
    text = f"{step.done} of {step.total}"
    if step.rate:
        text += f", {step.rate:.3g} a second"
    if step.left and step.done < step.total:
        text += f", {duration(step.left)} left"
    return text


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 5 min`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def pairs(words: list[str] | None, flag: str) -> dict[str, str]:
    """`["a=1", "b=2"]` as a dict. Raises BadRequest."""
    found = {}
    for word in words or []:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise BadRequest(f"{flag} {word!r} must look like name=value.")
        found[name.strip()] = value
    return found
