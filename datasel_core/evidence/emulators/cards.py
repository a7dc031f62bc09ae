"""Reliability cards of emulators, as they are kept: a folder each, `card.json` last, which says its own hash.

A card is plain JSON. A number that is not known is null, and `reasons` says why, by the name of the entry:

    question            key of what was asked, whatever lies beside the pool: of two cards of one question files differ
    pool, run           names; run is null where all years of the training scenarios were trained on
    task                target ("ssp126/r1i1p1f1"), reference (null, or scenarios), training (scenarios), training_runs,
                        years (how many were trained on), of_years (of how many of these scenarios), period ([2080,
                        2100]), variable, units, driver (a sentence), weighting (a sentence), kind, title, seeds,
                        out_of_scope (sentences)
    errors              name -> {title, rmse_s, rmse_g, nrmse_s, nrmse_g, total, seeds, driver}: "emulator" first, then
                        the baselines; seeds: RMSE_s of each start, null of what begins with no chance; driver: what it
                        was told of the target. A baseline that cannot be had has a reason, by "errors.NAME"
    floor               {s, g, pairs_s, between}: of two members of the target's scenario, over sqrt 2; null of one
    members             [{name, rmse_s, pattern_scaling, total}]: the emulator against each member of the target
    parts               {all, bias, pattern, series, rest}: mean squares, the first the sum of the others
    driver_parts        {all, pattern, driver, cross}, what an emulated driver adds; null where the true one is used
    regions             [{name, rmse, bias, pattern_scaling, share}]: RMSE_s, the mean error, RMSE_s of pattern scaling,
                        share of the Earth; `regions_by` says where they are from
    ensemble            {members, by, coverage: [{level, share, needed}], crps, crps_pattern_scaling, spread_skill,
                        rank_histogram, expected}; null of an emulator that draws nothing
    curve               [{size, mean, low, high, choices, exact}] over members that were trained on; null of one
    trend               {years, truth, emulated, rmse}: truth and emulated are {per_decade, low, high}
    seasons             null, or {means, cycle, by}. means: [{name, trained_on, errors, floor}], as those of the year,
                        of the same emulator fitted anew to each season. cycle: {truth, emulated, rmse, amplitude,
                        amplitude_rmse, phase, unchanged, floor}: twelve months of the period, emulated by pattern
                        scaling; unchanged: the same numbers of the cycle of the baseline, the guess to beat; floor: of
                        rmse, null of one member
    physics             [{name, holds, sentence}]; holds is null where it is only shown
    drivers             {extrapolation_k, hull, collinearity, sentences}: K above and below training together, share of
                        years outside the hull, largest variance inflation (null: infinite)
    over_fit            a sentence, or null
    series              {year, driver, truth, emulated}: area means, for a line
    provenance          {pool_fingerprint, kept_sha256, manifest_sha256, files: {name: sha256}, baseline, model,
                        calendar, grid, weights, version}; files: of the variable and of what physics binds to it
    verdict             {word, sentence, rule, recommended, trials, gain: [mean, low, high], noise: null or the same};
                        word is "useful" or "pattern scaling recommended"; trials: what the interval is over
    reasons             entry -> why it is null
    notes               sentences that belong beside all of it
    key, order          of the folder, and its place in the order in which cards were made

`maps.npz` lies beside it: lat, lon, weight (cells,); shape (rows, columns); truth, emulated, difference,
pattern_scaling (cells,): means over the period, NaN in cells without data.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.errors import BadInput
from datasel_core.pools.pool import Pool
from datasel_core.workspace.arrays import read_arrays, write_arrays
from datasel_core.workspace.files import read_json, write_json
from datasel_core.workspace.hashing import is_own, own_hash
from datasel_core.workspace.layout import Workspace
from datasel_core.workspace.locks import Lock

PART = "emulators"
_CARD, _MAPS = "card.json", "maps.npz"


def cards(workspace: Workspace, pool: Pool) -> list[dict[str, Any]]:
    """All cards of the years that the pool holds, the newest first; those that are damaged are left out."""
    found = [one for folder in workspace.folders(PART) if (one := card(folder)) is not None]
    mine = [one for one in found if one["provenance"]["pool_fingerprint"] == pool.fingerprint]
    return sorted(mine, key=lambda one: -one["order"])


def card(folder: Path) -> dict[str, Any] | None:
    """The card kept there; None where there is none, or it is damaged: then it is made again."""
    with contextlib.suppress(BadInput, OSError):
        said = read_json(folder / _CARD)
        if isinstance(said, dict) and is_own(said) and isinstance(said.get("order"), int):
            return {name: value for name, value in said.items() if name != "sha256"}
    return None


def whole(folder: Path) -> dict[str, Any] | None:
    """The card kept there, where its maps can be read, too; None where it has to be made again."""
    with contextlib.suppress(BadInput, OSError):
        read_arrays(folder / _MAPS)
        return card(folder)
    return None


def maps(workspace: Workspace, key: str) -> dict[str, np.ndarray]:
    """The maps of a card, by its key. Raises BadInput, FileNotFoundError."""
    return read_arrays(workspace.emulator(key) / _MAPS)


def keep(folder: Path, said: Mapping[str, Any], drawn: dict[str, np.ndarray]) -> dict[str, Any]:
    """The same, with its key and its place in the order in which cards were made: clocks are set back."""
    write_arrays(folder / _MAPS, drawn)
    with Lock(folder.parent).hold():
        others = (card(one) for one in folder.parent.iterdir() if one.is_dir())
        order = 1 + max((one["order"] for one in others if one is not None), default=0)
        whole = {**said, "key": folder.name, "order": order}
        write_json(folder / _CARD, {**whole, "sha256": own_hash(whole)})
    return whole
