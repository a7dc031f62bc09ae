"""Checkpoints on disk. One counts only when its own list of files, written last, is true to the byte; half a one is
thrown away.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasel_core.errors import BadInput
from datasel_core.workspace.files import read_json, write_json

_LIST = "complete.json"
_TO_GO_ON = "optimizer.pt"
_KEPT_TO_GO_ON = 2
"""So many of the newest keep what training goes on with, so that one that turns out damaged costs one checkpoint and
not all.
"""


@dataclass(frozen=True)
class Checkpoints:
    """folder: where they lie. steps: after which training steps one is due, in order."""

    folder: Path
    steps: tuple[int, ...]

    def path(self, step: int) -> Path:
        return self.folder / f"checkpoint-{step}"

    def seal(self, step: int) -> None:
        """Says that the checkpoint after this step is whole, and takes from the older ones what only the newest
        need.
        """
        folder = self.path(step)
        write_json(folder / _LIST, _sizes(folder))
        for older in [one for one in self.steps if one <= step][:-_KEPT_TO_GO_ON]:
            self._slim(self.path(older))
        for at, between in self._there().items():
            if at < step and at not in self.steps:
                shutil.rmtree(between, ignore_errors=True)

    def usable(self) -> tuple[int, ...]:
        """Steps of whole checkpoints without a gap, from the first on."""
        found = []
        for step in self.steps:
            if not is_whole(self.path(step)):
                break
            found.append(step)
        return tuple(found)

    def resume(self) -> int:
        """The step to go on from, 0 for the beginning; throws away whatever is damaged, or lies after it. It may be one
        between those that are due.
        """
        there = self._there()
        able = [step for step, folder in there.items() if is_whole(folder) and (folder / _TO_GO_ON).exists()]
        able = [step for step in able if all(is_whole(self.path(due)) for due in self.steps if due < step)]
        last = max(able, default=0)
        for step, folder in there.items():
            if step > last or (step not in self.steps and step != last):
                shutil.rmtree(folder, ignore_errors=True)
        return last

    def finish(self, target: Path) -> None:
        """Keeps the last model, alone, as `target`; all else goes."""
        last = self.path(self.steps[-1])
        if is_whole(last) or (last.is_dir() and target.is_dir()):  # the second: a kill came between two files
            target.mkdir(parents=True, exist_ok=True)
            for path in [*last.glob("config.json"), *last.glob("model*.safetensors*")]:
                path.replace(target / path.name)
        for folder in self.folder.glob("checkpoint-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _there(self) -> dict[int, Path]:
        found = {path.name.removeprefix("checkpoint-"): path for path in self.folder.glob("checkpoint-*")}
        return {int(name): path for name, path in sorted(found.items()) if name.isdecimal()}

    def _slim(self, folder: Path) -> None:
        sizes = {
            name: size for name, size in _sizes(folder).items() if name == "config.json" or name.startswith("model")
        }
        write_json(folder / _LIST, sizes)
        for path in folder.iterdir():
            if path.name not in sizes and path.name != _LIST:
                path.unlink()


def is_whole(folder: Path) -> bool:
    try:
        sizes: Any = read_json(folder / _LIST)
    except BadInput:
        return False
    there = _sizes(folder) if folder.is_dir() else {}
    return isinstance(sizes, dict) and bool(sizes) and all(there.get(name) == size for name, size in sizes.items())


def planned(steps: int, n: int) -> tuple[int, ...]:
    """Evenly spaced, the last at the end; fewer than n where there are fewer steps."""
    return tuple(sorted({max(1, round(steps * (at + 1) / n)) for at in range(n)}))


def _sizes(folder: Path) -> dict[str, int]:
    return {
        path.name: path.stat().st_size
        for path in sorted(folder.iterdir())
        if path.name != _LIST and not path.name.startswith(".")
    }
