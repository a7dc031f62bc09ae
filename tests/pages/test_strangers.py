"""Words of strangers (names of files, groups, columns, roles and classes, captions, what a person typed, what went
wrong) are never Markdown: else a page would fetch the pictures that they name.

Every text of a page that a browser reads as Markdown is looked at; which those are is seen in a real browser, in
tests/browser/test_strangers.py.
"""

import ast
import json
import re
from collections.abc import Iterator

import numpy as np
import pytest

from datasel_core.actions.add_pool import add_pool
from datasel_core.workspace.files import write_json
from pages._ui.kit import markdown
from tests.conftest import ROOT, clustered, paint, rewritten
from tests.pages import screens
from tests.pages.screens import said, sound, to_export, view

screen = screens.screen
BAIT = "![e](http://127.0.0.1:9/x.png)"
NAME = "![e](x)"
"""The same as a name of a file."""
NO_MARKDOWN = {
    "html": "*",
    "code": "*",
    "plotly_chart": "*",
    "bidi_component": "*",
    "dataframe": "*",
    "selectbox": ("options", "placeholder", "raw_value"),
    "text_input": ("default", "value", "placeholder"),
    "*": ("id", "alt", "element_id", "form_id", "icon", "url", "page_script_hash", "data", "query_params_key"),
}
"""Element -> its fields whose text is shown as it is, or not at all."""


def texts(message, at="") -> Iterator[tuple[str, str]]:
    """(field, text) of everything that the server sends of an element."""
    for field, value in message.ListFields():
        many = value if hasattr(value, "__len__") and not isinstance(value, str | bytes) else [value]
        for one in many.values() if hasattr(many, "values") else many:
            place = f"{at}.{field.name}" if at else field.name
            if isinstance(one, str):
                yield place, one
            elif hasattr(one, "ListFields"):
                yield from texts(one, place)


def fetched(app) -> list[str]:
    """What on this page a browser would read as a picture of a stranger."""
    found = []
    for node in [*app.main, *app.sidebar, *app.toast]:
        proto = getattr(node, "proto", None)
        kind = node.type
        plain = (*NO_MARKDOWN.get(kind, ()), *NO_MARKDOWN["*"])
        if proto is None or "*" in plain:
            continue
        for place, text in texts(proto):
            if place.split(".")[-1] not in plain and "![e](" in re.sub(r"`[^`]*`", "", text):
                found.append(f"{kind}.{place}: {text}")
    return found


def safe(app):
    assert fetched(sound(app)) == []
    return app


@pytest.mark.parametrize(
    "draw",
    ["error", "caption", "button", "checkbox", "radio", "expander", "progress", "help", "toast", "tabs", "metric"],
)
def test_a_picture_in_any_such_text_is_found(draw, monkeypatch):
    """The test itself: it sees each place, and does not see what is plain."""
    from streamlit.testing.v1 import AppTest

    lines = {
        "radio": "st.radio('x', [{0}, 'b'])",
        "expander": "st.expander({0}).write('x')",
        "progress": "st.progress(0.5, text={0})",
        "help": "st.button('x', help={0})",
        "tabs": "st.tabs([{0}, 'b'])",
        "metric": "st.metric({0}, 5)",
    }
    line = lines.get(draw, f"st.{draw}({{0}})")
    for text, n in ((BAIT, 1), (markdown.plain(BAIT), 0)):
        app = AppTest.from_string("import streamlit as st\n" + line.format(repr(text))).run()
        assert len(fetched(app)) == n, fetched(app)


TRAPS = [
    BAIT,
    "[a](b)",
    "<b>x",
    "`x",
    "$x$",
    "a_b_c",
    "**x**",
    ":red[x]",
    "# x",
    "- x",
    "1. x",
    "a | b",
    "&lt;",
    "~~x~~",
]


@pytest.mark.parametrize("text", TRAPS)
def test_plain_text_has_no_sign_that_is_not_escaped(text):
    """Markdown's own rule (CommonMark 2.4): a backslash makes any punctuation a letter."""
    shown = markdown.plain(text)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown) == text
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>#!~$&|]", shown)
    assert not re.match(r"[-+=]|\d+[.)]", shown)
    assert markdown.code("a`b") == "a\\`b"
    assert markdown.code("a_b") == "`a_b`"


# ---- the pages, with a picture wherever a stranger may have put one


@pytest.fixture
def photos(workspace, tmp_path):
    """Photos of a table whose ids, groups, column names and left out are pictures."""
    for at in range(8):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    lines = [f"{BAIT}{at},{at}.jpg,{BAIT} {'ab'[at % 2]},{at}" for at in range(8)]
    lines += [f"{BAIT} away,{NAME}.jpg,b,8"]
    (tmp_path / "in" / f"{NAME}.csv").write_text("\n".join([f"id,path,group,{BAIT}", *lines]) + "\n")
    return add_pool(workspace, "p", str(tmp_path / "in" / f"{NAME}.csv"), "images")


