"""A screen that reports on one round: all its parts at once, or one by one where there is no room.

The figures are made by the desk, in its thread, and kept for the next time. What
this leaves out: which figures, and how each part draws them.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from sitool import events
from sitool.client import Study
from sitool.events import Event
from sitool.front.findings.kept import Findings, shown_round
from sitool.front.standing import Standing
from sitool.plots import Plot
from sitool.store import round_label
from sitool.tui.charts import Charts
from sitool.tui.desk import Desk
from sitool.tui.footer import KeyFooter
from sitool.tui.help import show_help
from sitool.tui.tabs import PanelTabs
from sitool.vega import save_svg

WORKING_IT_OUT = "Working it out …"


class ReportCharts(Charts):
    """The charts of a report, the first of them to begin with; whoever inherits has the kinds."""

    BORDER_TITLE = "Charts"
    DEFAULT_CSS = "ReportCharts { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="charts", classes="part")
        self._plot_of: Callable[[str], Plot] = self._unknown
        self.set_reactive(Charts.kind, next(iter(self.kinds)))

    def _unknown(self, kind: str) -> Plot:
        return Plot(kind, self.kinds[kind], empty=WORKING_IT_OUT)

    @property
    def plot(self) -> Plot:
        """The chart as it is now."""
        return self._plot_of(self.kind)

    def show(self, plot_of: Callable[[str], Plot]) -> None:
        """Draw a report's charts, each made when it is looked at."""
        self._plot_of = plot_of
        self.draw()


