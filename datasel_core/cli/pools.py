"""Pools and their features on the command line: what is there. What makes them are tasks."""

from collections.abc import Sequence
from typing import Any

import typer

from datasel_core.actions.add_pool import about_pool
from datasel_core.base.role import IMAGE, TEXT
from datasel_core.cli.console import answer, say, workspace
from datasel_core.cli.tasks import Json
from datasel_core.errors import BadRequest, DamagedFeature
from datasel_core.features.computation import available_features
from datasel_core.features.description import about_features, made, settings, taken, told_apart
from datasel_core.features.roles import Roles
from datasel_core.features.stored import StoredFeature, kept_features
from datasel_core.pools.persistence import load_pool, pool_names, remove_pool
from datasel_core.runs.measures import caption_agreement, group_agreement

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
    names = told_apart(kept_features(workspace(), about["fingerprint"]))
    said = [f"{names[one['key']]} ({one['role']})" for one in about["features"]]
    typer.echo(f"features: {'; '.join(said) or 'none yet'}")
    typer.echo(f"left out: {about['left_out']}")
    for entry in about["unreadable"]:
        typer.echo(f"  {entry['id']}: {entry['reason']}")


@pool.command("remove")
def remove(name: str) -> None:
    """Forgets a pool; its photos, features and runs stay where they are."""
    dropped = remove_pool(workspace(), name)
    typer.echo(f"{name} is removed.")
    if dropped is not None:
        say(f"The files that were dropped into the browser for it lie in {dropped}; delete them when you like.")


@feature.command("list")
def list_features(name: str, json: Json = False) -> None:
    """Features that a pool has, which are taken, what they know of groups and captions; and what could be computed."""
    home = workspace()
    one = load_pool(home, name)
    kept, roles = kept_features(home, one.fingerprint), Roles.of(home, one)
    possible = available_features(one, {entry.role for entry in kept})
    checks, pairs = [_groups(roles, entry) for entry in kept], _captions(roles)
    if json:
        available = [{"id": f.id, "role": f.role, "title": f.title} for f in possible]
        found = [{**about, **facts} for about, (_, facts) in zip(about_features(kept), checks, strict=True)]
        answer({"features": found, "available": available, **pairs[1]})
        return
    for entry, (words, _) in zip(kept, checks, strict=True):
        typer.echo("\t".join(_columns(kept, entry)))
        if words:
            typer.echo(f"    {words}")
    if pairs[0]:
        typer.echo(f"{IMAGE.name} and {TEXT.name}: {pairs[0]}")
    for declared in possible:
        typer.echo(f"can be computed: {declared.id}\trole {declared.role}\t{declared.title}")


def _columns(kept: Sequence[StoredFeature], one: StoredFeature) -> list[str]:
    """Of its line. Where others could fill its role: whether it is taken, or else the option that takes it."""
    said = [one.id, f"role {one.role}", str(one.meta["values"]), f"{len(one.unreadable)} left out", one.key]
    said += [f"{n:,} not measured"] if (n := one.n_unmeasured) else []
    said += [settings(one) or "as by default", made(one)]
    if sum(other.role == one.role for other in kept) > 1:
        said.append("taken" if taken(kept)[one.role] is one else f"--use {one.role}={one.key}")
    return said


def _groups(roles: Roles, one: StoredFeature) -> tuple[str, dict[str, Any]]:
    """What it knows of the pool's groups, in words and as plain data; what is wrong with it, where it is damaged."""
    try:
        found = group_agreement(roles, one)
    except DamagedFeature as error:
        return str(error), {}
    if found is None:
        return "", {}
    numbers = {"share": found.share, "chance": found.chance, "k": found.k, "measured_on": found.m}
    return found.words, {"neighbors_of_one_group": numbers}


def _captions(roles: Roles) -> tuple[str, dict[str, Any]]:
    """The same of what is taken for pictures and captions."""
    both = (IMAGE.name, TEXT.name)
    try:
        found = caption_agreement(roles, both) if set(both) <= roles.features.keys() else None
    except DamagedFeature:
        return "", {}  # its own line says so
    if found is None:
        return "", {}
    warning = f" {found.warning[:1].upper()}{found.warning[1:]}." if found.warning else ""
    return found.words + warning, {"captions": {"auc": found.auc, "measured_on": len(found.own)}}
