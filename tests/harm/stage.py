"""A small world to do harm to: sources, a person's own files, and a workspace with pools, features, selections."""

import contextlib
import io
import json
import os
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.__main__ import main
from datasel_core.base.progress import Progress
from datasel_core.errors import DataselError
from datasel_core.features import stored
from datasel_core.pools.changed import changes
from datasel_core.pools.persistence import load_pool, pool_names
from datasel_core.pools.scan import fingerprint
from datasel_core.runs import manifest
from datasel_core.runs.run import runs
from datasel_core.runs.scores import read_scores
from datasel_core.workspace.layout import Workspace
from tests.conftest import clustered, paint
from tests.harm import apart
from tests.harm.apart import NONE, Death, Ended

N_TEXTS = 700
"""More than two chunks of a feature."""
_WORDS = ["salt", "rain", "snow", "bread", "tram", "lamp", "seven", "river", "cloud", "paper", "stone", "green"]
_TIMES = {"created", "created_utc", "seconds", "updated", "started", "pid", "order", "encoded"}
"""What two runs of the same command say differently: when, and as which of all."""
_PASSING = ("workspace/queue/", "workspace/spool/", "workspace/thumbs/", "workspace/written/", "workspace/pace/")
"""Parts of a workspace that hold no answers: turns, what is being read, small pictures, hashes of what was exported,
how long work took.
"""


class Stage:
    """The same world again and again, at the same place."""

    def __init__(self, folder: Path):
        self.place, self._kept = folder / "place", folder / "kept"
        build(self.place)
        shutil.copytree(self.place, self._kept, symlinks=True)

    def reset(self) -> Path:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self._kept, self.place, symlinks=True)
        return self.place

    def words(self, line: str) -> list[str]:
        return words(self.place, line)

    def ask(self, words: Sequence[str], death: Death = NONE) -> Ended:
        """One command in a process of its own, from its beginning to its end."""
        return apart.call(self.place, words, death)

    def ask_at_once(self, lines: Sequence[Sequence[str]], late: Sequence[float]) -> list[Ended]:
        """Several that begin together, each so many seconds late."""
        return apart.at_once(self.place, lines, late)


def words(place: Path, line: str) -> list[str]:
    """A command line of this world: `@` is the place, `run:NAME` the folder of a selection, `key:ROLE` a feature,
    `''` the empty word.
    """
    return ["" if word == "''" else _word(place, word) for word in line.split()]


def _word(place: Path, word: str) -> str:
    if word.startswith("run:"):
        return str(place / "out" / word[4:])
    if word.startswith("key:"):
        return feature_key(place, word[4:])
    return word.replace("@", str(place))


def feature_key(place: Path, role: str) -> str:
    metas = sorted((place / "workspace" / "features").glob("*/meta.json"))
    return next(one.parent.name for one in metas if json.loads(one.read_text())["role"] == role)


def build(place: Path) -> None:
    """Makes it, by the command line alone."""
    sources(place)
    (place / "people" / "photos").mkdir(parents=True)
    (place / "people" / "notes.txt").write_text("my own work")
    (place / "people" / "kept.csv").write_text("id\nmine\n")
    (place / "out").mkdir()
    with within(place), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        for line in _BUILT:
            assert main(words(place, line)) == 0, (line, said.getvalue())


_BUILT = (
    "pool add photos @/in/photos",
    "pool add shop @/in/table.csv",
    "pool add arrows @/in/arrows.npz",
    "pool add chat @/in/chat.jsonl",
    "feature import arrows loss @/in/loss.npz",
    "feature compute chat hashed_ngrams --set n_buckets=64",
    "select arrows random --budget 9 --out @/out/nine",
    "select arrows k_center --budget 5 --out @/out/five",
    "select photos random --budget 4 --out @/out/photos",
    "select shop random --budget 4 --out @/out/shop",
    "export run:nine --format csv --out @/out/nine.csv",
    "export run:photos --format files --out @/out/files",
)


