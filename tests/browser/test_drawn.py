"""What a run drew and the browser never got is drawn again: the page does not stay as it was."""

import re

import pytest

from datasel_core.runs import engine
from datasel_core.runs.spec import Spec
from tests.browser import test_explore
from tests.browser.conftest import settled

pool = test_explore.pool


class Loss:
    """Between server and browser: the first run that draws these words never arrives, as where Streamlit gives it up
    for a fragment that begins in the moment in which it ends. whole: nor its beginning.
    """

    def __init__(self, page, whole):
        self.words, self.lost, self.whole = None, 0, whole
        page.route_web_socket(re.compile("/_stcore/stream"), self._between)

    def _between(self, line):
        read = pytest.importorskip("streamlit.proto.ForwardMsg_pb2").ForwardMsg.FromString
        server, held = line.connect_to_server(), []

        def pass_on(message):
            held.append(message)
            if self.words is not None and read(message).WhichOneof("type") != "script_finished":
                return
            at = next((at for at, one in enumerate(held) if self.words is not None and self.words in one), None)
            if at is not None:
                self.words, self.lost = None, self.lost + 1
                del held[0 if self.whole else at + 1 :]
            for one in held:
                line.send(one)
            held.clear()

        server.on_message(pass_on)


@pytest.mark.parametrize("whole", [True, False], ids=["all of it", "its end"])
def test_a_page(visit, pool, whole):
    found = []
    page = visit("/find?pool=shots&q=jpg", begin=lambda page: found.append(Loss(page, whole)))
    page.get_by_text("1 of 60", exact=True).wait_for()
    settled(page)
    (loss,) = found
    loss.words = b"**2 of 60**"
    page.get_by_role("button", name="Next").click()
    page.get_by_text("2 of 60", exact=True).wait_for()
    page.get_by_role("button", name="Back", disabled=False).click()  # it comes after the words
    page.get_by_text("1 of 60", exact=True).wait_for()
    assert loss.lost == 1


def test_a_fragment(visit, workspace, pool):
    engine.select(workspace, Spec(pool="shots", method="k_center", budget="40"), preview=True)
    found = []
    page = visit("/select?pool=shots&method=k_center&budget=10", begin=lambda page: found.append(Loss(page, True)))
    page.locator(".st-key-said", has_text="10 of 60 photos").wait_for()
    settled(page)
    (loss,) = found
    loss.words = b'"#11"'
    page.get_by_text("Next best", exact=True).click()
    page.get_by_role("button", name=re.compile("^#11: ")).wait_for()
    assert loss.lost == 1


def test_a_page_that_a_button_leads_to(visit, pool):
    found = []
    page = visit("/plan?pool=shots", begin=lambda page: found.append(Loss(page, True)))
    settled(page)
    (loss,) = found
    loss.words = b"<h1>Select</h1>"
    page.get_by_role("button", name="Choose them").click()
    page.get_by_role("heading", name="Select", exact=True).wait_for()
    settled(page)
    assert loss.lost == 1
    assert page.get_by_role("heading", name="Select", exact=True).is_visible()


def test_a_link_that_is_clicked_while_the_server_is_busy(visit, server, pool):
    """What ticks on the page that is left asks for that page; of two links the last counts, which waits for the other's
    run.
    """
    page = visit("/plan?pool=shots")
    for first, last in (("Find", "Select"), ("Plan", "Find")):
        settled(page)
        with server.held():
            page.get_by_role("link", name=first, exact=True).click()
            page.get_by_role("link", name=last, exact=True).click()
            page.wait_for_timeout(5000)  # longer than it is to the next tick
        page.get_by_role("heading", name=last, exact=True).wait_for()
