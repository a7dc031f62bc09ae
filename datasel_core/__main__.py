"""The command line: `python -m datasel_core`. Exit codes: 0 done, 2 the request was wrong, 1 it failed, 130 stopped."""

import os
import signal
import sys
import tempfile
import threading
import traceback

import typer

from datasel_core.cli import console, defaults, pools, selections, tasks
from datasel_core.errors import BadRequest, DataselError, Stopped
from datasel_core.workspace.trouble import as_failed

app = typer.Typer(
    help=(
        "Choose the part of a data set worth paying for. --workspace DIR (or DATASEL_WORKSPACE) says where everything "
        "is kept; default ./workspace."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
groups = {"pool": pools.pool, "feature": pools.feature, "runs": selections.runs, "labels": selections.labels}
groups |= {"pilot": defaults.pilot, "rates": defaults.rates, "rounds": selections.rounds}
for words, command in tasks.commands().items():
    groups.get(words[0], app).command(words[-1], cls=console.Command)(command)
for name, group in groups.items():
    app.add_typer(group, name=name)
for command in (selections.methods, selections.compare, selections.verify, selections.reproduce):
    app.command(cls=console.Command)(command)
app.command(hidden=True)(selections.work)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command line; returns the exit code. Errors are one line on stderr."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "PASSIVE"
    )  # threads that spin while they wait make a shared machine many times slower; a free one is as fast
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, console.ask_to_stop)
        signal.signal(signal.SIGTERM, console.ask_to_stop)
    try:
        _check_text(words)
        _take_workspace(words)
        code = app(words, standalone_mode=False, prog_name="python -m datasel_core")
    except typer.Exit as done:
        return done.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except typer.TyperException as error:
        return _usage(error)
    except DataselError as error:
        console.say(str(error))
        return 130 if isinstance(error, Stopped) else 2 if isinstance(error, BadRequest) else 1
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (nobody reads any more; keeps the interpreter quiet at exit)
        return 1
    # the last resort: a message and where the log is, never a bare traceback
    except Exception as error:  # noqa: BLE001
        if (known := as_failed(error)) is not None:
            console.say(str(known))
            return 1
        console.say(f"It broke ({type(error).__name__}: {error}). The log is {_log()}.")
        return 1
    return code if isinstance(code, int) else 0


def _usage(error: typer.TyperException) -> int:
    """A command line that could not be read: one line, or the help where nothing was asked."""
    text = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(text)
    else:
        console.say(f"{' '.join(text.split())} See --help.")
    return 2


def _check_text(words: list[str]) -> None:
    """Raises BadRequest for a word whose bytes are no UTF-8: nothing that is written down could hold it."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise BadRequest(f"{word!r} is no UTF-8 text; rename what is called so, and write that name.") from None


def _take_workspace(words: list[str]) -> None:
    """--workspace may stand anywhere on the line."""
    for at, word in enumerate(words):
        if word == "--":
            return
        if word == "--workspace":
            if at + 1 == len(words):
                raise BadRequest("--workspace needs a folder.")
            os.environ["DATASEL_WORKSPACE"] = words[at + 1]
            del words[at : at + 2]
            return
        if word.startswith("--workspace="):
            os.environ["DATASEL_WORKSPACE"] = word.partition("=")[2]
            del words[at]
            return


def _log() -> str:
    with tempfile.NamedTemporaryFile("w", prefix="datasel-", suffix=".log", delete=False) as log:
        traceback.print_exc(file=log)
    return log.name


if __name__ == "__main__":
    sys.exit(main())
