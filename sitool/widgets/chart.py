"""One chart on a page that follows its rows: Vega draws it once, then only rows change.

A chart that is embedded anew flickers and costs the kernel and the browser a hundred
times as much. The chart libraries reach a page once, in a hidden model that all charts
share, whichever cell they are in. What this leaves out: which chart (`charts.py`).
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from sitool.errors import SitoolError
from sitool.report.bundle import library
from sitool.vega import DATA, THEMES, Row, Spec


class Library(ipywidgets.Widget):
    """The chart libraries, on their way to a page; all charts of a kernel share one.

    A synced trait and no message: a page that is loaded again finds it.

    Attributes:
        source: The script; "" until it is packed.
        themes: Colours of light and dark pages.
        mistake: Why there is none, in one sentence.
    """

    source = traitlets.Unicode("").tag(sync=True)
    themes = traitlets.Dict(dict(THEMES)).tag(sync=True)
    mistake = traitlets.Unicode("").tag(sync=True)

    def fetch(self) -> None:
        """Read the script, or wait until it is packed."""
        try:
            with library() as packed:
                self.source = packed()
        except SitoolError as error:
            self.mistake = str(error)


_shared: list[Library] = []


def shared_library() -> Library:
    """Return the library of this kernel; the first call begins to fetch it, and waits not."""
    if not _shared or _shared[0].comm is None:
        _shared[:] = [Library()]
        threading.Thread(target=_shared[0].fetch, name="vega", daemon=True).start()
    return _shared[0]


class LiveChart(anywidget.AnyWidget):
    """A chart whose rows can change.

    Args:
        spec: A Vega-Lite spec as `sitool.vega` makes them; it is embedded once.
        rows: Of its one data set; without them those that the spec brings.

    Attributes:
        title, note: Stand above the chart, as text.
        empty: What to say where there is nothing to draw.
        picks: What stands out: by name of a selection its value, None for nothing; selections
            that are not named are left to the page.
    """

    _esm = Path(__file__).with_name("chart.js")
    _css = Path(__file__).with_name("chart.css")

    library = traitlets.Instance(ipywidgets.Widget).tag(
        sync=True, **ipywidgets.widget_serialization
    )
    spec = traitlets.Dict().tag(sync=True)
    rows: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    note = traitlets.Unicode("").tag(sync=True)
    empty = traitlets.Unicode("").tag(sync=True)
    picks: "traitlets.Dict[str, Any]" = traitlets.Dict().tag(sync=True)

    def __init__(self, spec: Spec | None = None, rows: Sequence[Row] = (), **rest: Any) -> None:
        super().__init__(library=shared_library(), **rest)
        self._clicked: list[Callable[[Row], None]] = []
        self.on_msg(self._hear)
        if spec is not None:
            self.show(spec, rows)

    def show(self, spec: Spec, rows: Sequence[Row] = ()) -> None:
        """Draw a spec; if it is the one that is drawn, only its rows change.

        Args:
            rows: Of the data set; without them those that the spec brings.
        """
        with self.hold_sync():
            self.spec = _rowless(spec)
            self.empty = ""
            self.replace(rows or spec["data"].get("values", ()))

    def say(self, title: str, empty: str) -> None:
        """Say why there is no chart."""
        with self.hold_sync():
            self.title, self.note, self.empty = title, "", empty

    def replace(self, rows: Sequence[Row]) -> None:
        """Draw other rows; those that only go on where the last ones ended are appended."""
        drawn, new = self.rows, [dict(row) for row in rows]
        if drawn and len(new) > len(drawn) and new[: len(drawn)] == drawn:
            self.append(new[len(drawn) :])
        else:
            self.rows = new

    def append(self, rows: Sequence[Row]) -> None:
        """Add rows, and send no others.

        The list itself grows, so that a page that is loaded again finds all of it; a page
        that missed some asks for them.
        """
        first = len(self.rows)
        self.rows.extend(dict(row) for row in rows)
        self._send_from(first)

    def on_click(self, call: Callable[[Row], None]) -> None:
        """Call with what was clicked: the row of a mark, `{"axis": ...}` or `{"legend": ...}`.

        Where there was nothing, an empty row.
        """
        self._clicked.append(call)

    def _send_from(self, first: int) -> None:
        self.send({"first": first, "rows": self.rows[first:]})

    def _hear(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        match content:
            case {"need": int(first)}:
                self._send_from(max(0, first))
            case {"clicked": dict(row)}:
                for call in self._clicked:
                    call(row)


def _rowless(spec: Spec) -> Spec:
    """Take a spec's rows and title off, and let it be as wide as its place."""
    kept = {
        key: deepcopy(value)
        for key, value in spec.items()
        if key not in ("$schema", "title", "background")
    }
    return kept | {
        "data": {"name": DATA},
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
    }