@pytest.fixture
def vectors(workspace, tmp_path, rng):
    """Vectors with ids, and roles that are pictures: one of vectors, one of numbers."""
    arrays = {"embedding": clustered(rng, 60, 6, 4), BAIT: clustered(rng, 60, 4, 2), f"{BAIT}2": rng.random(60)}
    np.savez(tmp_path / f"{NAME}.npz", ids=[f"{BAIT}{at}" for at in range(60)], **arrays)
    return add_pool(workspace, "v", str(tmp_path / f"{NAME}.npz"), "vectors", {"encoder": BAIT})


@pytest.mark.parametrize("shown", ["samples", "health", "features", "pools"])
def test_the_data_page(screen, photos, vectors, shown):
    for pool in ("p", "v"):
        app = safe(view(screen(pool=pool), shown))
        assert "![e](" in said(app) or "e\\]" in said(app)


def test_a_sample_large(screen, photos):
    app = screen(pool="p")
    app.session_state["kept.detail.row"] = 0
    safe(app.run())
    assert markdown.code(f"{BAIT}0") in said(app)


def test_a_filter_and_what_is_wrong_with_it(screen, workspace, photos):
    app = safe(screen(pool="p").switch_page("pages/select.py").run())
    for where in (f"'{BAIT}' = 5 +", f'"{BAIT}" > 3', f'"{BAIT}2" > 3'):
        app.session_state["kept.select.where"] = where
        safe(app.run())
    assert any(markdown.plain(f"{BAIT}2") in one.value for one in app.error)


def test_why_a_sample_of_a_group_was_kept(screen, workspace, photos):
    screens.chosen(workspace, photos, "stratified", "4")
    app = screen(pool="p")
    app.session_state["kept.method"] = "stratified"
    app.session_state["kept.budget"] = "4"
    app.session_state["kept.select.seed"] = 3
    safe(app.switch_page("pages/select.py").run())
    assert markdown.plain(f"drawn for the group {BAIT}"[1:]) in said(app)


def test_the_export_page(screen, workspace, photos, tmp_path):
    screens.chosen(workspace, photos, "random", "4")
    app = safe(to_export(screen(pool="p")))
    app.session_state["kept.reopen.folder"] = f"{tmp_path}/{NAME}"
    app.run()
    safe(app.button(key="reopen").click().run())
    assert len(app.error) == 1
    app.radio(key="widget.export.format").set_value("files").run()
    app.text_input(key="widget.export.out").set_value(f"{tmp_path}/in").run()
    safe(app.button(key="write").click().run())
    assert markdown.plain(f"{tmp_path}/in is, holds or lies in {tmp_path}/in/{NAME}.csv") in app.error[0].value


@pytest.mark.parametrize("page", ["patterns", "targets", "select"])
def test_pages_of_vectors(screen, workspace, vectors, page):
    app = safe(screen(pool="v").switch_page(f"pages/{page}.py").run())
    app.session_state["kept.open_row"] = 1
    safe(app.run())


