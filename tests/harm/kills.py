"""A kill: a command dies at a drawn moment, and is asked once more."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.features.chunks import CHUNK
from tests.harm import stage as world
from tests.harm.apart import Death, Ended
from tests.harm.stage import Stage, answers, differences, meaning, snapshot, taken_for_answers

_PIECES = re.compile(r".*(\.part|/chunks/\d+\.npz|/(pool|labels)\.before\.parquet|/generation-\d+/.*|/fitted\.npz)")
"""What a command that died may leave beside answers, and what nobody takes for one."""
_TROUBLE = re.compile("Traceback|It broke")
_BLOCK = 256
"""Samples of the largest block that a feature hands over: it was not written yet."""


@dataclass(frozen=True)
class Action:
    """line: what is asked. before: what happens to the world first; it says what is of no worth from then on.

    over: the folder of a selection or a record that another takes the place of, file by file: killed between two of
    them, it is neither, and the program has to refuse it until it is asked again.
    """

    line: str
    before: Callable[[Path], str] = lambda place: ""
    over: str = ""


def _regrouped(place: Path) -> str:
    """The source of a pool was changed since it was read."""
    world.table(place, "abab")
    return ""


def _damaged(place: Path) -> str:
    """A byte of a feature's values is another one; it is made anew."""
    folder = place / "workspace" / "features" / world.feature_key(place, "ngrams")
    content = bytearray((folder / "values.npy").read_bytes())
    content[-1] ^= 1
    (folder / "values.npy").write_bytes(content)
    return folder.relative_to(place).as_posix()


ACTIONS = {
    "pool of photos": Action("pool add more @/in/photos"),
    "pool of photos again": Action("pool add shop @/in/table.csv", _regrouped),
    "pool of texts": Action("pool add talk @/in/chat.jsonl"),
    "pool of vectors": Action("pool add again @/in/arrows.npz"),
    "feature in chunks": Action("feature compute chat hashed_ngrams --set batch=64"),
    "feature that is learned": Action("feature compute chat tfidf_svd --set n_dims=4 --set batch=64"),
    "feature of photos": Action("feature compute photos dictionary_embedding"),
    "damaged feature": Action("feature compute chat hashed_ngrams --set n_buckets=64", _damaged),
    "import": Action("feature import arrows error @/in/other.npz"),
    "import again": Action("feature import arrows loss @/in/loss.npz --encoder other"),
    "score": Action("score arrows by_score --set role=loss"),
    "select": Action("select arrows facility_location --budget 20%"),
    "select to a folder": Action("select photos random --budget 5 --seed 2 --out @/out/new"),
    "select over a selection": Action("select arrows random --budget 7 --seed 5 --out @/out/nine", over="nine"),
    "combine": Action("combine union run:nine run:five --out @/out/both"),
    "file": Action("export run:five --format jsonl --out @/out/five.jsonl"),
    "file again": Action("export run:five --format csv --out @/out/nine.csv", over="nine.csv.datasel"),
    "folder": Action("export run:shop --format files --out @/out/shots"),
    "map": Action("map key:embedding --set n_neighbors=60"),
    "demo": Action("demo"),
}


@dataclass(frozen=True)
class Whole:
    """What an action does when nobody disturbs it."""

    ended: Ended
    files: Mapping[str, bytes]
    says: Mapping[str, Any]
    largest: int


@dataclass(frozen=True)
class Kill:
    """One round. died: whether it ended before its end. harm: what must not be, a line each. again: samples that a
    feature was computed for more than once. between: whether it died between two files of one selection.
    """

    seed: int
    action: str
    death: Death
    died: bool
    harm: tuple[str, ...]
    again: int
    between: bool


