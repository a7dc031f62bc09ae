"""Selections on the command line: listed, compared, verified, run again. What makes them are tasks."""

import os
import sys
from pathlib import Path
from typing import Any

import typer

from datasel_core import worker
from datasel_core.actions.compare import compare as comparison
from datasel_core.actions.verify import verify as verdict
from datasel_core.base import registry
from datasel_core.cli.console import answer, progress, say, workspace
from datasel_core.cli.tasks import Json
from datasel_core.errors import BadRequest
from datasel_core.evidence.appraisals.worth import WorthInRandom, in_random
from datasel_core.methods.method import Method, Scorer
from datasel_core.runs import manifest, reproduction
from datasel_core.runs.catalog.names import find_folder
from datasel_core.runs.run import Run
from datasel_core.runs.run import runs as kept_runs


def methods(json: Json = False) -> None:
    """All methods, what they need and their parameters."""
    found = [about_method(one) for one in registry.every("method").values()]
    if json:
        answer(found)
        return
    for one in found:
        more = f" May need: {', '.join(one['may_need'])}." if one["may_need"] else ""
        typer.echo(f"{one['id']}\t{one['title']}. Needs: {', '.join(one['needs']) or 'nothing'}.{more}")
        for name, field in one["parameters"].items():
            typer.echo(f"    {name}={field['default']}\t{field['description']}")


def about_method(one: type[Method]) -> dict[str, Any]:
    """What a declaration says, as plain data."""
    schema = one.model_json_schema()["properties"]
    fields = {
        name: {
            "default": field.default,
            "description": field.description or "",
            "how": one.is_how(name),
            "schema": {k: v for k, v in schema[name].items() if k != "how"},
        }
        for name, field in one.model_fields.items()
    }
    shape = "scorer" if issubclass(one, Scorer) else "set"
    return {
        "id": one.id,
        "version": one.version,
        "title": one.title,
        "summary": one.summary(),
        "shape": shape,
        "needs": list(one.needs),
        "may_need": list(one.may_need),
        "needs_target": list(one.needs_target),
        "prefix": one.prefix,
        "paper": one.paper,
        "parameters": fields,
    }


labels = typer.Typer(
    help="Labels that come back, and what follows from them.", no_args_is_help=True, rich_markup_mode=None
)
runs = typer.Typer(
    help="Finished selections, the oldest first; not those that were only looked at on the screen.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


rounds = typer.Typer(
    help="Projects of rounds: plan, choose, label, come back.", no_args_is_help=True, rich_markup_mode=None
)


@runs.callback()
def list_runs(asked: typer.Context, json: Json = False) -> None:
    """All finished selections, the oldest first; not those that were only looked at on the screen."""
    if asked.invoked_subcommand is not None:
        return
    found = []
    for folder in kept_runs(workspace()):
        try:
            said = manifest.signed(folder)
        except BadRequest as error:
            say(f"passed over: {error}")
        else:
            run, counts = Run(folder, said), manifest.counts(said)
            one = {"run": str(folder), "name": run.name, "note": run.note}
            one |= {"created_utc": said["created_utc"], "pool": said["pool"]["name"]}
            one |= {"method": said["method"]["id"], "n": counts.new, "earlier": counts.earlier, "seed": said["seed"]}
            value = said["result"].get(WorthInRandom.id)
            one |= {"worth": value} if value else {}
            kept = f"{counts.parts} kept" + (f", worth {in_random(value)}" if value else "")
            found.append(({**one, "ids_sha256": said["result"]["ids_sha256"]}, kept))
    found.sort(key=lambda line: (line[0]["created_utc"], line[0]["run"]))
    if json:
        answer([one for one, _ in found])
        return
    for one, kept in found:
        typer.echo(
            f"{one['created_utc']}\t{one['pool']}\t{one['name']}\t{one['method']}\t{kept}\tseed {one['seed']}"
            f"\t{one['run']}"
        )


def compare(folders: list[str], json: Json = False) -> None:
    """Sizes, metrics side by side, and overlaps by id of two or more selections."""
    if len(folders) < 2:
        raise BadRequest("compare needs at least two folders of selections.")
    home = workspace()
    found = comparison(folders, lambda folder: find_folder(home, folder))
    if json:
        answer({"runs": found.runs, "overlap": found.pairs})
        return
    for line in found.lines():
        typer.echo(line)


def verify(folder: str, json: Json = False) -> None:
    """Exit 0: the selection is intact, to the byte, what was exported of it, too, and no photo of its pool was replaced
    since. Takes a run, or a file or folder that was exported.
    """
    home = workspace()
    found = verdict(home, find_folder(home, folder), progress())
    said = found.said
    if json:
        sha256 = said["result"].get("ids_sha256")
        about = {"intact": not found.problems, "problems": found.problems, "notes": found.notes}
        answer({**about, "ids_sha256": sha256})
    elif not found.problems:
        typer.echo(f"intact: {said['result']['n']} samples, ids_sha256 {said['result']['ids_sha256']}")
    for line in (*found.problems, *found.notes):
        say(line)
    if found.problems:
        raise typer.Exit(1)


def reproduce(folder: str, json: Json = False) -> None:
    """Runs a selection again from its manifest. Exit 0: the ids are identical."""
    home = workspace()
    found = reproduction.reproduce(home, find_folder(home, folder), progress())
    if json:
        answer(found)
    else:
        typer.echo(f"{'identical' if found['identical'] else 'different'}: ids_sha256 {found['ids_sha256']}")
    if not found["identical"]:
        changed = " The pool's columns changed since." if found["columns_changed"] else ""
        say(f"The ids differ: the manifest says {found['expected']}, this run gives {found['ids_sha256']}.{changed}")
        raise typer.Exit(1)


def work(folder: str | None = typer.Argument(None), stand_by: bool = typer.Option(False, "--stand-by")) -> None:
    """What a worker process runs: the job in this folder; or it stands by for jobs that are named to it."""
    if folder is None and not stand_by:
        raise BadRequest("Missing argument 'FOLDER': name the folder of a job.")
    job = worker.stand_by() if folder is None else Path(folder)
    if job is None:
        return
    code = worker.work(workspace(), job)
    if code == 130:  # stopped, perhaps while another library held a lock: nobody waits for a thread that waits for it
        sys.stderr.flush()
        os._exit(code)
    raise typer.Exit(code)
