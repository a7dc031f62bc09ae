"""What was measured of simulations: read from the workspace, anew only where a file is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.actions.next_run import KIND as NEXT
from datasel_core.actions.simulations import PriceSimulations
from datasel_core.actions.years import KIND as YEARS
from datasel_core.actions.years import TOPIC
from datasel_core.analysis.climate import forcing
from datasel_core.costs.simulations import curve, document, timeline
from datasel_core.costs.simulations.price import Price
from datasel_core.costs.simulations.timeline import Timeline
from datasel_core.errors import BadRequest
from datasel_core.evidence import answers
from datasel_core.evidence.emulators import cards as kept_cards
from datasel_core.evidence.emulators import page as as_html
from datasel_core.features.fields.grid import FieldGrid, grid_of
from datasel_core.pools.demo.mini_climate import FORCING
from datasel_core.pools.pool import Pool
from datasel_core.runs.run import Run
from datasel_core.workspace.files import read_text
from pages._ui.kit import disk, keys


def lines(pool: Pool, run: Run | None, period: tuple[int, int] | None) -> Timeline:
    """Raises BadRequest."""
    rows = np.empty(0, np.int64) if run is None else disk.rows(run)
    return _lines(str(pool.folder), pool.table_sha256, disk.aside(pool), run and run.key, period, rows, pool)


def price(pool: Pool, run: Run, asked: Mapping[str, Any]) -> Price:
    """asked: fields of the task that prices. Raises BadRequest."""
    return _price(pool.table_sha256, run.key, tuple(sorted(asked.items())), run, pool)


def notes(found: Price) -> list[str]:
    return document.notes(found)


def years(pool: Pool, target: str, reference: str | None, period: tuple[int, int]) -> Mapping[str, Any] | None:
    """The newest comparison of methods on this target, towards this reference, over this period; by the rule of today,
    else there is none.
    """
    for said in (one for one in _newest(pool, YEARS) if one.get("rule") == curve.RULE):
        asked = said["reference"] and said["reference"]["said"]
        if (said["target"]["said"], asked, tuple(said["period"])) == (target, reference or None, period):
            return said
    return None


def next_run(pool: Pool, target: str, reference: str, run: str | None, size: int) -> Mapping[str, Any] | None:
    wanted = {"target": target, "reference": reference, "run": run, "size": size}
    return next((one for one in _newest(pool, NEXT) if wanted.items() <= one.items()), None)


def cards(pool: Pool) -> list[Mapping[str, Any]]:
    """Reliability cards, the newest first."""
    home = disk.home(pool)
    stamps = tuple((str(one), disk.stamp(one / "card.json")) for one in home.folders(kept_cards.PART))
    return _cards(pool.fingerprint, stamps, pool)


def maps(pool: Pool, card: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Raises BadInput, FileNotFoundError."""
    return _maps(str(disk.home(pool).path), card["key"], card["order"], pool)


def page(pool: Pool, card: Mapping[str, Any]) -> str:
    """A card as a file of its own. Raises BadInput, FileNotFoundError."""
    return _page(str(disk.home(pool).path), card["key"], card["order"], card, pool)


def grid(pool: Pool) -> FieldGrid:
    """Raises MissingFeature."""
    return _grid(pool.fingerprint, pool)


def forcing_beside(pool: Pool) -> Path | None:
    """The table of forcing that lies with the files of a pool, as it does with the demo's."""
    source = Path(pool.source)
    found = (source if source.is_dir() else source.parent) / FORCING
    return found if found.is_file() else None


def agents(path: str) -> tuple[str, ...]:
    """Of a table of forcing. Raises BadRequest, BadInput, OSError."""
    real = keys.workspace().allowed(path)
    if not real.is_file():
        raise BadRequest(f"There is no file {path}; name a table of forcing.")
    return _agents(str(real), disk.stamp(real))


def _newest(pool: Pool, kind: str) -> list[Mapping[str, Any]]:
    """Of the pool as it is now, the newest first."""
    paths = answers.files(disk.home(pool), TOPIC, kind)
    found = [one for path in paths if (one := _read(str(path.parent), disk.stamp(path))) is not None]
    mine = [one for one in found if one["fingerprint"] == pool.fingerprint]
    return sorted(mine, key=lambda one: -one["order"])


@st.cache_resource(max_entries=32, show_spinner=False)
def _lines(
    folder: str, table: str, aside: object, key: str | None, period: tuple[int, int] | None, _rows: Any, _pool: Pool
) -> Timeline:
    return timeline.timeline(_pool, _rows, period)


@st.cache_resource(max_entries=64, show_spinner=False)
def _price(table: str, run: str, asked: tuple[tuple[str, Any], ...], _run: Run, _pool: Pool) -> Price:
    return PriceSimulations(run=run, **dict(asked)).price_of(_pool, _pool.ids[disk.rows(_run)].tolist())


@st.cache_data(max_entries=64, show_spinner=False)
def _read(folder: str, stamp: int) -> Mapping[str, Any] | None:
    return answers.read(Path(folder))


@st.cache_data(max_entries=8, show_spinner=False)
def _agents(path: str, stamp: int) -> tuple[str, ...]:
    return forcing.read(read_text(Path(path))).agents


@st.cache_data(max_entries=8, show_spinner=False)
def _cards(fingerprint: str, stamps: object, _pool: Pool) -> list[Mapping[str, Any]]:
    return kept_cards.cards(disk.home(_pool), _pool)


@st.cache_data(max_entries=8, show_spinner=False)
def _maps(home: str, key: str, order: int, _pool: Pool) -> dict[str, np.ndarray]:
    return kept_cards.maps(disk.home(_pool), key)


@st.cache_data(max_entries=8, show_spinner=False)
def _page(home: str, key: str, order: int, _card: Mapping[str, Any], _pool: Pool) -> str:
    return as_html.page(dict(_card), maps(_pool, _card))


@st.cache_resource(max_entries=8, show_spinner=False)
def _grid(fingerprint: str, _pool: Pool) -> FieldGrid:
    return grid_of(_pool)