class Kills:
    """Rounds on one stage; what an action does undisturbed is seen once."""

    def __init__(self, stage: Stage):
        self._stage, self._whole = stage, {}

    def round(self, seed: int) -> Kill:
        """The action goes round with the seed; the moment is drawn."""
        draw, name = random.Random(seed), list(ACTIONS)[seed % len(ACTIONS)]
        whole = self.whole(name)
        death = _drawn(draw, whole)
        before, worthless = self._begin(name)
        words = self._stage.words(ACTIONS[name].line)
        killed = self._stage.ask(words, death)
        taken = taken_for_answers(self._stage.place)
        refused = [said for said in taken if ACTIONS[name].over and said.startswith(f"{ACTIONS[name].over}: ")]
        worth = [said for said in taken if said not in refused and not (worthless and Path(worthless).name in said)]
        harm = [f"before it was asked again, {said}" for said in self._after_death(before, worthless, whole) + worth]
        if death.room is not None and (killed.code not in (0, 1) or _TROUBLE.search(killed.err)):
            harm.append(f"without room it ended with {killed.code}: {killed.err.strip()[-300:]}")
        again = self._stage.ask(words)
        harm += _after_all(again, whole, snapshot(self._stage.place))
        harm += taken_for_answers(self._stage.place)
        twice = max(0, killed.encoded + again.encoded - whole.ended.encoded)
        if twice > CHUNK + _BLOCK:
            harm.append(f"{twice} samples were computed again")
        return Kill(seed, name, death, killed.code != 0, tuple(harm), twice, bool(refused))

    def whole(self, name: str) -> Whole:
        if name not in self._whole:
            before, _ = self._begin(name)
            ended = self._stage.ask(self._stage.words(ACTIONS[name].line))
            assert ended.code == 0, (name, ended.err)
            files = snapshot(self._stage.place)
            sizes = [len(content) for file, content in files.items() if content != before.get(file)]
            self._whole[name] = Whole(ended, files, answers(files), max(sizes, default=0))
        return self._whole[name]

    def _begin(self, name: str) -> tuple[dict[str, bytes], str]:
        """What lies there before the action, and the folder of which nothing is worth anything any more."""
        place = self._stage.reset()
        worthless = ACTIONS[name].before(place)
        return snapshot(place), worthless

    def _after_death(self, before: Mapping[str, bytes], worthless: str, whole: Whole) -> list[str]:
        """What was there stands to the byte, or what is to take its place does, to the byte; nothing else is there but
        pieces.
        """
        before, after = (
            {file: content for file, content in files.items() if not (worthless and file.startswith(f"{worthless}/"))}
            for files in (before, snapshot(self._stage.place))
        )
        found = []
        for file, content in before.items():
            if after.get(file) != content and not _is_as_told(file, after.get(file), whole):
                found.append(f"{file} was {'changed' if file in after else 'lost'}")
        for file in after.keys() - before.keys():
            if not _is_as_told(file, after[file], whole) and not _PIECES.fullmatch(file):
                found.append(f"{file} is no answer and no piece of one")
        return sorted(found)


def _is_as_told(file: str, content: bytes | None, whole: Whole) -> bool:
    """Whether a file is as an undisturbed command would have left it."""
    if content is None or file not in whole.files:
        return content is None and file not in whole.files
    return meaning(file, content) == whole.says.get(file)


def _drawn(draw: random.Random, whole: Whole) -> Death:
    how = draw.choices(("step", "size", "room", "seconds"), (6, 2, 1, 1))[0]
    if how == "step":
        return Death(step=draw.randint(1, whole.ended.steps))
    if how == "size":
        return Death(size=draw.randint(0, whole.largest))
    if how == "room":
        return Death(room=draw.randint(0, whole.largest))
    return Death(seconds=draw.uniform(0, whole.ended.seconds))


def _after_all(again: Ended, whole: Whole, files: Mapping[str, bytes]) -> list[str]:
    """Asked again it says what it would have said, and leaves what it would have left."""
    if again.code != 0:
        return [f"asked again it ended with {again.code}: {again.err.strip()[-300:]}"]
    found = [f"{file} is another in the end" for file in differences(answers(files), whole.says)]
    if again.out != whole.ended.out:
        found.append(f"asked again it said {again.out!r} instead of {whole.ended.out!r}")
    return found
