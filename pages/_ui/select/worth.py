"""What a selection is worth in random samples, in words, and the curve beside what random does."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from datasel_core.analysis.curve import Curve
from datasel_core.evidence.appraisals import promise, worth
from datasel_core.evidence.measures import Distance
from datasel_core.evidence.yardstick import Band, Yardstick
from datasel_core.runs.measures import HELD_OUT
from datasel_core.runs.question import Question
from pages._ui.charts import curves
from pages._ui.kit import disk, keys, look, markdown, palette, watch
from pages._ui.question.answers import Answer
from pages._ui.question.budget import put


def sentence(choice: Question, answer: Answer) -> str | None:
    """`These 50 cover the held-out photos like 83 random ones (76 to 92): ...`, and what the method promises; None
    where neither is known.
    """
    found, kept = of(choice, answer), promise.of_run(choice, answer.run) if answer.exact else None
    said = [] if found is None else ["**{}**: {}.".format(*worth.parts(found, look.unit(choice.pool)))]
    said += [promise.sentence(kept)] if kept else []
    return " ".join(said) or None


def lacking(choice: Question, answer: Answer) -> None:
    """Says that what the method promises is not known, and how it could be."""
    if answer.exact and promise.of_run(choice, answer.run) is None and (lack := promise.lacks(choice)) is not None:
        what, command = lack
        st.caption(f"Not known yet: {markdown.plain(what)}.", help=markdown.code(command))


def short(choice: Question, answer: Answer) -> str | None:
    """`covers like 83 random ones`, and whether that is told from as many; None as in `sentence`."""
    found = of(choice, answer)
    if found is None:
        return None
    does = "covers" if found["measure"] == Distance.id else "teaches"
    low, high = found["low"], found["high"]
    same = (low is not None and low <= found["kept"]) and (high is None or high >= found["kept"])
    unsure = f", not shown to differ from {found['kept']:,}" if same else ""
    return f"{does} like {worth.in_random(found).partition(' (')[0]}{unsure}"


def lacks(choice: Question, answer: Answer) -> bool:
    """Whether only random is not measured yet."""
    return of(choice, answer) is None and _main(choice) is not None


def measure(choice: Question) -> None:
    """Starts measuring random choices."""
    watch.start("yardstick", "yardstick", pool=choice.pool.name)
    keys.put("select.started", True)


def of(choice: Question, answer: Answer) -> Mapping[str, Any] | None:
    """As the manifest says it; of a part of a longer run, as its own would."""
    said = answer.run.manifest["result"].get(worth.WorthInRandom.id)
    if said is not None and answer.exact:
        return said
    by = _main(choice)
    if by is None or not (stamp := disk.stamp(by.folder / "meta.json")):
        return None
    made = str(answer.run.folder), answer.run.manifest["sha256"], len(answer.rows), str(by.folder), stamp
    return _worth(made, choice, answer.rows)


def curve(choice: Question, answer: Answer, pool_curve: Curve | None, random: Curve | None, colour: str) -> bool:
    """Coverage against budget: of the held-out samples with random as a band, where there are any; else of the pool
    itself. pool_curve, random: of the selection and of random, in the pool. Returns whether it is of the held-out.
    """
    mine = curves.curves(answer.run).get(HELD_OUT)
    by = None if mine is None else _distance(choice)
    of = f"the held-out {look.unit(choice.pool)}" if mine is not None else "the pool itself"
    st.caption(f"**Coverage of {of} against budget**")
    mine = pool_curve if mine is None else mine
    if mine is None:
        st.caption(
            "Coverage needs an embedding or patterns: compute or import one on the Data page, then choose again."
        )
        return False
    lines = [curves.Line(choice.method.title, mine, colour, main=True)]
    if by is None and random is not None:
        lines.append(curves.Line("Random", random, palette.BASELINE))
    unit = f"new {look.unit(choice.pool)}" if answer.counts.earlier else look.unit(choice.pool)
    band = None if by is None else _band(str(by.folder), disk.stamp(by.folder / "meta.json"), by)
    curves.draw("select-curve", lines, len(answer.rows), unit, put, height=204, of=of, band=band)
    return by is not None


def _main(choice: Question) -> Yardstick | None:
    return _yardsticks(_state(choice), choice)[0]


def _distance(choice: Question) -> Yardstick | None:
    return _yardsticks(_state(choice), choice)[1]


def _state(choice: Question) -> tuple:
    """All that decides which yardsticks there are."""
    pool = choice.pool
    return str(pool.folder), pool.table_sha256, disk.stamps(choice.workspace), disk.aside(pool)


@st.cache_resource(max_entries=16, show_spinner=False)
def _yardsticks(state: tuple, _choice: Question) -> tuple[Yardstick | None, Yardstick | None]:
    return worth.main_yardstick(_choice), worth.distance_yardstick(_choice)


@st.cache_data(max_entries=1000, show_spinner=False)
def _worth(made: tuple, _choice: Question, _rows: np.ndarray) -> Mapping[str, Any] | None:
    return worth.now(_choice, _rows)


@st.cache_resource(max_entries=16, show_spinner=False)
def _band(folder: str, stamp: int, _by: Yardstick) -> Band | None:
    return _by.band()
