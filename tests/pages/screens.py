"""The app in a test, without a browser: fixtures, which a test module takes as its own (`screen = screens.screen`), and
what one asks of a page.
"""

import functools
import time

import numpy as np
import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from datasel_core.actions.add_pool import add_pool
from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.conftest import ROOT, clustered


class Navigated(PagesManager):
    """AppTest takes the folder pages/ for Streamlit's old way of naming pages, and would run a page without its frame;
    the server does not.
    """

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        PagesManager.uses_pages_directory = False


_COMPONENTS = functools.cache(manifest_scanner.scan_component_manifests)
"""What is installed is the same for every test, and looking through it takes longer than most pages."""


def as_served(monkeypatch):
    """From now on the app runs in a test as on a server: without it, a page that is switched to has no frame."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", _COMPONENTS)
    monkeypatch.setattr("streamlit.testing.v1.app_test.PagesManager", Navigated)


@pytest.fixture
def screen(workspace, monkeypatch):
    """Starts the app as a new browser tab would, on this address."""
    as_served(monkeypatch)

    def start(**query):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=900)
        for name, value in query.items():
            app.query_params[name] = value
        return sound(app.run())

    return start


@pytest.fixture
def photo_pool(workspace, photos):
    """Twelve photos in three groups, one of them twice, and two files that cannot be read."""
    (photos / "a" / "copy.jpg").write_bytes((photos / "b" / "01.jpg").read_bytes())
    (photos / "b" / "cut.jpg").write_bytes((photos / "b" / "01.jpg").read_bytes()[:300])
    (photos / "b" / "<b>text.jpg").write_text("no picture")
    return add_pool(workspace, "clothes", str(photos), "images")


@pytest.fixture
def vector_pool(workspace, tmp_path, rng):
    np.savez(tmp_path / "v.npz", ids=[f"s{at:03d}" for at in range(120)], embedding=clustered(rng, 120, 8, 6))
    return add_pool(workspace, "vec", str(tmp_path / "v.npz"), "vectors")


def sound(app):
    assert not app.exception, app.exception[0].value
    return app


def said(app) -> str:
    """All text on the screen."""
    kinds = ("html", "markdown", "caption", "success", "info", "warning", "error", "code")
    return "\n".join(
        str(element.proto.body if kind == "html" else element.value) for kind in kinds for element in app.get(kind)
    )


def wait(app, until, seconds=300):
    """Runs the page again until it shows something, as its fragments do; what is told once may be there already."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if until(sound(app)):
            return app
        time.sleep(0.2)
        app.run()
    raise AssertionError(said(app))


def keep(app, button="keep", name=None, note=None):
    """Presses Keep, once there is something to keep, and says in the dialog what the selection is to be called."""
    wait(app, lambda app: not app.button(key=button).disabled)
    sound(app.button(key=button).click().run())
    if name is not None:
        app.text_input(key="keep-as.name").set_value(name)
    if note is not None:
        app.text_area(key="keep-as.note").set_value(note)
    return sound(app.button(key="keep-as.send").click().run())


def view(app, name):
    return sound(app.segmented_control(key="widget.data.view").set_value(name).run())


def to_export(app):
    return sound(app.switch_page("pages/export.py").run())


def chosen(workspace, pool, method="k_center", budget="30", **params):
    return engine.select(workspace, Spec(pool=pool.name, method=method, budget=budget, params=params, seed=3))
