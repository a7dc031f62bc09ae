"""The loss of a training, step by step, for whoever watches it: one line of JSON per logged step."""

import json
from pathlib import Path
from typing import Any

from datasel_core.workspace.files import disk_trouble, writing


class LossLog:
    """{"step", "of", "loss", "rate", "seconds", "tokens"} per line: mean loss since the line before (null where it is
    no number), learning rate, time spent and tokens seen so far.
    """

    def __init__(self, path: Path, step: int):
        """Goes on after `step`: what an interrupted attempt wrote beyond it comes again."""
        self.path = path
        kept = [line for line in read_log(path) if line["step"] <= step]
        self.seconds = kept[-1]["seconds"] if kept else 0.0
        with writing(path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept))

    def add(self, line: dict[str, Any]) -> None:
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise disk_trouble(error, self.path) from error


def read_log(path: Path) -> list[dict[str, Any]]:
    """All whole lines; the last may be half written while a training runs."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found
