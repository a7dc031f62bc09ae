"""Whether what a run drew has reached the browser; where it has not, the page is drawn again.

Streamlit may lose the end of a run, or all of it, where a fragment begins in the moment in which that run ends: what
the run still had to say is given up for what the fragment says, and the page stays as it was until somebody does
something. (Streamlit 1.67, `AppSession._handle_scriptrunner_event_on_event_loop`: the events of a script runner that is
no longer the current one are ignored.) A page with fragments that run by themselves meets that moment sooner or later,
most of all where every core is busy.

So each run leaves a numbered mark where it ends, and at every tick the browser says which marks it has seen. It also
says which number was the last one when what ticks was drawn: messages come in their order, so a mark up to there that
it has not seen is lost, however slow everything is.

A fragment also runs for a page that was left: until the browser hears of the next page, all it asks for is asked in the
name of the old one, and of several runs that wait Streamlit keeps one, of the page that was named last. So nothing
ticks or asks from the click on a link until a page is drawn (`datasel_leaving` in the browser), and `again` goes to the
page that is the current one here.
"""

import urllib.parse
from dataclasses import dataclass, field

import streamlit as st

from pages._ui.kit import keys

_MARK = st.components.v2.component(
    "datasel_drawn",
    html="<i></i>",
    js="""export default function ({ data }) {
      (window.datasel_drawn ??= {})[data.name] = data.number;
    }""",
)
_TICK = st.components.v2.component(
    "datasel_tick",
    html="<i></i>",
    js="""export default function ({ data, parentElement, setTriggerValue }) {
      const root = parentElement.querySelector('i');
      clearInterval(root.at); // of an earlier drawing
      if (!window.datasel_leaving) {
        let left = 0;
        window.datasel_leaving = (drawn) => {
          if (drawn) left = 0;
          return Date.now() - left < 1000 * data.patience;
        };
        const leads = (link) => link && !link.target && !link.download && link.origin === location.origin &&
          link.pathname !== location.pathname;
        const listen = (event) => {
          const page = event.type === 'popstate' ? !location.hash :
            !event.ctrlKey && !event.metaKey && !event.shiftKey && leads(event.target.closest?.('a[href]'));
          if (page) left = Date.now();
        };
        document.addEventListener('click', listen, true);
        window.addEventListener('popstate', listen);
      }
      window.datasel_leaving(root.run !== data.run); // a page that was drawn: nobody leaves any more
      root.run = data.run;
      const say = () => {
        if (window.datasel_leaving()) return;
        setTriggerValue('tick', { marks: window.datasel_drawn ?? {}, upto: data.upto });
      };
      root.at = setInterval(say, 1000 * data.every);
      return () => clearInterval(root.at);
    }""",
)
_KEY = "tick"
_SOON = 1.0
"""Seconds to the next tick while a mark is not known to be seen."""
_PATIENCE = 60
"""Seconds for which nothing ticks after a click on a link that leads nowhere."""


@dataclass
class _Marks:
    """last: number of the last one. there: name -> number, since the page began. again: those for which the page was
    drawn again, until all are seen. page: the current one's file; url: how its address ends. run: how many runs of
    whole pages there were.
    """

    page: str = ""
    url: str = ""
    run: int = 0
    last: int = 0
    there: dict[str, int] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)


def begin(page: str, url: str) -> None:
    """A run of the whole page begins: what an earlier one drew is of no account any more. page: its file; url: how its
    address ends.
    """
    marks = _marks()
    marks.there, marks.page, marks.url, marks.run = {}, page, url, marks.run + 1


def again() -> None:
    """The whole page anew, for what a fragment found out. One that runs for a page that was left does not lead back."""
    st.empty()  # a run that waits already comes first
    marks, base = _marks(), (st.get_option("server.baseUrlPath") or "").strip("/")
    here = urllib.parse.urlsplit(st.context.url or "").path.strip("/").removeprefix(base).strip("/")
    if marks.page and here != marks.url:
        st.switch_page(marks.page)
    st.rerun(scope="app")


def page() -> str:
    """The file of the current page."""
    return _marks().page


def mark(name: str) -> None:
    """A part of the page, or all of it, is drawn to its end. name: of what draws it, no other on the page's."""
    marks = _marks()
    marks.last += 1
    marks.there[name] = marks.last
    _MARK(key=f"drawn-{name}", data={"name": name, "number": marks.last})


def tick(every: float) -> None:
    """Called in a fragment: it runs again every so many seconds. Where something that was drawn is lost, so does the
    whole page.
    """
    marks, said = _marks(), st.session_state.get(_KEY, {}).get("tick")
    if said is not None:
        late = {name: number for name, number in marks.there.items() if said["marks"].get(name) != number}
        lost = {name for name, number in late.items() if number <= said["upto"]}
        new, marks.again = lost - marks.again, lost
        if new:  # what is lost once more is not shown at all, as in a drawer that is closed
            again()
        every = min(every, _SOON) if late else every
    told = {"every": every, "upto": marks.last, "run": marks.run, "patience": _PATIENCE}
    _TICK(key=_KEY, data=told, on_tick_change=lambda: None)


def _marks() -> _Marks:
    if (marks := keys.get("drawn")) is None:
        keys.put("drawn", marks := _Marks())
    return marks