def test_texts(screen, workspace, tmp_path):
    lines = [{"id": f"{BAIT}{at}", "prompt": BAIT, "response": BAIT, "source": f"{BAIT} {at % 2}"} for at in range(6)]
    (tmp_path / f"{NAME}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines) + "{")
    add_pool(workspace, "t", str(tmp_path / f"{NAME}.jsonl"), "text")
    for shown in ("samples", "health"):
        safe(view(screen(pool="t"), shown))
    safe(screen(pool="t").switch_page("pages/trajectories.py").run())


def test_an_imported_trajectory(screen, workspace, tmp_path, rng):
    lines = [{"id": f"t{at}", "prompt": "a", "response": f"b {at}", "source": BAIT} for at in range(30)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    pool = add_pool(workspace, "t", str(tmp_path / "t.jsonl"), "text")
    file = tmp_path / f"{NAME}.npz"
    np.savez(file, ids=pool.ids.astype(str), loss_trajectory=rng.random((30, 4)))
    from datasel_core.actions.import_feature import import_feature

    import_feature(workspace, pool, "loss_trajectory", str(file))
    safe(screen(pool="t").switch_page("pages/trajectories.py").run())


def test_pairs(screen, workspace, tmp_path, rng):
    for at in range(6):
        paint(tmp_path / "in" / f"{at}.jpg", at)
    lines = [f'{BAIT}{at},{at}.jpg,"{BAIT} {at}"' for at in range(6)]
    (tmp_path / "in" / "t.csv").write_text("\n".join(["id,path,caption", *lines]) + "\n")
    add_pool(workspace, "c", str(tmp_path / "in" / "t.csv"), "pairs")
    app = screen(pool="c")
    app.session_state["kept.detail.row"] = 0
    safe(app.run())
    safe(app.switch_page("pages/image_text.py").run())


def test_work_in_progress_and_work_that_failed(screen, workspace, photos):
    """Its headline names paths, its message whatever was wrong."""
    left = {"do": "export", "run": "0" * 16, "format": "csv", "out": f"/in/{BAIT}"}
    states = {
        "a": {"state": "running", "label": BAIT, "done": 1, "total": 3},
        "b": {"state": "failed", "message": f"It broke: {BAIT}", "label": BAIT, "done": 1, "total": 3},
        "c": {"state": "stopped", "message": BAIT},
    }
    for name, status in states.items():
        write_json(workspace.task(name) / "job.json", left)
        write_json(workspace.task(name) / "status.json", status)
    app = safe(screen(pool="p"))
    assert markdown.plain(f"Exporting to /in/{BAIT}") in said(app)  # at the side
    for name, key in (("a", "demo"), ("b", "pool"), ("c", "import")):
        app.session_state[f"kept.job.{key}"] = str(workspace.task(name))
    for shown in ("pools", "features"):
        app = safe(view(app, shown))
        assert markdown.plain(BAIT) in said(app)


def test_a_line_that_is_seen_once(screen, photos):
    for kind in ("success", "info", "warning", "error"):
        app = screen(pool="p")
        app.session_state["kept.notice"] = (BAIT, kind)
        safe(app.run())
        assert app.get(kind)[0].value == markdown.plain(BAIT)


def test_a_description_of_a_pool_that_somebody_changed(screen, workspace, photos, vectors):
    rewritten(photos.folder / "pool.json", name=BAIT, kind=BAIT, source=BAIT, notes=[BAIT])
    app = safe(screen())
    assert markdown.plain(BAIT) in said(app)


def test_a_page_that_cannot_have_a_workspace_says_so(screen, workspace, tmp_path, monkeypatch):
    (tmp_path / NAME).write_text("a file")
    monkeypatch.setenv("DATASEL_WORKSPACE", str(tmp_path / NAME))
    app = safe(screen())
    assert [one.value for one in app.error] == [
        markdown.plain(
            f"The workspace {tmp_path / NAME} cannot be: {tmp_path / NAME} is a file; name a folder with --workspace "
            "or DATASEL_WORKSPACE."
        )
    ]


# ---- the pages' own text


DRAWN = {
    *("markdown", "caption", "success", "info", "warning", "error", "toast", "progress", "spinner", "metric", "write"),
    *(
        "button",
        "download_button",
        "page_link",
        "checkbox",
        "toggle",
        "expander",
        "popover",
        "drawer",
        "dialog",
        "tabs",
    ),
}
"""Functions of Streamlit that read Markdown, as the pages call them."""
LABELLED = dict.fromkeys(("selectbox", "text_input", "number_input", "slider", "select_slider", "segmented_control"), 0)
LABELLED |= {"radio": 0, "file_uploader": 0, "bound": 1}
"""Those of which one argument is a label; the others are options and values, which are shown as they are."""
OURS = {
    "pages/_ui/climate/bought.py": {"_takes(pool, asked)", "own"},
    "pages/_ui/climate/rail.py": {"are"},
    "pages/_ui/data/sources.py": {"one.title", "_HINTS.get(id, one.summary())"},
    "pages/_ui/facts/asking.py": {"between", "of"},
    "pages/_ui/facts/dropped.py": {"_A_PAGE"},
    "pages/_ui/facts/memorised.py": {"asked.trained_in", "', '.join(changes)"},
    "pages/_ui/facts/rail.py": {"asked.measured_in", "asked.seen", "shape['layers']", "shape['width']"},
    "pages/_ui/influence/charts.py": {"', '.join(seconds)"},
    "pages/_ui/question/where.py": {"', '.join(map(markdown.plain, columns))"},
    "pages/_ui/space/room.py": {"about.then"},
    "pages/_ui/space/selections.py": {"size", "many", "_STATES[one.state]", "_verb(len(one.builders))"},
    "pages/_ui/space/unfinished.py": {"how"},
    "pages/find.py": {"said"},
    "pages/export.py": {"what"},
    "pages/_ui/data/aside.py": {"CALLED[kind]", "by", "near"},
    "pages/_ui/data/features.py": {"_shape(one)", "_choice(kept, one)", "cls.paper"},
    "pages/_ui/data/first_map.py": {"time"},
    "pages/_ui/data/recent.py": {"_words(one)"},
    "pages/_ui/data/health.py": {"remover.title"},
    "pages/_ui/data/leaks.py": {"left", "looked", "marked.get(kind, '')", "right"},
    "pages/_ui/opening/subfolders.py": {"said"},
    "pages/_ui/evidence/results.py": {"said['pool']['name']", "suffix"},
    "pages/_ui/export/lines.py": {"_PICKS"},
    "pages/_ui/image_text/examples.py": {"mine", "theirs", "others[id]", "2 * _MANY"},
    "pages/_ui/image_text/rail.py": {"fate", "said", "told"},
    "pages/_ui/image_text/scorers.py": {"methods.terms(one)", "one.summary()", "one.title"},
    "pages/_ui/kit/watch.py": {"_bold(job)", "how"},
    "pages/_ui/media/detail.py": {"name", "value"},
    "pages/_ui/question/answers.py": {"one", "choice.method.title"},
    "pages/_ui/question/chips.py": {
        *("basis", "below", "known", "lacks", "methods.sentence(one)", "methods.terms(one)", "one.summary()"),
        *("one.title", "why"),
    },
    "pages/_ui/labels/bring.py": {"kinds"},
    "pages/_ui/labels/sentence.py": {"text"},
    "pages/review.py": {"still", "said[:1].upper()", "said[1:]"},
    "pages/_ui/plan/pilot.py": {"pool.name"},
    "pages/_ui/plan/rates.py": {"name"},
    "pages/_ui/rounds/drawer.py": {"at"},
    "pages/_ui/rounds/rail.py": {"at", "f' ({named})' if named else ''", "met", "named", "one.at", "share", "words"},
    "pages/_ui/select/sentence.py": {"counts.words", "f': {said}' if said else ' chosen'", "one", "said"},
    "pages/_ui/select/worth.py": {"of"},
    "pages/_ui/targets/crowds.py": {"len(crowds)", "said"},
    "pages/_ui/targets/sentence.py": {"who"},
    "pages/_ui/targets/setting.py": {"said", "Tsds.paper", "Tsds.summary()"},
    "pages/_ui/targets/walls.py": {"unlike_words(len(far), len(found.targets), found.beyond)"},
    "pages/_ui/trajectories/proxy.py": {"cls.cost"},
    "pages/_ui/patterns/region.py": {"said"},
    "pages/influence.py": {"asking.takes(asked)"},
    "pages/rounds.py": {"found.at", "one.at"},
    "pages/patterns.py": {"what", "many", "said", "turns"},
    "pages/trajectories.py": {"cls.paper", "left_out"},
}
"""What was looked at: it holds words of this program only, or was made plain where it was made."""


def put_in(node: ast.AST) -> Iterator[ast.FormattedValue]:
    """What is put into texts, but for what is made plain."""
    if isinstance(node, ast.Call) and getattr(getattr(node.func, "value", None), "id", "") == "markdown":
        return
    if isinstance(node, ast.FormattedValue) and not ast.unparse(node.value).startswith("markdown."):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from put_in(child)


def unproven(source: str) -> set[str]:
    """What stands in texts that are drawn as Markdown and is neither a number with its form, nor made plain, nor one of
    two words.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        name = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
        if name not in DRAWN and name not in LABELLED:
            continue
        if getattr(node.func.value, "id", "") in ("markdown", "html"):
            continue
        texts = node.args if name in DRAWN else node.args[LABELLED[name] :][:1]
        drawn = [*texts, *(one.value for one in node.keywords if one.arg in ("text", "help", "label", "captions"))]
        for part in (part for one in drawn for part in put_in(one)):
            said = ast.unparse(part.value)
            words = isinstance(part.value, ast.IfExp) and all(
                isinstance(one, ast.Constant) for one in (part.value.body, part.value.orelse)
            )
            if part.format_spec is None and not words and not re.match(r"look\.\w+\(", said):
                found.add(said)
    return found


def test_words_that_stand_in_markdown_are_plain():
    """Wrap what may come from a file or a person in `markdown.plain` or `markdown.code`; what cannot, name in OURS."""
    for path in sorted((ROOT / "pages").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        found, known = unproven(path.read_text(encoding="utf-8")), OURS.get(name, set())
        assert found - known == set(), f"{name} draws {sorted(found - known)} as Markdown: see this test"
        assert known - found == set(), f"{name} no longer draws {sorted(known - found)}: take it off OURS"


def test_the_rule_sees_what_it_should():
    assert unproven('st.caption(f"{name}: {n:,}")') == {"name"}
    assert unproven('left.markdown("a " + f"**{pool.name}**")') == {"pool.name"}
    assert unproven('st.button("x", help=f"{path}")') == {"path"}
    assert unproven("st.caption(f\"{markdown.plain(name)} {look.samples(p)} {n:.3f} {'a' if n else 'b'}\")") == set()
    assert unproven('st.selectbox(f"By {column}", [f"{name}"])') == {"column"}
    assert unproven('keys.bound(st.radio, f"{pool.name}", f"kept.{name}", help=f"{path}")') == {"pool.name", "path"}
    assert unproven('st.html(f"{name}")') == set()
