"""Which texts to learn next: influence (MATES) beside its controls on novels and country profiles, judged elsewhere.

Eight novels and the CIA's factbook, cut into sequences of 180 words, are the pool; the reference is the last fifth of
Mansfield Park, which the pool does not have. A model from scratch is warmed up on a fifth of the pool; each method then
chooses 320 sequences, which a short run from that one checkpoint learns while its rate falls (probe `decay`). Every
choice is paired with a random one of the same seed, 8 seeds. Judged on Persuasion (of the same kind), on Shakespeare
(of another kind), and on held-out texts of the pool; what is gained on the reference is shown, and proves nothing.

DATASEL_BENCHMARK_HOME: where the workspace lies, so that a run that was ended goes on; else a temporary folder.
"""

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from datasel_core.__main__ import main as command
from tests.benchmarks._measure import small, stopwatch
from tests.conftest import real_data

WORDS = 180
BUDGET, STEPS = (40, 3) if small() else (320, 20)
NOVELS = ("1310", "141", "1480", "2833", "3760", "4412", "471", "48021")
PROBES = 40 if small() else 500
SEEDS = 2 if small() else 8


def main() -> None:
    data = real_data()
    if data is None:
        print("There is no real data here.")
        return
    with contextlib.ExitStack() as stack:
        home = os.environ.get("DATASEL_BENCHMARK_HOME") or stack.enter_context(tempfile.TemporaryDirectory())
        Path(home).mkdir(parents=True, exist_ok=True)
        os.environ["DATASEL_WORKSPACE"] = str(Path(home) / "workspace")
        os.environ["DATASEL_DATA_ROOTS"] = home
        with stopwatch() as taken:
            measured(data / "books", Path(home))
        print(f"\nAll of it: {taken[0] / 60:.0f} minutes.")


def measured(books: Path, home: Path) -> None:
    if not (home / "library.jsonl").is_file():
        _write(books, home)
        for name in ("library", "reference", "persuasion", "shakespeare"):
            run("pool", "add", name, home / f"{name}.jsonl", "--kind", "text")
        run("holdout", "library", "--share", "100")
    with stopwatch() as taken:
        features = _features()
    print(f"features and probes: {taken[0]:.0f} s", flush=True)
    methods = [
        "mates",
        "mates:diverse=0.5",
        f"by_score:role=measured_influence:use.measured_influence={features['all']}",
        "shuffled_score:role=influence",
        "lowest_perplexity",
        "bm25",
        "nearest_targets",
        "reference_classifier",
        f"nearest_targets:use.embedding={features['lm_embedding']}",
        f"nearest_targets:use.embedding={features['lm_gradient']}",
        "dsir",
        "tsds",
    ]
    with stopwatch() as taken:
        run(
            *("evidence", "library", "--methods", ",".join(methods), "--budgets", BUDGET, "--seeds", SEEDS),
            *("--target", "reference", "--judges", "persuasion,shakespeare", "--measures", "none"),
            *("--probe", "decay", "--set", f"probe.model={features['checkpoint']}", "--set", f"probe.steps={STEPS}"),
            *("--set", "probe.most=60", "--set", "probe.length=256", "--use", f"embedding={features['tfidf_svd']}"),
            *("--use", f"influence={features['influence']}", "--set", f"weak={str(small()).lower()}"),
            *("--out", home / "table.md", "--overwrite"),
        )
    print((home / "table.md").read_text(encoding="utf-8"))
    print(f"choices and trainings: {taken[0]:.0f} s")


def _features() -> dict[str, str]:
    """Keys by name; checkpoint: its folder."""
    steps = 60 if small() else 300
    given = ("--set", "references=reference", "--set", "length=256", "--set", f"steps={steps}", "--set", "most=25")
    made = {"tfidf_svd": _feature("library", "tfidf_svd")}
    _feature("reference", "tfidf_svd", "--set", f"like={made['tfidf_svd']}")
    for pool in ("library", "reference"):
        for name in ("terms", "hashed_ngrams"):
            _feature(pool, name)
    made["all"] = _feature("library", "influence_probe", *given, "--set", f"n_probes={10**6}")
    made["some"] = _feature("library", "influence_probe", *given, "--set", f"n_probes={PROBES}")
    by = ("--set", f"measured={made['some']}", "--set", f"by={made['tfidf_svd']}")
    made["influence"] = _feature("library", "influence", *by)
    folder = Path(os.environ["DATASEL_WORKSPACE"]) / "features" / made["some"]
    (made["checkpoint"],) = {str(path.parent) for path in folder.rglob("adamw.safetensors")}
    model = ("--set", f"model={made['checkpoint']}", "--set", "length=256")
    _feature("library", "perplexity", *model)
    for name in ("lm_embedding", "lm_gradient"):
        made[name] = _feature("library", name, *model)
        _feature("reference", name, *model)
    return made


def _feature(pool: str, name: str, *options: Any) -> str:
    with stopwatch() as taken:
        said = run("feature", "compute", pool, name, *options)
    print(f"  {pool} {name}: {taken[0]:.0f} s", flush=True)
    return said["key"]


def run(*words: Any) -> dict[str, Any]:
    """What a command says with --json."""
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        code = command([*map(str, words), "--json"])
    assert code == 0, words
    return json.loads(heard.getvalue())


def _write(books: Path, home: Path) -> None:
    library: dict[str, list[str]] = {}
    for number in NOVELS:
        library[number] = cut((books / f"{number}.txt").read_text(encoding="utf-8"))
    after = len(library["141"]) * 4 // 5
    reference, library["141"] = library["141"][after:], library["141"][:after]
    lines = (books / "factbook.jsonl").read_text(encoding="utf-8").splitlines()
    profiles = [(one["id"], part) for one in map(json.loads, lines) for part in cut(one["text"], 60)]
    for number, part in profiles:
        library.setdefault(f"factbook-{number}", []).append(part)
    every = 20 if small() else 4  # as large as an hour on two cores allows
    rows = [(f"{name}-{at:04d}", part) for name, parts in library.items() for at, part in enumerate(parts)][::every]
    _keep(home / "library.jsonl", rows)
    for name, parts in (
        ("reference", reference),
        ("persuasion", cut((books / "106.txt").read_text(encoding="utf-8"))),
        ("shakespeare", cut((books / "shakespeare.txt").read_text(encoding="utf-8"))),
    ):
        numbered = [(f"{name}-{at:04d}", part) for at, part in enumerate(parts)]
        _keep(home / f"{name}.jsonl", numbered[:: max(1, len(parts) // 100)])  # each training reads all of them


def cut(text: str, least: int = WORDS) -> list[str]:
    """Pieces of WORDS words; of the last, `least` at least."""
    words = text.split()
    pieces = [words[at : at + WORDS] for at in range(0, len(words), WORDS)]
    return [" ".join(piece) for piece in pieces if len(piece) >= least]


def _keep(path: Path, rows: list[tuple[str, str]]) -> None:
    path.write_text("".join(json.dumps({"id": id, "text": text}) + "\n" for id, text in rows), encoding="utf-8")
