"""A reliability card as one HTML file that stands alone: no script, nothing from elsewhere, light and dark.

Every text in it comes through `escaped`: names of pools, runs and files are those of strangers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from datasel_core.evidence.emulators import drawings
from datasel_core.evidence.emulators.drawings import escaped, number
from datasel_core.evidence.emulators.elements import figure, listing, missing, pairs, table
from datasel_core.evidence.emulators.style import STYLE

_POLICY = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
"""No browser runs a script in it, even if one came through."""


def page(card: Mapping[str, Any], maps: Mapping[str, np.ndarray]) -> str:
    """The whole file. card, maps: as `cards` keeps them."""
    job = card["task"]
    first, last = job["period"]
    of = f"Pool {card['pool']}" + (f", selection {card['run']}" if card["run"] else ", all years of these scenarios")
    body = [
        f"<h1>{escaped(job['title'])}, judged on {escaped(job['target'])}</h1>",
        f'<p class="muted">Reliability card. {escaped(of)}; {escaped(job["variable"])}, {first} to {last}.</p>',
        *(f'<p class="note">{escaped(one)}</p>' for one in card["notes"]),
        _verdict(card),
        *_task(card),
        *_errors(card),
        *_where(card),
        *_maps(card, maps),
        *_ensemble(card),
        *_time(card),
        *_tests(card),
        *_origin(card),
    ]
    title = escaped(f"Reliability card: {job['title']} on {job['target']}")
    head = (
        f'<meta charset="utf-8">\n{_POLICY}\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>"
    )
    inside = "\n".join(body)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{inside}\n</body>\n</html>\n'


def _verdict(card: Mapping[str, Any]) -> str:
    said, units = card["verdict"], card["task"]["units"]
    word = said["word"][0].upper() + said["word"][1:]
    gain, noise = (None if said[one] is None else _interval(said[one], units) for one in ("gain", "noise"))
    kind = "verdict useful" if said["word"] == "useful" else "verdict"
    return (
        f'<div class="{kind}"><strong>{escaped(word)}</strong><p>{escaped(said["sentence"])}</p>'
        f'<p class="muted">Gain over pattern scaling {escaped(gain)}; noise {escaped(noise or "unknown")} '
        f"({escaped(said['trials'])}). Rule: {escaped(said['rule'])}</p></div>"
    )


def _interval(said: Sequence[float], units: str) -> str:
    mean, low, high = said
    return f"{number(mean)} {units}" + (f" ({number(low)} to {number(high)})" if low != high else "")


def _task(card: Mapping[str, Any]) -> Iterable[str]:
    job = card["task"]
    yield "<h2>What was tested</h2>"
    yield pairs(
        {
            "Trained on": f"{job['years']:,} of {job['of_years']:,} years of {', '.join(job['training_runs'])}",
            "Reference, kept apart": job["reference"] or "none",
            "Judged on": f"{job['target']}, {job['period'][0]} to {job['period'][1]}, which was neither trained on nor "
            "the reference",
            "Driver": job["driver"],
            "Weighting of scenarios": job["weighting"],
        }
    )
    yield "<p><strong>Out of scope</strong></p>"
    yield listing(job["out_of_scope"])


def _errors(card: Mapping[str, Any]) -> Iterable[str]:
    units, floor = card["task"]["units"], card["floor"]
    every = card["errors"]
    yield "<h2>Errors beside baselines and noise</h2>"
    items = [
        ("This emulator" if name == "emulator" else one["title"], one["rmse_s"], name == "emulator")
        for name, one in every.items()
    ]
    line = None if floor is None else ("member against member", floor["s"])
    said = "" if floor is None else f" The line is the noise floor, of {floor['between']}."
    yield figure(
        drawings.bars(items, line, units),
        f"RMSE_s: the error of the mean pattern of the period, over the area.{said}",
    )
    if floor is None:
        yield missing(card, "floor")
    rows = [
        [
            one["title"],
            *(number(one[name]) for name in ("rmse_s", "rmse_g", "nrmse_s", "nrmse_g", "total")),
            one["driver"],
        ]
        for one in every.values()
    ]
    head = ["", f"RMSE_s ({units})", f"RMSE_g ({units})", "NRMSE_s", "NRMSE_g", "total", "told of the target"]
    yield table(head, rows, "RMSE_g: of the mean over the Earth, year by year. total = NRMSE_s + 5 NRMSE_g.", own=0)
    yield "".join(missing(card, name) for name in card["reasons"] if name.startswith("errors."))
    if every["emulator"]["seeds"]:
        seeds = ", ".join(number(one) for one in every["emulator"]["seeds"])
        yield f"<p>RMSE_s of each seed: {escaped(seeds)} {escaped(units)}; above are their means.</p>"
    rows = [[one["name"], number(one["rmse_s"]), number(one["pattern_scaling"])] for one in card["members"]]
    head = ["Member", f"RMSE_s ({units})", "of pattern scaling"]
    yield table(head, rows, "Against each member of the target's scenario, told from its own driver.")
    if card["curve"]:
        yield figure(drawings.band(card["curve"], units), "Bars hold 90 % of choices of so many members.")
    yield missing(card, "curve")


def _where(card: Mapping[str, Any]) -> Iterable[str]:
    units, split = card["task"]["units"], card["parts"]
    yield "<h2>Where the error lies</h2>"
    named = {
        "everywhere and always": split["bias"],
        "in the pattern": split["pattern"],
        "in the series": split["series"],
        "in single years and places": split["rest"],
    }
    yield figure(drawings.shares(named), f"Shares of the mean squared error, {number(split['all'])} {units}².")
    if shares := card["driver_parts"]:
        yield (
            f"<p>Of the mean squared error {escaped(number(shares['all']))} {escaped(units)}², "
            f"{escaped(number(shares['pattern']))} would be there with the true driver, and the emulated one changes "
            f"{escaped(number(shares['driver']))} (cross term {escaped(number(shares['cross']))}).</p>"
        )
    yield missing(card, "driver_parts")
    rows = [
        [one["name"], f"{100 * one['share']:.1f} %", *(number(one[key]) for key in ("rmse", "pattern_scaling", "bias"))]
        for one in card["regions"]
    ]
    head = ["Part of the Earth", "area", f"RMSE_s ({units})", "of pattern scaling", "mean error"]
    yield table(head, rows, f"By {card['regions_by']}")


def _maps(card: Mapping[str, Any], maps: Mapping[str, np.ndarray]) -> Iterable[str]:
    units, variable = card["task"]["units"], card["task"]["variable"]
    shape = tuple(int(one) for one in maps["shape"])
    first, last = card["task"]["period"]
    yield f"<h2>Maps, means of {first} to {last}</h2>"
    both, apart = drawings.ends(maps["truth"], maps["emulated"]), drawings.ends(maps["difference"])
    parts = [("Truth", "truth", both), ("Emulated", "emulated", both), ("Emulated less truth", "difference", apart)]
    drawn = [
        f"<figure><figcaption>{name}</figcaption>{drawings.world(maps[key], shape, maps['lon'], most, variable)}"
        f"{drawings.scale(most, variable, units)}</figure>"
        for name, key, most in parts
    ]
    yield f'<div class="maps">{"".join(drawn)}</div>'
    yield (
        f'<p class="muted">Anomalies of {escaped(variable)} to {escaped(card["provenance"]["baseline"])} in '
        f"{escaped(units)}; each rectangle is a cell of the grid, rows of equal height, no coastlines; grey has no "
        "data.</p>"
    )


def _ensemble(card: Mapping[str, Any]) -> Iterable[str]:
    yield "<h2>Spread of the ensemble</h2>"
    if (said := card["ensemble"]) is None:
        yield missing(card, "ensemble")
        return
    units = card["task"]["units"]
    levels = [(one["level"], one["share"]) for one in said["coverage"]]
    yield figure(drawings.coverage(levels), f"Truths inside intervals of {said['members']} members; {said['by']}.")
    yield figure(
        drawings.histogram(said["rank_histogram"], said["expected"]),
        "Members that the truth stands above; flat where the spread is right. Cells and years near each other are no "
        "independent tests.",
    )
    yield pairs(
        {
            "CRPS": f"{number(said['crps'])} {units}; pattern scaling, without a spread, "
            f"{number(said['crps_pattern_scaling'])} {units}",
            "Spread over skill": f"{number(said['spread_skill'], 2)}; 1 is right, below 1 the spread is too small",
        }
    )


def _time(card: Mapping[str, Any]) -> Iterable[str]:
    units, said, series = card["task"]["units"], card["trend"], card["series"]
    yield "<h2>Over the years</h2>"
    drawn = {"emulated": series["emulated"], "truth": series["truth"]}
    yield figure(
        drawings.lines(series["year"], drawn, units),
        "Mean over the Earth, by year; one curve hides the other where they agree.",
    )
    rows = [
        [name, number(said[key]["per_decade"]), _between(said[key])]
        for name, key in (("Truth", "truth"), ("Emulated", "emulated"))
    ]
    head = [f"Trend {said['years'][0]}-{said['years'][1]}", f"{units} in ten years", "95 % interval"]
    yield table(head, rows, f"Between the trends of cells: RMSE {number(said['rmse'])} {units} in ten years.")
    yield from _seasons(card)


def _seasons(card: Mapping[str, Any]) -> Iterable[str]:
    if (said := card["seasons"]) is None:
        yield missing(card, "seasons")
        return
    units, cycle = card["task"]["units"], said["cycle"]
    means = said["means"]
    rows = [
        [one["title"], *(number(season["errors"][name]["rmse_s"]) for season in means)]
        for name, one in means[0]["errors"].items()
    ]
    floor = ["Noise floor", *(_floor(season["floor"]) for season in means)]
    head = [f"RMSE_s ({units})", *(season["name"] for season in means)]
    yield table(head, [*rows, floor], "Means of seasons.", own=0)
    yield f'<p class="muted">{escaped(said["by"])}</p>'
    rows = [
        [name, number(one["rmse"]), number(one["amplitude"]), number(one["amplitude_rmse"]), number(one["phase"])]
        for name, one in (("Emulated", cycle), ("As in the baseline", cycle["unchanged"]))
    ]
    head = [
        "Cycle of the year",
        f"RMSE ({units})",
        "range over true range",
        f"RMSE of amplitude ({units})",
        "months off",
    ]
    noise = "is not known, of one member" if cycle["floor"] is None else f"of RMSE is {number(cycle['floor'])} {units}"
    yield table(
        head, rows, f"Amplitude and time of the highest month by cell, weighted by area; the noise floor {noise}."
    )


def _floor(said: Mapping[str, Any] | None) -> str:
    return "unknown" if said is None else number(said["s"])


def _between(said: Mapping[str, float | None]) -> str:
    if said["low"] is None:
        return "none: too few years that do not follow from the one before"
    return f"{number(said['low'])} to {number(said['high'])}"


def _tests(card: Mapping[str, Any]) -> Iterable[str]:
    yield "<h2>Physics</h2>"
    words = {True: "holds", False: "missed", None: "shown"}
    yield table(["", "", ""], [[one["name"], words[one["holds"]], one["sentence"]] for one in card["physics"]], "")
    for name in card["reasons"]:
        if name.startswith("physics."):
            yield f'<p class="muted">Not tested: {escaped(name[8:])}. {escaped(card["reasons"][name])}</p>'
    yield "<h2>Beyond training</h2>"
    yield listing(card["drivers"]["sentences"])
    yield missing(card, "drivers.collinearity")
    yield "<h2>Whether the choice over-fits its reference</h2>"
    yield f'<p class="note">{escaped(card["over_fit"])}</p>' if card["over_fit"] else missing(card, "over_fit")


def _origin(card: Mapping[str, Any]) -> Iterable[str]:
    said = card["provenance"]
    yield "<h2>Where it comes from</h2>"
    yield pairs(
        {
            "Model": said["model"] or "not named",
            "Grid": f"{said['grid']}; weights by {said['weights']}; calendar {said['calendar']}",
            "Pool (its fingerprint)": said["pool_fingerprint"],
            "Years that were kept (SHA-256 of their ids)": said["kept_sha256"],
            "Selection (its manifest)": said["manifest_sha256"] or "none",
            "Made by": f"datasel {said['version']}",
        }
    )
    rows = [[name, sha256] for name, sha256 in said["files"].items()]
    yield (
        table(
            ["File", "SHA-256"],
            rows,
            "Files of the variable, of what physics binds to it, and others that were named.",
            kind="hashes",
        )
        if rows
        else missing(card, "provenance.files")
    )
    yield (
        '<p class="muted">Inspired by the call for emulators that are adequate for a stated task (arXiv 2603.22320). '
        "This card says what was tested on some runs; it is no certificate.</p>"
    )
