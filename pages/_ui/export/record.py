"""A manifest for people: what was asked, what was kept, what it was computed from."""

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from datasel_core.base import registry
from datasel_core.base.progress import Progress
from datasel_core.errors import DataselError
from datasel_core.evidence.appraisals import promise
from datasel_core.evidence.appraisals.worth import WorthInRandom, sentence
from datasel_core.features.stored import UNMEASURED
from datasel_core.pools.changed import changes
from datasel_core.runs import manifest
from datasel_core.runs.derivations.derivation import derivation_of
from datasel_core.runs.measures import KEPT, named_metrics
from datasel_core.runs.run import Run
from datasel_core.workspace.layout import Workspace
from pages._ui.kit import keys, look, markdown


def problems(run: Run) -> list[str]:
    """What was changed since the run was written, a line each. Files are read again only when they were touched."""
    stamps = tuple(
        (path.name, path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(run.folder.iterdir())
        if path.suffix in (".json", ".parquet")
    )
    return _problems(str(run.folder), stamps)


def badge(run: Run) -> None:
    """Intact or changed, and the hash that anyone can compare."""
    found = problems(run)
    if found:
        markdown.trouble(f"Changed: {' '.join(found)} It cannot be exported; select again to get a new one.")
        return
    if said := _replaced(str(run.folder), run.manifest["sha256"], keys.workspace(), run):
        markdown.trouble(said)
    st.html(
        '<div class="ds-badge"><b>Intact</b><span>every byte is as it was written</span><code title="SHA-256 of the '
        'kept ids, sorted">'
        f"ids_sha256 {run.manifest['result']['ids_sha256']}</code></div>"
    )


def record(said: Mapping[str, Any]) -> None:
    """The whole manifest in words, three columns; the JSON under an expander."""
    asked, kept, made = st.columns(3, gap="medium")
    with asked:
        _list("What was asked", _asked(said))
    with kept:
        measured = {of: _measured(metrics) for of, metrics in named_metrics(said).items()}
        _list("What was kept", _kept(said) + measured.pop(KEPT, []))
        for of, numbers in measured.items():
            _list(f"Measured of {of}", numbers)
    with made:
        _list("What it was computed from", _made(said))
    if said["unreadable"]:
        with st.expander(
            f"{len(said['unreadable']):,} of {said['pool']['n']:,} could not be read and were not candidates"
        ):
            st.dataframe(
                {
                    "sample": [one["id"] for one in said["unreadable"]],
                    "cause": [one["reason"] for one in said["unreadable"]],
                },
                hide_index=True,
                alt="Samples that could not be read",
            )
    with st.expander("manifest.json"):
        st.code(json.dumps(dict(said), indent=1, ensure_ascii=False), language="json", height=360)


def _asked(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    cls = registry.every("method").get(said["method"]["id"])
    title = cls.title if cls else said["method"]["id"]
    found = [
        ("pool", f"{said['pool']['name']}, {said['pool']['n']:,} samples"),
        ("method", f"{title}, version {said['method']['version']}"),
    ]
    if (how := derivation_of(said["method"])) is not None:
        return [found[0], ("made of", how.words())]
    found += [look.parameter(cls, name, value) for name, value in said["method"]["params"].items()]
    if said["target"]:
        found.append(("target", f"{said['target']['name']}, {said['target']['n']:,} samples"))
    found += [
        (
            "budget",
            f"{said['budget']['requested']} asked, {said['budget']['granted']:,} {said['budget']['unit']} granted",
        ),
        ("seed", str(said["seed"])),
    ]
    for name, words in (
        ("within", "only among an earlier selection of"),
        ("already", "counting as chosen an earlier selection of"),
    ):
        if said[name]:
            found.append((name, f"{words} {said[name]['n']:,}{_uncounted(said[name])}"))
    return [*found, ("where", said["where"])] if said["where"] else found


def _uncounted(earlier: Mapping[str, Any]) -> str:
    """How many of an earlier selection have no value in what the method looks at; older manifests do not say."""
    without = earlier["n"] - earlier.get("counted", earlier["n"])
    return f", of which {without:,} have no value and cover nothing" if without else ""


def _kept(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    counts = manifest.counts(said)
    share, among = look.percent(counts.kept, counts.pool), f", {counts.among}" if counts.among else ""
    aside = [("set aside, never seen", f"{counts.aside:,}")] if counts.aside else []
    found = [("kept", f"{counts.words} ({share}){among}"), ("dropped", f"{counts.dropped:,}"), *aside]
    if value := said["result"].get(WorthInRandom.id):
        found.append(("worth", sentence(value)))
    if value := said["result"].get(promise.Promised.id):
        found.append(("what the method promises", promise.sentence(value)))
    return found


def _measured(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for id, numbers in metrics.items():
        for name, value in numbers.items():
            if isinstance(value, int | float) and (words := _words(id, name)):
                found.append((words, f"{value:,}" if isinstance(value, int) else f"{value:.3g}"))
    return found


def _words(metric: str, name: str) -> str:
    """A metric's number in words; empty for what only says how it was measured."""
    if name in ("measured_on", "threshold", "cells", "groups"):
        return ""
    if metric == "instances":
        return {"instances": "labelled instances kept", "rarest_count": "kept of the rarest class"}.get(
            name, name.replace("_", " ")
        )
    cls = registry.every("metric").get(metric)
    title = (cls.title if cls else metric).lower()
    said = {
        "mean": f"{title}: mean distance",
        "p95": f"{title}: 95 % are nearer than",
        "max": f"{title}: farthest",
        "entropy": f"{title}, 0 to 1",
        "cells_touched": "share of clusters with a kept one",
        "rarest_count": "kept of the rarest group",
        "near_duplicate_share": "share with a near-duplicate",
    }
    return said.get(name, name.replace("_", " "))


def _some(about: Mapping[str, Any]) -> str:
    """Of a feature that was measured of some samples only: of how many others nobody did."""
    n = about.get(UNMEASURED, {}).get("n", 0)
    return f"; {n:,} samples not measured, and no candidates" if n else ""


def _made(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for role, about in said["features"].items():
        words = about.get("column") or ", ".join(
            [about["id"], *(f"{name} {value}" for name, value in about.get("params", {}).items())]
        )
        found.append(
            (
                role.replace("_", " "),
                words if about.get("column") else f"{words} (fingerprint {about['fingerprint'][:12]}{_some(about)})",
            )
        )
    for role, about in (said["target"] or {"features": {}})["features"].items():
        found.append((f"the target's {role}", f"{about['id']} (fingerprint {about['fingerprint'][:12]})"))
    if not found:
        found.append(("features", "none: the method looks at no feature"))
    found += [
        ("pool fingerprint", said["pool"]["fingerprint"][:12]),
        ("made", f"{said['created_utc'].replace('T', ' ').removesuffix('Z')} UTC"),
    ]
    return [
        *found,
        (
            "by",
            f"datasel {said['datasel_version']}, "
            + ", ".join(f"{name} {version}" for name, version in said["environment"].items()),
        ),
    ]


def _list(title: str, pairs: list[tuple[str, str]]) -> None:
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd>" for name, value in pairs)
    st.html(f'<div class="ds-record"><h3>{html.escape(title)}</h3><dl>{rows}</dl></div>')


@st.cache_data(max_entries=50, show_spinner=False, ttl=20)  # seconds; it looks at every file
def _replaced(folder: str, sha256: str, _home: Workspace, _run: Run) -> str:
    """Which of the kept photos are others by now, in a sentence; nothing where none is."""
    kept = manifest.kept_table(Path(folder))
    changed = changes(_home, _run.manifest["pool"], kept, Progress(), kept_only=True)
    return f"{changed.summary()}." if changed.replaced else ""


@st.cache_data(max_entries=200, show_spinner=False)
def _problems(folder: str, stamps: tuple[tuple[str, int, int], ...]) -> list[str]:
    try:
        return manifest.problems(Path(folder))
    except DataselError as error:
        return [str(error)]
