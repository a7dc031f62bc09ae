"""Pools and their features on the command line."""

from typing import Annotated

import typer

from datasel_core.actions.add_pool import add_pool
from datasel_core.actions.demo import make_demo
from datasel_core.actions.import_feature import import_feature
from datasel_core.cli.console import Command, answer, pairs, progress, say, workspace
from datasel_core.features import computation
from datasel_core.features.stored import StoredFeature, kept_features
from datasel_core.pools.persistence import load_pool, pool_names, remove_pool
from datasel_core.pools.pool import Pool

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]

pool = typer.Typer(
    help="Open folders, tables and files of vectors as pools.", no_args_is_help=True, rich_markup_mode=None
)
feature = typer.Typer(help="Compute and import what methods look at.", no_args_is_help=True, rich_markup_mode=None)


@pool.command("add", cls=Command)
def add(
    name: Annotated[str, typer.Argument(help="What the pool is to be called.")],
    source: Annotated[str, typer.Argument(help="A folder, a file, or shards as in 'data/{00000..00012}.tar'.")],
    kind: Annotated[str, typer.Option(help="One of {pool kind}.")],
    option: Annotated[list[str] | None, typer.Option(help="key=value; may be given more than once.")] = None,
    json: Json = False,
) -> None:
    """Reads a source and keeps it as a pool. Media files stay where they are."""
    made = add_pool(workspace(), name, source, kind, pairs(option, "--option"), progress())
    if json:
        answer(_about(made))
        return
    for entry in made.unreadable[:20]:
        say(f"left out: {entry['id']}: {entry['reason']}")
    for note in made.about["notes"]:
        say(note)
    typer.echo(f"{made.name}: {made.n} samples, {made.left_out} left out.")


@pool.command("list")
def list_pools(json: Json = False) -> None:
    """Names of all pools."""
    home = workspace()
    names = pool_names(home)
    if json:
        answer([{"name": one.name, "kind": one.kind, "n": one.n} for one in (load_pool(home, name) for name in names)])
        return
    for name in names:
        one = load_pool(home, name)
        typer.echo(f"{name}\t{one.kind}\t{one.n} samples")
    if not names:
        say("There are no pools yet. Make the demo: python -m datasel_core demo")


@pool.command("show")
def show(name: str, json: Json = False) -> None:
    """What is known of one pool."""
    about = _about(load_pool(workspace(), name))
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


def _about(one: Pool) -> dict:
    kept = kept_features(workspace(), one.fingerprint)
    said = ("name", "kind", "n", "fingerprint", "source", "unreadable", "notes")
    return {
        **{name: one.about[name] for name in said},
        "left_out": one.left_out,
        "columns": one.columns,
        "features": [_feature(entry) for entry in kept],
    }


def _feature(kept: StoredFeature) -> dict:
    said = ("id", "version", "role", "params", "key", "shape", "values", "dtype", "created")
    return {**{name: kept.meta[name] for name in said}, "unreadable": len(kept.unreadable)}


def demo(json: Json = False) -> None:
    """Makes the built-in demo pools: about a minute, no network."""
    made = make_demo(workspace(), progress())
    if json:
        answer([_about(one) for one in made])
        return
    for one in made:
        typer.echo(f"{one.name}: {one.n} samples. Look at it: streamlit run app.py")


@feature.command("list")
def list_features(name: str, json: Json = False) -> None:
    """Features that a pool has, and those that could be computed."""
    home = workspace()
    one = load_pool(home, name)
    kept = kept_features(home, one.fingerprint)
    possible = computation.available_features(one, {entry.role for entry in kept})
    if json:
        answer(
            {
                "features": [_feature(entry) for entry in kept],
                "available": [{"id": f.id, "role": f.role, "title": f.title} for f in possible],
            }
        )
        return
    for entry in kept:
        typer.echo(
            f"{entry.id}\trole {entry.role}\t{entry.meta['values']}\t{len(entry.unreadable)} left out\t{entry.key}"
        )
    for declared in possible:
        typer.echo(f"can be computed: {declared.id}\trole {declared.role}\t{declared.title}")


@feature.command("compute", cls=Command)
def compute(
    name: str,
    feature: Annotated[str, typer.Argument(help="One of {feature}; feature list NAME says which the pool can have.")],
    set: Annotated[list[str] | None, typer.Option(help="param=value; may be given more than once.")] = None,
    json: Json = False,
) -> None:
    """Computes a feature once and keeps it; goes on where an interrupted run was."""
    home = workspace()
    kept = computation.compute_feature(
        home, load_pool(home, name), computation.declared_feature(feature, pairs(set, "--set")), progress()
    )
    if json:
        answer({**_feature(kept), "left_out": kept.unreadable})
        return
    for entry in kept.unreadable[:20]:
        say(f"left out: {entry['id']}: {entry['reason']}")
    typer.echo(
        f"{kept.id} fills the role {kept.role}: {kept.meta['values']} values, {len(kept.unreadable)} samples left "
        f"out. Key {kept.key}."
    )


@feature.command("import")
def import_(name: str, role: str, file: str, json: Json = False) -> None:
    """Brings vectors computed elsewhere: an .npz with ids and an array named like the role."""
    home = workspace()
    found = import_feature(home, load_pool(home, name), role, file, progress())
    if json:
        answer({**_feature(found.kept), "matched": found.matched, "missing": found.missing, "extra": found.extra})
        return
    for word, ids in (("without a vector", found.missing), ("not in the pool", found.extra)):
        if ids:
            say(f"{len(ids)} {word}: {', '.join(ids[:5])}{', ...' if len(ids) > 5 else ''}")
    typer.echo(f"{found.matched} samples matched by id now fill the role {role}. Key {found.kept.key}.")