class ReportScreen(Screen[None]):
    """Reports on one round in parts; a base for such screens.

    Args:
        folder: The study.
        standing: Where the person stands; its shown round is reported on.
        desk: Works out the report.
        findings: What is known already.

    Attributes:
        parts: Names of the parts, and the selector of what has the keys in each.
        scoring: How far verifiers are that score the round now; "" if none do.
    """

    parts: ClassVar[Mapping[str, str]] = {}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back", key_display="esc"),
        Binding("tab", "next_part(1)", "Next part", show=False),
        Binding("shift+tab", "next_part(-1)", "Previous part", show=False),
        Binding("p", "stop", "Stop", show=False),
        Binding("e", "export", "SVG"),
        Binding("question_mark", "help", "Help", key_display="?"),
        *(Binding(str(i), f"chart({i})", f"Chart {i}", show=False) for i in range(1, 6)),
    ]
    DEFAULT_CSS = """
    ReportScreen { layout: vertical; }
    ReportScreen #heading { height: 1; background: $panel; padding: 0 1; }
    ReportScreen #sentence { height: auto; max-height: 4; padding: 0 1; }
    ReportScreen .part {
        border: round $panel-lighten-2; border-title-color: $foreground; padding: 0 1;
    }
    ReportScreen .part:focus-within { border: round $accent; }
    ReportScreen DataTable { background: transparent; }
    ReportScreen PanelTabs { display: none; }
    ReportScreen.-narrow PanelTabs, ReportScreen.-low PanelTabs { display: block; }
    ReportScreen.-narrow .part, ReportScreen.-low .part,
    ReportScreen.-narrow .holder, ReportScreen.-low .holder { display: none; }
    ReportScreen.-narrow .-shown, ReportScreen.-low .-shown {
        display: block; height: 1fr; width: 1fr;
    }
    ReportScreen.-narrow #side, ReportScreen.-low #side { width: 1fr; }
    """

    def __init__(self, folder: Path, standing: Standing, desk: Desk, findings: Findings) -> None:
        super().__init__()
        self._folder, self._standing = folder, standing
        self._desk, self._findings = desk, findings
        look = standing.look
        self._number = None if look is None else shown_round(look.summary, standing.shown)
        self._wanted: Hashable = None
        self._settled = False
        self.scoring = ""

    @property
    def settling(self) -> bool:
        """Whether the first report is still to come."""
        return not self._settled

    def compose(self) -> ComposeResult:
        """Lay out the heading, the tabs, the sentence and the parts."""
        yield Static(id="heading", markup=False)
        yield PanelTabs(list(self.parts))
        yield Static(WORKING_IT_OUT, id="sentence", markup=False)
        yield from self.compose_parts()
        yield KeyFooter(show_command_palette=False, compact=True)

    def compose_parts(self) -> Iterable[Widget]:
        """Make the parts: widgets of class `part`, in containers of class `holder`."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Ask for the report."""
        self.show_part(next(iter(self.parts)))
        self.ask()

    def ask(self) -> None:
        """Ask for the report that is wanted now, unless it is known."""
        raise NotImplementedError

    def want(self, question: Hashable, work: Callable[[Study], Any]) -> None:
        """Have a question answered by the desk, and `take` the answer; at once if it is known."""
        self._wanted = question
        known = self._findings.get(question)
        if known is not None:
            self._answer(question, known)
            return
        self._desk.ask(work, lambda answer: self._keep(question, answer))

    def _keep(self, question: Hashable, answer: Any) -> None:
        self._findings.keep(question, answer)
        if self in self.app.screen_stack:
            self._answer(question, answer)

    def _answer(self, question: Hashable, answer: Any) -> None:
        if question == self._wanted:
            self.settle(answer)

    def settle(self, answer: Any) -> None:
        """Draw an answer; the screen is ready for keys from the first one on."""
        self._settled = True
        self.take(answer)

    def take(self, answer: Any) -> None:
        """Draw an answer."""
        raise NotImplementedError

    def say(self, heading: Text, sentence: Text) -> None:
        """Write the two lines above the parts."""
        self.query_one("#heading", Static).update(heading)
        self.query_one("#sentence", Static).update(sentence)

    def tell(self) -> None:
        """Write the heading and the sentence as they are now."""
        raise NotImplementedError

    # Scores that are still missing.

    def may_score(self) -> bool:
        """Whether verifiers can be asked now; says so if not."""
        if self._number is None:
            self.app.notify("There is no finished round to score yet.")
        elif self._standing.working:
            self.app.notify("The engine is at work: p stops it; ask a judge after it.")
        return self._number is not None and not self._standing.working

    def have_scored(self, verifier: str | None) -> None:
        """Let the engine score the round's held-out samples; None changes nothing."""
        if verifier is not None and self._number is not None:
            body = {"round": self._number, "verifiers": [verifier], "training": False}
            self.scoring = f"Asking {verifier} …"
            self.tell()
            self._desk.ask(lambda study: study.ask("measure", body))

    def action_stop(self) -> None:
        """Stop what the engine does."""
        if self._standing.working:
            self._desk.ask(Study.stop)
        else:
            self.app.notify("Nothing is running; m asks for scores.")

    def follow(self, happened: Sequence[Event], *, changed: bool) -> None:
        """Follow verifiers at work, and show what came of it when they are done.

        Args:
            changed: Whether scores may be others than before.
        """
        for event in happened:
            # Those of a round that runs are no business of a finished one.
            if isinstance(event, events.SamplesScored) and event.round == self._number:
                self.scoring = (
                    f"Scoring {round_label(event.round)}: {event.done:,} of {event.total:,} by"
                    f" {event.verifier}; p stops and keeps what is done."
                )
        if changed:
            self.scoring = ""
        self.tell()
        if changed:
            self.ask()

    # Parts.

    def show_part(self, name: str) -> None:
        """Let one part have the room, where there is room for one alone."""
        for part in self.query(".part"):
            part.set_class(part.id == name, "-shown")
        for holder in self.query(".holder"):
            holder.set_class(bool(holder.query(".part.-shown")), "-shown")
        self.query_one(PanelTabs).choose(name)

    def action_part(self, name: str) -> None:
        """Go to one of the parts."""
        self.show_part(name)
        self.query_one(self.parts[name]).focus()

    def action_next_part(self, places: int) -> None:
        """Go to the next part."""
        tabs = self.query_one(PanelTabs)
        self.action_part(tabs.next_name(places))

    def on_panel_tabs_chosen(self, message: PanelTabs.Chosen) -> None:
        """Show the part whose name was clicked."""
        self.action_part(message.name)

    def action_chart(self, number: int) -> None:
        """Show one of the charts."""
        self.action_part("charts")
        self.query_one(Charts).action_show_chart(number)

    def action_help(self) -> None:
        """Explain this screen."""
        show_help(self)

    def action_export(self) -> None:
        """Write the shown chart as SVG into the study's folder."""
        charts, label = self.query_one(Charts), round_label(self._number or 0)
        plot, name = charts.plot, f"{charts.kind}-{label}{self.aspect}"
        self._desk.ask(lambda study: save_svg(plot, study.folder / "charts", name), self._tell_file)

    @property
    def aspect(self) -> str:
        """What of the round is shown, for the name of a file."""
        return ""

    def _tell_file(self, file: Path) -> None:
        self.app.notify(f"The chart is in {file}.")
