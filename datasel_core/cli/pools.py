"""Pools and their features on the command line: what is there. What makes them are tasks."""

import typer

from datasel_core.actions.add_pool import about_pool
from datasel_core.cli.console import answer, say, workspace
from datasel_core.cli.tasks import Json
from datasel_core.errors import BadRequest
from datasel_core.features.computation import available_features
from datasel_core.features.stored import about_feature, kept_features
from datasel_core.pools.persistence import load_pool, pool_names, remove_pool

pool = typer.Typer(
    help="Open folders, tables and files of vectors as pools.", no_args_is_help=True, rich_markup_mode=None
)
feature = typer.Typer(help="Compute and import what methods look at.", no_args_is_help=True, rich_markup_mode=None)


@pool.command("list")
def list_pools(json: Json = False) -> None:
    """Names of all pools."""
    home, found = workspace(), []
    names = pool_names(home)
    for name in names:
        try:
            found.append(load_pool(home, name))
        except BadRequest as error:
            say(f"passed over: {error}")
    if json:
        answer([{"name": one.name, "kind": one.kind, "n": one.n} for one in found])
        return
    for one in found:
        typer.echo(f"{one.name}\t{one.kind}\t{one.n} samples")
    if not names:
        say("There are no pools yet. Make the demo: python -m datasel_core demo")


@pool.command("show")
def show(name: str, json: Json = False) -> None:
    """What is known of one pool."""
    about = about_pool(workspace(), load_pool(workspace(), name))
    if json:
        answer(about)
        return
    typer.echo(f"{about['name']}: {about['n']} samples of kind {about['kind']} from {about['source']}")
    typer.echo(f"columns: {', '.join(about['columns'])}")
    typer.echo(f"features: {', '.join(f['id'] + ' (' + f['role'] + ')' for f in about['features']) or 'none yet'}")
    typer.echo(f"left out: {about['left_out']}")
    for entry in about["unreadable"]:
        typer.echo(f"  {entry['id']}: {entry['reason']}")


@pool.command("remove")
def remove(name: str) -> None:
    """Forgets a pool; its photos, features and runs stay where they are."""
    remove_pool(workspace(), name)
    typer.echo(f"{name} is removed.")


@feature.command("list")
def list_features(name: str, json: Json = False) -> None:
    """Features that a pool has, and those that could be computed."""
    home = workspace()
    one = load_pool(home, name)
    kept = kept_features(home, one.fingerprint)
    possible = available_features(one, {entry.role for entry in kept})
    if json:
        available = [{"id": f.id, "role": f.role, "title": f.title} for f in possible]
        answer({"features": [about_feature(entry) for entry in kept], "available": available})
        return
    for entry in kept:
        left_out = len(entry.unreadable)
        typer.echo(f"{entry.id}\trole {entry.role}\t{entry.meta['values']}\t{left_out} left out\t{entry.key}")
    for declared in possible:
        typer.echo(f"can be computed: {declared.id}\trole {declared.role}\t{declared.title}")
