"""Selections on the command line: make, list, compare, export, verify, run again."""

import itertools
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from datasel_core import worker
from datasel_core.actions.work import open_run
from datasel_core.analysis.metrics.overlap import overlap
from datasel_core.base import registry
from datasel_core.cli.console import answer, pairs, progress, say, workspace
from datasel_core.errors import BadRequest
from datasel_core.exports.export import Export
from datasel_core.exports.run_folder import check_out, copy_run
from datasel_core.methods.method import Method, Scorer
from datasel_core.probes.evaluate import run_probe
from datasel_core.runs import combine as combining
from datasel_core.runs import engine, manifest, reproduction
from datasel_core.runs.question import resolve
from datasel_core.runs.spec import Spec
from datasel_core.workspace.layout import Workspace

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
Many = list[str] | None
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there; never a source of a pool.")]


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


def select(
    name: Annotated[str, typer.Argument(help="The pool.")],
    method: Annotated[str, typer.Argument(help="One of {method}.")],
    budget: Annotated[str, typer.Option(help="How many samples to keep: a count, or a share of the pool such as 10%.")],
    use: Annotated[
        Many, typer.Option(help="role=feature (for group: role=column); may be given more than once.")
    ] = None,
    set: Annotated[Many, typer.Option(help="param=value; may be given more than once.")] = None,
    seed: int = 0,
    target: Annotated[
        str | None,
        typer.Option(help="Pool of examples of what we want to be good at, for methods that choose towards one."),
    ] = None,
    within: Annotated[
        str | None, typer.Option(help="Folder of an earlier selection: choose only among what it kept.")
    ] = None,
    already: Annotated[str | None, typer.Option(help="Folder of an earlier selection that counts as chosen.")] = None,
    where: Annotated[str | None, typer.Option(help="SQL condition on the pool's columns.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder for a copy of the run.")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Chooses from a pool; the answer is a folder with a manifest."""
    home = workspace()
    spec = Spec(
        pool=name,
        method=method,
        params=pairs(set, "--set"),
        budget=budget,
        seed=seed,
        use=pairs(use, "--use"),
        target=target,
        within=within,
        already=already,
        where=where,
    )
    if out is not None:
        check_out(home, out, overwrite)
    asked = resolve(home, spec)
    for role, about in asked.roles.about(asked.method.roles()).items():
        say(f"role {role}: {about['id']} {about.get('key') or about['column']}")
    if asked.target is not None:
        say(f"target {asked.target.pool.name}: {len(asked.target.rows)} samples")
    run = engine.select(home, spec, progress())
    (run.folder / "preview").unlink(
        missing_ok=True
    )  # looked at on the screen so far; asked for here, it is a selection
    if out is not None:
        run = copy_run(run, out, overwrite)
    if json:
        answer({"run": str(run.folder), "key": asked.key, "manifest": run.manifest})
        return
    result = run.manifest["result"]
    typer.echo(f"{result['n']} of {asked.pool.n} samples kept. ids_sha256 {result['ids_sha256']}")
    for name, fact in result.get("facts", {}).items():
        say(f"{name}: {fact:.6g}" if isinstance(fact, float) else f"{name}: {fact}")
    typer.echo(str(run.folder))


def runs(json: Json = False) -> None:
    """All finished selections, the oldest first; not those that were only looked at on the screen."""
    found = []
    for folder in workspace().folders("runs"):
        if (folder / "preview").exists() or not (folder / "manifest.json").exists():
            continue
        try:
            said = manifest.read(folder)
        except BadRequest as error:
            say(f"passed over: {error}")
        else:
            found.append(
                {
                    "run": str(folder),
                    "created_utc": said["created_utc"],
                    "pool": said["pool"]["name"],
                    "method": said["method"]["id"],
                    "n": said["result"]["n"],
                    "seed": said["seed"],
                    "ids_sha256": said["result"]["ids_sha256"],
                }
            )
    found.sort(key=lambda one: (one["created_utc"], one["run"]))
    if json:
        answer(found)
        return
    for one in found:
        typer.echo(
            f"{one['created_utc']}\t{one['pool']}\t{one['method']}\t{one['n']} kept\tseed {one['seed']}\t{one['run']}"
        )


def combine(
    how: Annotated[str, typer.Argument(help="union, intersection, or difference (kept by the first and by no other).")],
    folders: list[str],
    out: Annotated[str | None, typer.Option(help="Folder for a copy of the run.")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Makes one selection of two or more of the same pool."""
    home = workspace()
    if out is not None:
        check_out(home, out, overwrite)
    run = combining.combine(home, how, [home.allowed(folder) for folder in folders], progress())
    run = run if out is None else copy_run(run, out, overwrite)
    if json:
        answer({"run": str(run.folder), "manifest": run.manifest})
        return
    typer.echo(f"{run.manifest['result']['n']} samples kept. ids_sha256 {run.manifest['result']['ids_sha256']}")
    typer.echo(str(run.folder))


def compare(folders: list[str], json: Json = False) -> None:
    """Sizes, metrics and overlaps of two or more selections."""
    if len(folders) < 2:
        raise BadRequest("compare needs at least two folders of selections.")
    home = workspace()
    read = {folder: _opened(home, folder) for folder in folders}
    ids = {folder: manifest.kept_table(path)["id"].to_numpy(zero_copy_only=False) for folder, (path, _) in read.items()}
    runs = [
        {"run": folder, "method": said["method"], "n": said["result"]["n"], "metrics": said["result"]["metrics"]}
        for folder, (_, said) in read.items()
    ]
    pairs = [{"a": a, "b": b, **overlap(ids[a], ids[b])} for a, b in itertools.combinations(folders, 2)]
    if json:
        answer({"runs": runs, "overlap": pairs})
        return
    for run in runs:
        typer.echo(f"{run['run']}: {run['method']['id']}, {run['n']} kept")
        _echo_metrics(run["metrics"])
    for pair in pairs:
        typer.echo(
            f"{pair['a']} and {pair['b']}: {pair['both']} in both, {pair['only_a']} only in the first, "
            f"{pair['only_b']} only in the second"
        )


def _opened(home: Workspace, folder: str) -> tuple[Path, dict[str, Any]]:
    path = home.allowed(folder)
    return path, manifest.read(path)


def _echo_metrics(metrics: dict[str, Any]) -> None:
    for id, numbers in metrics.items():
        typer.echo(
            f"  {id}: " + ", ".join(f"{name} {value}" for name, value in numbers.items() if not isinstance(value, dict))
        )


def evaluate(
    folder: str,
    probe: Annotated[str | None, typer.Option(help="Train small on the kept, test on the rest: {probe}.")] = None,
    set: Annotated[Many, typer.Option(help="param=value of the probe; may be given more than once.")] = None,
    held_out: Annotated[str | None, typer.Option(help="Pool to test on instead, for {probe.elsewhere}.")] = None,
    json: Json = False,
) -> None:
    """Metrics of a selection, and optionally a probe."""
    home = workspace()
    if probe is None and (set or held_out):
        raise BadRequest("--set and --held-out are for a probe; name one with --probe.")
    path, said = _opened(home, folder)
    found = {"metrics": said["result"]["metrics"]}
    if probe is not None:
        found["probe"] = {"id": probe, **run_probe(home, path, probe, progress(), pairs(set, "--set"), held_out)}
    if json:
        answer(found)
        return
    _echo_metrics(found["metrics"])
    if probe is not None:
        _echo_metrics({probe: found["probe"]})


def export(
    folder: str,
    format: Annotated[str, typer.Option(help="One of {export format}.")],
    out: Annotated[str, typer.Option(help="The file, or for formats of many files the folder, to make.")],
    set: Annotated[Many, typer.Option(help="param=value of the format; may be given more than once.")] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Writes a selection for another tool."""
    home = workspace()
    kept = open_run(home, home.allowed(folder))
    exporter: Export = registry.find("export format", format).parse(pairs(set, "--set"))
    target = exporter.write(kept, out, progress(), overwrite)
    if json:
        answer({"format": format, "out": str(target), "n": kept.table.num_rows})
        return
    typer.echo(f"{kept.table.num_rows} samples written to {target}")


def verify(folder: str, json: Json = False) -> None:
    """Exit 0: the selection is intact, to the byte."""
    path, said = _opened(workspace(), folder)
    found = manifest.problems(path)
    if json:
        answer({"intact": not found, "problems": found, "ids_sha256": said["result"]["ids_sha256"]})
    elif not found:
        typer.echo(f"intact: {said['result']['n']} samples, ids_sha256 {said['result']['ids_sha256']}")
    for problem in found:
        say(problem)
    if found:
        raise typer.Exit(1)


def reproduce(folder: str, json: Json = False) -> None:
    """Runs a selection again from its manifest. Exit 0: the ids are identical."""
    home = workspace()
    path, _ = _opened(home, folder)
    found = reproduction.reproduce(home, path, progress())
    if json:
        answer(found)
    else:
        typer.echo(f"{'identical' if found['identical'] else 'different'}: ids_sha256 {found['ids_sha256']}")
    if not found["identical"]:
        changed = " The pool's columns changed since." if found["columns_changed"] else ""
        say(f"The ids differ: the manifest says {found['expected']}, this run gives {found['ids_sha256']}.{changed}")
        raise typer.Exit(1)


def work(folder: str) -> None:
    """What a worker process runs: the job in this folder."""
    code = worker.work(workspace(), Path(folder))
    if (
        code == 130
        # stopped, perhaps while another library held a lock: all is written, and no thread that waits for it is waited for
    ):
        sys.stderr.flush()
        os._exit(code)
    raise typer.Exit(code)