def sources(place: Path) -> None:
    """Photos, a table of some of them, texts, vectors, numbers for these."""
    rng, draw = np.random.default_rng(3), random.Random(3)
    for at in range(12):
        paint(place / "in" / "photos" / "abc"[at % 3] / f"{at:02d}.jpg", at)
    for at in range(8):
        paint(place / "in" / "shots" / f"{at:02d}.jpg", 50 + at)
    table(place, "aabb")
    np.savez(
        place / "in" / "arrows.npz", ids=np.array([f"v{at}" for at in range(70)]), embedding=clustered(rng, 70, 6, 5)
    )
    for name in ("loss", "other"):
        ids = np.array([f"v{at}" for at in range(70)])
        np.savez(place / "in" / f"{name}.npz", ids=ids, loss=rng.random(70, dtype=np.float32))
    texts = [{"id": f"t{at}", "text": " ".join(draw.choices(_WORDS, k=9)), "n": at} for at in range(N_TEXTS)]
    (place / "in" / "chat.jsonl").write_text("".join(json.dumps(one) + "\n" for one in texts))


def table(place: Path, groups: str) -> None:
    """The source of the pool `shop`: its photos and their groups."""
    rows = [f"shots/{at:02d}.jpg,{groups[at % len(groups)]}" for at in range(8)]
    (place / "in" / "table.csv").write_text("path,group\n" + "\n".join(rows) + "\n")


@contextlib.contextmanager
def within(place: Path) -> Iterator[Workspace]:
    """Its workspace, with what a process there is told."""
    told = apart.environment(place)
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield Workspace.at()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


# ---- what lies there


def stamps(place: Path) -> dict[str, tuple[int, ...]]:
    """Another value whenever a file is another one, or was written again; locks and turns apart."""
    found = {}
    for path in place.rglob("*"):
        name = path.relative_to(place).as_posix()
        if path.name != ".lock" and not name.startswith(_PASSING) and not path.is_dir():
            there = path.lstat()
            found[name] = there.st_ino, there.st_size, there.st_mtime_ns
    return found


def snapshot(place: Path) -> dict[str, bytes]:
    """Every file that is somebody's or an answer, name -> bytes; of links where they lead."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_symlink():
            found[name] = os.fsencode(os.readlink(path))
        elif path.is_file() and path.name != ".lock" and not name.startswith(_PASSING):
            found[name] = path.read_bytes()
    return found


def meaning(name: str, content: bytes) -> Any:
    """The bytes; of JSON its values without times, which differ from run to run, and without the hash over them; of
    the sizes and times that photos had nothing.
    """
    if "/stamps-" in name:
        return b""
    if not name.endswith(".json") or name.startswith(("in/", "people/")):
        return content
    try:
        said = json.loads(content)
    except ValueError:
        return content
    drop = _TIMES | ({"sha256"} if name.endswith("manifest.json") else set())
    return _without(said, drop)


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(inner, names) for name, inner in value.items() if name not in names}
    return [_without(inner, names) for inner in value] if isinstance(value, list) else value


def answers(files: Mapping[str, bytes]) -> dict[str, Any]:
    """What a snapshot says, apart from pieces that a later start removes."""
    return {name: meaning(name, content) for name, content in files.items() if not name.endswith(".part")}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Names that only one of them has, or that say something else."""
    return sorted(name for name in one.keys() | other.keys() if name not in one or one[name] != other.get(name))


def taken_for_answers(place: Path) -> list[str]:
    """What the program takes for an answer although it is none: opened as the program does, checked to the byte."""
    found: list[str] = []
    with within(place) as home:
        for look in (_pools, _selections, _features, _scores):
            try:
                found += look(home)
            except DataselError as error:
                found.append(str(error))
    return found


def _pools(home: Workspace) -> Iterator[str]:
    for pool in (load_pool(home, name) for name in pool_names(home)):
        there = fingerprint(pool.take(np.arange(pool.n), ["id", "content"]))
        if (pool.about["n"], pool.fingerprint) != (pool.n, there):
            yield f"the pool {pool.name} is not what pool.json says"


def _selections(home: Workspace) -> Iterator[str]:
    exported = [path.parent for path in sorted((home.path.parent / "out").rglob("selection.parquet"))]
    for folder in [*runs(home, previews=True), *exported]:
        if (folder / "manifest.json").exists():
            yield from (f"{folder.name}: {problem}" for problem in manifest.problems(folder))
            said = manifest.read(folder)
            yield from changes(home, said["pool"], manifest.kept_table(folder), Progress()).lines()


def _features(home: Workspace) -> Iterator[str]:
    for kept in map(stored.load, home.folders("features")):
        if kept is not None and not kept.is_given_up and not kept.is_intact():
            yield f"the feature {kept.key} is damaged"


def _scores(home: Workspace) -> Iterator[str]:
    for folder in home.folders("scores"):
        if (folder / "meta.json").exists() and read_scores(folder) is None:
            yield f"the scores {folder.name} are damaged"
