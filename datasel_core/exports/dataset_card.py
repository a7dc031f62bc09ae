"""The card of a data set: what it holds, how it was chosen, in words and as a command, and under which licence.

https://huggingface.co/docs/hub/datasets-cards
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasel_core.base import registry
from datasel_core.errors import BadRequest
from datasel_core.exports.content import Content, Copy
from datasel_core.exports.export import SelectionRecord
from datasel_core.exports.record import FOLDER
from datasel_core.pools.readers.layouts.coco import annotation_files

if TYPE_CHECKING:
    from datasel_core.exports.huggingface import HuggingFace

NAME = "README.md"
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_LICENCES = ("LICENSE", "LICENCE", "COPYING", "LICENSE.txt", "LICENSE.md", "LICENCE.txt", "LICENCE.md")
_MOST = 200 << 20
"""Bytes of a JSON file that is read for the licences it names."""


def of(kept: SelectionRecord, splits: Mapping[str, list[str]], how: "HuggingFace") -> str:
    """The whole text. splits: name -> the files it is read from."""
    import yaml

    said, licence = kept.manifest, _licence(kept)
    n, whole = said["result"]["n"], said["pool"]["n"]
    front: dict[str, Any] = {"pretty_name": f"{said['pool']['name']}, {n:,} of {whole:,}"}
    if "license" in licence:
        front |= licence
    front |= {
        "tags": ["datasel"],
        "size_categories": [next((name for most, name in _SIZES if n < most), "n>10M")],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": name, "path": files} for name, files in splits.items()],
            }
        ],
    }
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=1000)
    body = [
        f"# {said['pool']['name']}: {n:,} of {whole:,}",
        f"Chosen with datasel {said['datasel_version']} on {said['created_utc'][:10]}: {_recipe(said)}.",
        "## What was asked",
        _asked(said),
        "## The same again",
        "```\n" + said["command"].replace("```", "") + "\n```",
        f"The folder `{FOLDER}` holds the record. `python -m datasel_core verify FOLDER` says whether every byte is as "
        "it was written, `python -m datasel_core reproduce FOLDER` chooses again.",
        "## Licence",
        "\n".join(f"- {line}" for line in _licences(kept)) or "The source names no licence that was found.",
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(body) + "\n"


def licence_files(kept: SelectionRecord) -> dict[str, Content]:
    """The texts of licences that lie in the source's folder, which go along."""
    folder = _folder(kept)
    return {} if folder is None else {path.name: Copy(path) for path in _texts(kept, folder)}


def _recipe(said: Mapping[str, Any]) -> str:
    cls = registry.every("method").get(said["method"]["id"])
    title = cls.title if cls else said["method"]["id"]
    return f"{said['budget']['granted']:,} {said['budget']['unit']} by {title}, seed {said['seed']}"


def _asked(said: Mapping[str, Any]) -> str:
    rows = [("pool", f"{said['pool']['name']}, fingerprint {said['pool']['fingerprint'][:16]}")]
    rows += [(name, json.dumps(value, ensure_ascii=False)) for name, value in said["method"]["params"].items()]
    rows += [(f"feature for {role}", _feature(about)) for role, about in said["features"].items()]
    if said["target"]:
        rows.append(("target", f"{said['target']['name']}, {said['target']['n']:,} samples"))
    rows += [
        (words, f"an earlier selection of {said[name]['n']:,}")
        for name, words in (("within", "only among"), ("already", "counted as chosen"))
        if said[name]
    ]
    if said["where"]:
        rows.append(("where", said["where"]))
    return "\n".join(f"- {name}: {_plain(value)}" for name, value in rows)


def _plain(value: Any) -> str:
    """Words of others on one line, in which nothing is Markdown."""
    return "`" + " ".join(str(value).replace("`", "'").split()) + "`"


def _feature(about: Mapping[str, Any]) -> str:
    if about.get("column"):
        return f"column {about['column']}"
    return " ".join([about["id"], *(f"{name}={value}" for name, value in about.get("params", {}).items())])


def _folder(kept: SelectionRecord) -> Path | None:
    """Where the source lies, as far as it may be read."""
    if kept.pool is None:
        return None
    with contextlib.suppress(BadRequest):
        source = kept.workspace.allowed(kept.pool.about["source"])
        return source if source.is_dir() else source.parent
    return None


def _texts(kept: SelectionRecord, folder: Path) -> list[Path]:
    return [folder / name for name in _LICENCES if _is_allowed(kept, folder / name)]


def _is_allowed(kept: SelectionRecord, path: Path) -> bool:
    """Whether it is a file that may be read: a link may lead outside the allowed folders."""
    with contextlib.suppress(BadRequest):
        return kept.workspace.allowed(path).is_file()
    return False


def _licence(kept: SelectionRecord) -> dict[str, str]:
    """The keys about a licence of the source's own card."""
    import yaml

    folder = _folder(kept)
    card = folder / NAME if folder is not None else None
    if card is None or not _is_allowed(kept, card):
        return {}
    with contextlib.suppress(OSError, UnicodeDecodeError, yaml.YAMLError):
        parts = card.read_text(encoding="utf-8").split("---\n", 2)
        front = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else {}
        if isinstance(front, dict):
            return {name: front[name] for name in ("license", "license_name", "license_link") if name in front}
    return {}


def _licences(kept: SelectionRecord) -> list[str]:
    """What the source says of licences, a line each."""
    found = [f"{name}: {_plain(value)}" for name, value in _licence(kept).items()]
    folder = _folder(kept)
    if folder is not None:
        found += [f"The source's own text: {path.name}" for path in _texts(kept, folder)]
    found += [f"Of the source's pictures: {_plain(line)}" for line in _of_coco(kept)]
    found += [
        f"Each sample names its own in the column {_plain(name)}."
        for name in kept.table.column_names
        if name.lower() in ("license", "licence")
    ]
    return found + [f"Said by the source's Parquet files: {_plain(line)}" for line in _of_parquet(kept)]


def _of_coco(kept: SelectionRecord) -> Iterator[str]:
    if kept.pool is None or kept.pool.layout != "coco":
        return
    for path in annotation_files(Path(kept.pool.about["source"]), kept.pool.kind):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if _is_allowed(kept, path) and path.stat().st_size <= _MOST:
                for one in json.loads(path.read_text(encoding="utf-8")).get("licenses", []):
                    yield " ".join(str(one[name]) for name in ("name", "url") if one.get(name))


def _of_parquet(kept: SelectionRecord) -> Iterator[str]:
    if kept.pool is None or not str(kept.pool.about["source"]).endswith(".parquet"):
        return
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, BadRequest, pa.ArrowException):
        note = (pq.read_schema(kept.workspace.allowed(kept.pool.about["source"])).metadata or {})[b"huggingface"]
        if named := json.loads(note)["info"].get("license"):
            yield str(named)
