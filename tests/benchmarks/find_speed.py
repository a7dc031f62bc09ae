"""Words found in 100,000 texts, beside a plain Python loop that folds and looks through every text.

The loop reads the same columns from the same file. Answers are compared. Beside it: texts folded at once, and each
alone.
"""

import json
import os
import tempfile
import unicodedata
from pathlib import Path

import numpy as np

from datasel_core.actions.add_pool import add_pool
from datasel_core.pools.persistence import load_pool
from datasel_core.runs.find import texts, words
from datasel_core.workspace.layout import Workspace
from tests.benchmarks._measure import size, stopwatch, table

N, TRIES = 100_000, 3
LATIN = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "while",
    "seven",
    "wizards",
    "brew",
    "a",
    "potent",
    "stew",
    "of",
    "onions",
]
CYRILLIC = [
    "широкая",
    "электрификация",
    "южных",
    "губерний",
    "даст",
    "мощный",
    "толчок",
    "подъёму",
    "сельского",
    "хозяйства",
    "ещё",
    "раз",
]


def plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


def loop(pool, wanted: list[str]) -> list[int]:
    columns = [pool.column(name) for name in ("id", "prompt", "response")]
    found = []
    for row, said in enumerate(zip(*columns, strict=True)):
        said = [plain(str(text)) for text in said]
        if all(any(word in text for text in said) for word in wanted):
            found.append(row)
    return found


def _pool(workspace: Workspace, folder: Path, name: str, vocabulary: list[str], n: int):
    rng = np.random.default_rng(0)
    with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
        for at in range(n):
            prompt, response = (" ".join(rng.choice(vocabulary, size)) for size in (20, 40))
            line = {"id": f"t{at}", "prompt": f"{prompt} {at}", "response": response}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    add_pool(workspace, name, str(folder / f"{name}.jsonl"), "text")
    return load_pool(workspace, name)


def main() -> None:
    n, rows, folding = size(N), [], []
    with tempfile.TemporaryDirectory() as name:
        os.environ["DATASEL_WORKSPACE"], os.environ["DATASEL_DATA_ROOTS"] = str(Path(name) / "ws"), name
        for what, vocabulary, typed in (("Latin", LATIN, "lazy 77"), ("Cyrillic", CYRILLIC, "подъему 77")):
            pool = _pool(Workspace.at(), Path(name), what, vocabulary, n)
            read, taken = words.read(typed), []
            for _ in range(TRIES):
                with stopwatch() as seconds:
                    found = texts.search(pool, read)
                taken.append(seconds[0])
            with stopwatch() as seconds:
                slow = loop(pool, typed.split())
            assert sorted(found.rows.tolist()) == slow
            said = pool.column("response").tolist()[: size(N // 10)]
            with stopwatch() as at_once:
                together = words.folded(said)
            with stopwatch() as each:
                assert [words.fold(text) for text in said] == together
            ratio = each[0] / at_once[0]
            folding.append({"folded": what, "s": at_once[0], "one by one s": each[0], "times faster": ratio})
            fast = float(np.median(taken))
            rows.append({f"{n:,} texts": what, "s": fast, "loop s": seconds[0], "times faster": seconds[0] / fast})
    table(rows)
    table(folding)
