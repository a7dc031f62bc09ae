"""Errors a person can act on: each message is one line that says what happened and what would be right.

The command line maps them to exit codes: `BadRequest` 2 (nothing was written), `Failed` 1, `Stopped` 130.
"""

import difflib
from collections.abc import Iterable


class DataselError(Exception):
    """Any error whose message was written for the person who meets it."""


class BadRequest(DataselError, ValueError):
    """The request was wrong; nothing was written."""


class BadParameter(BadRequest):
    """A parameter of a declaration is unknown, of the wrong type or out of range."""


class BadInput(BadRequest):
    """A file or table is not what was asked for."""


class DamagedFeature(BadInput):
    """The files of a kept feature are not what was kept; the message says how to make it once more."""


class MissingFeature(BadRequest):
    """A method needs a role that the pool does not have yet."""


class Failed(DataselError, RuntimeError):
    """It was right to ask, and it did not work."""


class Fault(Failed):
    """A check of our own did not hold: this program, a library or the machine is at fault, never the request."""

    def __init__(self, what: str):
        whose = "this program, a library or the machine is at fault, not the request; please report it."
        super().__init__(f"{what}, which cannot be: {whose}")


class Stopped(DataselError):
    """Somebody asked it to stop."""


class UnknownName(BadRequest):
    """There is no such thing; names the nearest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = (
            f"Did you mean {near[0]}?"
            if near
            else f"There are: {', '.join(known)}."
            if known
            else "There are none yet."
        )
        super().__init__(f"There is no {kind} called {name}. {hint}")
