"""What was counted and measured of the facts of a pool: read from the workspace, anew only where a file is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.analysis.facts import meter
from datasel_core.evidence.facts import answers, counts
from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from pages._ui.kit import disk

BIT_A_DIGIT = math.log2(10)
COLUMNS = {"answer": "answer", "relation": "relation", "fact": None}
"""As a pool of facts has them."""


@dataclass(frozen=True)
class Counted:
    """folder: where the counts of this pool and selection lie, or will. said: them; None while they are not there."""

    folder: Path
    said: Mapping[str, Any] | None


def counted(pool: Pool, run: Run | None) -> Counted:
    loss = counts.loss_of(disk.roles(pool))
    folder = counts.place(disk.home(pool), counts.asked(pool, COLUMNS, run, loss))
    return Counted(folder, _read(str(folder), disk.stamp(answers.file(folder))))


def dropped(there: Counted) -> dict[str, np.ndarray]:
    """Raises BadInput where the list is damaged."""
    return _dropped(str(there.folder), disk.stamp(answers.file(there.folder)))


def newest(pool: Pool, kind: answers.Kind, **like: Any) -> Mapping[str, Any] | None:
    """The newest answer of a kind that says these values."""
    return next((one for one in every(pool, kind).values() if like.items() <= one.items()), None)


def every(pool: Pool, kind: answers.Kind) -> dict[str, Mapping[str, Any]]:
    """All answers of a kind, the newest first, by the end of the name of their folder, as an address has it."""
    paths = answers.files(disk.home(pool), kind)
    found = {path.parent.name.rpartition("-")[2]: _read(str(path.parent), disk.stamp(path)) for path in paths}
    there = {key: one for key, one in found.items() if one is not None}
    return dict(sorted(there.items(), key=lambda pair: -pair[1]["order"]))


def held(there: Counted, parameters: int, rho: float, bits_a_fact: float | None) -> dict[str, Any]:
    """What a model holds of them, of the few levels that the counts keep."""
    return _held(str(there.folder), disk.stamp(answers.file(there.folder)), parameters, rho, bits_a_fact)


def bits(said: Mapping[str, Any], bits_a_fact: float | None) -> dict[str, float]:
    """Bits of all facts: by estimator, or as known."""
    if bits_a_fact is not None:
        return {"known": said["facts"] * bits_a_fact}
    is_digits = all(one["by_digits"] for one in said["relations"])
    return {"digits": said["bits"]["plug_in"]} if is_digits else dict(said["bits"])


@st.cache_data(max_entries=64, show_spinner=False)
def _read(folder: str, stamp: int) -> Mapping[str, Any] | None:
    return answers.read(Path(folder))


@st.cache_data(max_entries=8, show_spinner=False)
def _dropped(folder: str, stamp: int) -> dict[str, np.ndarray]:
    return counts.dropped(Path(folder))


@st.cache_data(max_entries=256, show_spinner=False)
def _held(folder: str, stamp: int, parameters: int, rho: float, bits_a_fact: float | None) -> dict[str, Any]:
    said = answers.read(Path(folder))
    assert said is not None
    if bits_a_fact is not None:
        return meter.known(said["facts"], bits_a_fact, parameters, rho)
    return meter.held(counts.profile_of(said), said["bits"], parameters, rho)
